"""What a light executor leaves when it dies is settled, and what can't be settled at once is tried again."""  # O3

from __future__ import annotations

import asyncio
import os
import sys
from uuid import UUID

import pytest

from lading import ids
from lading.db.database import Database
from lading.jobs import attempts, batches, leases
from lading.jobs.model import Fence, NewJob
from lading.ledger.entry import SYSTEM
from lading.tenants import store as tenants
from lading.worker.beside import LightSide
from lading.worker.slot import Work

pytestmark = pytest.mark.anyio

DIES_WHEN_IT_HAS_A_LEASE = """
import sys
print('{"ready": 1}', flush=True)
sys.stdin.readline()
"""


class Worker:
    """Settles what is left; the first try at `hard` fails."""

    def __init__(self, database: Database, hard: UUID | None = None) -> None:
        self.changed = asyncio.Event()
        self.settled: list[UUID] = []
        self._database = database
        self._hard = hard
        self.side = LightSide(
            database,
            ["noop"],
            [sys.executable, "-c", DIES_WHEN_IT_HAS_A_LEASE],
            os.environ,
            settle=self._settle,
            again_seconds=0.0,
            on_change=self.changed.set,
            on_hint=lambda _: None,
        )

    async def _settle(self, work: Work) -> bool:
        claim = work.claim
        self.settled.append(claim.job_id)
        if claim.job_id == self._hard and self.settled.count(claim.job_id) == 1:
            return False
        assert work.attempt is not None
        async with self._database.tenant(claim.tenant_id) as tx:
            await attempts.crash(tx, Fence(claim.tenant_id, claim.job_id, claim.lease_id, work.attempt))
        return True

    async def look(self, lease: UUID) -> None:
        async with asyncio.timeout(120):
            await self.changed.wait()
        self.changed.clear()
        await self.side.look_after(lease, is_draining=False)


@pytest.fixture
async def lease(database: Database) -> UUID:
    made = ids.new()
    async with database.system() as tx:
        await leases.open_lease(tx, made, worker="test", seconds=3600)
    return made


async def claimed(database: Database, lease: UUID) -> list[UUID]:
    """Claim three new jobs in a batch, as a light executor does, and return them."""
    jobs = [NewJob(ids.new(), "noop", "job_x") for _ in range(3)]
    async with database.system() as tx:
        tenant = (await tenants.create_tenant(tx, "acme", name="acme", actor=SYSTEM)).id
    async with database.tenant(tenant) as tx:
        await batches.enqueue_many(tx, jobs, actor=SYSTEM)
    async with database.system() as tx:
        got = await batches.exchange(
            tx, lease_id=lease, kinds=["noop"], limit=3, ended=[], batch_id=ids.new(), is_hurried=False
        )
    assert len(got.started) == 3
    return [job.id for job in jobs]


async def test_what_could_not_be_settled_is_tried_again(database: Database, lease: UUID) -> None:
    jobs = await claimed(database, lease)
    worker = Worker(database, jobs[1])
    await worker.side.look_after(lease, is_draining=False)
    await worker.look(lease)  # it is ready and hears its lease
    await worker.look(lease)  # it is dead
    await worker.look(lease)  # another is ready
    await worker.side.look_after(None, is_draining=False)

    assert sorted(worker.settled) == sorted([*jobs, jobs[1]])
    await worker.side.finish(0.0)


async def test_a_claim_whose_commit_ended_after_its_child_is_settled_before_another_claims(
    database: Database, lease: UUID
) -> None:
    worker = Worker(database)
    await worker.side.look_after(lease, is_draining=False)
    await worker.look(lease)  # it is ready and hears its lease
    await worker.look(lease)  # it is dead, and nothing was left
    jobs = await claimed(database, lease)
    await worker.look(lease)  # another is ready

    assert sorted(worker.settled) == sorted(jobs)
    await worker.side.finish(0.0)
