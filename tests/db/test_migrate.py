"""The schema is brought forward once, and never by code that is older than it."""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest
from psycopg.sql import SQL

from lading.db.database import Database
from lading.db.migrate import known, migrate
from lading.errors import DatabaseTooNew, EnvironmentUnfit

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
