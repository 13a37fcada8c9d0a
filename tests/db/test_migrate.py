"""The schema is brought forward once, and never by code that is older than it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import anyio
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from lading import ids
from lading.db.database import Database
from lading.db.embedded import EmbeddedServer
from lading.db.migrate import LOCK_WAIT_SECONDS, Migration, known, migrate, outstanding
from lading.errors import DatabaseBusy, DatabaseTooNew, DatabaseUnavailable, EnvironmentUnfit
from lading.jobs import leases
from lading.jobs import store as jobs
from lading.jobs.model import Claim, NewJob
from lading.ledger.entry import SYSTEM
from lading.tenants import store as tenants
from lading.tenants.model import Role
from lading.tenants.store import get_key

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


async def test_claims_go_on_while_a_migration_waits_for_a_long_reader(database: Database, database_url: str) -> None:
    later = Migration(known()[-1].version + 1, "later", "ALTER TABLE jobs ADD COLUMN later integer")
    lease = ids.new()
    async with database.system() as tx:
        tenant = await tenants.create_tenant(tx, "acme", name="Acme", actor=SYSTEM)
        await leases.open_lease(tx, lease, worker="test", seconds=600.0)
    async with database.tenant(tenant.id) as tx:
        for _ in range(3):
            await jobs.enqueue(tx, NewJob(ids.new(), "noop", "job_x"), actor=SYSTEM)
    async with await psycopg.AsyncConnection.connect(database_url) as reader:
        await reader.execute("SELECT count(*) FROM jobs")
        migrating = asyncio.create_task(migrate(database_url, files_known=[*known(), later]))
        claimed: list[Claim] = []
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as other:
            for _ in range(3):
                await _until_refused(other)
                claimed += await _claim(database, lease)
        assert not migrating.done()
        await reader.rollback()

    assert await migrating == 1
    assert len({claim.job_id for claim in claimed}) == 3
    assert LOCK_WAIT_SECONDS < 0.3  # whoever stands behind the migration waits so long, and not once more


async def test_a_migration_that_never_gets_its_table_says_so_and_leaves_nothing(database_url: str) -> None:
    newest = known()[-1].version
    later = Migration(newest + 1, "later", "CREATE TABLE early (id integer); ALTER TABLE jobs ADD COLUMN later integer")
    async with await psycopg.AsyncConnection.connect(database_url) as reader:
        await reader.execute("SELECT count(*) FROM jobs")

        with pytest.raises(DatabaseBusy, match="pg_stat_activity"):
            await migrate(database_url, files_known=[*known(), later], patience_seconds=0)

        found = await reader.execute("SELECT to_regclass('early'), (SELECT max(version) FROM schema_migrations)")
        assert await found.fetchone() == (None, newest)


async def _claim(database: Database, lease: UUID) -> list[Claim]:
    """Claim a job, as a worker does: who was too slow for a turn on a busy machine comes again."""
    with anyio.fail_after(60):
        while True:
            with suppress(DatabaseBusy, DatabaseUnavailable):
                async with database.system() as tx:
                    return await jobs.claim(tx, lease_id=lease, kinds=["noop"], limit=1)


async def _until_refused(connection: psycopg.AsyncConnection[Any]) -> None:
    """Return as soon as the migration waits for the table of jobs: whoever asks for it now stands behind it."""
    waiting = (
        "SELECT 1 FROM pg_locks WHERE relation = 'jobs'::regclass AND mode = 'AccessExclusiveLock' AND NOT granted"
    )
    with anyio.fail_after(60):
        while (await connection.execute(waiting)).rowcount == 0:
            pass  # each look is a round trip


LANDED = {
    1: "65d8b4db404d94cc3000cf8541216deb70e5b1d0ea3d3a19e68000f54461c38e",
    2: "790faea3d5c84cf528b8eaad86de4837baae2309223293a8cca474f1cadd5db5",
    3: "fb5f89ba1e3782c9db607033bf50bdb3277c920b73d43f85bad3336cbd4499ff",
    4: "01e5bb4b6a48fc47b5f13269bf971e5107192d4f2923ab6a98b19d1a0ae7c1bf",
    5: "bd6645b8e66dde78a7fc92bda323c397de7753327066bf8362695c9e8d04a93d",
    6: "b675080038fe249a9b957e1aba71ed28be221d6423c9ca044fdba3970d492a3f",
    7: "efba89c78823c235c91e3a0da1dacc6164098c1bb1d954d2f24b650c3c9055ee",
}


def test_a_migration_that_somebody_may_have_applied_never_changes() -> None:
    # One that is pinned here is released: what has to change goes into a new file.
    assert {each.version: each.digest.hex() for each in known() if each.version in LANDED} == LANDED


@pytest.fixture
def empty_url(server: EmbeddedServer) -> Iterator[str]:
    """The URL of a database without anything."""
    name = f"empty_{os.getpid()}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as admin:
        admin.execute(SQL("CREATE DATABASE {} TEMPLATE template0").format(Identifier(name)))
        yield server.url(name)
        admin.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


AZURE = """-- ---------------------------------------------------------------- destinations in containers of Azure

ALTER TABLE destinations
    DROP CONSTRAINT destinations_kind_check,
    ADD CONSTRAINT destinations_kind_check CHECK (kind IN ('directory', 's3', 'gcs', 'azure'));

"""


def first_ones(newest: int) -> list[Migration]:
    """Return the schema up to `newest` as a line of builds had it in which 0005, not 0004, let the kind azure in."""
    found = [each for each in known() if each.version <= newest]
    found[3] = replace(found[3], text=found[3].text.replace("'gcs', 'azure')", "'gcs')"))
    assert found[3].digest.hex().startswith("ab9ae987")
    if newest > 4:
        head, gap, rest = found[4].text.partition("\n\n")
        found[4] = replace(found[4], text=f"{head}{gap}{AZURE}{rest}")
        assert found[4].digest.hex().startswith("b6ba5969")
    return found


@pytest.mark.parametrize("is_first", [False, True])
@pytest.mark.parametrize("version", [4, 5, 7])
async def test_what_an_older_lading_stored_lives_on(empty_url: str, version: int, is_first: bool) -> None:
    older = first_ones(version) if is_first else [each for each in known() if each.version <= version]
    await migrate(empty_url, files_known=older)
    tenant, key = uuid4(), uuid4()
    with psycopg.connect(empty_url) as connection:
        connection.execute("INSERT INTO tenants (tenant_id, slug, name) VALUES (%s, 'acme', 'Acme')", (tenant,))
        connection.execute(
            "INSERT INTO api_keys (tenant_id, id, name, role, secret_digest) VALUES (%s, %s, 'old', 'admin', %s)",
            (tenant, key, sha256(b"old").digest()),
        )
        connection.execute(
            "INSERT INTO destinations (tenant_id, name, kind, object_name, timeout_seconds)"
            " VALUES (%s, 'handover', 'directory', '{file}', 60)",
            (tenant,),
        )

    assert await migrate(empty_url) == len(known()) - len(older)

    database = Database(empty_url)
    await database.open()
    async with database.system() as tx:
        found = await get_key(tx, tenant, key_id=key)
    assert (found.name, found.role, found.scopes) == ("old", Role.ADMIN, None)
    with psycopg.connect(empty_url) as connection:
        connection.execute("UPDATE destinations SET kind = 'azure' WHERE name = 'handover'")
    await database.close()
