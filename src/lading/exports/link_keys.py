"""
The key that signs links to files: made when the first link is, kept beside the other keys (0600), never shown.

Many processes may make it at once and all get the same one.  Replacing it makes every link that was made useless.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from pathlib import Path
from typing import Final

from lading.errors import EnvironmentUnfit

FILE: Final = "link.key"
_KEY: Final = re.compile(rb"[0-9a-f]{64}\n")


def load_or_create(keys_dir: Path) -> bytes:
    """Return the key; EnvironmentUnfit names what can't be used."""
    path = keys_dir / FILE
    try:
        if not path.exists():
            keys_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = _fresh(keys_dir)
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(fresh)  # refuses to replace: the first of many processes wins
            fresh.unlink()
        if path.stat().st_mode & 0o077:
            raise EnvironmentUnfit(f"The key {path} can be read by others. Run: chmod 600 {path}")
        content = path.read_bytes()
    except OSError as error:
        raise EnvironmentUnfit(f"The key {path} can't be read or made: {error.strerror}. Check who owns it.") from error
    if _KEY.fullmatch(content) is None:
        raise EnvironmentUnfit(f"The key {path} is damaged. Remove it: links that were made are useless then.")
    return bytes.fromhex(content.decode())


def replace(keys_dir: Path) -> None:
    """Make every link that was made useless, in all processes that share the folder, from their next look on."""
    try:
        keys_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        _fresh(keys_dir).replace(keys_dir / FILE)
        opened = os.open(keys_dir, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
    except OSError as error:
        raise EnvironmentUnfit(
            f"The key {keys_dir / FILE} can't be replaced: {error.strerror}. Check who owns the folder."
        ) from error


def _fresh(keys_dir: Path) -> Path:
    temporary = keys_dir / f".{FILE}.{secrets.token_hex(8)}"
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_hex(32).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return temporary
