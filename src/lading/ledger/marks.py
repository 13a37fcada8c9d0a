"""
High-water marks: the last signed size and root of every tree, kept outside the database.

A restore or a failover takes a tree back without a trace in the database; a mark remembers.  It is written when a batch
has committed, to a file in each of some folders: a line is appended and on disk before the next batch begins.  Any
number of processes write to the same file; the highest line of a tree counts.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final
from uuid import UUID

from lading.errors import EnvironmentUnfit
from lading.ledger import key_files

FILE: Final = "ledger.marks"
INSTANCE_LOG: Final = UUID(int=0)
"""Stands for the log of the instance among the tenants."""
_COMPACT_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """How far a tree had grown: `size` in places, and the root there."""

    epoch: int
    size: int
    root: bytes


class Marks:
    """The marks of an installation, in the folders given; the first is made if it is not there."""

    def __init__(self, *folders: Path) -> None:
        self._folders: Final = folders

    def read(self) -> Mapping[UUID, Mark]:
        """Return the highest mark of each tree, over all folders; EnvironmentUnfit if one can't be read."""
        found: dict[UUID, Mark] = {}
        for folder in self._folders:
            with _unfit(folder):
                _take(found, _lines(folder / FILE))
        return found

    def note(self, marks: Mapping[UUID, Mark]) -> None:
        """Keep these, on disk, in every folder."""
        text = _text(marks)
        for folder in self._folders:
            with _unfit(folder):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                with _locked(folder):
                    _append(folder / FILE, text)


def _append(path: Path, text: bytes) -> None:
    is_new = not path.exists()
    with path.open("a+b") as file:
        if not _is_whole(file):
            file.write(b"\n")  # a process died in its line; the next must not be lost with it
        file.write(text)
        file.flush()
        os.fdatasync(file.fileno())
        size = file.tell()
    if is_new:
        key_files.sync(path.parent)
    if size > _COMPACT_BYTES:
        found: dict[UUID, Mark] = {}
        _take(found, _lines(path))
        whole = _text(found)
        if len(whole) < size // 2:
            part = path.with_name(f".{path.name}.part")
            with part.open("wb") as file:
                file.write(whole)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
            key_files.sync(path.parent)


def _is_whole(file: BinaryIO) -> bool:
    if file.seek(0, os.SEEK_END) == 0:
        return True
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def _text(marks: Mapping[UUID, Mark]) -> bytes:
    lines = [f"{tree} {mark.epoch} {mark.size} {mark.root.hex()}\n" for tree, mark in marks.items()]
    return "".join(lines).encode()


def _take(found: dict[UUID, Mark], lines: Iterable[Sequence[str]]) -> None:
    for line in lines:
        with suppress(ValueError):  # the last line of a process that died
            tree, epoch, size, root = line
            mark = Mark(int(epoch), int(size), bytes.fromhex(root))
            if len(mark.root) == 32 and mark > found.get(UUID(tree), Mark(0, 0, b"")):
                found[UUID(tree)] = mark


def _lines(path: Path) -> Iterator[Sequence[str]]:
    if path.exists():
        with path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield line.decode("ascii", "replace").split()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / f"{FILE}.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _unfit(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EnvironmentUnfit(
            f"The ledger's high-water marks in {folder} can't be kept: {error.strerror}. Check who owns the folder."
        ) from error
