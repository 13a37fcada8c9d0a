"""
Measure what a claim of 100 jobs costs, and whether it stays flat: under a held snapshot, beside finished jobs, with
many tenants, and while one tenant floods the queue.

An own PostgreSQL is started in a temporary directory; nothing but the engine's own functions enqueue, claim and settle.
The time is that of the claim's transaction, commit included.  Ratios mean something; milliseconds are those of one day.

    .venv/bin/python bench/claim.py [--jobs 160000] [--finished 1000000] [--tenants 10000] [--flood 100000] [--repeat 1]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from uuid import UUID

import psycopg
from psycopg.sql import SQL, Identifier

from lading import ids
from lading.db.database import Database
from lading.db.embedded import EmbeddedServer
from lading.db.migrate import migrate
from lading.jobs import batches, leases
from lading.jobs.marks import Marks
from lading.jobs.model import NewJob
from lading.ledger.entry import Actor

_HERE = Path(__file__).parent
_ACTOR = Actor("system", "bench")
_KIND = "noop"
_BATCH = 100
_BULK = 5000
_QUARTERS = 4
_SMALL = 20  # tenants that come with one job now and then, while another floods
_names = count()


class Bench:
    """One fresh database with tenants, a worker's lease and its marks."""

    def __init__(self, database: Database, url: str, tenants: Sequence[UUID], *, has_marks: bool) -> None:
        self.database, self.url, self.tenants = database, url, tenants
        self.lease = ids.new()
        self.marks = Marks(time.monotonic) if has_marks else None

    async def enqueue(self, tenant: UUID, jobs: int) -> None:
        for first in range(0, jobs, _BULK):
            made = [NewJob(ids.new(), _KIND, "job_bench") for _ in range(min(_BULK, jobs - first))]
            async with self.database.tenant(tenant) as tx:
                await batches.enqueue_many(tx, made, actor=_ACTOR)

    async def claim(self) -> tuple[list[batches.Started], float]:
        """Claim a batch and return it with the milliseconds it took."""
        begun = time.perf_counter()
        async with self.database.system() as tx:
            got = await batches.exchange(
                tx, lease_id=self.lease, kinds=[_KIND], limit=_BATCH, ended=[], batch_id=ids.new(), marks=self.marks
            )
        return got.started, 1000 * (time.perf_counter() - begun)

    async def settle(self, ended: Sequence[batches.Started]) -> None:
        async with self.database.system() as tx:
            await batches.settle(tx, ended, lease_id=self.lease)

    async def drain(self, most: int) -> list[float]:
        """Claim and settle up to `most` jobs; return the milliseconds of each claim."""
        times, done = list[float](), 0
        while done < most:
            started, took = await self.claim()
            if not started:
                break
            times.append(took)
            done += len(started)
            await self.settle(started)
        return times


@asynccontextmanager
async def bench(server: EmbeddedServer, *, tenants: int = 1, has_marks: bool = True) -> AsyncIterator[Bench]:
    name = f"bench_{next(_names)}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    url = server.url(name)
    await migrate(url)
    made = [ids.new() for _ in range(tenants)]
    run_file(url, "tenants.sql", ids=made, slugs=[f"tenant-{number}" for number in range(tenants)])
    database = Database(url, size=3)
    await database.open()
    try:
        it = Bench(database, url, made, has_marks=has_marks)
        async with database.system() as tx:
            await leases.open_lease(tx, it.lease, worker="bench", seconds=36_000)
        yield it
    finally:
        await database.close()
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


def run_file(url: str, name: str, **parameters: object) -> None:
    with psycopg.connect(url) as connection:
        connection.execute((_HERE / "engines" / name).read_text("utf-8").encode(), parameters)


async def held_snapshot(server: EmbeddedServer, jobs: int, *, is_held: bool, has_marks: bool) -> list[float]:
    async with bench(server, has_marks=has_marks) as it:
        await it.enqueue(it.tenants[0], jobs)
        if not is_held:
            return await it.drain(jobs)
        with psycopg.connect(it.url) as reader:
            reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            reader.execute("SELECT count(*) FROM jobs")
            return await it.drain(jobs)


async def beside_finished(server: EmbeddedServer, jobs: int, *, rows: int) -> list[float]:
    async with bench(server) as it:
        run_file(it.url, "finished.sql", tenant=it.tenants[0], rows=rows)
        await it.enqueue(it.tenants[0], jobs)
        return await it.drain(jobs)


async def many_tenants(server: EmbeddedServer, jobs: int, *, tenants: int) -> list[float]:
    async with bench(server, tenants=tenants) as it:
        for tenant in it.tenants:
            await it.enqueue(tenant, -(-jobs // tenants))
        return await it.drain(jobs)


async def pickups(server: EmbeddedServer, *, flood: int, seconds: float) -> list[float]:
    """Return the milliseconds from enqueue to claim of the jobs of small tenants."""
    async with bench(server, tenants=_SMALL + 1) as it:
        if flood:
            await it.enqueue(it.tenants[0], flood)
        waiting, latencies = dict[UUID, float](), list[float]()
        until = time.perf_counter() + seconds

        async def ask() -> None:
            number = 0
            while time.perf_counter() < until:
                number += 1
                job = NewJob(ids.new(), _KIND, "job_bench")
                waiting[job.id] = time.perf_counter()
                async with it.database.tenant(it.tenants[1 + number % _SMALL]) as tx:
                    await batches.enqueue_many(tx, [job], actor=_ACTOR)
                await asyncio.sleep(0.03)

        asking = asyncio.create_task(ask())
        while not asking.done() or waiting:
            started, _ = await it.claim()
            now = time.perf_counter()
            latencies += [1000 * (now - waiting.pop(job.id)) for job, _ in started if job.id in waiting]
            if started:
                await it.settle(started)
            else:
                await asyncio.sleep(0.002)
                if asking.done() and time.perf_counter() > until + 5:
                    raise SystemExit(f"{len(waiting)} jobs were never picked up")
        await asking
        return latencies


def row(what: str, times: Sequence[float]) -> str:
    """Return a line: p50 by quarter, then of the whole."""
    size = max(1, len(times) // _QUARTERS)
    quarters = [statistics.median(times[first : first + size] or [0.0]) for first in range(0, _QUARTERS * size, size)]
    cells = [f"{value:7.2f}" for value in (*quarters, statistics.median(times), quantile(times, 0.95), max(times))]
    return f"| {what:<44} |" + "|".join(cells) + f"| {len(times):6} |"


def quantile(times: Sequence[float], part: float) -> float:
    return sorted(times)[min(len(times) - 1, int(part * len(times)))]


def head() -> Iterable[str]:
    yield f"| {'milliseconds':<44} |" + "|".join(f"{name:>7}" for name in ("q1", "q2", "q3", "q4", "p50", "p95", "max"))
    yield f"|{'-' * 46}|" + "|".join(["-" * 7] * 7) + "|"


async def measure(server: EmbeddedServer, wanted: argparse.Namespace) -> None:
    for line in head():
        print(line)
    for _ in range(wanted.repeat):
        for is_held, has_marks in ((False, True), (True, True), (True, False)):
            name = f"{'held snapshot' if is_held else 'no long reader'}{'' if has_marks else ', no marks'}"
            print(row(name, await held_snapshot(server, wanted.jobs, is_held=is_held, has_marks=has_marks)), flush=True)
        for rows in (1, wanted.finished):
            name = f"{rows} finished jobs"
            print(row(name, await beside_finished(server, wanted.jobs // 8, rows=rows)), flush=True)
        for tenants in (1, wanted.tenants):
            name = f"{tenants} tenants with work"
            print(row(name, await many_tenants(server, wanted.jobs // 4, tenants=tenants)), flush=True)
        for flood in (0, wanted.flood):
            name = f"pickup beside a flood of {flood}"
            print(row(name, await pickups(server, flood=flood, seconds=wanted.seconds)), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=160_000, help="jobs that pass under the held snapshot")
    parser.add_argument("--finished", type=int, default=1_000_000, help="finished jobs beside the live ones")
    parser.add_argument("--tenants", type=int, default=10_000, help="tenants that all have work")
    parser.add_argument("--flood", type=int, default=100_000, help="jobs of the tenant that floods")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long small tenants come with jobs")
    parser.add_argument("--repeat", type=int, default=1, help="how often everything is measured")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lading-bench-") as folder:
        server = EmbeddedServer(Path(folder) / "pg")
        server.start()
        try:
            asyncio.run(measure(server, wanted))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
