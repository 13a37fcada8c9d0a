"""A job is claimed by one, written by its rightful attempt alone, and never lost."""

from __future__ import annotations

import asyncio
import json
from uuid import UUID

import psycopg
import pytest

from lading import ids
from lading.db.database import Database
from lading.errors import DatabaseBusy, StaleLease
from lading.jobs import attempts, leases, store
from lading.jobs.model import Claim, Fault, Job, NewJob, State
from lading.ledger import store as ledger
from lading.ledger.entry import SYSTEM
from lading.tenants import store as tenants

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("replayed")]

LEASE_SECONDS = 30.0


@pytest.fixture
async def tenant(database: Database) -> UUID:
    async with database.system() as tx:
        return (await tenants.create_tenant(tx, "acme", name="Acme", actor=SYSTEM)).id


@pytest.fixture
async def lease(database: Database) -> UUID:
    return await open_lease(database)


async def open_lease(database: Database, seconds: float = LEASE_SECONDS) -> UUID:
    lease = ids.new()
    async with database.system() as tx:
        await leases.open_lease(tx, lease, worker="test", seconds=seconds)
    return lease


async def enqueue(database: Database, tenant: UUID, *, priority: int = 0, max_attempts: int = 8) -> UUID:
    job = NewJob(ids.new(), "work", "exp_x", priority=priority, max_attempts=max_attempts)
    async with database.tenant(tenant) as tx:
        await store.enqueue(tx, job, actor=SYSTEM)
    return job.id


async def claim(database: Database, lease: UUID, limit: int = 1) -> list[Claim]:
    async with database.system() as tx:
        return await store.claim(tx, lease_id=lease, kinds=["work"], limit=limit)


async def find(database: Database, tenant: UUID, job_id: UUID) -> Job:
    async with database.tenant(tenant) as tx:
        return await store.find(tx, job_id)


async def expire(database: Database, database_url: str, lease: UUID) -> None:
    """Let the lease run out now, as if its worker had been silent for long."""
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE leases SET lease_until = now() - interval '1 second' WHERE id = %s", (lease,))
    async with database.system() as tx:
        assert await leases.expire(tx, seconds=LEASE_SECONDS) == 1


async def rescue_all(database: Database) -> list[Job | None]:
    async with database.system() as tx:
        found = await leases.orphans(tx)
    rescued: list[Job | None] = []
    for orphan in found:
        async with database.tenant(orphan.tenant_id) as tx:
            rescued.append(await leases.rescue(tx, orphan))
    return rescued


async def test_many_workers_claim_each_job_once(database: Database, tenant: UUID) -> None:  # O2
    jobs = {await enqueue(database, tenant) for _ in range(40)}
    workers = [await open_lease(database) for _ in range(5)]

    async def take(worker: UUID) -> list[UUID]:
        while True:
            try:
                return [item.job_id for item in await claim(database, worker, limit=3)]
            except DatabaseBusy:
                continue  # as a worker does: on a slow machine others hold the turn for long

    batches = await asyncio.gather(*(take(worker) for _ in range(4) for worker in workers))
    claimed = [job_id for batch in batches for job_id in batch]
    while rest := await take(workers[0]):
        claimed += rest

    assert sorted(claimed) == sorted(jobs)


async def test_the_more_urgent_job_is_claimed_first(database: Database, tenant: UUID, lease: UUID) -> None:
    await enqueue(database, tenant)
    urgent = await enqueue(database, tenant, priority=5)

    assert [item.job_id for item in await claim(database, lease)] == [urgent]


async def test_enqueuing_the_same_id_again_changes_nothing(database: Database, tenant: UUID, lease: UUID) -> None:
    job = NewJob(ids.new(), "work", "exp_x")
    for _ in range(2):
        async with database.tenant(tenant) as tx:
            await store.enqueue(tx, job, actor=SYSTEM)

    assert len(await claim(database, lease, limit=10)) == 1
    async with database.tenant(tenant) as tx:
        assert len(await ledger.history(tx, ids.show(ids.JOB, job.id))) == 2  # enqueued, claimed


async def test_a_lease_that_ran_out_claims_nothing(
    database: Database, database_url: str, tenant: UUID, lease: UUID
) -> None:
    await enqueue(database, tenant)
    await expire(database, database_url, lease)

    assert await claim(database, lease) == []
    async with database.system() as tx:
        assert not await leases.renew(tx, lease, seconds=LEASE_SECONDS)


async def test_a_worker_that_lost_its_lease_cannot_complete_the_job(  # O2, O3
    database: Database, database_url: str, tenant: UUID, lease: UUID
) -> None:
    job_id = await enqueue(database, tenant)
    (first,) = await claim(database, lease)
    async with database.tenant(tenant) as tx:
        _, stale = await attempts.start(tx, first)
    await expire(database, database_url, lease)
    await rescue_all(database)
    (second,) = await claim(database, await open_lease(database))
    async with database.tenant(tenant) as tx:
        _, current = await attempts.start(tx, second)

    with pytest.raises(StaleLease):
        async with database.tenant(tenant) as tx:
            await attempts.complete(tx, stale)
    async with database.tenant(tenant) as tx:
        await attempts.complete(tx, current)

    job = await find(database, tenant, job_id)
    assert (job.state, job.attempt, job.crashes) == (State.COMPLETED, 2, 1)


async def test_a_claim_that_never_started_is_given_back_for_free(
    database: Database, database_url: str, tenant: UUID, lease: UUID
) -> None:
    job_id = await enqueue(database, tenant)
    await claim(database, lease)
    await expire(database, database_url, lease)

    assert await rescue_all(database) == [None]
    job = await find(database, tenant, job_id)
    assert (job.state, job.attempt, job.crashes, job.failures) == (State.PENDING, 0, 0, 0)


async def test_a_job_that_kills_its_worker_three_times_is_a_dead_letter(database: Database, tenant: UUID) -> None:  # O3
    job_id = await enqueue(database, tenant)
    for _ in range(3):
        (claimed,) = await claim(database, await open_lease(database))
        async with database.tenant(tenant) as tx:
            _, fence = await attempts.start(tx, claimed)
        async with database.tenant(tenant) as tx:
            await attempts.crash(tx, fence)

    job = await find(database, tenant, job_id)
    assert (job.state, job.crashes) == (State.DEAD, 3)
    assert await claim(database, await open_lease(database)) == []


async def test_a_job_that_died_and_was_requeued_is_what_it_came_to_last(
    database: Database, tenant: UUID, lease: UUID
) -> None:
    job_id = await enqueue(database, tenant)
    (claimed,) = await claim(database, lease)
    async with database.tenant(tenant) as tx:
        _, fence = await attempts.start(tx, claimed)
        await attempts.kill(tx, fence, Fault("broken", "It broke."))
    async with database.tenant(tenant) as tx:
        await store.revive(tx, job_id, {}, reason="mended", ticket=None, actor=SYSTEM)
    (claimed,) = await claim(database, lease)
    async with database.tenant(tenant) as tx:
        _, fence = await attempts.start(tx, claimed)
        await attempts.complete(tx, fence)

    assert (await find(database, tenant, job_id)).state is State.COMPLETED


async def test_a_failure_waits_and_the_last_one_is_a_dead_letter(
    database: Database, tenant: UUID, lease: UUID
) -> None:  # O4
    job_id = await enqueue(database, tenant, max_attempts=2)
    states: list[State] = []
    for _ in range(2):
        async with database.system() as tx:
            await store.promote(tx)
        (claimed,) = await claim(database, lease)
        async with database.tenant(tenant) as tx:
            _, fence = await attempts.start(tx, claimed)
        async with database.tenant(tenant) as tx:
            await attempts.fail(tx, fence, Fault("broken", "It broke."), after_seconds=0.0)
        states.append((await find(database, tenant, job_id)).state)

    assert states == [State.PENDING, State.DEAD]


async def test_a_snooze_spends_nothing(database: Database, tenant: UUID, lease: UUID) -> None:
    job_id = await enqueue(database, tenant)
    (claimed,) = await claim(database, lease)
    async with database.tenant(tenant) as tx:
        _, fence = await attempts.start(tx, claimed)
    async with database.tenant(tenant) as tx:
        await attempts.snooze(tx, fence, 3600.0, "blackout")

    job = await find(database, tenant, job_id)
    assert (job.state, job.failures, job.crashes) == (State.SCHEDULED, 0, 0)
    assert await claim(database, lease) == []


async def test_cancelling_a_waiting_job_ends_it(database: Database, tenant: UUID, lease: UUID) -> None:
    job_id = await enqueue(database, tenant)
    async with database.tenant(tenant) as tx:
        await store.cancel(tx, job_id, reason="wrong month", actor=SYSTEM)

    assert (await find(database, tenant, job_id)).state == State.CANCELLED
    assert await claim(database, lease) == []


async def test_cancelling_a_running_job_asks_its_worker(database: Database, tenant: UUID, lease: UUID) -> None:
    job_id = await enqueue(database, tenant)
    await claim(database, lease)
    async with database.tenant(tenant) as tx:
        await store.cancel(tx, job_id, reason="wrong month", actor=SYSTEM)

    async with database.system() as tx:
        asked = await leases.cancel_requests(tx, lease)
    assert [(request.job_id, request.reason) for request in asked] == [(job_id, "wrong month")]


async def test_a_cancelled_job_whose_worker_died_is_cancelled_not_run_again(
    database: Database, database_url: str, tenant: UUID, lease: UUID
) -> None:
    job_id = await enqueue(database, tenant)
    (claimed,) = await claim(database, lease)
    async with database.tenant(tenant) as tx:
        await attempts.start(tx, claimed)
    async with database.tenant(tenant) as tx:
        await store.cancel(tx, job_id, reason="wrong month", actor=SYSTEM)
    await expire(database, database_url, lease)
    await rescue_all(database)

    assert (await find(database, tenant, job_id)).state == State.CANCELLED


async def test_every_change_of_a_job_is_in_the_ledger_without_a_gap(
    database: Database, tenant: UUID, lease: UUID
) -> None:  # A1
    job_id = await enqueue(database, tenant)
    (claimed,) = await claim(database, lease)
    async with database.tenant(tenant) as tx:
        _, fence = await attempts.start(tx, claimed)
    async with database.tenant(tenant) as tx:
        await attempts.complete(tx, fence)

    async with database.tenant(tenant) as tx:
        lines = await ledger.history(tx, ids.show(ids.JOB, job_id))
    entries = [json.loads(line) for line in lines]
    assert [entry["type"] for entry in entries] == ["job.enqueued", "job.claimed", "job.started", "job.completed"]
    assert [entry["rev"] for entry in entries] == [1, 2, 3, 4]
