"""A sweep killed between any two of its steps leaves nothing dangling, and the next one finishes what it began."""

# O18

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from lading import ids
from lading.artifacts import registry
from lading.exports import retention, store
from lading.ledger.entry import SYSTEM
from lading.settings import Settings
from tests.flow.organisation import Organisation, Worker

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]

SWEEP = """
import asyncio, sys
from pathlib import Path
from lading.artifacts.blobs import BlobStore
from lading.db.database import Database
from lading.exports import retention

async def main():
    database = Database(sys.argv[1])
    await database.open()
    await retention.collect(database, BlobStore(Path(sys.argv[2])), grace_seconds=0)

asyncio.run(main())
"""


def stored(settings: Settings) -> list[Path]:
    return sorted(path for path in settings.blobs_dir.rglob("objects/**/*") if path.is_file())


async def killed_sweep(settings: Settings, url: str, failpoint: Path, point: str) -> int:
    await asyncio.to_thread(failpoint.write_text, point)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SWEEP, url, str(settings.blobs_dir), env={"LADING_FAILPOINT_FILE": str(failpoint)}
    )
    return await process.wait()


async def test_a_killed_sweep_is_finished_by_the_next(
    acme: Organisation, settings: Settings, database_url: str, tmp_path: Path
) -> None:
    async with Worker(settings, database_url):
        first, second = [await acme.end(await acme.submit(format="csv")) for _ in range(2)]
    assert {each.sha256 for each in first.artifacts} == {each.sha256 for each in second.artifacts}
    await retention.collect(acme.database, acme.blobs, grace_seconds=0)
    assert len(stored(settings)) == len(first.artifacts)

    async with acme.database.tenant(acme.tenant_id) as tx:
        for each in (first, second):  # deleted, and the API died before it collected
            await store.delete(tx, ids.parse(ids.EXPORT, each.id), actor=SYSTEM)
    for point in ("artifacts.tombstoned", "artifacts.deleted"):
        assert await killed_sweep(settings, database_url, tmp_path / "failpoint", point) == -signal.SIGKILL, point
    left = stored(settings)
    await retention.collect(acme.database, acme.blobs, grace_seconds=0)

    assert len(left) == len(first.artifacts) - 1
    assert stored(settings) == []
    async with acme.database.tenant(acme.tenant_id) as tx:
        assert await registry.tombstoned(tx, after="", limit=10) == []
