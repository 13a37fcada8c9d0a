"""Whoever leaves a snapshot in the middle leaves no query, no transaction and no thread behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from lading.db.embedded import EmbeddedServer
from lading.errors import SourceError
from lading.sources.postgresql import PostgresSource
from lading.sources.prefetch import call

# The sort of the inner query is the order of the outer one, so rows come before the one that never does: enough for
# the first batch, fewer than are fetched ahead of who reads no more.
ENDLESS = """
    SELECT n, CASE WHEN n > 40000 THEN pg_sleep(3600)::text ELSE repeat('x', 100) END AS x
    FROM generate_series(1, 100000) AS n ORDER BY n
"""


@pytest.fixture(scope="module")
def url(server: EmbeddedServer) -> Iterator[str]:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE left_source TEMPLATE template0")
    yield server.url("left_source")
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE left_source WITH (FORCE)")


def until(connection: psycopg.Connection[Any], counts: str, wanted: int) -> None:
    """Return when so many others are connected to the source that `counts` is true of; fail after a minute."""
    query = "SELECT count(*) FILTER (WHERE {}) FROM pg_stat_activity WHERE datname = 'left_source' AND pid <> {}"
    for _ in range(600):
        row = connection.execute(query.format(counts, "pg_backend_pid()")).fetchone()
        if row == (wanted,):
            return
        connection.execute("SELECT pg_sleep(0.1), pg_stat_clear_snapshot()")
    raise AssertionError(f"{row} are connected")


def living(before: set[threading.Thread]) -> list[threading.Thread]:
    """Return the threads that were begun since and have not ended within a minute."""
    begun = [each for each in threading.enumerate() if each not in before]
    for each in begun:
        each.join(60)
    return [each for each in begun if each.is_alive()]


def test_a_snapshot_that_is_left_while_the_server_works_interrupts_it(url: str) -> None:  # P3
    before = set(threading.enumerate())

    def leave(watcher: psycopg.Connection[Any]) -> object:
        with PostgresSource(url, timeout_seconds=600).snapshot() as snapshot:
            rows = snapshot.batches(ENDLESS, {}, key=["n"])
            assert next(rows).num_rows == 16_384
            until(watcher, "wait_event = 'PgSleep'", 1)
        return rows  # as the traceback of a stage that stopped holds them

    with psycopg.connect(url, autocommit=True) as watcher:
        held = call(lambda: leave(watcher), seconds=120)

        assert not living(before)
        until(watcher, "true", 0)
    del held


def test_a_query_that_waits_for_a_lock_while_it_is_described_is_given_up_whole(url: str) -> None:  # P3
    before = set(threading.enumerate())
    with psycopg.connect(url) as holder:
        holder.execute("CREATE TABLE held (n int PRIMARY KEY)")
        holder.commit()
        holder.execute("LOCK TABLE held")

        with pytest.raises(SourceError), PostgresSource(url, timeout_seconds=1).snapshot() as snapshot:
            list(snapshot.batches("SELECT n FROM held", {}, key=["n"]))

        assert not living(before)
        until(holder, "true", 0)
