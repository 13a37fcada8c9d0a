"""A supervisor starts executors when there is something for them to do."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import pytest

from lading import ids
from lading.db.database import Database
from lading.jobs import store
from lading.jobs.model import NewJob
from lading.ledger.entry import SYSTEM
from lading.settings import Settings
from lading.tenants import store as tenants
from lading.worker.supervisor import Supervisor

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]

# Each notes what it is told in a pipe; the light one is busy until there is a file `idle`.
EXECUTOR = """
import json, sys
print('{"ready": 1}', flush=True)
with open(sys.argv[1] + "/notes", "w", buffering=1) as notes:
    notes.write('{"executor": "ready"}\\n')
    for line in sys.stdin:
        notes.write('{"executor": %s}\\n' % line.strip())
        if "run" in json.loads(line):
            print('{"ended": 1}', flush=True)
"""
LIGHT = """
import os, sys, time
print('{"ready": 1}', flush=True)
with open(sys.argv[1] + "/notes", "w", buffering=1) as notes:
    notes.write('{"light": %s}\\n' % sys.stdin.readline().strip())
    while True:
        alive = 0 if os.path.exists(sys.argv[1] + "/idle") else 3
        print('{"alive": %d}' % alive, flush=True)
        notes.write('{"light": %d}\\n' % alive)
        time.sleep(0.05)
"""


class Notes:
    """What the children note, in order."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "notes"
        self._reader = asyncio.StreamReader()

    async def __aenter__(self) -> Self:
        os.mkfifo(self._path)
        pipe = os.fdopen(os.open(self._path, os.O_RDWR | os.O_NONBLOCK), "rb", 0)
        self._transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(self._reader), pipe
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._transport.close()

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(120):
            return json.loads(await self._reader.readline())

    async def next_of(self, name: str) -> Any:
        while name not in (note := await self.next()):
            pass
        return note[name]


@asynccontextmanager
async def working(database: Database, folder: Path) -> AsyncIterator[None]:
    """Let a supervisor work with one executor and a light one."""
    supervisor = Supervisor(
        Settings(data_dir=folder, database_url=database.url, drain_seconds=1.0),
        database,
        {},
        kinds=["heavy", "noop"],
        executor=[sys.executable, "-c", EXECUTOR, str(folder)],
        light=(["noop"], [sys.executable, "-c", LIGHT, str(folder)]),
        environment=os.environ,
    )
    running = asyncio.create_task(supervisor.run())
    try:
        yield
    finally:
        supervisor.drain()
        await running


async def test_while_light_jobs_are_worked_off_no_executor_is_started(database: Database, tmp_path: Path) -> None:
    async with Notes(tmp_path) as notes, working(database, tmp_path):
        busy = [await notes.next() for _ in range(40)]
        (tmp_path / "idle").touch()
        after = await notes.next_of("executor")

    assert "lease" in busy[0]["light"]
    assert all(note == {"light": 3} for note in busy[1:])
    assert after == "ready"


async def test_an_executor_is_started_beside_light_jobs_for_a_job_that_waits_for_one(
    database: Database, tmp_path: Path
) -> None:
    async with database.system() as tx:
        tenant = (await tenants.create_tenant(tx, "acme", name="acme", actor=SYSTEM)).id
    job = NewJob(ids.new(), "heavy", "exp_x")
    async with Notes(tmp_path) as notes, working(database, tmp_path):
        await notes.next_of("light")
        async with database.tenant(tenant) as tx:
            await store.enqueue(tx, job, actor=SYSTEM)
        told = [await notes.next_of("executor") for _ in range(2)]

    assert (told[0], told[1]["run"]["job"]) == ("ready", str(job.id))
