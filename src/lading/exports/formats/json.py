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

from lading.exports.formats.data import data_text, description, encoded, totals_json
from lading.exports.formats.report import Report, ReportFile
from lading.exports.profile import Column, Profile

MEDIA_TYPE: Final = "application/json"
LINES_MEDIA_TYPE: Final = "application/x-ndjson"
_SHORT: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_ESCAPES: Final = {chr(code): f"\\u{code:04x}" for code in range(0x20)} | _SHORT
_NEEDS_ESCAPE: Final = r'["\\\x00-\x1f]'


def write(report: Report) -> ReportFile:
    """Write the table as one json document."""
    return report.write(".json", MEDIA_TYPE, _document(report))


def write_lines(report: Report) -> ReportFile:
    """Write the table as ndjson."""
    lines = ((rows, (text + "\n").encode("utf-8")) for rows, text in _rows(report, separator="\n"))
    return report.write(".ndjson", LINES_MEDIA_TYPE, lines)


def _document(report: Report) -> Iterator[tuple[int, bytes]]:
    written, before = 0, "\n"
    yield 0, (encoded(description(report)).removesuffix("}") + ',"rows":[').encode("utf-8")
    for rows, text in _rows(report, separator=",\n"):
        yield rows, (before + text).encode("utf-8")
        written, before = rows, ",\n"
    totals = totals_json(report, is_text=report.profile.json.is_text)
    yield written, f'\n],"row_count":{written},"totals":{totals}}}\n'.encode()


def _rows(report: Report, *, separator: str) -> Iterator[tuple[int, str]]:
    """Yield rows so far and the newest as text."""
    rows = 0
    texts = [column.name for column in report.profile.columns if column.type == "string"]
    for frame in report.slices():
        checks = frame.select(pl.col(name).str.contains(_NEEDS_ESCAPE).any() for name in texts)
        plain = frozenset(name for name in texts if not checks[name].item())
        rows += frame.height
        yield rows, frame.select(_row(report.profile, plain).str.join(separator)).item()


def _row(profile: Profile, plain: frozenset[str]) -> pl.Expr:
    parts: list[pl.Expr] = []
    for index, column in enumerate(profile.columns):
        parts.append(pl.lit(f"{',' if index else '{'}{encoded(column.name)}:"))
        parts.append(_cell(profile, column, is_plain=column.name in plain).fill_null("null"))
    return pl.concat_str([*parts, pl.lit("}")])


def _cell(profile: Profile, column: Column, *, is_plain: bool) -> pl.Expr:
    text = data_text(column, pl.col(column.name))
    is_bare = column.type == "boolean" or (column.type in {"integer", "decimal"} and not profile.json.is_text)
    if is_bare:
        return text
    if column.type == "string" and not is_plain:
        text = text.str.replace_many(_ESCAPES)
    return pl.concat_str([pl.lit('"'), text, pl.lit('"')])
