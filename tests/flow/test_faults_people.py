"""What people do in the same instant ends in one of the states they asked for, and nothing is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from lading import ids
from lading.artifacts.blobs import BlobStore
from lading.db.database import Database
from lading.errors import InvalidTransition
from lading.jobs import leases, store
from lading.ledger import keys
from lading.settings import Settings
from lading.upkeep.sweeps import Upkeep
from lading.wire.exports import Export, ExportRequest
from lading.wiring.workers import ENDINGS
from tests.flow.organisation import Organisation, organisation

pytestmark = pytest.mark.anyio


@pytest.fixture
async def acme(database: Database, tmp_path: Path) -> AsyncIterator[Organisation]:
    async with organisation(database, Settings(data_dir=tmp_path / "data")) as made:
        yield made


async def ended(acme: Organisation) -> Export:
    export = await acme.submit()
    return await acme.service.cancel(acme.principal, acme.tenant_id, ids.parse(ids.EXPORT, export.id), "wrong year")


def live_jobs(url: str, export: Export) -> int:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT FROM jobs WHERE subject = %s", (export.id,)).rowcount


async def test_of_two_retries_at_once_one_is_done(acme: Organisation, database_url: str) -> None:  # P2
    export = await ended(acme)
    retry = acme.service.retry
    export_id = ids.parse(ids.EXPORT, export.id)

    answers = await asyncio.gather(
        *(retry(acme.principal, acme.tenant_id, export_id) for _ in range(4)), return_exceptions=True
    )

    assert [isinstance(answer, InvalidTransition) for answer in answers].count(True) == 3
    assert live_jobs(database_url, export) == 1


async def test_a_cancel_that_meets_a_retry_leaves_no_job_behind(  # P3
    acme: Organisation, database_url: str
) -> None:
    export = await ended(acme)
    export_id = ids.parse(ids.EXPORT, export.id)
    with psycopg.connect(database_url) as other:
        other.execute("SELECT FROM exports WHERE id = %s FOR UPDATE", (export_id,))
        retrying = asyncio.create_task(acme.service.retry(acme.principal, acme.tenant_id, export_id))
        await waiting_for_a_lock(database_url, 1)
        cancelling = asyncio.create_task(acme.service.cancel(acme.principal, acme.tenant_id, export_id, "no"))
        await waiting_for_a_lock(database_url, 2)
    await retrying
    shown = await cancelling

    assert (shown.status, live_jobs(database_url, export)) == ("cancelled", 0)


async def waiting_for_a_lock(url: str, sessions: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        query = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        while connection.execute(query).rowcount < sessions:  # noqa: ASYNC110 - only PostgreSQL knows
            await asyncio.sleep(0)


async def test_one_key_used_by_many_at_once_makes_one_export(acme: Organisation, database_url: str) -> None:  # E10
    request = ExportRequest(profile="visits", period={"from": "2025-01-01", "to": "2025-12-31"})

    answers = await asyncio.gather(
        *(acme.service.create(acme.principal, acme.tenant_id, request, idempotency_key="k") for _ in range(5))
    )

    assert len({shown.id for shown, _ in answers}) == 1
    assert [replayed for _, replayed in answers].count(False) == 1
    assert live_jobs(database_url, answers[0][0]) == 1


async def test_a_claimed_export_cancelled_before_its_dead_worker_began_is_cancelled(acme: Organisation) -> None:  # P3
    export, lease = await acme.submit(), ids.new()
    async with acme.database.system() as tx:
        await leases.open_lease(tx, lease, worker="test", seconds=30)
        await store.claim(tx, lease_id=lease, kinds=["export"], limit=1)
    await acme.service.cancel(acme.principal, acme.tenant_id, ids.parse(ids.EXPORT, export.id), "wrong year")
    async with acme.database.system() as tx:
        await leases.close(tx, lease)

    await upkeep(acme).rescue()

    assert (await acme.end(export, seconds=1)).status == "cancelled"


def upkeep(acme: Organisation) -> Upkeep:
    signer = keys.load_or_create(acme.settings.keys_dir, acme.settings.instance).log
    return Upkeep(acme.settings, acme.database, ENDINGS, signer, BlobStore(acme.settings.blobs_dir))
