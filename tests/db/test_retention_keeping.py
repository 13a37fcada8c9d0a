"""Nothing is removed while somebody reads it, and a removal killed between any two steps is finished by the next."""

# E6, E15

from __future__ import annotations

import asyncio
import hashlib
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from psycopg.sql import SQL

from lading import ids
from lading.api.server import serve
from lading.artifacts.blobs import BlobStore
from lading.exports import retention
from lading.exports.handouts import Handout, Span
from lading.exports.service import blob_prefix
from lading.tenants.model import Principal, Role
from serving import World

pytestmark = pytest.mark.anyio
CONTENT = bytes(range(256)) * (64 << 10)  # 16 MiB: more than any socket holds back

SWEEP = """
import asyncio, sys
from pathlib import Path
from lading.artifacts.blobs import BlobStore
from lading.db.database import Database
from lading.exports import retention

async def main():
    database = Database(sys.argv[1])
    await database.open()
    await retention.expire(database, BlobStore(Path(sys.argv[2])))
    await retention.collect(database, BlobStore(Path(sys.argv[2])), grace_seconds=0)

asyncio.run(main())
"""


def age(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE exports SET expires_at = now() - interval '1 second' WHERE status = 'completed'")


async def sweep(world: World) -> int:
    return await retention.expire(world.services.database, BlobStore(world.services.settings.blobs_dir))


def files(world: World) -> list[Path]:
    return sorted(path for path in world.services.settings.blobs_dir.rglob("*") if path.is_file())


async def completed(world: World, content: bytes = b"PK package", **fields: Any) -> tuple[str, str]:
    export_id = (await world.export(**fields))["id"]
    return export_id, await world.complete(export_id, content)


async def handed_out(world: World, export_id: str, name: str = "report.zip") -> Handout:
    tenant = world.organisations["nordlys"]
    principal = Principal(ids.new(), "test", Role.ADMIN, tenant.id, is_instance=False)
    inner = ids.parse(ids.EXPORT, export_id)
    return await world.services.exports.hand_out(principal, tenant.id, inner, name, Span(0, 10))


async def test_what_is_being_downloaded_is_neither_expired_nor_deleted(world: World, database_url: str) -> None:
    export_id, _ = await completed(world)
    handout = await handed_out(world, export_id)
    age(database_url)

    swept = await sweep(world)
    refused = await world.ask("DELETE", f"/api/v1/exports/{export_id}")
    await world.services.exports.end(handout, sent=10, is_whole=True)

    assert swept == 0
    assert (refused.status_code, refused.json()["code"]) == (409, "in-use")
    assert "export.delete_refused" in [each["type"] for each in await world.events(export_id)]
    assert await sweep(world) == 1


async def test_a_download_that_nobody_renews_any_more_keeps_nothing_and_is_told_as_cut(
    world: World, database_url: str
) -> None:
    export_id, _ = await completed(world)
    handout = await handed_out(world, export_id)
    age(database_url)
    with psycopg.connect(database_url) as connection:  # the API died an hour ago
        connection.execute("UPDATE handouts SET held_until = now() - interval '1 hour'")

    assert await sweep(world) == 1

    cut = [each["data"] for each in await world.events(export_id) if each["type"] == "export.download_cut"]
    assert cut == [{"handout": handout.shown, "bytes": None}]


async def test_a_renewed_download_keeps_its_export(world: World, database_url: str) -> None:
    export_id, _ = await completed(world)
    handout = await handed_out(world, export_id)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE handouts SET held_until = now() - interval '1 second'")
    await world.services.exports.renew(handout)
    age(database_url)

    assert await sweep(world) == 0


async def test_what_is_on_its_way_to_a_destination_stays(world: World, database_url: str) -> None:
    export_id, _ = await completed(world)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO deliveries (tenant_id, export_id, destination, job_id, size, digest) "
            "SELECT tenant_id, id, 'archive', gen_random_uuid(), 10, sha256('') FROM exports"
        )
    age(database_url)

    swept = await sweep(world)
    refused = await world.ask("DELETE", f"/api/v1/exports/{export_id}")
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE deliveries SET status = 'cancelled'")

    assert swept == 0
    assert (refused.status_code, refused.json()["code"]) == (409, "in-use")
    assert "archive" in refused.json()["detail"]
    assert await sweep(world) == 1


async def test_what_a_pending_export_will_read_stays_until_that_has_ended(world: World, database_url: str) -> None:
    export_id, _ = await completed(world)
    answer = await world.ask("POST", "/api/v1/exports", json={"type": "evidence_pack", "exports": [export_id]})
    assert answer.status_code == 202, answer.text
    age(database_url)

    swept = await sweep(world)
    refused = await world.ask("DELETE", f"/api/v1/exports/{export_id}")
    await world.ask("POST", f"/api/v1/exports/{answer.json()['id']}/cancel")

    assert swept == 0
    assert (refused.status_code, answer.json()["id"] in refused.json()["detail"]) == (409, True)
    assert await sweep(world) == 1


async def test_many_that_stay_do_not_keep_those_behind_them(world: World, database_url: str) -> None:
    first, _ = await completed(world)
    await completed(world, b"PK other")
    handout = await handed_out(world, first)
    age(database_url)

    assert await sweep(world) == 1
    await world.services.exports.end(handout, sent=0, is_whole=False)
    assert await sweep(world) == 1


@pytest.mark.parametrize(
    "point", ["retention.expired", "retention.cleared", "artifacts.tombstoned", "artifacts.deleted"]
)
async def test_a_sweep_killed_anywhere_leaves_nothing_that_can_be_asked_for_and_the_next_ends_it(
    world: World, database_url: str, tmp_path: Path, point: str
) -> None:
    export_id, path = await completed(world)
    working = BlobStore(world.services.settings.blobs_dir).path(
        f"{blob_prefix(world.organisations['nordlys'].id, ids.parse(ids.EXPORT, export_id))}/1/rows"
    )
    await asyncio.to_thread(working.parent.mkdir, parents=True)
    await asyncio.to_thread(working.write_bytes, b"rows")
    age(database_url)
    failpoint = tmp_path / "failpoint"
    await asyncio.to_thread(failpoint.write_text, point)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SWEEP, database_url, str(world.services.settings.blobs_dir),
        env={"LADING_FAILPOINT_FILE": str(failpoint)},
    )  # fmt: skip

    assert await process.wait() == -signal.SIGKILL
    shown = (await world.ask("GET", f"/api/v1/exports/{export_id}")).json()
    assert (shown["status"], shown["artifacts"]) == ("expired", [])
    assert (await world.ask("GET", path)).status_code == 404
    await sweep(world)
    await retention.collect(world.services.database, BlobStore(world.services.settings.blobs_dir), grace_seconds=0)
    assert files(world) == []
    assert [each["type"] for each in await world.events(export_id)].count("export.expired") == 1


# --- over a real connection -----------------------------------------------------------------------


@asynccontextmanager
async def served(world: World) -> AsyncIterator[int]:
    """Serve the world on a port."""
    stop = asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(serve(world.services, listener=listener, stop=stop))
        try:
            yield listener.getsockname()[1]
        finally:
            stop.set()
            await serving


async def request(world: World, port: int, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Ask for a file and read nothing of it yet but the head of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 16)
    token = (await world.headers())["Authorization"]
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\nConnection: close\r\n\r\n".encode())
    assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
    return reader, writer


async def told(world: World, export_id: str, event: str) -> dict[str, Any]:
    """Return the data of the entry when it is there."""
    async with asyncio.timeout(60):
        while True:
            for each in await world.events(export_id):
                if each["type"] == event:
                    return each["data"]
            await asyncio.sleep(0)


async def handouts(world: World) -> int:
    async with world.services.database.tenant(world.organisations["nordlys"].id) as tx:
        return int((await tx.one(SQL("SELECT count(*) AS n FROM handouts")))["n"])


async def until_none_is_handed_out(world: World) -> None:
    async with asyncio.timeout(60):
        while True:
            if not await handouts(world):
                return
            await asyncio.sleep(0)


async def test_a_slow_reader_gets_the_whole_file_and_keeps_the_export_meanwhile(
    world: World, database_url: str
) -> None:
    export_id, path = await completed(world, CONTENT)
    async with served(world) as port:
        reader, writer = await request(world, port, path)
        age(database_url)
        during = await sweep(world)
        deleted = await world.ask("DELETE", f"/api/v1/exports/{export_id}")
        body = await reader.read(-1)
        writer.close()
        await until_none_is_handed_out(world)

    assert (during, deleted.status_code) == (0, 409)
    assert hashlib.sha256(body).digest() == hashlib.sha256(CONTENT).digest()
    assert "export.download_cut" not in [each["type"] for each in await world.events(export_id)]
    assert await sweep(world) == 1


async def test_a_cut_download_is_told_with_how_far_it_came_and_frees_the_export(
    world: World, database_url: str
) -> None:
    export_id, path = await completed(world, CONTENT)
    async with served(world) as port:
        reader, writer = await request(world, port, path)
        await reader.readexactly(1000)
        writer.transport.abort()
        cut = await told(world, export_id, "export.download_cut")

    begun = await told(world, export_id, "export.downloaded")
    assert cut["handout"] == begun["handout"]
    assert 0 <= cut["bytes"] < len(CONTENT)
    assert await handouts(world) == 0
    age(database_url)
    assert await sweep(world) == 1


async def test_a_reader_that_never_ends_is_cut_and_keeps_nothing_from_expiring(world: World, database_url: str) -> None:
    world.services.exports.download_seconds = 0.5  # pyright: ignore[reportAttributeAccessIssue]
    export_id, path = await completed(world, CONTENT)
    async with served(world) as port:
        reader, writer = await request(world, port, path)
        age(database_url)
        cut = await told(world, export_id, "export.download_cut")
        await until_none_is_handed_out(world)
        again = await world.ask("GET", path, headers={"Range": "bytes=1-"})
        writer.transport.abort()
        del reader

    assert cut["bytes"] < len(CONTENT)
    assert again.status_code == 404
    assert await sweep(world) == 1


async def test_what_is_over_is_handed_out_only_while_a_hold_keeps_it(world: World, database_url: str) -> None:
    export_id, path = await completed(world)
    age(database_url)
    over = await world.ask("GET", path)
    held = await world.ask("POST", "/api/v1/holds", json={"export": export_id, "reason": "a court asked"})
    kept = await world.ask("GET", path)

    assert (over.status_code, held.status_code, kept.status_code) == (404, 201, 200), held.text


async def test_a_download_that_is_continued_is_one_download(world: World) -> None:
    export_id, path = await completed(world, CONTENT)
    first = await world.ask("GET", path, headers={"Range": "bytes=0-999"})
    rest = await world.ask("GET", path, headers={"Range": "bytes=1000-", "If-Range": first.headers["etag"]})

    found = (await world.ask("GET", "/api/v1/artifacts", params={"export": export_id})).json()["items"]
    data = [each["data"] for each in await world.events(export_id) if each["type"] == "export.downloaded"]

    assert first.content + rest.content == CONTENT
    assert found[0]["downloads"] == 1
    assert [(each["first"], each["end"]) for each in data] == [(0, 1000), (1000, len(CONTENT))]


async def test_downloads_and_sweeps_side_by_side_never_give_half_a_file(world: World, database_url: str) -> None:
    made = [await completed(world, b"PK" + bytes([number]) * 500_000) for number in range(6)]
    age(database_url)

    async def download(path: str) -> httpx2.Response:
        return await world.ask("GET", path)

    async def swept() -> None:
        for _ in range(3):
            with suppress(TimeoutError):
                await sweep(world)

    answers, _ = await asyncio.gather(asyncio.gather(*[download(path) for _, path in made for _ in range(3)]), swept())

    assert {answer.status_code for answer in answers} <= {200, 404}
    for answer in answers:
        assert answer.status_code == 404 or len(answer.content) == 500_002
    assert await handouts(world) == 0
    await sweep(world)
    assert files(world) == []
