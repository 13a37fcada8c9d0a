"""A tenant that asks for more than its call quota gets 429 and is told when to come back; nobody counts wrong."""

# E11, A6.

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from psycopg.sql import SQL

from lading import ids
from lading.db.database import Database
from lading.errors import QuotaExceeded
from lading.ledger.entry import SYSTEM
from lading.limits import call_quotas
from lading.limits.admission import Admission
from lading.limits.calling import Calling
from lading.tenants.model import Role
from serving import REQUEST, World

pytestmark = pytest.mark.anyio
WHY = {"reason": "the source is small", "ticket": "OPS-9"}
LONGER = SQL("UPDATE call_quotas SET hour_at = now() + interval '1 hour', day_at = now() + interval '1 day'")


async def put(world: World, name: str, slug: str = "nordlys", role: Role = Role.QUOTA, **limits: int) -> Any:
    """Set a call quota, whose hour does not end while the test lasts."""
    answer = await world.ask("PUT", f"/api/v1/call-quotas/{name}", slug=slug, role=role, json={**limits, **WHY})
    async with world.services.database.tenant(world.organisations[slug].id) as tx:
        await tx.run(LONGER)
    return answer


async def asked(world: World, slug: str = "nordlys", **options: Any) -> Any:
    """Ask for an export."""
    return await world.ask("POST", "/api/v1/exports", slug=slug, json=REQUEST, **options)


def told(answer: Any, header: str) -> dict[str, dict[str, int]]:
    """Return the policies or limits that a header tells, by name."""
    found = [each.split(";") for each in answer.headers[header].split(", ")]
    return {name.strip('"'): {key: int(value) for key, value in (p.split("=") for p in rest)} for name, *rest in found}


async def test_every_export_call_tells_what_is_left(world: World) -> None:
    before = await asked(world)
    await put(world, "exports", max_per_hour=10, max_waiting=3)

    made = await asked(world)
    listed = await world.ask("GET", "/api/v1/exports")
    missing = await world.ask("GET", "/api/v1/exports/exp_nothing")
    old = await world.ask("GET", "/api/v1/bufdir-exports")

    assert list(told(before, "RateLimit-Policy")) == ["jobs-queued"]
    for answer in (made, listed, missing, old):
        assert told(answer, "RateLimit-Policy")["exports-per-hour"] == {"q": 10, "w": 3600}
        left = told(answer, "RateLimit")
        assert left["exports-per-hour"]["r"] == 9
        assert 1 <= left["exports-per-hour"]["t"] <= 7200
        assert left["exports-waiting"] == {"r": 1}
    assert "RateLimit" not in (await world.ask("GET", "/api/v1/jobs")).headers


async def test_over_the_quota_is_429_with_when_to_come_back_and_nothing_stored(world: World) -> None:
    await put(world, "exports", max_per_hour=2)
    made = [await asked(world) for _ in range(2)]

    refused = await asked(world)
    old = await world.ask(
        "POST",
        "/api/v1/bufdir-exports",
        json={"org_id": "nordlys", "period_from": "2024-01-01", "period_to": "2024-12-31", "format": "csv"},
    )

    assert [each.status_code for each in made] == [202, 202]
    for answer in (refused, old):
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (429, "quota-exceeded")
        assert problem["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded"
        assert problem["violated-policies"] == ["exports-per-hour"]
        assert re.fullmatch(r"[1-9]\d*", answer.headers["Retry-After"])
        assert int(answer.headers["Retry-After"]) <= 7200
        assert told(answer, "RateLimit")["exports-per-hour"]["r"] == 0
    assert len((await world.ask("GET", "/api/v1/exports")).json()["items"]) == 2
    tenant = world.organisations["nordlys"]
    refusals = [
        each for each in await world.events(ids.show(ids.TENANT, tenant.id)) if each["type"] == "enqueue.refused"
    ]
    assert [each["data"]["code"] for each in refusals] == ["quota-exceeded"]


async def test_the_quota_of_one_is_not_spent_by_another(world: World) -> None:  # A6
    await put(world, "exports", max_per_day=1)
    await asked(world)

    other = await asked(world, slug="fjord")
    seen = await world.ask("GET", "/api/v1/call-quotas", slug="fjord")

    assert (await asked(world)).status_code == 429
    assert (other.status_code, seen.json()["items"]) == (202, [])


async def test_the_same_request_sent_again_counts_once(world: World) -> None:  # E10
    await put(world, "exports", max_per_hour=1)
    key = {"Idempotency-Key": "the-same"}

    answers = [await asked(world, headers=key) for _ in range(3)]

    assert [each.status_code for each in answers] == [202, 202, 202]


async def test_what_waits_is_counted_and_what_ended_is_not(world: World) -> None:
    await put(world, "exports", max_waiting=1)
    first = (await asked(world)).json()

    refused = await asked(world)
    await world.ask("POST", f"/api/v1/exports/{first['id']}/cancel", json={"reason": "no"})

    assert refused.json()["violated-policies"] == ["exports-waiting"]
    assert (await asked(world)).status_code == 202


async def test_runs_and_retries_count_too(world: World) -> None:
    await put(world, "exports", max_per_hour=1)
    first = (await asked(world)).json()
    await world.ask("POST", f"/api/v1/exports/{first['id']}/cancel", json={"reason": "no"})
    nodes = [{"key": "a", "kind": "export", "payload": REQUEST}]

    run = await world.ask("POST", "/api/v1/runs", json={"name": "one", "nodes": nodes})
    retried = await world.ask("POST", f"/api/v1/exports/{first['id']}/retry")

    assert [each.json()["code"] for each in (run, retried)] == ["quota-exceeded", "quota-exceeded"]
    assert (await world.ask("GET", f"/api/v1/exports/{first['id']}")).json()["status"] == "cancelled"


async def test_exports_are_counted_exactly_by_many_at_once(world: World) -> None:
    await put(world, "exports", max_per_hour=5, max_waiting=4)

    answers = await asyncio.gather(*[asked(world) for _ in range(12)])

    assert sorted(each.status_code for each in answers) == [202] * 4 + [429] * 8
    stands = (await world.ask("GET", "/api/v1/call-quotas")).json()["items"]
    assert [(each["used_this_hour"], each["waiting"]) for each in stands] == [(4, 4)]


async def test_two_processes_share_one_count_of_calls(world: World, database: Database) -> None:
    """Each counts for a second by itself; what it counted is the other's, too, when that looks."""
    tenant, now = world.organisations["nordlys"].id, 0.0
    async with database.tenant(tenant) as tx:
        await call_quotas.put(
            tx,
            call_quotas.CALLS,
            max_per_hour=10,
            max_per_day=None,
            max_waiting=None,
            reason="x",
            ticket=None,
            actor=SYSTEM,
        )
        await tx.run(LONGER)

    def process() -> Calling:
        door = Admission(database, queue_limit=100, tenant_queue_limit=100, clock=lambda: now)
        return Calling(database, door, lambda: now)

    one, other = process(), process()
    for _ in range(6):
        await one.count(tenant, actor=SYSTEM)
    now += 2
    await one.count(tenant, actor=SYSTEM)  # brings the six, counts the seventh
    for _ in range(4):
        await other.count(tenant, actor=SYSTEM)
    now += 2
    with pytest.raises(QuotaExceeded) as refusal:
        await other.count(tenant, actor=SYSTEM)  # brings the four
        await one.count(tenant, actor=SYSTEM)  # brings the seventh: that is 11

    assert refusal.value.violated == ("export-calls-per-hour",)
    assert ("RateLimit", '"export-calls-per-hour";r=0') in [
        (name, value.partition(";t=")[0]) for name, value in [*one.headers(tenant), *other.headers(tenant)]
    ]


async def test_calls_over_the_quota_are_refused_whatever_they_ask(world: World) -> None:
    await put(world, "export-calls", max_per_hour=0)

    answers = [
        await world.ask("GET", "/api/v1/exports"),
        await world.ask("GET", "/api/v1/bufdir-exports"),
        await asked(world),
    ]

    assert [each.json()["code"] for each in answers] == ["quota-exceeded"] * 3
    assert (await world.ask("GET", "/api/v1/profiles")).status_code == 200
    dropped = await world.ask("DELETE", "/api/v1/call-quotas/export-calls", role=Role.QUOTA, json=WHY)
    assert dropped.status_code == 204
    assert (await world.ask("GET", "/api/v1/exports")).status_code == 200


@pytest.mark.parametrize(
    ("name", "limits", "role", "status"),
    [
        ("exports", {}, Role.QUOTA, 422),
        ("exports", {"max_per_hour": -1}, Role.QUOTA, 422),
        ("exports", {"max_per_hour": 1 << 63}, Role.QUOTA, 422),
        ("export-calls", {"max_waiting": 1}, Role.QUOTA, 422),
        ("imports", {"max_per_hour": 1}, Role.QUOTA, 422),
        ("exports", {"max_per_hour": 1}, Role.REQUESTER, 403),
    ],
)
async def test_a_quota_that_can_not_be_is_refused(
    world: World, name: str, limits: dict[str, int], role: Role, status: int
) -> None:
    answer = await put(world, name, role=role, **limits)

    assert answer.status_code == status, answer.text


async def test_a_reason_is_asked_for_and_the_ledger_knows(world: World) -> None:
    silent = await world.ask("PUT", "/api/v1/call-quotas/exports", json={"max_per_hour": 1})
    await put(world, "exports", max_per_hour=1)

    tenant = world.organisations["nordlys"]
    assert silent.json()["code"] == "reason-required"
    assert "call_quota.set" in [each["type"] for each in await world.events(ids.show(ids.TENANT, tenant.id))]
