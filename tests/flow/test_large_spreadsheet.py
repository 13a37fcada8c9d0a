"""A table longer than a sheet is one spreadsheet with two, at the real limit of 1,048,576 rows."""

from __future__ import annotations

import datetime
import zipfile
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from lading.exports import formats
from lading.exports.formats import ReportFacts
from lading.exports.mapping import MappingResult
from lading.exports.profile import parse
from lading.exports.tables import TableWriter

LIMIT = 1_048_576
ROWS = LIMIT + 2  # one of the first sheet's rows is the header


@pytest.mark.timeout(600)
def test_the_row_after_the_last_one_of_a_sheet_is_the_first_of_the_next(tmp_path: Path) -> None:  # P9 P10
    day = datetime.date(2025, 1, 1)
    profile = parse(
        {
            "profile": "p", "type": "t", "title": "Long", "formats": ["xlsx"], "file_name": "report",
            "source": {"name": "s", "query": "SELECT 1", "key": ["id"]},
            "columns": [{"name": "N", "type": "integer", "from": "n"}, {"name": "T", "type": "string", "from": "t"}],
            "totals": {"label": "TOTALT", "label_column": "T", "columns": {"N": "sum"}},
        }
    )  # fmt: skip
    schema = pl.Schema({"N": pl.Int64(), "T": pl.String()})
    with TableWriter(tmp_path / "table.arrow", schema) as writer:
        for start in range(0, ROWS, 16_384):
            numbers = pl.int_range(start, min(start + 16_384, ROWS), eager=True)
            writer.add(pl.DataFrame({"N": numbers, "T": numbers.cast(pl.String).str.zfill(9)}))
    result = MappingResult(ROWS, ROWS, 0, 0, (), {}, {"N": str(ROWS * (ROWS - 1) // 2)})

    (file,) = formats.write("xlsx", profile, tmp_path / "table.arrow", result, ReportFacts("org", day, day), tmp_path)

    with zipfile.ZipFile(file.path) as book:
        first = book.read("xl/worksheets/sheet1.xml")
    assert first.count(b"<row ") == LIMIT
    assert f'<row r="{LIMIT}"><c r="A{LIMIT}"'.encode() in first
    assert f'<autoFilter ref="A1:B{LIMIT}"/>'.encode() in first
    book = openpyxl.load_workbook(file.path, read_only=True)
    assert book.sheetnames == ["Rapport", "Rapport 2"]
    assert list(book["Rapport 2"].values) == [
        ("N", "T"),
        *((number, f"{number:09}") for number in range(LIMIT - 1, ROWS)),
        (ROWS * (ROWS - 1) // 2, "TOTALT"),
    ]
