"""
Lay a package's files out on this disk: in a folder beside the target, made durable, then renamed.

The target appears whole or not at all, whoever dies in between; what a killed one left beside it goes with the next.
A target that is there already is left alone.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from lading.artifacts import foreign
from lading.artifacts.foreign import Entry, shown
from lading.errors import Conflict, ExtractionFailed, PackageFault, PackageInvalid

_MARK: Final = ".lading-extract-"
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_TAKEN: Final = frozenset({errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR})


@dataclass(frozen=True, slots=True)
class Extracted:
    """A package laid out below `folder`: its files, relative to it, and their bytes."""

    folder: Path
    files: tuple[Path, ...]
    size: int


def place(
    file: BinaryIO,
    layout: Sequence[Entry],
    digests: Mapping[str, str],
    folder: Path,
    *,
    on_bytes: Callable[[int, int], None] | None = None,
) -> Extracted:
    """
    Lay the entries of `layout` out below `folder`; each file must have the SHA-256 that `digests` names.

    Conflict if the folder is there already; ExtractionFailed if this disk does not take it.
    """
    if folder.name in {"", ".."}:
        raise ExtractionFailed(f"{folder} is no name for a new folder. Choose another one.")
    if os.path.lexists(folder):
        raise _taken(folder)
    total = sum(entry.size for entry in layout)
    with _reported(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        with _beside(folder) as place:
            written = 0
            for entry in layout:
                for size in _laid(file, entry, digests, place):
                    written += size
                    if on_bytes is not None:
                        on_bytes(written, total)
            _sync_folders(place)
            place.rename(folder)
        _sync(folder.parent)
    files = tuple(Path(entry.name) for entry in layout if not entry.is_folder)
    return Extracted(folder, files, total)


def _laid(file: BinaryIO, entry: Entry, digests: Mapping[str, str], place: Path) -> Iterator[int]:
    path = place.joinpath(*entry.name.split("/"))
    if entry.is_folder:
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    with os.fdopen(descriptor, "wb") as sink:
        for chunk in foreign.chunks(file, entry):
            digest.update(chunk)
            sink.write(chunk)
            yield len(chunk)
        sink.flush()
        os.fsync(sink.fileno())
    if digest.hexdigest() != digests[entry.name]:
        raise PackageInvalid(
            f"{shown(entry.name)} was changed since the package was opened.", PackageFault.DIGEST, entry=entry.name
        )


@contextmanager
def _beside(folder: Path) -> Generator[Path]:
    """Yield a folder of our own beside `folder`, locked as long as we live; what is left of it at the end goes."""
    place, lock = _claimed(folder)
    try:
        yield place
    finally:
        # By then it was renamed, or something went wrong; Ctrl-C included.
        shutil.rmtree(place, ignore_errors=True)
        os.close(lock)


def _claimed(folder: Path) -> tuple[Path, int]:
    while True:
        place = folder.with_name(f"{_prefix(folder)}{secrets.token_hex(6)}")
        place.mkdir(mode=0o755)
        with suppress(FileNotFoundError, BlockingIOError):  # somebody who sweeps was faster
            return place, _locked(place)


def _locked(place: Path) -> int:
    """Return the lock of a folder; BlockingIOError if somebody has it, FileNotFoundError if it is gone."""
    lock = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if place.stat().st_ino != os.fstat(lock).st_ino:
            raise FileNotFoundError(place)
    except OSError:
        os.close(lock)
        raise
    return lock


def _sweep(folder: Path) -> None:
    """Remove what those who were killed left beside `folder`; those who live hold a lock."""
    prefix = _prefix(folder)
    with os.scandir(folder.parent) as found:
        names = [each.name for each in found if each.name.startswith(prefix)]
    for name in names:
        with suppress(OSError):
            lock = _locked(folder.with_name(name))
            try:
                shutil.rmtree(folder.with_name(name), ignore_errors=True)
            finally:
                os.close(lock)


def _prefix(folder: Path) -> str:
    # Of names that are as long as they may be only a part is in it; the digest keeps them apart.
    digest = hashlib.sha256(os.fsencode(folder.name)).hexdigest()[:12]
    return f"{_MARK}{digest}-"


def _sync_folders(place: Path) -> None:
    for root, _, _ in os.walk(place):
        _sync(Path(root))


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _reported(folder: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _TAKEN and os.path.lexists(folder):
            raise _taken(folder) from error
        if error.errno in _FULL:
            raise ExtractionFailed(f"No space is left for {folder}; make some and extract it again.") from error
        raise ExtractionFailed(
            f"{folder} can't be written: {error.strerror or error}. Choose another place; nothing was left there."
        ) from error


def _taken(folder: Path) -> Conflict:
    taken = Conflict(f"{folder} is there already; nothing was changed. Choose another folder, or move it away.")
    taken.export_code = ExtractionFailed.export_code
    return taken
