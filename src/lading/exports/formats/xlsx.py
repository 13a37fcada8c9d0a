"""
A spreadsheet written in one pass and bounded memory, with the same bytes for the same table.

Columns become sheet XML by expressions (`sheet`), deflated into a zip whose bytes depend on contents alone.  A frozen,
filtered header, real numbers and real dates, a bold totals row; beyond 1,048,576 rows the table goes on in a next
sheet.  Nothing in the file comes from a clock: it is dated to the end of the period.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from typing import Final

import polars as pl

from lading.artifacts.zipwriter import ZipWriter
from lading.errors import ExportError
from lading.exports.ahead import ahead
from lading.exports.formats import workbook
from lading.exports.formats.report import Report, ReportFile
from lading.exports.formats.sheet import MAX_CHARS, MAX_DIGITS, ROW, is_too_long, letters, plain_cell, row_xml
from lading.exports.formats.text import column_text, mark_of, totals_row
from lading.exports.profile import Column, Profile
from lading.wire.exports import Notice

MEDIA_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAX_ROWS: Final = 1_048_576
MAX_COLUMNS: Final = 16_384
# A member of the zip stays below 4 GiB; the rows of one more slice always fit between the two.
MAX_SHEET_BYTES: Final = 3 << 30
_SLICE_ROWS: Final = 4096
_SLICE_BYTES: Final = 8 << 20


def write(report: Report) -> ReportFile:
    """Write the table as xlsx."""
    if len(report.profile.columns) > MAX_COLUMNS:
        raise ExportError(f"A spreadsheet holds {MAX_COLUMNS:,} columns; this report has more. Choose csv or parquet.")
    name = report.stem + ".xlsx"
    path = report.folder / name
    book = _Workbook(report)
    with path.open("w+b") as file:
        package = ZipWriter(file)
        for part, text in workbook.opening(report.profile.title, report.facts.organisation, report.facts.period_to):
            package.add(part, [text.encode("utf-8")], deflate=True)
        while not book.is_done:
            book.sheets += 1
            with closing(ahead(book.sheet())) as xml:
                package.add(f"xl/worksheets/sheet{book.sheets}.xml", xml, deflate=True)
        for part, text in workbook.closing(report.profile.xlsx.sheet, book.sheets, book.styles.formats):
            package.add(part, [text.encode("utf-8")], deflate=True)
        package.close()
    return ReportFile(name, path, MEDIA_TYPE, tuple(book.notices()))


@dataclass(frozen=True, slots=True)
class _Styles:
    """Number formats in use, and for each column its style and that of its total."""

    formats: tuple[str, ...]
    columns: list[int]
    totals: list[int]

    @classmethod
    def of(cls, profile: Profile) -> _Styles:
        wanted = [_number_format(column) for column in profile.columns]
        formats = tuple(dict.fromkeys(wanted))
        columns = [workbook.FIRST_FREE + 2 * formats.index(text) for text in wanted]
        counts = profile.totals.columns if profile.totals else {}
        totals = [
            workbook.FIRST_FREE + 2 * formats.index(text) + 1
            if column.name in counts and column.type in {"integer", "decimal"}
            else workbook.TOTAL_TEXT
            for column, text in zip(profile.columns, wanted, strict=True)
        ]
        return cls(formats, columns, totals)


def _number_format(column: Column) -> str:
    match column.type:
        case "integer" | "decimal":
            return column.number_format.spreadsheet
        case "date" | "timestamp":
            return column.date_format.spreadsheet
        case "string" | "boolean":
            return "@"


class _Workbook:
    """The sheets of a table, one after the other from one pass over its rows."""

    def __init__(self, report: Report) -> None:
        profile = report.profile
        self._profile = profile
        self._totals = dict(report.result.totals) if profile.totals else {}
        self._progress = report.progress
        self.styles = _Styles.of(profile)
        self._texts = [column.name for column in profile.columns if column.type == "string"]
        # Widths and the ends of sheets depend on slices, so slices must depend on the rows alone.
        slices = report.pieces(rows=_SLICE_ROWS, size=_SLICE_BYTES)
        first = next(slices, None)
        self._widths = _widths(profile, first)
        self._slices: Iterator[pl.DataFrame] = chain([] if first is None else [first], slices)
        self._held = next(self._slices, None)
        self._rows = 0
        self._too_long = 0
        self._owes_totals = bool(self._totals)
        self.sheets = 0

    @property
    def is_done(self) -> bool:
        return self.sheets > 0 and self._held is None and not self._owes_totals

    def notices(self) -> Iterator[Notice]:
        if self._too_long:
            message = "Texts over 32,767 characters were cut; a cell holds no more."
            yield Notice("text_truncated", message, self._too_long)

    def sheet(self) -> Iterator[bytes]:
        """Yield the XML of the next sheet, as much of the table as it holds."""
        head = _sheet_head(self._profile, self._widths, is_first=self.sheets == 1).encode("utf-8")
        yield head
        row, size = 1, len(head)
        while self._held is not None and row < MAX_ROWS and size < MAX_SHEET_BYTES:
            frame, rest = self._held.head(MAX_ROWS - row), self._held.slice(MAX_ROWS - row)
            chunk = self._rows_xml(frame, row + 1)
            row += frame.height
            size += len(chunk)
            self._held = rest if rest.height else next(self._slices, None)
            yield chunk
            self._rows += frame.height
            self._progress(self._rows)
        last = row
        if self._held is None and self._owes_totals and row < MAX_ROWS:
            self._owes_totals = False
            yield self._totals_xml(row + 1).encode("utf-8")
        last_cell = f"{letters(len(self._profile.columns) - 1)}{last}"
        yield f'</sheetData><autoFilter ref="A1:{last_cell}"/>{_SHEET_TAIL}'.encode()

    def _rows_xml(self, frame: pl.DataFrame, first: int) -> bytes:
        self._check_lengths(frame)
        numbers = pl.int_range(first, first + frame.height).cast(pl.String).alias(ROW)
        numbered = frame.with_columns(numbers)
        xml = row_xml(self._profile, self.styles.columns, numbered, text_style=workbook.TEXT)
        return numbered.select(xml.str.join("").cast(pl.Binary)).item()

    def _check_lengths(self, frame: pl.DataFrame) -> None:
        longest = frame.select(pl.col(name).str.len_bytes().max() for name in self._texts).row(0) if self._texts else ()
        unsure = [name for name, size in zip(self._texts, longest, strict=True) if (size or 0) > MAX_CHARS]
        found = sum(frame.select(is_too_long(pl.col(name)).sum() for name in unsure).row(0)) if unsure else 0
        if found and self._profile.xlsx.long_text == "fail":
            raise ExportError(
                f"{found} texts are over 32,767 characters, which no cell holds; choose csv, or cut them."
            )
        self._too_long += found

    def _totals_xml(self, row: int) -> str:
        texts = totals_row(self._profile, self._totals, mark=mark_of(self._profile))
        cells: list[str] = []
        for index, (column, text) in enumerate(zip(self._profile.columns, texts, strict=True)):
            style, letter, total = self.styles.totals[index], letters(index), self._totals.get(column.name, "")
            digits = sum(character.isdigit() for character in total)
            if style != workbook.TOTAL_TEXT and 0 < digits <= MAX_DIGITS:
                cells.append(f'<c r="{letter}{row}" s="{style}"><v>{total}</v></c>')
            else:
                cells.append(plain_cell(letter, row, workbook.TOTAL_TEXT, text))
        return f'<row r="{row}">{"".join(cells)}</row>'


def _widths(profile: Profile, sample: pl.DataFrame | None) -> list[int]:
    """Return a width in characters for each column: the profile's, or what the first rows need."""
    widths: list[int] = []
    for column in profile.columns:
        needed = len(column.name) + 4  # the filter's button stands in the header
        if sample is not None:
            text = column_text(column, pl.col(column.name), mark=",")
            needed = max(needed, (sample.select(text.str.len_chars().max()).item() or 0) + 2)
        widths.append(column.width or min(60, max(9, needed)))
    return widths


def _sheet_head(profile: Profile, widths: list[int], *, is_first: bool) -> str:
    columns = "".join(
        f'<col min="{i}" max="{i}" width="{width}" customWidth="1"/>' for i, width in enumerate(widths, 1)
    )
    header = "".join(
        plain_cell(letters(i), 1, workbook.HEADER, column.name) for i, column in enumerate(profile.columns)
    )
    selected = ' tabSelected="1"' if is_first else ""
    return (
        f'{workbook.XML}<worksheet xmlns="{workbook.MAIN}"><sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>'
        f'<sheetViews><sheetView{selected} workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
        '<selection pane="bottomLeft" activeCell="A2" sqref="A2"/></sheetView></sheetViews>'
        f'<sheetFormatPr defaultRowHeight="15"/><cols>{columns}</cols>'
        f'<sheetData><row r="1" ht="20" customHeight="1">{header}</row>'
    )


_SHEET_TAIL: Final = (
    '<pageMargins left="0.5" right="0.5" top="0.6" bottom="0.6" header="0.3" footer="0.3"/>'
    '<pageSetup paperSize="9" orientation="landscape" fitToWidth="1" fitToHeight="0"/>'
    "<headerFooter><oddFooter>&amp;L&amp;A&amp;R&amp;P / &amp;N</oddFooter></headerFooter></worksheet>"
)
