"""
What a run of tests leaves behind when it is killed, and how the next one removes it.

Every process that runs tests has a folder `lading-test-…` for its temporary files and holds a lock in it for as long as
it lives; the kernel lets go of the lock however it ends.  What it starts inherits the folder's name in the environment.
So a folder whose lock is free is a dead run's: whoever still works for it is killed, and it is removed with the
directory that pytest gave its tests.  A run that lives is never touched: its lock is held.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

MARK: Final = "TESTS_OF_LADING"
_PREFIX: Final = "lading-test-"
_LOCK: Final = "lock"
_BASE: Final = "base"
_SOCKETS: Final = Path("/tmp")
_SHARED: Final = Path("/dev/shm")
_LONG_AGO_SECONDS: Final = 3600.0
_ROUNDS: Final = 20


@dataclass(frozen=True)
class Run:
    """A process that runs tests; `folder` is its own until `end`."""

    folder: Path
    lock: int

    def keep_base(self, base: Path) -> None:
        """Note the directory of pytest that goes when this run is killed."""
        (self.folder / _BASE).write_text(str(base), "utf-8")

    def end(self) -> list[str]:
        """Kill what tests left running, remove the folder, and return the commands of those killed."""
        left = _kill_workers_of(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self.lock)
        return left


def begin(root: Path) -> Run:
    """Make a folder below `root` and hold its lock."""
    with _only_one(root):
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
    return Run(folder, lock)


def sweep(root: Path) -> list[Path]:
    """Remove what killed runs left below `root`, and return their folders."""
    with _only_one(root):
        swept = [folder for folder in root.glob(f"{_PREFIX}*") if folder.is_dir() and _is_ours(folder)]
        swept = [folder for folder in swept if _is_free(folder)]
        for folder in swept:
            _kill_workers_of(folder)
            if base := _base_of(folder, root):
                shutil.rmtree(base, ignore_errors=True)
            shutil.rmtree(folder, ignore_errors=True)
    _forget_sockets()
    _forget_clocks()
    return swept


def _base_of(folder: Path, root: Path) -> Path | None:
    with contextlib.suppress(OSError, ValueError):
        base = Path((folder / _BASE).read_text("utf-8"))
        if base.relative_to(root).parts[0].startswith("pytest-of-") and ".." not in base.parts and _is_ours(base):
            return base
    return None


@contextlib.contextmanager
def _only_one(root: Path) -> Iterator[None]:
    # Else a sweep could find the folder of a run that begins between its making and its locking.
    gate = os.open(root / f"lading-tests-{os.geteuid()}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(gate, fcntl.LOCK_EX)
        yield
    finally:
        os.close(gate)


def _is_free(folder: Path) -> bool:
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR)
    except OSError:  # made by tests from before there was a lock
        return _age(folder) > _LONG_AGO_SECONDS and not _workers_of(folder)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(lock)
    return True


def _kill_workers_of(folder: Path) -> list[str]:
    killed: dict[int, str] = {}
    for _ in range(_ROUNDS):  # whoever is killed may just have started another
        found = _workers_of(folder)
        if not found:
            break
        for process in found:
            with contextlib.suppress(psutil.Error):
                killed[process.pid] = " ".join(process.cmdline())[:200]
                process.send_signal(signal.SIGKILL)  # psutil compares the start time first: no other has its id
        psutil.wait_procs(found, timeout=5)
    return list(killed.values())


def _workers_of(folder: Path) -> list[psutil.Process]:
    mine = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return [process for process in psutil.process_iter() if process.pid not in mine and _works_for(process, folder)]


def _works_for(process: psutil.Process, folder: Path) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        # PostgreSQL writes over its environment, and works in its cluster.
        return process.environ().get(MARK) == str(folder) or folder in Path(process.cwd()).parents
    except (psutil.Error, OSError):
        return False


def _is_ours(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return path.lstat().st_uid == os.geteuid()
    return False


def _age(path: Path) -> float:
    with contextlib.suppress(OSError):
        return time.time() - path.lstat().st_mtime
    return 0.0


def _forget_sockets() -> None:
    """Remove the directories in which no server has a socket: each data directory of a test had one."""
    for folder in _SOCKETS.glob(f"lading-{os.geteuid()}-*"):
        if _age(folder) > _LONG_AGO_SECONDS:
            with contextlib.suppress(OSError):
                folder.rmdir()


def _forget_clocks() -> None:
    """Remove what libfaketime keeps for processes that were killed."""
    for name in ("faketime_shm_", "sem.faketime_sem_"):
        for file in _SHARED.glob(f"{name}*"):
            owner = file.name.removeprefix(name)
            is_old = _is_ours(file) and _age(file) > _LONG_AGO_SECONDS
            if owner.isdigit() and is_old and not psutil.pid_exists(int(owner)):
                file.unlink(missing_ok=True)
