"""
The key that signs links to files: made when the first link is, kept beside the other keys (0600), never shown.

Many processes may make it at once and all get the same one.  Replacing it makes every link that was made useless.
"""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from typing import Final

from lading.errors import EnvironmentUnfit
from lading.ledger import key_files

FILE: Final = "link.key"
_KEY: Final = re.compile(rb"[0-9a-f]{64}\n")


def load_or_create(keys_dir: Path) -> bytes:
    """Return the key; EnvironmentUnfit names what can't be used."""
    path = keys_dir / FILE
    try:
        key_files.create(path, _fresh)
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
        key_files.replace(keys_dir / FILE, _fresh())
    except OSError as error:
        raise EnvironmentUnfit(
            f"The key {keys_dir / FILE} can't be replaced: {error.strerror}. Check who owns the folder."
        ) from error


def _fresh() -> bytes:
    return secrets.token_hex(32).encode() + b"\n"
