"""
Open a file below a folder whose content somebody else may change meanwhile.

A path that was checked can be a link by the time it is opened.  Here every step from the folder on is taken relative
to the step before and follows no link, so that what is opened lies below the folder whatever happens at the same time.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

from lading.errors import StorageFailed

_STEP: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


def open_below(folder: Path, path: Path) -> BinaryIO:
    """Return `path`, an ordinary file below `folder` without a link on the way, open for reading; else OSError."""
    *steps, name = path.relative_to(folder).parts
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for step in steps:
            below = os.open(step, _STEP | os.O_DIRECTORY, dir_fd=place)
            os.close(place)
            place = below
        # O_NONBLOCK: opening a pipe must not hang.
        descriptor = os.open(name, _STEP | os.O_NONBLOCK, dir_fd=place)
    finally:
        os.close(place)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise StorageFailed(f"{path} is not a file any more; leave the directory alone while it is exported.")
    return os.fdopen(descriptor, "rb")
