"""A sweep that can't do its work keeps no other from its own."""  # O3

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from lading import ids
from lading.artifacts.blobs import BlobStore
from lading.db import notify
from lading.db.database import Database
from lading.jobs import store
from lading.jobs.model import NewJob, State
from lading.ledger import keys
from lading.ledger.entry import SYSTEM
from lading.settings import Settings
from lading.tenants import store as tenants
from lading.upkeep.sweeps import Upkeep

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]


async def test_where_history_can_not_be_kept_jobs_are_still_promoted(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("ALTER FUNCTION make_history_partition RENAME TO another")
    async with database.system() as tx:
        tenant = (await tenants.create_tenant(tx, "acme", name="Acme", actor=SYSTEM)).id
    job = NewJob(ids.new(), "work", "exp_x", due_at=datetime.now(UTC) + timedelta(seconds=2))
    async with database.tenant(tenant) as tx:
        await store.enqueue(tx, job, actor=SYSTEM)
    settings = Settings(data_dir=tmp_path, database_url=database_url)
    signer = keys.load_or_create(settings.keys_dir, settings.instance).log
    sweeping = asyncio.create_task(Upkeep(settings, database, {}, signer, BlobStore(settings.blobs_dir)).run())
    async with notify.Hearer(database_url, notify.JOBS) as hearer, asyncio.timeout(120):
        while not sweeping.done():
            seen = hearer.generation(notify.JOBS)
            async with database.tenant(tenant) as tx:
                if (await store.find(tx, job.id)).state is State.PENDING:
                    break
            await hearer.wait(notify.JOBS, seen, 1.0)

    assert not sweeping.done()
    sweeping.cancel()
    await asyncio.wait({sweeping})
