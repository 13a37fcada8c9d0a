"""A pooled connection that the server has ended is never given to anybody, though no round trip asks for it."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.sql import SQL
from psycopg_pool import AsyncConnectionPool

from lading.db.database import Database

pytestmark = pytest.mark.anyio


async def test_a_connection_that_the_server_ended_is_replaced_without_an_error(database_url: str) -> None:
    database = Database(database_url, size=1)
    await database.open()
    try:
        for _ in range(3):
            async with database.system() as tx:
                row = await tx.one(SQL("SELECT pg_backend_pid() AS pid"))
            with psycopg.connect(database_url, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s, 10000)", (row["pid"],))

            async with database.system() as tx:
                assert (await tx.one(SQL("SELECT pg_backend_pid() AS pid")))["pid"] != row["pid"]
    finally:
        await database.close()


async def test_a_connection_that_has_just_worked_costs_no_round_trip_to_ask(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    async def look(connection: psycopg.AsyncConnection[object]) -> None:
        asked.append(connection)

    database = Database(database_url, size=1)
    await database.open()
    try:
        async with database.system() as tx:
            await tx.one(SQL("SELECT 1 AS one"))
        monkeypatch.setattr(AsyncConnectionPool, "check_connection", look)
        async with database.system() as tx:
            await tx.one(SQL("SELECT 1 AS one"))
        assert asked == []

        monkeypatch.setattr("lading.db.database._BELIEVED_SECONDS", 0.0)
        async with database.system() as tx:
            await tx.one(SQL("SELECT 1 AS one"))
        assert len(asked) == 1
    finally:
        await database.close()
