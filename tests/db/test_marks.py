"""A claim that begins at a mark misses nothing for longer than the mark lasts, and no plan walks the whole table."""

from __future__ import annotations

from uuid import UUID

import psycopg
import pytest
from psycopg.sql import SQL
from tests.db.test_limits import enqueue, make_tenant, open_lease

from lading import ids
from lading.db.database import Database
from lading.jobs import attempts, store
from lading.jobs.marks import DROP_SECONDS, Marks
from lading.jobs.model import Claim, NewJob
from lading.ledger.entry import SYSTEM
from lading.limits import store as limits

pytestmark = pytest.mark.anyio


class Clock:
    """A monotonic clock that stands until it is set."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
async def tenant(database: Database) -> UUID:
    return await make_tenant(database)


@pytest.fixture
async def lease(database: Database) -> UUID:
    return await open_lease(database)


async def claim(database: Database, lease: UUID, marks: Marks, limit: int = 10) -> list[Claim]:
    async with database.system() as tx:
        await store.wake_turns(tx)
        return await store.claim(tx, lease_id=lease, kinds=["work"], limit=limit, marks=marks)


async def put_back(database: Database, claimed: Claim) -> None:
    async with database.tenant(claimed.tenant_id) as tx:
        await attempts.release(tx, claimed.job_id, lease_id=claimed.lease_id)


async def test_a_job_whose_enqueue_commits_late_is_found_at_once(  # O2
    database: Database, tenant: UUID, lease: UUID
) -> None:
    marks = Marks(Clock())  # which stands: nothing is ever dropped
    late = NewJob(ids.new(), "work", "exp_x")
    await enqueue(database, tenant, 1)  # so that the tenant's turn is due, and who enqueues need not touch it
    async with database.tenant(tenant) as slow:
        await store.enqueue(slow, late, actor=SYSTEM)
        for _ in range(3):
            await enqueue(database, tenant, 2)
            assert len(await claim(database, lease, marks, limit=2)) == 2
        assert len(await claim(database, lease, marks)) == 1

    assert [item.job_id for item in await claim(database, lease, marks)] == [late.id]


async def test_a_claim_that_finds_too_little_looks_at_what_came_back(  # O2
    database: Database, tenant: UUID, lease: UUID
) -> None:
    marks = Marks(Clock())  # which stands: nothing is ever dropped for its age
    await enqueue(database, tenant, 20)
    first, *_ = await claim(database, lease, marks, limit=5)
    for _ in range(3):
        await claim(database, lease, marks, limit=5)
    (new,) = await enqueue(database, tenant, 1)
    await put_back(database, first)

    assert {item.job_id for item in await claim(database, lease, marks, limit=5)} == {first.job_id, new}


async def test_all_that_came_back_is_found_at_once_and_limits_hold(
    database: Database, tenant: UUID, lease: UUID
) -> None:
    marks = Marks(Clock())
    await enqueue(database, tenant, 20)
    held = [await claim(database, lease, marks, limit=5) for _ in range(4)]
    for item in (*held[0], *held[1]):
        await put_back(database, item)
    async with database.tenant(tenant) as tx:
        await limits.set_quota(tx, "work", max_active=16, max_per_hour=None, burst=None, actor=SYSTEM)
    found = [len(await claim(database, lease, marks, limit=4)) for _ in range(2)]
    async with database.tenant(tenant) as tx:
        await limits.drop_quota(tx, "work", actor=SYSTEM)
    rest = [len(await claim(database, lease, marks, limit=2)) for _ in range(3)]

    assert (found, rest) == ([4, 2], [2, 2, 0])


async def test_looking_again_takes_no_more_than_a_twentieth_of_the_time() -> None:
    clock = Clock()
    marks = Marks(clock)
    begun = marks.look_again()
    assert begun is not None
    clock.seconds += 0.1
    marks.looked_again(begun)
    clock.seconds += 1.9

    assert marks.look_again() is None
    clock.seconds += 0.2
    assert marks.look_again() == clock.seconds


async def test_a_job_that_comes_back_to_a_full_lane_is_found_when_the_marks_are_dropped(
    database: Database, tenant: UUID, lease: UUID
) -> None:
    clock = Clock()
    marks = Marks(clock)
    await enqueue(database, tenant, 40)
    first, *_ = await claim(database, lease, marks, limit=5)
    for _ in range(3):
        await claim(database, lease, marks, limit=5)
    await put_back(database, first)
    hidden = await claim(database, lease, marks, limit=5)
    clock.seconds += DROP_SECONDS
    found = await claim(database, lease, marks, limit=5)

    assert first.job_id not in {item.job_id for item in hidden}
    assert first.job_id in {item.job_id for item in found}


async def test_a_mark_of_one_priority_hides_none_of_another(database: Database, tenant: UUID, lease: UUID) -> None:
    marks = Marks(Clock())
    (low,) = await enqueue(database, tenant, 1, priority=1)
    for _ in range(3):
        await enqueue(database, tenant, 3, priority=5)
        await claim(database, lease, marks, limit=3)
    (high,) = await enqueue(database, tenant, 1, priority=9)

    assert [item.job_id for item in await claim(database, lease, marks, limit=1)] == [high]
    assert [item.job_id for item in await claim(database, lease, marks, limit=1)] == [low]


async def test_a_claim_under_a_held_snapshot_reads_no_more_than_the_first(
    database: Database, database_url: str, tenant: UUID, lease: UUID
) -> None:
    marks = Marks(Clock())
    await enqueue(database, tenant, 600)
    with psycopg.connect(database_url) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        reader.execute("SELECT count(*) FROM jobs")
        for _ in range(50):
            assert len(await claim(database, lease, marks)) == 10
        walked = await _entries_read(database, lease, marks)

    assert walked < 60, "it walked over what was claimed before"


async def _entries_read(database: Database, lease: UUID, marks: Marks) -> int:
    """Return how many entries of the index on pending jobs a claim reads."""
    count = SQL(
        "SELECT pg_stat_get_xact_tuples_returned(oid) AS entries FROM pg_class WHERE relname = 'jobs_lane_pending'"
    )
    async with database.system() as tx:
        before = (await tx.one(count))["entries"]
        await store.claim(tx, lease_id=lease, kinds=["work"], limit=10, marks=marks)
        return (await tx.one(count))["entries"] - before


async def test_a_claim_never_scans_the_table_whatever_the_statistics_say(
    database: Database, database_url: str, tenant: UUID, lease: UUID
) -> None:  # O2
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("ANALYZE jobs, turns, lanes")  # of empty tables: a scan of all looks like nothing
    await enqueue(database, tenant, 200)
    scans = SQL("SELECT pg_stat_get_xact_numscans('jobs'::regclass) AS scans")
    async with database.system() as tx:
        before = (await tx.one(scans))["scans"]
        got = await store.claim(tx, lease_id=lease, kinds=["work"], limit=10)
        after = (await tx.one(scans))["scans"]

    assert len(got) == 10
    assert after == before
