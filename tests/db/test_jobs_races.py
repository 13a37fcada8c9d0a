"""Whatever meets in the same instant, a job ends where somebody finds it: ended or waiting, never adrift."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

import psycopg
import pytest

from lading import ids
from lading.db.database import Database
from lading.errors import DatabaseUnavailable
from lading.jobs import attempts, leases, store
from lading.jobs.model import Claim, Fault, Fence, Job, NewJob, State
from lading.ledger.entry import SYSTEM
from lading.tenants import store as tenants

pytestmark = pytest.mark.anyio

SECONDS = 30.0


@pytest.fixture
async def tenant(database: Database) -> UUID:
    async with database.system() as tx:
        return (await tenants.create_tenant(tx, "acme", name="Acme", actor=SYSTEM)).id


async def open_lease(database: Database) -> UUID:
    lease = ids.new()
    async with database.system() as tx:
        await leases.open_lease(tx, lease, worker="test", seconds=SECONDS)
    return lease


async def claim(database: Database, tenant: UUID, lease: UUID) -> UUID:
    job = NewJob(ids.new(), "work", "exp_x")
    async with database.tenant(tenant) as tx:
        await store.enqueue(tx, job, actor=SYSTEM)
    async with database.system() as tx:
        assert len(await store.claim(tx, lease_id=lease, kinds=["work"], limit=10)) == 1
    return job.id


async def start(database: Database, tenant: UUID, lease: UUID) -> Fence:
    job_id = await claim(database, tenant, lease)
    async with database.tenant(tenant) as tx:
        _, fence = await attempts.start(tx, Claim(tenant, job_id, lease, "work"))
    return fence


async def ask_to_cancel(database: Database, fence: Fence) -> None:
    async with database.tenant(fence.tenant_id) as tx:
        assert (await store.cancel(tx, fence.job_id, reason="wrong month", actor=SYSTEM)).state is State.RUNNING


async def test_a_cancelled_claim_that_never_started_is_cancelled_and_its_customer_is_told(  # P3
    database: Database, tenant: UUID
) -> None:
    lease = await open_lease(database)
    job_id = await claim(database, tenant, lease)
    async with database.tenant(tenant) as tx:
        await store.cancel(tx, job_id, reason="wrong month", actor=SYSTEM)
    async with database.system() as tx:
        await leases.close(tx, lease)
        (orphan,) = await leases.orphans(tx)

    async with database.tenant(tenant) as tx:
        job = await leases.rescue(tx, orphan)

    assert job is not None  # who rescues it hands it to the kind's Ending
    assert job.state is State.CANCELLED


async def fails(database: Database, fence: Fence) -> Job:
    async with database.tenant(fence.tenant_id) as tx:
        return await attempts.fail(tx, fence, Fault("broken", "It broke."), after_seconds=900.0)


async def is_drained(database: Database, fence: Fence) -> Job:
    async with database.tenant(fence.tenant_id) as tx:
        return await attempts.snooze(tx, fence, 0.0, "drain")


@pytest.mark.parametrize("ending", [fails, is_drained])
async def test_a_job_that_is_put_back_after_a_cancel_request_is_cancelled(  # P3
    database: Database, tenant: UUID, ending: Callable[[Database, Fence], Awaitable[Job]]
) -> None:
    fence = await start(database, tenant, await open_lease(database))
    await ask_to_cancel(database, fence)

    job = await ending(database, fence)

    assert job.state is State.CANCELLED


async def test_a_lease_row_that_somebody_holds_does_not_keep_the_others_from_expiring(  # O3
    database: Database, database_url: str
) -> None:
    frozen, silent = await open_lease(database), await open_lease(database)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE leases SET lease_until = now() - interval '1 second'")
        connection.commit()
        connection.execute("SELECT FROM leases WHERE id = %s FOR UPDATE", (frozen,))

        async with database.system() as tx:
            assert await leases.expire(tx, seconds=SECONDS) == 1
            assert not await leases.renew(tx, silent, seconds=SECONDS)

    async with database.system() as tx:
        assert await leases.expire(tx, seconds=SECONDS) == 1


async def test_what_a_lease_holds_is_known(database: Database, tenant: UUID) -> None:
    lease = await open_lease(database)
    waiting = await claim(database, tenant, lease)
    fence = await start(database, tenant, lease)

    async with database.system() as tx:
        held = await leases.held(tx, lease)

    assert {item.job_id for item in held} == {waiting, fence.job_id}


async def test_an_answer_lost_on_the_way_back_does_not_start_a_claim_twice(  # I4
    database: Database, tenant: UUID
) -> None:
    lease = await open_lease(database)
    fence = await start(database, tenant, lease)

    async with database.tenant(tenant) as tx:
        known = await attempts.started(tx, Claim(tenant, fence.job_id, lease, "work"))

    assert known is not None
    assert (known[1], known[0].attempt) == (fence, 1)


async def test_a_session_that_the_server_ended_in_the_middle_is_a_database_that_is_away(
    database: Database, database_url: str, tenant: UUID
) -> None:
    # What a process frozen inside its transaction finds when it wakes (25P03), and a primary that became a standby.
    with pytest.raises(DatabaseUnavailable):
        async with database.tenant(tenant) as tx:
            await tx.connection.execute("SET LOCAL idle_in_transaction_session_timeout = '50ms'")
            with psycopg.connect(database_url, autocommit=True) as other:
                alive = "SELECT FROM pg_stat_activity WHERE pid = %s"
                while other.execute(alive, (tx.connection.info.backend_pid,)).fetchone() is not None:
                    pass
            await store.find(tx, ids.new())
    with pytest.raises(DatabaseUnavailable):
        async with database.tenant(tenant) as tx:
            await tx.connection.execute("SET LOCAL transaction_read_only = on")
            await store.enqueue(tx, NewJob(ids.new(), "work", "exp_x"), actor=SYSTEM)
