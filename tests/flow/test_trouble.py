"""What stops an export leaves no file, says why in one sentence, and lets a retry go on where it stopped."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from lading import ids
from lading.errors import InvalidTransition
from lading.exports.service import blob_prefix
from lading.settings import Settings
from lading.wire.exports import Export
from tests.flow.organisation import Organisation, Worker

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]

STAGES = ("querying", "mapping", "generating", "bundling", "auditing")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, max_attempts=1)


def lock_source(url: str) -> psycopg.Connection[tuple[object, ...]]:
    """Hold a lock that lets every query of the source wait."""
    connection = psycopg.connect(url)
    connection.execute("LOCK TABLE visits IN ACCESS EXCLUSIVE MODE")
    return connection


async def at_stage(acme: Organisation, export: Export, stage: str) -> Export:
    """Return the export as soon as it is in `stage`."""
    shown = export
    while shown.stage != stage:
        shown = await acme.service.wait(
            acme.tenant_id, ids.parse(ids.EXPORT, export.id), version=shown.version, seconds=60, hearer=acme.hearer
        )
        assert shown.status in {"pending", "running"}, shown.error
    return shown


def packages(settings: Settings) -> list[Path]:
    return list(settings.blobs_dir.glob("exports/**/package.zip"))


async def types(acme: Organisation, export: Export) -> list[str]:
    history = await acme.service.history(acme.tenant_id, ids.parse(ids.EXPORT, export.id))
    return [entry["type"] for entry in history]


async def test_cancelling_a_pending_export_ends_it_at_once(acme: Organisation) -> None:  # P3
    export = await acme.submit()
    ended = await acme.service.cancel(acme.principal, acme.tenant_id, ids.parse(ids.EXPORT, export.id), "wrong year")

    assert (ended.status, ended.stage, ended.artifacts) == ("cancelled", "CANCELLED", [])
    with pytest.raises(InvalidTransition, match="is cancelled; only a pending or running"):
        await acme.service.cancel(acme.principal, acme.tenant_id, ids.parse(ids.EXPORT, export.id), "again")


async def test_cancelling_a_running_export_stops_it_while_its_source_still_hangs(  # P3
    acme: Organisation, settings: Settings, database_url: str
) -> None:
    async with Worker(settings, database_url):
        blocker = await asyncio.to_thread(lock_source, database_url)
        export = await acme.submit()
        await at_stage(acme, export, "QUERYING")
        await acme.service.cancel(acme.principal, acme.tenant_id, ids.parse(ids.EXPORT, export.id), "wrong year")
        ended = await acme.end(export)
        blocker.close()

    assert ended.status == "cancelled"
    assert packages(settings) == []
    assert (await types(acme, ended))[-2:] == ["export.cancel_requested", "export.cancelled"]


async def test_a_cancelled_export_can_be_retried_and_completes(
    acme: Organisation, settings: Settings, database_url: str
) -> None:
    export = await acme.submit()
    await acme.service.cancel(acme.principal, acme.tenant_id, ids.parse(ids.EXPORT, export.id), "not yet")
    again = await acme.service.retry(acme.principal, acme.tenant_id, ids.parse(ids.EXPORT, export.id))
    async with Worker(settings, database_url):
        ended = await acme.end(again)

    assert (ended.id, ended.status, ended.retry_count) == (export.id, "completed", 1)
    with pytest.raises(InvalidTransition, match="only a failed or cancelled"):
        await acme.service.retry(acme.principal, acme.tenant_id, ids.parse(ids.EXPORT, export.id))


async def test_a_source_that_refuses_the_login_fails_the_export_at_once(  # E8
    acme: Organisation, settings: Settings, database_url: str
) -> None:
    credentials = settings.data_dir / "credentials"
    good = credentials.read_text()
    credentials.write_text(good.replace("lading:", "nobody:", 1))
    async with Worker(settings, database_url):
        failed = await acme.end(await acme.submit())
        assert failed.error is not None
        assert (failed.status, failed.error.code, failed.error.stage) == ("failed", "source-refused", "QUERYING")
        assert good.split(":")[2].split("@")[0] not in failed.error.message

        credentials.write_text(good)
        again = await acme.service.retry(acme.principal, acme.tenant_id, ids.parse(ids.EXPORT, failed.id))
        ended = await acme.end(again)

    assert (ended.status, ended.retry_count) == ("completed", 1)


async def test_a_source_that_is_down_fails_the_export_as_retryable(
    acme: Organisation, settings: Settings, database_url: str, tmp_path: Path
) -> None:
    (settings.data_dir / "credentials").write_text(f"postgresql://reader@/visits?host={tmp_path}")
    async with Worker(settings, database_url):
        failed = await acme.end(await acme.submit())

    assert failed.error is not None
    assert (failed.error.code, failed.error.retryable) == ("source-unreachable", True)


async def test_too_many_bad_rows_fail_the_export_and_leave_no_package(  # P7
    acme: Organisation, settings: Settings, database_url: str
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE visits SET minutes = -1 WHERE id % 3 = 0")
    async with Worker(settings, database_url):
        failed = await acme.end(await acme.submit())

    assert failed.error is not None
    assert (failed.error.code, failed.error.stage, failed.artifacts) == ("too-many-bad-rows", "MAPPING", [])
    assert packages(settings) == []


async def test_a_period_without_rows_gives_a_header_only_file_and_a_warning(  # P13
    acme: Organisation, settings: Settings, database_url: str
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("TRUNCATE visits")
    async with Worker(settings, database_url):
        ended = await acme.end(await acme.submit(format="csv"))

    assert ended.status == "completed"
    assert [notice.code for notice in ended.warnings] == ["no_rows"]
    assert ended.rows is not None
    assert ended.rows.read == 0


async def test_a_second_export_of_a_period_warns(
    acme: Organisation, settings: Settings, database_url: str
) -> None:  # P13
    async with Worker(settings, database_url):
        first = await acme.end(await acme.submit())
        second = await acme.submit()

    assert [notice.code for notice in second.warnings] == ["already-exported"]
    assert first.id in second.warnings[0].message


@pytest.fixture
def small_disk(settings: Settings) -> Iterator[Path]:
    """A disk of 300 kB where the blobs are kept."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    settings.blobs_dir.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(settings.blobs_dir)], check=True)
    yield settings.blobs_dir
    subprocess.run(["umount", "-l", str(settings.blobs_dir)], check=True)


def make_room(disk: Path) -> None:
    (disk / "ballast").unlink()
    subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)


async def test_a_full_disk_fails_the_export_and_a_retry_resumes_when_there_is_room(  # P2
    acme: Organisation, settings: Settings, database_url: str, small_disk: Path
) -> None:
    (small_disk / "ballast").write_bytes(b"x" * 250_000)
    async with Worker(settings, database_url):
        failed = await acme.end(await acme.submit(format="csv"))
        assert failed.error is not None
        assert (failed.status, failed.error.code, failed.error.retryable) == ("failed", "storage-full", True)
        assert packages(settings) == []

        make_room(small_disk)
        ended = await acme.end(
            await acme.service.retry(acme.principal, acme.tenant_id, ids.parse(ids.EXPORT, failed.id))
        )

    assert (ended.status, ended.retry_count) == ("completed", 1)


async def test_a_stage_whose_files_are_gone_is_done_again(
    acme: Organisation, settings: Settings, database_url: str, tmp_path: Path
) -> None:
    failpoint = tmp_path / "failpoint"
    failpoint.write_text("mapping.checkpointed worker")
    export = await acme.submit()
    folder = settings.blobs_dir / blob_prefix(acme.tenant_id, ids.parse(ids.EXPORT, export.id))
    worker = Worker(settings, database_url, LADING_FAILPOINT_FILE=str(failpoint))
    await worker.run_once()
    (table,) = folder.glob("*/mapping/table.arrow")
    table.write_bytes(b"not what was checkpointed")
    async with Worker(settings, database_url):
        ended = await acme.end(export)

    assert ended.status == "completed"
    started = [name for name in await types(acme, ended) if name == "export.stage_started"]
    assert len(started) == len(STAGES) + 1  # mapping twice, querying once
