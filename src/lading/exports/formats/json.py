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
from lading.exports.formats.report import Report
from lading.exports.formats.text import joined
from lading.exports.profile import Profile
from lading.wire.exports import Notice

MEDIA_TYPE: Final = "application/json"
LINES_MEDIA_TYPE: Final = "application/x-ndjson"
_SHORT: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_ESCAPES: Final = {chr(code): f"\\u{code:04x}" for code in range(0x20)} | _SHORT


class JsonText:
    """The table as one json document."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self.suffix = ".json"
        self.media_type = MEDIA_TYPE
        self.skipped = 1  # the comma before the first row
        self.changed = 0

    def head(self) -> bytes:
        """Return the description, up to the rows."""
        return (encoded(description(self._report)).removesuffix("}") + ',"rows":[').encode("utf-8")

    def rows(self) -> Iterator[tuple[int, bytes]]:
        """Yield rows so far and the newest ones, a comma before each."""
        for rows, text in _rows(self._report, separator=",\n"):
            yield rows, b",\n" + text

    def tail(self, rows: int) -> bytes:
        """Return what follows the rows."""
        totals = totals_json(self._report, is_text=self._report.profile.json.is_text)
        return f'\n],"row_count":{rows},"totals":{totals}}}\n'.encode()

    def notices(self, _changed: int) -> Iterator[Notice]:
        """Yield nothing: json holds every text."""
        return iter(())


class LinesText:
    """The table as ndjson."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self.suffix = ".ndjson"
        self.media_type = LINES_MEDIA_TYPE
        self.skipped = 0
        self.changed = 0

    def head(self) -> bytes:
        """Return nothing: lines are rows."""
        return b""

    def rows(self) -> Iterator[tuple[int, bytes]]:
        """Yield rows so far and the newest lines."""
        for rows, text in _rows(self._report, separator="\n"):
            yield rows, text + b"\n"

    def tail(self, _rows: int) -> bytes:
        """Return nothing: totals are in the json document only."""
        return b""

    def notices(self, _changed: int) -> Iterator[Notice]:
        """Yield nothing: json holds every text."""
        return iter(())


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
