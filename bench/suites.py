"""
The suites: what is done with an engine, and the figures that come of it.

A suite is one repetition for one engine.  Those at scale compare within themselves, in the same database and minute:
with and without the history, the other tenants, the flood, the held snapshot.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from peers import Engine
from runs import Arena, Drain, Field, Stalled, drain, enqueue, fresh, percentile, pickup

_SINGLE_JOBS = 3000
_PROBES = 150
_FLOOD_TENANTS = 21
_FLOOD_JOBS = 100_000
_SNAPSHOT_JOBS = 160_000
_STALL_SECONDS = 60.0


@dataclass(frozen=True)
class Plan:
    """What the command line asked for."""

    jobs: int
    workers: list[int]
    repeats: int
    finished: int
    tenants: int


@dataclass(frozen=True)
class Result:
    """One figure of one repetition; `unit` says how it is shown, `is_cost` that less is better."""

    suite: str
    engine: str
    what: str
    value: float
    unit: str


@dataclass(frozen=True)
class _Notes:
    """Collects the figures of one repetition."""

    suite: str
    engine: str
    results: list[Result]

    def add(self, what: str, value: float, unit: str) -> None:
        self.results.append(Result(self.suite, self.engine, what, value, unit))

    def drained(self, of: Drain, prefix: str) -> None:
        self.add(f"{prefix}jobs/s", of.jobs_per_second, "/s")
        self.add(f"{prefix}server CPU", of.server_us, "µs")
        self.add(f"{prefix}worker CPU", of.client_us, "µs")

    def picked_up(self, latencies: list[float], prefix: str) -> None:
        for name, part in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
            self.add(f"{prefix}{name}", percentile(latencies, part) * 1e3, "ms")


def _throughput(arena: Arena, engine: Engine, plan: Plan) -> list[Result]:
    notes = _Notes("throughput", engine.name, [])
    jobs = max(500, int(plan.jobs * engine.share))
    for workers in plan.workers:
        with fresh(arena, engine) as given:
            given.do("bulk", str(jobs))
            done = drain(given, jobs, workers)
        notes.drained(done, f"{workers}w ")
        notes.add(f"{workers}w memory", done.memory_mb, "MB")
    return notes.results


def _enqueue(arena: Arena, engine: Engine, plan: Plan) -> list[Result]:
    notes = _Notes("enqueue", engine.name, [])
    bulk = max(2000, int(plan.jobs * engine.share))
    with fresh(arena, engine) as given:
        for verb, count in (("single", min(_SINGLE_JOBS, plan.jobs)), ("bulk", bulk)):
            figures = enqueue(given, verb, count)
            notes.add(f"{verb} jobs/s", figures["jobs_per_second"], "/s")
            notes.add(f"{verb} server CPU", figures["server_us"], "µs")
            notes.add(f"{verb} client CPU", figures["client_us"], "µs")
    return notes.results


def _latency(arena: Arena, engine: Engine, plan: Plan) -> list[Result]:
    del plan
    notes = _Notes("latency", engine.name, [])
    with fresh(arena, engine) as given, _idle_worker(given):
        notes.picked_up(pickup(given, _PROBES), "")
    return notes.results


@contextmanager
def _idle_worker(given: Field) -> Iterator[None]:
    """Run one worker that has handled a first job and has nothing to do since."""
    with given.workers(1):
        already = sum(given.slots.counts(8))
        given.do("single", "20")
        _await(given, already + 20)
        time.sleep(0.5)
        yield


def _await(given: Field, count: int) -> None:
    """Wait until that many jobs were handled; Stalled when none is for a minute."""
    seen, moved_at = -1, time.monotonic()
    while (now := sum(given.slots.counts(8))) < count:
        if now != seen:
            seen, moved_at = now, time.monotonic()
        elif time.monotonic() - moved_at > _STALL_SECONDS:
            raise Stalled(f"no job was handled for {_STALL_SECONDS:.0f} s, after {now:,} of {count:,}")
        time.sleep(0.005)


def _growth(arena: Arena, engine: Engine, plan: Plan) -> list[Result]:
    """
    Two databases, of which one has the history, work off backlogs in turns.

    What a worker does for a job has nothing to do with history: as far as its CPU differs, the machine was to blame.
    """
    notes = _Notes("growth", engine.name, [])
    with fresh(arena, engine) as bare, fresh(arena, engine) as full:
        given = {"bare": bare, f"{plan.finished:,}": full}
        for each in given.values():
            with _idle_worker(each):  # makes the partitions of these months
                pass
        _insert_finished(full, plan.finished)
        _tidy(full)  # or the server tidies up by itself while the other database is measured
        drains: dict[str, list[Drain]] = {label: [] for label in given}
        latencies: dict[str, list[float]] = {label: [] for label in given}
        written = dict.fromkeys(given, 0.0)
        for label in (*given, *reversed(given)):
            given[label].do("bulk", str(plan.jobs))
            before = _tidy(given[label])
            drains[label].append(drain(given[label], plan.jobs, max(plan.workers)))
            written[label] += _written(given[label]) - before
            with _idle_worker(given[label]):
                latencies[label] += pickup(given[label], _PROBES)
    for label, done in drains.items():
        for one in done:
            notes.drained(one, f"{label} ")
        notes.picked_up(latencies[label], f"{label} ")
        notes.add(f"{label} WAL", written[label] / len(done) / plan.jobs, "B")
    without, having = drains.values()
    server = sum(one.server_us for one in having) / sum(one.server_us for one in without)
    worker = sum(one.client_us for one in having) / sum(one.client_us for one in without)
    bytes_without, bytes_having = written.values()
    notes.add("server CPU with ÷ without", server, "×")
    notes.add("worker CPU with ÷ without", worker, "×")
    notes.add("WAL with ÷ without", bytes_having / bytes_without, "×")
    return notes.results


def _insert_finished(given: Field, rows: int) -> None:
    with psycopg.connect(given.url, autocommit=True) as connection:
        tenant = connection.execute("SELECT max(tenant_id::text) FROM tenants").fetchone()
        assert tenant is not None
        connection.execute(given.engine.finished.encode(), {"rows": rows, "tenant": tenant[0]})


def _tidy(given: Field) -> float:
    """Leave nothing to clean up from before, so that nobody cleans up meanwhile; return what was written until now."""
    with psycopg.connect(given.url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
    return _written(given)


def _written(given: Field) -> float:
    """Return how many bytes of WAL the server has written."""
    with psycopg.connect(given.url, autocommit=True) as connection:
        row = connection.execute("SELECT pg_current_wal_insert_lsn() - '0/0'").fetchone()
    assert row is not None
    return float(row[0])


def _tenants(arena: Arena, engine: Engine, plan: Plan) -> list[Result]:
    notes = _Notes("tenants", engine.name, [])
    found: list[float] = []
    for tenants in (1, plan.tenants):
        with fresh(arena, engine, BENCH_TENANTS=str(tenants)) as given:
            given.do("spread", str(plan.jobs))
            done = drain(given, plan.jobs, max(plan.workers))
            notes.drained(done, f"{tenants:,} ")
            with _idle_worker(given):
                notes.picked_up(pickup(given, _PROBES), f"{tenants:,} ")
            found.append(done.server_us)
    notes.add("server CPU many ÷ one", found[1] / found[0], "×")
    return notes.results


def _flood(arena: Arena, engine: Engine, plan: Plan) -> list[Result]:
    """One tenant has 100,000 jobs waiting; 20 others enqueue one now and then; before and after there is no flood."""
    notes = _Notes("flood", engine.name, [])
    idle = _pickup_of_others(arena, engine)
    found, rate = _pickup_beside(arena, engine, min(_FLOOD_JOBS, plan.jobs))
    idle += _pickup_of_others(arena, engine)
    notes.picked_up(idle, "empty ")
    notes.picked_up(found, "flooded ")
    notes.add("probes", len(found), "")
    notes.add("jobs/s beside", rate, "/s")
    notes.add("p50 flooded ÷ empty", percentile(found, 0.5) / percentile(idle, 0.5), "×")
    notes.add("p95 flooded ÷ empty", percentile(found, 0.95) / percentile(idle, 0.95), "×")
    return notes.results


def _pickup_of_others(arena: Arena, engine: Engine) -> list[float]:
    with fresh(arena, engine, BENCH_TENANTS=str(_FLOOD_TENANTS)) as given:
        given.environment["BENCH_FIRST_TENANT"] = "1"
        with _idle_worker(given):
            return pickup(given, _PROBES)


def _pickup_beside(arena: Arena, engine: Engine, count: int) -> tuple[list[float], float]:
    """Return the latencies of the others while the flood flows, and how fast it does."""
    others = {"BENCH_TENANTS": str(_FLOOD_TENANTS)}
    with fresh(arena, engine, **others) as given:
        given.environment["BENCH_TENANTS"] = "1"
        given.do("bulk", str(count))
        given.environment.update(others, BENCH_FIRST_TENANT="1")
        # The probes begin with the worker, which has less to do than they to start up; those before the flood flows
        # and those after it do not count.
        with given.workers(1), given.begin("latency", str(_PROBES * 10)) as probing:
            try:
                _await(given, count // 100)
                begun = time.monotonic_ns()
                _await(given, count)
                ended = time.monotonic_ns()
            finally:
                probing.kill()
            found = given.slots.latencies(since=begun, until=ended)
    if not found:
        raise Stalled(f"{count:,} jobs were done before a probe came; ask for more --jobs")
    return found, count * 0.99 / (ended - begun) * 1e9


def _snapshot(arena: Arena, engine: Engine, plan: Plan) -> list[Result]:
    notes = _Notes("snapshot", engine.name, [])
    jobs = min(_SNAPSHOT_JOBS, int(1.6 * plan.jobs))
    found: list[Drain] = []
    for is_held in (False, True):
        with fresh(arena, engine) as given:
            given.do("bulk", str(jobs))
            with psycopg.connect(given.url) as reader:
                if is_held:
                    reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                    reader.execute("SELECT count(*) FROM pg_class")
                done = drain(given, jobs, max(plan.workers))
        found.append(done)
        label = "held" if is_held else "free"
        notes.drained(done, f"{label} ")
        for number, rate in enumerate(done.quarters, start=1):
            notes.add(f"{label} quarter {number}", rate, "/s")
    notes.add("jobs/s held ÷ free", found[1].jobs_per_second / found[0].jobs_per_second, "×")
    notes.add("server CPU held ÷ free", found[1].server_us / found[0].server_us, "×")
    return notes.results


def _always(engine: Engine) -> bool:
    return bool(engine.name)


def _keeps_postgres(engine: Engine) -> bool:
    return not engine.uses_redis and engine.share >= 0.5


def _is_ours(engine: Engine) -> bool:
    return engine.name == "lading"


SUITES: dict[str, tuple[Callable[[Arena, Engine, Plan], list[Result]], Callable[[Engine], bool]]] = {
    "throughput": (_throughput, _always),
    "enqueue": (_enqueue, _always),
    "latency": (_latency, _always),
    "growth": (_growth, _is_ours),
    "tenants": (_tenants, _is_ours),
    "flood": (_flood, _is_ours),
    "snapshot": (_snapshot, _keeps_postgres),
}
