"""Whatever is killed or frozen, no job is lost and none has its effect twice."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg
import pytest

from lading import ids
from lading.db.database import Database
from lading.db.migrate import migrate
from lading.jobs import store
from lading.jobs.model import NewJob
from lading.ledger.entry import SYSTEM
from lading.tenants import store as tenants
from tests.flow.faults import kill, own_server

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(400)]

ROOT = Path(__file__).parents[2]
WORKERS = 4
LEASE_SECONDS = 1.5


@dataclass
class Crowd:
    """Four workers that are brought back whenever they die, and what was done to them."""

    url: str
    folder: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    kills: int = 0
    child_kills: int = 0
    freezes: int = 0
    frozen: list[tuple[float, list[int]]] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict[str, str])

    def keep_alive(self) -> None:
        """Start what is not running."""
        self.processes = [process for process in self.processes if process.poll() is None]
        while len(self.processes) < WORKERS:
            given = {"LADING_DATABASE_URL": self.url, "LADING_DATA_DIR": str(self.folder), **self.environment}
            environment = {**os.environ, **given}
            log = (self.folder / "worker.log").open("ab")
            command = [sys.executable, "-m", "tests.chaos.effects", "worker"]
            self.processes.append(
                subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log, start_new_session=True)
            )

    def harm(self, chance: random.Random) -> None:
        """Do one bad thing to one worker."""
        victim = chance.choice(self.processes)
        try:
            children = [child.pid for child in psutil.Process(victim.pid).children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        kind = chance.choice(["kill", "kill", "child", "freeze", "freeze", "freeze child"])
        if kind == "kill":
            self.kills += 1
            send(signal.SIGKILL, victim.pid)
        elif kind == "child" and children:
            self.child_kills += 1
            send(signal.SIGKILL, *children)
        elif kind.startswith("freeze"):
            self.freezes += 1
            pids = children if kind == "freeze child" else [victim.pid, *children]
            send(signal.SIGSTOP, *pids)
            self.frozen.append((time.monotonic() + LEASE_SECONDS * chance.uniform(1.2, 2.0), pids))

    def find_frozen(self) -> None:
        """Let those who stopped themselves wake when their lease, were it theirs alone, would be over."""
        known = {pid for _, pids in self.frozen for pid in pids}
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.pid not in known and process.status() == psutil.STATUS_STOPPED:
                    self.freezes += 1
                    self.frozen.append((time.monotonic() + LEASE_SECONDS * 1.5, [process.pid]))

    def thaw(self, *, everything: bool = False) -> None:
        """Wake whoever has been frozen for longer than a lease."""
        due = [entry for entry in self.frozen if everything or entry[0] <= time.monotonic()]
        self.frozen = [entry for entry in self.frozen if entry not in due]
        for _, pids in due:
            send(signal.SIGCONT, *pids)

    def end(self) -> None:
        """Kill everybody."""
        self.thaw(everything=True)
        for process in self.processes:
            for child in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []:
                send(signal.SIGKILL, child.pid)
            send(signal.SIGKILL, process.pid)
            process.wait()


def send(number: signal.Signals, *pids: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def count(url: str, query: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()  # pyright: ignore[reportArgumentType, reportCallIssue]
        assert row is not None
        return int(row[0])


def prepare(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE effects (job_id uuid, attempt integer)")
        connection.execute("CREATE TABLE starts (job_id uuid, attempt integer)")
        connection.execute("GRANT INSERT ON effects, starts TO lading_app")


async def enqueue(database: Database, jobs: int, *, poison: int = 0, max_crashes: int = 10_000) -> None:
    async with database.system() as tx:
        tenant = (await tenants.create_tenant(tx, "chaos", name="Chaos", actor=SYSTEM)).id
    async with database.tenant(tenant) as tx:
        for number in range(jobs):
            payload = {"poison": number < poison}
            job = NewJob(ids.new(), "effect", "exp_chaos", payload, max_crashes=max_crashes)
            await store.enqueue(tx, job, actor=SYSTEM)


async def run(crowd: Crowd, url: str, jobs: int, *, chance: random.Random | None, seconds: float) -> None:
    began = time.monotonic()
    deadline = began + seconds
    crowd.keep_alive()
    next_harm = began + 2.0
    while count(url, "SELECT count(*) FROM finished_jobs") < jobs and time.monotonic() < deadline:
        await asyncio.sleep(0.05)  # the pace of the harm, not a wait for a result
        crowd.thaw()
        crowd.keep_alive()
        if chance is not None and time.monotonic() > next_harm:
            crowd.harm(chance)
            # Ever more slowly: on a machine where workers start more slowly than they die, nothing would ever be done.
            next_harm = time.monotonic() + chance.uniform(0.1, 0.5) * (1 + (time.monotonic() - began) / 60)


async def test_nothing_is_lost_and_nothing_happens_twice(  # O2, O3
    database: Database, database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = int(os.environ.get("LADING_CHAOS_JOBS", "800"))
    seed = int(os.environ.get("LADING_CHAOS_SEED", "1"))
    prepare(database_url)
    await enqueue(database, jobs)
    crowd = Crowd(database_url, tmp_path)
    began = time.monotonic()
    try:
        await run(crowd, database_url, jobs, chance=random.Random(seed), seconds=300)
    finally:
        crowd.end()

    completed = count(database_url, "SELECT count(*) FROM finished_jobs WHERE state = 'completed'")
    doubled = count(
        database_url, "SELECT count(*) FROM (SELECT FROM effects GROUP BY job_id HAVING count(*) > 1) AS twice"
    )
    effects = count(database_url, "SELECT count(*) FROM effects")
    started = count(database_url, "SELECT count(*) FROM starts")
    lost_attempts = count(database_url, "SELECT count(*) FROM attempts WHERE outcome = 'lost'")
    with capsys.disabled():
        print(
            f"\nlease chaos: seed {seed}, {WORKERS} workers, {jobs} jobs in {time.monotonic() - began:.0f} s; "
            f"{crowd.kills} kill -9 of a worker, {crowd.child_kills} of an executor, {crowd.freezes} freezes longer "
            f"than the lease; {started} attempts started, {lost_attempts} lost; "
            f"{jobs - completed} jobs lost, {doubled} double effects"
        )
    assert (completed, effects, doubled) == (jobs, jobs, 0)
    assert crowd.kills + crowd.freezes >= 10


async def test_one_poison_job_touches_no_other(  # O3
    database: Database, database_url: str, tmp_path: Path
) -> None:
    prepare(database_url)
    await enqueue(database, 200, poison=1, max_crashes=3)
    crowd = Crowd(database_url, tmp_path)
    try:
        await run(crowd, database_url, 200, chance=None, seconds=120)
    finally:
        crowd.end()

    assert count(database_url, "SELECT count(*) FROM finished_jobs WHERE state = 'completed'") == 199
    assert count(database_url, "SELECT count(*) FROM finished_jobs WHERE state = 'dead' AND crashes = 3") == 1
    assert count(database_url, "SELECT count(*) FROM effects") == 199


async def test_a_database_that_is_killed_again_and_again_loses_nothing(  # O2, O3
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs, kills, chance = 150, 0, random.Random(int(os.environ.get("LADING_CHAOS_SEED", "1")))
    with own_server() as server:
        url = server.url()
        await migrate(url)
        database = Database(url)
        await database.open()
        prepare(url)
        await enqueue(database, jobs)
        await database.close()
        crowd = Crowd(url, tmp_path, environment={"LADING_CHAOS_FREEZE": "0.1"})
        crowd.keep_alive()
        began = time.monotonic()
        next_harm, next_kill = began + 2.0, began + 4.0
        try:
            while (ended := count(url, "SELECT count(*) FROM finished_jobs")) < jobs and time.monotonic() < began + 120:
                await asyncio.sleep(0.05)  # the pace of the harm, not a wait for a result
                crowd.find_frozen()
                crowd.thaw()
                crowd.keep_alive()
                if time.monotonic() > next_harm:
                    crowd.harm(chance)
                    next_harm = time.monotonic() + chance.uniform(0.5, 1.5) * (1 + (time.monotonic() - began) / 60)
                if time.monotonic() > next_kill and kills < 6:
                    kill(server)
                    kills += 1
                    await asyncio.sleep(chance.choice([0.0, 0.5, 2.0]))  # how long it is away: beyond a lease, too
                    server.start()
                    next_kill = time.monotonic() + chance.uniform(2.0, 5.0)
        finally:
            crowd.end()
        doubled = count(url, "SELECT count(*) FROM (SELECT FROM effects GROUP BY job_id HAVING count(*) > 1) AS twice")
        effects = count(url, "SELECT count(*) FROM effects")
    with capsys.disabled():
        print(
            f"\ndatabase chaos: {jobs} jobs in {time.monotonic() - began:.0f} s; {kills} kill -9 of the database, "
            f"{crowd.kills + crowd.child_kills} of workers, {crowd.freezes} freezes, some in an open transaction; "
            f"{jobs - ended} jobs lost, {doubled} double effects"
        )
    assert (ended, effects, doubled) == (jobs, jobs, 0)
    assert kills >= 1
