"""
XML for programs: the report's description, one element for each row, one for each cell, and the totals.

An element is named like its column as far as XML allows; where the name had to change, the attribute `name` has the
column's own.  What is not there has no element.  XML cannot hold control characters: they become U+FFFD, and the
report says how many texts were changed.  The vocabulary is in docs/reference/formats.md.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

import polars as pl

from lading.exports.formats.data import data_text, description, full, totals
from lading.exports.formats.report import Report
from lading.exports.formats.text import joined
from lading.exports.profile import Profile
from lading.wire.exports import Notice

MEDIA_TYPE: Final = "application/xml"
NAMESPACE: Final = "https://lading.dev/schemas/report/1"
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
_FORBIDDEN: Final = [*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0xFFFE, 0xFFFF]
_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"} | {
    chr(code): _REPLACEMENT for code in _FORBIDDEN
}
_NO_TEXT: Final = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x{fffe}\x{ffff}]"
_FORBIDDEN_TEXT: Final = re.compile("[" + "".join(re.escape(chr(code)) for code in _FORBIDDEN) + "]")
# Letters of the big scripts that already XML 1.0's first editions allow, as many parsers read no later one.
_NAME_START: Final = (
    "A-Z_a-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u0131\u0134-\u013e\u0141-\u0148\u014a-\u017e\u0180-\u01c3\u0386"
    "\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03ce\u0401-\u040c\u040e-\u044f\u0451-\u045c\u045e-\u0481\u05d0-\u05ea"
    "\u0621-\u063a\u0641-\u064a\u1e00-\u1e9b\u1ea0-\u1ef9\u3041-\u3094\u30a1-\u30fa\u4e00-\u9fa5\uac00-\ud7a3"
)
_NOT_NAME: Final = re.compile(f"[^{_NAME_START}0-9.\u00b7\u0300-\u0345-]")
_NOT_FIRST: Final = re.compile(f"[^{_NAME_START}]|[Xx][Mm][Ll]")


def element_names(names: Sequence[str]) -> list[str]:
    """
    Return for each name one that XML allows, each different from the others.

    >>> element_names(["Antall møtt", "Antall/møtt", "2025", "xml:id", "Org.nr."])
    ['Antall_møtt', 'Antall_møtt_2', '_2025', '_xml_id', 'Org.nr.']
    """
    found: list[str] = []
    taken: set[str] = set()
    for name in names:
        plain = _NOT_NAME.sub("_", name)
        plain = "_" + plain if _NOT_FIRST.match(plain) else plain
        numbered = (f"{plain}_{number}" for number in itertools.count(2))
        free = next(each for each in itertools.chain([plain], numbered) if each not in taken)
        taken.add(free)
        found.append(free)
    return found


class XmlText:
    """The table as xml, from one pass over the rows."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self.suffix = ".xml"
        self.media_type = MEDIA_TYPE
        self.skipped = 0
        self._elements = element_names([column.name for column in report.profile.columns])
        self._texts = [column.name for column in report.profile.columns if column.type == "string"]
        self.changed = 0

    def notices(self, changed: int) -> Iterator[Notice]:
        """Yield how many texts XML could not hold as they were."""
        if changed:
            message = "Texts with control characters, which XML cannot hold, have a replacement character for each."
            yield Notice("characters_replaced", message, changed)

    def rows(self) -> Iterator[tuple[int, bytes]]:
        """Yield rows so far and the newest bytes."""
        rows = 0
        for frame in self._report.slices():
            rows += frame.height
            row = joined(_row(self._report.profile, self._elements, full(frame)))
            chunk = frame.select(row.str.join("").cast(pl.Binary)).item()
            self._count_changed(frame, chunk)
            yield rows, chunk

    def _count_changed(self, frame: pl.DataFrame, written: bytes) -> None:
        if _REPLACEMENT.encode() in written:
            self.changed += sum(frame.select(pl.col(name).str.contains(_NO_TEXT).sum() for name in self._texts).row(0))

    def head(self) -> bytes:
        """Return what says whose report it is, up to the rows."""
        said = description(self._report)
        named = "".join(f" {key}={_quoted(said[key])}" for key in ("profile", "type", "schema_version", "timezone"))
        lines = [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f"<report xmlns={_quoted(NAMESPACE)}{named}>",
            f"<title>{_text(said['title'])}</title>",
            f"<organisation>{_text(said['organisation'])}</organisation>",
            f"<period from={_quoted(said['period']['from'])} to={_quoted(said['period']['to'])}/>",
            "<parameters>",
            *(_parameter(name, value) for name, value in said["parameters"].items()),
            "</parameters>",
            "<columns>",
            *(
                f"<column element={_quoted(element)}"
                + "".join(f" {key}={_quoted(str(value))}" for key, value in column.items())
                + "/>"
                for element, column in zip(self._elements, said["columns"], strict=True)
            ),
            "</columns>",
            "<rows>",
        ]
        return ("\n".join(lines) + "\n").encode("utf-8")

    def tail(self, rows: int) -> bytes:
        """Return what follows the rows."""
        wanted = self._report.profile.totals
        lines = [
            f"<total column={_quoted(name)} kind={_quoted(kind)}>{number}</total>"
            for name, kind, number in totals(self._report)
        ]
        if wanted is not None:
            lines = [f"<totals label={_quoted(wanted.label)}>", *lines, "</totals>"]
        text = "\n".join(["</rows>", f"<row_count>{rows}</row_count>", *lines, "</report>"]) + "\n"
        return text.encode("utf-8")


def _row(profile: Profile, elements: Sequence[str], filled: frozenset[str]) -> Iterator[str | pl.Expr]:
    yield "<row>"
    for column, element in zip(profile.columns, elements, strict=True):
        text = data_text(column, pl.col(column.name))
        if column.type == "string":
            text = text.str.replace_many(_ESCAPES)
        name = "" if element == column.name else f" name={_quoted(column.name)}"
        parts = [f"<{element}{name}>", text, f"</{element}>"]
        if column.name in filled:
            yield from parts
        else:
            yield joined(parts).fill_null("")
    yield "</row>\n"


def _parameter(name: str, value: Any) -> str:
    if isinstance(value, list):
        inner = "".join(f"<value>{_text(item)}</value>" for item in value)
    elif value is None:
        inner = ""
    else:
        inner = f"<value>{_text(str(value).lower() if isinstance(value, bool) else str(value))}</value>"
    return f"<parameter name={_quoted(name)}>{inner}</parameter>"


def _text(text: str) -> str:
    return escape(_FORBIDDEN_TEXT.sub(_REPLACEMENT, text), {"\r": "&#13;"})


def _quoted(text: str) -> str:
    return quoteattr(_FORBIDDEN_TEXT.sub(_REPLACEMENT, text))
