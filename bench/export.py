"""
Measure whole exports through the running product, beside other ways to export the same query.

A tree as of `lading up` (own temporary data directory, embedded PostgreSQL, API, one worker) is asked for exports over
HTTP; the time is from asking to `completed`: query, mapping, checks, file, package, signature, read back.  The others
(`export_peers`) run in between, against the same server.  Ratios mean something; seconds are those of one machine on
one day.

    .venv/bin/python bench/export.py --activities 2000000 --events 10000000 --repeat 3
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import export_peers
import httpx2
import psutil
import yaml
from export_peers import COPY, PEERS_BY_NAME, Peer

from lading.settings import Settings
from lading.wiring import admin, tree

_HERE = Path(__file__).parent
_PERIOD = {"from": "2025-01-01", "to": "2025-12-31"}
_DATA = ("activities", "events")
_FORMATS = ("csv", "xlsx", "parquet", "ndjson")


@dataclass(frozen=True)
class Run:
    """One measurement."""

    data: str
    what: str
    rows: int
    seconds: float
    bytes: int
    largest_mb: float = 0.0
    private_mb: float = 0.0


class Memory(threading.Thread):
    """Watches the worker's processes: the resident memory of the largest, and the part of it without files."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._done = threading.Event()
        self.largest = 0
        self.private = 0

    def run(self) -> None:
        while not self._done.wait(0.05):
            sizes = [_resident(process) for process in _workers()] or [(0, 0)]
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


def quiet(_: str) -> None:
    """Say nothing; what the processes write goes to the log."""


@dataclass(frozen=True)
class Data:
    """A source, its profile and where the server is."""

    name: str
    rows: int
    profile: dict[str, Any]
    url: str

    @classmethod
    def of(cls, name: str, rows: int, url: str) -> Data:
        return cls(name, rows, yaml.safe_load((_HERE / f"{name}.yaml").read_text("utf-8")), url)

    def load(self, rows: int) -> None:
        export_peers.psql(self.url, "-v", f"rows={rows}", "-f", str(_HERE / f"{self.name}.sql"))
        export_peers.psql(self.url, "-c", "CHECKPOINT")

    def query(self, rows: int) -> str:
        """Return the profile's query as any client would send it, ordered by its key."""
        query = self.profile["source"]["query"]
        for name, value in (("period_from", _PERIOD["from"]), ("period_to", _PERIOD["to"])):
            query = query.replace(f"%({name})s", f"'{value}'")
        limit = f" LIMIT {rows}" if rows < self.rows else ""
        return f"{query} ORDER BY {self.profile['source']['key'][0]}{limit}"


def _beside(peer: Peer, data: Data, folder: Path) -> Run:
    rows, target = min(peer.most_rows, data.rows), folder / "peer.out"
    begun = time.perf_counter()
    export_peers.run(peer, data.url, data.query(rows), target)
    seconds = time.perf_counter() - begun
    run = Run(data.name, peer.name, rows, seconds, target.stat().st_size)
    target.unlink()
    return run


async def exported(client: httpx2.AsyncClient, data: Data, kind: str, rows: int) -> tuple[Run, str]:
    """Ask for an export, wait for it and delete it; return what it took, and the digest of its package."""
    with _watching() as memory:
        begun = time.perf_counter()
        answer = await client.post("/exports", json={"profile": data.name, "period": _PERIOD, "format": kind})
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
    run = Run(data.name, f"lading {kind}", rows, seconds, size, memory.largest >> 20, memory.private >> 20)
    return run, export["artifacts"][0]["sha256"]


async def register(client: httpx2.AsyncClient, datas: Sequence[Data], folder: Path) -> None:
    """Make the tenant, its source and the profiles."""
    secret = folder / "source.url"
    secret.touch(mode=0o600)
    secret.write_text(datas[0].url)
    (await client.post("/tenants", json={"slug": "bench", "name": "Benchmark"})).raise_for_status()
    source = {"credentials_ref": f"file:{secret}"}
    (await client.put("/sources/bench", json=source)).raise_for_status()
    for data in datas:
        answer = await client.put(f"/profiles/{data.name}", params={"activate": "true"}, json=data.profile)
        answer.raise_for_status()


async def _measure(given: argparse.Namespace, peers: Sequence[Peer], folder: Path) -> list[Run]:
    settings = replace(Settings(), data_dir=folder / "data", port=0, workers=1)
    runs: list[Run] = []
    async with tree.running(settings, say=quiet, log=folder / "log") as running:
        token = await admin.first_token(running.database_url)
        await asyncio.to_thread(export_peers.psql, running.database_url, "-c", "CREATE DATABASE bench")
        url = export_peers.database_of(running.database_url, "bench")
        datas = [Data.of(name, rows, url) for name in _DATA if (rows := getattr(given, name))]
        headers = {"Authorization": f"Bearer {token}", "Lading-Tenant": "bench"}
        async with httpx2.AsyncClient(
            base_url=f"{running.url}/api/v1", headers=headers, timeout=90.0, trust_env=False
        ) as client:
            await register(client, datas, folder)
            for data in datas:
                await asyncio.to_thread(data.load, 1000)
                for kind in given.formats:
                    await exported(client, data, kind, 1000)  # not measured: the first one pays for starting up
                await asyncio.to_thread(data.load, data.rows)
                for _ in range(given.repeat):
                    # One after the other and in turns: what else the machine does meets all of them.
                    runs += [await asyncio.to_thread(_beside, peer, data, folder) for peer in (COPY, *peers)]
                    runs += [(await exported(client, data, kind, data.rows))[0] for kind in given.formats]
                await asyncio.to_thread(data.load, 0)
    return runs


def _show(runs: list[Run], peers: Sequence[Peer], repeat: int) -> None:
    memory = psutil.virtual_memory().total / (1 << 30)
    print(
        f"{platform.machine()}, {os.cpu_count()} CPUs, {memory:.0f} GiB, Python {platform.python_version()}, "
        f"embedded PostgreSQL (defaults, shared_buffers 128 MB), 1 worker, median of {repeat}, "
        f"load {os.getloadavg()[0]:.1f}"
    )
    print("Lading: from the request over HTTP to `completed`: mapped, checked, packaged, signed, read back.")
    for peer in (COPY, *peers):
        print(f"{peer.name}: {peer.settings}.")
    print(
        "× is the time by the row beside that of psql COPY in this run.  Memory is resident, at its peak: the largest"
    )
    print("process of the worker, and the same without pages of files (libraries).")
    for name in dict.fromkeys(run.data for run in runs):
        print(f"\n{name}\n")
        print("| what | rows | seconds | rows/s | × COPY | MB | largest MB | without files |")
        print("|---|---:|---:|---:|---:|---:|---:|---:|")
        mine = [run for run in runs if run.data == name]
        base = median(run.seconds / run.rows for run in mine if run.what == COPY.name)
        for what in dict.fromkeys(run.what for run in mine):
            same = [run for run in mine if run.what == what]
            seconds, rows = median(run.seconds for run in same), same[0].rows
            peaks = [max(getattr(run, name) for run in same) for name in ("largest_mb", "private_mb")]
            told = " | ".join(f"{peak:.0f}" if peak else "" for peak in peaks)
            speed = f"{seconds:.2f} | {rows / seconds:,.0f} | {seconds / rows / base:.2f}"
            print(f"| {what.replace('|', 'to')} | {rows:,} | {speed} | {same[0].bytes / 1e6:.1f} | {told} |")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure exports beside other ways to export the same.")
    parser.add_argument("--activities", type=int, default=500_000, help="rows of twelve columns (500000); 0: none")
    parser.add_argument("--events", type=int, default=0, help="rows of five columns (0: none)")
    parser.add_argument("--formats", type=lambda text: text.split(","), default=list(_FORMATS))
    parser.add_argument("--peers", default=",".join(PEERS_BY_NAME), help="names, with commas; empty: only psql COPY")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    peers = [PEERS_BY_NAME[name] for name in given.peers.split(",") if name]
    if any(peer.program for peer in peers):
        export_peers.install()
    folder = Path(tempfile.mkdtemp(prefix="lading-bench-"))
    try:
        runs = asyncio.run(_measure(given, peers, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if given.json:
        json.dump([asdict(run) for run in runs], sys.stdout, indent=1)
        print()
    else:
        _show(runs, peers, given.repeat)


if __name__ == "__main__":
    main()
