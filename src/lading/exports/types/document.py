"""
A document for people, made of sections: the cover of an evidence pack, and the audit report.

Set by the same typesetter as the pdf of a profile: PDF/A-2a and PDF/UA-1, tagged, with headers and page numbers.
Bytes depend on what it says and on the day it is dated to alone.
"""

from __future__ import annotations

import datetime
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from itertools import groupby
from typing import Any, Final, Literal

from lading.artifacts.blobs import storing
from lading.exports.formats import pdf
from lading.exports.formats.coverage import settable
from lading.exports.stages.work import Work
from lading.exports.types.packing import PDF, Laid, sealed

MAX_ROWS: Final = 1000
MAX_CELL: Final = 300
_TEMPLATE: Final = "document.typ"
Kind = Literal["text", "number", "code", "digest"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; weight 0 takes what it needs, the others share the rest."""

    name: str
    kind: Kind = "text"
    weight: int = 0


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with paragraphs, pairs of label and value, and a table; a wide one has turned pages of its own."""

    heading: str
    notes: Sequence[str] = ()
    pairs: Sequence[tuple[str, str]] = ()
    columns: Sequence[Column] = ()
    rows: Sequence[Sequence[str]] = ()
    total: Sequence[str] = ()
    is_wide: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """A key figure; an alarming one is set in another colour, and its label says why."""

    label: str
    value: str
    is_alarm: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """Everything a document says."""

    title: str
    organisation: str
    period: str
    subtitle: str
    footer: str
    description: Sequence[str] = ()
    figures: Sequence[Figure] = ()
    sections: Sequence[Section] = field(default_factory=tuple[Section, ...])


def write(work: Work, key: str, name: str, document: Document, *, dated: datetime.date) -> Laid:
    """Set the document and return the file."""
    scratch = work.folder(f"{key}.scratch")
    try:
        with storing(scratch):
            (scratch / "data.json").write_text(json.dumps(settable(values(document)), ensure_ascii=False), "utf-8")
            (scratch / pdf.TEMPLATE).write_bytes(resources.files(__package__ or "").joinpath(_TEMPLATE).read_bytes())
        pdf.typeset(scratch, dated, lambda: work.advance(0, None))
        target = work.blobs.path(work.key(key))
        with storing(target):
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            (scratch / "report.pdf").replace(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return sealed(work, key, name, PDF)


def values(document: Document) -> dict[str, Any]:
    """Return the document as plain JSON values for the template; tables end after MAX_ROWS and say so."""
    return {
        "title": document.title,
        "organisation": document.organisation,
        "period": document.period,
        "subtitle": document.subtitle,
        "footer": document.footer,
        "running": _short(f"{document.organisation}  ·  {document.title}", pdf.MAX_RUNNING),
        "description": list(document.description),
        "figures": [{"label": f.label, "value": f.value, "is_alarm": f.is_alarm} for f in document.figures],
        # Wide ones that follow each other share their pages.
        "pages": [
            {"is_wide": is_wide, "sections": [_section(each) for each in sections]}
            for is_wide, sections in groupby(document.sections, key=lambda each: each.is_wide)
        ],
    }


def instant(text: str) -> str:
    """
    Return an instant of the ledger as a person reads it.

    >>> instant("2026-01-31T12:34:56.789012Z")
    '2026-01-31 12:34:56 UTC'
    """
    return f"{text[:10]} {text[11:19]} UTC"


def grouped(number: int) -> str:
    """
    Return a count with thin gaps between thousands.

    >>> grouped(1234567).replace(chr(0x202F), "_")
    '1_234_567'
    """
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _section(section: Section) -> dict[str, Any]:
    notes = list(section.notes)
    if len(section.rows) > MAX_ROWS:
        shown, every = grouped(MAX_ROWS), grouped(len(section.rows))
        notes.append(f"The table shows the first {shown} of {every} rows; the data files beside it have them all.")
    return {
        "heading": section.heading,
        "notes": notes,
        "pairs": [[label, _short(value, MAX_CELL)] for label, value in section.pairs],
        "columns": [{"name": each.name, "kind": each.kind, "weight": each.weight} for each in section.columns],
        "rows": [[_short(cell, MAX_CELL) for cell in row] for row in section.rows[:MAX_ROWS]],
        "total": list(section.total),
    }


def _short(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"
