"""
The data directory of one process tree: exactly one owner, writable, with room.

The owner holds a kernel lock (`flock`) on the file `lock`; it is gone the moment the owner dies, however it dies.
The file also says who owns the directory and where its server answers, for the sentence that refuses a second one.
Refusing changes nothing in the directory.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, NoReturn, Self, cast

from lading.errors import DataDirectoryUnusable

MINIMUM_FREE_BYTES: Final = 256 << 20
_NAME: Final = "lock"
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_CHOOSE: Final = "choose another place with LADING_DATA_DIR"


@dataclass(frozen=True, slots=True)
class Owner:
    """Who holds a data directory; `url` is where its API answers, once it does."""

    pid: int
    url: str | None


class DataDirectory:
    """A data directory, held from `acquire` to `release`."""

    def __init__(self, path: Path, *, minimum_free_bytes: int = MINIMUM_FREE_BYTES) -> None:
        self.path: Final = path
        self._minimum: Final = minimum_free_bytes
        self._lock: int | None = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def acquire(self) -> None:
        """Make the directory if there is none and hold it; DataDirectoryUnusable says why that can't be."""
        try:
            _check_room(self.path, self._minimum)
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self.path / _NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            _refuse(self.path, error)
        try:
            _hold(self.path, lock)
            _write(lock, Owner(os.getpid(), None))
        except OSError as error:
            os.close(lock)
            _refuse(self.path, error)
        except DataDirectoryUnusable:
            os.close(lock)
            raise
        self._lock = lock

    def announce(self, url: str) -> None:
        """Write down where the API of the owner answers."""
        if self._lock is not None:
            _write(self._lock, Owner(os.getpid(), url))

    def release(self) -> None:
        """Let go of the directory."""
        lock, self._lock = self._lock, None
        if lock is not None:
            os.ftruncate(lock, 0)
            os.close(lock)


def owner(path: Path) -> Owner | None:
    """Return who holds the directory now, None if nobody does."""
    try:
        lock = os.open(path / _NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(lock)
    except OSError:
        return None
    finally:
        os.close(lock)
    return None


def free_bytes(path: Path) -> int | None:
    """Return what an ordinary user may still write below `path`, None where the file system does not say."""
    while not path.exists():
        path = path.parent
    status = os.statvfs(path)
    if status.f_files and not status.f_favail:
        return 0  # no inode left
    return status.f_bavail * status.f_frsize if status.f_blocks else None


def _hold(path: Path, lock: int) -> None:
    deadline = time.monotonic() + 1.0
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held = _read(lock)
            # Nobody alive is named: somebody looks (`owner`), is just starting, or is just dying.
            if not _is_alive(held.pid) and time.monotonic() < deadline:
                time.sleep(0.02)
                continue
            where = f" at {held.url}" if held.url else ""
            raise DataDirectoryUnusable(
                f"{path} is in use by another Lading (process {held.pid or 'unknown'}{where}); "
                f"stop that one, or {_CHOOSE}."
            ) from None
        return


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return pid > 0


def _check_room(path: Path, minimum: int) -> None:
    free = free_bytes(path)
    if free is not None and free < minimum:
        raise DataDirectoryUnusable(
            f"The disk of {path} is full: {free >> 20} MiB are free, Lading needs {minimum >> 20} MiB to start; "
            f"make room, or {_CHOOSE}."
        )


def _refuse(path: Path, error: OSError) -> NoReturn:
    where = error.filename or path
    if error.errno in _FULL:
        reason = f"The disk of {path} is full; make room, or {_CHOOSE}."
    elif error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        reason = f"{where} can't be written ({error.strerror}): it is read-only for this user; "
        reason += f"make it writable, or {_CHOOSE}."
    elif error.errno in (errno.ENOLCK, errno.EOPNOTSUPP):
        reason = f"The file system of {path} has no file locks; {_CHOOSE}."
    else:
        reason = f"{where} can't be used as data directory: {error.strerror}; {_CHOOSE}."
    raise DataDirectoryUnusable(reason) from error


def _write(lock: int, holder: Owner) -> None:
    text = json.dumps({"pid": holder.pid, "url": holder.url}).encode()
    os.pwrite(lock, text, 0)
    os.ftruncate(lock, len(text))
    os.fsync(lock)


def _read(lock: int) -> Owner:
    try:
        value = cast("dict[str, object]", json.loads(os.pread(lock, 4096, 0)))
        pid, url = value.get("pid"), value.get("url")
    except (ValueError, AttributeError):
        return Owner(0, None)
    return Owner(pid if isinstance(pid, int) else 0, url if isinstance(url, str) else None)
