"""Files go when their time is over and not before; the record and the ledger stay."""

# E6

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from lading import ids
from lading.artifacts.blobs import BlobStore
from lading.exports import retention
from lading.exports.service import blob_prefix
from serving import World

pytestmark = pytest.mark.anyio


def age(url: str) -> None:
    """Let the retention of every export be over."""
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE exports SET expires_at = now() - interval '1 second'")


def files(world: World) -> list[Path]:
    """Return every file that is kept for exports."""
    return sorted(path for path in world.services.settings.blobs_dir.rglob("*") if path.is_file())


def blobs(world: World) -> BlobStore:
    return BlobStore(world.services.settings.blobs_dir)


def prefix(world: World, export: dict[str, Any]) -> str:
    return blob_prefix(world.organisations["nordlys"].id, ids.parse(ids.EXPORT, export["id"]))


async def test_an_export_within_its_retention_keeps_its_files(world: World) -> None:
    path = await world.complete((await world.export())["id"])

    assert await retention.expire(world.services.database, blobs(world)) == 0

    assert (await world.ask("GET", path)).status_code == 200


async def test_after_its_retention_the_files_are_gone_and_the_record_stays(world: World, database_url: str) -> None:
    export = await world.export()
    path = await world.complete(export["id"])
    age(database_url)

    assert await retention.expire(world.services.database, blobs(world)) == 1

    assert files(world) == []
    assert (await world.ask("GET", path)).status_code in {404, 410}
    found = (await world.ask("GET", f"/api/v1/exports/{export['id']}")).json()
    assert found["status"] == "expired"
    history = (await world.ask("GET", f"/api/v1/exports/{export['id']}/history")).json()
    assert "export.expired" in str(history)
    assert await retention.expire(world.services.database, blobs(world)) == 0


async def test_the_files_of_the_last_of_very_many_organisations_go_too(world: World, database_url: str) -> None:
    await world.complete((await world.export())["id"])
    age(database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO tenants (tenant_id, slug, name) "
            "SELECT gen_random_uuid(), 'a' || number, 'Before' FROM generate_series(1, 1000) AS number"
        )

    assert await retention.expire(world.services.database, blobs(world)) == 1
    assert files(world) == []


async def test_an_export_that_runs_keeps_its_files_however_old_it_is(world: World, database_url: str) -> None:
    export = await world.export()
    await world.run(export["id"])
    age(database_url)

    assert await retention.expire(world.services.database, blobs(world)) == 0

    assert (await world.ask("GET", f"/api/v1/exports/{export['id']}")).json()["status"] == "running"


async def test_working_files_of_a_completed_export_go_and_the_published_one_stays(world: World) -> None:
    export = await world.export()
    path = await world.complete(export["id"])
    (published,) = files(world)
    left = blobs(world).path(f"{prefix(world, export)}/1/spool.arrow")
    left.parent.mkdir(parents=True)
    left.write_bytes(b"rows")

    await retention.collect(world.services.database, blobs(world), grace_seconds=0)

    assert files(world) == [published]
    assert (await world.ask("GET", path)).status_code == 200


@pytest.mark.parametrize("state", ["running", "failed"])
async def test_working_files_of_what_may_go_on_stay(world: World, state: str) -> None:
    other = await world.complete((await world.export())["id"])
    export = await world.export()
    await (world.run(export["id"]) if state == "running" else world.fail(export["id"]))
    key = f"{prefix(world, export)}/1/spool"
    with blobs(world).writer(key) as sink:
        sink.write(b"rows")

    await retention.collect(world.services.database, blobs(world), grace_seconds=0)

    assert blobs(world).size(key) == 4
    assert (await world.ask("GET", other)).status_code == 200
