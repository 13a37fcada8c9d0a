"""Who changes a thing says which version they have read: nobody writes over what they have not seen."""  # E7 U1

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx2
import pytest

from lading.api.app import routes
from lading.client import AsyncClient
from lading.wire.destinations import DestinationRequest
from lading.wire.schedules import ScheduleRequest
from lading.wire.sources import SourceRequest
from lading.wire.webhooks import WebhookRequest
from serving import World, app_for

pytestmark = pytest.mark.anyio
WHY = {"reason": "because"}
HERE = {"Lading-Tenant": "nordlys"}
SCHEDULE = {"cron": "0 3 * * *", "payload": {"profile": "bufdir"}, "period": "previous-month"}
BUCKET = {"kind": "s3", "options": {"bucket": "a-bucket"}, "credentials_ref": "env:X"}
HOOK = {"url": "https://a.example/hook", "topics": ["exports"]}
PROVIDER = {"issuer": "https://id.example", "audience": "lading"}
POLICY = {"policy": "x", "rules": [{"rule": "formats", "reason": "r", "formats": ["csv"]}]}
# What is put under a name of the caller's choice, and a change of it.
PUT: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "putSource": ("sources/x", {"credentials_ref": "env:X"}, {"timeout_seconds": 7}),
    "putDestination": ("destinations/x", BUCKET, {"timeout_seconds": 7}),
    "putSchedule": ("schedules/x", SCHEDULE, {"overlap": "queue"}),
    "putRetentionRule": ("retention-rules/tenant", {"days": 7, **WHY}, {"days": 8}),
    "putIdentityProvider": ("identity-providers/x", PROVIDER, {"audience": "other"}),
    "putPolicy": ("policies/x", POLICY, {"title": "Other"}),
}
MADE: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "putWebhook": ("webhooks", HOOK, {**HOOK, "url": "https://b.example/hook"}),
    "changeMember": ("members", {"email": "a@x.example", "role": "viewer"}, {"role": "auditor"}),
    "renameTenant": ("tenants", {"slug": "ny", "name": "Ny"}, {"name": "Nyere"}),
}
# Whoever sets these says the whole limit and why; they have no ETag, and of revisions none is ever written over.
UNCONDITIONAL = {
    "putProfile", "putQuota", "putRateLimit", "putRetryPolicy", "putAllocation", "putCallQuota", "cancelBufdirExport",
    "deleteExport", "deleteBufdirExport", "deleteQuota", "deleteRateLimit", "deleteRetryPolicy", "deleteAllocation",
    "deleteCallQuota", "liftThrottle", "revokeKey",
}  # fmt: skip


@pytest.fixture
async def client(world: World) -> AsyncIterator[AsyncClient]:
    token = (await world.headers("instance"))["Authorization"].removeprefix("Bearer ")
    transport = httpx2.ASGITransport(app=app_for(world.services))
    async with AsyncClient("http://lading.test", token=token, tenant="nordlys", transport=transport) as made:
        yield made


async def ask(world: World, method: str, path: str, body: Any = None, **headers: str) -> httpx2.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    slug, here = ("instance", HERE) if path.startswith(("sources", "destinations", "tenants")) else ("nordlys", {})
    given = {} if path.startswith("tenants") else here
    return await world.ask(method, f"/api/v1/{path}", slug=slug, headers={**given, **named}, json=body)


@pytest.mark.parametrize("name", PUT)
async def test_nothing_is_put_over_a_version_that_nobody_named(world: World, name: str) -> None:  # E7
    path, whole, part = PUT[name]
    changed = {**whole, **part}

    made = await ask(world, "PUT", path, whole)
    silent = await ask(world, "PUT", path, changed)
    new = await ask(world, "PUT", path, changed, If_None_Match="*")
    stands = await ask(world, "GET", path.replace("retention-rules/tenant", "retention-rules"))
    any_ = await ask(world, "PUT", path, changed, If_Match="*")
    late = await ask(world, "PUT", path, whole, If_Match=made.headers["ETag"])

    assert [each.status_code for each in (made, silent, new, any_, late)] == [200, 428, 412, 200, 412], silent.text
    assert (silent.json()["code"], silent.headers["ETag"]) == ("precondition-required", made.headers["ETag"])
    assert next(iter(part)) not in stands.json() or stands.json()[next(iter(part))] != next(iter(part.values()))
    assert (new.headers["ETag"], late.headers["ETag"]) == (made.headers["ETag"], any_.headers["ETag"])


@pytest.mark.parametrize("name", PUT)
async def test_what_is_there_already_is_not_made_and_what_is_not_there_not_changed(world: World, name: str) -> None:
    path, whole, _ = PUT[name]

    absent = [await ask(world, "PUT", path, whole, If_Match=tag) for tag in ("*", '"v1"')]
    both = await ask(world, "PUT", path, whole, If_Match="*", If_None_Match="*")
    odd = await ask(world, "PUT", path, whole, If_None_Match='"v1"')
    crowd = await asyncio.gather(*(ask(world, "PUT", path, whole, If_None_Match="*") for _ in range(6)))

    assert [each.status_code for each in (*absent, both, odd)] == [404, 404, 422, 422]
    won = [each.status_code for each in crowd]
    assert won.count(200) == 1
    assert set(won) <= {200, 409, 412}


@pytest.mark.parametrize("name", MADE)
async def test_nothing_that_was_made_is_changed_unread(world: World, name: str) -> None:
    path, whole, change = MADE[name]
    made = (await ask(world, "POST", path, whole)).json()
    one = f"{path}/{made.get('webhook', made).get('slug', made.get('webhook', made)['id'])}"

    silent = await ask(world, "PUT", one, change)
    stood = await ask(world, "GET", one)
    late = await ask(world, "PUT", one, change, If_Match='"v9"')
    done = await ask(world, "PUT", one, change, If_Match=silent.headers["ETag"])

    assert [each.status_code for each in (silent, late, done)] == [428, 412, 200]
    assert stood.headers["ETag"] == silent.headers["ETag"]
    assert not change.items() <= stood.json().items()


@pytest.mark.parametrize(
    "path", ["sources/x", "destinations/x", "schedules/x", "retention-rules/tenant", "identity-providers/x"]
)
async def test_nothing_is_removed_unread(world: World, path: str) -> None:
    whole = next(body for where, body, _ in PUT.values() if where == path)
    await ask(world, "PUT", path, whole)

    silent = await ask(world, "DELETE", path, WHY)
    gone = await ask(world, "DELETE", path, WHY, If_Match=silent.headers["ETag"])
    absent = await ask(world, "DELETE", path, WHY)

    assert [each.status_code for each in (silent, gone, absent)] == [428, 204, 404]


async def test_a_merge_patch_changes_what_it_names_and_nothing_else(world: World) -> None:  # E7
    for path, whole, change in (
        ("sources/x", {"credentials_ref": "env:X", "timeout_seconds": 7, "attachments_ref": "file:/a"}, "timeout"),
        ("destinations/x", {**BUCKET, "overwrite": True, "timeout_seconds": 7}, "timeout"),
    ):
        made = await ask(world, "PUT", path, whole)
        silent = await ask(world, "PATCH", path, {"timeout_seconds": 9})
        patched = await ask(world, "PATCH", path, {"timeout_seconds": 9}, If_Match=made.headers["ETag"])
        reset = await ask(world, "PATCH", path, {"timeout_seconds": None}, If_Match="*")
        odd = [
            await ask(world, "PATCH", path, body, If_Match="*")
            for body in ({"colour": 1}, {"timeout_seconds": -1}, [], {"timeout_seconds": "x"})
        ]

        assert (silent.status_code, patched.status_code, reset.status_code) == (428, 200, 200), (change, patched.text)
        assert patched.json() == {**made.json(), "timeout_seconds": 9, "version": 2}
        assert reset.json()["timeout_seconds"] not in {7, 9}
        assert [each.status_code for each in odd] == [422] * 4


async def test_a_webhook_is_patched_and_stays_itself(world: World) -> None:
    body = {"url": "https://a.example/hook", "topics": ["exports"], "description": "d"}
    made = (await ask(world, "POST", "webhooks", body)).json()["webhook"]
    path = f"webhooks/{made['id']}"

    off = await ask(world, "PATCH", path, {"is_enabled": False, "description": None}, If_Match='"v1"')
    inside = await ask(world, "PATCH", path, {"url": "ftp://a.example"}, If_Match="*")

    assert (off.status_code, inside.status_code) == (200, 422), off.text
    kept = {name: off.json()[name] for name in ("url", "topics", "is_enabled", "description")}
    assert kept == {"url": body["url"], "topics": ["exports"], "is_enabled": False, "description": ""}


async def test_a_program_that_names_no_version_writes_over_what_is_there(client: AsyncClient) -> None:  # U1
    for seconds in (7, 8):
        assert (await client.sources.apply("x", SourceRequest("env:X", timeout_seconds=seconds))).version == seconds - 6
        bucket = DestinationRequest("s3", {"bucket": "a-bucket"}, "env:X", timeout_seconds=seconds)
        assert (await client.destinations.put("x", bucket)).version == seconds - 6
        night = ScheduleRequest(f"{seconds} 3 1 * *", payload={"profile": "bufdir"}, period="previous-month")
        assert (await client.schedules.put("x", night)).version == seconds - 6
        assert (await client.retention.put("tenant", days=seconds, reason="r")).version == seconds - 6
        given: Mapping[str, Any] = {"issuer": "https://id.example", "audience": f"a{seconds}"}
        assert (await client.identity_providers.put("x", **given)).version == seconds - 6
    hook = (await client.webhooks.create(WebhookRequest("https://a.example/hook", ["exports"]))).webhook
    assert (await client.webhooks.put(hook.id, WebhookRequest("https://b.example/hook", ["exports"]))).version == 2
    assert (await client.webhooks.patch(hook.id, {"is_enabled": False})).is_enabled is False
    assert (await client.sources.patch("x", {"timeout_seconds": 9})).timeout_seconds == 9
    assert (await client.destinations.patch("x", {"overwrite": True})).overwrite is True
    await client.sources.delete("x", reason="over")


def test_every_route_that_changes_a_thing_asks_for_its_version_or_is_known_not_to() -> None:
    found = {
        route.name: 428 in {int(status) for status in route.responses}
        for route in routes()
        if (route.methods or set()) & {"PUT", "PATCH", "DELETE"}
    }

    assert {name for name, is_asked in found.items() if not is_asked} == UNCONDITIONAL
