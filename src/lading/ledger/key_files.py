"""
Files that hold a secret of the instance: made once, whole, readable by their owner alone, on disk before they are used.

Many processes may make one at once: the first wins, and all find what it wrote.  What is in a file, and what losing it
means, is for the module that owns it; errors name the file, never what is in it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from lading.errors import EnvironmentUnfit

_BYTES: Final = 32


def secret(path: Path, *, called: str) -> bytes:
    """Return the 32 random bytes of `path`, made on the first call; EnvironmentUnfit calls what is wrong `called`."""
    try:
        create(path, lambda: secrets.token_bytes(_BYTES))
        content = path.read_bytes()
    except OSError as error:
        raise EnvironmentUnfit(f"The {called} {path} can't be read or made: {error.strerror}.") from error
    if len(content) != _BYTES:
        raise EnvironmentUnfit(f"The {called} {path} is damaged; restore it from your backup.")
    return content


def create(path: Path, content: Callable[[], bytes]) -> None:
    """Make the file with what `content` returns, unless there is one."""
    if path.exists():
        return
    temporary = _written(path, content())
    with contextlib.suppress(FileExistsError):
        path.hardlink_to(temporary)  # refuses to replace: the first of many processes wins
    temporary.unlink()
    sync(path.parent)


def replace(path: Path, content: bytes) -> None:
    """Put `content` into the file, in place of what it holds if there is one."""
    _written(path, content).replace(path)
    sync(path.parent)


def _written(path: Path, content: bytes) -> Path:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return temporary


def sync(folder: Path) -> None:
    """Bring the names in a folder to disk."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
