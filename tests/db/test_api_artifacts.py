"""What is stored can be found by its digest, traced to what made it, checked, and collected once nothing needs it."""

# O18

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from lading import ids
from lading.artifacts.blobs import BlobStore
from lading.artifacts.registry import Maker
from lading.client.aio.client import AsyncClient
from lading.exports import placing, retention
from lading.exports import store as exports
from lading.exports.model import NewArtifact, Sealed
from lading.exports.service import blob_prefix
from lading.ledger.entry import SYSTEM
from lading.tenants.model import Role
from serving import World, app_for

pytestmark = pytest.mark.anyio

CONTENT = b"PK the same package"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
API = "/api/v1/artifacts"


def files(world: World) -> list[Path]:
    return sorted(path for path in world.services.settings.blobs_dir.rglob("*") if path.is_file())


def blobs(world: World) -> BlobStore:
    return BlobStore(world.services.settings.blobs_dir)


def older(url: str) -> None:
    """Let every object be older than the grace."""
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE objects SET created_at = created_at - interval '1 day'")


async def get(world: World, path: str, **options: Any) -> dict[str, Any]:
    answer = await world.ask("GET", path, **options)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def publish(world: World, content: bytes = CONTENT, name: str = "report.zip") -> str:
    """Let an export complete with one file and return its id."""
    export = await world.export()
    await world.complete(export["id"], content, name)
    return str(export["id"])


async def as_before_objects(world: World, url: str, content: bytes) -> tuple[str, Path]:
    """Publish as Lading did before there were objects; return the export and its file."""
    export = await publish(world, content)
    tenant = world.organisations["nordlys"].id
    key = f"{blob_prefix(tenant, ids.parse(ids.EXPORT, export))}/1/package"
    with blobs(world).writer(key) as sink:
        sink.write(content)
    with psycopg.connect(url) as connection:
        connection.execute(
            "UPDATE artifacts SET object_state = NULL, blob_key = %s, job_id = NULL, lease_id = NULL, source = NULL",
            [key],
        )
    await retention.collect(world.services.database, blobs(world), grace_seconds=0)
    assert files(world) == [blobs(world).path(key)]
    return export, blobs(world).path(key)


async def test_the_same_content_is_stored_once_and_stays_while_anything_points_at_it(world: World) -> None:
    first, second = await publish(world), await publish(world)
    await retention.collect(world.services.database, blobs(world), grace_seconds=0)

    assert len(files(world)) == 1
    assert (await world.ask("DELETE", f"/api/v1/exports/{first}")).status_code == 204
    assert (await world.ask("GET", f"{API}/{DIGEST}/content")).content == CONTENT
    assert (await world.ask("DELETE", f"/api/v1/exports/{second}")).status_code == 204
    assert files(world) == []
    for path in (f"{API}/{DIGEST}", f"{API}/{DIGEST}/content"):
        assert (await world.ask("GET", path)).status_code == 404


async def test_content_tells_what_made_it_and_where_it_is_used(world: World) -> None:
    exports = [await publish(world), await publish(world)]

    found = await get(world, f"{API}/{DIGEST}")

    assert (found["sha256"], found["size"], found["state"]) == (DIGEST, len(CONTENT), "live")
    used = [use["published"] for use in found["uses"]]
    assert [each["export"] for each in used] == exports[::-1]
    assert {(each["profile"], each["revision"], each["source"], each["attempt"]) for each in used} == {
        ("bufdir", 1, "activities", 1)
    }
    assert all(each["job"].startswith("job_") and each["lease"].startswith("lse_") for each in used)
    assert all(len(each["profile_sha256"]) == 64 for each in used)


async def test_the_ledger_tells_of_publication_tombstone_and_collection(world: World) -> None:
    export = await publish(world)
    await world.ask("DELETE", f"/api/v1/exports/{export}")

    told = await world.events(f"artifact:{DIGEST}")

    assert [each["type"] for each in told] == ["artifact.published", "artifact.tombstoned", "artifact.collected"]
    published = told[0]["data"]
    assert (published["digest"], published["size"], published["export"], published["attempt"]) == (
        DIGEST, len(CONTENT), export, 1,
    )  # fmt: skip


async def test_a_list_pages_through_everything_once_and_filters(world: World) -> None:
    exports = [await publish(world, b"PK %d" % number, name=f"rapport å {number}.zip") for number in range(5)]

    seen, cursor = [], None
    while True:
        page = await get(world, API, params={"limit": 2, **({"cursor": cursor} if cursor else {})})
        seen += [each["export"] for each in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert seen == exports[::-1]
    first = (await get(world, API, params={"export": exports[0]}))["items"]
    assert [each["name"] for each in first] == ["rapport å 0.zip"]
    for name, value, count in [
        ("digest", first[0]["sha256"], 1), ("media_type", "text/csv", 0), ("media_type", "application/zip", 5),
        ("created_from", "2100-01-01T00:00:00Z", 0), ("created_to", "2100-01-01T00:00:00Z", 5),
    ]:  # fmt: skip
        assert len((await get(world, API, params={name: value}))["items"]) == count, name


async def test_what_is_no_filter_or_cursor_is_refused(world: World) -> None:
    page = await get(world, API, params={"limit": 1})
    assert page["next_cursor"] is None
    for _ in range(2):
        await publish(world)
    cursor = (await get(world, API, params={"limit": 1}))["next_cursor"]

    for params in (
        {"digest": "x"}, {"created_from": "2025-01-01T00:00:00"}, {"cursor": "x"}, {"limit": 0},
        {"cursor": cursor, "media_type": "text/csv"}, {"colour": "red"},
    ):  # fmt: skip
        assert (await world.ask("GET", API, params=params)).status_code == 422, params
    assert (await world.ask("GET", f"{API}/verification", params={"cursor": cursor})).status_code == 422
    assert (await world.ask("GET", f"{API}/{DIGEST.upper()}")).status_code == 404


async def test_tenants_neither_share_bytes_nor_learn_of_each_others(world: World) -> None:
    await publish(world)
    (kept,) = files(world)

    for path in (f"{API}/{DIGEST}", f"{API}/{DIGEST}/content"):
        assert (await world.ask("GET", path, slug="fjord")).status_code == 404
        assert (await world.ask("HEAD", f"{API}/{DIGEST}/content", slug="fjord")).status_code == 404
    assert (await get(world, API, slug="fjord"))["items"] == []
    assert (await get(world, f"{API}/verification", slug="fjord"))["checked"] == 0
    assert str(world.organisations["nordlys"].id) in str(kept)


async def test_roles_read_download_check_and_collect_as_they_may(world: World) -> None:
    await publish(world)

    async def status(role: Role, method: str, path: str, **options: Any) -> int:
        return (await world.ask(method, f"{API}{path}", role=role, **options)).status_code

    assert await status(Role.VIEWER, "GET", f"/{DIGEST}") == 200
    assert await status(Role.VIEWER, "GET", f"/{DIGEST}/content") == 403
    assert await status(Role.REQUESTER, "GET", f"/{DIGEST}/content") == 200
    assert await status(Role.REQUESTER, "GET", "/verification") == 403
    assert await status(Role.AUDITOR, "GET", "/verification") == 200
    assert await status(Role.AUDITOR, "POST", "/collect", json={"dry_run": True}) == 403
    assert await status(Role.OPERATOR, "POST", "/collect", json={"dry_run": True}) == 200


async def test_a_download_by_digest_is_a_download_of_the_export(world: World) -> None:
    export = await publish(world)

    head = await world.ask("HEAD", f"{API}/{DIGEST}/content")
    part = await world.ask("GET", f"{API}/{DIGEST}/content", headers={"Range": "bytes=0-5"})

    assert (head.status_code, head.headers["content-length"]) == (200, str(len(CONTENT)))
    assert (part.status_code, part.content) == (206, CONTENT[:6])
    assert (await get(world, API))["items"][0]["downloads"] == 1
    assert "export.downloaded" in [each["type"] for each in await world.events(export)]


async def test_missing_and_damaged_files_are_reported(world: World) -> None:
    await publish(world, b"PK whole")
    await publish(world)
    (kept,) = [path for path in files(world) if path.name.startswith(DIGEST[2:])]
    assert (await get(world, f"{API}/verification"))["faults"] == []

    kept.write_bytes(CONTENT[::-1])
    damaged = await get(world, f"{API}/verification")
    kept.unlink()
    missing = await get(world, f"{API}/verification")

    fault = {"sha256": DIGEST, "size": len(CONTENT)}
    assert damaged["faults"] == [{**fault, "problem": "damaged"}]
    assert missing["faults"] == [{**fault, "problem": "missing"}]
    assert (missing["checked"], missing["next_cursor"]) == (2, None)
    assert (await world.ask("GET", f"{API}/{DIGEST}/content")).status_code == 503


@pytest.mark.parametrize("harm", ["missing", "damaged"])
async def test_an_export_of_the_same_content_mends_a_file_that_is_not_whole(world: World, harm: str) -> None:
    first = await publish(world)
    (kept,) = files(world)
    kept.unlink() if harm == "missing" else kept.write_bytes(CONTENT[::-1])
    tenant, second = world.organisations["nordlys"].id, ids.parse(ids.EXPORT, (await world.export())["id"])
    with blobs(world).writer("working") as sink:
        sink.write(CONTENT)
    new, maker = (
        NewArtifact("b.zip", "working", "application/zip", len(CONTENT), DIGEST),
        Maker(ids.new(), None, 1, None),
    )
    rows = {"read": 1, "written": 1, "quarantined": 0, "duplicate": 0}

    sealed = await placing.place(world.services.database, blobs(world), tenant, Sealed([new], rows, [], DIGEST), maker)
    await world.run(ids.show(ids.EXPORT, second))
    async with world.services.database.tenant(tenant) as tx:
        await exports.complete(tx, second, sealed, actor=SYSTEM, maker=maker, retention_days=1)

    assert (await get(world, f"{API}/verification"))["faults"] == []
    assert (await world.ask("GET", f"/api/v1/exports/{first}/artifacts/report.zip")).content == CONTENT


async def test_verification_goes_through_everything_once(world: World) -> None:
    for number in range(5):
        await publish(world, b"PK %d" % number)

    checked, cursor = 0, None
    while True:
        found = await get(world, f"{API}/verification", params={"limit": 2, **({"cursor": cursor} if cursor else {})})
        checked, cursor = checked + found["checked"], found["next_cursor"]
        if cursor is None:
            break

    assert checked == 5


async def test_a_collection_needs_a_reason_and_takes_only_what_is_older_than_the_grace(
    world: World, database_url: str
) -> None:
    await publish(world, b"PK stays")
    await publish(world)
    (stays,) = [path for path in files(world) if not path.name.startswith(DIGEST[2:])]
    with psycopg.connect(database_url) as connection:  # as a crash right after the deletion leaves it
        connection.execute("DELETE FROM artifacts WHERE digest = %s", [bytes.fromhex(DIGEST)])

    refused = await world.ask("POST", f"{API}/collect", json={})
    young = await world.ask("POST", f"{API}/collect", json={"dry_run": True})
    older(database_url)
    dry = await world.ask("POST", f"{API}/collect", json={"dry_run": True})
    done = await world.ask("POST", f"{API}/collect", json={"reason": "room is needed", "ticket": "OPS-7"})

    assert (refused.status_code, refused.json()["code"]) == (400, "reason-required")
    assert young.json()["contents"] == 0
    assert dry.json() == {"contents": 1, "bytes": len(CONTENT), "files": 0, "dry_run": True}
    assert done.json() == {"contents": 1, "bytes": len(CONTENT), "files": 0, "dry_run": False}
    assert files(world) == [stays]
    told = [each for each in await world.events(f"artifact:{DIGEST}") if each["type"] == "artifact.tombstoned"]
    assert told[0]["data"] == {"digest": DIGEST, "size": len(CONTENT), "reason": True, "ticket": "OPS-7"}


async def test_a_download_under_way_goes_on_and_a_later_one_is_not_found(world: World) -> None:
    content = b"PK" + bytes(3 << 20)
    export = await publish(world, content)
    request = world.http.build_request(
        "GET", f"{API}/{hashlib.sha256(content).hexdigest()}/content", headers=await world.headers()
    )
    opened = await world.http.send(request, stream=True)
    await world.ask("DELETE", f"/api/v1/exports/{export}")

    assert files(world) == []
    assert (await opened.aread()) == content
    await opened.aclose()
    assert (await world.http.send(request)).status_code == 404


async def test_what_was_published_before_there_were_objects_keeps_working(world: World, database_url: str) -> None:
    export, file = await as_before_objects(world, database_url, CONTENT)
    path = f"/api/v1/exports/{export}/artifacts/report.zip"

    shown = await get(world, f"{API}/{DIGEST}")
    assert (shown["state"], shown["uses"][0]["published"]["job"]) == ("live", None)
    assert (await world.ask("GET", path)).content == CONTENT
    assert (await world.ask("GET", f"{API}/{DIGEST}/content")).content == CONTENT
    assert (await get(world, f"{API}/verification")) == {
        "checked": 1, "bytes": len(CONTENT), "faults": [], "next_cursor": None,
    }  # fmt: skip
    second = await publish(world)  # the same content again, now as an object
    assert len(files(world)) == 2
    await world.ask("DELETE", f"/api/v1/exports/{export}")
    assert not file.exists()
    assert (await world.ask("GET", f"/api/v1/exports/{second}/artifacts/report.zip")).content == CONTENT


async def test_the_client_lists_shows_downloads_checks_and_collects(world: World, tmp_path: Path) -> None:
    await publish(world)
    token = (await world.headers())["Authorization"].removeprefix("Bearer ")
    transport = httpx2.ASGITransport(app=app_for(world.services))

    async with AsyncClient("http://lading.test", token=token, transport=transport) as client:
        listed = [each.sha256 async for each in client.artifacts.list(media_type="application/zip")]
        content = await client.artifacts.get(DIGEST)
        path = await client.artifacts.download(content, tmp_path / "out")
        checked = [each.checked async for each in client.artifacts.verify()]
        collected = await client.artifacts.collect(dry_run=True)

    assert listed == [DIGEST]
    assert (path.name, path.read_bytes()) == ("report.zip", CONTENT)
    assert checked == [1]
    assert (collected.contents, collected.dry_run) == (0, True)


async def test_a_cursor_with_words_that_no_name_has_is_refused(world: World) -> None:
    for words in (["exp_1", "\ud800", "x"], ["exp_1", "\0", "x"], ["exp_1", 7, "x"], [["x"], "y", "z"], [], {}):
        cursor = base64.urlsafe_b64encode(json.dumps(words).encode()).decode().rstrip("=")
        answer = await world.ask("GET", API, params={"cursor": cursor})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/cursor"), words
