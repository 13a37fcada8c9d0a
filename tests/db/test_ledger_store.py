"""An entry is in the ledger exactly if its change is in the database, and stays there unchanged."""  # A1

from __future__ import annotations

from uuid import UUID

import psycopg
import pytest

from lading import ids
from lading.db.database import Database
from lading.ledger import store
from lading.ledger.entry import SYSTEM, Actor, Entry

pytestmark = pytest.mark.anyio

INSTANCE = UUID("00000000-0000-7000-8000-000000000000")


def entry(number: int = 0, subject: str = "job_1") -> Entry:
    return Entry("job.started", subject, Actor("worker", "lse_1"), {"number": number}, rev=number)


@pytest.fixture
async def tenant(database: Database) -> UUID:
    identifier = ids.new()
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO tenants (tenant_id, slug, name) VALUES (%s, 'acme', 'Acme')", (identifier,)
        )
    return identifier


async def test_entries_commit_with_their_change_in_order(database: Database, tenant: UUID) -> None:
    async with database.tenant(tenant) as tx:
        await store.record(tx, entry(1), entry(2), entry(3))
        await store.record(tx)
        await store.record(tx, entry(4), entry(9, subject="job_2"))

    async with database.tenant(tenant) as tx:
        lines = await store.history(tx, "job_1")

    assert [line.split(b'"number":')[1][:1] for line in lines] == [b"1", b"2", b"3", b"4"]


async def test_of_very_many_entries_the_latest_are_told_in_order(database: Database, tenant: UUID) -> None:
    async with database.tenant(tenant) as tx:
        await store.record(tx, *(entry(number) for number in range(1, 6)))
        lines = await store.history(tx, "job_1", limit=3)

    assert [line.split(b'"number":')[1][:1] for line in lines] == [b"3", b"4", b"5"]


async def test_entries_vanish_with_a_change_that_is_rolled_back(database: Database, tenant: UUID) -> None:
    with pytest.raises(KeyError):
        async with database.tenant(tenant) as tx:
            await store.record(tx, entry(1))
            raise KeyError

    async with database.tenant(tenant) as tx:
        assert await store.history(tx, "job_1") == []


async def test_a_system_transaction_names_the_tenant(database: Database, tenant: UUID) -> None:
    async with database.system() as tx:
        await store.record(tx, Entry("job.rescued", "job_1", SYSTEM), tenant=tenant)
        await store.record(tx, Entry("tenant.created", ids.show("ten", tenant), SYSTEM), tenant=INSTANCE)

    async with database.tenant(tenant) as tx:
        assert len(await store.history(tx, "job_1")) == 1
    with pytest.raises(RuntimeError, match="not bound"):
        async with database.system() as tx:
            await store.record(tx, entry(1))


async def test_no_tenant_sees_or_writes_anothers_entries(database: Database, tenant: UUID) -> None:
    async with database.tenant(tenant) as tx:
        await store.record(tx, entry(1))

    async with database.tenant(INSTANCE) as tx:
        assert await store.history(tx, "job_1") == []
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with database.tenant(INSTANCE) as tx:
            await store.record(tx, entry(2), tenant=tenant)
