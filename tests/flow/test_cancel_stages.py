"""Cancelled in any stage, or without a ledger to write to, an export leaves no file that anybody could see."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from psycopg.sql import SQL

from lading import ids
from lading.settings import Settings
from lading.wire.exports import Export
from tests.flow.organisation import Organisation, Worker

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]

POINTS = [
    f"{stage}.{moment}"
    for stage in ("querying", "mapping", "generating", "bundling", "auditing")
    for moment in ("begun", "done")
]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", heartbeat_seconds=0.4, sweep_seconds=0.4)


async def visible(acme: Organisation) -> list[Any]:
    """The files that anybody could find; what else lies on the disk is collected."""
    async with acme.database.tenant(acme.tenant_id) as tx:
        return list(await tx.all(SQL("SELECT name FROM artifacts")))


def fired(failpoint: Path) -> None:
    """Wait until a process has met the failpoint: it takes the file away and says nothing else."""
    while failpoint.exists():
        psutil.cpu_percent(0.05)


def thaw() -> None:
    """Let every process below this one that was stopped go on."""
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if process.status() == psutil.STATUS_STOPPED:
                process.send_signal(signal.SIGCONT)


async def cancel(acme: Organisation, export: Export) -> None:
    await acme.service.cancel(acme.principal, acme.tenant_id, ids.parse(ids.EXPORT, export.id), "wrong year")


async def test_an_export_cancelled_in_any_stage_stops_and_leaves_nothing(  # P3
    acme: Organisation, settings: Settings, database_url: str, tmp_path: Path
) -> None:
    failpoint = tmp_path / "failpoint"
    async with Worker(settings, database_url, LADING_FAILPOINT_FILE=str(failpoint)):
        for point in POINTS:
            failpoint.write_text(f"{point} freeze")
            export = await acme.submit(format="csv", include_attachments=True)
            await asyncio.to_thread(fired, failpoint)
            await cancel(acme, export)
            thaw()
            ended = await acme.end(export)

            assert (ended.status, ended.artifacts, await visible(acme)) == ("cancelled", [], []), point
            history = await acme.service.history(acme.tenant_id, ids.parse(ids.EXPORT, export.id))
            happened = [entry["type"] for entry in history]
            assert (happened.count("export.cancel_requested"), happened[-1]) == (1, "export.cancelled"), point


async def test_an_export_that_hangs_is_cancelled_all_the_same(  # P3
    acme: Organisation, settings: Settings, database_url: str, tmp_path: Path
) -> None:
    failpoint = tmp_path / "failpoint"
    async with Worker(settings, database_url, LADING_FAILPOINT_FILE=str(failpoint)):
        failpoint.write_text("generating.begun freeze")
        export = await acme.submit(format="csv")
        await asyncio.to_thread(fired, failpoint)
        await cancel(acme, export)
        ended = await acme.end(export)

    assert (ended.status, ended.artifacts, await visible(acme)) == ("cancelled", [], [])


async def test_without_its_ledger_entry_no_export_is_published(  # P4
    acme: Organisation, settings: Settings, database_url: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE ledger_pending ADD CONSTRAINT refused CHECK (type <> 'export.completed')")
        async with Worker(settings, database_url):
            failed = await acme.end(await acme.submit(format="csv"))
            assert (failed.status, failed.artifacts, await visible(acme)) == ("failed", [], [])

            connection.execute("ALTER TABLE ledger_pending DROP CONSTRAINT refused")
            again = await acme.service.retry(acme.principal, acme.tenant_id, ids.parse(ids.EXPORT, failed.id))
            ended = await acme.end(again)

    assert (ended.status, ended.retry_count) == ("completed", 1)
