"""
Attachments: where each file of the source's list lies, and what it is called in the package.

Names are `attachments/YYYY-MM/{type}/{file}`; a second file of the same name gets `_2`.  A path never leaves the
directory that the operator allowed, whatever the source says; what is missing or outside becomes a warning.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from lading.artifacts import names
from lading.artifacts.package import PackedFile
from lading.errors import SourceError

ROOT: Final = "attachments"
COLUMNS: Final = ("attachment_id", "path", "file_name", "date", "type")
"""What the attachments query of a profile returns; `path` is relative to the source's attachments directory."""


@dataclass(frozen=True, slots=True)
class Found:
    """The files that are there, and how many are not."""

    files: tuple[PackedFile, ...]
    missing: int
    outside: int


def locate(listed: Iterable[Mapping[str, Any]], directory: Path) -> Found:
    """
    Return the listed files below `directory`, each with its name in the package, in the order of the list.

    `listed` are rows with COLUMNS.
    """
    base = directory.resolve()
    taken: set[str] = set()
    files: list[PackedFile] = []
    missing = outside = 0
    for row in listed:
        path = (base / str(row["path"] or "")).resolve()
        if not path.is_relative_to(base):
            outside += 1
        elif not row["path"] or not path.is_file():
            missing += 1
        else:
            files.append(PackedFile(_free_name(row, taken), path))
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


def _free_name(row: Mapping[str, Any], taken: set[str]) -> str:
    folder = f"{ROOT}/{_month(row['date'])}/{names.fit(str(row['type'] or 'other'))}"
    file = names.fit(str(row["file_name"] or row["attachment_id"]))
    stem, dot, suffix = file.rpartition(".")
    if not dot:
        stem, suffix = file, ""
    name, number = f"{folder}/{file}", 1
    while names.folded(name) in taken:
        number += 1
        name = f"{folder}/{names.fit(f'{stem}_{number}{dot}{suffix}')}"
    taken.add(names.folded(name))
    return name


def _month(value: object) -> str:
    return f"{value:%Y-%m}" if isinstance(value, date) else "undated"
