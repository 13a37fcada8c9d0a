"""An attempt beyond its deadline is a failure that says so, whether its worker stops it or somebody else has to."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from lading import ids
from lading.artifacts.blobs import BlobStore
from lading.db.database import Database
from lading.errors import StaleLease
from lading.jobs import attempts, leases, store, views
from lading.jobs.model import Claim, Fence, Job, NewJob, State
from lading.ledger import keys
from lading.ledger.entry import SYSTEM
from lading.settings import Settings
from lading.tenants import store as tenants
from lading.tenants.model import Role
from lading.upkeep.sweeps import Upkeep
from lading.worker.execute import Attempt
from serving import World

pytestmark = pytest.mark.anyio

LEASE_SECONDS = 30.0
DEADLINE_SECONDS = 60


@pytest.fixture
async def tenant(database: Database) -> UUID:
    async with database.system() as tx:
        return (await tenants.create_tenant(tx, "acme", name="Acme", actor=SYSTEM)).id


@pytest.fixture
def upkeep(database: Database, tmp_path: Path) -> Upkeep:
    signer = keys.load_or_create(tmp_path / "keys", "test").log
    return Upkeep(Settings(data_dir=tmp_path), database, {}, signer, BlobStore(tmp_path / "blobs"))


async def start(
    database: Database, tenant: UUID, *, deadline: int | None = DEADLINE_SECONDS, max_attempts: int = 8
) -> Fence:
    lease, job_id = ids.new(), ids.new()
    new = NewJob(job_id, "work", "exp_x", host="crm", max_attempts=max_attempts, deadline_seconds=deadline)
    async with database.system() as tx:
        await leases.open_lease(tx, lease, worker="test", seconds=LEASE_SECONDS)
    async with database.tenant(tenant) as tx:
        await store.enqueue(tx, new, actor=SYSTEM)
    async with database.system() as tx:
        await store.claim(tx, lease_id=lease, kinds=["work"], limit=1)
    async with database.tenant(tenant) as tx:
        return (await attempts.start(tx, Claim(tenant, job_id, lease, "work")))[1]


async def find(database: Database, fence: Fence) -> Job:
    async with database.tenant(fence.tenant_id) as tx:
        return await store.find(tx, fence.job_id)


async def outcome(database: Database, fence: Fence) -> str | None:
    async with database.tenant(fence.tenant_id) as tx:
        return await attempts.outcome_of(tx, fence)


def let_pass(url: str, fence: Fence, seconds: float) -> None:
    """Let the attempt have begun so much earlier."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "UPDATE jobs SET started_at = started_at - make_interval(secs => %s) WHERE id = %s", (seconds, fence.job_id)
        )


async def test_an_attempt_that_was_stopped_at_its_deadline_is_a_failure_and_no_crash(  # O3
    database: Database, tenant: UUID
) -> None:
    fence = await start(database, tenant)

    async with database.tenant(tenant) as tx:
        job = await attempts.time_out(tx, fence)

    assert (job.state, job.failures, job.crashes) == (State.SCHEDULED, 1, 0)
    assert job.error is not None
    assert job.error["code"] == "deadline-exceeded"
    assert "60 s" in job.error["message"]
    assert await outcome(database, fence) == "timed_out"


async def test_the_last_attempt_that_is_stopped_ends_the_job_as_dead(database: Database, tenant: UUID) -> None:  # O3
    fence = await start(database, tenant, max_attempts=1)

    async with database.tenant(tenant) as tx:
        job = await attempts.time_out(tx, fence)

    assert job.state is State.DEAD
    assert await outcome(database, fence) == "timed_out"


async def test_a_cancel_request_is_obeyed_rather_than_the_deadline(database: Database, tenant: UUID) -> None:  # P3
    fence = await start(database, tenant)
    async with database.tenant(tenant) as tx:
        await store.cancel(tx, fence.job_id, reason="wrong month", actor=SYSTEM)

    async with database.tenant(tenant) as tx:
        job = await attempts.time_out(tx, fence)

    assert job.state is State.CANCELLED


async def test_an_overdue_attempt_says_nothing_about_its_host(  # O7
    database: Database, database_url: str, tenant: UUID
) -> None:
    fence = await start(database, tenant)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO breakers (tenant_id, host, state, failures, probe_until) "
            "VALUES (%s, 'crm', 'half_open', 5, now() + interval '1 hour')",
            (tenant,),
        )

    async with database.tenant(tenant) as tx:
        await attempts.time_out(tx, fence)

    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT state, failures FROM breakers").fetchall() == [("half_open", 5)]


async def test_an_attempt_that_its_living_worker_does_not_stop_is_fenced_out(  # O3
    database: Database, database_url: str, tenant: UUID, upkeep: Upkeep
) -> None:
    fence = await start(database, tenant)
    let_pass(database_url, fence, DEADLINE_SECONDS + LEASE_SECONDS)

    await upkeep.rescue()

    job = await find(database, fence)
    assert (job.state, job.failures, job.crashes) == (State.SCHEDULED, 1, 0)
    assert await outcome(database, fence) == "timed_out"
    with pytest.raises(StaleLease):
        async with database.tenant(tenant) as tx:
            await attempts.complete(tx, fence)


@pytest.mark.parametrize("deadline", [DEADLINE_SECONDS, None])
async def test_an_attempt_within_deadline_and_grace_or_without_a_deadline_goes_on(  # O3
    database: Database, database_url: str, tenant: UUID, upkeep: Upkeep, deadline: int | None
) -> None:
    fence = await start(database, tenant, deadline=deadline)
    let_pass(database_url, fence, DEADLINE_SECONDS + LEASE_SECONDS - 25 if deadline else 1e6)

    await upkeep.rescue()

    assert (await find(database, fence)).state is State.RUNNING


async def test_an_overdue_attempt_of_a_dead_worker_is_a_crash_not_a_failure(  # O3
    database: Database, database_url: str, tenant: UUID, upkeep: Upkeep
) -> None:
    fence = await start(database, tenant)
    let_pass(database_url, fence, 2 * DEADLINE_SECONDS)
    async with database.system() as tx:
        await leases.close(tx, fence.lease_id)

    await upkeep.rescue()

    job = await find(database, fence)
    assert (job.failures, job.crashes) == (0, 1)


def test_an_attempt_that_was_cancelled_and_overdue_is_cancelled() -> None:
    attempt = Attempt(Fence(UUID(int=1), UUID(int=2), UUID(int=3), 1), cancel_reason="wrong month", is_overdue=True)

    assert type(attempt.stopped).__name__ == "Cancelled"


async def quiet(database: Database, tenant: UUID, seconds: int) -> list[UUID]:
    async with database.tenant(tenant) as tx:
        found = await views.page(tx, views.JobFilter(quiet_seconds=seconds), before=None, limit=10)
    return [job.id for job in found]


async def test_an_attempt_that_stands_still_is_found_until_it_comes_forward(  # O3
    database: Database, database_url: str, tenant: UUID
) -> None:
    busy, still = await start(database, tenant), await start(database, tenant)
    for fence in (busy, still):
        let_pass(database_url, fence, 900)

    async with database.tenant(tenant) as tx:
        await attempts.progressed(tx, busy)

    assert await quiet(database, tenant, 600) == [still.job_id]
    assert await quiet(database, tenant, 1000) == []


async def test_who_lost_the_lease_can_not_say_that_the_job_comes_forward(  # O2
    database: Database, database_url: str, tenant: UUID
) -> None:
    fence = await start(database, tenant)
    let_pass(database_url, fence, 900)

    async with database.tenant(tenant) as tx:
        await attempts.progressed(tx, Fence(tenant, fence.job_id, ids.new(), fence.attempt))

    assert await quiet(database, tenant, 600) == [fence.job_id]


async def test_jobs_that_stand_still_are_listed_over_http(world: World, database_url: str) -> None:  # O3
    await world.export()
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE jobs SET state = 'running', lease_id = gen_random_uuid(), "
            "started_at = now() - interval '20 minutes'"
        )
    path = "/api/v1/jobs?quiet_seconds="

    answers = [await world.ask("GET", f"{path}{seconds}", role=Role.VIEWER) for seconds in ("600", "1800", "0")]

    assert [len(answer.json().get("items", [])) for answer in answers] == [1, 0, 0]
    assert [answer.status_code for answer in answers] == [200, 200, 422]
