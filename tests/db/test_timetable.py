"""Every worker looks after the schedules: one that just came is fired when it is due, by one of them."""  # E4

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.clockwork import HOUR, START, Office, office_under_clock

from lading.db import notify
from lading.db.database import Database
from lading.settings import Settings
from lading.upkeep.timetable import Timetable

pytestmark = pytest.mark.anyio


_WORKER = """
import asyncio, sys
from pathlib import Path
from lading.db.database import Database
from lading.settings import Settings
from lading.upkeep.timetable import Timetable

async def main():
    database = Database(sys.argv[1])
    await database.open()
    await Timetable(Settings(data_dir=Path(sys.argv[2]), database_url=sys.argv[1]), database, {}).tick()
    await database.close()

asyncio.run(main())
"""


@pytest.fixture
async def office(database: Database, database_url: str) -> Office:
    return await office_under_clock(database, database_url)


async def test_workers_fire_what_is_due_and_wake_whoever_does_it(office: Office, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, database_url=office.url)
    workers = [asyncio.create_task(Timetable(settings, office.database, {}).run()) for _ in range(3)]
    async with notify.Hearer(office.url, notify.JOBS) as hearer, asyncio.timeout(120):
        await office.put()
        office.at(START + HOUR)
        while await office.jobs() == 0:
            await hearer.wait(notify.JOBS, hearer.generation(notify.JOBS), 0.5)
    for worker in workers:
        worker.cancel()
    await asyncio.wait(workers)

    assert await office.told() == [("10T13:00", "fired")]
    assert await office.jobs() == 1


async def test_a_database_that_is_away_is_asked_again_later(office: Office, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, database_url=office.url)
    timetable = Timetable(settings, office.database, {})
    await office.database.close()

    assert await timetable.tick() == 5.0


async def test_a_worker_that_is_killed_while_it_fires_leaves_the_slot_to_the_next(
    office: Office, tmp_path: Path
) -> None:
    await office.put()
    office.at(START + HOUR)
    failpoint = tmp_path / "failpoint"
    failpoint.write_text("schedule.fired")

    def work() -> int:
        environment = {**os.environ, "LADING_FAILPOINT_FILE": str(failpoint)}
        command = [sys.executable, "-c", _WORKER, office.url, str(tmp_path)]
        return subprocess.run(command, env=environment, timeout=120, check=False).returncode

    killed = await asyncio.to_thread(work)
    after_the_kill = (await office.jobs(), await office.told())
    followed = await asyncio.to_thread(work)
    await asyncio.to_thread(work)

    assert (killed, after_the_kill) == (-signal.SIGKILL, (0, []))
    assert (followed, await office.jobs(), await office.told()) == (0, 1, [("10T13:00", "fired")])
