"""What breaks in one job or one sweep stays there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from lading import ids
from lading.artifacts.blobs import BlobStore
from lading.db.database import Database
from lading.db.transaction import Transaction
from lading.errors import InvalidTransition, NotFound
from lading.jobs import attempts, batches, leases, store
from lading.jobs.model import Claim, Done, Fence, Job, NewJob, State
from lading.ledger import keys
from lading.ledger.entry import SYSTEM
from lading.settings import Settings
from lading.tenants import store as tenants
from lading.upkeep.sweeps import Upkeep
from lading.worker import execute

pytestmark = pytest.mark.anyio


@pytest.fixture
async def tenant(database: Database) -> UUID:
    async with database.system() as tx:
        return (await tenants.create_tenant(tx, "acme", name="Acme", actor=SYSTEM)).id


async def start(database: Database, tenant: UUID, kind: str = "work", *, max_crashes: int = 3) -> Fence:
    lease, job_id = ids.new(), ids.new()
    async with database.system() as tx:
        await leases.open_lease(tx, lease, worker="test", seconds=3600)
    async with database.tenant(tenant) as tx:
        await store.enqueue(tx, NewJob(job_id, kind, "exp_x", max_crashes=max_crashes), actor=SYSTEM)
    async with database.system() as tx:
        await store.claim(tx, lease_id=lease, kinds=[kind], limit=1)
    async with database.tenant(tenant) as tx:
        return (await attempts.start(tx, Claim(tenant, job_id, lease, kind)))[1]


async def find(database: Database, fence: Fence) -> Job:
    async with database.tenant(fence.tenant_id) as tx:
        return await store.find(tx, fence.job_id)


@pytest.mark.parametrize(
    ("fault", "state"), [(RuntimeError("odd"), State.SCHEDULED), (InvalidTransition("It ended."), State.DEAD)]
)
async def test_a_result_that_cannot_be_published_is_a_failure_and_leaves_nothing(  # P4
    database: Database, tenant: UUID, fault: Exception, state: State
) -> None:
    fence = await start(database, tenant)
    never = ids.new()

    async def publish(tx: Transaction) -> None:
        await store.enqueue(tx, NewJob(never, "work", "exp_x"), actor=SYSTEM)
        raise fault

    assert await execute.settle(database, {}, fence, Done(publish), kind="work")

    job = await find(database, fence)
    assert (job.state, job.failures) == (state, 1)
    with pytest.raises(NotFound):
        await find(database, Fence(tenant, never, ids.new(), 0))


class _Breaks:
    async def ended(self, tx: Transaction, job: Job) -> None:
        raise RuntimeError(f"{job.id} can't be followed up in {tx.role}")


@pytest.fixture
def upkeep(database: Database, tmp_path: Path) -> Upkeep:
    signer = keys.load_or_create(tmp_path / "keys", "test").log
    settings = Settings(data_dir=tmp_path, sweep_seconds=0.01)
    return Upkeep(settings, database, {"cursed": _Breaks()}, signer, BlobStore(tmp_path / "blobs"))


async def test_an_orphan_that_cannot_be_rescued_does_not_keep_the_next_one_waiting(  # O3
    database: Database, tenant: UUID, upkeep: Upkeep
) -> None:
    fences = [await start(database, tenant, kind, max_crashes=1) for kind in ("cursed", "unknown")]
    for fence in fences:
        async with database.system() as tx:
            await leases.close(tx, fence.lease_id)

    await upkeep.rescue()

    assert [(await find(database, fence)).state for fence in fences] == [State.RUNNING, State.DEAD]


async def test_however_many_orphans_cannot_be_rescued_the_others_are(  # O3
    database: Database, database_url: str, tenant: UUID, upkeep: Upkeep
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO jobs (tenant_id, id, kind, state, attempt, max_attempts, max_crashes, lease_id, claimed_at, "
            "started_at) SELECT %s, gen_random_uuid(), 'cursed', 'running', 1, 8, 1, gen_random_uuid(), "
            "now() - interval '1 hour', now() - interval '1 hour' FROM generate_series(1, 120)",
            (tenant,),
        )
    fence = await start(database, tenant, "unknown", max_crashes=1)
    async with database.system() as tx:
        await leases.close(tx, fence.lease_id)

    await upkeep.rescue()

    assert (await find(database, fence)).state is State.DEAD


async def test_all_that_is_due_is_promoted_at_once(
    database: Database, database_url: str, tenant: UUID, upkeep: Upkeep
) -> None:
    later = datetime.now(UTC) + timedelta(days=1)
    async with database.tenant(tenant) as tx:
        put_off = (NewJob(ids.new(), "work", "exp_x", due_at=later) for _ in range(2500))
        await batches.enqueue_many(tx, put_off, actor=SYSTEM)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE jobs SET due_at = now() - interval '1 hour'")

    await upkeep.promote()

    with psycopg.connect(database_url) as connection:
        states = connection.execute("SELECT DISTINCT state FROM jobs").fetchall()
    assert states == [("pending",)]
