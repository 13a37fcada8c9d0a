"""What is wrong with a file is said with its name and line, and nothing outside of a source's place is read."""

from __future__ import annotations

import datetime
import sqlite3
import zipfile
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import openpyxl
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest

from api_server import LOOPBACK
from lading.errors import InvalidInput, SourceError, SourceRefused, SourceUnreachable
from lading.sources import check
from lading.sources.connectors import connect
from lading.sources.model import Selection, Source
from lading.sources.options import check_options
from source_kinds import TENANT, secret

_parquet: Any = pyarrow.parquet


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


def source(root: Path) -> Source:
    return Source(TENANT, "lists", "files", options={"path": str(root)})


def read(given: Source, wanted: Mapping[str, Any] | str, **parameters: object) -> pl.DataFrame:
    selection = Selection(query=wanted) if isinstance(wanted, str) else Selection(read=wanted)
    with connect(given).open() as reading:
        return pl.DataFrame(pa.Table.from_batches(list(reading.batches(selection, parameters, key=["id"]))))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"id,name\n1,a\n2,b,c\n", "line 3: it has 3 fields, and 2 are expected"),
        (b'id,name\n1,"a\nb"\n2,"c', "line 4: it is no CSV"),
        (b'id,name\n1,a"b"\n2,"c"d\n', "line 3: it is no CSV"),
        (b"id,name\n1,a\n2,\xff\n", "line 3: it is not utf-8"),
        (b"id,name\nx,a\n", "line 2: column 'id' holds no integer"),
        (b'id,name\n1,"a\nb"\nx,c\n', "line 4: column 'id' holds no integer"),
        (b"nr,name\n1,a\n", "line 1: the header has no column 'id'"),
        (b"id,id,name\n1,1,a\n", "line 1: the header has two columns 'id'"),
        (b"", "line 1: it has no header"),
    ],
)
def test_a_bad_line_of_csv_is_named(root: Path, text: bytes, words: str) -> None:
    (root / "a.csv").write_bytes(text)

    with pytest.raises(SourceRefused, match=words) as error:
        read(source(root), {"files": "*.csv", "format": "csv", "columns": {"id": "integer", "name": "string"}})

    assert error.value.message.startswith("a.csv, ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b'{"id": 1}\n{"id": 2\n', "line 2: it is no JSON"),
        (b'{"id": 1}\n\n[1]\n', "line 3: it is no JSON object"),
        (b'{"id": 1.5}\n', "line 1: column 'id' holds no integer"),
        (b'{"id": "\xff"}\n', "line 1: it is not utf-8"),
        (b"[" * 100_000, "line 1: it is no JSON"),
    ],
)
def test_a_bad_line_of_ndjson_is_named(root: Path, text: bytes, words: str) -> None:
    (root / "a.ndjson").write_bytes(text)

    with pytest.raises(SourceRefused, match=words):
        read(source(root), {"files": "a.ndjson", "format": "ndjson", "columns": {"id": "integer"}})


def test_csv_of_a_norwegian_office_is_read(root: Path) -> None:
    (root / "a.csv").write_bytes("id;beløp;dato;ok\r\n1;-12,50;31.01.2025;Ja\r\n2;-;;Nei\r\n".encode("cp1252"))
    wanted = {
        "files": "a.csv", "format": "csv", "delimiter": ";", "encoding": "windows-1252", "decimal": ",",
        "dates": "DD.MM.YYYY", "nulls": ["", "-"],
        "columns": {"id": "integer", "beløp": "decimal", "dato": "date", "ok": "boolean"},
    }  # fmt: skip

    found = read(source(root), wanted)

    assert found.rows() == [(1, "-12.50", datetime.date(2025, 1, 31), True), (2, None, None, False)]


def test_utf_16_and_files_in_the_order_of_their_names_are_read(root: Path) -> None:
    (root / "b.csv").write_bytes("id,name\r\n1,Ģirts 😀\r\n".encode("utf-16"))
    (root / "a.csv").write_bytes("id,name\r\n2,ਗ\r\n".encode("utf-16"))

    found = read(
        source(root),
        {"files": "?.csv", "format": "csv", "encoding": "utf-16", "columns": {"id": "integer", "name": "string"}},
    )

    assert found.rows() == [(1, "Ģirts 😀"), (2, "ਗ")]


def test_digits_and_nested_values_of_ndjson_survive(root: Path) -> None:
    (root / "a.ndjson").write_text('{"id": 9007199254740993, "n": 0.10, "o": {"b": [1.50, null]}}\n{"id": 2}\n')
    columns = {"id": "integer", "n": "decimal", "o": "string"}

    found = read(source(root), {"files": "a.ndjson", "format": "ndjson", "columns": columns})

    assert found.rows() == [(2, None, None), (9007199254740993, "0.10", '{"b":[1.50,null]}')]


@pytest.mark.parametrize(
    ("conditions", "ids"),
    [
        ([{"from": "day", "at_least": {"parameter": "start"}}, {"from": "day", "at_most": "2025-01-31"}], [2, 3]),
        ([{"from": "kind", "in": {"parameter": "kinds"}}], [1, 3]),
        ([{"from": "kind", "in": {"parameter": "none"}}], [1, 2, 3, 4]),
        ([{"from": "kind", "not_in": ["a"]}], [2, 4]),
        ([{"from": "kind", "present": False}], [4]),
        ([{"from": "amount", "equals": "1.5"}], [1]),
        ([{"from": "amount", "at_most": 2}], [1, 2]),
        ([{"from": "at", "at_most": "2025-01-31"}], [1, 2]),
        ([{"from": "id", "equals": 3}], [3]),
    ],
)
def test_a_filter_chooses_rows(root: Path, conditions: list[Any], ids: list[int]) -> None:
    (root / "a.csv").write_text(
        "id,day,kind,amount,at\n1,2024-12-31,a,1.50,2025-01-31T23:59:59\n2,2025-01-01,b,2,2025-01-01T00:00\n"
        "3,2025-01-31,a,10,2025-02-01T00:00\n4,2025-02-01,,,\n"
    )
    columns = {"id": "integer", "day": "date", "kind": "string", "amount": "decimal", "at": "timestamp"}
    wanted = {"files": "a.csv", "format": "csv", "columns": columns, "filter": conditions}

    found = read(source(root), wanted, start=datetime.date(2025, 1, 1), kinds=["a", "' or 1"], none=[])

    assert found["id"].to_list() == ids


def test_no_path_and_no_link_leads_out_of_the_folder(root: Path) -> None:
    (root.parent / "secret.csv").write_text("id\n1\n")
    (root / "link.csv").symlink_to(root.parent / "secret.csv")
    csv = {"format": "csv", "columns": {"id": "integer"}}

    for pattern in ("../secret.csv", str(root.parent / "secret.csv"), "link.csv", "*.csv"):
        with pytest.raises(SourceRefused, match="out of the folder"):
            read(source(root), {"files": pattern, **csv})
    with pytest.raises(SourceUnreachable, match="matches"):
        read(source(root), {"files": "none-*.csv", **csv})


def test_parquet_types_become_those_of_every_source(root: Path) -> None:
    at = datetime.datetime(2025, 1, 31, 12, tzinfo=datetime.UTC)
    table = pa.table(
        {
            "id": pa.array([1], pa.uint32()),
            "d": pa.array([Decimal("1.50")], pa.decimal128(10, 2)),
            "b": pa.array([b"\x00\xff"]),
            "at": pa.array([at], pa.timestamp("ns", "Europe/Oslo")),
            "e": pa.array(["æ"]).dictionary_encode(),
            "f": pa.array([0.5], pa.float32()),
        }
    )
    _parquet.write_table(table, root / "a.parquet")

    found = read(source(root), {"files": "a.parquet", "format": "parquet"})

    assert found.rows() == [(1, "1.50", "\\x00ff", at, "æ", 0.5)]


def test_a_nested_column_of_parquet_is_refused_until_it_is_left_out(root: Path) -> None:
    _parquet.write_table(pa.table({"id": [1], "list": [[1, 2]]}), root / "a.parquet")

    with pytest.raises(SourceRefused, match="Leave it out with"):
        read(source(root), {"files": "a.parquet", "format": "parquet"})

    assert read(source(root), {"files": "a.parquet", "format": "parquet", "columns": {"id": "integer"}}).height == 1


def test_a_file_that_is_none_of_its_form_is_one_sentence(root: Path) -> None:
    (root / "a.parquet").write_bytes(b"PAR1 nothing PAR1")
    (root / "a.xlsx").write_bytes(b"PK nothing")

    for form in ("parquet", "xlsx"):
        with pytest.raises(SourceRefused, match="can't be read as"):
            read(source(root), {"files": f"a.{form}", "format": form})


def test_cells_of_a_workbook_are_read_as_they_are_shown(root: Path) -> None:
    book = openpyxl.Workbook()
    sheet: Any = book.create_sheet("Timer")
    sheet.append(["id", "day", "at", "n", "text", "yes"])
    sheet.append([2, datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 12, 30), 0.1, "0001", True])  # noqa: DTZ001
    sheet.append([None] * 6)
    sheet.append([1, None, None, 12, None, False])
    book.save(root / "a.xlsx")
    columns = {"id": "integer", "day": "date", "at": "timestamp", "n": "decimal", "text": "string", "yes": "boolean"}

    found = read(source(root), {"files": "a.xlsx", "format": "xlsx", "sheet": "Timer", "columns": columns})

    assert found.rows() == [
        (1, None, None, "12", None, False),
        (2, datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 12, 30), "0.1", "0001", True),  # noqa: DTZ001
    ]
    with pytest.raises(SourceRefused, match="has no sheet 'Other'; it has: 'Sheet', 'Timer'"):
        read(source(root), {"files": "a.xlsx", "format": "xlsx", "sheet": "Other"})


def test_a_workbook_with_entities_is_refused(root: Path) -> None:
    with zipfile.ZipFile(root / "a.xlsx", "w") as archive:
        archive.writestr("xl/workbook.xml", '<!DOCTYPE x [<!ENTITY a "aaaa">]><workbook>&a;</workbook>')

    with pytest.raises(SourceRefused, match="can't be read as XLSX"):
        read(source(root), {"files": "a.xlsx", "format": "xlsx"})


def test_sqlite_columns_of_mixed_types_are_text_and_said_to_be(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (id INTEGER, n NUMERIC, x, b BLOB)")
        connection.executemany(
            "INSERT INTO t VALUES (?, ?, ?, ?)", [(1, 12, "a", b"\x00"), (2, 0.1, 7, None), (3, None, None, None)]
        )
    connection.close()

    given = Source(TENANT, "members", "sqlite", options={"path": str(path)})
    with connect(given).open() as reading:
        found = pl.DataFrame(
            pa.Table.from_batches(list(reading.batches(Selection(query="SELECT * FROM t"), {}, key=["id"])))
        )

        assert [(each.column, each.type) for each in reading.rewritten] == [
            ("n", "integer and real"), ("x", "integer and text"), ("b", "blob"),
        ]  # fmt: skip
    assert found.rows() == [(1, "12", "a", "\\x00"), (2, "0.1", "7", None), (3, None, None, None)]


@pytest.mark.parametrize(
    "query",
    [
        "ATTACH 'x.db' AS x",
        "PRAGMA journal_mode",
        "DELETE FROM t",
        "SELECT 1 AS id; SELECT 2",
        "SELECT load_extension('x') AS id",
    ],
)
def test_nothing_but_select_passes_sqlite(tmp_path: Path, query: str) -> None:
    path = tmp_path / "a.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (id INTEGER)")
    connection.close()

    with pytest.raises(SourceRefused):
        read(Source(TENANT, "members", "sqlite", options={"path": str(path)}), query)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT content AS id FROM read_text('/etc/hostname')",
        "ATTACH '/tmp/x.db'",
        "SELECT 1 AS id; SELECT 2",
        "SET threads = 4",
        "COPY t TO '/tmp/t.csv'",
        "INSTALL httpfs",
    ],
)
def test_nothing_outside_its_file_is_in_reach_of_duckdb(tmp_path: Path, query: str) -> None:
    duckdb: Any = pytest.importorskip("duckdb")
    with duckdb.connect(str(tmp_path / "a.duckdb")) as connection:
        connection.execute("CREATE TABLE t (id INTEGER)")

    with pytest.raises(SourceRefused):
        read(Source(TENANT, "figures", "duckdb", options={"path": str(tmp_path / "a.duckdb")}), query)


def test_a_trial_of_a_bucket_says_what_is_wrong(tmp_path: Path, bucket_server: str) -> None:
    boto3.client(
        "s3", endpoint_url=bucket_server, region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s"
    ).create_bucket(Bucket="there")
    options = {"bucket": "there", "endpoint": bucket_server}
    reference = secret(tmp_path, "hunter2")

    def trial(reference: str | None, **given: str) -> str:
        return check.test(Source(TENANT, "b", "objects", reference, options={**options, **given}), LOOPBACK)[-1].detail

    assert "must read ACCESS_KEY_ID:SECRET_ACCESS_KEY" in trial(reference)
    assert "hunter2" not in trial(reference)
    assert "does not exist there" in trial(None, bucket="elsewhere")
    assert "can't be reached" in trial(None, endpoint="http://127.0.0.1:1")
    assert "holds 0 objects" in trial(None)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("sqlite", {}), ("sqlite", {"path": "relative.db"}), ("sqlite", {"path": "/a\0b"}),
        ("sqlite", {"path": "/\ud800"}),
        ("files", {"path": "/srv", "secret": "x"}),
        ("objects", {"bucket": "NO"}), ("objects", {"bucket": "fine-one", "endpoint": "file:///etc"}),
        ("postgresql", {"path": "/x"}),
    ],
)  # fmt: skip
def test_options_that_are_odd_are_refused(kind: str, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        check_options(kind, options)


def test_a_file_that_changes_while_it_is_read_ends_the_reading(root: Path) -> None:
    (root / "a.csv").write_text("id\n" + "".join(f"{n}\n" for n in range(50_000)))
    wanted = Selection(read={"files": "a.csv", "format": "csv", "columns": {"id": "integer"}})

    with connect(source(root)).open() as reading, pytest.raises(SourceError, match="changed while it was read"):
        for number, _ in enumerate(reading.batches(wanted, {}, key=["id"])):
            if number == 0:
                with (root / "a.csv").open("a") as sink:
                    sink.write("99\n")
