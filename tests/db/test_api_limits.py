"""Limits are set, seen and lifted over HTTP, hold at the next claim, and are each tenant's own."""

# O1, O4, O5, O6, O7, O10.

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lading import ids
from lading.api.kinds import KINDS
from lading.jobs import leases
from lading.limits import breakers, throttling
from lading.tenants.model import Role
from serving import REQUEST, World

pytestmark = pytest.mark.anyio
KNOWN = ", ".join(sorted(KINDS))
API = "/api/v1"
WHY = {"reason": "the source is moved tonight", "ticket": "OPS-7"}


async def listed(world: World, name: str, **options: Any) -> list[dict[str, Any]]:
    answer = await world.ask("GET", f"{API}/{name}", **options)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def at(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


async def test_a_quota_is_set_seen_changed_and_lifted(world: World) -> None:
    put = await world.ask("PUT", f"{API}/quotas/export", json={"max_active": 1, **WHY}, role=Role.QUOTA)
    changed = await world.ask("PUT", f"{API}/quotas/export", json={"max_per_hour": 9, **WHY})
    shown = await listed(world, "quotas", role=Role.QUOTA)
    lifted = await world.ask("DELETE", f"{API}/quotas/export", json=WHY)
    again = await world.ask("DELETE", f"{API}/quotas/export", json=WHY)

    assert (put.status_code, put.json()["max_active"], put.json()["active"]) == (200, 1, 0)
    assert shown == [changed.json()]
    assert (shown[0]["max_active"], shown[0]["max_per_hour"], shown[0]["burst"]) == (None, 9, 9)
    assert (lifted.status_code, again.status_code) == (204, 404)
    assert await listed(world, "quotas") == []
    events = await world.events("kind:export")
    assert [event["type"] for event in events] == ["quota.set", "quota.set", "quota.dropped"]
    assert {event["actor"]["kind"] for event in events} == {"key"}
    assert {(event["data"]["reason"], event["data"]["ticket"]) for event in events} == {(True, "OPS-7")}
    assert (shown[0]["reason"], shown[0]["ticket"]) == (WHY["reason"], "OPS-7")


async def test_without_a_reason_no_limit_is_set_or_lifted(world: World) -> None:  # O10
    for path, body in [
        ("quotas/export", {"max_active": 1}),
        ("rate-limits/activities", {"rate": 1, "burst": 1}),
        ("retry-policies/export/timeout", {"max_attempts": 1, "base_seconds": 1, "cap_seconds": 1}),
    ]:
        for method, given in [("PUT", body), ("PUT", {**body, "reason": " "}), ("DELETE", None), ("DELETE", {})]:
            answer = await world.ask(method, f"{API}/{path}", json=given)
            assert (answer.status_code, answer.json()["code"]) == (400, "reason-required"), (method, path, given)
    assert await listed(world, "quotas") == await listed(world, "rate-limits") == []


async def test_a_quota_for_all_kinds_counts_them_together(world: World) -> None:  # O6
    put = await world.ask("PUT", f"{API}/quotas/*", json={"max_active": 1, **WHY})
    for _ in range(2):
        await world.export()
    claimed = await world.claim()
    (quota,) = await listed(world, "quotas")
    lifted = await world.ask("DELETE", f"{API}/quotas/%2A", json=WHY)

    assert (put.status_code, put.json()["kind"], len(claimed), quota["active"]) == (200, "*", 1, 1)
    assert lifted.status_code == 204


async def test_a_rate_limit_shows_what_its_source_left_of_it(world: World) -> None:  # O5
    await world.ask("PUT", f"{API}/rate-limits/activities", json={"rate": 8, "burst": 2, **WHY})
    async with world.services.database.tenant(world.organisations["nordlys"].id) as tx:
        await throttling.shrink(tx, "activities", retry_after_seconds=60.0)

    (shown,) = await listed(world, "rate-limits")
    events = await world.events("source:activities")

    assert (shown["rate"], shown["factor"], shown["effective_rate"], shown["is_learnt"]) == (8.0, 0.5, 4.0, False)
    assert shown["blocked_until"] is not None
    assert (shown["reason"], events[-1]["type"]) == (WHY["reason"], "bucket.adapted")


async def test_a_quota_holds_back_what_is_over_it_and_shows_it(world: World) -> None:
    await world.ask("PUT", f"{API}/quotas/export", json={"max_active": 1, **WHY})
    for _ in range(3):
        await world.export()

    first, second = await world.claim(), await world.claim()

    (throttle,) = await listed(world, "throttles", role=Role.VIEWER)
    (quota,) = await listed(world, "quotas")
    waiting = await listed(world, "jobs?state=pending")
    assert (len(first), second, quota["active"]) == (1, [], 1)
    assert (throttle["kind"], throttle["source"], throttle["pending"]) == ("export", "activities", 2)
    assert {job["waiting_for"] for job in waiting} == {throttle["waiting_for"]} == {"quota"}


async def test_a_rate_limit_is_set_seen_and_lifted(world: World) -> None:
    put = await world.ask(
        "PUT", f"{API}/rate-limits/activities", json={"rate": 0.001, "burst": 2, **WHY}, role=Role.QUOTA
    )
    for _ in range(3):
        await world.export()
    claimed = await world.claim()
    assert await world.claim() == []
    (shown,), (throttle,) = await listed(world, "rate-limits"), await listed(world, "throttles")
    lifted = await world.ask("DELETE", f"{API}/rate-limits/activities", json=WHY)

    assert (put.status_code, put.json()["tokens"], len(claimed)) == (200, 2.0, 2)
    assert (shown["source"], shown["rate"], shown["burst"]) == ("activities", 0.001, 2.0)
    assert shown["tokens"] < 1
    assert (throttle["waiting_for"], throttle["pending"]) == ("rate", 1)
    assert throttle["eligible_at"] > throttle["since"]
    assert (lifted.status_code, len(await world.claim())) == (204, 1)
    assert (await world.ask("DELETE", f"{API}/rate-limits/activities", json=WHY)).status_code == 404


async def test_a_wrong_limit_is_named(world: World) -> None:
    for path, body, pointer in [
        ("quotas/export", {}, "/max_active"),
        ("quotas/export", {"max_active": -1}, "/max_active"),
        ("quotas/export", {"max_active": 1, "burst": 2}, "/burst"),
        ("quotas/export", {"max_per_hour": 0}, "/max_per_hour"),
        ("quotas/export", {"max_runs": 1}, "/max_runs"),
        ("quotas/No%20kind", {"max_active": 1}, "/kind"),
        ("rate-limits/activities", {"rate": 0, "burst": 1}, "/rate"),
        ("rate-limits/activities", {"rate": 1, "burst": 0.5}, "/burst"),
        ("rate-limits/activities", {"rate": 1}, "/burst"),
    ]:
        answer = await world.ask("PUT", f"{API}/{path}", json={**body, **WHY})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer), (path, body)


async def test_a_pause_stops_until_it_is_resumed(world: World) -> None:
    await world.export()
    for scope, target in [("tenant", ""), ("source", "activities"), ("kind", "export")]:
        made = await world.ask(
            "POST", f"{API}/pauses", json={"scope": scope, "target": target, **WHY}, role=Role.OPERATOR
        )
        pause = made.json()
        assert (made.status_code, pause["scope"], pause["ends_at"]) == (201, scope, None)
        assert (pause["reason"], pause["ticket"], pause["created_by"][:4]) == (WHY["reason"], "OPS-7", "key_")
        assert await listed(world, "pauses", role=Role.VIEWER) == [pause]
        assert await world.claim() == []
        assert (await listed(world, "throttles"))[0]["waiting_for"] == "pause"

        resumed = await world.ask("POST", f"{API}/pauses/{pause['id']}/resume", json=WHY, role=Role.OPERATOR)
        assert (resumed.status_code, await listed(world, "pauses")) == (204, [])
        events = await world.events(pause["id"])
        assert [event["type"] for event in events] == ["pause.set", "pause.lifted"]
        assert {(event["data"]["reason"], event["data"]["ticket"]) for event in events} == {(True, "OPS-7")}
        assert "moved" not in str(events)
        again = await world.ask("POST", f"{API}/pauses/{pause['id']}/resume", json=WHY)
        assert again.status_code == 404

    assert len(await world.claim()) == 1


async def test_a_blackout_ends_by_itself(world: World) -> None:
    await world.export()
    made = await world.ask("POST", f"{API}/pauses", json={"scope": "tenant", "ends_at": at(1), **WHY})
    later = await world.ask(
        "POST", f"{API}/pauses", json={"scope": "tenant", "starts_at": at(2), "ends_at": at(3), **WHY}
    )

    assert await world.claim() == []
    (throttle,) = await listed(world, "throttles")
    assert (throttle["waiting_for"], throttle["eligible_at"]) == ("blackout", made.json()["ends_at"])
    assert (later.status_code, len(await listed(world, "pauses"))) == (201, 2)


async def test_a_wrong_pause_is_named(world: World) -> None:
    for change, pointer in [
        ({"scope": "planet"}, "/scope"),
        ({"target": "export"}, "/target"),
        ({"scope": "kind"}, "/target"),
        ({"scope": "job", "target": "x"}, "/target"),
        ({"ends_at": at(-1)}, "/ends_at"),
        ({"starts_at": at(1)}, "/ends_at"),
        ({"ends_at": "soon"}, "/ends_at"),
        ({"starts_at": "9999-12-31T23:59:59-23:00"}, "/starts_at"),
        ({"ticket": "Ann Nordmann"}, "/ticket"),
    ]:
        answer = await world.ask("POST", f"{API}/pauses", json={"scope": "tenant", **WHY, **change})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer), change


async def test_without_a_reason_nothing_is_paused_or_resumed(world: World) -> None:  # O10
    pause = (await world.ask("POST", f"{API}/pauses", json={"scope": "tenant", **WHY})).json()

    for body in ({}, {"reason": "\t"}):
        made = await world.ask("POST", f"{API}/pauses", json={"scope": "tenant", **body})
        resumed = await world.ask("POST", f"{API}/pauses/{pause['id']}/resume", json=body)
        assert (made.status_code, made.json()["code"]) == (400, "reason-required")
        assert (resumed.status_code, resumed.json()["code"]) == (400, "reason-required")
    assert await listed(world, "pauses") == [pause]


async def test_a_breaker_is_shown_with_when_it_lets_a_probe_through(world: World) -> None:
    async with world.services.database.tenant(world.organisations["nordlys"].id) as tx:
        for _ in range(5):
            await breakers.note_fault(tx, "activities")

    (breaker,) = await listed(world, "breakers", role=Role.VIEWER)

    assert (breaker["source"], breaker["state"], breaker["failures"]) == ("activities", "open", 5)
    assert breaker["retry_at"] > breaker["changed_at"]


async def test_limits_are_each_organisations_own(world: World) -> None:
    await world.ask("PUT", f"{API}/quotas/export", json={"max_active": 0, **WHY})
    await world.ask("PUT", f"{API}/rate-limits/activities", json={"rate": 1, "burst": 1, **WHY})
    pause = (await world.ask("POST", f"{API}/pauses", json={"scope": "tenant", **WHY})).json()
    await world.export()
    await world.claim()
    async with world.services.database.tenant(world.organisations["nordlys"].id) as tx:
        await breakers.note_fault(tx, "activities")

    for name in ("quotas", "rate-limits", "pauses", "throttles", "breakers"):
        assert len(await listed(world, name)) == 1, name
        assert await listed(world, name, slug="fjord") == [], name
    for path in ("quotas/export", "rate-limits/activities"):
        assert (await world.ask("DELETE", f"{API}/{path}", slug="fjord", json=WHY)).status_code == 404
    resumed = await world.ask("POST", f"{API}/pauses/{pause['id']}/resume", json=WHY, slug="fjord")
    assert resumed.status_code == 404
    assert await listed(world, "pauses") == [pause]


# --- retry policies and allocations ---------------------------------------------------------------


async def test_a_retry_policy_is_set_seen_and_reset(world: World) -> None:  # O4
    shipped = await listed(world, "retry-policies", role=Role.VIEWER)
    body = {"max_attempts": 3, "base_seconds": 30, "cap_seconds": 600, **WHY}
    put = await world.ask("PUT", f"{API}/retry-policies/export/timeout", json=body, role=Role.QUOTA)
    everywhere = await world.ask("PUT", f"{API}/retry-policies/*/internal", json=body)
    shown = await listed(world, "retry-policies")
    other = await listed(world, "retry-policies", slug="fjord")
    reset = await world.ask("DELETE", f"{API}/retry-policies/export/timeout", json=WHY)
    again = await world.ask("DELETE", f"{API}/retry-policies/export/timeout", json=WHY)

    assert [each["fault_class"] for each in shipped] == [
        "internal",
        "rate_limited",
        "resource",
        "timeout",
        "unavailable",
        "webhook",
    ]
    assert all(each["is_shipped"] and each["kind"] == "*" for each in shipped)
    assert (put.status_code, put.json()["is_shipped"], put.json()["reason"]) == (200, False, WHY["reason"])
    assert put.json() in shown
    assert everywhere.json() in shown
    assert (len(shown), other) == (7, shipped)
    assert (reset.status_code, again.status_code) == (204, 404)
    events = await world.events("kind:export")
    assert [event["type"] for event in events] == ["retry_policy.set", "retry_policy.reset"]


async def test_a_wrong_retry_policy_is_named(world: World) -> None:
    body = {"max_attempts": 3, "base_seconds": 30, "cap_seconds": 600, **WHY}
    for path, change, pointer in [
        ("export/permanent", {}, "/class"),
        ("No%20kind/timeout", {}, "/kind"),
        ("export/timeout", {"max_attempts": 0}, "/max_attempts"),
        ("export/timeout", {"cap_seconds": 1}, "/cap_seconds"),
        ("export/timeout", {"tries": 1}, "/tries"),
    ]:
        answer = await world.ask("PUT", f"{API}/retry-policies/{path}", json={**body, **change})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer), (path, change)
    unknown = await world.ask("PUT", f"{API}/retry-policies/exprot/timeout", json=body)
    assert (unknown.status_code, f"known are: {KNOWN}" in unknown.json()["detail"]) == (404, True)
    assert len(await listed(world, "retry-policies")) == 6


async def test_an_allocation_is_set_by_the_instance_and_seen_by_its_tenant(world: World) -> None:  # O6
    for slug, body in [
        ("nordlys", {"strategy": "max_limit", "value": 1}),
        ("fjord", {"strategy": "priority", "value": -5}),
    ]:
        put = await world.ask("PUT", f"{API}/allocations/{slug}", json={**body, **WHY}, slug="instance")
        assert (put.status_code, put.json()["tenant"], put.json()["value"]) == (200, slug, body["value"]), put.text
    own = await listed(world, "allocations", role=Role.VIEWER)
    first = (await world.ask("GET", f"{API}/allocations?limit=1", slug="instance")).json()
    rest = (await world.ask("GET", f"{API}/allocations?cursor={first['next_cursor']}", slug="instance")).json()
    reset = await world.ask("DELETE", f"{API}/allocations/nordlys", json=WHY, slug="instance")
    again = await world.ask("DELETE", f"{API}/allocations/nordlys", json=WHY, slug="instance")

    assert [each["tenant"] for each in own] == ["nordlys"]
    assert [each["tenant"] for each in first["items"] + rest["items"]] == ["fjord", "nordlys"]
    assert rest["next_cursor"] is None
    assert (reset.status_code, again.status_code, await listed(world, "allocations")) == (204, 404, [])
    subject = ids.show(ids.TENANT, world.organisations["nordlys"].id)
    events = [event for event in await world.events(subject) if event["type"].startswith("allocation.")]
    assert [event["type"] for event in events] == ["allocation.set", "allocation.reset"]
    assert events[0]["data"] == {
        "strategy": "max_limit",
        "value": 1,
        "max_queued": None,
        "reason": True,
        "ticket": "OPS-7",
    }


async def test_a_reservation_tells_what_workers_have_slots_for(world: World) -> None:  # O6
    lease = ids.new()
    async with world.services.database.system() as tx:
        await leases.open_lease(tx, lease, worker="test", seconds=3600)
        await leases.resize(tx, lease, slots=4)
    for slug, value in [("nordlys", 1000), ("fjord", 2000)]:
        body = {"strategy": "reserved", "value": value, **WHY}
        put = await world.ask("PUT", f"{API}/allocations/{slug}", json=body, slug="instance")
    (own,) = await listed(world, "allocations", role=Role.VIEWER)
    async with world.services.database.system() as tx:
        await leases.close(tx, lease)
    (alone,) = await listed(world, "allocations", role=Role.VIEWER)

    assert (put.json()["value"], put.json()["granted"]) == (2000, 2)
    assert (own["tenant"], own["value"], own["granted"], alone["granted"]) == ("nordlys", 1000, 1, 0)


async def test_a_tenant_sets_no_allocation(world: World) -> None:
    body = {"strategy": "unlimited", **WHY}
    for slug in ("nordlys", "fjord"):
        assert (await world.ask("PUT", f"{API}/allocations/{slug}", json=body)).status_code == 403
        assert (await world.ask("DELETE", f"{API}/allocations/{slug}", json=WHY)).status_code == 403
    without = await world.ask("PUT", f"{API}/allocations/nordlys", json={"strategy": "unlimited"}, slug="instance")
    unknown = await world.ask("PUT", f"{API}/allocations/nobody", json=body, slug="instance")

    assert (without.status_code, without.json()["code"], unknown.status_code) == (400, "reason-required", 404)


async def test_a_wrong_allocation_is_named(world: World) -> None:
    for body, pointer in [
        ({"strategy": "fair"}, "/strategy"),
        ({"strategy": "unlimited", "value": 1}, "/value"),
        ({"strategy": "proportional"}, "/value"),
        ({"strategy": "proportional", "value": 0}, "/value"),
        ({"strategy": "priority", "value": 101}, "/value"),
        ({"strategy": "max_limit", "value": -1}, "/value"),
        ({"strategy": "unlimited", "max_queued": -1}, "/max_queued"),
        ({"strategy": "unlimited", "weight": 1}, "/weight"),
    ]:
        answer = await world.ask("PUT", f"{API}/allocations/nordlys", json={**body, **WHY}, slug="instance")
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer), body


async def test_max_queued_holds_at_once(world: World) -> None:  # O7
    body = {"strategy": "unlimited", "max_queued": 1, **WHY}
    await world.export()
    await world.ask("PUT", f"{API}/allocations/nordlys", json=body, slug="instance")
    full = await world.ask("POST", f"{API}/exports", json=REQUEST)
    await world.ask("DELETE", f"{API}/allocations/nordlys", json=WHY, slug="instance")
    free = await world.ask("POST", f"{API}/exports", json=REQUEST)

    assert (full.status_code, full.json()["code"], int(full.headers["Retry-After"]) > 0) == (429, "queue-full", True)
    assert free.status_code == 202
