"""Schedules are written, previewed, paused, run and read over HTTP, by who may, each in their own organisation."""

# E4, O1, E7; roles and the matrix are in test_api_access.

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import httpx2
import psycopg
import pytest

from lading import ids
from lading.exports import policy_store
from lading.ledger.entry import SYSTEM
from lading.schedules import zones
from lading.tenants.model import Role
from lading.upkeep.timetable import Timetable
from serving import PROFILE, REQUEST, World

pytestmark = pytest.mark.anyio
ALL = "/api/v1/schedules"
WHY = {"reason": "asked for by phone", "ticket": "OPS-7"}
NIGHTLY = {
    "cron": "30 2 1 * *",
    "zone": "Europe/Oslo",
    "payload": {"profile": "bufdir", "format": "xlsx"},
    "period": "previous-month",
}


async def put(world: World, name: str = "nightly", **options: Any) -> httpx2.Response:
    body = {**NIGHTLY, **options.pop("body", {})}
    return await world.over("PUT", f"{ALL}/{name}", json=body, **options)


async def made(world: World, name: str = "nightly", **options: Any) -> dict[str, Any]:
    answer = await put(world, name, **options)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def look(world: World, path: str = "/nightly", **options: Any) -> Any:
    answer = await world.ask("GET", f"{ALL}{path}", role=Role.VIEWER, **options)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def fire(world: World, database_url: str, name: str = "nightly", *, minutes: int = 0) -> None:
    """Let the next slot be due, some minutes ago, and a worker come by."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET row_security = off")
        connection.execute(
            "UPDATE schedules SET next_at = date_trunc('minute', now()) - make_interval(mins => %s), "
            "decided_to = now() - interval '1 hour' WHERE name = %s",
            [minutes, name],
        )
    services = world.services
    await Timetable(services.settings, services.database, services.endings).tick()


async def test_a_schedule_is_written_read_changed_and_removed(world: World) -> None:
    answer = await put(world, role=Role.REQUESTER)
    found = answer.json()
    again = await put(world, role=Role.REQUESTER)
    changed = await world.ask(
        "PATCH",
        f"{ALL}/nightly",
        json={"zone": "UTC", "payload": {"format": None, "include_attachments": False}, "overlap": "queue"},
        headers={"If-Match": answer.headers["ETag"], "Content-Type": "application/merge-patch+json"},
    )
    stale = await put(world, headers={"If-Match": '"v1"'})
    taken = await put(world, headers={"If-None-Match": "*"})
    gone = await world.ask("DELETE", f"{ALL}/nightly", json=WHY, headers={"If-Match": '"v2"'})

    assert (answer.headers["ETag"], found["state"], found["owner_role"]) == ('"v1"', "active", "requester")
    assert again.json() == found
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"v2"')
    assert changed.json()["payload"] == {"profile": "bufdir", "include_attachments": False}
    assert (changed.json()["zone"], changed.json()["cron"], changed.json()["overlap"]) == ("UTC", "30 2 1 * *", "queue")
    assert (stale.status_code, taken.status_code, gone.status_code) == (412, 412, 204)
    assert (await world.ask("GET", f"{ALL}/nightly")).status_code == 404
    assert [each["type"] for each in await world.events("schedule:nightly")] == [
        "schedule.set", "schedule.set", "schedule.deleted",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"cron": "0 0 31 2 *"}, "/cron"),
        ({"cron": 7}, "/cron"),
        ({"zone": "Mars/Olympus"}, "/zone"),
        ({"kind": "part"}, "/kind"),
        ({"catch_up": "some"}, "/catch_up"),
        ({"overlap": "maybe"}, "/overlap"),
        ({"starts_at": "soon"}, "/starts_at"),
        ({"ends_at": "2001-01-01T00:00:00Z"}, "/ends_at"),
        ({"period": "last-month"}, "/period"),
        ({"payload": {"profile": "nowhere"}}, "/payload/profile"),
        ({"payload": {"profile": "bufdir", "format": "docx"}}, "/payload/format"),
        ({"payload": {"profile": "bufdir", "colour": "red"}}, "/payload/colour"),
        ({"payload": {"type": "snapshot", "source": "activities", "tables": ["a"]}, "period": None}, "/payload/type"),
        ({"payload": {"profile": "x" * 70_000}}, "/payload"),
        ({"source": "elsewhere"}, "/source"),
        ({"colour": "red"}, "/colour"),
        ({"priority": 1000}, "/priority"),
    ],
)
async def test_what_can_not_be_is_refused_and_nothing_is_stored(
    world: World, body: dict[str, Any], pointer: str
) -> None:
    answer = await put(world, body=body)

    assert answer.status_code == 422, answer.text
    assert pointer in [each["pointer"] for each in answer.json()["errors"]]
    assert await look(world, "") == {"items": [], "next_cursor": None}
    assert await world.events("schedule:nightly") == []


async def test_what_only_time_can_mend_is_stored(world: World) -> None:
    body = {"payload": {"type": "evidence_pack", "profile": "bufdir"}}
    stored = await made(world, body=body)

    assert stored["state"] == "active"
    ran = await world.ask("POST", f"{ALL}/nightly/run", json=WHY)
    assert (ran.status_code, ran.json()["errors"][0]["code"]) == (422, "nothing")


async def test_days_that_have_begun_where_the_schedule_is_are_exported(world: World) -> None:
    await made(world, body={"zone": "Pacific/Kiritimati", "period": "day"})
    ran = await world.ask("POST", f"{ALL}/nightly/run", json=WHY)

    assert ran.status_code == 202, ran.text


async def test_a_patch_is_judged_like_a_whole_document(world: World) -> None:
    await made(world)
    for body, pointer in [({"cron": None}, "/cron"), ({"zone": 7}, "/zone"), ({"colour": 1}, "/colour")]:
        answer = await world.over("PATCH", f"{ALL}/nightly", json=body)

        assert answer.status_code == 422, answer.text
        assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    assert (await world.over("PATCH", f"{ALL}/nightly", json=[])).status_code == 422
    assert (await world.ask("PATCH", f"{ALL}/nowhere", json={})).status_code == 404


async def test_the_next_slots_are_shown_in_the_zone_with_their_periods(world: World) -> None:
    await made(world, body={"starts_at": "2027-03-01T00:00:00Z"})
    stored = await look(world, "/nightly/preview", params={"count": 2})
    body = {**NIGHTLY, "cron": "30 2 28 3 *", "starts_at": "2027-03-01T00:00:00Z", "period": "previous-day"}
    answer = await world.ask("POST", f"{ALL}/preview", json=body, params={"count": 1})

    assert stored["tzdata"] == zones.EDITION
    assert stored["items"][0] == {
        "at": "2027-03-01T01:30:00.000000Z",
        "local": "2027-03-01T02:30:00+01:00",
        "moved": False,
        "period": {"from": "2027-02-01", "to": "2027-02-28"},
    }
    assert stored["items"][1]["local"] == "2027-04-01T02:30:00+02:00"
    assert [(each["local"], each["moved"]) for each in answer.json()["items"]] == [("2027-03-28T03:00:00+02:00", True)]
    for count in (0, 101, "many"):
        assert (await world.ask("GET", f"{ALL}/nightly/preview", params={"count": count})).status_code == 422


async def test_a_slot_makes_an_export_that_knows_its_schedule(world: World, database_url: str) -> None:
    schedule = await made(world, role=Role.REQUESTER)
    await fire(world, database_url)
    (slot,) = (await look(world, "/nightly/slots"))["items"]

    assert (slot["outcome"], slot["state"], slot["manual"]) == ("fired", "pending", False)
    export = (await world.ask("GET", f"/api/v1/exports/{slot['subject']}")).json()
    day = datetime.fromisoformat(slot["local"]).date().replace(day=1) - timedelta(days=1)
    assert export["period"] == {"from": day.replace(day=1).isoformat(), "to": day.isoformat()}
    assert (export["format"], export["profile"], export["schedule"]) == ("xlsx", "bufdir", schedule["id"])
    assert (await look(world))["failures"] == 0


async def test_policies_judge_what_is_made_in_the_role_of_who_changed_the_schedule(
    world: World, database_url: str
) -> None:
    await made(world, role=Role.REQUESTER)
    rule = {"rule": "no-requesters", "reason": "Ask an operator.", "roles": ["requester"], "deny": True}
    document = {"policy": "strict", "rules": [rule]}
    async with world.services.database.tenant(world.organisations["nordlys"].id) as tx:
        await policy_store.put(tx, document, actor=SYSTEM, activate=True)
    await fire(world, database_url, minutes=2)
    first = (await look(world, "/nightly/slots"))["items"]
    refused = await put(world, role=Role.REQUESTER, body={"cron": "0 3 1 * *"})
    await made(world, role=Role.OPERATOR)
    await fire(world, database_url)

    assert [(each["outcome"], each["code"]) for each in first] == [("failed", "policy-denied")]
    denied = [each["data"]["rule"] for each in await world.events("policy:strict") if each["type"] == "policy.denied"]
    assert denied == ["no-requesters", "no-requesters"]  # at its slot, and when it was written anew
    assert refused.status_code == 403
    newest, *_ = (await look(world, "/nightly/slots"))["items"]
    assert newest["outcome"] == "fired"


async def test_a_profile_that_is_gone_fails_the_slot_and_shows(world: World, database_url: str) -> None:
    await made(world)
    await made(world, "well", body={"kind": "noop", "payload": {}, "period": None})
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET row_security = off")
        connection.execute("UPDATE profiles SET active_revision = NULL")
    await fire(world, database_url)
    failing = await look(world, "", params={"failing": "true"})

    assert [(each["name"], each["failures"]) for each in failing["items"]] == [("nightly", 1)]
    assert failing["items"][0]["failure"] == "invalid-input"
    assert [each["name"] for each in (await look(world, "", params={"failing": "false"}))["items"]] == ["well"]


async def test_a_schedule_is_paused_and_resumed_for_a_reason(world: World) -> None:
    await made(world)
    bare = await world.ask("POST", f"{ALL}/nightly/pause")
    paused = await world.ask("POST", f"{ALL}/nightly/pause", role=Role.OPERATOR, json=WHY)
    twice = await world.ask("POST", f"{ALL}/nightly/pause", json=WHY)
    listed = await look(world, "", params={"paused": "true"})
    resumed = await world.ask("POST", f"{ALL}/nightly/resume", json=WHY)

    assert (bare.status_code, twice.status_code) == (400, 409)
    assert (paused.json()["state"], paused.json()["pause"]["reason"]) == ("paused", WHY["reason"])
    assert [each["name"] for each in listed["items"]] == ["nightly"]
    assert (resumed.json()["state"], resumed.json()["pause"]) == ("active", None)
    events = await world.events("schedule:nightly")
    assert [each["rev"] for each in events] == [1, 2, 3]
    assert "phone" not in str(events)


async def test_a_run_by_hand_is_made_once_under_its_key(world: World) -> None:
    await made(world)
    key = {"Idempotency-Key": "once"}
    bare = await world.ask("POST", f"{ALL}/nightly/run")
    first = await world.ask("POST", f"{ALL}/nightly/run", role=Role.REQUESTER, json=WHY, headers=key)
    again = await world.ask("POST", f"{ALL}/nightly/run", role=Role.REQUESTER, json=WHY, headers=key)
    other = await world.ask("POST", f"{ALL}/nightly/run", json=WHY)

    assert bare.status_code == 400
    assert (first.status_code, first.json()["manual"], first.json()["outcome"]) == (202, True, "fired")
    assert again.json() == first.json()
    assert other.status_code == 409  # the first goes on, and the schedule skips
    export = (await world.ask("GET", f"/api/v1/exports/{first.json()['subject']}")).json()
    assert export["status"] == "pending"


async def test_lists_come_page_by_page(world: World) -> None:
    body = {"kind": "noop", "payload": {}, "period": None, "overlap": "allow"}
    for name in ("c", "a", "b"):
        await made(world, name, body=body)
    for _ in range(3):
        await world.ask("POST", f"{ALL}/a/run", json=WHY)
    names, slots = list[str](), list[str]()
    for path, found, field in (("", names, "name"), ("/a/slots", slots, "slot")):
        cursor: dict[str, Any] = {}
        while True:
            page = await look(world, path, params={"limit": 1, **cursor})
            found += [each[field] for each in page["items"]]
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        if path:
            foreign = await world.ask("GET", f"{ALL}/b/slots", params=cursor)
            assert foreign.status_code == 422

    assert names == ["a", "b", "c"]
    assert slots == sorted(set(slots), reverse=True)
    assert len(slots) == 3
    assert (await look(world, "/a/slots", params={"outcome": "failed"}))["items"] == []
    assert (await world.ask("GET", ALL, params={"cursor": "WyJhIl0"})).status_code == 422


async def test_another_organisation_sees_and_changes_nothing(world: World) -> None:
    schedule = await made(world)
    await world.ask("POST", f"{ALL}/nightly/run", json=WHY)
    for method, path in [
        ("GET", ""), ("DELETE", ""), ("PATCH", ""), ("POST", "/pause"), ("POST", "/resume"), ("POST", "/run"),
        ("GET", "/preview"), ("GET", "/slots"),
    ]:  # fmt: skip
        body = {"json": {} if method == "PATCH" else WHY} if method != "GET" else {}
        answer = await world.ask(method, f"{ALL}/nightly{path}", slug="fjord", **body)

        assert answer.status_code == 404, (method, path, answer.text)
    assert (await world.ask("GET", ALL, slug="fjord")).json()["items"] == []
    assert (await look(world))["id"] == schedule["id"]
    assert (await put(world, slug="fjord", headers={"If-Match": '"v1"'})).status_code == 404
    assert ids.parse(ids.SCHEDULE, (await made(world, slug="fjord"))["id"])
    assert PROFILE["profile"] == REQUEST["profile"]
