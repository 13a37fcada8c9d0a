"""A mapped table is written so that its readers get every value back, and run none of them."""

from __future__ import annotations

import csv
import datetime
import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lading.errors import ExportError
from lading.exports import formats
from lading.exports.formats import ReportFacts, ReportFile, xlsx
from lading.exports.formats.text import number_text
from lading.exports.mapping import MappingResult
from lading.exports.patterns import number_pattern
from lading.exports.profile import Profile, parse
from lading.exports.tables import TableWriter

FACTS = ReportFacts("Nordlys (eksempel)", datetime.date(2025, 1, 1), datetime.date(2025, 12, 31))
TYPES = {
    "string": pl.String(),
    "integer": pl.Int64(),
    "date": pl.Date(),
    "timestamp": pl.Datetime("us", "UTC"),
    "boolean": pl.Boolean(),
}
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def profile_of(columns: Sequence[Mapping[str, Any]], **more: Any) -> Profile:
    """A profile with these output columns."""
    source = {"name": "s", "query": "SELECT 1", "key": ["id"]}
    document = {"profile": "p", "type": "t", "title": "Årsrapport", "source": source, "formats": ["csv", "xlsx", "pdf"]}
    return parse(document | {"file_name": "report", "columns": [{"from": "x", **column} for column in columns], **more})


def write(
    format: Any,  # noqa: A002
    folder: Path,
    columns: Sequence[Mapping[str, Any]],
    rows: Mapping[str, Sequence[Any]],
    *,
    sums: Mapping[str, str] | None = None,
    facts: ReportFacts = FACTS,
    **more: Any,
) -> list[ReportFile]:
    """Write rows in a format."""
    profile = profile_of(columns, **more)
    schema = pl.Schema(
        {c.name: TYPES.get(c.type, pl.Decimal(38, c.number_format.scale)) for c in profile.columns},
    )
    frame = pl.DataFrame(dict(rows), schema=schema)
    with TableWriter(folder / "table.arrow", schema) as writer:
        writer.add(frame)
    result = MappingResult(frame.height, frame.height, 0, 0, (), {}, dict(sums or {}))
    return formats.write(format, profile, folder / "table.arrow", result, facts, folder)


def text_of(folder: Path, *args: Any, **kwargs: Any) -> str:
    """Return the csv as text."""
    return write("csv", folder, *args, **kwargs)[0].path.read_bytes().decode("utf-8")


def sheet_of(folder: Path, *args: Any, **kwargs: Any) -> Any:
    """Return the first sheet of the xlsx, read by another program."""
    return openpyxl.load_workbook(write("xlsx", folder, *args, **kwargs)[0].path).worksheets[0]


ALL = [
    {"name": "Tekst", "type": "string"},
    {"name": "Antall", "type": "integer"},
    {"name": "Timer", "type": "decimal", "format": "0.##"},
    {"name": "Dato", "type": "date"},
    {"name": "Tid", "type": "timestamp"},
    {"name": "Digital", "type": "boolean"},
]
ROWS: dict[str, list[Any]] = {
    "Tekst": ["Åse; Li", None],
    "Antall": [1234, None],
    "Timer": [Decimal("1.50"), None],
    "Dato": [datetime.date(2025, 3, 9), None],
    "Tid": [datetime.datetime(2025, 3, 9, 13, 5, tzinfo=datetime.UTC), None],
    "Digital": [True, None],
}


def test_csv_is_what_a_norwegian_spreadsheet_opens(tmp_path: Path) -> None:  # P9
    assert text_of(tmp_path, ALL, ROWS) == (
        '\ufeffTekst;Antall;Timer;Dato;Tid;Digital\r\n"Åse; Li";1234;1,5;09.03.2025;09.03.2025 14:05;Ja\r\n;;;;;\r\n'
    )


def test_csv_follows_the_profile(tmp_path: Path) -> None:
    style = {"delimiter": ",", "bom": False, "decimal": ".", "line_end": "lf"}

    assert text_of(tmp_path, ALL, ROWS, csv=style, language="en") == (
        "Tekst,Antall,Timer,Dato,Tid,Digital\nÅse; Li,1234,1.5,2025-03-09,2025-03-09 14:05,Yes\n,,,,,\n"
    )


def test_a_totals_row_ends_csv_and_xlsx(tmp_path: Path) -> None:  # B5
    totals = {"label": "TOTALT", "label_column": "Tekst", "columns": {"Antall": "sum", "Timer": "sum"}}

    sums = {"Antall": "1234", "Timer": "1.50"}

    text = text_of(tmp_path, ALL, ROWS, sums=sums, totals=totals)
    last = list(sheet_of(tmp_path, ALL, ROWS, sums=sums, totals=totals).values)[-1]

    assert text.splitlines()[-1] == "TOTALT;1234;1,5;;;"
    assert last == ("TOTALT", 1234, 1.5, None, None, None)


FORMULAS = [
    "=1+1",
    "+SUM(A1)",
    "-2+3",
    "@cmd",
    " =1",
    "\t=1",
    "\r=1",
    "\n=1",
    "\u00a0=1",
    "\u200b=1",
    "＝1+1",
    "＋a",
    "－a",
    "＠a",
    "+47 90 x",
    "=",
    "-",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_csv_cell_never_becomes_a_formula(tmp_path: Path, text: str) -> None:  # P9
    columns = [{"name": "A", "type": "string"}, {"name": "B", "type": "string"}]

    read = list(
        csv.reader(io.StringIO(text_of(tmp_path, columns, {"A": [text], "B": ["x"]})[1:], newline=""), delimiter=";")
    )

    assert read[1] == ["'" + text, "x"]


@pytest.mark.parametrize("text", ["-5", "+47 900 00 000", "-1,5", "1=1", "a@b.no", "12-13", "ren tekst", "'=1"])
def test_a_plain_csv_cell_is_left_alone(tmp_path: Path, text: str) -> None:
    assert text_of(tmp_path, [{"name": "A", "type": "string"}], {"A": [text]}).splitlines()[1] == text


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=8))
def test_every_text_survives_csv(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]) -> None:
    columns = [{"name": "A", "type": "string"}, {"name": "B", "type": "string"}]
    cells = {"A": [row[0] for row in rows], "B": [row[1] for row in rows]}

    text = text_of(tmp_path_factory.mktemp("csv"), columns, cells)
    read = list(csv.reader(io.StringIO(text[1:], newline=""), delimiter=";"))

    assert [[cell.removeprefix("'") for cell in row] for row in read[1:]] == [
        [cell.removeprefix("'") for cell in row] for row in rows
    ]


def test_an_empty_table_is_a_file_with_a_header(tmp_path: Path) -> None:  # P13
    nothing: dict[str, list[Any]] = {column["name"]: [] for column in ALL}

    assert text_of(tmp_path, ALL, nothing) == "\ufeffTekst;Antall;Timer;Dato;Tid;Digital\r\n"
    assert list(sheet_of(tmp_path, ALL, nothing).values) == [("Tekst", "Antall", "Timer", "Dato", "Tid", "Digital")]


def test_xlsx_holds_real_numbers_and_real_dates(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path, ALL, ROWS)

    assert [cell.value for cell in sheet[2]] == [
        "Åse; Li",
        1234,
        1.5,
        datetime.datetime(2025, 3, 9),  # noqa: DTZ001
        datetime.datetime(2025, 3, 9, 14, 5),  # noqa: DTZ001
        "Ja",
    ]
    assert [cell.number_format for cell in sheet[2]] == ["@", "0", "General", "dd.mm.yyyy", "dd.mm.yyyy hh:mm", "@"]
    assert [cell.value for cell in sheet[3]] == [None] * 6
    assert (sheet.freeze_panes, sheet.auto_filter.ref, sheet["A1"].font.b) == ("A2", "A1:F3", True)


def test_xlsx_writes_as_text_what_a_spreadsheet_cannot_hold(tmp_path: Path) -> None:
    columns = [
        {"name": "N", "type": "integer"},
        {"name": "D", "type": "decimal", "format": "0.00"},
        {"name": "T", "type": "date"},
    ]
    rows = {
        "N": [999_999_999_999_999, 1_000_000_000_000_000, -(2**63)],
        "D": [Decimal("9999999999999.99"), Decimal("10000000000000.00"), Decimal("-10000000000000.00")],
        "T": [datetime.date(1900, 3, 1), datetime.date(1899, 12, 31), None],
    }

    sheet = sheet_of(tmp_path, columns, rows)

    assert [cell.value for cell in sheet[2]] == [999_999_999_999_999, 9999999999999.99, datetime.datetime(1900, 3, 1)]  # noqa: DTZ001
    assert [cell.value for cell in sheet[3]] == ["1000000000000000", "10000000000000,00", "31.12.1899"]
    assert [cell.value for cell in sheet[4]] == ["-9223372036854775808", "-10000000000000,00", None]


@pytest.mark.parametrize(
    "text", [*FORMULAS, "_x0041_", "_x0041_x0041_", "a\x00\x1b\x0bb", "a\r\nb", " x ", "\ufffe\uffff", "<&>\"'", "😀"]
)
def test_every_text_survives_xlsx_and_none_is_a_formula(tmp_path: Path, text: str) -> None:  # P9
    path = write("xlsx", tmp_path, [{"name": "A", "type": "string"}], {"A": [text]})[0].path

    sheet = openpyxl.load_workbook(path).worksheets[0]

    xml = zipfile.ZipFile(path).read("xl/worksheets/sheet1.xml").decode()
    assert sheet["A2"].data_type == "s"
    assert "<f>" not in xml
    cell = re.search(r'<c r="A2"[^>]*><is><t[^>]*>(.*)</t>', xml, re.DOTALL)
    assert cell is not None
    assert decoded(cell[1]) == text


def decoded(xml: str) -> str:
    """Return the text of a cell as the standard says it is read."""
    plain = xml.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), plain)


def test_a_text_over_the_limit_of_a_cell_is_cut_and_told_or_refused(tmp_path: Path) -> None:
    columns, rows = [{"name": "A", "type": "string"}], {"A": ["x" * 32_767, "y" * 32_768, "😀" * 20_000]}

    (file,) = write("xlsx", tmp_path, columns, rows)

    cells = [row[0] for row in openpyxl.load_workbook(file.path).worksheets[0].values]
    assert cells[1] == "x" * 32_767
    assert all(len(cell.encode("utf-16-le")) // 2 <= 32_767 and cell.endswith("…") for cell in cells[2:])
    assert [(notice.code, notice.count) for notice in file.notices] == [("text_truncated", 2)]
    with pytest.raises(ExportError, match="32,767"):
        write("xlsx", tmp_path, columns, rows, xlsx={"long_text": "fail"})


def test_a_table_beyond_the_last_row_goes_on_in_a_next_sheet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # P9
    monkeypatch.setattr(xlsx, "MAX_ROWS", 1001)
    monkeypatch.setattr(xlsx, "_SLICE_ROWS", 300)

    (file,) = write(
        "xlsx", tmp_path, [{"name": "A", "type": "integer"}], {"A": list(range(2500))}, xlsx={"sheet": "Data"}
    )

    book = openpyxl.load_workbook(file.path)
    assert book.sheetnames == ["Data", "Data 2", "Data 3"]
    assert [sheet["A1"].value for sheet in book.worksheets] == ["A"] * 3
    assert [row[0] for sheet in book.worksheets for row in list(sheet.values)[1:]] == list(range(2500))


def test_a_column_may_be_called_anything(tmp_path: Path) -> None:
    names = ["row", "part", "<b>", "=1+1", "s:x", "æ"]
    columns = [{"name": name, "type": "integer"} for name in names]
    rows = {name: [index] for index, name in enumerate(names)}

    assert list(sheet_of(tmp_path, columns, rows).values) == [tuple(names), tuple(range(6))]
    assert text_of(tmp_path, columns, rows).splitlines()[0] == "\ufeffrow;part;<b>;'=1+1;s:x;æ"


@pytest.mark.parametrize("format", ["csv", "xlsx", "pdf"])
def test_the_same_table_gives_the_same_bytes(tmp_path: Path, format: Any) -> None:  # noqa: A002  # P12
    once = write(format, tmp_path, ALL, ROWS)[0].path.read_bytes()

    assert write(format, tmp_path, ALL, ROWS)[0].path.read_bytes() == once


@pytest.mark.parametrize(
    ("number", "pattern", "grouped", "text"),
    [
        ("0.005", "0.00", False, "0,01"),
        ("-1234567.5", "0.00", True, "\u22121\u00a0234\u00a0567,50"),
        ("100", "0.##", False, "100"),
        ("-0.5", "0.0", True, "\u22120,5"),
        ("999.999", "#,##0.0#", True, "1\u00a0000,0"),
    ],
)
def test_one_number_is_written_by_its_pattern(number: str, pattern: str, grouped: bool, text: str) -> None:
    assert number_text(number, number_pattern(pattern), mark=",", is_grouped=grouped) == text
