"""While one tenant floods, the jobs of others are in the very next exchange: nobody waits for a flood to pass."""  # O6

from __future__ import annotations

from collections import Counter
from uuid import UUID

import pytest

from lading import ids
from lading.db.database import Database
from lading.db.transaction import Transaction
from lading.jobs import batches, leases
from lading.jobs.batches import Exchange
from lading.jobs.model import NewJob
from lading.ledger.entry import SYSTEM
from lading.tenants import store as tenants

pytestmark = pytest.mark.anyio


async def new_tenant(database: Database, slug: str) -> UUID:
    async with database.system() as tx:
        return (await tenants.create_tenant(tx, slug, name=slug, actor=SYSTEM)).id


async def enqueue(database: Database, tenant: UUID, count: int) -> None:
    async with database.tenant(tenant) as tx:
        await batches.enqueue_many(tx, [NewJob(ids.new(), "noop", "job_x") for _ in range(count)], actor=SYSTEM)


@pytest.fixture
async def lease(database: Database) -> UUID:
    made = ids.new()
    async with database.system() as tx:
        await leases.open_lease(tx, made, worker="test", seconds=60.0)
    return made


async def exchange(tx: Transaction, lease: UUID, *, limit: int, without: list[UUID] | None = None) -> Exchange:
    return await batches.exchange(
        tx,
        lease_id=lease,
        kinds=["noop"],
        limit=limit,
        ended=[],
        batch_id=ids.new(),
        is_hurried=True,  # a machine that is busy must not end the transaction that holds a turn
        without=without,
    )


def owners(exchanged: Exchange) -> Counter[UUID]:
    return Counter(fence.tenant_id for _, fence in exchanged.started)


async def test_a_claim_beside_another_takes_the_others_and_waits_for_nobody_s_turn(
    database: Database, lease: UUID
) -> None:
    flood, other = await new_tenant(database, "flood"), await new_tenant(database, "other")
    await enqueue(database, flood, 300)
    async with database.system() as held:
        await held.connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        assert owners(await exchange(held, lease, limit=100)) == {flood: 100}
        await enqueue(database, other, 3)
        async with database.system() as tx:
            beside = await exchange(tx, lease, limit=10, without=[])
        async with database.system() as tx:
            again = await exchange(tx, lease, limit=10, without=[])

    assert owners(beside) == {other: 3}
    assert not again.started


async def test_who_is_left_out_gets_nothing_and_loses_nothing(database: Database, lease: UUID) -> None:
    flood, other = await new_tenant(database, "flood"), await new_tenant(database, "other")
    await enqueue(database, flood, 20)
    await enqueue(database, other, 1)
    async with database.system() as tx:
        beside = await exchange(tx, lease, limit=10, without=[flood])
    async with database.system() as tx:
        nothing = await exchange(tx, lease, limit=10, without=[flood, other])
    async with database.system() as tx:
        rest = await exchange(tx, lease, limit=100)

    assert (owners(beside), owners(nothing), owners(rest)) == ({other: 1}, {}, {flood: 20})


async def test_one_job_beside_a_flood_is_in_the_next_full_exchange(database: Database, lease: UUID) -> None:
    flood, other = await new_tenant(database, "flood"), await new_tenant(database, "other")
    await enqueue(database, flood, 500)
    async with database.system() as tx:
        assert owners(await exchange(tx, lease, limit=200)) == {flood: 200}
    await enqueue(database, other, 1)
    async with database.system() as tx:
        following = await exchange(tx, lease, limit=50)

    assert owners(following) == {flood: 49, other: 1}
