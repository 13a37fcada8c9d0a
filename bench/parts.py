"""
Measure one large export in parts: done by one worker alone, shared by one, shared by two.

The same tree as in `export.py`, started again with another number of workers on the same data; the ways take turns.
The package is compared by its digest: however it was made, it is the same bytes.  Memory is that of the largest process
of all workers.

    .venv/bin/python bench/parts.py --events 10000000 --parts 10 --formats csv,parquet --repeat 3
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import export_peers
import httpx2
from export import Data, Run, exported, quiet, register

from lading.settings import Settings
from lading.wiring import admin, tree

# What it is called, how many workers there are, and from how many parts on an export is shared.
_WAYS = {
    "at once, one worker": (1, 0),
    "parts, one worker": (1, 0),
    "shared, one worker": (1, 2),
    "shared, two workers": (2, 2),
}
_AT_ONCE = next(iter(_WAYS))


async def _measure(given: argparse.Namespace, folder: Path) -> tuple[list[tuple[str, Run]], set[tuple[str, str]]]:
    runs: list[tuple[str, Run]] = []
    packages: set[tuple[str, str]] = set()
    is_new, token = True, ""
    for _ in range(given.repeat):
        for way in given.ways:
            workers, split = _WAYS[way]
            settings = replace(Settings(), data_dir=folder / "data", port=0, workers=workers, split_parts=split)
            async with tree.running(settings, say=quiet, log=folder / "log") as running:
                token = token or await admin.first_token(running.database_url)
                url = export_peers.database_of(running.database_url, "bench")
                headers = {"Authorization": f"Bearer {token}", "Lading-Tenant": "bench"}
                async with httpx2.AsyncClient(
                    base_url=f"{running.url}/api/v1", headers=headers, timeout=90.0, trust_env=False
                ) as client:
                    data = Data.of("events", given.events, url)
                    if is_new:
                        await asyncio.to_thread(export_peers.psql, running.database_url, "-c", "CREATE DATABASE bench")
                        await register(client, [data], folder)
                        is_new = False
                        await asyncio.to_thread(data.load, data.rows)
                    else:
                        (folder / "source.url").write_text(url)
                    profile: dict[str, Any] = data.profile
                    if way != _AT_ONCE:
                        source = {**profile["source"], "parts": {"count": given.parts}}
                        profile = {**profile, "source": source}
                    (await client.put("/profiles/events", params={"activate": "true"}, json=profile)).raise_for_status()
                    for kind in given.formats:
                        run, digest = await exported(client, data, kind, data.rows)
                        runs.append((way, run))
                        print(
                            f"{way}, {kind}: {run.seconds:.1f} s, {run.largest_mb:.0f} MB", file=sys.stderr, flush=True
                        )
                        if way != _AT_ONCE:
                            packages.add((kind, digest))
    return runs, packages


def _show(given: argparse.Namespace, runs: list[tuple[str, Run]], packages: set[tuple[str, str]]) -> None:
    print(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, {given.events:,} rows × 5, {given.parts} parts")
    print(
        "\n| format | way | seconds | × as fast as the first | largest MB | without files |\n"
        "|---|---|---:|---:|---:|---:|"
    )
    for kind in given.formats:
        mine = [(way, run) for way, run in runs if run.what == f"lading {kind}"]
        base = median(run.seconds for way, run in mine if way == given.ways[0])
        for way in given.ways:
            same = [run for each, run in mine if each == way]
            seconds = median(run.seconds for run in same)
            largest, private = (max(getattr(run, name) for run in same) for name in ("largest_mb", "private_mb"))
            print(f"| {kind} | {way} | {seconds:.1f} | {base / seconds:.2f} | {largest:.0f} | {private:.0f} |")
    is_same = len(packages) == len(given.formats)
    print(f"\nPackages of exports in parts: {'the same bytes' if is_same else 'DIFFERENT BYTES'} for every way.")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure how an export in parts is shared.")
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--parts", type=int, default=8)
    parser.add_argument("--formats", type=lambda text: text.split(","), default=["csv", "parquet"])
    parser.add_argument("--ways", type=lambda text: text.split(";"), default=list(_WAYS), help=f"{'; '.join(_WAYS)}")
    parser.add_argument("--repeat", type=int, default=3)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="lading-bench-"))
    try:
        runs, packages = asyncio.run(_measure(given, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _show(given, runs, packages)


if __name__ == "__main__":
    main()
