"""Local files and folders of a source: whether they are there, are what they must be and can be read."""

from __future__ import annotations

import os
from pathlib import Path

from lading.errors import SourceRefused, SourceUnreachable


def require_file(path: Path) -> Path:
    """Return where the file really lies; a sentence with the mend when it can't be read."""
    return _require(path, "file", is_there=path.is_file(), mode=os.R_OK)


def require_folder(path: Path) -> Path:
    """Return where the folder really lies; a sentence with the mend when it can't be listed."""
    return _require(path, "folder", is_there=path.is_dir(), mode=os.R_OK | os.X_OK)


def _require(path: Path, noun: str, *, is_there: bool, mode: int) -> Path:
    try:
        found = path.resolve(strict=True)
    except PermissionError:
        raise _unreadable(path, noun) from None
    except (OSError, RuntimeError):
        raise SourceUnreachable(
            f"There is no {noun} {path} on this machine. Mount it here, or correct the path of the source."
        ) from None
    if not is_there:
        raise SourceRefused(f"{path} is no {noun}. Correct the path of the source.")
    if not os.access(found, mode):
        raise _unreadable(path, noun)
    return found


def _unreadable(path: Path, noun: str) -> SourceRefused:
    return SourceRefused(f"The {noun} {path} can't be read by the user of the workers. Let that user read it.")
