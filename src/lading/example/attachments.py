"""
The example attachments: which activities have one, and the files themselves below one directory per organisation.

A few are listed and not there, as in real systems; many have the same name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from lading.example import files
from lading.example.organisations import Organisation

_PER_ORGANISATION: Final = 160
_MISSING: Final = 0.04
_NAMES: Final = ("kvittering.pdf", "deltakerliste.pdf", "bilde.png", "Program – kursdag.pdf", "gruppebilde æøå.png")


@dataclass(frozen=True, slots=True)
class Attachment:
    """One listed attachment; `content` None means that the file is not there."""

    id: int
    activity_id: int
    path: str
    file_name: str
    media_type: str
    size: int
    content: bytes | None


def attachments(organisation: Organisation, seed: int, *, rows: int, first_id: int) -> Iterator[Attachment]:
    """Yield the attachments of the activities `first_id` … `first_id + rows - 1`, at most 160, evenly spread."""
    draw = Random(f"{seed}:{organisation.slug}:attachments").random  # noqa: S311 - example data
    count = min(_PER_ORGANISATION, rows)
    for number in range(count):
        activity = first_id + number * rows // count
        name = _NAMES[int(draw() * len(_NAMES))]
        content = _content(name, activity)
        yield Attachment(
            id=organisation.id * 1_000_000 + number,
            activity_id=activity,
            path=f"{number % 10}/{activity}-{number}{name[-4:]}",
            file_name=name,
            media_type="application/pdf" if name.endswith(".pdf") else "image/png",
            size=len(content),
            content=None if draw() < _MISSING else content,
        )


def write(found: Attachment, directory: Path) -> None:
    """Write the file of one attachment below `directory`, if it has one."""
    if found.content is None:
        return
    path = directory / found.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(found.content)


def _content(name: str, activity: int) -> bytes:
    if name.endswith(".png"):
        return files.png(activity)
    return files.pdf(
        f"{name} – eksempel", (f"Aktivitet {activity}", "Laget av eksempelgeneratoren. Ingen ekte person er nevnt.")
    )
