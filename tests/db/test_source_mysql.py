"""Rows of MySQL and MariaDB arrive as the server means them, and its refusals are sentences."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from lading.errors import SourceError, SourceRefused, SourceTimeout, SourceUnreachable
from lading.exports.types import tables
from lading.sources import check
from lading.sources.connectors import connect
from lading.sources.model import Selection, Source
from lading.sources.mysql import located
from mariadb import MariaDb
from source_kinds import TENANT, secret

# Declared type, value as SQL, what arrives.
TRAPS: list[tuple[str, str, Any]] = [
    ("DECIMAL(65, 30)", "'12345678901234567890123456789012345.123456789012345678901234567890'",
     "12345678901234567890123456789012345.123456789012345678901234567890"),
    ("DECIMAL(12, 2)", "-0.10", "-0.10"),
    ("BIGINT UNSIGNED", "18446744073709551615", 2**64 - 1),
    ("BIGINT", "-9223372036854775808", -(2**63)),
    ("TINYINT(1)", "1", 1),
    ("INT UNSIGNED ZEROFILL", "7", 7),
    ("YEAR", "2025", 2025),
    ("DOUBLE", "0.1", 0.1),
    ("DATE", "'2024-02-29'", datetime.date(2024, 2, 29)),
    ("DATE", "'0000-00-00'", None),
    ("DATE", "'2024-00-10'", None),
    ("DATETIME(6)", "'2024-02-29 23:59:59.123456'", datetime.datetime(2024, 2, 29, 23, 59, 59, 123456)),  # noqa: DTZ001
    ("DATETIME", "'0000-00-00 00:00:00'", None),
    ("TIMESTAMP", "'2024-02-29 12:00:00'", datetime.datetime(2024, 2, 29, 11, 0, tzinfo=datetime.UTC)),
    ("TIME(3)", "'-838:59:58.123'", "-838:59:58.123"),
    ("BIT(1)", "b'1'", 1),
    ("BIT(64)", "b'1000000000000000000000000000000000000000000000000000000000000001'", 2**63 + 1),
    ("JSON", """'{"a": [1, null], "æ": "😀"}'""", '{"a": [1, null], "æ": "😀"}'),
    ("ENUM('a', 'ø')", "'ø'", "ø"),
    ("SET('a', 'b')", "'a,b'", "a,b"),
    ("VARCHAR(20)", "'Åse 😀'", "Åse 😀"),
    ("VARCHAR(20) CHARACTER SET latin1", "'Ærlig'", "Ærlig"),
    ("CHAR(4)", "'ab'", "ab"),
    ("VARBINARY(4)", "x'00ff'", "\\x00ff"),
    ("BLOB", "x'deadbeef'", "\\xdeadbeef"),
    ("UUID", "'0190a0b0-0000-7000-8000-00000000000f'", "0190a0b0-0000-7000-8000-00000000000f"),
    ("INET6", "'::1'", "::1"),
    ("TEXT", "'NULL'", "NULL"),
]  # fmt: skip


@pytest.fixture
def source(mariadb: MariaDb, tmp_path: Path) -> Source:
    mariadb.clean()
    return Source(TENANT, "traps", "mysql", secret(tmp_path, mariadb.url()), timeout_seconds=30)


def run(server: MariaDb, *statements: str) -> None:
    with server.admin() as connection, connection.cursor() as cursor:
        cursor.execute("SET sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+01:00'")
        cursor.execute("USE traps")
        for statement in statements:
            cursor.execute(statement)


def read(source: Source, query: str, **parameters: object) -> pl.DataFrame:
    with connect(source).open() as reading:
        found = list(reading.batches(Selection(query=query), parameters, key=["id"]))
    return pl.DataFrame(pa.Table.from_batches(found))


def test_every_type_arrives_as_the_server_means_it(mariadb: MariaDb, source: Source) -> None:
    columns = ", ".join(f"c{n} {kind} NULL" for n, (kind, _, _) in enumerate(TRAPS))
    values = ", ".join(value for _, value, _ in TRAPS)
    nulls = ", ".join("NULL" for _ in TRAPS)
    run(mariadb, f"CREATE TABLE types (id INT, {columns})", f"INSERT INTO types VALUES (1, {values}), (2, {nulls})")

    found = read(source, "SELECT * FROM types")

    arrived = [found[f"c{n}"][0] for n in range(len(TRAPS))]
    assert arrived == [wanted for _, _, wanted in TRAPS]
    # A TIMESTAMP that is given NULL becomes now; every other NULL stays.
    assert all(found[f"c{n}"][1] is None for n in range(len(TRAPS)))


def test_what_was_read_otherwise_is_told(mariadb: MariaDb, source: Source) -> None:
    run(mariadb, "CREATE TABLE days (id INT, day DATE)")

    with connect(source).open() as reading:
        list(reading.batches(Selection(query="SELECT * FROM days"), {}, key=["id"]))

        assert [(each.column, each.read_as) for each in reading.rewritten] == [("day", "date, zero dates as empty")]


def test_every_query_of_a_reading_sees_the_same_instant(mariadb: MariaDb, source: Source) -> None:
    run(mariadb, "CREATE TABLE events (id INT) ENGINE=InnoDB", "INSERT INTO events VALUES (1), (2)")
    everything = Selection(query="SELECT id FROM events")

    with connect(source).open() as reading:
        before = sum(batch.num_rows for batch in reading.batches(everything, {}, key=["id"]))
        run(mariadb, "INSERT INTO events VALUES (3)", "DELETE FROM events WHERE id = 1")
        after = [n for batch in reading.batches(everything, {}, key=["id"]) for n in batch.column(0).to_pylist()]

    assert (before, after) == (2, [1, 2])


def test_lists_and_percent_signs_are_bound(mariadb: MariaDb, source: Source) -> None:
    run(mariadb, "CREATE TABLE kinds (id INT, kind TEXT)", "INSERT INTO kinds VALUES (1, 'a%'), (2, 'b'), (3, 'c')")
    query = (
        "SELECT id, kind LIKE '%%\\\\%%' AS odd FROM kinds "
        "WHERE JSON_LENGTH(%(kinds)s) = 0 OR JSON_CONTAINS(%(kinds)s, JSON_QUOTE(kind))"
    )

    assert read(source, query, kinds=["b", 'c" or 1'])["id"].to_list() == [2]
    assert read(source, query, kinds=[])["id"].to_list() == [1, 2, 3]
    assert read(source, query, kinds=[])["odd"].to_list() == [1, 0, 0]


@pytest.mark.parametrize(
    ("query", "kind", "words"),
    [
        ("SELECT nothing FROM kinds", SourceRefused, "nothing"),
        ("SELECT id FROM elsewhere", SourceRefused, "elsewhere"),
        ("SELECT id, id FROM kinds", SourceRefused, "two columns named 'id'"),
        ("DELETE FROM kinds", SourceRefused, "READ ONLY|DELETE command denied"),
        ("SELECT 1 AS id; SELECT 2", SourceRefused, "refused the query"),
        ("SELECT Host AS id FROM mysql.user", SourceRefused, "Grant it SELECT"),
        ("DO 1", SourceRefused, "returns no columns"),
    ],
)
def test_a_query_that_will_not_do_is_one_sentence(
    mariadb: MariaDb, source: Source, query: str, kind: type[SourceError], words: str
) -> None:
    run(mariadb, "CREATE TABLE kinds (id INT)")

    with pytest.raises(kind, match=words) as error:
        read(source, query)

    assert "hunter2" not in error.value.message
    assert "\n" not in error.value.message


def test_a_query_that_takes_too_long_is_ended_by_the_server(source: Source) -> None:
    hurried = Source(TENANT, "traps", "mysql", source.credentials_ref, timeout_seconds=3)

    with pytest.raises(SourceTimeout, match="timeout_seconds"):
        read(hurried, "SELECT 1 AS id, SLEEP(60) AS nap FROM information_schema.tables")


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"password": "wrong"}, SourceRefused, "refused the login 'reader'"),
        ({"database": "elsewhere"}, SourceRefused, "refused the login 'reader'"),
        ({"port": 1}, SourceUnreachable, "can't be reached"),
    ],
)
def test_a_trial_says_what_is_wrong(
    mariadb: MariaDb, source: Source, tmp_path: Path, change: dict[str, Any], kind: type[SourceError], words: str
) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    wrong = Source(TENANT, "traps", "mysql", secret(folder, mariadb.url(**change)), timeout_seconds=5)

    found = check.test(wrong)

    assert not found[-1].is_ok
    assert words in found[-1].detail
    assert source.kind == wrong.kind
    with pytest.raises(kind), connect(wrong).open():
        pass


def test_a_trial_finds_a_login_that_may_write(mariadb: MariaDb, source: Source) -> None:
    run(mariadb, "GRANT INSERT ON traps.* TO reader@'%'")

    found = {each.name: each for each in check.test(source)}

    assert found["connection"].is_ok
    assert not found["read_only"].is_ok


@pytest.mark.parametrize("url", ["mysql://u:hun[ter2@h/d", "mysql://u:hunter2\u2100@h/d", "mysql://u:hunter2/@h/d"])
def test_a_url_that_cannot_be_read_is_not_quoted(tmp_path: Path, url: str) -> None:
    [found] = check.test(Source(TENANT, "traps", "mysql", secret(tmp_path, url)))[1:]

    assert (found.is_ok, "percent-encoded" in found.detail, "ter2" in found.detail) == (False, True, False)


def test_verified_asks_for_the_name_of_the_host_without_an_authority_too(tmp_path: Path) -> None:
    _, arguments = located(Source(TENANT, "traps", "mysql", secret(tmp_path, "mysql://u:p@h/d?tls=verified")))

    assert arguments["ssl"].check_hostname
    assert arguments["ssl"].verify_mode is ssl.CERT_REQUIRED


def test_an_authority_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    url = f"mysql://u:hunter2@h/d?tls=verified&tls_ca={tmp_path}/none.pem"

    with pytest.raises(SourceRefused, match="tls_ca"):
        located(Source(TENANT, "traps", "mysql", secret(tmp_path, url)))


def test_columns_that_a_star_hides_are_in_a_snapshot(mariadb: MariaDb, source: Source) -> None:  # P14, E9
    with mariadb.admin() as connection, connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE traps.hidden (id INT AUTO_INCREMENT PRIMARY KEY INVISIBLE, `a``%(b)s` INT, c INT INVISIBLE)"
        )
        cursor.execute("INSERT INTO traps.hidden (id, `a``%(b)s`, c) VALUES (1, 2, 3)", None)

    with connect(source).open() as reading:
        columns, key = tables.described(reading, "mysql", "hidden")
        rows = pl.DataFrame(pa.Table.from_batches(list(tables.rows_of(reading, "mysql", "hidden", columns, key))))

    assert key == ("id",)
    assert rows.to_dicts() == [{"id": 1, "a`%(b)s": 2, "c": 3}]
