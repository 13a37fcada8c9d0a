"""
Guests of a data directory: who works with a server that somebody else started, and must not lose it half way.

A guest holds a shared kernel lock on the file `guests`; whoever started the server stops it only when alone.
The lock is gone the moment its holder dies, so nobody waits for the dead.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_NAME: Final = "guests"


@contextmanager
def guest(path: Path) -> Iterator[None]:
    """Be a guest below `path`; waits while a server that was left by all is stopping."""
    with _opened(path) as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield


@contextmanager
def alone(path: Path, *, on_wait: Callable[[], None]) -> Iterator[None]:
    """Have no guests below `path`; `on_wait` is told once when some have to be waited for."""
    with _opened(path) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    lock = os.open(path / _NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield lock
    finally:
        os.close(lock)
