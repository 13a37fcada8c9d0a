"""Rows come from PostgreSQL as PostgreSQL means them, in a fixed order, and nothing a caller sends becomes SQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lading.db.embedded import EmbeddedServer
from lading.errors import SourceRefused
from lading.sources.postgresql import PostgresSource, Snapshot

CASES: Sequence[tuple[str, str]] = [
    ("numeric", "1234567890123456789012345678901234567890.10"),
    ("numeric", "NaN"),
    ("numeric", "Infinity"),
    ("numeric", "-0.001"),
    ("numeric(12,2)", "12.30"),
    ("uuid", "0190a0b0-0000-7000-8000-00000000000f"),
    ("json", '{"b": 1,  "a": "æ"}'),
    ("jsonb", '{"a": [1, null]}'),
    ("text[]", '{a,"b,c",NULL,"\\"q"}'),
    ("int[]", "{{1,2},{3,4}}"),
    ("mood", "blid"),
    ("inet", "10.0.0.0/8"),
    ("cidr", "2001:db8::/32"),
    ("macaddr", "08:00:2b:01:02:03"),
    ("interval", "P1Y2M3DT4H5M6.7S"),
    ("time", "24:00:00"),
    ("timetz", "12:30:00+02"),
    ("bit(4)", "1010"),
    ("int4range", "[1,5)"),
    ("point", "(1,2)"),
    ("tsvector", "'a':1 'b':2"),
    ("oid", "4294967295"),
    ("xid", "7"),
    ('"char"', "x"),
    ("bytea", "\\x00ff10"),
    ("pair", '(1,"a b")'),
    ("postcode", "0150"),
    ("amount", "12.50"),
    ("text", "Åse \\ 'quote' \" ; -- 😀"),
    ("varchar(5)", "ab"),
    ("char(4)", "ab  "),
    ("name", "navn"),
    ("smallint", "-32768"),
    ("integer", "2147483647"),
    ("bigint", "-9223372036854775808"),
]
"""A type and the text PostgreSQL writes for a value of it: both as the source's session writes it."""


@pytest.fixture(scope="module")
def url(server: EmbeddedServer) -> Iterator[str]:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS source_types")
        connection.execute("CREATE DATABASE source_types")
    with psycopg.connect(server.url("source_types"), autocommit=True) as connection:
        connection.execute("CREATE TYPE mood AS ENUM ('blid', 'trist')")
        connection.execute("CREATE TYPE pair AS (n int, t text)")
        connection.execute("CREATE DOMAIN postcode AS text CHECK (VALUE ~ '^[0-9]{4}$')")
        connection.execute("CREATE DOMAIN amount AS numeric(9,2)")
    yield server.url("source_types")
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE source_types WITH (FORCE)")


@pytest.fixture(scope="module")
def snapshot(url: str) -> Iterator[Snapshot]:
    with PostgresSource(url, timeout_seconds=30).snapshot() as snapshot:
        yield snapshot


def read(snapshot: Snapshot, query: str, parameters: Mapping[str, object] | None = None, key: str = "id") -> list[Any]:
    return pa.Table.from_batches(list(snapshot.batches(query, parameters or {}, key=[key]))).to_pylist()


@pytest.mark.parametrize(("kind", "text"), CASES)
def test_a_value_arrives_as_the_text_postgresql_writes(snapshot: Snapshot, kind: str, text: str) -> None:  # P14
    [row] = read(snapshot, f"SELECT 1 AS id, %(text)s::{kind} AS value, NULL::{kind} AS none", {"text": text})

    assert str(row["value"]) == text
    assert row["none"] is None


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("true", True),
        ("'1.1'::float4", 1.1),
        ("'1e308'::float8", 1e308),
        ("date '2024-02-29'", date(2024, 2, 29)),
        ("date 'infinity'", None),
        ("date '-infinity'", None),
        ("timestamp 'infinity'", None),
        ("timestamptz '-infinity'", None),
        ("timestamp '294276-12-31 23:59:59'", None),
        ("'12.34'::numeric::money", "12.34"),
    ],
)
def test_a_typed_value_arrives_whole_and_infinity_is_empty(
    snapshot: Snapshot, expression: str, expected: object
) -> None:
    [row] = read(snapshot, f"SELECT 1 AS id, {expression} AS value")

    assert row["value"] == expected


def test_an_instant_arrives_in_utc_whatever_the_zone_of_the_text(snapshot: Snapshot) -> None:
    [row] = read(snapshot, "SELECT 1 AS id, timestamptz '2025-03-30 03:00:00.000001+02' AS value")

    assert row["value"].isoformat() == "2025-03-30T01:00:00.000001+00:00"


def test_the_record_names_every_column_that_is_not_read_as_it_stands(url: str) -> None:
    with PostgresSource(url, timeout_seconds=30).snapshot() as snapshot:
        read(snapshot, "SELECT 1 AS id, 'blid'::mood AS m, 1.5::numeric AS n, 'x'::text AS t")

        assert [(one.column, one.type, one.read_as) for one in snapshot.rewritten] == [
            ("m", "mood", "text"),
            ("n", "numeric", "text"),
        ]


HOSTILE = [
    "'; DROP TABLE x; --",
    "\\'; SELECT 1; --",
    "%(other)s %s %%",
    "$1 $$ $tag$",
    "' OR ''='",
    '{"},{"',
    "a\nb\r\t\x01",
    "ʼ＇\u2019 😀 \U0001f469\u200d\U0001f467",
    "",
    "\\",
    "E'\\x27'",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_string_stays_a_string(snapshot: Snapshot, text: str) -> None:  # P15
    query = (
        "SELECT 1 AS id, %(text)s::text AS one, %(many)s::text[] AS many, array_length(%(many)s::text[], 1) AS count"
    )

    [row] = read(snapshot, query, {"text": text, "many": [text, "x", text]})

    assert row["one"] == text
    assert row["count"] == 3


@given(text=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_comes_back_as_it_was_sent(snapshot: Snapshot, text: str) -> None:
    [row] = read(
        snapshot,
        "SELECT 1 AS id, %(text)s::text AS value, (%(list)s::text[])[1] AS item",
        {"text": text, "list": [text]},
    )

    assert (row["value"], row["item"]) == (text, text)


def test_every_kind_of_parameter_can_be_bound(snapshot: Snapshot) -> None:
    query = """
        SELECT n AS id, %(day)s::date AS day, %(flag)s::boolean AS flag, %(none)s::text IS NULL AS is_null
        FROM generate_series(1, %(count)s::int) AS n
        WHERE 'a' = ANY (%(types)s) AND cardinality(%(types)s) = 2
            AND n %% 2 = 1 AND n > %(negative)s::int -- a comment at the end
    """

    rows = read(
        snapshot,
        query,
        {"day": date(2025, 1, 31), "flag": False, "none": None, "count": 3, "types": ["a", "b"], "negative": -1},
    )

    assert rows == [{"id": n, "day": date(2025, 1, 31), "flag": False, "is_null": True} for n in (1, 3)]


@pytest.mark.parametrize("value", [[], ["x"], None])
def test_an_optional_list_can_be_empty_or_absent(snapshot: Snapshot, value: list[str] | None) -> None:
    query = "SELECT 1 AS id, cardinality(coalesce(%(types)s::text[], '{}')) AS count"

    [row] = read(snapshot, query, {"types": value})

    assert row["count"] == len(value or [])


def test_rows_come_in_the_order_of_the_key_in_batches_of_one_size(snapshot: Snapshot) -> None:
    query = "SELECT (n * 7919) %% 40000 AS id, repeat('x', n %% 90) AS filler FROM generate_series(0, 39999) AS n"

    batches = list(snapshot.batches(query, {}, key=["id"]))

    assert [batch.num_rows for batch in batches] == [16384, 16384, 7232]
    assert pa.Table.from_batches(batches)["id"].to_pylist() == list(range(40000))


def test_no_rows_still_tell_the_columns(snapshot: Snapshot) -> None:
    [batch] = snapshot.batches("SELECT 1 AS id, 'x'::text AS t WHERE false", {}, key=["id"])

    assert (batch.num_rows, batch.schema.names) == (0, ["id", "t"])


def test_every_query_of_a_snapshot_sees_the_same_instant(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as writer:
        writer.execute("CREATE TABLE seen (id int PRIMARY KEY)")
        writer.execute("INSERT INTO seen VALUES (1)")
        with PostgresSource(url, timeout_seconds=30).snapshot() as snapshot:
            first = read(snapshot, "SELECT id FROM seen")
            writer.execute("INSERT INTO seen VALUES (2)")

            assert read(snapshot, "SELECT id FROM seen") == first
        writer.execute("DROP TABLE seen")


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("SELECT 1 AS id; DROP TABLE x", "multiple commands"),
        ("SELECT 1 AS id) AS source; COMMIT; SELECT * FROM (SELECT 1 AS id", "syntax error"),
        ("SELECT 1 AS id, 2 AS id", "two columns named 'id'"),
        ("SELECT 1 AS other", "key names 'id'"),
        ("SELECT * FROM nowhere", "does not exist"),
        ("CREATE TABLE x (id int)", "no columns"),
        ("SELECT 1 AS id UNION ALL SELECT 1", "the same in two rows"),
        ("SELECT NULL::int AS id", "empty in some row"),
        ("SELECT 1 AS id WHERE %(missing)s::int = 1", "parameters"),
        ("SELECT 1 AS id WHERE 'a' LIKE '%a'", "parameters"),
        ("SELECT 1/(1-n) AS id FROM generate_series(1, 3) AS n", "SQLSTATE 22012"),
        ("", "no columns"),
    ],
)
def test_a_query_that_can_not_be_read_is_refused_with_a_reason(url: str, query: str, sentence: str) -> None:
    source = PostgresSource(url, timeout_seconds=30)

    with source.snapshot() as snapshot, pytest.raises(SourceRefused, match=sentence):
        list(snapshot.batches(query, {}, key=["id"]))


def test_a_query_can_not_write(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as writer:
        writer.execute("CREATE TABLE kept (id int)")
        writer.execute(
            "CREATE FUNCTION add_one() RETURNS int LANGUAGE plpgsql AS "
            "$$ BEGIN INSERT INTO kept VALUES (1); RETURN 1; END $$"
        )
        with (
            PostgresSource(url, timeout_seconds=30).snapshot() as snapshot,
            pytest.raises(SourceRefused, match="read-only"),
        ):
            read(snapshot, "SELECT add_one() AS id")

        assert writer.execute("SELECT count(*) FROM kept").fetchone() == (0,)


@pytest.mark.parametrize("value", ["a\0b", "\ud800", {"a": 1}, 1.5])
def test_a_value_that_can_not_be_bound_is_refused(snapshot: Snapshot, value: object) -> None:
    with pytest.raises(SourceRefused):
        read(snapshot, "SELECT 1 AS id WHERE %(value)s::text = ''", {"value": value})


def test_a_row_is_never_quoted_in_an_error(url: str) -> None:
    with PostgresSource(url, timeout_seconds=30).snapshot() as snapshot, pytest.raises(SourceRefused) as refusal:
        read(snapshot, "SELECT id, name::int AS n FROM (VALUES (1, 'Kari Nordmann')) AS v (id, name)")

    assert "Kari" not in refusal.value.message


@given(
    numbers=st.lists(
        st.decimals(allow_infinity=False, allow_nan=False, places=4, max_value=10**20, min_value=-(10**20)), max_size=20
    ),
    floats=st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=20),
)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_numbers_are_those_of_postgresqls_own_text(
    snapshot: Snapshot, numbers: list[Decimal], floats: list[float]
) -> None:  # P14
    query = """
        SELECT n AS id, a.v AS number, a.v::text AS number_text, b.v AS float, b.v::text AS float_text
        FROM generate_series(1, 20) AS n
        LEFT JOIN unnest(%(numbers)s::numeric[]) WITH ORDINALITY AS a (v, n) USING (n)
        LEFT JOIN unnest(%(floats)s::float8[]) WITH ORDINALITY AS b (v, n) USING (n)
    """

    rows = read(snapshot, query, {"numbers": numbers, "floats": [str(value) for value in floats]})

    assert all(row["number"] == row["number_text"] for row in rows)
    assert all(row["float"] is None or row["float"] == float(row["float_text"]) for row in rows)


def test_days_and_instants_are_those_of_postgresqls_own_text(snapshot: Snapshot) -> None:  # P14
    query = """
        SELECT n AS id, d.v AS day, d.v::text AS day_text, t.v AS instant,
            to_char(t.v AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || '+00:00' AS instant_text
        FROM generate_series(1, 4000) AS n
        CROSS JOIN LATERAL (SELECT date '0001-01-01' + n * 911 AS v) AS d
        CROSS JOIN LATERAL (SELECT timestamptz '0001-01-02 00:00+00' + n * interval '911 days 5:03:01.000123' AS v) AS t
        WHERE d.v < date '9999-01-01'
    """

    rows = read(snapshot, query)

    assert len(rows) > 3900
    assert all(row["day"].isoformat() == row["day_text"] for row in rows)
    assert all(row["instant"].isoformat(timespec="microseconds") == row["instant_text"] for row in rows)
