"""A light job that never waits is stopped by its deadline, and takes nobody with it."""  # O2, O3

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from lading import ids
from lading.db import notify
from lading.db.database import Database
from lading.jobs import batches, store, views
from lading.jobs.model import NewJob
from lading.jobs.views import JobFilter
from lading.ledger.entry import SYSTEM
from lading.settings import Settings
from lading.tenants import store as tenants
from lading.worker import beside
from lading.worker.supervisor import Supervisor

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]

# The two children of a worker, with a light kind that holds the interpreter if its payload says so.
SPIN = """
import asyncio, os
from lading.jobs.model import Done
from lading.wiring import workers
from lading.worker.executor import Executor

class Spin:
    is_light = True

    async def run(self, job, context):
        while job.payload:
            pass
        return Done()

HANDLERS = {"spin": Spin()}
"""
LIGHT = f"""{SPIN}
from lading.wiring import light

light.handlers = lambda settings, database: HANDLERS
light.main()
"""
EXECUTOR = f"""{SPIN}
async def serve():
    async with workers.opened(os.environ["LADING_DATABASE_URL"], size=2) as database:
        await Executor(database, HANDLERS, {{}}).serve()

asyncio.run(serve())
"""


async def enqueue(database: Database, tenant: UUID, count: int, **fields: Any) -> list[UUID]:
    jobs = [NewJob(ids.new(), "spin", "job_x", **fields) for _ in range(count)]
    async with database.tenant(tenant) as tx:
        await batches.enqueue_many(tx, jobs, actor=SYSTEM)
    return [job.id for job in jobs]


async def ended(database: Database, url: str, tenant: UUID, jobs: Sequence[UUID]) -> dict[UUID, views.JobView]:
    """Return these jobs once all of them have ended."""
    async with notify.Hearer(url, notify.JOBS) as hearer, asyncio.timeout(240):
        while True:
            seen = hearer.generation(notify.JOBS)
            async with database.system() as tx:
                await store.wake_turns(tx)  # as the sweep does
            async with database.tenant(tenant) as tx:
                found = await views.page(tx, JobFilter(), before=None, limit=1000)
            over = {job.id: job for job in found if job.finished_at is not None}
            if over.keys() >= set(jobs):
                return over
            await hearer.wait(notify.JOBS, seen, 0.2)


async def test_a_light_job_that_never_waits_ends_at_its_deadline_and_the_others_complete(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "_SILENT_SECONDS", 5.0)
    async with database.system() as tx:
        tenant = (await tenants.create_tenant(tx, "acme", name="acme", actor=SYSTEM)).id
    first = await enqueue(database, tenant, 10)
    (spinning,) = await enqueue(database, tenant, 1, payload={"for": "ever"}, deadline_seconds=1, max_attempts=1)
    then = await enqueue(database, tenant, 10)
    settings = Settings(data_dir=tmp_path, database_url=database_url, drain_seconds=5.0)
    supervisor = Supervisor(
        settings,
        database,
        {},
        kinds=["spin"],
        executor=[sys.executable, "-c", EXECUTOR],
        light=(["spin"], [sys.executable, "-c", LIGHT]),
        environment={**os.environ, "LADING_DATABASE_URL": database_url},
    )
    working = asyncio.create_task(supervisor.run())
    try:
        over = await ended(database, database_url, tenant, [*first, spinning, *then])
        after = await ended(database, database_url, tenant, await enqueue(database, tenant, 10))
    finally:
        supervisor.drain()
        await working
    async with database.tenant(tenant) as tx:
        tries = await views.attempts(tx, spinning)

    assert (over[spinning].state, over[spinning].crashes) == ("dead", 0)
    assert (over[spinning].error or {}).get("code") == "deadline-exceeded"
    assert [each.outcome for each in tries] == ["lost", "timed_out"]  # in the batch, then alone
    assert {(over[job].state, over[job].crashes) for job in [*first, *then]} == {("completed", 0)}
    assert {after[job].state for job in after.keys() - over.keys()} == {"completed"}
