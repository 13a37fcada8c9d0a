"""
Measure the ledger: what it costs, how fast it follows, how it stands a million entries.

An own PostgreSQL is started in a temporary directory; nothing but Lading's own functions write, integrate, prove and
export.  `--entries` is the size of the large ledger, `--seconds` how long each rate is measured.

    .venv/bin/python bench/ledger.py [--entries 1000000] [--seconds 10]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg.sql import SQL, Identifier

from lading import ids
from lading.db.database import Database
from lading.db.embedded import EmbeddedServer
from lading.db.migrate import migrate
from lading.jobs import batches, leases
from lading.jobs.marks import Marks as Turns
from lading.jobs.model import NewJob
from lading.ledger import extracts, selfcheck, store, tiles
from lading.ledger.entry import Actor, Entry
from lading.ledger.extracts import Span
from lading.ledger.integrator import Guard, fill_tiles, integrate
from lading.ledger.keys import Signer
from lading.ledger.marks import Marks
from lading.ledger.offline import verify_lines
from lading.ledger.trust import Trust

_SIGNER = Signer.generate("log")
_TRUST = Trust("bench", (_SIGNER.public,))
_ACTOR = Actor("worker", "lse_01kqf3w8pz7xv9r2m5n6c4b3aj")
_START = datetime(2026, 1, 1, tzinfo=UTC)
_LINE = (
    '{"actor":{"id":"lse_01kqf3w8pz7xv9r2m5n6c4b3aj","kind":"worker"},"at":"2026-01-01T00:00:00.%s000Z","data":'
    '{"attempt":1,"for":"exp_01kqf3w8pz7xv9r2m5n6c4b3aj","kind":"export","n":%s},"rev":4,"subject":"job_%s",'
    '"tenant":"%s","type":"job.completed","v":1}'
)
_names = count()


@asynccontextmanager
async def fresh(server: EmbeddedServer, *, tenants: int = 1) -> AsyncIterator[tuple[Database, list[UUID]]]:
    """Give an empty database with so many tenants."""
    name = f"bench_{next(_names)}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    url = server.url(name)
    await migrate(url)
    made = [ids.new() for _ in range(tenants)]
    with psycopg.connect(url) as connection:
        rows = [(tenant, f"tenant-{number}", "x") for number, tenant in enumerate(made)]
        connection.cursor().executemany("INSERT INTO tenants (tenant_id, slug, name) VALUES (%s, %s, %s)", rows)
    database = Database(url, size=24)
    await database.open()
    try:
        yield database, made
    finally:
        await database.close()
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@contextmanager
def unrecorded(*, is_off: bool) -> Any:
    """Patch the outbox away; the product has no such switch."""
    kept = store._written  # noqa: SLF001 - what is patched away is not for others
    if is_off:
        store._written = lambda _tx, _entries: []  # type: ignore[assignment]  # noqa: SLF001
    try:
        yield
    finally:
        store._written = kept  # noqa: SLF001


async def job_rate(server: EmbeddedServer, jobs: int, *, is_off: bool) -> float:
    """Return light jobs per second through enqueue, claim and settle, in batches as the executor has them."""
    async with fresh(server) as (database, tenants):
        lease = ids.new()
        async with database.system() as tx:
            await leases.open_lease(tx, lease, worker="bench", seconds=36_000)
        with unrecorded(is_off=is_off):
            begun = time.perf_counter()
            for _ in range(jobs // 2000):
                async with database.tenant(tenants[0]) as tx:
                    made = [NewJob(ids.new(), "noop", "job_bench") for _ in range(2000)]
                    await batches.enqueue_many(tx, made, actor=_ACTOR)
            ended: Sequence[Any] = []
            turns = Turns(time.monotonic)
            while True:
                async with database.system() as tx:
                    got = await batches.exchange(
                        tx, lease_id=lease, kinds=["noop"], limit=1000, ended=ended, batch_id=ids.new(), marks=turns
                    )
                ended = got.started
                if not ended:
                    return jobs / (time.perf_counter() - begun)


async def change_rate(server: EmbeddedServer, seconds: float, *, tenants: int, is_off: bool = False) -> float:
    """Return transactions per second that each change a row and record it, by 16 writers, with an integrator beside."""
    async with fresh(server, tenants=tenants) as (database, made):
        async with database.connection() as connection:
            await connection.execute(
                "CREATE TABLE counters (tenant_id uuid, n int, v bigint, PRIMARY KEY (tenant_id, n))"
            )
            await connection.execute("GRANT ALL ON counters TO lading_app")
            await connection.execute(
                "INSERT INTO counters SELECT tenant_id, n, 0 FROM tenants, generate_series(0, 15) n"
            )
        done, until = 0, time.perf_counter() + seconds
        change = SQL("UPDATE counters SET v = v + 1 WHERE tenant_id = %(tenant)s AND n = %(n)s")

        async def writer(number: int) -> None:
            nonlocal done
            turn = number
            while time.perf_counter() < until:
                turn += 1
                async with database.tenant(made[turn % tenants]) as tx:
                    await tx.run(change, tenant=tx.tenant, n=number)
                    await store.record(tx, Entry("job.started", f"job_{number}", _ACTOR, {"n": turn}))
                done += 1

        with unrecorded(is_off=is_off):
            integrating = asyncio.create_task(_integrate_until(database, until))
            await asyncio.gather(*(writer(number) for number in range(16)))
            await integrating
        return done / seconds


async def _integrate_until(database: Database, until: float) -> None:
    while time.perf_counter() < until:
        if not await integrate(database, _SIGNER, origin_prefix="bench"):
            await asyncio.sleep(0.02)


async def integrator_rate(server: EmbeddedServer, entries: int, *, tenants: int, batch: int = 4096) -> float:
    """Return entries per second into trees, tiles, signed heads and marks."""
    async with fresh(server, tenants=tenants) as (database, made):
        async with database.connection() as connection:
            await connection.execute(
                "INSERT INTO ledger_pending (tenant_id, subject, type, at, line) "
                "SELECT (%s::uuid[])[1 + n %% %s], 'job_' || n, 'job.completed', %s, "
                "convert_to(format(%s, '000', n, n, 'ten_x'), 'UTF8') FROM generate_series(1, %s) AS n",
                (made, tenants, _START, _LINE, entries),
            )
        with tempfile.TemporaryDirectory() as folder:
            guard, begun, done = Guard(Marks(Path(folder))), time.perf_counter(), 0
            while more := await integrate(database, _SIGNER, origin_prefix="bench", limit=batch, guard=guard):
                done += more
            return done / (time.perf_counter() - begun)


async def delays(server: EmbeddedServer, seconds: float, *, rate: int) -> list[float]:
    """Return the milliseconds from the commit of each event to its signed head, at so many a second of 20 tenants."""
    async with fresh(server, tenants=20) as (database, made):
        waiting, found = deque[tuple[float, int]](), list[float]()
        until, sent, integrated = time.perf_counter() + seconds, 0, 0

        async def writer() -> None:
            nonlocal sent
            begun = time.perf_counter()
            while (now := time.perf_counter()) < until:
                due = int((now - begun) * rate) - sent
                for _ in range(min(8, due // 10)):
                    async with database.tenant(made[(sent // 10) % 20]) as tx:
                        told = [Entry("job.started", "job_1", _ACTOR, {"n": n}) for n in range(10)]
                        await store.record(tx, *told)
                    sent += 10
                    waiting.append((time.perf_counter(), 10))
                await asyncio.sleep(0.001)

        with tempfile.TemporaryDirectory() as folder:
            guard, writing = Guard(Marks(Path(folder))), asyncio.create_task(writer())
            while not writing.done() or waiting:
                integrated = await integrate(database, _SIGNER, origin_prefix="bench", guard=guard)
                now = time.perf_counter()
                while waiting and integrated >= waiting[0][1]:
                    at, many = waiting.popleft()
                    integrated -= many
                    found += [1000 * (now - at)] * many
                await asyncio.sleep(0.02 + integrated / 2000)
        print(f"  {sent / seconds:.0f} events/s were sent")
        return found


async def large(server: EmbeddedServer, entries: int) -> None:
    """Measure tiles, proofs, export, verification and the check of one large ledger."""
    async with fresh(server) as (database, (tenant,)):
        shown = ids.show(ids.TENANT, tenant)
        async with database.connection() as connection:
            await connection.execute("SET statement_timeout = 0")
            await connection.execute("SET synchronous_commit = off")
            await connection.execute(
                "INSERT INTO ledger_pending (tenant_id, subject, type, at, line) "
                "SELECT %s, 'job_' || n, 'job.completed', %s + (n %% 1000) * interval '1 ms', "
                "convert_to(format(%s, lpad((n %% 1000)::text, 3, '0'), n, n, %s::text), 'UTF8') "
                "FROM generate_series(1, %s) AS n",
                (tenant, _START, _LINE, shown, entries),
            )
        begun = time.perf_counter()
        while await integrate(database, _SIGNER, origin_prefix="bench", limit=8192):
            pass
        say(f"integrate {entries} entries of one tenant", entries / (time.perf_counter() - begun), "entries/s")
        assert not await fill_tiles(database)
        await _proofs(database, tenant, entries)
        for form in ("ndjson", "json", "csv"):
            span, before, size = Span(_START, _START + timedelta(days=1)), rss_mb(), 0
            begun, peak = time.perf_counter(), before
            async for chunk in extracts.chunks(database, tenant, span, form):
                size += len(chunk)
                peak = max(peak, rss_mb())
            took = time.perf_counter() - begun
            say(f"export as {form}, {size >> 20} MiB", took, f"s, memory grew by {peak - before:.0f} MB")
        begun, before = time.perf_counter(), rss_mb()
        found = await selfcheck.check(database, tenant, "tenant-0", _TRUST)
        say("selfcheck", time.perf_counter() - begun, f"s, memory grew by {rss_mb() - before:.0f} MB, {found.fault}")
        with tempfile.TemporaryDirectory() as folder:
            await _verify(database, tenant, Path(folder))


async def _proofs(database: Database, tenant: UUID, entries: int) -> None:
    async with database.tenant(tenant) as tx:
        for name, ask in (
            ("inclusion proof", lambda n: tiles.inclusion(tx, n, entries)),
            ("consistency proof", lambda n: tiles.consistency(tx, n, entries)),
            ("frontier at a size", lambda n: tiles.frontier_at(tx, n)),
        ):
            times: list[float] = []
            for number in range(1, 101):
                begun = time.perf_counter()
                await ask(number * (entries // 101))
                times.append(1000 * (time.perf_counter() - begun))
            say(f"{name} at {entries} entries", statistics.median(times), "ms")


async def _verify(database: Database, tenant: UUID, folder: Path) -> None:
    path = folder / "history.jsonl"
    async with database.tenant(tenant) as tx:
        head = await store.head(tx)
        assert head is not None
    with path.open("wb") as file:
        place = 0
        while place < head.size:
            async with database.tenant(tenant) as tx:
                page = await store.entries(tx, first=place, limit=4096)
            file.writelines(bytes(each.line) + b"\n" for each in page)
            place += len(page)
    begun, before = time.perf_counter(), rss_mb()
    with path.open("rb") as file:
        verify_lines((line.rstrip(b"\n") for line in file), head.note, _TRUST)
    say("verify the lines offline", time.perf_counter() - begun, f"s, memory grew by {rss_mb() - before:.0f} MB")


def rss_mb() -> float:
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def say(what: str, value: float, unit: str) -> None:
    print(f"| {what:<58} | {value:>12,.2f} {unit} |", flush=True)


async def measure(server: EmbeddedServer, wanted: argparse.Namespace) -> None:
    rates: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(3):
        for is_off in (True, False):
            rates[is_off].append(await job_rate(server, 20_000, is_off=is_off))
    on, off = (statistics.median(rates[is_off]) for is_off in (False, True))
    say("light jobs, enqueue to done, ledger on", on, f"jobs/s ({on / off:.2f} of {off:,.0f} without)")
    off = await change_rate(server, wanted.seconds, tenants=100, is_off=True)
    many = await change_rate(server, wanted.seconds, tenants=100)
    one = await change_rate(server, wanted.seconds, tenants=1)
    say("changes of 100 tenants, an entry each", many, f"tx/s ({many / off:.2f} of {off:,.0f} without)")
    say("changes of one busy tenant", one, f"tx/s ({one / many:.2f} of 100 tenants)")
    for tenants, batch in ((1, 4096), (50, 4096), (50, 256)):
        rate = await integrator_rate(server, 100_000, tenants=tenants, batch=batch)
        say(f"integrator, {tenants} tenants, batches of {batch}", rate, "entries/s")
    found = sorted(await delays(server, wanted.seconds, rate=2000))
    for part in (0.5, 0.99):
        say(f"event to signed head, p{part * 100:.0f}", found[int(part * (len(found) - 1))], "ms")
    await large(server, wanted.entries)


def main(run: Callable[[EmbeddedServer, argparse.Namespace], Any]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lading-bench-") as folder:
        server = EmbeddedServer(Path(folder) / "pg")
        server.start()
        try:
            print(f"Python {sys.version.split()[0]}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
            asyncio.run(run(server, wanted))
        finally:
            server.stop()


if __name__ == "__main__":
    main(measure)
