"""
JSON for programs: one document with the report's description, rows and totals, or one line for each row (ndjson).

A row is an object with every column under its own name, in order; what is not there is null.  Numbers are written
digit by digit, as JSON numbers or, where the profile says so, as text for readers that hold numbers as doubles.
Lines of ndjson are rows and nothing else: totals are in the json document only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import polars as pl

from lading.exports.formats.data import data_text, description, encoded, full, totals_json
from lading.exports.formats.report import Report, ReportFile
from lading.exports.formats.text import joined
from lading.exports.profile import Profile

MEDIA_TYPE: Final = "application/json"
LINES_MEDIA_TYPE: Final = "application/x-ndjson"
_SHORT: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_ESCAPES: Final = {chr(code): f"\\u{code:04x}" for code in range(0x20)} | _SHORT


def write(report: Report) -> ReportFile:
    """Write the table as one json document."""
    return report.write(".json", MEDIA_TYPE, _document(report))


def write_lines(report: Report) -> ReportFile:
    """Write the table as ndjson."""
    lines = ((rows, text + b"\n") for rows, text in _rows(report, separator="\n"))
    return report.write(".ndjson", LINES_MEDIA_TYPE, lines)


def _document(report: Report) -> Iterator[tuple[int, bytes]]:
    written, before = 0, b"\n"
    yield 0, (encoded(description(report)).removesuffix("}") + ',"rows":[').encode("utf-8")
    for rows, text in _rows(report, separator=",\n"):
        yield rows, before + text
        written, before = rows, b",\n"
    totals = totals_json(report, is_text=report.profile.json.is_text)
    yield written, f'\n],"row_count":{written},"totals":{totals}}}\n'.encode()


def _rows(report: Report, *, separator: str) -> Iterator[tuple[int, bytes]]:
    """Yield rows so far and the newest as text."""
    rows = 0
    for frame in report.slices():
        row = joined(_row(report.profile, full(frame)))
        rows += frame.height
        yield rows, frame.select(row.str.join(separator).cast(pl.Binary)).item()


def _row(profile: Profile, filled: frozenset[str]) -> Iterator[str | pl.Expr]:
    for index, column in enumerate(profile.columns):
        yield f"{',' if index else '{'}{encoded(column.name)}:"
        text = data_text(column, pl.col(column.name))
        if column.type == "string":
            text = text.str.replace_many(_ESCAPES)
        is_bare = column.type == "boolean" or (column.type in {"integer", "decimal"} and not profile.json.is_text)
        parts = [text] if is_bare else ['"', text, '"']
        if column.name in filled:
            yield from parts
        else:
            yield joined(parts).fill_null("null")
    yield "}"
