"""A file is handed out whole or in parts, proves what it is, and every download is counted."""

# E15, C4.

from __future__ import annotations

import base64
import hashlib
import re
from urllib.parse import unquote

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.sql import SQL

from lading import ids
from lading.api.downloads import disposition
from lading.exports.handouts import Crowd
from lading.tenants.model import Role
from serving import World

pytestmark = pytest.mark.anyio
CONTENT = bytes(range(256)) * 1200  # more than one chunk
DIGEST = hashlib.sha256(CONTENT)
TAG = f'"sha256-{DIGEST.hexdigest()}"'


async def published(world: World, name: str = "report.zip") -> str:
    return await world.complete((await world.export())["id"], CONTENT, name)


async def downloads(world: World) -> tuple[int, int]:
    async with world.services.database.tenant(world.organisations["nordlys"].id) as tx:
        counted = await tx.one(SQL("SELECT sum(download_count) AS n FROM artifacts"))
    async with world.services.database.ledger() as tx:
        noted = await tx.one(SQL("SELECT count(*) AS n FROM ledger_pending WHERE type = 'export.downloaded'"))
    return int(counted["n"]), int(noted["n"])


async def test_a_download_is_whole_described_and_counted(world: World) -> None:
    path = await published(world)

    answer = await world.ask("GET", path)

    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["etag"] == TAG
    assert answer.headers["repr-digest"] == f"sha-256=:{base64.b64encode(DIGEST.digest()).decode()}:"
    assert answer.headers["content-length"] == str(len(CONTENT))
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == 'attachment; filename="report.zip"'
    assert answer.headers["accept-ranges"] == "bytes"
    assert "content-encoding" not in answer.headers
    assert "no-transform" in answer.headers["cache-control"]
    assert await downloads(world) == (1, 1)


async def test_so_many_files_are_on_their_way_at_once_and_no_more(world: World) -> None:
    path = await published(world)
    crowd = world.services.exports.crowd = Crowd(3, 2)  # pyright: ignore[reportAttributeAccessIssue]
    own, other, third = (ids.new() for _ in range(3))
    own = world.organisations["nordlys"].id

    crowd.enter(own)
    one_left = await world.ask("GET", path)
    crowd.enter(own)
    full = await world.ask("GET", path)
    crowd.leave(own)
    crowd.enter(other)
    crowd.enter(third)
    busy = await world.ask("GET", path)
    head = await world.ask("HEAD", path)
    crowd.leave(third)
    last = [await world.ask("GET", path) for _ in range(4)]
    for status, options in (
        (404, {}),
        (416, {"headers": {"Range": "bytes=9999999-"}}),
        (304, {"headers": {"If-None-Match": TAG}}),
    ):
        where = f"{path}x" if status == 404 else path
        assert (await world.ask("GET", where, **options)).status_code == status
    after = await world.ask("GET", path)

    assert (one_left.status_code, head.status_code, after.status_code) == (200, 200, 200)
    assert (full.status_code, full.json()["code"], full.headers["retry-after"]) == (429, "too-many-downloads", "5")
    assert (busy.status_code, busy.json()["code"], busy.headers["retry-after"]) == (503, "overloaded", "5")
    assert {each.status_code for each in last} == {200}


async def test_the_export_lists_what_can_be_downloaded(world: World) -> None:
    path = await published(world)

    items = (await world.ask("GET", path.rpartition("/")[0])).json()["items"]

    assert [(item["href"], item["size"], item["sha256"]) for item in items] == [
        (path, len(CONTENT), DIGEST.hexdigest())
    ]


async def test_the_head_of_a_file_is_not_a_download(world: World) -> None:
    path = await published(world)

    answer = await world.ask("HEAD", path)

    assert (answer.status_code, answer.content) == (200, b"")
    assert (answer.headers["etag"], answer.headers["content-length"]) == (TAG, str(len(CONTENT)))
    assert await downloads(world) == (0, 0)


async def test_one_range_is_answered_exactly(world: World) -> None:
    path, size = await published(world), len(CONTENT)

    for asked, first, end in [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        (f"bytes={size - 1}-", size - 1, size),
        ("bytes=-5", size - 5, size),
        (f"bytes=-{size * 2}", 0, size),
        (f"bytes=300000-{size * 9}", 300000, size),
    ]:
        answer = await world.ask("GET", path, headers={"Range": asked})
        assert (answer.status_code, answer.content) == (206, CONTENT[first:end]), asked
        assert answer.headers["content-range"] == f"bytes {first}-{end - 1}/{size}"
        assert answer.headers["content-length"] == str(end - first)
        assert answer.headers["etag"] == TAG


async def test_a_range_behind_the_end_is_416_and_says_the_size(world: World) -> None:
    path = await published(world)

    for asked in (f"bytes={len(CONTENT)}-", "bytes=-0", f"bytes={10**17}-{10**17 + 1}"):
        answer = await world.ask("GET", path, headers={"Range": asked})
        assert (answer.status_code, answer.json()["code"]) == (416, "range-not-satisfiable")
        assert answer.headers["content-range"] == f"bytes */{len(CONTENT)}"
    assert await downloads(world) == (0, 0)


async def test_a_range_that_is_none_gets_the_whole_file(world: World) -> None:
    path = await published(world)

    for asked in ("bytes=5-2", "bytes=-", "rows=0-1", "bytes=0-1,5-9", "bytes=" + "1" * 400 + "-", "bytes=a-b"):
        assert (await world.ask("GET", path, headers={"Range": asked})).status_code == 200, asked


async def test_a_part_is_continued_only_of_the_same_file(world: World) -> None:
    path = await published(world)

    async def status(if_range: str) -> int:
        return (await world.ask("GET", path, headers={"Range": "bytes=5-", "If-Range": if_range})).status_code

    assert await status(TAG) == 206
    assert await status('"sha256-other"') == 200
    assert await status(f"W/{TAG}") == 200
    assert await status("Sat, 21 Nov 2026 10:00:00 GMT") == 200


async def test_a_file_the_caller_has_is_not_sent_again(world: World) -> None:
    path = await published(world)

    for method in ("GET", "HEAD"):
        answer = await world.ask(method, path, headers={"If-None-Match": f'"x", {TAG}', "Range": "bytes=0-1"})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", TAG)
    assert await downloads(world) == (0, 0)


async def test_a_name_that_is_not_ascii_is_kept(world: World) -> None:
    path = await published(world, "årsrapport.zip")

    answer = await world.ask("GET", path)

    assert answer.headers["content-disposition"].endswith("filename*=UTF-8''%C3%A5rsrapport.zip")


async def test_a_file_that_is_not_there_is_404(world: World) -> None:
    path = await published(world)
    pending = await world.export()

    for missing in (f"{path}x", f"/api/v1/exports/{pending['id']}/artifacts/report.zip", f"{path}/../../../x"):
        assert (await world.ask("GET", missing)).status_code == 404


async def test_a_file_that_was_damaged_on_disk_is_not_handed_out(world: World) -> None:
    path = await published(world)
    (kept,) = [each for each in world.services.settings.blobs_dir.rglob("objects/**/*") if each.is_file()]
    kept.write_bytes(CONTENT[:-1])
    shorter = await world.ask("GET", path)
    kept.unlink()
    gone = await world.ask("GET", path)

    for answer in (shorter, gone):
        assert (answer.status_code, answer.json()["code"]) == (503, "storage-failed")
        assert str(kept) not in answer.text


async def test_a_viewer_reads_but_does_not_download(world: World) -> None:
    path = await published(world)

    statuses = {role: (await world.ask("GET", path, role=role)).status_code for role in Role}

    allowed = {Role.REQUESTER, Role.OPERATOR, Role.AUDITOR, Role.ADMIN}
    assert {role for role, status in statuses.items() if status == 200} == allowed
    assert {status for role, status in statuses.items() if role not in allowed} == {403}


async def test_another_organisation_finds_nothing(world: World) -> None:
    path = await published(world)

    answer: httpx2.Response = await world.ask("GET", path, slug="fjord")

    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


@given(st.text(max_size=300))
def test_no_name_breaks_the_header_or_leaves_the_folder(name: str) -> None:
    if any("\ud800" <= each <= "\udfff" for each in name):
        return  # no name is stored that has one

    header = disposition(name)

    found = re.fullmatch(
        r"attachment; filename=\"([A-Za-z0-9._-]+)\"(?:; filename\*=UTF-8''([A-Za-z0-9._~%-]+))?", header
    )
    assert found is not None, header
    saved = unquote(found[2]) if found[2] else found[1]
    assert not saved.startswith(".")
    assert not set(saved) & set("/\\\r\n\0")
    assert saved.isprintable()


async def test_a_hostile_name_is_saved_under_a_harmless_one(world: World) -> None:
    export_id = (await world.export())["id"]
    await world.complete(export_id, CONTENT, 'a"b;c=ø.zip')

    item = (await world.ask("GET", f"/api/v1/exports/{export_id}/artifacts")).json()["items"][0]
    answer = await world.ask("GET", item["href"])

    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"a_b_c__.zip\"; filename*=UTF-8''a%22b%3Bc%3D%C3%B8.zip"
    )
