"""
How long an audit bundle of a large ledger takes in the running product, and how much memory: `python bench/bundle.py`.

A tree as of `lading up` (own temporary data directory, embedded PostgreSQL, API, one worker) gets the entries of jobs
into its outbox, integrates them, and is asked for a bundle of them all over HTTP; the time is from asking to
`completed`: read, replayed, hashed, packed, signed, and checked by the verifier that an auditor has.

    .venv/bin/python bench/bundle.py --entries 1000000
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import export
import httpx2
import psycopg

from lading import clock, ids
from lading.settings import Settings
from lading.wiring import admin, tree

_STEPS = ("enqueued", "claimed", "started", "completed")
_DATA = {
    "enqueued": '{"for":"%s","host":"bench","kind":"noop","state":"pending"}', "claimed": '{"for":"%s"}',
    "started": '{"attempt":1,"for":"%s"}', "completed": '{"attempt":1,"for":"%s"}',
}  # fmt: skip
_ACTOR = '{"id":"lse_01kqf3w8pz7xv9r2m5n6c4b3aj","kind":"worker"}'


def rows(tenant: UUID, count: int) -> Iterator[tuple[UUID, str, str, str, bytes]]:
    """Yield rows of the outbox: a hundred jobs at a time, each step of all of them before the next."""
    shown, told = ids.show(ids.TENANT, tenant), 0
    while told < count:
        jobs = [ids.show(ids.JOB, ids.new()) for _ in range(100)]
        at = clock.show(_NOW)
        for rev, step in enumerate(_STEPS, 1):
            for job in jobs:
                if told == count:
                    return
                line = (
                    f'{{"actor":{_ACTOR},"at":"{at}","data":{_DATA[step] % job.replace("job", "exp")},"rev":{rev},'
                    f'"subject":"{job}","tenant":"{shown}","type":"job.{step}","v":1}}'
                )
                yield tenant, job, f"job.{step}", at, line.encode()
                told += 1


_NOW = clock.parse("2026-02-01T00:00:00Z")


def fill(url: str, slug: str, count: int) -> None:
    """Put entries into the outbox of a tenant, and wait until they are in its tree."""
    with psycopg.connect(url, autocommit=True) as connection:
        (tenant,) = connection.execute("SELECT tenant_id FROM tenants WHERE slug = %s", (slug,)).fetchone() or (None,)
        with connection.cursor().copy("COPY ledger_pending (tenant_id, subject, type, at, line) FROM STDIN") as copy:
            for row in rows(tenant, count):
                copy.write_row(row)
        while connection.execute("SELECT EXISTS (SELECT FROM ledger_pending)").fetchone() == (True,):
            time.sleep(0.2)


async def bundled(client: httpx2.AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    """Ask for a bundle and return it when it is made."""
    answer = await client.post("/bundles", json=body)
    answer.raise_for_status()
    bundle: dict[str, Any] = answer.json()
    while bundle["status"] in {"pending", "running"}:
        bundle = (await client.get(f"/bundles/{bundle['id']}", params={"wait": "30"})).json()
    if bundle["status"] != "completed":
        raise SystemExit(f"The bundle was not made: {bundle}")
    return bundle


async def measure(given: argparse.Namespace, folder: Path) -> None:
    settings = replace(Settings(), data_dir=folder / "data", port=0, workers=1)
    async with tree.running(settings, say=export.quiet, log=folder / "log") as running:
        token = await admin.first_token(running.database_url)
        headers = {"Authorization": f"Bearer {token}", "Lading-Tenant": "bench"}
        async with httpx2.AsyncClient(
            base_url=f"{running.url}/api/v1", headers=headers, timeout=90.0, trust_env=False
        ) as client:
            (await client.post("/tenants", json={"slug": "bench", "name": "Benchmark"})).raise_for_status()
            begun = time.perf_counter()
            await asyncio.to_thread(fill, str(running.database_url), "bench", given.entries)
            print(f"{given.entries:,} entries written and integrated in {time.perf_counter() - begun:.1f} s.")
            for what, body in (("whole", {}), ("whole, again", {}), ("since the previous", {"since": "previous"})):
                memory = export.Memory()
                memory.start()
                begun = time.perf_counter()
                bundle = await bundled(client, body)
                seconds = time.perf_counter() - begun
                memory.stop()
                size = bundle["file"]["size"] / 1e6
                print(
                    f"{what}: {bundle['entries']:,} entries, {size:,.1f} MB in {seconds:.1f} s, "
                    f"worker at most {memory.largest >> 20} MB ({memory.private >> 20} MB without files)"
                )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure audit bundles.")
    parser.add_argument("--entries", type=int, default=1_000_000)
    given = parser.parse_args()
    print(
        f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, embedded PostgreSQL, "
        f"1 worker, load {os.getloadavg()[0]:.1f}"
    )
    folder = Path(tempfile.mkdtemp(prefix="lading-bench-"))
    try:
        asyncio.run(measure(given, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
