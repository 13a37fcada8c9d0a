"""Profiles, sources and the ledger are managed and read over HTTP as they are stored."""

# E13, P14 (credentials by reference), A1, A3 (the exact lines), O1.

from __future__ import annotations

import asyncio
import hashlib
import socket
from pathlib import Path
from typing import Any

import httpx2
import pytest

from lading.ledger import keys as signing
from lading.ledger.integrator import integrate
from serving import PROFILE, World

pytestmark = pytest.mark.anyio
WHY = {"reason": "moved to another system", "ticket": "OPS-7"}
ELSEWHERE = {**PROFILE, "source": {**PROFILE["source"], "name": "elsewhere"}}


async def test_a_profile_is_revised_activated_and_rolled_back(world: World) -> None:
    changed = {**PROFILE, "title": "Another title"}

    same = await world.ask("PUT", "/api/v1/profiles/bufdir", json=PROFILE)
    revised = await world.ask("PUT", "/api/v1/profiles/bufdir", json=changed)
    before = await world.ask("GET", "/api/v1/profiles/bufdir")
    activated = await world.ask("POST", "/api/v1/profiles/bufdir/activate", json={"revision": 2})
    after = await world.ask("GET", "/api/v1/profiles/bufdir")
    back = await world.ask("POST", "/api/v1/profiles/bufdir/activate", json={"revision": 1})

    assert [answer.json()["revision"] for answer in (same, revised, before, activated, after, back)] == [
        1,
        2,
        1,
        2,
        2,
        1,
    ]
    assert revised.json()["is_active"] is False
    assert after.json()["document"] == changed
    revisions = (await world.ask("GET", "/api/v1/profiles/bufdir/revisions")).json()["items"]
    assert [(each["revision"], each["is_active"]) for each in revisions] == [(2, False), (1, True)]
    listed = (await world.ask("GET", "/api/v1/profiles")).json()["items"]
    assert listed == [{"name": "bufdir", "active_revision": 1, "latest_revision": 2}]
    assert (await world.ask("GET", "/api/v1/profiles/bufdir?revision=2")).json()["document"] == changed


async def test_a_wrong_profile_is_refused_with_every_fault_and_stores_nothing(world: World) -> None:
    wrong = {**PROFILE, "formats": ["docx"], "colour": "red"}

    answer = await world.ask("PUT", "/api/v1/profiles/bufdir", json=wrong)
    misnamed = await world.ask("PUT", "/api/v1/profiles/other", json=PROFILE)

    assert (answer.status_code, answer.json()["code"]) == (422, "profile-invalid")
    assert len(answer.json()["errors"]) >= 2
    assert (misnamed.status_code, misnamed.json()["errors"][0]["pointer"]) == (422, "/profile")
    assert len((await world.ask("GET", "/api/v1/profiles/bufdir/revisions")).json()["items"]) == 1


async def test_what_is_not_there_is_404(world: World) -> None:
    for path in ("/profiles/none", "/profiles/bufdir?revision=9", "/profiles/none/revisions", "/sources/none"):
        assert (await world.ask("GET", f"/api/v1{path}")).status_code == 404, path
    answer = await world.ask("POST", "/api/v1/profiles/bufdir/activate", json={"revision": 9})
    assert answer.status_code == 404


async def test_a_revision_out_of_bounds_is_no_server_error(world: World) -> None:
    for revision in (0, -1, 2**31, 2**52):
        answer = await world.ask("POST", "/api/v1/profiles/bufdir/activate", json={"revision": revision})
        assert answer.status_code == 404, revision
        assert (await world.ask("GET", f"/api/v1/profiles/bufdir?revision={revision}")).status_code in {404, 422}


async def registered(world: World, body: dict[str, Any], name: str = "activities") -> httpx2.Response:
    named = {"Lading-Tenant": "nordlys"}
    return await world.over("PUT", f"/api/v1/sources/{name}", slug="instance", headers=named, json=body)


async def test_a_source_is_registered_by_reference(world: World) -> None:
    put = await registered(world, {"credentials_ref": "env:ACTIVITIES_URL"})
    again = await registered(world, {"credentials_ref": "env:ACTIVITIES_URL", "timeout_seconds": 60})

    assert (put.status_code, put.json()["version"]) == (200, 1)
    assert (again.json()["version"], again.json()["timeout_seconds"]) == (2, 60)
    assert (await world.ask("GET", "/api/v1/sources/activities")).json() == again.json()
    assert (await world.ask("GET", "/api/v1/sources")).json() == {"items": [again.json()]}


async def at_version(world: World, method: str, tag: str, body: dict[str, Any]) -> httpx2.Response:
    headers = {"Lading-Tenant": "nordlys", "If-Match": tag}
    return await world.ask(method, "/api/v1/sources/spare", slug="instance", headers=headers, json=body)


async def test_a_source_is_changed_and_deleted_only_as_it_was_read(world: World) -> None:  # O1
    settings = {"credentials_ref": "env:SPARE_URL"}
    absent = await at_version(world, "PUT", '"v1"', settings)
    nothing = await at_version(world, "PUT", "*", settings)
    made = await registered(world, settings, "spare")
    changed = await at_version(world, "PUT", made.headers["ETag"], {**settings, "timeout_seconds": 9})
    late = await at_version(world, "PUT", made.headers["ETag"], {**settings, "timeout_seconds": 5})
    too_late = await at_version(world, "DELETE", made.headers["ETag"], WHY)
    odd = await at_version(world, "PUT", "v1", settings)

    assert (absent.status_code, nothing.status_code, made.status_code, odd.status_code) == (404, 404, 200, 422)
    assert (changed.json()["version"], changed.headers["ETag"]) == (2, '"v2"')
    assert (late.status_code, late.json()["code"], too_late.status_code) == (412, "precondition-failed", 412)
    assert (await at_version(world, "DELETE", '"v2"', WHY)).status_code == 204
    assert (await world.ask("GET", "/api/v1/sources/spare")).status_code == 404
    event = (await world.events("source:spare"))[-1]
    assert (event["type"], event["data"]["reason"], event["data"]["ticket"]) == ("source.deleted", True, "OPS-7")


async def test_a_source_in_use_is_not_deleted_and_its_users_are_named(world: World) -> None:  # O1
    await registered(world, {"credentials_ref": "env:X"})
    read = await deleted(world)
    await world.ask("PUT", "/api/v1/profiles/bufdir", json=ELSEWHERE, params={"activate": True})
    job = await world.job(source="activities")
    called = await deleted(world)
    await world.ask("POST", f"/api/v1/jobs/{job['id']}/cancel", json=WHY)

    assert (read.status_code, "bufdir" in read.json()["detail"]) == (409, True)
    assert (called.status_code, job["id"] in called.json()["detail"]) == (409, True)
    assert (await world.ask("GET", "/api/v1/sources/activities")).status_code == 200
    assert (await deleted(world, {})).json()["code"] == "reason-required"
    assert (await deleted(world)).status_code == 204
    assert (await deleted(world)).status_code == 404


async def deleted(world: World, body: dict[str, Any] | None = None) -> httpx2.Response:
    named = {"Lading-Tenant": "nordlys"}
    given = WHY if body is None else body
    return await world.over("DELETE", "/api/v1/sources/activities", slug="instance", headers=named, json=given)


async def test_a_source_with_the_secret_itself_is_refused_without_repeating_it(world: World) -> None:
    for body, pointer in [
        ({"credentials_ref": "postgresql://u:hunter2@h/d"}, "/credentials_ref"),
        ({"credentials_ref": "env:LADING_DATABASE_URL"}, "/credentials_ref"),
        ({"credentials_ref": "env:X", "kind": "oracle"}, "/kind"),
        ({"credentials_ref": "env:X", "timeout_seconds": 0}, "/timeout_seconds"),
        ({"credentials_ref": "env:X", "timeout_seconds": 2**50}, "/timeout_seconds"),
        ({"credentials_ref": "env:X", "attachments_ref": "x"}, "/attachments_ref"),
        ({"credentials_ref": "env:X", "password": "hunter2"}, "/password"),
    ]:
        answer = await registered(world, body)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer), answer.text
        assert "hunter2" not in answer.text


async def test_trying_a_source_says_what_is_wrong_and_the_mend(world: World) -> None:
    await registered(world, {"credentials_ref": "env:TEST_UNSET"})

    report = (await world.ask("POST", "/api/v1/sources/activities/test")).json()

    assert report["ok"] is False
    assert "TEST_UNSET" in report["checks"][0]["detail"]


async def test_a_silent_source_holds_up_nobody_but_its_own_trials(world: World, tmp_path: Path) -> None:  # A6
    await asyncio.to_thread(signing.load_or_create, world.services.settings.keys_dir, "lading.test")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = tmp_path / "credentials"
        place.touch(0o600)
        place.write_text(f"postgresql://u:p@127.0.0.1:{silent.getsockname()[1]}/d", "utf-8")
        await registered(world, {"credentials_ref": f"file:{place}", "timeout_seconds": 1})
        refused, other, is_trying, answers = await _crowd(world)

    assert (refused.status_code, other.status_code, is_trying) == (409, 200, True)
    assert sorted(answers) == [200] + [409] * 39


async def _crowd(world: World) -> tuple[httpx2.Response, httpx2.Response, bool, list[int]]:
    trials = [asyncio.create_task(world.ask("POST", "/api/v1/sources/activities/test")) for _ in range(40)]
    refused = await next(asyncio.as_completed(trials))
    other = await world.ask("GET", "/api/v1/keys/trust")
    is_trying = not all(each.done() for each in trials)
    return refused, other, is_trying, [(await each).status_code for each in trials]


async def test_the_ledger_is_read_as_the_exact_lines_under_a_signed_head(world: World) -> None:
    too_early = await world.ask("GET", "/api/v1/ledger/head")
    await world.export()
    made = signing.load_or_create(world.services.settings.keys_dir, "lading.test")
    while await integrate(world.services.database, made.log, origin_prefix="lading.test"):
        pass

    head = (await world.ask("GET", "/api/v1/ledger/head")).json()
    lines = (await world.ask("GET", "/api/v1/ledger/entries")).content.splitlines()
    second = (await world.ask("GET", "/api/v1/ledger/entries?first=1&limit=1")).content

    assert (too_early.status_code, too_early.json()["code"]) == (404, "not-found")
    assert len(lines) == head["size"] >= 3
    assert second == lines[1] + b"\n"
    assert head["root_sha256"] == _root(lines)
    assert head["note"].startswith("lading.test")


async def test_the_public_keys_are_the_trust_file(world: World) -> None:
    missing = await world.ask("GET", "/api/v1/keys/trust")
    await asyncio.to_thread(signing.load_or_create, world.services.settings.keys_dir, "lading.test")

    answer = await world.ask("GET", "/api/v1/keys/trust")

    assert missing.status_code == 404
    assert answer.content == await asyncio.to_thread(world.services.settings.trust_file.read_bytes)
    assert b"PRIVATE" not in answer.content


def _root(lines: list[bytes]) -> str:
    # RFC 6962, written down once more and apart from ours.
    def tree(leaves: list[bytes]) -> bytes:
        if len(leaves) == 1:
            return hashlib.sha256(b"\x00" + leaves[0]).digest()
        split = 1
        while split * 2 < len(leaves):
            split *= 2
        return hashlib.sha256(b"\x01" + tree(leaves[:split]) + tree(leaves[split:])).digest()

    return tree(lines).hex()
