"""A link gives one file to whoever has it, for a while, and nothing else, and ends with everything it stands on."""

# E15

from __future__ import annotations

import base64
import io
import json
import logging
from typing import Any

import httpx2
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading import ids
from lading.exports import link_keys
from lading.exports.links import PREFIX, read
from lading.ledger.entry import SYSTEM
from lading.telemetry.log import JsonLines
from lading.tenants import store as tenants
from lading.tenants.model import INSTANCE_ID, Role
from serving import World

pytestmark = pytest.mark.anyio
WHY = {"reason": "A link was posted in public.", "ticket": "SEC-4"}
CONTENT = b"PK package"


async def completed(world: World, content: bytes = CONTENT) -> str:
    export_id = (await world.export())["id"]
    await world.complete(export_id, content)
    return export_id


async def made(world: World, export_id: str, role: Role = Role.ADMIN, **body: Any) -> dict[str, Any]:
    answer = await world.ask("POST", f"/api/v1/exports/{export_id}/links", role=role, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def follow(world: World, link: dict[str, Any], method: str = "GET", **headers: str) -> httpx2.Response:
    """Use a link as somebody without a key."""
    return await world.http.request(method, link["href"], headers=headers)


def key_of(world: World, role: Role) -> str:
    """Return the id of the key with that role, which its token holds."""
    return f"{ids.KEY}_{world.keys['nordlys', role].split('_')[1]}"


async def test_a_link_is_the_file_for_whoever_has_it(world: World) -> None:
    link = await made(world, await completed(world))

    answer = await follow(world, link)
    head = await follow(world, link, "HEAD")
    part = await follow(world, link, Range="bytes=3-5")
    known = await follow(world, link, **{"If-None-Match": answer.headers["etag"]})

    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert (link["artifact"], link["size"], link["url"]) == ("report.zip", 10, f"http://lading.test{link['href']}")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "10")
    assert (part.status_code, part.content) == (206, CONTENT[3:6])
    assert (known.status_code, known.content) == (304, b"")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "content-encoding" not in answer.headers
    assert "private" in answer.headers["cache-control"]
    assert answer.headers["content-disposition"] == 'attachment; filename="report.zip"'


async def test_a_download_by_link_is_counted_and_recorded_in_the_name_of_who_made_it(world: World) -> None:
    export_id = await completed(world)
    link = await made(world, export_id, Role.REQUESTER)
    await follow(world, link)
    await follow(world, link, "HEAD")

    told = [each for each in await world.events(export_id) if each["type"] in {"export.link_made", "export.downloaded"}]
    found = (await world.ask("GET", "/api/v1/artifacts", params={"export": export_id})).json()["items"]

    assert [(each["type"], each["data"]["link"]) for each in told] == [
        ("export.link_made", link["id"]),
        ("export.downloaded", link["id"]),
    ]
    assert {each["actor"]["id"] for each in told} == {key_of(world, Role.REQUESTER)}
    assert found[0]["downloads"] == 1
    assert PREFIX not in json.dumps(told)


async def test_a_link_runs_out_and_lasts_a_day_at_most(world: World, database_url: str) -> None:
    export_id = await completed(world)
    link = await made(world, export_id, expires_in_seconds=1)
    async with world.services.database.system() as tx:
        started = tx.now
    while True:
        answer = await follow(world, link)
        async with world.services.database.system() as tx:
            if (tx.now - started).total_seconds() > 2:
                break

    assert (answer.status_code, answer.json()["code"]) == (410, "gone")
    for seconds in (0, -1, 86_401, 2**63):
        body = {"expires_in_seconds": seconds}
        assert (await world.ask("POST", f"/api/v1/exports/{export_id}/links", json=body)).status_code == 422


async def test_a_link_ends_with_its_export(world: World) -> None:
    export_id = await completed(world)
    link = await made(world, export_id)
    await world.ask("DELETE", f"/api/v1/exports/{export_id}")

    for method in ("GET", "HEAD"):
        assert (await follow(world, link, method)).status_code == 404


async def test_a_link_ends_with_the_key_that_made_it(world: World) -> None:
    link = await made(world, await completed(world), Role.REQUESTER)
    before = await follow(world, link)
    async with world.services.database.system() as tx:
        key_id = ids.parse(ids.KEY, key_of(world, Role.REQUESTER))
        await tenants.revoke_key(tx, world.organisations["nordlys"].id, key_id=key_id, actor=SYSTEM)

    assert (before.status_code, (await follow(world, link)).status_code) == (200, 404)


async def test_a_link_ends_when_who_made_it_may_not_download_any_more(world: World, database_url: str) -> None:
    link = await made(world, await completed(world), Role.REQUESTER)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE api_keys SET role = 'viewer' WHERE role = 'requester'")

    assert (await follow(world, link)).status_code == 404


async def test_a_link_of_a_suspended_organisation_leads_nowhere(world: World, database_url: str) -> None:
    export_id = await completed(world)
    links = [await made(world, export_id)]
    by_instance = {"slug": "instance", "headers": {"Lading-Tenant": "nordlys"}}
    links.append((await world.ask("POST", f"/api/v1/exports/{export_id}/links", **by_instance)).json())
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE tenants SET suspended_at = now(), suspend_reason = 'x' WHERE slug = 'nordlys'")

    assert [(await follow(world, each)).status_code for each in links] == [404, 404]


async def test_revoking_ends_every_link_at_once_and_new_ones_hold(world: World) -> None:
    export_id = await completed(world)
    link = await made(world, export_id)

    refused = await world.ask("POST", "/api/v1/links/revoke", json=WHY)
    unsaid = await world.ask("POST", "/api/v1/links/revoke", slug="instance", json={})
    before = await follow(world, link)
    revoked = await world.ask("POST", "/api/v1/links/revoke", slug="instance", json=WHY)

    assert (refused.status_code, unsaid.status_code, revoked.status_code) == (403, 400, 204)
    assert (before.status_code, (await follow(world, link)).status_code) == (200, 404)
    assert (await follow(world, await made(world, export_id))).status_code == 200
    key = world.services.settings.keys_dir / link_keys.FILE
    assert key.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in key.parent.iterdir() if path.name.startswith(f".{link_keys.FILE}")] == []


async def test_a_forged_link_leads_nowhere(world: World) -> None:
    link = await made(world, await completed(world))
    path, token = link["href"].rsplit("/", 1)
    body = token.removeprefix(PREFIX)
    raw = bytearray(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    forged = [PREFIX, "x", token[:-1], token[:-4] + "AAAA", token + "A", "ldg_" + body, PREFIX + "å", "%0a" + token]
    for place in range(0, len(raw), 7):
        other = bytearray(raw)
        other[place] ^= 1
        forged.append(PREFIX + base64.urlsafe_b64encode(other).decode().rstrip("="))
    forged.append("." * 399)

    for each in forged:
        assert (await world.http.get(f"{path}/{each}")).status_code == 404, each
    assert (await world.http.get(f"{path}/{'x' * 401}")).status_code == 422


async def test_the_token_stands_in_no_log_and_no_problem(world: World, caplog: pytest.LogCaptureFixture) -> None:
    link = await made(world, await completed(world))
    token = link["href"].rsplit("/", 1)[1]
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines())
    record = logging.makeLogRecord({"msg": f"GET {link['url']} failed", "levelname": "ERROR", "path": link["href"]})
    handler.emit(record)
    with caplog.at_level(logging.DEBUG):
        await follow(world, link)
        await world.ask("POST", "/api/v1/links/revoke", slug="instance", json=WHY)
        gone = await follow(world, link)
        (world.services.settings.keys_dir / link_keys.FILE).write_text("damaged")
        broken = await follow(world, link)

    assert (gone.status_code, broken.status_code) == (404, 503)
    for text in (
        written.getvalue(),
        gone.text,
        broken.text,
        *(each.getMessage() for each in caplog.records if each.name.startswith("lading")),
    ):
        assert token not in text


async def test_who_may_download_makes_links_and_nobody_else(world: World) -> None:
    export_id = await completed(world)

    statuses = {
        role: (await world.ask("POST", f"/api/v1/exports/{export_id}/links", role=role)).status_code for role in Role
    }

    assert {role for role, status in statuses.items() if status == 201} == {
        Role.REQUESTER,
        Role.OPERATOR,
        Role.AUDITOR,
        Role.ADMIN,
    }
    assert (await world.ask("POST", f"/api/v1/exports/{export_id}/links", slug="fjord")).status_code == 404


async def test_what_hands_out_nothing_gets_no_link(world: World) -> None:
    pending, done = (await world.export())["id"], await completed(world)

    assert (await world.ask("POST", f"/api/v1/exports/{pending}/links")).status_code == 404
    named = await world.ask("POST", f"/api/v1/exports/{done}/links", json={"artifact": "../secret"})
    assert named.status_code == 404
    assert (await world.ask("POST", f"/api/v1/exports/{done}/links", json={"colour": 1})).status_code == 422


async def test_a_link_of_an_admin_of_the_instance_holds_like_any_other(world: World) -> None:
    export_id = await completed(world)
    answer = await world.ask(
        "POST", f"/api/v1/exports/{export_id}/links", slug="instance", headers={"Lading-Tenant": "nordlys"}
    )

    assert answer.status_code == 201
    assert (await follow(world, answer.json())).status_code == 200


async def test_a_link_ends_when_who_made_it_may_act_for_the_organisation_no_more(
    world: World, database_url: str
) -> None:
    export_id = await completed(world)
    answer = await world.ask(
        "POST", f"/api/v1/exports/{export_id}/links", slug="instance", headers={"Lading-Tenant": "nordlys"}
    )
    link = answer.json()
    before = await follow(world, link)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE api_keys SET role = 'operator' WHERE tenant_id = %s", [INSTANCE_ID])

    assert (before.status_code, (await follow(world, link)).status_code) == (200, 404)
    assert (await follow(world, link, "HEAD")).status_code == 404


@given(st.text(max_size=400))
def test_no_text_is_read_as_a_link(text: str) -> None:
    assert read(b"key", PREFIX + text) is None
    assert read(b"key", text) is None
    assert ids.LINK == "lnk"
