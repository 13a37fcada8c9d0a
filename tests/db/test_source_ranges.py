"""Parts of every database that is read in parts are its rows, in their order and with their types, once."""

# P16, P14

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from lading.errors import SourceRefused
from lading.sources.connector import PartedReading
from lading.sources.connectors import connect
from lading.sources.model import KeyRange, Selection, Size, Source
from mariadb import MariaDb
from source_kinds import TENANT, secret

COUNT = 61
SIZES = [Size(rows=1), Size(rows=7), Size(rows=61), Size(rows=500), Size(count=1), Size(count=4), Size(count=70)]


@dataclass
class Base:
    """A database; `run` changes it."""

    source: Source
    run: Callable[[str], None]


@pytest.fixture
def sqlite(tmp_path: Path) -> Base:
    path = tmp_path / "base.db"

    def run(statement: str) -> None:
        with sqlite3.connect(path) as connection:
            connection.execute(statement)
        connection.close()

    run(
        "CREATE TABLE t AS WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 61) "
        "SELECT n - 20 AS n, char(97 + n % 3) || char(65 + n % 26) || n AS word, n % 3 AS a, n % 5 AS b, "
        "CASE WHEN n % 2 THEN n ELSE 'x' || n END AS mixed, n * 0.5 AS part, CAST(char(n) AS BLOB) AS raw, "
        "CASE WHEN n > 40 THEN 'late' ELSE n END AS later FROM s"
    )
    return Base(Source(TENANT, "t", "sqlite", options={"path": str(path)}), run)


@pytest.fixture
def duckdb(tmp_path: Path) -> Base:
    driver: Any = pytest.importorskip("duckdb")
    path = tmp_path / "base.duckdb"

    def run(statement: str) -> None:
        with driver.connect(str(path)) as connection:
            connection.execute(statement)

    run(
        "CREATE TABLE t AS SELECT n - 20 AS n, chr((97 + n % 3)::INT) || chr((65 + n % 26)::INT) || n AS word, "
        "n % 3 AS a, n % 5 AS b, n / 7 AS part, encode('x' || n) AS raw, DATE '2025-10-20' + n::INT AS day, "
        "TIMESTAMP '2025-10-26 00:30:00.000001' + n * INTERVAL 7 MINUTE AS moment, "
        "TIMESTAMPTZ '2025-10-26 00:30:00.5+00' + n * INTERVAL 7 MINUTE AS instant FROM range(1, 62) AS r(n)"
    )
    return Base(Source(TENANT, "t", "duckdb", options={"path": str(path)}), run)


@pytest.fixture
def mysql(mariadb: MariaDb, tmp_path: Path) -> Base:
    mariadb.clean()

    def run(statement: str) -> None:
        with mariadb.admin() as connection, connection.cursor() as cursor:
            cursor.execute("USE traps")
            cursor.execute(statement)

    run(
        "CREATE TABLE t (n BIGINT, `wo``rd%` VARCHAR(20), latin VARCHAR(20) CHARACTER SET latin1, a TINYINT, "
        "b SMALLINT UNSIGNED, big BIGINT UNSIGNED, id BINARY(16), fixed CHAR(9), part DECIMAL(9, 3), `real` DOUBLE, "
        "kind ENUM('b', 'a'), day DATE, moment DATETIME(6), instant TIMESTAMP(6) NULL, year YEAR, bits BIT(12), "
        "span TIME)"
    )
    run(
        "INSERT INTO t SELECT CAST(seq AS SIGNED) - 20, CONCAT(ELT(1 + seq % 4, 'å', 'Z', 'a''\\\\', '%'), seq), "
        "CONCAT(CHAR(0xC5 - seq % 3 USING latin1), seq), seq % 3, seq % 5, 18446744073709551615 - seq, "
        "UNHEX(MD5(seq)), CONCAT('ab', seq), seq / 7, seq * 0.1, ELT(1 + seq % 2, 'a', 'b'), "
        "DATE '2025-10-20' + INTERVAL seq DAY, "
        "TIMESTAMP '2025-10-26 00:30:00.000001' + INTERVAL seq * 7 MINUTE, "
        "TIMESTAMP '2025-10-26 00:30:00.5' + INTERVAL seq * 7 MINUTE, 2000 + seq, seq, SEC_TO_TIME(seq) "
        "FROM seq_1_to_61"
    )
    return Base(Source(TENANT, "t", "mysql", secret(tmp_path, mariadb.url())), run)


QUERY = "SELECT * FROM t"
KEYS: Sequence[tuple[str, Sequence[str]]] = [
    ("sqlite", ["n"]), ("sqlite", ["word"]), ("sqlite", ["a", "b", "n"]), ("sqlite", ["a", "word"]),
    ("duckdb", ["n"]), ("duckdb", ["word"]), ("duckdb", ["a", "b", "n"]), ("duckdb", ["day"]), ("duckdb", ["moment"]),
    ("duckdb", ["instant"]),
    ("mysql", ["n"]), ("mysql", ["wo`rd%"]), ("mysql", ["latin"]), ("mysql", ["a", "b", "n"]), ("mysql", ["big"]),
    ("mysql", ["id"]), ("mysql", ["fixed"]), ("mysql", ["day"]), ("mysql", ["moment"]), ("mysql", ["instant"]),
    ("mysql", ["year"]), ("mysql", ["a", "latin"]),
]  # fmt: skip
UNFIT = [
    ("sqlite", "mixed"), ("sqlite", "part"), ("sqlite", "raw"), ("duckdb", "part"), ("duckdb", "raw"),
    ("mysql", "part"), ("mysql", "real"), ("mysql", "kind"), ("mysql", "bits"), ("mysql", "span"),
]  # fmt: skip
KINDS = ["sqlite", "duckdb", "mysql"]


@pytest.fixture
def base(request: pytest.FixtureRequest) -> Base:
    return request.getfixturevalue(request.param)


def whole(base: Base, key: Sequence[str], query: str = QUERY, **parameters: object) -> pa.Table:
    with connect(base.source).open() as reading:
        return pa.Table.from_batches(list(reading.batches(Selection(query=query), parameters, key=key)))


def ends(base: Base, key: Sequence[str], size: Size, query: str = QUERY, **parameters: object) -> list[tuple[str, ...]]:
    with connect(base.source).open() as reading:
        assert isinstance(reading, PartedReading)
        return list(reading.boundaries(Selection(query=query), parameters, key=key, size=size))


def part(base: Base, key: Sequence[str], within: KeyRange, query: str = QUERY, **parameters: object) -> pa.Table:
    with connect(base.source).open() as reading:
        assert isinstance(reading, PartedReading)
        found = reading.part(Selection(query=query), parameters, key=key, within=within)
        return pa.Table.from_batches(list(found))


def parts(base: Base, key: Sequence[str], size: Size, query: str = QUERY, **parameters: object) -> Iterator[pa.Table]:
    for low, high in pairwise([None, *ends(base, key, size, query, **parameters), None]):
        yield part(base, key, KeyRange(low, high), query, **parameters)


@pytest.mark.parametrize(("base", "key"), KEYS, indirect=["base"], ids=str)
def test_the_parts_one_after_the_other_are_the_rows(base: Base, key: list[str]) -> None:
    wanted = whole(base, key)

    for size in (Size(rows=7), Size(count=4)):
        found = list(parts(base, key, size))
        assert {each.schema for each in found} == {wanted.schema}
        assert pa.concat_tables(found).combine_chunks().equals(wanted.combine_chunks())
        assert all(each.num_rows <= 18 for each in found)


@pytest.mark.parametrize("base", KINDS, indirect=True)
def test_parts_are_as_large_as_they_are_wanted(base: Base) -> None:
    for size in SIZES:
        found = [int(end) + 20 for (end,) in ends(base, ["n"], size)]
        sizes = [high - low for low, high in pairwise([0, *found, COUNT])]
        if size.rows is not None:
            assert sizes[:-1] == [size.rows] * (len(sizes) - 1), size
            assert 1 <= sizes[-1] <= size.rows, size
        else:
            assert len(sizes) == min(size.count or 0, COUNT), size
            assert max(sizes) - min(sizes) <= 1, size


@pytest.mark.parametrize("base", KINDS, indirect=True)
def test_a_query_with_parameters_and_odd_words_is_read_in_parts(base: Base) -> None:
    query = "SELECT n, '100%% of :it' AS told FROM t WHERE n <= %(most)s -- all of them"

    found = pa.concat_tables(list(parts(base, ["n"], Size(rows=5), query, most=12)))

    assert found.combine_chunks().equals(whole(base, ["n"], query, most=12).combine_chunks())
    assert found.num_rows == 32


@pytest.mark.parametrize("base", KINDS, indirect=True)
def test_a_source_without_rows_is_one_part(base: Base) -> None:
    query = "SELECT * FROM t WHERE n > 1000"

    assert ends(base, ["n"], Size(count=4), query) == []
    assert part(base, ["n"], KeyRange(), query).num_rows == 0


@pytest.mark.parametrize(("base", "key"), UNFIT, indirect=["base"], ids=str)
def test_a_key_whose_order_there_is_another_is_refused(base: Base, key: str) -> None:
    with pytest.raises(SourceRefused, match="can't be read in parts by it"):
        ends(base, [key], Size(rows=7))


@pytest.mark.parametrize("base", KINDS, indirect=True)
def test_a_key_that_is_empty_is_refused_before_anything_is_read(base: Base) -> None:
    with pytest.raises(SourceRefused, match="is empty in some row"):
        ends(base, ["n"], Size(rows=50), "SELECT nullif(n, 5) AS n FROM t")


@pytest.mark.parametrize("base", KINDS, indirect=True)
def test_a_key_that_becomes_empty_later_is_found_by_the_last_part(base: Base) -> None:
    with pytest.raises(SourceRefused, match="is empty in some row"):
        part(base, ["n"], KeyRange(("30",), None), "SELECT nullif(n, 5) AS n FROM t")


@pytest.mark.parametrize("base", KINDS, indirect=True)
def test_a_key_that_is_not_unique_is_refused(base: Base) -> None:
    with pytest.raises(SourceRefused, match="is the same in two rows"):
        ends(base, ["a"], Size(rows=4))


@pytest.mark.parametrize("base", KINDS, indirect=True)
def test_a_key_that_is_no_column_is_refused(base: Base) -> None:
    with pytest.raises(SourceRefused, match="not among the columns"):
        ends(base, ["nothing"], Size(rows=4))
    with pytest.raises(SourceRefused, match="not among the columns"):
        part(base, ["nothing"], KeyRange(("1",), None))


def test_a_column_of_many_types_has_the_type_of_the_whole_in_every_part(sqlite: Base) -> None:
    wanted = whole(sqlite, ["n"])

    found = list(parts(sqlite, ["n"], Size(rows=7)))

    assert wanted.schema.field("later").type == pa.string()  # though the first parts have whole numbers alone
    assert {each.schema for each in found} == {wanted.schema}


def test_text_in_utf_16_is_no_key_for_parts(tmp_path: Path) -> None:
    path = tmp_path / "wide.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA encoding = 'UTF-16'")
        connection.execute("CREATE TABLE t AS SELECT 'a' AS word, 1 AS n")
    connection.close()
    base = Base(Source(TENANT, "t", "sqlite", options={"path": str(path)}), lambda _: None)

    with pytest.raises(SourceRefused, match="UTF-16"):
        ends(base, ["word"], Size(rows=1))
    assert ends(base, ["n"], Size(rows=1)) == []


def test_a_collation_of_a_table_does_not_change_the_order(sqlite: Base) -> None:
    sqlite.run("CREATE TABLE u (word TEXT COLLATE NOCASE)")
    sqlite.run("INSERT INTO u VALUES ('a'), ('B'), ('c'), ('A'), ('b')")

    found = pa.concat_tables(list(parts(sqlite, ["word"], Size(rows=1), "SELECT word FROM u")))

    assert found.column("word").to_pylist() == ["A", "B", "a", "b", "c"]
