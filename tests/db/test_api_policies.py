"""What a policy does not allow is not exported: not asked for, not run, not published; and everybody is told why."""

# E3, A6, O12.

from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path
from typing import Any

import pytest
from psycopg.sql import SQL

import delivering
from lading import ids
from lading.tenants.model import Role
from serving import REQUEST, YEAR, World
from works import PERIOD, Works

pytestmark = pytest.mark.anyio
WHY = {"reason": "the board wants it", "ticket": "OPS-9"}
ONLY_CSV: dict[str, Any] = {
    "policy": "outgoing",
    "rules": [{"rule": "formats", "reason": "The archive reads nothing else.", "formats": ["csv"]}],
}


@pytest.fixture
async def works(world: World, database_url: str, tmp_path: Path) -> Works:
    """An installation whose two organisations have rows to export."""
    made = Works(world, database_url, tmp_path)
    await made.ready("nordlys", "fjord")
    return made


async def put(world: World, document: dict[str, Any], slug: str = "nordlys") -> dict[str, Any]:
    """Store and activate a policy."""
    answer = await world.over(
        "PUT", f"/api/v1/policies/{document['policy']}", slug=slug, json=document, params={"activate": True}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def asked(world: World, role: Role = Role.REQUESTER, **fields: Any) -> Any:
    """Ask for an export."""
    return await world.ask("POST", "/api/v1/exports", role=role, json={**REQUEST, **fields})


async def count(world: World, slug: str = "nordlys") -> tuple[int, int]:
    """Return how many exports and live jobs there are."""
    async with world.services.database.tenant(world.organisations[slug].id) as tx:
        row = await tx.one(SQL("SELECT (SELECT count(*) FROM exports) AS e, (SELECT count(*) FROM jobs) AS j"))
    return row["e"], row["j"]


async def test_a_refusal_names_policy_and_rule_and_leaves_nothing_but_the_ledger(world: World) -> None:  # E3
    await put(world, ONLY_CSV)

    refused = await asked(world, format="xlsx")

    assert refused.status_code == 403, refused.text
    problem = refused.json()
    assert (problem["code"], problem["policy"], problem["revision"], problem["rule"]) == (
        "policy-denied",
        "outgoing",
        1,
        "formats",
    )
    assert "The archive reads nothing else" in problem["detail"]
    assert [each["code"] for each in problem["violations"]] == ["format"]
    assert await count(world) == (0, 0)
    (entry,) = [each for each in await world.events("policy:outgoing") if each["type"] == "policy.denied"]
    assert entry["data"]["rule"] == "formats"
    assert entry["actor"]["id"].startswith("key_")
    assert (await asked(world, format="csv")).status_code == 202


async def test_without_a_policy_all_that_the_role_allows_is_allowed(world: World) -> None:
    assert (await asked(world, format="xlsx")).status_code == 202
    assert (await asked(world, role=Role.VIEWER)).json()["code"] == "forbidden"


async def test_a_policy_of_one_organisation_says_nothing_to_another(world: World) -> None:  # A6
    await put(world, ONLY_CSV)

    other = await world.ask("GET", "/api/v1/policies/outgoing", slug="fjord")
    listed = await world.ask("GET", "/api/v1/policies", slug="fjord")
    tried = await world.ask("POST", "/api/v1/policies/outgoing/try", slug="fjord", json={"export": REQUEST})
    made = await world.ask("POST", "/api/v1/exports", slug="fjord", json={**REQUEST, "format": "xlsx"})

    assert (other.status_code, tried.status_code, made.status_code) == (404, 404, 202)
    assert listed.json()["items"] == []


async def test_the_old_face_is_refused_by_the_same_rule(world: World) -> None:  # B1
    await put(world, ONLY_CSV)
    body = {"org_id": "nordlys", "period_from": "2024-01-01", "period_to": "2024-12-31", "format": "excel"}

    refused = await world.ask("POST", "/api/v1/bufdir-exports", json=body)

    assert (refused.status_code, refused.json()["rule"]) == (403, "formats")
    assert await count(world) == (0, 0)


async def test_a_run_with_a_refused_export_is_refused_whole_and_the_ledger_knows(world: World) -> None:
    await put(world, ONLY_CSV)
    nodes = [
        {"key": "a", "kind": "export", "payload": {**REQUEST, "format": "csv"}},
        {"key": "b", "kind": "export", "payload": {**REQUEST, "format": "xlsx"}, "parents": ["a"]},
    ]

    refused = await world.ask("POST", "/api/v1/runs", json={"name": "both", "nodes": nodes})

    assert (refused.status_code, refused.json()["code"]) == (403, "policy-denied")
    assert await count(world) == (0, 0)
    assert [each["type"] for each in await world.events("policy:outgoing")].count("policy.denied") == 1


async def test_a_rule_is_for_the_roles_that_it_names(world: World) -> None:
    await put(world, {"policy": "p", "rules": [{"rule": "no", "roles": ["requester"], "deny": True}]})

    assert (await asked(world, role=Role.REQUESTER)).status_code == 403
    assert (await asked(world, role=Role.OPERATOR)).status_code == 202


async def test_a_dry_run_says_what_an_export_comes_to_and_stores_nothing(world: World) -> None:
    await put(world, ONLY_CSV)

    allowed = await world.ask("POST", "/api/v1/exports/check", json=REQUEST, role=Role.REQUESTER)
    refused = await world.ask("POST", "/api/v1/exports/check", json={**REQUEST, "format": "pdf"})

    assert (allowed.json()["is_allowed"], allowed.json()["plan"]["format"]) == (True, "csv")
    assert (refused.status_code, refused.json()["is_allowed"]) == (200, False)
    assert [each["rule"] for each in refused.json()["violations"]] == ["formats"]
    assert await count(world) == (0, 0)
    assert "policy.denied" not in [each["type"] for each in await world.events("policy:outgoing")]


async def test_a_policy_can_be_tried_before_it_is_stored_as_somebody_else_at_another_time(world: World) -> None:
    document = {
        "policy": "p",
        "timezone": "Europe/Oslo",
        "rules": [
            {"rule": "day", "roles": ["requester"], "hours": {"from": "08:00", "to": "16:00"}},
            {"rule": "size", "max_rows": 100},
        ],
    }

    async def tried(**fields: Any) -> list[str]:
        body = {"export": REQUEST, "document": document, **fields}
        answer = await world.ask("POST", "/api/v1/policies/p/try", json=body)
        assert answer.status_code == 200, answer.text
        return [each["rule"] for each in answer.json()["violations"]]

    assert await tried(role="requester", at="2026-07-01T06:30:00Z", rows=100) == []
    assert await tried(role="requester", at="2026-12-01T06:30:00Z", rows=101) == ["day", "size"]
    assert await tried(role="admin", at="2026-12-01T06:30:00Z") == []


async def test_revisions_are_kept_activated_taken_back_and_switched_off(world: World) -> None:
    first = await put(world, ONLY_CSV)
    second = await put(world, {**ONLY_CSV, "title": "Stricter"})
    again = await put(world, ONLY_CSV)

    assert [each["revision"] for each in (first, second, again)] == [1, 2, 1]
    back = await world.ask("POST", "/api/v1/policies/outgoing/rollback", json=WHY)
    assert (back.status_code, back.json()["revision"]) == (200, 2)
    off = await world.ask("POST", "/api/v1/policies/outgoing/deactivate", json=WHY)
    assert (off.status_code, off.json()["is_active"]) == (200, False)
    assert (await asked(world, format="xlsx")).status_code == 202
    back = await world.ask("POST", "/api/v1/policies/outgoing/rollback", json=WHY)
    assert (back.status_code, back.json()["is_active"]) == (200, True)
    history = await world.ask("GET", "/api/v1/policies/outgoing/activations")
    assert [each["revision"] for each in history.json()["items"]] == [2, 0, 2, 1, 2, 1]
    told = [each["type"] for each in await world.events("policy:outgoing")]
    assert told.count("policy.revised") == 2
    assert told[-2:] == ["policy.deactivated", "policy.rolled_back"]
    revs = [each["rev"] for each in await world.events("policy:outgoing") if each["rev"] is not None]
    assert revs == list(range(1, len(revs) + 1))


async def test_what_was_read_is_what_is_changed(world: World) -> None:
    stands = await put(world, ONLY_CSV)
    etag = f'"v{stands["version"]}"'
    await put(world, {**ONLY_CSV, "title": "By somebody else"})

    late = await world.ask(
        "POST", "/api/v1/policies/outgoing/activate", json={"revision": 1, **WHY}, headers={"If-Match": etag}
    )
    silent = await world.ask("POST", "/api/v1/policies/outgoing/activate", json={"revision": 1})

    assert (late.status_code, silent.status_code) == (412, 400)
    assert silent.json()["code"] == "reason-required"


@pytest.mark.parametrize("verb", ["activate", "deactivate", "rollback"])
async def test_only_an_admin_changes_what_is_allowed(world: World, verb: str) -> None:  # A7
    await put(world, ONLY_CSV)

    answer = await world.ask(
        "POST", f"/api/v1/policies/outgoing/{verb}", role=Role.OPERATOR, json={"revision": 1, **WHY}
    )

    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"policy": "outgoing", "rules": []}, 422),
        ({"policy": "another", "rules": [{"rule": "a", "deny": True}]}, 422),
        ({"policy": "outgoing", "rules": [{"rule": "a", "deny": True}], "\u0000": 1}, 422),
        ({"policy": "outgoing", "rules": [{"rule": "a", "max_rows": 10**18}]}, 422),
        ({"policy": "outgoing", "rules": [{"rule": "a", "deny": True}] * 101}, 422),
        ({"policy": "outgoing", "timezone": "/etc/localtime", "rules": [{"rule": "a", "deny": True}]}, 422),
        ([], 422),
    ],
)
async def test_a_bad_document_is_refused_and_not_stored(world: World, body: Any, status: int) -> None:
    answer = await world.ask("PUT", "/api/v1/policies/outgoing", json=body, params={"activate": True})

    assert answer.status_code == status, answer.text
    assert (await world.ask("GET", "/api/v1/policies")).json()["items"] == []


async def test_a_delta_is_judged_by_the_period_of_its_base_too(works: Works) -> None:
    base = await works.made(format="csv")
    await put(works.world, {"policy": "p", "rules": [{"rule": "short", "period": {"max_days": 31}}]})
    month = {"from": "2025-03-01", "to": "2025-03-31"}
    fields: dict[str, Any] = {"profile": "activities", "period": month, "format": "csv"}

    status, problem = await works.refused(**fields, variant="delta", base=base["id"])
    await works.ask(**fields)

    assert (status, problem["violations"][0]["code"]) == (403, "period-length")


# --- when it runs ---------------------------------------------------------------------------------


async def test_a_policy_that_changes_while_an_export_waits_fails_it(works: Works) -> None:
    made = await works.ask(profile="activities", period=PERIOD, format="xlsx")
    await put(works.world, ONLY_CSV)

    await works.work()

    failed = await works.get(made["id"])
    assert (failed["status"], failed["error"]["code"], failed["error"]["retryable"]) == (
        "failed",
        "policy-denied",
        False,
    )
    assert "formats" in failed["error"]["message"]
    assert failed["artifacts"] == []
    told = [each["type"] for each in await works.world.events(made["id"])]
    assert "policy.denied" in told
    assert "export.stage_started" not in told


@pytest.mark.parametrize(("rule", "code"), [({"max_rows": 39}, "rows"), ({"max_bytes": 100}, "bytes")])
async def test_what_became_too_large_is_not_published(works: Works, rule: dict[str, Any], code: str) -> None:
    await put(works.world, {"policy": "size", "rules": [{"rule": "size", **rule}]})

    failed = await works.made()

    assert (failed["status"], failed["error"]["code"]) == ("failed", "policy-denied")
    assert failed["artifacts"] == []
    denied = [each for each in await works.world.events(failed["id"]) if each["type"] == "policy.denied"]
    assert [each["data"]["code"] for each in denied] == [code]


async def test_what_is_just_small_enough_is_published(works: Works) -> None:
    await put(works.world, {"policy": "size", "rules": [{"rule": "size", "max_rows": 40}]})

    assert (await works.made())["status"] == "completed"


async def test_hours_and_age_are_judged_when_an_export_is_asked_for_not_when_its_turn_comes(works: Works) -> None:
    made = await works.ask(profile="activities", period=PERIOD)
    async with works.world.services.database.tenant(works.world.organisations["nordlys"].id) as tx:
        await tx.run(SQL("UPDATE exports SET asked_at = '2026-11-18T12:00:00Z'"))  # a Wednesday
    await put(works.world, {"policy": "h", "rules": [{"rule": "h", "hours": {"days": ["wed"], "from": "11:00"}}]})

    await works.work()

    assert (await works.get(made["id"]))["status"] == "completed"


async def test_a_retry_a_replay_and_a_requeue_are_judged_by_the_policy_of_now(works: Works) -> None:
    world = works.world
    made = await works.ask(profile="activities", period=PERIOD, format="xlsx")
    await put(world, ONLY_CSV)
    await works.work()
    async with world.services.database.tenant(world.organisations["nordlys"].id) as tx:
        job = ids.show(ids.JOB, (await tx.one(SQL("SELECT job_id FROM exports")))["job_id"])

    retried = await world.ask("POST", f"/api/v1/exports/{made['id']}/retry")
    replayed = await world.ask("POST", f"/api/v1/jobs/{job}/replay", json=WHY)
    requeued = await world.ask("POST", f"/api/v1/jobs/{job}/retry", json=WHY)
    many = await world.ask(
        "POST",
        "/api/v1/jobs/actions",
        json={"action": "replay", "dry_run": False, "filter": {"state": ["dead"]}, **WHY},
    )

    assert [each.status_code for each in (retried, replayed, requeued)] == [403, 403, 403]
    assert many.status_code == 200, many.text
    assert [each["code"] for each in many.json()["refused"]] == ["policy-denied"]
    assert (await works.get(made["id"]))["status"] == "failed"
    assert await count(world) == (1, 0)
    denied = [each for each in await world.events("policy:outgoing") if each["type"] == "policy.denied"]
    assert len(denied) == 4
    await world.ask("POST", "/api/v1/policies/outgoing/deactivate", json=WHY)
    assert (await world.ask("POST", f"/api/v1/exports/{made['id']}/retry")).status_code == 202
    await works.work()
    assert (await works.get(made["id"]))["status"] == "completed"


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"destinations": {"names": ["archive"]}}, "destination"),
        ({"when": {"destinations": ["partner"]}, "approval": {"roles": ["operator", "admin"]}}, "approval"),
        ({"when": {"destinations": ["partner"]}, "encrypted": True}, "encryption"),
        ({"when": {"destinations": ["partner"]}, "max_bytes": 1}, "bytes"),
    ],
)
async def test_a_package_is_brought_later_only_where_it_could_have_been_asked_for(
    world: World, tmp_path: Path, rule: dict[str, Any], code: str
) -> None:
    settings = dataclasses.replace(world.services.settings, delivery_roots=str(tmp_path))
    transport: Any = world.http._transport  # pyright: ignore[reportPrivateUsage]
    transport.app.state.services = world.services = dataclasses.replace(world.services, settings=settings)
    for name in ("archive", "partner"):
        (tmp_path / name).mkdir()
        await delivering.put(world, name, kind="directory", options={"path": str(tmp_path / name)})
    export_id = await delivering.packed(world)
    await put(world, {"policy": "outgoing", "rules": [{"rule": "outside", **rule}]})

    path = f"/api/v1/exports/{export_id}/deliveries"
    refused = await world.ask("POST", f"{path}/partner", role=Role.OPERATOR, json=WHY)
    allowed = await world.ask("POST", f"{path}/archive", role=Role.OPERATOR, json=WHY)

    assert (refused.status_code, allowed.status_code) == (403, 202), refused.text + allowed.text
    assert refused.json()["violations"][0]["code"] == code
    listed = (await world.ask("GET", path)).json()["items"]
    assert [each["destination"] for each in listed] == ["archive"]
    denied = [each for each in await world.events("policy:outgoing") if each["type"] == "policy.denied"]
    assert [each["data"]["code"] for each in denied] == [code]


async def test_a_period_too_long_ago_is_counted_in_the_zone_of_the_policy(world: World) -> None:
    await put(world, {"policy": "p", "rules": [{"rule": "age", "period": {"max_days_back": 30}}]})

    refused = await asked(world, period=YEAR)

    assert refused.json()["violations"][0]["code"] == "period-age"


async def test_a_schedule_is_judged_when_it_is_written_but_for_the_hours_of_its_slots(world: World) -> None:
    body = {"cron": "0 6 * * *", "zone": "UTC", "kind": "export", "payload": {**REQUEST, "format": "xlsx"}}
    in_three_days = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=3)).strftime("%a").lower()
    await put(world, {"policy": "h", "rules": [{"rule": "h", "hours": {"days": [in_three_days]}}]})

    written = await world.ask("PUT", "/api/v1/schedules/nightly", json=body, role=Role.OPERATOR)
    await put(world, ONLY_CSV)
    refused = await world.ask("PUT", "/api/v1/schedules/weekly", json=body, role=Role.OPERATOR)

    assert (written.status_code, refused.status_code) == (200, 403), written.text
    assert refused.json()["code"] == "policy-denied"
    assert await count(world) == (0, 0)
