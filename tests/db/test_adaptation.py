"""A host that complains is called less, at once and by all workers, and earns its rate back by answering."""  # O5

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import fresh_database

from lading import ids
from lading.db.database import Database
from lading.db.embedded import EmbeddedServer
from lading.errors import SourceThrottled, SourceUnreachable
from lading.jobs import attempts, leases, store
from lading.jobs.model import Claim, Job, NewJob
from lading.ledger import store as ledger
from lading.ledger.entry import SYSTEM
from lading.limits import breakers, throttling
from lading.limits import store as limits
from lading.limits.adaptation import SMALLEST_FACTOR
from lading.limits.model import Bucket
from lading.sources import faults
from lading.tenants import store as tenants

pytestmark = pytest.mark.anyio
PLACE = faults.Place("db.example.org:5432/activities", "reader", 10.0)


async def make_tenant(database: Database) -> UUID:
    async with database.system() as tx:
        return (await tenants.create_tenant(tx, "acme", name="Acme", actor=SYSTEM)).id


@pytest.fixture
async def tenant(database: Database) -> UUID:
    return await make_tenant(database)


async def limit(database: Database, tenant: UUID, rate: float = 8.0, burst: float = 4.0) -> None:
    async with database.tenant(tenant) as tx:
        await limits.set_bucket(tx, "api", rate=rate, burst=burst, actor=SYSTEM)


async def complain(database: Database, tenant: UUID, retry_after: float | None = None) -> None:
    async with database.tenant(tenant) as tx:
        await throttling.shrink(tx, "api", retry_after_seconds=retry_after)


async def answer(database: Database, tenant: UUID) -> None:
    async with database.tenant(tenant) as tx:
        await breakers.note_answer(tx, "api")


async def bucket(database: Database, tenant: UUID) -> Bucket | None:
    async with database.tenant(tenant) as tx:
        return next(iter(await limits.buckets(tx)), None)


async def factor(database: Database, tenant: UUID) -> float:
    found = await bucket(database, tenant)
    return 1.0 if found is None else found.factor


def age(database_url: str, seconds: float) -> None:
    """Let what was adapted be so much older."""
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE buckets SET adapted_at = adapted_at - make_interval(secs => %(s)s),"
            " blocked_until = blocked_until - make_interval(secs => %(s)s)",
            {"s": seconds},
        )


async def adapted(database: Database, tenant: UUID) -> list[dict[str, Any]]:
    async with database.tenant(tenant) as tx:
        lines = [json.loads(line) for line in await ledger.history(tx, "source:api")]
    return [entry["data"] for entry in lines if entry["type"] == "bucket.adapted"]


async def test_each_complaint_halves_the_rate_down_to_a_floor(
    database: Database, database_url: str, tenant: UUID
) -> None:
    await limit(database, tenant)
    seen: list[float] = []
    for _ in range(8):
        await complain(database, tenant)
        seen.append(await factor(database, tenant))
        age(database_url, 1.0)

    assert seen == [0.5, 0.25, 0.125, 1 / 16, 1 / 32, 1 / 64, 1 / 64, SMALLEST_FACTOR]
    assert [each["factor"] for each in await adapted(database, tenant)][:2] == ["0.5", "0.25"]


async def test_complaints_of_one_second_count_once(database: Database, database_url: str, tenant: UUID) -> None:
    await limit(database, tenant)
    for _ in range(5):
        await complain(database, tenant, 3.0)

    assert await factor(database, tenant) == 0.5
    assert await adapted(database, tenant) == [{"factor": "0.5", "code": "throttled", "blocked_seconds": 3}]


@pytest.mark.parametrize(("asked", "seconds"), [(30.0, 30.0), (1e9, 3600.0), (-5.0, 0.0)])
async def test_nothing_starts_before_the_host_said(
    database: Database, tenant: UUID, asked: float, seconds: float
) -> None:
    await limit(database, tenant)
    await complain(database, tenant, asked)
    found = await bucket(database, tenant)
    async with database.tenant(tenant) as tx:
        now = tx.now

    assert found is not None
    assert found.blocked_until is not None
    assert found.blocked_until - now == pytest.approx(timedelta(seconds=seconds), abs=timedelta(seconds=25))


async def test_a_shorter_wait_does_not_end_a_longer_one(database: Database, tenant: UUID) -> None:
    await limit(database, tenant)
    await complain(database, tenant, 600.0)
    first = await bucket(database, tenant)
    await complain(database, tenant, 1.0)
    await complain(database, tenant)
    second = await bucket(database, tenant)

    assert first is not None
    assert second is not None
    assert second.blocked_until == first.blocked_until


async def test_answers_restore_the_rate_a_quarter_every_five_seconds(
    database: Database, database_url: str, tenant: UUID
) -> None:
    await limit(database, tenant)
    await complain(database, tenant, 1.0)
    await answer(database, tenant)
    assert await factor(database, tenant) == 0.5  # it was asked to wait
    age(database_url, 5.0)
    seen: list[float] = []
    for _ in range(4):
        await answer(database, tenant)
        await answer(database, tenant)  # at once: counts once
        seen.append(await factor(database, tenant))
        age(database_url, 5.0)
    await answer(database, tenant)

    assert seen == [0.625, 0.78125, 0.9765625, 1.0]
    found = await bucket(database, tenant)
    assert found is not None
    assert (found.rate, found.factor, found.blocked_until, found.is_learnt) == (8.0, 1.0, None, False)
    assert [each["code"] for each in await adapted(database, tenant)] == ["throttled", *["answered"] * 4]


async def test_a_host_without_a_bucket_learns_one_and_loses_it_again(
    database: Database, database_url: str, tenant: UUID
) -> None:
    await complain(database, tenant)
    learnt = await bucket(database, tenant)
    for _ in range(4):
        age(database_url, 5.0)
        await answer(database, tenant)

    assert learnt is not None
    assert (learnt.rate, learnt.factor, learnt.is_learnt, learnt.tokens < 1) == (1.0, 0.5, True, True)
    assert await bucket(database, tenant) is None
    assert [each["factor"] for each in await adapted(database, tenant)][-1] == "1"


async def test_a_learnt_rate_is_what_was_seen_lately(database: Database, tenant: UUID) -> None:
    lease = ids.new()
    async with database.system() as tx:
        await leases.open_lease(tx, lease, worker="test", seconds=3600)
    async with database.tenant(tenant) as tx:
        for _ in range(180):
            await store.enqueue(tx, NewJob(ids.new(), "work", "exp_x", host="api"), actor=SYSTEM)
    async with database.system() as tx:
        claimed = await store.claim(tx, lease_id=lease, kinds=["work"], limit=180)
    await complain(database, tenant)
    found = await bucket(database, tenant)

    assert found is not None
    assert len(claimed) == 180
    assert found.rate == 3.0  # 180 in a minute


async def test_a_learnt_bucket_that_somebody_sets_stays(database: Database, database_url: str, tenant: UUID) -> None:
    await complain(database, tenant)
    await limit(database, tenant)
    for _ in range(4):
        age(database_url, 5.0)
        await answer(database, tenant)
    found = await bucket(database, tenant)

    assert found is not None
    assert (found.rate, found.factor, found.is_learnt) == (8.0, 1.0, False)


async def test_a_healthy_host_is_not_written(database: Database, database_url: str, tenant: UUID) -> None:
    def version() -> Any:
        with psycopg.connect(database_url) as connection:
            return connection.execute("SELECT xmin::text FROM buckets").fetchone()

    await limit(database, tenant)
    before = version()
    await answer(database, tenant)

    assert version() == before


async def start(database: Database, claimed: Claim) -> Job:
    async with database.tenant(claimed.tenant_id) as tx:
        job, fence = await attempts.start(tx, claimed)
        return await attempts.throttle(tx, fence, 60.0) if job.host else await attempts.complete(tx, fence)


async def test_a_complaint_stops_the_other_jobs_of_its_host_and_shows_why(database: Database, tenant: UUID) -> None:
    lease = ids.new()
    async with database.system() as tx:
        await leases.open_lease(tx, lease, worker="test", seconds=3600)
    async with database.tenant(tenant) as tx:
        for host in ("api", "api", ""):
            await store.enqueue(tx, NewJob(ids.new(), "work", "exp_x", host=host), actor=SYSTEM)
    async with database.system() as tx:
        (first,) = await store.claim(tx, lease_id=lease, kinds=["work"], limit=1)
    snoozed = await start(database, first)
    async with database.system() as tx:
        others = await store.claim(tx, lease_id=lease, kinds=["work"], limit=5)
    async with database.tenant(tenant) as tx:
        hosts = [(await store.find(tx, each.job_id)).host for each in others]
        (held,) = await limits.throttles(tx)
        found = (await limits.buckets(tx))[0]

    assert (snoozed.state, snoozed.failures, snoozed.host) == ("scheduled", 0, "api")
    assert hosts == [""]
    assert (held.host, held.waiting_for, held.pending) == ("api", "rate", 1)
    assert held.eligible_at is not None
    assert found.blocked_until is not None
    assert held.eligible_at >= found.blocked_until


@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.5, 1.0, 5.0])), max_size=25))
async def test_whatever_comes_the_rate_stays_between_the_floor_and_what_was_set(
    server: EmbeddedServer, events: list[tuple[bool, float]]
) -> None:
    with fresh_database(server) as url:
        database = Database(url)
        await database.open()
        try:
            tenant = await make_tenant(database)
            await limit(database, tenant)
            before = 1.0
            for is_complaint, gap in events:
                await (complain(database, tenant) if is_complaint else answer(database, tenant))
                now = await factor(database, tenant)
                assert SMALLEST_FACTOR <= now <= 1.0
                assert now in {before, max(SMALLEST_FACTOR, before / 2), min(1.0, before * 1.25)}
                before = now
                age(url, gap)
        finally:
            await database.close()


# --- what a PostgreSQL says when it is full -------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        "connection failed: FATAL:  sorry, too many clients already",
        'connection failed: FATAL:  too many connections for role "reader"',
        "connection failed: FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
    ],
)
def test_a_full_postgresql_is_throttled_and_not_broken(words: str) -> None:
    fault = faults.from_connect(psycopg.OperationalError(words), PLACE)

    assert isinstance(fault, SourceThrottled)
    assert fault.retry_after_seconds is None
    assert "takes no more connections now" in fault.message


def test_a_query_that_meets_a_full_postgresql_is_throttled() -> None:
    assert isinstance(faults.from_query(psycopg.errors.TooManyConnections("full"), PLACE), SourceThrottled)
    assert isinstance(faults.from_query(psycopg.errors.ConfigurationLimitExceeded("full"), PLACE), SourceThrottled)
    assert isinstance(faults.from_query(psycopg.errors.OutOfMemory("none"), PLACE), SourceUnreachable)
