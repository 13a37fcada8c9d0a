"""
Open a file below a folder whose content somebody else may change meanwhile.

A path that was checked can be a link by the time it is opened.  Here every step from the folder on is taken relative
to the step before and follows no link, so that what is opened lies below the folder whatever happens at the same time.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Final

from lading.errors import StorageFailed

_STEP: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


def open_below(folder: Path, path: Path) -> BinaryIO:
    """Return `path`, an ordinary file below `folder` without a link on the way, open for reading; else OSError."""
    *steps, name = path.relative_to(folder).parts
    place = folder_below(folder, steps)
    try:
        # O_NONBLOCK: opening a pipe must not hang.
        descriptor = os.open(name, _STEP | os.O_NONBLOCK, dir_fd=place)
    finally:
        os.close(place)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise StorageFailed(f"{path} is not a file any more; leave the directory alone while it is exported.")
    return os.fdopen(descriptor, "rb")


def folder_below(folder: Path, steps: Sequence[str], *, mode: int | None = None) -> int:
    """
    Return a descriptor of the folder that `steps` lead to from `folder`, without a link on the way; else OSError.

    With a `mode`, folders that are not there are made with it, durably.
    """
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for step in steps:
        try:
            below = _entered(place, step, mode)
        finally:
            os.close(place)
        place = below
    return place


def _entered(place: int, step: str, mode: int | None) -> int:
    try:
        return os.open(step, _STEP | os.O_DIRECTORY, dir_fd=place)
    except FileNotFoundError:
        if mode is None:
            raise
    try:
        os.mkdir(step, mode, dir_fd=place)
        os.fsync(place)
    except FileExistsError:
        pass  # somebody was faster
    return os.open(step, _STEP | os.O_DIRECTORY, dir_fd=place)
