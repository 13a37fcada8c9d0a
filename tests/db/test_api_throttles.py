"""An operator slows down what groans and stops what must rest; what is lifted keeps its reason, slips are named."""

# O10.

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import psycopg
import pytest

from lading import ids
from lading.api.kinds import KINDS
from lading.limits import store
from lading.limits.model import Scope
from lading.tenants.model import Role
from serving import World

pytestmark = pytest.mark.anyio
KNOWN = ", ".join(sorted(KINDS))
THROTTLES = "/api/v1/throttles"
WHY = {"reason": "it groans", "ticket": "OPS-7"}


def at(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


async def slow(world: World, scope: str, target: str = "", **fields: Any) -> httpx2.Response:
    body = {"scope": scope, "target": target, **WHY, **fields}
    return await world.ask("POST", THROTTLES, json=body, role=Role.OPERATOR)


async def lift(world: World, scope: str, target: str = "", **options: Any) -> httpx2.Response:
    return await world.ask("DELETE", THROTTLES, json={"scope": scope, "target": target, **WHY}, **options)


def pause_a_thousand_jobs(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO pauses (tenant_id, id, scope, target, reason, created_by) "
            "SELECT tenant_id, ('00000000-0000-7000-8000-' || lpad(number::text, 12, '0'))::uuid, 'job', "
            "gen_random_uuid()::text, 'x', 'key_1' FROM jobs, generate_series(1, 1000) AS number"
        )


async def slowed(world: World, **options: Any) -> list[dict[str, Any]]:
    return (await world.ask("GET", THROTTLES, **options)).json()["set"]


async def test_each_thing_is_slowed_down_in_its_own_way_and_lifted(world: World) -> None:
    job = await world.job(source="activities")
    for scope, target, how in [
        ("source", "activities", {"rate": 0.5, "burst": 2}),
        ("kind", "noop", {"max_active": 0}),
        ("tenant", "", {"max_per_hour": 9, "burst": 3}),
        ("job", job["id"], {"until": at(2)}),
    ]:
        made = await slow(world, scope, target, **how)
        assert made.status_code == 200, made.text
        assert {name: made.json()[name] for name in how if name != "until"} == {
            name: value for name, value in how.items() if name != "until"
        }
        assert (made.json()["reason"], made.json()["ticket"]) == ("it groans", "OPS-7")
        assert await slowed(world, role=Role.VIEWER) == [made.json()]
        assert await slowed(world, slug="fjord") == []
        assert (await lift(world, scope, target, slug="fjord")).status_code == 404

        assert (await lift(world, scope, target)).status_code == 204
        assert await slowed(world) == []
        assert (await lift(world, scope, target)).status_code == 404


async def test_what_is_slowed_down_starts_as_slowly_as_that(world: World) -> None:
    for _ in range(4):
        await world.job(source="activities")
    await slow(world, "source", "activities", rate=0.001)
    by_rate = await world.claim()
    await lift(world, "source", "activities")
    await slow(world, "tenant", max_active=2)
    by_tenant = await world.claim()
    await lift(world, "tenant")

    assert (len(by_rate), len(by_tenant), len(await world.claim())) == (1, 1, 2)


async def test_a_job_that_is_held_back_says_until_when(world: World) -> None:
    job = await world.job()
    until = (await slow(world, "job", job["id"], until=at(2))).json()["until"]
    again = (await slow(world, "job", job["id"], until=at(1))).json()["until"]

    held = (await world.ask("GET", f"/api/v1/jobs/{job['id']}")).json()

    assert (held["waiting_for"], held["eligible_at"], again < until) == ("blackout", again, True)
    assert await world.claim() == []


async def test_what_somebody_slowed_down_stands_in_the_ledger(world: World) -> None:
    await world.job(source="activities")
    await slow(world, "source", "activities", rate=2)
    await lift(world, "source", "activities")

    told = await world.events("source:activities")

    assert [event["type"] for event in told] == ["bucket.set", "bucket.dropped"]
    assert {(event["data"]["reason"], event["data"]["ticket"]) for event in told} == {(True, "OPS-7")}
    assert "groans" not in str(told)


async def test_a_wrong_throttle_is_named(world: World) -> None:
    job = await world.job(source="activities")
    for scope, target, how, pointer in [
        ("planet", "", {}, "/scope"),
        ("tenant", "x", {"max_active": 1}, "/target"),
        ("source", "", {"rate": 1}, "/target"),
        ("source", "activities", {}, "/rate"),
        ("source", "activities", {"rate": 0}, "/rate"),
        ("source", "activities", {"rate": 1, "max_active": 1}, "/max_active"),
        ("kind", "noop", {}, "/max_active"),
        ("kind", "noop", {"rate": 1}, "/rate"),
        ("job", job["id"], {}, "/until"),
        ("job", job["id"], {"until": "soon"}, "/until"),
        ("job", job["id"], {"until": at(-1)}, "/ends_at"),
    ]:
        answer = await slow(world, scope, target, **how)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer), answer.text
    assert await slowed(world) == []


async def test_without_a_reason_nothing_is_slowed_down_or_lifted(world: World) -> None:
    await slow(world, "tenant", max_active=1)
    set_ = await slow(world, "tenant", max_active=2, reason=" ")
    lifted = await world.ask("DELETE", THROTTLES, json={"scope": "tenant"})

    assert (set_.status_code, set_.json()["code"]) == (400, "reason-required")
    assert (lifted.status_code, lifted.json()["code"]) == (400, "reason-required")
    assert [each["max_active"] for each in await slowed(world)] == [1]


@pytest.mark.parametrize("scope", ["source", "kind", "job"])
async def test_a_slip_in_a_name_is_answered_with_the_names_there_are(world: World, scope: str) -> None:
    job = await world.job(source="activities")
    await world.finish(job["id"])
    target = {"source": "activites", "kind": "exprot", "job": "job_" + "0" * 26}[scope]
    how = {"source": {"rate": 1}, "kind": {"max_active": 1}, "job": {"until": at(1)}}[scope]

    paused = await world.ask("POST", "/api/v1/pauses", json={"scope": scope, "target": target, **WHY})
    throttled = await slow(world, scope, target, **how)

    assert (paused.status_code, throttled.status_code) == (404, 404)
    known = {"source": "known are: activities.", "kind": f"known are: {KNOWN}.", "job": "There is no job"}[scope]
    assert known in paused.json()["detail"]
    assert known in throttled.json()["detail"]
    assert (await world.ask("GET", "/api/v1/pauses")).json()["items"] == await slowed(world) == []


async def test_quotas_and_rates_of_what_nobody_knows_are_not_set(world: World) -> None:
    quota = await world.ask("PUT", "/api/v1/quotas/exprot", json={"max_active": 1, **WHY})
    rate = await world.ask("PUT", "/api/v1/rate-limits/activites", json={"rate": 1, "burst": 1, **WHY})
    other = await world.ask("PUT", "/api/v1/rate-limits/activities", json={"rate": 1, "burst": 1, **WHY}, slug="fjord")

    assert (quota.status_code, rate.status_code, other.status_code) == (404, 404, 200)
    assert "known are: activities" in rate.json()["detail"]


async def test_a_job_that_has_ended_is_not_paused(world: World) -> None:
    job = await world.job()
    await world.finish(job["id"])

    answer = await world.ask("POST", "/api/v1/pauses", json={"scope": "job", "target": job["id"], **WHY})

    assert (answer.status_code, answer.json()["code"]) == (409, "invalid-transition")


async def test_a_lifted_pause_keeps_who_lifted_it_and_why(world: World) -> None:
    job = await world.job()
    lifted: list[str] = []
    for window in ({}, {"ends_at": at(1)}, {"starts_at": at(1), "ends_at": at(2)}):
        made = await world.ask("POST", "/api/v1/pauses", json={"scope": "kind", "target": "noop", **window, **WHY})
        lifted.append(made.json()["id"])
        resumed = await world.ask(
            "POST", f"/api/v1/pauses/{lifted[-1]}/resume", json={"reason": "it rests no more", "ticket": "OPS-8"}
        )
        assert resumed.status_code == 204
        again = await world.ask("POST", f"/api/v1/pauses/{lifted[-1]}/resume", json=WHY)
        assert again.status_code == 404

    first = (await world.ask("GET", "/api/v1/pauses?over=true&limit=2", role=Role.VIEWER)).json()
    rest = (await world.ask("GET", f"/api/v1/pauses?over=true&limit=2&cursor={first['next_cursor']}")).json()

    over = first["items"] + rest["items"]
    assert ([each["id"] for each in over], rest["next_cursor"]) == (lifted[::-1], None)
    assert {(each["lift_reason"], each["lift_ticket"], each["reason"]) for each in over} == {
        ("it rests no more", "OPS-8", "it groans")
    }
    assert all(each["lifted_by"].startswith("key_") and each["lifted_at"] == each["ends_at"] for each in over)
    assert (await world.ask("GET", "/api/v1/pauses")).json()["items"] == []
    assert (await world.ask("GET", "/api/v1/pauses?over=true", slug="fjord")).json()["items"] == []
    assert [ids.show(ids.JOB, each.job_id) for each in await world.claim()] == [job["id"]]


async def test_more_stops_than_a_page_holds_are_all_listed_and_hide_none(world: World, database_url: str) -> None:
    job = await world.job()
    pause_a_thousand_jobs(database_url)

    answer = await slow(world, "job", job["id"], until=at(1))
    first = (await world.ask("GET", "/api/v1/pauses")).json()
    rest = (await world.ask("GET", f"/api/v1/pauses?cursor={first['next_cursor']}")).json()

    assert (answer.status_code, answer.json()["target"]) == (200, job["id"])
    assert (len(first["items"]), [each["target"] for each in rest["items"]]) == (1000, [job["id"]])
    assert rest["next_cursor"] is None


async def test_throttles_that_are_not_all_named_say_so(world: World, database_url: str) -> None:
    job = await world.job()
    before = (await world.ask("GET", THROTTLES)).json()["has_more"]
    pause_a_thousand_jobs(database_url)
    full = (await world.ask("GET", THROTTLES)).json()["has_more"]

    await slow(world, "job", job["id"], until=at(1))

    assert (before, full, (await world.ask("GET", THROTTLES)).json()["has_more"]) == (False, False, True)


async def test_a_source_that_is_paused_after_a_thousand_jobs_is_not_previewed(world: World, database_url: str) -> None:
    await world.job()
    pause_a_thousand_jobs(database_url)
    await world.ask("POST", "/api/v1/pauses", json={"scope": "source", "target": "activities", **WHY})

    async with world.services.database.tenant(world.organisations["nordlys"].id) as tx:
        stops = await store.pauses(tx, Scope.TENANT, Scope.SOURCE)

    assert [each.target for each in stops] == ["activities"]
