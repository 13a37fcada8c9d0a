"""
Measure Lading's job engine beside other engines, in one run on one PostgreSQL.

    .venv/bin/python bench/engine.py [--engines lading,pgqueuer] [--jobs 50000] [--workers 1,2] [--repeats 3]
                                     [--suites throughput,enqueue,latency,growth,tenants,flood,snapshot]

Every engine runs at its recommended configuration (printed; bench/peers.py and bench/engines/ say the same) on the
same embedded PostgreSQL with default settings, each repetition in a fresh database, repetitions in turns (ABCABC).
A handler does nothing but count in shared memory; nobody asks the database while jobs run.  Figures are medians with
min–max.  Ratios mean something; jobs per second are those of one machine on one day, and CPU per job is what moves
least when the machine is busy.  What is measured how: runs.py, suites.py; the text is also written as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from peers import ENGINES, HERE, Engine, Unfit
from report import show
from runs import Arena, Stalled
from suites import SUITES, Plan, Result

from lading.db.embedded import EmbeddedServer
from machine import Weather, description, weather

_SETTINGS = (
    "shared_buffers",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "wal_sync_method",
    "max_wal_size",
    "autovacuum",
    "jit",
    "max_connections",
)


@contextmanager
def _arena(*, with_redis: bool) -> Iterator[Arena]:
    """Run PostgreSQL, and Redis if it is needed, in a folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="lading-bench-"))
    folder.chmod(0o711)
    server, redis = EmbeddedServer(folder / "pg"), None
    try:
        server.start()
        arena = Arena(server, folder)
        if with_redis:
            redis = subprocess.Popen(
                ["redis-server", "--port", "0", "--unixsocket", str(folder / "redis.sock"), "--dir", str(folder)],
                stdout=subprocess.DEVNULL,
            )
            arena.redis_pid = redis.pid
        yield arena
    finally:
        if redis is not None:
            redis.terminate()
            redis.wait()
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _header(arena: Arena, engines: list[Engine], versions: dict[str, str]) -> dict[str, Any]:
    """Print what is measured on what; return it."""
    with psycopg.connect(arena.server.url("postgres")) as connection:
        shown = connection.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", (list(_SETTINGS),))
        settings = dict(shown.fetchall())
        version = str(connection.info.parameter_status("server_version"))
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {description()}, Lading on Python {platform.python_version()}")
    print(f"PostgreSQL {version} (embedded): {', '.join(f'{name}={value}' for name, value in settings.items())}")
    print()
    for engine in engines:
        print(f"  {engine.name} ({versions[engine.name]}): {engine.settings}")
    print(flush=True)
    return {"machine": description(), "postgresql": version, "settings": settings, "versions": versions}


def _fit(names: list[str]) -> tuple[list[Engine], dict[str, str]]:
    """Return the engines that this machine can run, installed, and their versions."""
    engines: list[Engine] = []
    versions: dict[str, str] = {}
    for name in names:
        try:
            versions[name] = ENGINES[name].install()
            engines.append(ENGINES[name])
        except Unfit as why:
            print(f"{name} is left out: {why}.", file=sys.stderr)
    return engines, versions


def _say(what: str, conditions: Weather, result: Callable[[], list[Result]]) -> list[Result]:
    begun = time.monotonic()
    print(f"  {what}: {conditions}", end="", file=sys.stderr, flush=True)
    try:
        results = result()
    except (Stalled, json.JSONDecodeError) as why:
        print(f" → FAILED: {why}", file=sys.stderr)
        return []
    heads = ", ".join(f"{one.what} {one.value:,.6g}" for one in results[:4])
    print(f" → {heads} ({time.monotonic() - begun:.0f} s)", file=sys.stderr, flush=True)
    return results


def _measure(arena: Arena, engines: list[Engine], plan: Plan, suites: list[str]) -> list[Result]:
    results: list[Result] = []
    for suite in suites:
        run, fits = SUITES[suite]
        for repetition in range(plan.repeats):
            for engine in filter(fits, engines):
                what = f"{suite} {repetition + 1}/{plan.repeats} {engine.name}"
                results += _say(what, weather(arena.folder), lambda run=run, engine=engine: run(arena, engine, plan))
    return results


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--jobs", type=int, default=100_000, help="per run; slow engines get a part of it (peers.py)")
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--suites", default="throughput,enqueue,latency")
    parser.add_argument("--finished", type=int, default=10_000_000, help="rows of history in the suite growth")
    parser.add_argument("--tenants", type=int, default=10_000, help="in the suite tenants")
    parser.add_argument("--keep", action="store_true", help="keep the folder with the programs' logs")
    return parser.parse_args()


def _names(text: str) -> list[str]:
    """Return the engines meant, each by its name or the beginning of it."""
    found: list[str] = []
    for part in text.split(","):
        matches = [name for name in ENGINES if name == part] or [name for name in ENGINES if name.startswith(part)]
        if not matches:
            sys.exit(f"There is no engine {part!r}; there are: {', '.join(ENGINES)}.")
        found += matches[:1]
    return found


def main() -> None:
    """Measure, print, write."""
    # Asked to stop, it stops what it has started, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    given = _arguments()
    suites = given.suites.split(",")
    if unknown := [suite for suite in suites if suite not in SUITES]:
        sys.exit(f"There is no suite {unknown[0]!r}; there are: {', '.join(SUITES)}.")
    workers = [int(count) for count in given.workers.split(",")]
    plan = Plan(given.jobs, workers, given.repeats, given.finished, given.tenants)
    engines, versions = _fit(_names(given.engines))
    with _arena(with_redis=any(engine.uses_redis for engine in engines)) as arena:
        header = _header(arena, engines, versions)
        results = _measure(arena, engines, plan, suites)
        if given.keep:
            kept = HERE / "results" / "logs"
            kept.mkdir(parents=True, exist_ok=True)
            for log in arena.folder.glob("*.log"):
                shutil.copyfile(log, kept / log.name)
    show(results, [engine.name for engine in engines])
    target = HERE / "results" / f"engine-{datetime.now(UTC):%Y%m%dT%H%M%S}.json"
    target.parent.mkdir(exist_ok=True)
    written = {**header, "load": os.getloadavg(), "plan": asdict(plan), "results": [asdict(one) for one in results]}
    target.write_text(json.dumps(written, indent=1) + "\n", "utf-8")
    print(f"\nWritten to {target.relative_to(HERE.parent)}")


if __name__ == "__main__":
    main()
