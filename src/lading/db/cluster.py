"""
The files around an embedded cluster: its version, password, socket, and what a killed server left behind.

Called by the holder of the data directory only.  A cluster that some process still uses is never touched: two servers
on one cluster would destroy it, so every process of a dead owner has to be gone before the next server starts.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import signal
import time
from pathlib import Path
from typing import Final

from lading.errors import DataDirectoryUnusable

MAJOR: Final = 18
_SOCKET_PATH_LIMIT: Final = 100  # sockaddr_un holds 107 bytes on Linux, 103 on macOS; ".s.PGSQL.5432" is counted in
_SOCKET_NAME: Final = ".s.PGSQL.5432"
_PATIENCE_SECONDS: Final = 60.0


def check_version(cluster: Path) -> None:
    """Refuse a cluster of another major version before a server touches it."""
    version = (cluster / "PG_VERSION").read_text("ascii").strip()
    if version != str(MAJOR):
        raise DataDirectoryUnusable(
            f"{cluster} was made by PostgreSQL {version}, this Lading brings {MAJOR}; "
            "start the Lading that made it and move the data with pg_dump, or choose another LADING_DATA_DIR."
        )


def socket_candidates(directory: Path) -> list[Path]:
    """Return where the socket may lie, best first: derived from the data directory alone, so that all users find it."""
    name = f"lading-{os.geteuid()}-{hashlib.sha256(str(directory.resolve()).encode()).hexdigest()[:16]}"
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    bases = [Path("/tmp") / name]  # noqa: S108 - made 0700 and checked for its owner
    if runtime:
        bases.append(Path(runtime) / name)
    bases.append(directory.resolve() / "socket")
    return [base for base in bases if len(os.fsencode(base / _SOCKET_NAME)) <= _SOCKET_PATH_LIMIT] or bases[:1]


def private_socket_directory(directory: Path) -> Path:
    """Make and return the first candidate that is ours alone."""
    faults: list[str] = []
    for candidate in socket_candidates(directory):
        try:
            candidate.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = candidate.lstat()
        except OSError as error:
            faults.append(f"{candidate}: {error.strerror}")
            continue
        if status.st_uid == os.geteuid() and not status.st_mode & 0o077 and not candidate.is_symlink():
            return candidate
        faults.append(f"{candidate} is not a private directory of this user")
    raise DataDirectoryUnusable(f"There is no place for the database's socket ({'; '.join(faults)}); mend one of them.")


def recorded_socket(cluster: Path) -> Path | None:
    """Return the socket directory that a running server wrote down."""
    try:
        lines = (cluster / "postmaster.pid").read_text("utf-8").splitlines()
    except OSError:
        return None
    return Path(lines[4]) if len(lines) > 4 and lines[4] else None


def write_password(path: Path) -> None:
    """Write a new password, durable before any cluster has it."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(32))
        file.flush()
        os.fsync(file.fileno())
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make the names in the directory durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def clear(cluster: Path, socket_directory: Path) -> None:
    """Wait until nobody uses the cluster, asking a left-over server to stop; then remove what names dead processes."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    asked: set[int] = set()
    while pids := users(cluster):
        if time.monotonic() > deadline:
            raise DataDirectoryUnusable(
                f"A PostgreSQL (process {min(pids)}) still uses {cluster}; stop it and start again."
            )
        if (leader := _postmaster(cluster)) in pids and leader not in asked:
            asked.add(leader)
            with contextlib.suppress(OSError):
                os.kill(leader, signal.SIGINT)
        time.sleep(0.02)
    # PostgreSQL itself judges a dead process's file, and needs it for that; it can't know that a process id was reused.
    leader = _postmaster(cluster)
    if leader is not None and _is_alive(leader):
        (cluster / "postmaster.pid").unlink(missing_ok=True)
    for name in (_SOCKET_NAME, f"{_SOCKET_NAME}.lock"):
        (socket_directory / name).unlink(missing_ok=True)


def users(cluster: Path) -> set[int]:
    """Return the processes that use the cluster: every PostgreSQL process works inside its directory."""
    if not Path("/proc/self/cwd").exists():
        leader = _postmaster(cluster)
        return {leader} if leader and _is_alive(leader) else set()
    processes = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return {pid for pid in processes if _uses(pid, cluster.resolve())}


def _uses(pid: int, cluster: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == cluster and b"postgres" in _command(pid)
    except PermissionError:
        # A container's root may not look into what runs as `nobody`: judge by the command, and count the orphans.
        command = _command(pid)
        is_orphan = command.startswith(b"postgres: ") and b"postgres" not in _command(_parent(pid))
        return _owner(pid) == cluster.stat().st_uid and (is_orphan or os.fsencode(cluster) in command)
    except OSError:
        return False


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def _owner(pid: int) -> int | None:
    try:
        return Path(f"/proc/{pid}").stat().st_uid
    except OSError:
        return None


def complaint(log: str) -> str | None:
    r"""
    Return the line that says why PostgreSQL gave up.

    >>> complaint("LOG:  x\n2026-01-01 UTC [7] FATAL:  no space\n[7] HINT:  buy\nchild exited")
    'no space'
    """
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    for mark in ("PANIC:", "FATAL:", "error:"):
        for line in reversed(lines):
            if mark in line:
                return line.split(mark, 1)[1].strip()
    return lines[-1] if lines else None


def remove_tree(path: Path) -> None:
    """Remove a directory and all below, as far as that is possible."""
    shutil.rmtree(path, ignore_errors=True)


def _postmaster(cluster: Path) -> int | None:
    try:
        return int((cluster / "postmaster.pid").read_text("utf-8").split()[0])
    except (OSError, ValueError, IndexError):
        return None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
