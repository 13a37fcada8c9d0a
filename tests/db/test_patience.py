"""Who holds up the database is ended by it, after as long as its role may take; the next one finds nothing of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.sql import SQL

from lading.db import transaction
from lading.db.database import Database
from lading.db.migrate import Migration, known, migrate
from lading.db.transaction import PATIENCE, Patience, Role, Transaction
from lading.errors import DatabaseBusy, DatabaseUnavailable
from lading.settings import Settings
from lading.wiring import budget, self_test

pytestmark = pytest.mark.anyio
PATIENCE_SECONDS = 60.0
OPENED: dict[Role, Callable[[Database], AbstractAsyncContextManager[Transaction]]] = {
    Role.APP: lambda database: database.tenant(uuid4()),
    Role.SYSTEM: lambda database: database.system(),
    Role.LEDGER: lambda database: database.ledger(),
}
SHOWN = SQL("SELECT name, setting || unit AS value FROM pg_settings WHERE name = ANY(%(names)s::text[])")


async def told(tx: Transaction) -> dict[str, str]:
    rows = await tx.all(SHOWN, names=list(PATIENCE[Role.APP].settings()))
    return {row["name"]: row["value"] for row in rows}


def wanted(role: Role) -> dict[str, str]:
    return {name: f"{int(value.removesuffix('s')) * 1000}ms" for name, value in PATIENCE[role].settings().items()}


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> Callable[[Role, Patience], None]:
    """Make a role impatient, so that a test need not be patient."""

    def make(role: Role, patience: Patience) -> None:
        monkeypatch.setitem(transaction._UNPOOLED, role, transaction._setting(patience, {}))  # pyright: ignore[reportPrivateUsage]

    return make


@contextmanager
def blocker(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(7)")
        yield connection


@pytest.mark.parametrize("role", Role)
async def test_each_role_has_its_own_patience_and_leaves_none_behind(database_url: str, role: Role) -> None:
    database = Database(database_url, size=1)
    await database.open()
    try:
        async with OPENED[role](database) as tx:
            found = await told(tx)
        async with OPENED[Role.APP](database) as tx:
            after = await told(tx)
    finally:
        await database.close()

    assert found == wanted(role)
    assert after == wanted(Role.APP)


@pytest.mark.parametrize("role", [Role.SYSTEM, Role.LEDGER])
async def test_who_does_one_thing_again_and_again_has_it_in_the_session(database_url: str, role: Role) -> None:
    database = Database(database_url, size=1, role=role)
    await database.open()
    try:
        async with OPENED[role](database) as tx:
            found = await told(tx)
    finally:
        await database.close()

    assert found == wanted(role)


@pytest.mark.parametrize("role", Role)
async def test_nobody_waits_for_a_lock_that_is_never_given(
    database: Database, database_url: str, hasty: Callable[[Role, Patience], None], role: Role
) -> None:
    hasty(role, Patience("60s", "20ms", "60s"))
    with blocker(database_url):
        with pytest.raises(DatabaseBusy, match="lock"):
            async with OPENED[role](database) as tx:
                await tx.run(SQL("SELECT pg_advisory_xact_lock(7)"))

        async with OPENED[role](database) as tx:
            assert (await tx.one(SQL("SELECT 1 AS one")))["one"] == 1
    async with OPENED[role](database) as tx:
        await tx.run(SQL("SELECT pg_advisory_xact_lock(7)"))


@pytest.mark.parametrize("role", Role)
async def test_a_statement_that_does_not_end_is_ended(
    database: Database, hasty: Callable[[Role, Patience], None], role: Role
) -> None:
    hasty(role, Patience("20ms", "60s", "60s"))

    with pytest.raises(DatabaseBusy, match="too long"):
        async with OPENED[role](database) as tx:
            await tx.run(SQL("SELECT pg_sleep(600)"))


@pytest.mark.parametrize("role", Role)
async def test_a_transaction_that_does_nothing_holds_up_nobody_for_long(
    database: Database, database_url: str, hasty: Callable[[Role, Patience], None], role: Role
) -> None:
    hasty(role, Patience("60s", "60s", "20ms"))
    with pytest.raises(DatabaseUnavailable):
        async with OPENED[role](database) as tx:
            await tx.run(SQL("SELECT pg_advisory_xact_lock(7)"))
            with psycopg.connect(database_url, autocommit=True) as waiting:
                deadline = time.monotonic() + PATIENCE_SECONDS
                while waiting.execute("SELECT pg_try_advisory_lock(7)").fetchone() != (True,):
                    assert time.monotonic() < deadline
            await tx.run(SQL("SELECT 1"))

    hasty(role, PATIENCE[role])
    async with OPENED[role](database) as tx:
        assert (await tx.one(SQL("SELECT 1 AS one")))["one"] == 1


async def test_a_migration_may_take_as_long_as_it_needs(database_url: str) -> None:
    text = "DO $$ BEGIN ASSERT current_setting('statement_timeout') = '0'; END $$"

    assert await migrate(database_url, files_known=[*known(), Migration(known()[-1].version + 1, "long", text)]) == 1


async def test_what_the_database_has_too_few_of_is_told_at_the_start(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    left = (await self_test.condition(database_url)).connections_left

    await self_test.require(database_url, connections=left // 2)
    assert not caplog.records
    await self_test.require(database_url, connections=left + 10_000)

    assert [record.message for record in caplog.records] == ["start.few_connections"]
    assert "max_connections" in (budget.shortage(left + 10_000, left) or "")


def test_a_tree_as_it_comes_fits_into_a_database_as_it_comes() -> None:
    given = Settings()

    assert budget.of_tree(given.workers, given.worker_slots) <= 100 - 3
