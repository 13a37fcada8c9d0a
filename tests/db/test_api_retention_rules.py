"""How long exports are kept is said by the narrowest rule, and what was completed before follows only when told to."""

# E6

from __future__ import annotations

from datetime import datetime
from typing import Any

import psycopg
import pytest

from lading.artifacts.blobs import BlobStore
from lading.exports import retention
from lading.tenants.model import Role
from serving import World

pytestmark = pytest.mark.anyio
API = "/api/v1/retention-rules"
WHY = {"reason": "Grant rules, section 9.", "ticket": "OPS-3"}


async def put(world: World, rule: str, days: int, **options: Any) -> Any:
    return await world.over("PUT", f"{API}/{rule}", json={"days": days, **WHY}, **options)


async def kept_days(world: World, export_id: str) -> int:
    shown = (await world.ask("GET", f"/api/v1/exports/{export_id}")).json()
    return (datetime.fromisoformat(shown["expires_at"]) - datetime.fromisoformat(shown["ended_at"])).days


async def completed(world: World) -> str:
    export_id = (await world.export())["id"]
    await world.complete(export_id)
    return export_id


async def test_the_narrowest_rule_counts(world: World) -> None:
    found = [await kept_days(world, await completed(world))]
    for rule, days in [("tenant", 100), ("type:activity_report", 200), ("profile:bufdir", 7), ("profile:other", 3)]:
        assert (await put(world, rule, days)).status_code == 200
        found.append(await kept_days(world, await completed(world)))
    await world.over("DELETE", f"{API}/profile:bufdir", json=WHY)
    found.append(await kept_days(world, await completed(world)))

    assert found == [30, 100, 200, 7, 7, 200]


async def test_rules_are_listed_the_narrowest_first_with_what_counts_without(world: World) -> None:
    for rule, days in [("tenant", 100), ("type:snapshot", 2), ("profile:bufdir", 7)]:
        await put(world, rule, days)

    found = (await world.ask("GET", API)).json()

    assert [(each["rule"], each["days"], each["version"]) for each in found["items"]] == [
        ("profile:bufdir", 7, 1),
        ("type:snapshot", 2, 1),
        ("tenant", 100, 1),
    ]
    assert found["default_days"] == 30
    assert (await world.ask("GET", API, slug="fjord")).json()["items"] == []


async def test_what_was_completed_before_follows_when_the_rules_are_applied(world: World) -> None:
    exports = [await completed(world) for _ in range(3)]
    await put(world, "profile:bufdir", 90)
    before = [await kept_days(world, each) for each in exports]

    looked = (await world.ask("POST", f"{API}/apply", json={"dry_run": True})).json()
    unchanged = [await kept_days(world, each) for each in exports]
    applied = (await world.ask("POST", f"{API}/apply", json=WHY)).json()
    again = (await world.ask("POST", f"{API}/apply", json=WHY)).json()

    assert before == unchanged == [30, 30, 30]
    assert looked == {"exports": 3, "due": 0, "dry_run": True}
    assert applied == {"exports": 3, "due": 0, "dry_run": False}
    assert again["exports"] == 0
    assert [await kept_days(world, each) for each in exports] == [90, 90, 90]
    told = await world.events("retention:exports")
    assert [each["data"]["exports"] for each in told] == [3]


async def test_a_shorter_rule_that_is_applied_lets_the_sweep_take_what_is_over(world: World, database_url: str) -> None:
    export_id = await completed(world)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE exports SET ended_at = ended_at - interval '10 days'")
    await put(world, "tenant", 9)

    assert (await world.ask("POST", f"{API}/apply", json=WHY)).json() == {"exports": 1, "due": 1, "dry_run": False}

    assert await retention.expire(world.services.database, BlobStore(world.services.settings.blobs_dir)) == 1
    assert (await world.ask("GET", f"/api/v1/exports/{export_id}")).json()["status"] == "expired"


async def test_a_rule_is_changed_only_at_the_version_that_was_read(world: World) -> None:
    first = await put(world, "tenant", 100)
    stale = {"If-Match": first.headers["etag"]}
    second = await put(world, "tenant", 101, headers=stale)

    late = await put(world, "tenant", 102, headers=stale)
    gone = await world.ask("DELETE", f"{API}/tenant", json=WHY, headers=stale)
    missing = await put(world, "profile:x", 1, headers={"If-Match": '"v1"'})

    assert (first.headers["etag"], second.headers["etag"]) == ('"v1"', '"v2"')
    assert [each.status_code for each in (late, gone, missing)] == [412, 412, 404]
    assert (await world.ask("GET", API)).json()["items"][0]["days"] == 101


async def test_what_is_no_rule_is_refused(world: World) -> None:
    for rule in ("tenant:x", "profile", "profile:", "colour:red", "profile:a b", "type:" + "x" * 101, "profile:å"):
        assert (await put(world, rule, 10)).status_code == 404, rule
    for days in (0, -1, 36_501, 2**63, 1.5, "x", None):
        answer = await world.ask("PUT", f"{API}/tenant", json={"days": days, **WHY})
        assert answer.status_code == 422, days
    assert (await world.ask("PUT", f"{API}/tenant", json={"days": 3})).json()["code"] == "reason-required"
    assert (await world.ask("POST", f"{API}/apply", json={})).json()["code"] == "reason-required"
    assert (await world.ask("DELETE", f"{API}/tenant", json=WHY)).status_code == 404
    assert (await world.ask("GET", API)).json()["items"] == []


async def test_admins_set_rules_and_inspectors_read_them(world: World) -> None:
    async def allowed(method: str, path: str, **options: Any) -> set[Role]:
        return {role for role in Role if (await world.ask(method, path, role=role, **options)).status_code != 403}

    assert await allowed("PUT", f"{API}/tenant", json={"days": 3, **WHY}) == {Role.ADMIN}
    assert await allowed("POST", f"{API}/apply", json=WHY) == {Role.ADMIN}
    assert await allowed("GET", API) == {Role.OPERATOR, Role.AUDITOR, Role.ADMIN}


async def test_changes_of_rules_stand_in_the_ledger(world: World) -> None:
    await put(world, "profile:bufdir", 7)
    await world.over("DELETE", f"{API}/profile:bufdir", json=WHY)

    told = await world.events("retention:profile:bufdir")

    assert [(each["type"], each["data"]) for each in told] == [
        ("retention.set", {"days": 7, "reason": True, "ticket": "OPS-3"}),
        ("retention.dropped", {"reason": True, "ticket": "OPS-3"}),
    ]
