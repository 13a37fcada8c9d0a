"""Programs that are not ours open every format and read what was written."""

from __future__ import annotations

import csv
import datetime
import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import polars as pl
import pytest

from lading.exports import formats
from lading.exports.formats import ReportFacts
from lading.exports.mapping import MappingResult
from lading.exports.profile import parse
from lading.exports.tables import TableWriter

FACTS = ReportFacts("Nordlys (eksempel)", datetime.date(2025, 1, 1), datetime.date(2025, 12, 31))
COLUMNS = [
    {"name": "Nr", "type": "string"},
    {"name": "Navn", "type": "string"},
    {"name": "Antall", "type": "integer"},
    {"name": "Beløp i kroner", "type": "decimal", "format": "0.00"},
    {"name": "Dato", "type": "date", "format": "YYYY-MM-DD"},
    {"name": "Tid", "type": "timestamp", "format": "YYYY-MM-DD HH:mm:ss"},
    {"name": "Digital", "type": "boolean"},
]
SCHEMA = pl.Schema(
    {
        "Nr": pl.String(),
        "Navn": pl.String(),
        "Antall": pl.Int64(),
        "Beløp i kroner": pl.Decimal(38, 2),
        "Dato": pl.Date(),
        "Tid": pl.Datetime("us", "UTC"),
        "Digital": pl.Boolean(),
    }
)
SUMMER = datetime.datetime(2025, 7, 1, 12, 30, tzinfo=datetime.UTC)
ROWS: dict[str, list[Any]] = {
    "Nr": ["007", "12345678901234567890", "1E5", "2025-01-02", "0x1F", None],
    "Navn": ["=HYPERLINK(1)", 'Åse "Li"; mor\tog\nfar, 王小明 😀', "@x", "_x0041_ a\x01b", "  ", "siste"],
    "Antall": [1, 999_999_999_999_999, 1_234_567_890_123_456_789, -7, 0, None],
    "Beløp i kroner": [Decimal("0.10"), Decimal("-1234567890123.45"), Decimal("12345678901234567890.12"), *[None] * 3],
    "Dato": [
        datetime.date(1899, 12, 31), datetime.date(1900, 2, 28), datetime.date(1900, 3, 1), datetime.date(2025, 2, 28),
        datetime.date(9999, 12, 31), None,
    ],
    "Tid": [SUMMER, SUMMER + datetime.timedelta(seconds=1, days=180), None, None, None, None],
    "Digital": [True, False, None, None, None, None],
}  # fmt: skip


def write(form: Any, folder: Path, rows: Mapping[str, Sequence[Any]] = ROWS, **more: Any) -> Path:
    """Write rows in a format."""
    document = {
        "profile": "p", "type": "t", "title": "Årsrapport", "formats": ["csv"], "file_name": "report",
        "source": {"name": "s", "query": "SELECT 1", "key": ["id"]},
        "columns": [{"from": "x", **column} for column in COLUMNS],
    }  # fmt: skip
    frame = pl.DataFrame(dict(rows), schema=SCHEMA)
    with TableWriter(folder / "table.arrow", SCHEMA) as writer:
        writer.add(frame)
    result = MappingResult(frame.height, frame.height, 0, 0, (), {}, {})
    return formats.write(form, parse(document | more), folder / "table.arrow", result, FACTS, folder)[0].path


def tool(name: str, package: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed here (Debian: {package})")
    return found


def asked(statement: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(statement).fetchall()


def rows_of(rows: Mapping[str, Sequence[Any]] = ROWS) -> list[tuple[Any, ...]]:
    return list(zip(*rows.values(), strict=True))


def test_duckdb_reads_parquet_with_types(tmp_path: Path) -> None:  # P9
    path = write("parquet", tmp_path)

    types = [row[1] for row in asked(f"DESCRIBE SELECT * FROM read_parquet('{path}')")]
    read = asked(f"SELECT * EXCLUDE (Tid), epoch_us(Tid) FROM read_parquet('{path}')")

    assert types == [
        "VARCHAR", "VARCHAR", "BIGINT", "DECIMAL(38,2)", "DATE", "TIMESTAMP WITH TIME ZONE", "BOOLEAN",
    ]  # fmt: skip
    instants = [None if row[5] is None else round(row[5].timestamp() * 1_000_000) for row in rows_of()]
    assert read == [(*row[:5], row[6], instant) for row, instant in zip(rows_of(), instants, strict=True)]


@pytest.mark.parametrize("form", ["csv", "tsv"])
def test_duckdb_reads_csv_and_tsv(tmp_path: Path, form: str) -> None:  # P9
    style = {"delimiter": "\t" if form == "tsv" else ";", "decimal": "."}
    path = write(form, tmp_path, csv={"decimal": "."})

    read = asked(
        f"SELECT * FROM read_csv('{path}', delim='{style['delimiter']}', quote='\"', escape='\"', header=true,"
        " all_varchar=true, auto_detect=false, nullstr='', strict_mode=true, columns={"
        + ", ".join(f"'{column['name']}': 'VARCHAR'" for column in COLUMNS)
        + "})"
    )

    assert [row[0] for row in read] == ROWS["Nr"]
    assert [row[1] for row in read] == ["'=HYPERLINK(1)", ROWS["Navn"][1], "'@x", *ROWS["Navn"][3:]]
    assert [row[2] for row in read] == [None if n is None else str(n) for n in ROWS["Antall"]]
    assert [row[3] for row in read] == [None if n is None else str(n) for n in ROWS["Beløp i kroner"]]
    assert [row[4] for row in read] == [None if day is None else day.isoformat() for day in ROWS["Dato"]]
    assert [row[5] for row in read][:2] == ["2025-07-01 14:30:00", "2025-12-28 13:30:01"]
    assert [row[6] for row in read][:3] == ["Ja", "Nei", None]


def test_duckdb_reads_json_and_ndjson(tmp_path: Path) -> None:  # P9
    typed = (
        "{Nr: 'VARCHAR', Navn: 'VARCHAR', Antall: 'BIGINT', \"Beløp i kroner\": 'DECIMAL(38,2)', Dato: 'DATE',"
        " Tid: 'TIMESTAMPTZ', Digital: 'BOOLEAN'}"
    )
    lines = write("ndjson", tmp_path, json={"numbers": "text"})
    document = write("json", tmp_path)

    read = asked(f"SELECT * EXCLUDE (Tid) FROM read_json('{lines}', format='newline_delimited', columns={typed})")
    counted = asked(f"SELECT len(rows), row_count, period.to FROM read_json('{document}', format='unstructured')")

    assert read == [(*row[:5], row[6]) for row in rows_of()]
    assert counted == [(6, 6, datetime.date(2025, 12, 31))]


def test_xmllint_finds_the_xml_well_formed_and_counts_its_rows(tmp_path: Path) -> None:  # P9
    linter = tool("xmllint", "libxml2-utils")
    path = write("xml", tmp_path)

    def said(expression: str) -> str:
        found = subprocess.run([linter, "--xpath", expression, str(path)], capture_output=True, check=True)
        assert found.stderr == b""
        return found.stdout.decode().removesuffix("\n")

    assert said("count(//*[local-name()='row'])") == "6"
    assert said("string(//*[local-name()='row'][2]/*[@name='Beløp i kroner'])") == "-1234567890123.45"
    assert said("string(//*[local-name()='row'][2]/*[local-name()='Navn'])") == ROWS["Navn"][1]
    assert said("count(//*[local-name()='row'][6]/*)") == "1"


def test_openpyxl_reads_what_a_spreadsheet_can_hold_and_text_for_the_rest(tmp_path: Path) -> None:  # P9
    sheet = openpyxl.load_workbook(write("xlsx", tmp_path)).worksheets[0]

    cells = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2)]
    kinds = [[cell.data_type for cell in row] for row in sheet.iter_rows(min_row=2)]
    assert [row[0] for row in cells] == ROWS["Nr"]
    assert {row[0] for row in kinds} == {"s", "n"}  # an empty cell counts as n
    assert [row[2] for row in cells] == [1, 999_999_999_999_999, "1234567890123456789", -7, 0, None]
    assert [row[3] for row in cells][:3] == [0.1, -1234567890123.45, "12345678901234567890,12"]
    assert [row[4] for row in cells][:3] == ["1899-12-31", "1900-02-28", datetime.datetime(1900, 3, 1)]  # noqa: DTZ001
    assert cells[4][4] == datetime.datetime(9999, 12, 31)  # noqa: DTZ001
    assert cells[0][5] == datetime.datetime(2025, 7, 1, 14, 30)  # noqa: DTZ001


def test_unzip_finds_no_fault_in_a_spreadsheet(tmp_path: Path) -> None:  # P9
    unzip, path = tool("unzip", "unzip"), write("xlsx", tmp_path)

    found = subprocess.run([unzip, "-t", str(path)], capture_output=True, check=False)

    assert (found.returncode, b"No errors detected" in found.stdout) == (0, True)


def test_every_cell_says_where_it_is(tmp_path: Path) -> None:  # P9
    xml = zipfile.ZipFile(write("xlsx", tmp_path)).read("xl/worksheets/sheet1.xml").decode()

    assert xml.count("<c ") == xml.count("<c r=") > 20
    assert '<c r="D3"' in xml


def test_libreoffice_reads_every_cell_as_it_was_written(tmp_path: Path) -> None:  # P9
    office = tool("soffice", "libreoffice-calc")
    path = write("xlsx", tmp_path)

    # Separator ;, quote ", UTF-8, from line 1, cells as they are shown, all sheets' first.
    shown = "csv:Text - txt - csv (StarCalc):59,34,76,1,,1044,false,true"
    home = f"-env:UserInstallation=file://{tmp_path / 'office'}"
    subprocess.run(
        [office, home, "--headless", "--norestore", "--convert-to", shown, "--outdir", str(tmp_path / "lo"), str(path)],
        check=True,
        capture_output=True,
        timeout=280,
        env={**os.environ, "HOME": str(tmp_path)},
    )

    with (tmp_path / "lo" / "report.csv").open(encoding="utf-8", newline="") as file:
        read = list(csv.reader(file, delimiter=";"))
    assert read[0] == [column["name"] for column in COLUMNS]
    assert [row[0] for row in read[1:]] == ["007", "12345678901234567890", "1E5", "2025-01-02", "0x1F", ""]
    assert [row[1] for row in read[1:]][:3] == ["=HYPERLINK(1)", ROWS["Navn"][1], "@x"]
    assert [row[2] for row in read[1:]] == ["1", "999999999999999", "1234567890123456789", "-7", "0", ""]
    assert [row[3].replace(",", ".") for row in read[1:]][:3] == [
        "0.10",
        "-1234567890123.45",
        "12345678901234567890.12",
    ]
    assert [row[4] for row in read[1:]] == [
        "1899-12-31", "1900-02-28", "1900-03-01", "2025-02-28", "9999-12-31", "",
    ]  # fmt: skip
    assert [row[5] for row in read[1:]][:3] == ["2025-07-01 14:30:00", "2025-12-28 13:30:01", ""]
    assert [row[6] for row in read[1:]][:3] == ["Ja", "Nei", ""]


def test_python_reads_the_description_of_a_json_document(tmp_path: Path) -> None:
    read = json.loads(write("json", tmp_path).read_bytes(), parse_float=Decimal)

    assert [row["Beløp i kroner"] for row in read["rows"]] == ROWS["Beløp i kroner"]
    assert [row["Antall"] for row in read["rows"]] == ROWS["Antall"]
