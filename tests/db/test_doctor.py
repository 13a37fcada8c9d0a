"""`lading doctor` looks at the files of every age and says how to mend what is missing."""  # U4, O18

from __future__ import annotations

import psycopg
import pytest

from lading.artifacts.blobs import BlobStore
from lading.wiring import doctor
from lading.wiring.doctor import Finding, State
from serving import World

pytestmark = pytest.mark.anyio
OLDER = "exports/before-there-was-a-registry/report.zip"


async def findings(world: World) -> dict[str, Finding]:
    return {found.name: found async for found in doctor.examine(world.services.settings)}


async def make_older(world: World, database_url: str, content: bytes) -> BlobStore:
    """Publish a file as it was done before there were objects."""
    await world.complete((await world.export())["id"], content)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE artifacts SET object_state = NULL, blob_key = %s", (OLDER,))
        connection.execute("DELETE FROM objects")
    blobs = BlobStore(world.services.settings.blobs_dir)
    with blobs.writer(OLDER) as sink:
        sink.write(content)
    return blobs


async def test_where_every_file_is_registered_nothing_is_said_of_older_ones(world: World) -> None:
    await world.complete((await world.export())["id"])

    found = await findings(world)

    assert "older files" not in found
    assert found["stored files"].detail == "1 looked at, 1 of them read again"


async def test_files_from_before_the_registry_are_counted_and_read(world: World, database_url: str) -> None:
    await make_older(world, database_url, b"PK older")

    older = (await findings(world))["older files"]

    assert older.state is State.OK
    assert older.detail == (
        "1 looked at, 1 of them read again; there are 1 from before the registry, which go with their exports"
    )


async def test_an_older_file_that_is_damaged_is_a_failure_with_a_mend(world: World, database_url: str) -> None:
    blobs = await make_older(world, database_url, b"PK older")
    with blobs.writer(OLDER) as sink:
        sink.write(b"PK oldex")

    older = (await findings(world))["older files"]

    assert (older.state, older.detail.startswith("1 of 1 are not whole")) == (State.FAIL, True)
    assert "Restore them from a backup" in older.mend
