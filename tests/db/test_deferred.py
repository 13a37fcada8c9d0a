"""What a transaction defers to its end is committed with the rest of it or not at all; rows can be looked at later."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL

from lading.db.database import Database
from lading.db.transaction import Role

pytestmark = pytest.mark.anyio

INSERT = SQL("INSERT INTO deferred VALUES (%(number)s)")


@pytest.fixture(params=[None, Role.SYSTEM])
async def database(request: pytest.FixtureRequest, database_url: str) -> AsyncIterator[Database]:
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TABLE deferred (number integer PRIMARY KEY CHECK (number < 10))")
        connection.execute("GRANT ALL ON deferred TO lading_system")
    made = Database(database_url, size=1, role=request.param)
    await made.open()
    yield made
    await made.close()


def numbers(url: str) -> Sequence[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT array_agg(number ORDER BY number) FROM deferred").fetchall()[0][0] or []


async def test_what_is_deferred_is_done_after_all_else_and_committed_with_it(
    database: Database, database_url: str
) -> None:
    async with database.system() as tx:
        tx.defer(INSERT, number=2)
        tx.defer(INSERT, number=3)
        await tx.run(INSERT, number=1)
        before = await tx.all(SQL("SELECT number FROM deferred"))

    assert ([row["number"] for row in before], numbers(database_url)) == ([1], [1, 2, 3])


async def test_nothing_is_committed_when_what_is_deferred_fails_and_the_connection_lives_on(
    database: Database, database_url: str
) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        async with database.system() as tx:
            await tx.run(INSERT, number=1)
            tx.defer(INSERT, number=10)
            tx.defer(INSERT, number=3)
    async with database.system() as tx:
        await tx.run(INSERT, number=4)

    assert numbers(database_url) == [4]


async def test_nothing_deferred_is_done_when_the_rest_fails(database: Database, database_url: str) -> None:
    with pytest.raises(LookupError):
        async with database.system() as tx:
            tx.defer(INSERT, number=1)
            raise LookupError
    async with database.system() as tx:
        await tx.run(INSERT, number=4)

    assert numbers(database_url) == [4]


async def test_a_transaction_whose_failure_was_swallowed_does_not_look_committed(
    database: Database, database_url: str
) -> None:
    with pytest.raises(RuntimeError, match="nothing of it is committed"):
        async with database.system() as tx:
            await tx.run(INSERT, number=1)
            with contextlib.suppress(psycopg.errors.CheckViolation):
                await tx.run(INSERT, number=10)
    async with database.system() as tx:
        await tx.run(INSERT, number=4)

    assert numbers(database_url) == [4]


async def test_a_transaction_that_was_ended_early_does_not_look_committed(
    database: Database, database_url: str
) -> None:
    with pytest.raises(RuntimeError, match="nothing of it is committed"):
        async with database.system() as tx:
            await tx.run(INSERT, number=1)
            await tx.connection.rollback()

    assert not numbers(database_url)


async def test_values_are_made_of_rows_after_the_commit(database: Database) -> None:
    async with database.system() as tx:
        rows = await tx.rows(tuple, SQL("SELECT n, n::text || 'x' FROM generate_series(1, 3) AS n"))
        tx.defer(INSERT, number=1)

    assert (len(rows), rows.column(1)) == (3, [b"1x", b"2x", b"3x"])
    assert list(rows.values()) == [[(1, "1x"), (2, "2x"), (3, "3x")]]
    assert list(rows.values(2)) == [[(1, "1x"), (2, "2x")], [(3, "3x")]]
