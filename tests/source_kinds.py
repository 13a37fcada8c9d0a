"""A source of every kind for the tests: made empty, filled with one table, reached as a profile reaches it."""

from __future__ import annotations

import csv
import itertools
import json
import socket
import sqlite3
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import boto3
import openpyxl
import psycopg
import pyarrow as pa
import pyarrow.parquet
import pytest
from openpyxl.cell import WriteOnlyCell
from psycopg.sql import SQL, Identifier

import api_server
from lading.sources.model import Selection, Source
from lading.sources.outside import Outside

TENANT = UUID("00000000-0000-7000-8000-000000000000")
_parquet: Any = pyarrow.parquet
_NUMBERS = itertools.count(1)
Columns = Mapping[str, str]
Rows = Sequence[Sequence[Any]]


@dataclass
class Kind:
    """
    One source; `fill` makes its only table, `lose` takes it away while it is read.

    `stall` gives the source with a time limit, and a selection that no machine answers within it.
    """

    source: Source
    consistency: str
    make: Callable[[Columns, Rows], None]
    ask: Callable[[Columns, str], Selection]
    gone: Callable[[], Source]
    stall: Callable[[], tuple[Source, Selection]]
    lose: Callable[[], None] | None = None
    amount: str = "12345678901234567.890"
    outside: Outside = field(default_factory=Outside)
    columns: dict[str, str] = field(default_factory=dict[str, str])

    def fill(self, columns: Columns, rows: Rows) -> None:
        self.columns = dict(columns)
        self.make(columns, rows)

    def selection(self, where: str = "") -> Selection:
        """Return what reads the table; `where` is the parameter that the name must equal."""
        return self.ask(self.columns, where)

    def lost(self) -> Source:
        """Return the source as it is when it is not where it should be."""
        return self.gone()


Maker = Callable[[pytest.FixtureRequest, Path], AbstractContextManager[Kind]]


def _query(_columns: Columns, where: str) -> Selection:
    return Selection(query="SELECT * FROM traps" + (f" WHERE name = %({where})s" if where else ""))


def _stalled(source: Source, query: str, *, seconds: Any) -> Callable[[], tuple[Source, Selection]]:
    return lambda: (replace(source, timeout_seconds=seconds), Selection(query=query))


def secret(folder: Path, text: str) -> str:
    """Return a credentials reference to `text`."""
    path = folder / "secret"
    path.write_text(text)
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    return f"file:{path}"


@contextmanager
def _postgresql(request: pytest.FixtureRequest, folder: Path) -> Iterator[Kind]:
    server, url = request.getfixturevalue("server"), request.getfixturevalue("database_url")
    types = {"integer": "bigint", "string": "text", "date": "date", "decimal": "numeric(30, 3)"}
    database = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS conformance_reader")
        connection.execute("CREATE ROLE conformance_reader LOGIN PASSWORD 'hunter2'")

    def make(columns: Columns, rows: Rows) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            given = SQL(", ").join(SQL("{} " + types[kind]).format(Identifier(name)) for name, kind in columns.items())
            connection.execute(SQL("CREATE TABLE traps ({})").format(given))
            with connection.cursor().copy("COPY traps FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            connection.execute("GRANT SELECT ON traps TO conformance_reader")

    def lose() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'conformance_reader'"
            )

    reference = secret(folder, server.url(database, user="conformance_reader", password="hunter2"))
    source = Source(TENANT, "traps", "postgresql", reference)
    other = folder / "other"
    other.mkdir()
    gone = replace(source, credentials_ref=secret(other, "postgresql://reader:hunter2@127.0.0.1:1/app"))
    # The limit is also the one for logging in: a second more than a busy machine needs.
    stall = _stalled(source, "SELECT 1 AS id FROM pg_sleep(3600)", seconds=2)
    yield Kind(source, "repeatable-read-snapshot", make, _query, lambda: gone, stall, lose)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP OWNED BY conformance_reader")
        connection.execute("DROP ROLE conformance_reader")


@contextmanager
def _sqlite(_request: pytest.FixtureRequest, folder: Path) -> Iterator[Kind]:
    path = folder / "traps.db"
    sqlite3.connect(path).close()
    path.touch()
    types = {"integer": "INTEGER", "string": "TEXT", "date": "TEXT", "decimal": "TEXT"}

    def make(columns: Columns, rows: Rows) -> None:
        with sqlite3.connect(path) as connection:
            connection.execute(
                f"CREATE TABLE traps ({', '.join(f'{name} {types[columns[name]]}' for name in columns)})"
            )
            places = ", ".join("?" * len(columns))
            shown = [[each.isoformat() if hasattr(each, "isoformat") else each for each in row] for row in rows]
            connection.executemany(f"INSERT INTO traps VALUES ({places})", shown)
        connection.close()

    source = Source(TENANT, "traps", "sqlite", options={"path": str(path)})
    gone = replace(source, options={"path": str(folder / "nowhere.db")})
    counting = "WITH RECURSIVE numbers(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM numbers) SELECT id FROM numbers"
    yield Kind(source, "read-transaction", make, _query, lambda: gone, _stalled(source, counting, seconds=0.05))


@contextmanager
def _mysql(request: pytest.FixtureRequest, folder: Path) -> Iterator[Kind]:
    server = request.getfixturevalue("mariadb")
    server.clean()
    types = {"integer": "BIGINT", "string": "TEXT", "date": "DATE", "decimal": "DECIMAL(30, 3)"}

    def make(columns: Columns, rows: Rows) -> None:
        given = ", ".join(f"{name} {types[kind]}" for name, kind in columns.items())
        with server.admin() as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE TABLE traps.traps ({given})")
            cursor.executemany(f"INSERT INTO traps.traps VALUES ({', '.join(['%s'] * len(columns))})", rows)

    def lose() -> None:
        with server.admin() as connection, connection.cursor() as cursor:
            cursor.execute("KILL HARD USER reader")

    other = folder / "other"
    other.mkdir()
    source = Source(TENANT, "traps", "mysql", secret(folder, server.url()))
    gone = replace(source, credentials_ref=secret(other, server.url(port=1)))
    stall = _stalled(source, "SELECT 1 AS id, SLEEP(3600) AS slept", seconds=2)  # as for PostgreSQL
    yield Kind(source, "repeatable-read-snapshot", make, _query, lambda: gone, stall, lose)


@contextmanager
def _duckdb(_request: pytest.FixtureRequest, folder: Path) -> Iterator[Kind]:
    duckdb: Any = pytest.importorskip("duckdb")
    path = folder / "traps.duckdb"
    duckdb.connect(str(path)).close()
    types = {"integer": "BIGINT", "string": "VARCHAR", "date": "DATE", "decimal": "DECIMAL(30, 3)"}

    def make(columns: Columns, rows: Rows) -> None:
        arrow = {"integer": pa.int64(), "string": pa.string(), "date": pa.date32(), "decimal": pa.string()}
        values = list(zip(*rows, strict=True)) or [[] for _ in columns]
        arrays = [pa.array(list(each), arrow[kind]) for each, kind in zip(values, columns.values(), strict=True)]
        given = ", ".join(f"{name} {types[kind]}" for name, kind in columns.items())
        with duckdb.connect(str(path)) as connection:
            connection.execute(f"CREATE TABLE traps ({given})")
            connection.register("given", pa.table(arrays, names=list(columns)))
            connection.execute("INSERT INTO traps SELECT * FROM given")

    source = Source(TENANT, "traps", "duckdb", options={"path": str(path)})
    gone = replace(source, options={"path": str(folder / "nowhere.duckdb")})
    counting = "SELECT count(*) AS id FROM range(1000000000000) AS a, range(1000000000000) AS b"
    yield Kind(source, "read-transaction", make, _query, lambda: gone, _stalled(source, counting, seconds=0.05))


def _read(form: str, name: str) -> Callable[[Columns, str], Selection]:
    def ask(columns: Columns, where: str) -> Selection:
        wanted: dict[str, Any] = {"files": name, "format": form, "columns": dict(columns)}
        if form == "parquet":
            del wanted["columns"]
        if form in {"csv", "xlsx"}:
            wanted["nulls"] = ["<null>"]
        if where:
            wanted["filter"] = [{"from": "name", "equals": {"parameter": where}}]
        return Selection(read=wanted)

    return ask


def write_csv(path: Path, columns: Columns, rows: Rows) -> None:
    with path.open("w", newline="", encoding="utf-8") as sink:
        writer = csv.writer(sink)
        writer.writerow(columns)
        writer.writerows([["<null>" if each is None else each for each in row] for row in rows])


def write_ndjson(path: Path, columns: Columns, rows: Rows) -> None:
    with path.open("w", encoding="utf-8") as sink:
        for row in rows:
            shown = {
                name: each.isoformat() if hasattr(each, "isoformat") else each
                for name, each in zip(columns, row, strict=True)
            }
            sink.write(json.dumps(shown, ensure_ascii=False) + "\n")


def write_parquet(path: Path, columns: Columns, rows: Rows) -> None:
    types = {"integer": pa.int64(), "string": pa.string(), "date": pa.date32(), "decimal": pa.string()}
    values = list(zip(*rows, strict=True)) or [[] for _ in columns]
    arrays = [pa.array(list(each), types[kind]) for each, kind in zip(values, columns.values(), strict=True)]
    for at, kind in enumerate(columns.values()):
        if kind == "decimal":
            arrays[at] = arrays[at].cast(pa.decimal128(30, 3))
    _parquet.write_table(pa.table(arrays, names=list(columns)), path, row_group_size=10_000)


def write_xlsx(path: Path, columns: Columns, rows: Rows) -> None:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Traps")
    sheet.append(list(columns))
    for row in rows:
        sheet.append([_cell(sheet, value) for value in row])
    book.save(path)


def _cell(sheet: Any, value: Any) -> Any:
    if isinstance(value, int) and abs(value) > 2**53:
        value = str(value)  # as a person would: a number of Excel has 15 digits
    cell = WriteOnlyCell(sheet, value)
    if isinstance(value, str):
        cell.data_type = "s"  # never a formula
    return cell


def _files(form: str, write: Callable[[Path, Columns, Rows], None]) -> Maker:
    @contextmanager
    def made(_request: pytest.FixtureRequest, folder: Path) -> Iterator[Kind]:
        root = folder / "files"
        root.mkdir()
        source = Source(TENANT, "traps", "files", options={"path": str(root)})
        gone = replace(source, options={"path": str(folder / "nowhere")})
        path = root / f"traps.{form}"

        def stall() -> tuple[Source, Selection]:
            # They are listed and sorted before the first is read.
            for number in range(2000):
                (root / f"{number}.many").hardlink_to(path)
            hurried: Any = 0.001
            return replace(source, timeout_seconds=hurried), _read(form, "*.many")({"id": "integer"}, "")

        yield Kind(
            source, "files-unchanged-while-read", lambda columns, rows: write(path, columns, rows),
            _read(form, f"traps.{form}"), lambda: gone, stall, lambda: path.open("ab").write(b"\n") and None,
        )  # fmt: skip

    return made


@contextmanager
def _objects(request: pytest.FixtureRequest, folder: Path) -> Iterator[Kind]:
    endpoint = request.getfixturevalue("bucket_server")
    bucket = f"traps-{next(_NUMBERS)}"
    client = boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="hunter2"
    )
    client.create_bucket(Bucket=bucket)

    def make(columns: Columns, rows: Rows) -> None:
        write_csv(folder / "traps.csv", columns, rows)
        client.upload_file(str(folder / "traps.csv"), bucket, "lists/2025/traps.csv")

    source = Source(
        TENANT, "traps", "objects", secret(folder, "key:hunter2"),
        options={"bucket": bucket, "prefix": "lists/", "endpoint": endpoint, "region": "us-east-1"},
    )  # fmt: skip
    gone = replace(source, options={**source.options, "bucket": "nowhere-at-all"})
    ask = _read("csv", "2025/*.csv")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        mute = replace(source, options={**source.options, "endpoint": address}, timeout_seconds=1)
        yield Kind(
            source, "files-unchanged-while-read", make, ask, lambda: gone, lambda: (mute, ask({"id": "integer"}, "")),
            outside=api_server.LOOPBACK,
        )  # fmt: skip


@contextmanager
def _http(_request: pytest.FixtureRequest, folder: Path) -> Iterator[Kind]:
    table = api_server.Table()
    with api_server.serving(table.answer) as api:
        table.api = api
        source = api.source(
            secret(folder, "hunter2"), pages="cursor", next="next", rows="data.items", cursor_parameter="after",
            size_parameter="limit", page_size="5000",
        )  # fmt: skip

        def ask(columns: Columns, where: str) -> Selection:
            query = {"name": {"parameter": where}} if where else {}
            return Selection(request={"path": "/items", "columns": dict(columns), "query": query})

        stalled = Selection(request={"path": "/stall", "columns": {"id": "integer"}})
        gone = replace(source, options={**source.options, "url": "http://127.0.0.1:1"})
        yield Kind(
            source, "pages", table.fill, ask, lambda: gone, lambda: (replace(source, timeout_seconds=1), stalled),
            api.close, outside=api_server.LOOPBACK,
        )  # fmt: skip


KINDS: dict[str, Maker] = {
    "postgresql": _postgresql,
    "mysql": _mysql,
    "sqlite": _sqlite,
    "duckdb": _duckdb,
    "csv": _files("csv", write_csv),
    "ndjson": _files("ndjson", write_ndjson),
    "parquet": _files("parquet", write_parquet),
    "xlsx": _files("xlsx", write_xlsx),
    "objects": _objects,
    "http": _http,
}
