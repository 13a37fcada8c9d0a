"""
XLSX: one sheet, read row by row without unpacking it.

A number is the digits of the file, a day is a day where the cell's format says so, text is text; formulas give the
value they had when the file was saved.  Only the texts that cells share are held in memory, up to a limit.  What a
sheet unpacks to is bounded, so that a small file can't be a large one.
"""

from __future__ import annotations

import datetime
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from xml.parsers import expat

import pyarrow as pa

from lading.errors import SourceRefused
from lading.sources import typing_text
from lading.sources.model import Rewrite
from lading.sources.read import Read
from lading.sources.readers.file import MOST_COLUMNS, File

_FILE_BYTES: Final = 256 << 20
_SHEET_BYTES: Final = 2 << 30
_SHARED_BYTES: Final = 64 << 20
_PART_BYTES: Final = 8 << 20
_CHUNK: Final = 1 << 16
_ROWS: Final = 2048
_ODD_FORMATS: Final = frozenset({*range(14, 23), *range(27, 37), 45, 46, 47, *range(50, 59)})
_LITERALS: Final = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
_DATE_LETTERS: Final = re.compile(r"[dmyhs]", re.IGNORECASE)

_CELL: Final = re.compile(r"([A-Z]{1,3})([0-9]+)")


def read(file: File, read: Read, _rewritten: list[Rewrite]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a sheet, first an empty batch; its first row has the names."""
    if file.size > _FILE_BYTES:
        raise SourceRefused(f"{file.name} is over {_FILE_BYTES >> 20} MiB. Save the sheet as CSV and read that.")
    try:
        with zipfile.ZipFile(file.handle) as archive:
            yield from _batches(file, read, _Book(file, archive, read))
    except (zipfile.BadZipFile, expat.ExpatError, KeyError, ValueError, EOFError, RuntimeError) as error:
        raise SourceRefused(
            f"{file.name} can't be read as XLSX ({type(error).__name__}). Open it and save it again, without password."
        ) from None


def _batches(file: File, read: Read, book: _Book) -> Iterator[pa.RecordBatch]:
    rows = book.rows()
    first = next(((line, cells) for line, cells in rows if any(cells)), None)
    if first is None:
        raise SourceRefused(f"{file.name} has an empty sheet. Give it a row with the names of the columns.")
    line, header = first
    names = [(name or "").strip() for name in header]
    wanted = list(read.columns) or [name for name in names if name]
    for name in wanted:
        if names.count(name) != 1:
            there = "no column" if name not in names else "two columns"
            raise file.bad(line, f"the header has {there} {name!r}")
    schema = typing_text.schema_of(wanted, read)
    places = [names.index(name) for name in wanted]
    yield pa.RecordBatch.from_pylist([], schema=schema)
    held: list[Sequence[str | None]] = []
    lines: list[int] = []
    for number, cells in rows:
        if any(cell is not None for cell in cells):
            held.append([cells[at] if at < len(cells) else None for at in places])
            lines.append(number)
        if len(held) >= _ROWS:
            yield _batch(held, lines, schema, read=read, file=file)
            held, lines = [], []
    if held:
        yield _batch(held, lines, schema, read=read, file=file)


def _batch(
    held: Sequence[Sequence[str | None]], lines: Sequence[int], schema: pa.Schema, *, read: Read, file: File
) -> pa.RecordBatch:
    arrays = [
        typing_text.column(texts, read.columns.get(name, "string"), read, name=name, file=file.name, lines=lines)
        for name, texts in zip(schema.names, zip(*held, strict=True), strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


class _Book:
    """The parts of a workbook that a sheet needs."""

    def __init__(self, file: File, archive: zipfile.ZipFile, read: Read) -> None:
        self._file: Final = file
        self._archive: Final = archive
        self._dates: Final = read.dates
        self._sheet: Final = self._find(read.sheet)
        self._shared: Final = self._strings()
        self._days: Final = self._date_styles()

    def rows(self) -> Iterator[tuple[int, list[str | None]]]:
        """Yield each row that the sheet has, with its number, cells in the order of the columns."""
        ready: list[tuple[int, list[str | None]]] = []
        cells: list[str | None] = []
        at: dict[str, Any] = {"row": 0, "column": 0, "kind": "n", "style": 0, "text": None}

        def start(tag: str, given: Mapping[str, str]) -> None:
            match _local(tag):
                case "row":
                    at["row"] = int(given.get("r", at["row"] + 1))
                    at["column"] = 0
                    cells.clear()
                case "c":
                    found = _CELL.fullmatch(given.get("r", ""))
                    at["column"] = _number(found[1]) if found else at["column"] + 1
                    if at["column"] > MOST_COLUMNS:
                        raise self._file.bad(at["row"], f"it has over {MOST_COLUMNS} columns")
                    at["kind"], at["style"], at["value"] = given.get("t", "n"), int(given.get("s", 0)), []
                case "v" | "t":
                    at["text"] = at.get("value")
                case _:
                    pass

        def end(tag: str) -> None:
            match _local(tag):
                case "v" | "t":
                    at["text"] = None
                case "c":
                    cells.extend([None] * (at["column"] - 1 - len(cells)))
                    cells.append(
                        self._value(at["kind"], at["style"], "".join(at["value"]), has_value=bool(at["value"]))
                    )
                case "row":
                    ready.append((at["row"], list(cells)))
                case _:
                    pass

        def text(data: str) -> None:
            if at["text"] is not None:
                at["text"].append(data)

        parser = _parser(start, end, text)
        for _ in self._fed(parser, self._sheet, _SHEET_BYTES):
            yield from ready
            ready.clear()
        yield from ready

    def _value(self, kind: str, style: int, text: str, *, has_value: bool) -> str | None:
        if not has_value:
            return None
        match kind:
            case "s":
                return self._shared[int(text)]
            case "str" | "inlineStr" | "d":
                return text
            case "b":
                return "true" if text == "1" else "false"
            case "e":
                return None
            case _:
                return self._day(text) if style in self._days else plain(text)

    def _day(self, text: str) -> str:
        moment = moment_of(text, is_1904=self._is_1904)
        if moment is None:
            return plain(text)
        if moment.time() == datetime.time():
            return moment.strftime(self._dates)
        return moment.isoformat(sep=" ", timespec="microseconds" if moment.microsecond else "seconds")

    def _find(self, wanted: str | None) -> str:
        sheets: list[tuple[str, str]] = []
        self._is_1904 = False

        def start(tag: str, given: Mapping[str, str]) -> None:
            if _local(tag) == "sheet":
                reference = next((value for name, value in given.items() if name.endswith(":id") or name == "id"), "")
                sheets.append((given.get("name", ""), reference))
            if _local(tag) == "workbookPr":
                self._is_1904 = given.get("date1904", "0") in {"1", "true"}

        self._parse("xl/workbook.xml", start)
        chosen = next((pair for pair in sheets if wanted is None or pair[0] == wanted), None)
        if chosen is None:
            shown = ", ".join(repr(name) for name, _ in sheets[:10])
            raise SourceRefused(
                f"{self._file.name} has no sheet {wanted!r}; it has: {shown}. Correct source.read.sheet."
            )
        targets: dict[str, str] = {}

        def relation(tag: str, given: Mapping[str, str]) -> None:
            if _local(tag) == "Relationship":
                targets[given["Id"]] = given["Target"]

        self._parse("xl/_rels/workbook.xml.rels", relation)
        target = targets[chosen[1]]
        return target.removeprefix("/") if target.startswith("/") else f"xl/{target}"

    def _strings(self) -> list[str]:
        found: list[str] = []
        if "xl/sharedStrings.xml" not in self._archive.namelist():
            return found
        parts: list[str] = []
        state = {"in_text": False, "is_phonetic": False}

        def start(tag: str, _given: Mapping[str, str]) -> None:
            match _local(tag):
                case "si":
                    parts.clear()
                case "rPh":
                    state["is_phonetic"] = True
                case "t":
                    state["in_text"] = not state["is_phonetic"]
                case _:
                    pass

        def end(tag: str) -> None:
            match _local(tag):
                case "si":
                    found.append("".join(parts))
                case "rPh":
                    state["is_phonetic"] = False
                case "t":
                    state["in_text"] = False
                case _:
                    pass

        def text(data: str) -> None:
            if state["in_text"]:
                parts.append(data)

        for _ in self._fed(_parser(start, end, text), "xl/sharedStrings.xml", _SHARED_BYTES):
            pass
        return found

    def _date_styles(self) -> frozenset[int]:
        """Return which cell styles show a number as a date or a time."""
        custom: dict[int, str] = {}
        formats: list[int] = []
        state = {"is_inside": False}

        def start(tag: str, given: Mapping[str, str]) -> None:
            match _local(tag):
                case "numFmt":
                    custom[int(given["numFmtId"])] = given.get("formatCode", "")
                case "cellXfs":
                    state["is_inside"] = True
                case "xf" if state["is_inside"]:
                    formats.append(int(given.get("numFmtId", 0)))
                case _:
                    pass

        def end(tag: str) -> None:
            if _local(tag) == "cellXfs":
                state["is_inside"] = False

        if "xl/styles.xml" in self._archive.namelist():
            self._parse("xl/styles.xml", start, end)
        return frozenset(
            style
            for style, number in enumerate(formats)
            if (is_date(custom[number]) if number in custom else number in _ODD_FORMATS)
        )

    def _parse(self, part: str, start: Any, end: Any = None) -> None:
        for _ in self._fed(_parser(start, end, None), part, _PART_BYTES):
            pass

    def _fed(self, parser: Any, part: str, most: int) -> Iterator[None]:
        size = 0
        with self._archive.open(part) as opened:
            while chunk := opened.read(_CHUNK):
                size += len(chunk)
                if size > most:
                    raise SourceRefused(
                        f"{part} of {self._file.name} unpacks to over {most >> 20} MiB. "
                        "Save the sheet as CSV and read that."
                    )
                parser.Parse(chunk, False)  # noqa: FBT003 - expat's own
                yield
        parser.Parse(b"", True)  # noqa: FBT003 - as above
        yield


def _parser(start: Any, end: Any, text: Any) -> Any:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text

    def refuse(*_: object) -> None:
        raise ValueError("a document type")

    # No entities: they are how a few bytes of XML become gigabytes.
    parser.StartDoctypeDeclHandler = refuse
    return parser


def _local(tag: str) -> str:
    return tag.rpartition(":")[2]


def _number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def is_date(code: str) -> bool:
    """
    Tell whether a number format shows a day or a time.

    >>> is_date("yyyy-mm-dd"), is_date('0.00" dkr"'), is_date("[Red]#,##0")
    (True, False, False)
    """
    return bool(_DATE_LETTERS.search(_LITERALS.sub("", code.partition(";")[0])))


def plain(text: str) -> str:
    """
    Return a number of a cell without the dust of binary fractions and without exponent.

    >>> plain("0.10000000000000001"), plain("1E-7"), plain("12"), plain("3.0")
    ('0.1', '0.0000001', '12', '3')
    """
    try:
        exact = Decimal(text)
        if exact == exact.to_integral_value() and abs(exact) < 10**18:
            return str(int(exact))
        return format(Decimal(repr(float(text))), "f")
    except (InvalidOperation, ValueError, OverflowError):
        return text


def moment_of(text: str, *, is_1904: bool) -> datetime.datetime | None:
    """
    Return the moment that a serial number is; None for a bare time of day, a negative and what is no number.

    Excel counts a 29 February 1900 that never was: numbers before it are one day later than they seem.

    >>> moment_of("45351.5", is_1904=False), moment_of("1", is_1904=False)
    (datetime.datetime(2024, 2, 29, 12, 0), datetime.datetime(1900, 1, 1, 0, 0))
    """
    try:
        days = float(text)
    except ValueError:
        return None
    if not 1 <= days < 2_958_466 or (not is_1904 and 60 <= days < 61):
        return None
    base = datetime.datetime(1904, 1, 1) if is_1904 else datetime.datetime(1899, 12, 30 if days >= 60 else 31)  # noqa: DTZ001 - a cell has no zone
    # Whole milliseconds: what is finer is dust of the fraction.
    return base + datetime.timedelta(milliseconds=round(days * 86_400_000))
