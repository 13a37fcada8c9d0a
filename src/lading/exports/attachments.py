"""
Attachments: where each file of the source's list lies, and what it is called in the package.

Names are `attachments/YYYY-MM/{type}/{file}`; a second file of the same name gets `_2`.  A path never leaves the
directory that the operator allowed, whatever the source says; what is missing or outside becomes a warning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

from lading.artifacts import names
from lading.artifacts.package import PackedFile
from lading.errors import ProfileInvalid, SourceError

ROOT: Final = "attachments"
KEY: Final = ("attachment_id",)
COLUMNS: Final = ("attachment_id", "path", "file_name", "date", "type")
"""What the attachments query of a profile returns; `path` is relative to the source's attachments directory."""
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}\b.*", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Found:
    """The files that are there, and how many are not."""

    files: tuple[PackedFile, ...]
    missing: int
    outside: int


@dataclass(frozen=True, slots=True)
class Tally:
    """What a package would hold: how many files, how large together, and how many are not there or lie outside."""

    count: int
    bytes: int
    missing: int
    outside: int


def listed(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a list; ProfileInvalid when they lack a column."""
    for batch in batches:
        if lacking := [name for name in COLUMNS if name not in batch.schema.names]:
            raise ProfileInvalid(
                f"The attachments query of the profile lacks the columns {', '.join(lacking)}; add them."
            )
        yield batch


def tally(batches: Iterable[pa.RecordBatch], directory: Path) -> Tally:
    """Return what the listed files below `directory` come to, as their folder has them now; none is read."""
    found = locate((row for batch in listed(batches) for row in rows(batch)), directory)
    size = sum(file.path.stat().st_size for file in found.files if file.path.exists())
    return Tally(len(found.files), size, found.missing, found.outside)


def rows(batch: pa.RecordBatch) -> Iterator[Mapping[str, str | None]]:
    """Yield the rows of a list with COLUMNS, all as text: a date of PostgreSQL may be none that Python holds."""
    yield from pa.RecordBatch.from_pydict({name: batch.column(name).cast(pa.string()) for name in COLUMNS}).to_pylist()


def locate(listed: Iterable[Mapping[str, str | None]], directory: Path) -> Found:
    """
    Return the listed files below `directory`, each with its name in the package, in the order of the list.

    `listed` are rows with COLUMNS as text.
    """
    base = directory.resolve()
    taken: set[str] = set()
    files: list[PackedFile] = []
    missing = outside = 0
    for row in listed:
        path = _resolved(base, row["path"])
        if path is None:
            missing += 1
        elif not path.is_relative_to(base):
            outside += 1
        else:
            files.append(PackedFile(_free_name(row, taken), path, below=base))
    return Found(tuple(files), missing, outside)


def directory_of(reference: str | None) -> Path:
    """Return the directory that `file:/…` refers to."""
    if reference is None:
        raise SourceError(
            "The source has no attachments directory; register it with attachments_ref, or leave attachments out."
        )
    directory = Path(reference.removeprefix("file:"))
    if not directory.is_dir():
        raise SourceError(f"The attachments directory {directory} is not there; mount it or correct attachments_ref.")
    return directory


def _resolved(base: Path, path: str | None) -> Path | None:
    """Return where `path` leads, None if that is no file; what is outside need not be one."""
    try:
        found = (base / (path or "")).resolve()
        return found if not found.is_relative_to(base) or found.is_file() else None
    except (OSError, ValueError, RuntimeError):  # too long, a NUL in it, links that go round in a circle
        return None


def _free_name(row: Mapping[str, str | None], taken: set[str]) -> str:
    folder = f"{ROOT}/{_month(row['date'])}/{names.fit(row['type'] or 'other')}"
    file = names.fit(row["file_name"] or row["attachment_id"] or "")
    stem, dot, suffix = file.rpartition(".")
    if not dot:
        stem, suffix = file, ""
    name, number = f"{folder}/{file}", 1
    while names.folded(name) in taken:
        number += 1
        name = f"{folder}/{names.fit(f'{stem}_{number}{dot}{suffix}')}"
    taken.add(names.folded(name))
    return name


def _month(day: str | None) -> str:
    return day[:7] if day and _DAY.fullmatch(day) else "undated"
