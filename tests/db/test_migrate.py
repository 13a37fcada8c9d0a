"""The schema is brought forward once, and never by code that is older than it."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import anyio
import psycopg
import pytest
from psycopg.sql import SQL

from lading.db.database import Database
from lading.db.migrate import Migration, known, migrate, outstanding
from lading.errors import DatabaseBusy, DatabaseTooNew, EnvironmentUnfit

pytestmark = pytest.mark.anyio


async def test_a_second_migration_applies_nothing(database_url: str) -> None:
    assert await migrate(database_url) == 0


async def test_a_database_from_a_newer_lading_is_refused(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("INSERT INTO schema_migrations VALUES (9999, 'future', 'x')")

    with pytest.raises(DatabaseTooNew, match="9999"):
        await migrate(database_url)


async def test_a_database_of_another_build_is_refused(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE schema_migrations SET digest = 'x'")

    with pytest.raises(EnvironmentUnfit, match="different builds"):
        await migrate(database_url)


async def test_a_transaction_sees_only_its_own_tenant(database: Database) -> None:
    async with database.tenant(uuid4()) as tx:
        rows = await tx.all(SQL("SELECT slug FROM tenants"))

    assert rows == []
    assert known()[0].name == "foundation"


async def test_code_that_a_newer_schema_admits_beside_it_starts(database_url: str) -> None:
    newest = known()[-1].version
    later = Migration(newest + 1, "later", f"-- more\n-- beside: {newest:04d}\nCREATE TABLE later (id integer)")
    last = Migration(newest + 2, "last", f"-- beside: {newest + 1:04d}\nCREATE TABLE last (id integer)")

    assert await migrate(database_url, files_known=[*known(), later]) == 1
    assert await migrate(database_url) == 0
    assert await outstanding(database_url) == 0

    assert await migrate(database_url, files_known=[*known(), later, last]) == 1
    with pytest.raises(DatabaseTooNew, match=str(newest + 2)):
        await migrate(database_url)


async def test_a_migration_waits_for_a_long_reader_and_holds_up_nobody(database_url: str) -> None:
    newest = known()[-1].version
    later = Migration(newest + 1, "later", "ALTER TABLE jobs ADD COLUMN later integer")
    async with await psycopg.AsyncConnection.connect(database_url) as reader:
        await reader.execute("SELECT count(*) FROM jobs")  # and its transaction stays open
        migrating = asyncio.create_task(migrate(database_url, files_known=[*known(), later]))
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as other:
            for _ in range(3):
                await _until_refused(other)
                # Somebody who would wait behind it for ever, if it waited for ever.
                await other.execute("SELECT count(*) FROM jobs")
        assert not migrating.done()
        await reader.rollback()

    assert await migrating == 1


async def test_a_migration_that_never_gets_its_table_says_so_and_leaves_nothing(database_url: str) -> None:
    newest = known()[-1].version
    later = Migration(newest + 1, "later", "CREATE TABLE early (id integer); ALTER TABLE jobs ADD COLUMN later integer")
    async with await psycopg.AsyncConnection.connect(database_url) as reader:
        await reader.execute("SELECT count(*) FROM jobs")

        with pytest.raises(DatabaseBusy, match="pg_stat_activity"):
            await migrate(database_url, files_known=[*known(), later], patience_seconds=0)

        found = await reader.execute("SELECT to_regclass('early'), (SELECT max(version) FROM schema_migrations)")
        assert await found.fetchone() == (None, newest)


async def _until_refused(connection: psycopg.AsyncConnection[Any]) -> None:
    """Return as soon as the migration waits for the table of jobs: whoever asks for it now stands behind it."""
    waiting = (
        "SELECT 1 FROM pg_locks WHERE relation = 'jobs'::regclass AND mode = 'AccessExclusiveLock' AND NOT granted"
    )
    with anyio.fail_after(60):
        while (await connection.execute(waiting)).rowcount == 0:
            pass  # each look is a round trip
