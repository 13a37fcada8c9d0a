"""A database killed under an export, in any stage and in an open transaction, costs time and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from lading import ids
from lading.db.database import Database
from lading.db.embedded import EmbeddedServer
from lading.db.migrate import migrate
from lading.errors import DatabaseUnavailable
from lading.settings import Settings
from tests.flow.faults import kill, own_server
from tests.flow.organisation import Organisation, Worker, organisation

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]

STAGES = ("querying", "mapping", "generating", "bundling", "auditing")
POINTS = [*(f"{stage}.done" for stage in STAGES), "claiming", "settling", "committing", "settled"]


@pytest.fixture
def mortal() -> Iterator[EmbeddedServer]:
    with own_server() as server:
        yield server


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, lease_seconds=6.0, heartbeat_seconds=0.5, sweep_seconds=0.5, self_fence_seconds=4.0)


@pytest.fixture
async def acme(mortal: EmbeddedServer, settings: Settings) -> AsyncIterator[Organisation]:
    await migrate(mortal.url())
    database = Database(mortal.url())
    await database.open()
    async with organisation(database, settings) as made:
        yield made
    await database.close()


async def frozen() -> psutil.Process:
    """Return our worker process that stopped itself, as soon as there is one."""
    while True:
        await asyncio.sleep(0)  # the kernel tells only its parent
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.status() == psutil.STATUS_STOPPED:
                    return process


async def test_an_export_completes_once_whenever_the_database_is_killed(  # P1, P2, P4, O2
    acme: Organisation, settings: Settings, mortal: EmbeddedServer, tmp_path: Path
) -> None:
    failpoint = tmp_path / "failpoint"
    async with Worker(settings, mortal.url(), LADING_FAILPOINT_FILE=str(failpoint)):
        await acme.end(await acme.submit(format="csv"))  # everything runs
        for point in POINTS:
            failpoint.write_text(f"{point} freeze")
            export = await acme.submit(format="csv")
            process = await frozen()
            kill(mortal)
            mortal.start()
            with contextlib.suppress(ProcessLookupError):  # its supervisor may have ended it meanwhile
                os.kill(process.pid, signal.SIGCONT)
            ended = await acme.end(export)

            assert (ended.status, ended.error) == ("completed", None), point
            history = await acme.service.history(acme.tenant_id, ids.parse(ids.EXPORT, export.id))
            assert [entry["rev"] for entry in history] == list(range(1, len(history) + 1)), point
            happened = Counter(entry["type"] for entry in history)
            assert (happened["export.completed"], happened["export.stage_completed"]) == (1, len(STAGES)), point


async def test_a_database_that_was_away_for_long_is_found_again_within_seconds(mortal: EmbeddedServer) -> None:
    database = Database(mortal.url())
    await database.open()
    try:
        kill(mortal)
        gone = time.monotonic()
        while time.monotonic() - gone < 17:
            with pytest.raises(DatabaseUnavailable):
                async with database.connection():
                    pass
        mortal.start()
        back = time.monotonic()
        while True:
            try:
                async with database.connection():
                    break
            except DatabaseUnavailable:
                continue
    finally:
        await database.close()

    assert time.monotonic() - back < 12  # the pool's own pauses have grown: it would try again after 14 s
