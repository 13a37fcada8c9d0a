"""Jobs settled in batches are exact: each once, each under its own fence, and its history tells all of it."""  # O2

from __future__ import annotations

import asyncio
import json
from uuid import UUID

import psycopg
import pytest

from lading import ids
from lading.db.database import Database
from lading.errors import DatabaseBusy, DatabaseUnavailable, StaleLease
from lading.jobs import attempts, batches, leases, store, views
from lading.jobs.batches import Exchange, Started
from lading.jobs.model import Fault, Fence, NewJob, State
from lading.ledger import store as ledger
from lading.ledger.entry import SYSTEM
from lading.limits import breakers
from lading.tenants import store as tenants

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("replayed")]


async def new_tenant(database: Database, slug: str) -> UUID:
    async with database.system() as tx:
        return (await tenants.create_tenant(tx, slug, name=slug, actor=SYSTEM)).id


@pytest.fixture
async def tenant(database: Database) -> UUID:
    return await new_tenant(database, "acme")


async def open_lease(database: Database) -> UUID:
    lease = ids.new()
    async with database.system() as tx:
        await leases.open_lease(tx, lease, worker="test", seconds=30.0)
    return lease


@pytest.fixture
async def lease(database: Database) -> UUID:
    return await open_lease(database)


def new_job(*, host: str = "") -> NewJob:
    job_id = ids.new()
    return NewJob(job_id, "noop", ids.show(ids.JOB, job_id), host=host)


async def enqueue(database: Database, tenant: UUID, count: int, *, host: str = "") -> list[NewJob]:
    jobs = [new_job(host=host) for _ in range(count)]
    async with database.tenant(tenant) as tx:
        assert await batches.enqueue_many(tx, jobs, actor=SYSTEM) == count
    return jobs


async def exchange(database: Database, lease: UUID, ended: list[Started], limit: int) -> Exchange:
    while True:
        try:
            async with database.system() as tx:
                return await batches.exchange(
                    tx, lease_id=lease, kinds=["noop"], limit=limit, ended=ended, batch_id=ids.new()
                )
        except (DatabaseBusy, DatabaseUnavailable):
            continue  # as a worker does: on a slow machine others hold the turn for long, or this one did


async def told(database: Database, tenant: UUID, job_id: UUID) -> list[str]:
    """Return the types of what the ledger tells of the job."""
    async with database.tenant(tenant) as tx:
        return [entry["type"] for entry in await views.history(tx, job_id)]


async def test_many_are_enqueued_in_order_and_doing_it_twice_is_doing_it_once(
    database: Database, tenant: UUID, lease: UUID
) -> None:
    jobs = [new_job() for _ in range(1500)]
    counts: list[int] = []
    for _ in range(2):
        async with database.tenant(tenant) as tx:
            counts.append(await batches.enqueue_many(tx, jobs, actor=SYSTEM))

    first = await exchange(database, lease, [], 1000)

    assert counts == [1500, 0]
    assert [job.id for job, _ in first.started] == [job.id for job in jobs[:1000]]
    assert await told(database, tenant, jobs[1400].id) == ["jobs.enqueued"]


async def test_jobs_of_several_shapes_are_enqueued_as_they_are(database: Database, tenant: UUID) -> None:
    plain, shaped = (
        new_job(),
        NewJob(
            ids.new(),
            "other",
            "exp_x",
            payload={"a": [1, "æ"]},
            host="visits",
            priority=7,
            max_attempts=2,
            deadline_seconds=9,
        ),
    )
    async with database.tenant(tenant) as tx:
        await batches.enqueue_many(tx, [plain, shaped], actor=SYSTEM)
        found = await store.find(tx, shaped.id)

    assert (found.kind, found.host, found.subject, dict(found.payload)) == ("other", "visits", "exp_x", {"a": [1, "æ"]})
    assert (found.max_attempts, found.deadline_seconds, found.state) == (2, 9, State.PENDING)


async def test_racing_workers_complete_each_job_once(database: Database, tenant: UUID) -> None:
    others = [await new_tenant(database, f"tenant-{number}") for number in range(3)]
    jobs = {job.id for owner in (tenant, *others) for job in await enqueue(database, owner, 60)}
    completed: list[UUID] = []

    async def work(lease: UUID) -> None:
        ended: list[Started] = []
        while True:
            exchanged = await exchange(database, lease, ended, 25)
            assert exchanged.stale == frozenset()
            completed.extend(fence.job_id for _, fence in ended)
            ended = list(exchanged.started)
            if not ended:
                return

    await asyncio.gather(*[work(await open_lease(database)) for _ in range(4)])
    left: list[Started] = []
    for _ in range(5):  # a worker may have met held turns only and gone home early
        left = list((await exchange(database, await open_lease(database), left, 100)).started)
        completed.extend(fence.job_id for _, fence in left)

    assert sorted(completed) == sorted(jobs)


async def test_a_job_that_somebody_else_owns_is_returned_and_left_alone(
    database: Database, database_url: str, tenant: UUID, lease: UUID
) -> None:
    await enqueue(database, tenant, 3)
    (first, second, third) = (await exchange(database, lease, [], 10)).started
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE jobs SET lease_id = %s WHERE id = %s", (ids.new(), second[0].id))
    zombie = (third[0], Fence(third[1].tenant_id, third[1].job_id, lease, third[1].attempt - 1))

    exchanged = await exchange(database, lease, [first, second, zombie], 0)

    assert exchanged.stale == {second[0].id, third[0].id}
    async with database.tenant(tenant) as tx:
        states = [(await store.find(tx, job.id)).state for job, _ in (first, second, third)]
    assert states == [State.COMPLETED, State.RUNNING, State.RUNNING]
    assert await told(database, tenant, second[0].id) == ["jobs.enqueued", "jobs.started"]


async def test_the_history_of_a_job_tells_of_its_batches_and_its_attempts(
    database: Database, tenant: UUID, lease: UUID
) -> None:
    (job,) = await enqueue(database, tenant, 1)
    (started,) = (await exchange(database, lease, [], 10)).started
    async with database.tenant(tenant) as tx:
        await attempts.snooze(tx, started[1], 0.0, "drain")
    (again,) = (await exchange(database, lease, [], 10)).started
    async with database.tenant(tenant) as tx:
        running = [(each.attempt, each.outcome) for each in await views.attempts(tx, job.id)]
    await exchange(database, lease, [again], 0)

    async with database.tenant(tenant) as tx:
        ended = [(each.attempt, each.outcome) for each in await views.attempts(tx, job.id)]
    assert running == [(1, "released"), (2, None)]
    assert ended == [(1, "released"), (2, "completed")]
    assert await told(database, tenant, job.id) == [
        "jobs.enqueued",
        "jobs.started",
        "job.released",
        "jobs.started",
        "jobs.completed",
    ]


async def test_a_ledger_line_names_each_job_of_a_batch_with_its_attempt(
    database: Database, tenant: UUID, lease: UUID
) -> None:
    jobs = await enqueue(database, tenant, 2)
    started = list((await exchange(database, lease, [], 10)).started)
    await exchange(database, lease, started, 0)
    subject = ids.show(ids.BATCH, started[0][0].batch_id or ids.new())

    async with database.tenant(tenant) as tx:
        lines = [json.loads(line) for line in await ledger.history(tx, subject)]

    named = [f"{ids.show(ids.JOB, job.id)}:1" for job in jobs]
    assert [(line["type"], line["data"]["jobs"]) for line in lines] == [
        ("jobs.started", named),
        ("jobs.completed", named),
    ]


async def test_a_job_lost_in_a_batch_counts_no_crash_and_runs_alone(
    database: Database, tenant: UUID, lease: UUID
) -> None:
    jobs = await enqueue(database, tenant, 3)
    started = (await exchange(database, lease, [], 10)).started
    for _, fence in started:
        async with database.tenant(tenant) as tx:
            job = await attempts.crash(tx, fence)
            assert (job.state, job.crashes, job.failures, job.is_solo) == (State.PENDING, 0, 0, True)

    assert (await exchange(database, lease, [], 10)).started == []
    async with database.system() as tx:
        assert await batches.has_alone(tx, ["noop"])
        alone = await store.claim(tx, lease_id=lease, kinds=["noop"], limit=10)
    assert {claimed.job_id for claimed in alone} == {job.id for job in jobs}
    async with database.tenant(tenant) as tx:
        assert [each.outcome for each in await views.attempts(tx, jobs[0].id)] == ["lost"]


async def test_a_poison_job_of_a_batch_dies_alone(database: Database, tenant: UUID, lease: UUID) -> None:  # O3
    jobs = await enqueue(database, tenant, 20)
    poison = jobs[7].id
    for _, fence in (await exchange(database, lease, [], 100)).started:
        async with database.tenant(tenant) as tx:
            await attempts.crash(tx, fence)  # the poison took the process, and all of the batch, with it
    for _ in range(30):
        async with database.system() as tx:
            claims = await store.claim(tx, lease_id=lease, kinds=["noop"], limit=1)
        for claimed in claims:
            async with database.tenant(tenant) as tx:
                _, fence = await attempts.start(tx, claimed)
                await (attempts.crash if claimed.job_id == poison else attempts.complete)(tx, fence)

    async with database.tenant(tenant) as tx:
        ended = {job.id: await store.find(tx, job.id) for job in jobs}
    assert {job_id for job_id, job in ended.items() if job.state is State.DEAD} == {poison}
    assert {job.state for job_id, job in ended.items() if job_id != poison} == {State.COMPLETED}
    assert sum(job.crashes for job in ended.values()) == ended[poison].max_crashes


async def test_a_failure_in_a_batch_gets_its_record(database: Database, tenant: UUID, lease: UUID) -> None:
    (job,) = await enqueue(database, tenant, 1)
    ((_, fence),) = (await exchange(database, lease, [], 10)).started
    async with database.tenant(tenant) as tx:
        await attempts.fail(tx, fence, Fault("source-timeout", "Too slow."), after_seconds=60.0)

    async with database.tenant(tenant) as tx:
        (attempt,) = await views.attempts(tx, job.id)
        assert await attempts.outcome_of(tx, fence) == "failed"
    assert (attempt.attempt, attempt.outcome, (attempt.error or {})["code"]) == (1, "failed", "source-timeout")
    with pytest.raises(StaleLease):
        async with database.tenant(tenant) as tx:
            await attempts.complete(tx, fence)


async def test_what_a_lost_answer_hid_is_found_by_the_batch(database: Database, tenant: UUID, lease: UUID) -> None:
    await enqueue(database, tenant, 4)
    batch_id = ids.new()
    async with database.system() as tx:
        exchanged = await batches.exchange(tx, lease_id=lease, kinds=["noop"], limit=3, ended=[], batch_id=batch_id)
    await exchange(database, lease, [], 10)

    async with database.system() as tx:
        found = await batches.held(tx, lease, batch_id=batch_id)
        everything = await batches.held(tx, lease)

    assert sorted(job.id for job, _ in found) == sorted(job.id for job, _ in exchanged.started)
    assert len(everything) == 4


async def test_an_answer_in_a_batch_closes_the_breaker_of_its_host(
    database: Database, tenant: UUID, lease: UUID
) -> None:  # O6
    await enqueue(database, tenant, 5, host="visits")
    started = list((await exchange(database, lease, [], 10)).started)
    async with database.tenant(tenant) as tx:
        await breakers.note_fault(tx, "visits")

    await exchange(database, lease, started, 0)

    async with database.tenant(tenant) as tx:
        (breaker,) = await breakers.breakers(tx)
    assert (breaker.state, breaker.failures) == ("closed", 0)


async def test_what_was_claimed_comes_in_pieces_and_is_all_of_it(database: Database, tenant: UUID, lease: UUID) -> None:
    made = [NewJob(ids.new(), "noop", "job_x") for _ in range(25)]
    async with database.tenant(tenant) as tx:
        await batches.enqueue_many(tx, made, actor=SYSTEM)
    async with database.system() as tx:
        exchanged = await batches.exchange(
            tx, lease_id=lease, kinds=["noop"], limit=30, ended=[], batch_id=ids.new(), is_hurried=True
        )
    pieces = list(exchanged.pieces(10))

    assert (exchanged.count, [len(piece) for piece in pieces]) == (25, [10, 10, 5])
    assert [job.id for piece in pieces for job, _ in piece] == [job.id for job in made]
    assert [each for piece in pieces for each in piece] == exchanged.started
