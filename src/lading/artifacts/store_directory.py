"""
A directory as a destination: below a folder that the operator allows, by a temporary file and one rename.

Every step below the allowed folder follows no link, so that nobody who may write there leads a package elsewhere.  A
file appears under its name whole and durable or not at all.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final

from lading import failpoints
from lading.artifacts.carrying import CHUNK_BYTES, Advance, Journal, Parcel, damaged
from lading.artifacts.confined import folder_below
from lading.errors import DestinationFull, DestinationRefused, DestinationTaken, DestinationUnreachable

# Packages are about people: for the user of the workers and the group of the folder, not for everybody on the machine.
_FOLDER_MODE: Final = 0o750
_FILE_MODE: Final = 0o640
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_DENIED: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG})
_LINKED: Final = frozenset({errno.ELOOP, errno.ENOTDIR})
_NO_LINKS: Final = frozenset({errno.EPERM, errno.EXDEV, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS})


def root_of(folder: Path, roots: Sequence[Path]) -> Path | None:
    """
    Return the allowed folder that `folder` is or lies below, by its name alone; None when there is none.

    >>> root_of(Path("/srv/out/acme"), [Path("/srv/out")]), root_of(Path("/srv/outside"), [Path("/srv/out")])
    (PosixPath('/srv/out'), None)
    """
    if ".." in folder.parts:
        return None
    return next((root for root in roots if folder.is_relative_to(root)), None)


class DirectoryCarrier:
    """Carries to `folder`, which must lie below one of `roots`."""

    def __init__(self, folder: Path, roots: Sequence[Path]) -> None:
        root = root_of(folder, roots)
        if root is None:
            raise DestinationRefused(
                f"{folder} lies below no folder that packages may be delivered to; "
                "let the operator name one in LADING_DELIVERY_ROOTS of the workers."
            )
        self._folder: Final = folder
        self._root: Final = root
        self._steps: Final = folder.relative_to(root).parts

    def carry(self, parcel: Parcel, journal: Journal, advance: Advance) -> str:
        """Copy the file under a temporary name, then give it its own."""
        *steps, name = PurePosixPath(parcel.name).parts
        location = f"file://{self._folder / parcel.name}"
        with self._opened(steps, make=True) as place:
            _sweep(place, parcel.token)
            if _holds(place, name, parcel):
                journal.drop()
                advance(parcel.size)
                return location
            temporary = f"{parcel.token}{parcel.stamp}.part"
            # Its folder is found again when nobody knows the export any more.
            journal.begin(parcel.name, parcel.sha256, CHUNK_BYTES)
            try:
                _copy(place, temporary, parcel, advance)
                failpoints.reach("delivery.copied")
                journal.confirm()
                _publish(place, temporary, name, parcel)
                failpoints.reach("delivery.renamed")
            finally:
                with contextlib.suppress(OSError):
                    os.unlink(temporary, dir_fd=place)
            os.fsync(place)
        journal.drop()
        return location

    def abandon(self, name: str, token: str, journal: Journal) -> None:
        """Remove temporary files; a folder that is not there holds none."""
        with contextlib.suppress(DestinationUnreachable), self._opened(PurePosixPath(name).parts[:-1]) as place:
            _sweep(place, token)
        journal.drop()

    def trial(self) -> str:
        """Write and remove a file that nobody sees."""
        with self._opened((), make=True) as place:
            # Nobody can have put a link or a pipe under a name that nobody knows.
            name = f".lading-trial-{secrets.token_hex(8)}"
            os.close(os.open(name, _NEW, _FILE_MODE, dir_fd=place))
            os.unlink(name, dir_fd=place)
        return f"Files can be written to {self._folder}."

    @contextmanager
    def _opened(self, steps: Sequence[str], *, make: bool = False) -> Generator[int]:
        """Open the folder that `steps` lead to, and word what the operating system says of it."""
        try:
            place = folder_below(self._root, [*self._steps, *steps], mode=_FOLDER_MODE if make else None)
            try:
                yield place
            finally:
                os.close(place)
        except OSError as error:
            raise self._meaning(error) from error

    def _meaning(self, error: OSError) -> DestinationFull | DestinationRefused | DestinationUnreachable:
        reason = error.strerror or type(error).__name__
        if error.errno in _FULL:
            return DestinationFull(f"No space is left at {self._folder} ({reason}). Free some; it is tried again.")
        if error.errno in _LINKED:
            return DestinationRefused(
                f"On the way from {self._root} to the file is a link, or something that is no folder. "
                "Packages follow no links; correct the path of the destination or remove the link."
            )
        if error.errno in _DENIED:
            return DestinationRefused(f"{self._folder} can't be written to ({reason}). Give the workers the right to.")
        return DestinationUnreachable(f"{self._folder} can't be reached ({reason}). Mount or make {self._root}.")


def _sweep(place: int, token: str) -> None:
    """Remove what other attempts of this delivery left; one that still runs then fails to rename, and is stale."""
    for name in os.listdir(place):
        if name.startswith(token) and name.endswith(".part"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=place)


def _holds(place: int, name: str, parcel: Parcel) -> bool:
    """Return True when the parcel lies there already, False when its name is free for it; else DestinationTaken."""
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=place)
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        return _may_replace(parcel)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise DestinationTaken(f"{parcel.name} is no file at the destination; remove what is there.")
    with os.fdopen(descriptor, "rb") as file:
        if status.st_size == parcel.size and hashlib.file_digest(file, "sha256").hexdigest() == parcel.sha256:
            return True
    return _may_replace(parcel)


def _may_replace(parcel: Parcel) -> bool:
    if not parcel.overwrite:
        raise DestinationTaken(
            f"Other content lies at the destination as {parcel.name}. Move it away, "
            "give the destination an object_name with {export}, or let it overwrite."
        )
    return False


def _copy(place: int, temporary: str, parcel: Parcel, advance: Advance) -> None:
    hashed, done = hashlib.sha256(), 0
    with (
        os.fdopen(os.open(temporary, _NEW, _FILE_MODE, dir_fd=place), "wb", 0) as sink,
        parcel.open() as file,
    ):
        while chunk := file.read(CHUNK_BYTES):
            hashed.update(chunk)
            _write(sink.fileno(), chunk)
            done += len(chunk)
            advance(min(done, parcel.size))
        os.fsync(sink.fileno())
    if done != parcel.size or hashed.hexdigest() != parcel.sha256:
        raise damaged(parcel)


def _write(descriptor: int, chunk: bytes) -> None:
    left = memoryview(chunk)
    while left:
        left = left[os.write(descriptor, left) :]


def _publish(place: int, temporary: str, name: str, parcel: Parcel) -> None:
    if parcel.overwrite:
        os.replace(temporary, name, src_dir_fd=place, dst_dir_fd=place)
        return
    try:
        # A second name and not a rename: it fails when somebody took the name meanwhile.
        os.link(temporary, name, src_dir_fd=place, dst_dir_fd=place, follow_symlinks=False)
    except FileExistsError:
        _holds(place, name, parcel)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if not _holds(place, name, parcel):
            os.rename(temporary, name, src_dir_fd=place, dst_dir_fd=place)
