"""Ranges of keys that meet leave no row of a source out and bring none twice, whatever the key is made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import psycopg
import pytest

from lading.db.embedded import EmbeddedServer
from lading.errors import SourceRefused
from lading.sources.model import KeyRange, Size
from lading.sources.postgresql import PostgresSource

ROWS = "generate_series(1, 61) AS n"
KEYS: Sequence[tuple[Sequence[str], str]] = [
    (["n"], "SELECT n FROM generate_series(-20, 40) AS n"),
    (["k"], f"SELECT md5(n::text)::uuid AS k FROM {ROWS}"),
    (["k"], f"SELECT (ARRAY['å', 'Z', 'a''\\', '%%'])[1 + n %% 4] || n AS k FROM {ROWS}"),
    (["k"], f"SELECT ('ab' || n)::char(9) AS k FROM {ROWS}"),
    (["k"], f"SELECT (n * 0.1)::float8 AS k FROM {ROWS} UNION SELECT 'NaN' UNION SELECT '-Infinity'"),
    (["k"], f"SELECT n / 7.0 AS k FROM {ROWS}"),
    (["k"], f"SELECT timestamptz '2025-10-26 00:30+00' + n * interval '7 minutes 1 microsecond' AS k FROM {ROWS}"),
    (["a", "b", "c"], f"SELECT n %% 3 AS a, chr(97 + n %% 5) AS b, n AS c FROM {ROWS}"),
    (["k"], "SELECT NULL::int AS k WHERE false"),
]
SIZES = [
    Size(rows=1),
    Size(rows=7),
    Size(rows=61),
    Size(rows=1000),
    Size(count=1),
    Size(count=4),
    Size(count=61),
    Size(count=999),
]


@pytest.fixture(scope="module")
def source(server: EmbeddedServer) -> Iterator[PostgresSource]:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE parts_source TEMPLATE template0 LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'")
    yield PostgresSource(server.url("parts_source"), timeout_seconds=60)
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE parts_source WITH (FORCE)")


def rows(source: PostgresSource, query: str, key: Sequence[str], within: KeyRange = KeyRange()) -> list[Any]:  # noqa: B008
    with source.snapshot() as snapshot:
        return [row for batch in snapshot.batches(query, {}, key=key, within=within) for row in batch.to_pylist()]


def ends(source: PostgresSource, query: str, key: Sequence[str], size: Size) -> list[tuple[str, ...]]:
    with source.snapshot() as snapshot:
        return list(snapshot.boundaries(query, {}, key=key, size=size))


@pytest.mark.parametrize(("key", "query"), KEYS)
def test_the_parts_one_after_the_other_are_the_rows(source: PostgresSource, key: list[str], query: str) -> None:  # P16
    whole = rows(source, query, key)

    for size in (Size(rows=7), Size(count=4)):
        bounds = [None, *ends(source, query, key, size), None]
        parts = [rows(source, query, key, KeyRange(low, high)) for low, high in pairwise(bounds)]
        assert [str(row) for part in parts for row in part] == [str(row) for row in whole]
        assert all(len(part) <= 18 for part in parts)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_parts_are_as_large_as_they_are_wanted(source: PostgresSource, size: Size) -> None:
    found = [int(end) for (end,) in ends(source, "SELECT n FROM generate_series(1, 61) AS n", ["n"], size)]
    sizes = [high - low for low, high in pairwise([0, *found, 61])]

    if size.rows is not None:
        assert sizes[:-1] == [size.rows] * (len(sizes) - 1)
        assert 1 <= sizes[-1] <= size.rows
    else:
        assert len(sizes) == min(size.count or 0, 61)
        assert max(sizes) - min(sizes) <= 1


def test_a_key_that_is_empty_is_refused_before_anything_is_read(source: PostgresSource) -> None:
    with pytest.raises(SourceRefused, match="is empty in some row"):
        ends(source, "SELECT nullif(n, 5) AS n FROM generate_series(1, 61) AS n", ["n"], Size(rows=50))


def test_a_key_that_becomes_empty_later_is_found_by_the_last_part(source: PostgresSource) -> None:  # P7
    with pytest.raises(SourceRefused, match="is empty in some row"):
        rows(source, "SELECT nullif(n, 5) AS n FROM generate_series(1, 9) AS n", ["n"], KeyRange(("7",), None))


def test_a_key_that_is_not_unique_is_found_though_parts_end_within_it(source: PostgresSource) -> None:
    query = "SELECT n / 2 AS n FROM generate_series(1, 61) AS n"
    bounds = [None, *ends(source, query, ["n"], Size(rows=4)), None]

    with pytest.raises(SourceRefused, match="is the same in two rows"):
        for low, high in pairwise(bounds):
            rows(source, query, ["n"], KeyRange(low, high))
