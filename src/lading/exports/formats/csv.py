"""
CSV and TSV as their receivers read them: RFC 4180 quoting, byte order mark and separators as the profile says.

The default is what a Norwegian spreadsheet opens without questions: UTF-8 with BOM, `;`, decimal comma, CRLF.
A text that a spreadsheet would run as a formula gets an apostrophe in front; numbers, dates and plain signed numbers
never do.  Numbers are not grouped, so that every program can read them.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Final

import polars as pl

from lading.exports.ahead import ahead
from lading.exports.formats import texts
from lading.exports.formats.report import Report, ReportFile
from lading.exports.formats.text import column_text, totals_row
from lading.exports.profile import Column, CsvStyle, Profile
from lading.wire.exports import Notice

MEDIA_TYPE: Final = "text/csv; charset=utf-8"
TSV_MEDIA_TYPE: Final = "text/tab-separated-values; charset=utf-8"
# A formula may hide behind spaces, controls and marks without width, or be written with full-width signs.
_FORMULA: Final = r"^[\s\x00-\x1f\u200b-\u200f\u2060\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]"
_NUMBER: Final = r"^\s*[+-]?[0-9]+([ .,][0-9]+)*\s*$"


def write(report: Report) -> ReportFile:
    """Write the table as csv."""
    return texts.write(report, CsvText(report))


def guarded(text: pl.Expr) -> pl.Expr:
    """Return the text so that no spreadsheet takes it for a formula."""
    is_formula = text.str.contains(_FORMULA) & ~text.str.contains(_NUMBER)
    return pl.when(is_formula).then("'" + text).otherwise(text)


def guarded_text(text: str) -> str:
    """
    Return one text so that no spreadsheet takes it for a formula.

    >>> [guarded_text(text) for text in ("=1+1", "  @A1", "-12,5", "a=b")]
    ["'=1+1", "'  @A1", '-12,5', 'a=b']
    """
    is_formula = re.match(_FORMULA, text) is not None and re.match(_NUMBER, text) is None
    return f"'{text}" if is_formula else text


class CsvText:
    """The table as csv, or as tsv: csv with a tab between cells, in the profile's style for it."""

    def __init__(self, report: Report, *, is_tabbed: bool = False) -> None:
        self._report = report
        self.skipped = 0
        self.changed = 0
        self._style = report.profile.tsv if is_tabbed else report.profile.csv
        self.suffix = ".tsv" if is_tabbed else ".csv"
        self.media_type = TSV_MEDIA_TYPE if is_tabbed else MEDIA_TYPE

    def head(self) -> bytes:
        """Return the byte order mark, if it is wanted, and the names of the columns."""
        mark = b"\xef\xbb\xbf" if self._style.bom else b""
        return mark + _line([column.name for column in self._report.profile.columns], self._style)

    def rows(self) -> Iterator[tuple[int, bytes]]:
        """Yield rows so far and the newest lines."""
        with closing(ahead(self._texts())) as frames:
            for rows, frame in frames:
                yield rows, _encoded(frame, self._style)

    def _texts(self) -> Iterator[tuple[int, pl.DataFrame]]:
        profile, style, rows = self._report.profile, self._style, 0
        for frame in self._report.frames():
            risky = _risky(profile, frame)
            cells = [
                _cell(column, len(profile.columns), style, is_risky=column.name in risky) for column in profile.columns
            ]
            rows += frame.height
            yield rows, frame.select(cells)

    def tail(self, _rows: int) -> bytes:
        """Return the line of the totals, if there is one."""
        totals = totals_row(self._report.profile, self._report.result.totals, mark=self._style.decimal)
        return _line(totals, self._style) if totals else b""

    def notices(self, _changed: int) -> Iterator[Notice]:
        """Yield nothing: csv holds every text."""
        return iter(())


def _risky(profile: Profile, frame: pl.DataFrame) -> frozenset[str]:
    """Return the columns in which some text may be a formula; the others need no second look at each cell."""
    texts = [column.name for column in profile.columns if column.type == "string"]
    found = frame.select(pl.col(name).str.contains(_FORMULA).any() for name in texts).row(0) if texts else ()
    return frozenset(name for name, is_risky in zip(texts, found, strict=True) if is_risky)


def _cell(column: Column, width: int, style: CsvStyle, *, is_risky: bool) -> pl.Expr:
    value = pl.col(column.name)
    if column.type == "integer" and width > 1:
        return value
    text = column_text(column, value, mark=style.decimal)
    if is_risky:
        text = guarded(text)
    # A lone empty cell is quoted: an empty line would be read as no row.
    empty = text.fill_null("") if width == 1 else text.replace("", None) if column.type == "string" else text
    return empty.alias(column.name)


def _line(cells: Sequence[str], style: CsvStyle) -> bytes:
    frame = pl.DataFrame({str(index): [cell or None] for index, cell in enumerate(cells)})
    names = [pl.col(name).cast(pl.String) for name in frame.columns]
    return _encoded(frame.select(names).select(guarded(pl.col(name)).alias(name) for name in frame.columns), style)


def _encoded(frame: pl.DataFrame, style: CsvStyle) -> bytes:
    sink = io.BytesIO()
    frame.write_csv(
        sink, include_header=False, separator=style.delimiter, line_terminator=style.line_end, quote_style="necessary"
    )
    return sink.getvalue()
