"""Whatever is killed, frozen, restarted or wrong about the time, no job is lost and none has its effect twice."""

from __future__ import annotations

import asyncio
import os
import random
import time
import warnings
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest

from lading import ids
from lading.db.database import Database
from lading.db.embedded import EmbeddedServer
from lading.db.migrate import migrate
from lading.errors import DatabaseUnavailable
from lading.jobs import store
from lading.jobs.model import NewJob
from lading.ledger.entry import SYSTEM
from lading.tenants import store as tenants
from tests.chaos.crowd import FAULTS, SKEWS, Crowd, Fault, faketime
from tests.chaos.verdict import ENDED, busy, count, judge, prepare, rows
from tests.flow.faults import kill, own_server

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]

SEED = int(os.environ.get("LADING_CHAOS_SEED", "1"))
JOBS = int(os.environ.get("LADING_CHAOS_JOBS", "2000"))
BACKLOG = 60  # so many wait at any time: what is harmed has work in hand until the end
TENANTS = 20
KILLS = 5  # of the database: everybody finds it again at leisure, so that more of them mean more waiting, not more harm


@dataclass
class Feed:
    """The jobs of a run, handed in a few at a time; a commit without an answer is tried again under the same ids."""

    database: Database
    tenants: Sequence[UUID]
    left: list[NewJob]
    given: int = 0
    _chance: random.Random = field(default_factory=lambda: random.Random(SEED))

    async def top_up(self, ended: int) -> None:
        """Hand in as many as are missing from the backlog."""
        while self.left and self.given - ended < BACKLOG:
            few = self.left[:10]
            try:
                async with self.database.tenant(self._chance.choice(self.tenants)) as tx:
                    for job in few:
                        await store.enqueue(tx, job, actor=SYSTEM)
            except DatabaseUnavailable:
                return
            del self.left[:10]
            self.given += len(few)


@asynccontextmanager
async def feed(url: str, jobs: list[NewJob]) -> AsyncIterator[Feed]:
    """Open a feed of the jobs, shuffled."""
    prepare(url)
    random.Random(SEED).shuffle(jobs)
    database = Database(url)
    await database.open()
    try:
        async with database.system() as tx:
            made = [
                await tenants.create_tenant(tx, f"chaos-{n}", name=f"Chaos {n}", actor=SYSTEM) for n in range(TENANTS)
            ]
        yield Feed(database, [tenant.id for tenant in made], jobs)
    finally:
        await database.close()


def jobs(number: int, *, poison: Sequence[str] = (), max_crashes: int = 10_000) -> list[NewJob]:
    """Return half heavy and half light jobs, of which one of each kind in `poison` kills its process."""
    new = [NewJob(ids.new(), kind, "exp_chaos", {"poison": True}, max_crashes=max_crashes) for kind in poison]
    kinds = ("heavy", "light")
    rest = number - len(new)
    return new + [NewJob(ids.new(), kinds[n % 2], "exp_chaos", max_crashes=max_crashes) for n in range(rest)]


def skews() -> Sequence[int]:
    """Return the clocks of the workers: some are wrong where libfaketime is installed."""
    if faketime() is not None:
        return SKEWS
    warnings.warn("libfaketime is not installed: NO CLOCK IS SKEWED in this run (apt install faketime)", stacklevel=2)
    return (0,) * len(SKEWS)


async def test_nothing_is_lost_and_nothing_happens_twice(  # O2, O3
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with own_server() as server:
        await migrate(server.url())
        crowd = Crowd(server.url(), tmp_path, random.Random(SEED), skews())
        async with feed(server.url(), jobs(JOBS)) as fed:
            began = time.monotonic()
            try:
                await _harm(crowd, fed, server, until=began + 480)
            finally:
                crowd.end()
        verdict = judge(server.url(), JOBS, crowd)
    with capsys.disabled():
        print(
            f"\nlease chaos: seed {SEED}, {len(crowd.skews)} workers with clocks {_clocks(crowd)}, {JOBS} jobs, half "
            f"in batches, in {time.monotonic() - began:.0f} s; {crowd.counted()}; {verdict.line}"
        )
    assert (verdict.lost, verdict.doubled) == (0, 0)
    assert verdict.differs == []  # A4
    assert {*FAULTS, "kill database"} <= {fault.kind for fault in crowd.faults}


async def _harm(crowd: Crowd, fed: Feed, server: EmbeddedServer, *, until: float) -> None:
    began = time.monotonic()
    next_harm, next_kill, kills = began + 3.0, began + 8.0, 0
    while True:
        ended = count(crowd.url, ENDED)
        await fed.top_up(ended)
        if (ended >= JOBS and not fed.left) or (now := time.monotonic()) > until:
            return
        await asyncio.sleep(0.05)  # the pace of the harm, not a wait for a result
        crowd.find_frozen()
        crowd.thaw()
        crowd.keep_alive()
        # Ever more slowly: on a machine where workers start more slowly than they die, nothing would ever be done.
        slowness = 1 + (now - began) / 60
        if now > next_harm:
            crowd.harm(busy(crowd.url))
            next_harm = time.monotonic() + crowd.chance.uniform(0.4, 1.2) * slowness
        if now > next_kill and kills < KILLS:
            kills += 1
            crowd.faults.append(Fault("kill database", time.time(), 0))
            kill(server)
            await asyncio.sleep(crowd.chance.choice([0.0, 0.5, 2.0]))  # how long it is away: beyond a lease, too
            server.start()
            next_kill = time.monotonic() + crowd.chance.uniform(8.0, 16.0) * slowness


def _clocks(crowd: Crowd) -> str:
    return " ".join(f"{skew:+d}s" if skew else "true" for skew in crowd.skews)


@pytest.mark.parametrize("kind", ["heavy", "light"])
async def test_one_poison_job_among_a_thousand_touches_no_other(  # O3
    database: Database, database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    number = 1000
    crowd = Crowd(database_url, tmp_path, random.Random(SEED))
    async with feed(database_url, jobs(number, poison=[kind], max_crashes=3)) as fed:
        began = time.monotonic()
        try:
            while (ended := count(database_url, ENDED)) < number and time.monotonic() < began + 120:
                await fed.top_up(ended)
                await asyncio.sleep(0.05)  # the pace of the feed
                crowd.keep_alive()
        finally:
            crowd.end()
    poison = rows(database_url, "SELECT state, crashes, failures FROM finished_jobs WHERE payload ? 'poison'")
    touched = rows(
        database_url,
        "SELECT id FROM finished_jobs WHERE NOT payload ? 'poison' "
        "AND (state <> 'completed' OR crashes > 0 OR failures > 0 OR id IN (SELECT job_id FROM dead_letters))",
    )
    verdict = judge(database_url, number - 1, crowd)
    with capsys.disabled():
        print(
            f"\npoison: one {kind} job of {number} kills its process, {time.monotonic() - began:.0f} s; "
            f"{poison[0]['crashes'] if poison else 'no'} crashes until it was a dead letter; "
            f"{len(touched)} innocents touched; {verdict.line}"
        )
    assert poison == [{"state": "dead", "crashes": 3, "failures": 0}]
    assert (touched, verdict.lost, verdict.doubled) == ([], 0, 0)
