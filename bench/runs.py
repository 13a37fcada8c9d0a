"""
One repetition: a fresh database, jobs, workers, and what they took.

The rate is counted from the moment at which every worker has handled its first job until the database says that no job
is left, so that starting up is no part of it and the last completions are.  CPU is counted over the same time.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from engines.slots import Slots
from peers import Engine
from psycopg.sql import SQL, Identifier

from lading.db.embedded import EmbeddedServer
from machine import cpu_seconds, pss_mb

_numbers = itertools.count()
_LOOK_SECONDS = 0.002
_STALL_SECONDS = 45.0


class Stalled(Exception):
    """The workers stopped handling jobs."""


@dataclass
class Arena:
    """The server, its redis if any, and a folder."""

    server: EmbeddedServer
    folder: Path
    redis_pid: int | None = None

    @property
    def redis_url(self) -> str:
        return f"redis+socket://{self.folder}/redis.sock"

    def server_cpu(self, engine: Engine) -> float:
        """Return the CPU seconds of the server that holds the jobs of `engine`."""
        pid = self.redis_pid if engine.uses_redis else self.server.pid
        assert pid is not None
        return cpu_seconds(pid)


@dataclass
class Field:
    """One engine in a fresh database of its own."""

    arena: Arena
    engine: Engine
    url: str
    slots: Slots
    environment: dict[str, str] = field(default_factory=dict[str, str])

    def do(self, *arguments: str) -> dict[str, float]:
        """Run a verb of the engine's program; return what it printed."""
        with self.begin(*arguments) as process:
            printed, _ = process.communicate()
        if process.returncode:
            raise Stalled(f"`{' '.join(arguments)}` failed; see {self._log}")
        return json.loads(printed.splitlines()[-1]) if printed.strip() else {}

    def begin(self, *arguments: str, **more: str) -> subprocess.Popen[bytes]:
        """Start a verb of the engine's program."""
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [*self.engine.command(), *arguments],
                env={**self.environment, **more},
                stdout=log if arguments[0] == "worker" else subprocess.PIPE,
                stderr=log,
                process_group=0,
                cwd=self.arena.folder,
            )

    @contextmanager
    def workers(self, count: int) -> Iterator[Sequence[subprocess.Popen[bytes]]]:
        """Run that many workers; at the end ask them to stop, then make them."""
        running = [self.begin("worker", BENCH_WORKER=str(number)) for number in range(count)]
        try:
            yield running
        finally:
            for worker in running:
                worker.send_signal(signal.SIGTERM)
            for worker in running:
                try:
                    worker.wait(5)
                except subprocess.TimeoutExpired:
                    os.killpg(worker.pid, signal.SIGKILL)
                    worker.wait()

    def is_finished(self, connection: psycopg.Connection[Any]) -> bool:
        """Return True when the queue says that nothing is left."""
        if not self.engine.unfinished:
            return True
        row = connection.execute(self.engine.unfinished.encode()).fetchone()
        return row is not None and not row[0]

    @property
    def _log(self) -> Path:
        return self.arena.folder / f"{self.engine.program}.log"


@contextmanager
def fresh(arena: Arena, engine: Engine, **environment: str) -> Iterator[Field]:
    """Give the engine a database with its schema and no jobs; drop it at the end."""
    name = f"bench_{next(_numbers)}"
    slots = arena.folder / f"{name}.slots"
    with psycopg.connect(arena.server.url("postgres"), autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        given = {
            **engine.surroundings(),
            "BENCH_URL": arena.server.url(name),
            "BENCH_SLOTS": str(slots),
            "BENCH_REDIS": arena.redis_url,
            "LADING_DATA_DIR": str(arena.folder / "data"),
            **environment,
        }
        made = Field(arena, engine, arena.server.url(name), Slots.make(slots), given)
        try:
            made.do("setup")
            connection.execute("CHECKPOINT")
            yield made
        finally:
            connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))
            slots.unlink()


@dataclass(frozen=True)
class Drain:
    """What it took to work off a backlog."""

    jobs_per_second: float
    server_us: float
    client_us: float
    memory_mb: float
    quarters: tuple[float, ...]
    shares: tuple[int, ...]


def drain(given: Field, jobs: int, workers: int, *, during: Callable[[], None] | None = None) -> Drain:
    """Work off the backlog of `jobs` with that many workers."""
    already = sum(given.slots.counts(8))
    before = given.slots.counts(workers)
    with ExitStack() as stack:
        connection = stack.enter_context(psycopg.connect(given.url, autocommit=True))
        running = stack.enter_context(given.workers(workers))
        watch = _Watch(given, running, already, jobs)

        def all_began() -> bool:
            now = given.slots.counts(workers)
            return all(after > was for after, was in zip(now, before, strict=True)) or sum(now) - already > jobs // 3

        watch.until(all_began)
        begun, first, server, client = time.monotonic(), watch.done, watch.server(), watch.client()
        if during is not None:
            during()
        marks = [(begun, first)]
        for quarter in range(1, 5):
            watch.until(lambda quarter=quarter: watch.done >= first + (jobs - first) * quarter // 4)
            marks.append((time.monotonic(), watch.done))
        watch.until(lambda: given.is_finished(connection))
        seconds, count = time.monotonic() - begun, jobs - first
        server, client = watch.server() - server, watch.client() - client
        memory = sum(pss_mb(worker.pid) for worker in running) / workers
        shares = tuple(after - was for after, was in zip(given.slots.counts(workers), before, strict=True))
    quarters = tuple((b[1] - a[1]) / (b[0] - a[0] or 1e-9) for a, b in itertools.pairwise(marks))
    return Drain(count / seconds, server / count * 1e6, client / count * 1e6, memory, quarters, shares)


class _Watch:
    """Looks at the counters, and at nothing else, until something is so."""

    def __init__(self, given: Field, running: Sequence[subprocess.Popen[bytes]], already: int, jobs: int) -> None:
        self._given = given
        self._running = running
        self._already = already
        self._jobs = jobs

    @property
    def done(self) -> int:
        return sum(self._given.slots.counts(8)) - self._already

    def server(self) -> float:
        return self._given.arena.server_cpu(self._given.engine)

    def client(self) -> float:
        return sum(cpu_seconds(worker.pid) for worker in self._running)

    def until(self, is_so: Callable[[], bool]) -> None:
        seen, moved_at = self.done, time.monotonic()
        while not is_so():
            time.sleep(_LOOK_SECONDS)
            if self.done != seen:
                seen, moved_at = self.done, time.monotonic()
            elif time.monotonic() - moved_at > _STALL_SECONDS:
                raise Stalled(f"no job was handled for {_STALL_SECONDS:.0f} s, after {seen:,} of {self._jobs:,}")
            if any(worker.poll() is not None for worker in self._running):
                raise Stalled("a worker ended by itself; see its log")


def enqueue(given: Field, verb: str, count: int) -> Mapping[str, float]:
    """Enqueue one by one (`single`) or many at once (`bulk`); return jobs/s and CPU per job of server and client."""
    server = given.arena.server_cpu(given.engine)
    figures = given.do(verb, str(count))
    server = given.arena.server_cpu(given.engine) - server
    jobs = figures["jobs"]
    return {
        "jobs_per_second": jobs / figures["seconds"],
        "server_us": server / jobs * 1e6,
        "client_us": figures["cpu"] / jobs * 1e6,
    }


def pickup(given: Field, count: int, *, seconds: float = 3600.0) -> list[float]:
    """Return the latencies of `count` jobs that meet an idle worker; a worker must be running."""
    begun = time.monotonic_ns()
    given.do("latency", str(count), str(seconds))
    deadline = time.monotonic() + 10.0
    while len(found := given.slots.latencies(since=begun)) < count and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


def percentile(values: Sequence[float], part: float) -> float:
    """
    Return the value below which `part` of the values lie.

    >>> percentile([3.0, 1.0, 2.0], 0.5)
    2.0
    """
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else float("nan")
