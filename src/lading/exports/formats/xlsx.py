"""
A spreadsheet written in one pass and bounded memory, with the same bytes for the same table.

Columns become sheet XML by expressions (`sheet`), deflated into a zip whose bytes depend on contents alone.  A frozen,
filtered header, real numbers and real dates, a bold totals row; beyond 1,048,576 rows the table goes on in a next
sheet.  Nothing in the file comes from a clock: it is dated to the end of the period.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape, quoteattr

import polars as pl

from lading.artifacts.zipwriter import ZipWriter
from lading.errors import ExportError
from lading.exports.formats.report import ReportFacts, ReportFile
from lading.exports.formats.sheet import ROW, is_too_long, letters, plain_cell, row_xml
from lading.exports.formats.text import column_text, mark_of, number_text, pattern_of
from lading.exports.mapping import MappingResult
from lading.exports.profile import Column, Profile
from lading.exports.tables import frames
from lading.wire.exports import Notice

MEDIA_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAX_ROWS: Final = 1_048_576
# A member of the zip stays below 4 GiB; the rows of one more slice always fit between the two.
MAX_SHEET_BYTES: Final = 3 << 30
_SLICE_ROWS: Final = 4096
_XML: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_OFFICE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_HEADER, _TEXT, _TOTAL_TEXT, _FIRST_FREE = 1, 2, 3, 4


def write(
    profile: Profile,
    table: Path,
    result: MappingResult,
    facts: ReportFacts,
    folder: Path,
    progress: Callable[[int], None],
) -> ReportFile:
    """Write the table as xlsx into `folder`."""
    name = profile.file_stem(facts.period_from, facts.period_to) + ".xlsx"
    path = folder / name
    book = _Workbook(profile, table, result, progress)
    with path.open("w+b") as file:
        package = ZipWriter(file)
        for part, text in _opening(profile, facts):
            package.add(part, [text.encode("utf-8")], deflate=True)
        while not book.is_done:
            book.sheets += 1
            package.add(f"xl/worksheets/sheet{book.sheets}.xml", book.sheet(), deflate=True)
        for part, text in _closing(profile, book.sheets, book.styles):
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
        columns = [_FIRST_FREE + 2 * formats.index(text) for text in wanted]
        counts = profile.totals.columns if profile.totals else {}
        totals = [
            _FIRST_FREE + 2 * formats.index(text) + 1
            if column.name in counts and column.type in {"integer", "decimal"}
            else _TOTAL_TEXT
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

    def __init__(self, profile: Profile, table: Path, result: MappingResult, progress: Callable[[int], None]) -> None:
        self._profile = profile
        self._totals = dict(result.totals) if profile.totals else {}
        self._progress = progress
        self.styles = _Styles.of(profile)
        self._row_xml = row_xml(profile, self.styles.columns, text_style=_TEXT)
        slices = (part for frame in frames(table) for part in frame.iter_slices(_SLICE_ROWS))
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
            yield Notice(
                "text_truncated", "Texts over 32,767 characters were cut; a cell holds no more.", self._too_long
            )

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
        return frame.with_columns(numbers).select(self._row_xml.str.join("")).item().encode("utf-8")

    def _check_lengths(self, frame: pl.DataFrame) -> None:
        texts = [pl.col(column.name) for column in self._profile.columns if column.type == "string"]
        if not texts:
            return
        found = sum(frame.select(is_too_long(text).sum() for text in texts).row(0))
        if found and self._profile.xlsx.long_text == "fail":
            raise ExportError(
                f"{found} texts are over 32,767 characters, which no cell holds; choose csv, or cut them."
            )
        self._too_long += found

    def _totals_xml(self, row: int) -> str:
        cells: list[str] = []
        for index, column in enumerate(self._profile.columns):
            style, letter = self.styles.totals[index], letters(index)
            total = self._totals.get(column.name)
            if total is not None and len(total.strip("-").replace(".", "")) <= 15 and style != _TOTAL_TEXT:
                cells.append(f'<c r="{letter}{row}" s="{style}"><v>{Decimal(total)}</v></c>')
            else:
                text = (
                    number_text(total, pattern_of(self._profile, column.name), mark=mark_of(self._profile))
                    if total is not None
                    else ""
                )
                is_label = self._profile.totals is not None and column.name == self._profile.totals.label_column
                label = self._profile.totals.label if is_label and self._profile.totals else text
                cells.append(plain_cell(letter, row, _TOTAL_TEXT, label))
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
    header = "".join(plain_cell(letters(i), 1, _HEADER, column.name) for i, column in enumerate(profile.columns))
    selected = ' tabSelected="1"' if is_first else ""
    return (
        f'{_XML}<worksheet xmlns="{_MAIN}"><sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>'
        f'<sheetViews><sheetView{selected} workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" '
        f'state="frozen"/><selection pane="bottomLeft" activeCell="A2" sqref="A2"/></sheetView></sheetViews>'
        f'<sheetFormatPr defaultRowHeight="15"/><cols>{columns}</cols>'
        f'<sheetData><row r="1" ht="20" customHeight="1">{header}</row>'
    )


_SHEET_TAIL: Final = (
    '<pageMargins left="0.5" right="0.5" top="0.6" bottom="0.6" header="0.3" footer="0.3"/>'
    '<pageSetup paperSize="9" orientation="landscape" fitToWidth="1" fitToHeight="0"/>'
    "<headerFooter><oddFooter>&amp;L&amp;A&amp;R&amp;P / &amp;N</oddFooter></headerFooter></worksheet>"
)


def _opening(profile: Profile, facts: ReportFacts) -> Iterator[tuple[str, str]]:
    """Yield the parts that are known before the rows; programs look at the first of them to know the file."""
    instant = f'xsi:type="dcterms:W3CDTF">{facts.period_to.isoformat()}T00:00:00Z<'
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    yield (
        "_rels/.rels",
        f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{office}/officeDocument" Target="xl/workbook.xml"/>'
        f'<Relationship Id="rId2" Type="{_PACKAGE}/relationships/metadata/core-properties" Target="docProps/core.xml"/>'
        f'<Relationship Id="rId3" Type="{office}/extended-properties" Target="docProps/app.xml"/></Relationships>',
    )
    yield (
        "docProps/core.xml",
        f'{_XML}<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        f'xmlns:dcterms="http://purl.org/dc/terms/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<dc:title>{escape(profile.title)}</dc:title><dc:creator>{escape(facts.organisation)}</dc:creator>"
        f"<dcterms:created {instant}/dcterms:created><dcterms:modified {instant}/dcterms:modified></cp:coreProperties>",
    )
    yield (
        "docProps/app.xml",
        f'{_XML}<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/extended-properties">'
        f"<Application>Lading</Application></Properties>",
    )


def _closing(profile: Profile, sheets: int, styles: _Styles) -> Iterator[tuple[str, str]]:
    """Yield the parts that know how many sheets there are."""
    numbers = range(1, sheets + 1)
    names = [profile.xlsx.sheet if number == 1 else f"{profile.xlsx.sheet} {number}" for number in numbers]
    entries = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{n}" r:id="rId{n}"/>' for n, name in zip(numbers, names, strict=True)
    )
    yield (
        "xl/workbook.xml",
        f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><bookViews><workbookView activeTab="0"/></bookViews>'
        f"<sheets>{entries}</sheets><definedNames>{_print_titles(names)}</definedNames></workbook>",
    )
    links = "".join(
        f'<Relationship Id="rId{n}" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers
    )
    yield (
        "xl/_rels/workbook.xml.rels",
        f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{links}'
        f'<Relationship Id="rId{sheets + 1}" Type="{_RELATIONS}/styles" Target="styles.xml"/></Relationships>',
    )
    yield "xl/styles.xml", _styles_xml(styles)
    parts = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{_OFFICE}.worksheet+xml"/>' for n in numbers
    )
    yield (
        "[Content_Types].xml",
        f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
        f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_OFFICE}.sheet.main+xml"/>{parts}'
        f'<Override PartName="/xl/styles.xml" ContentType="{_OFFICE}.styles+xml"/>'
        f'<Override PartName="/docProps/core.xml" ContentType="application/vnd.openxmlformats-package.core-properties+xml"/>'
        f'<Override PartName="/docProps/app.xml" '
        f'ContentType="application/vnd.openxmlformats-officedocument.extended-properties+xml"/></Types>',
    )


def _print_titles(names: list[str]) -> str:
    """Return the names that repeat the header on every printed page."""
    return "".join(
        f'<definedName name="_xlnm.Print_Titles" localSheetId="{index}">{escape(chr(39) + name + chr(39))}!$1:$1</definedName>'
        for index, name in enumerate(names)
    )


def _styles_xml(styles: _Styles) -> str:
    ids = {text: {"General": 0, "@": 49}.get(text, 164 + index) for index, text in enumerate(styles.formats)}
    formats = "".join(
        f'<numFmt numFmtId="{number}" formatCode={quoteattr(text)}/>' for text, number in ids.items() if number >= 164
    )
    count = sum(number >= 164 for number in ids.values())
    declared = f'<numFmts count="{count}">{formats}</numFmts>' if count else ""
    free = "".join(
        f'<xf numFmtId="{number}" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
        f'<xf numFmtId="{number}" fontId="1" fillId="0" borderId="1" xfId="0" applyNumberFormat="1" applyFont="1" applyBorder="1"/>'
        for number in ids.values()
    )
    return (
        f'{_XML}<styleSheet xmlns="{_MAIN}">{declared}'
        '<fonts count="3"><font><sz val="11"/><name val="Calibri"/><family val="2"/></font>'
        '<font><b/><sz val="11"/><name val="Calibri"/><family val="2"/></font>'
        '<font><b/><sz val="11"/><color rgb="FFFFFFFF"/><name val="Calibri"/><family val="2"/></font></fonts>'
        '<fills count="3"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
        '<fill><patternFill patternType="solid"><fgColor rgb="FF1F3A4D"/><bgColor indexed="64"/></patternFill></fill></fills>'
        '<borders count="2"><border><left/><right/><top/><bottom/><diagonal/></border>'
        '<border><left/><right/><top style="thin"><color rgb="FF1F3A4D"/></top><bottom style="double">'
        '<color rgb="FF1F3A4D"/></bottom><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        f'<cellXfs count="{_FIRST_FREE + 2 * len(ids)}"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
        '<xf numFmtId="49" fontId="2" fillId="2" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1" applyFill="1" '
        'applyAlignment="1"><alignment vertical="center"/></xf>'
        '<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
        '<xf numFmtId="49" fontId="1" fillId="0" borderId="1" xfId="0" applyNumberFormat="1" applyFont="1" applyBorder="1"/>'
        f"{free}</cellXfs>"
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    )
