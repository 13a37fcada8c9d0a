"""What died is seen, grouped and counted, and each letter is closed once, by who says why."""

# O12, O10.

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lading.tenants.model import Role
from serving import World

pytestmark = pytest.mark.anyio
LETTERS = "/api/v1/dead-letters"
WHY = {"reason": "the login was mended", "ticket": "OPS-7"}
REST = {"refused": [], "has_more": False, "next_cursor": None}
VERBS = {"requeue": "requeued", "resolve": "resolved", "discard": "discarded"}


async def listed(world: World, query: str = "", **options: Any) -> list[dict[str, Any]]:
    answer = await world.ask("GET", f"{LETTERS}{query}", **options)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def export_of(world: World, letter: dict[str, Any]) -> dict[str, Any]:
    return (await world.ask("GET", f"/api/v1/exports/{letter['subject']}")).json()


async def test_a_letter_tells_what_died_of_what(world: World) -> None:
    (job,) = await world.dead()

    (letter,) = await listed(world, role=Role.VIEWER)

    assert (letter["job"], letter["kind"], letter["source"]) == (job, "export", "activities")
    assert (letter["code"], letter["message"], letter["attempt"]) == ("source-refused", "No login for 0.", 1)
    assert (letter["state"], letter["closed_at"], letter["reason"]) == ("open", None, None)
    assert (await world.ask("GET", f"{LETTERS}/{job}")).json() == letter
    assert (await export_of(world, letter))["status"] == "failed"


async def test_letters_come_newest_job_first_page_by_page(world: World) -> None:
    dead = await world.dead(3)

    first = (await world.ask("GET", f"{LETTERS}?limit=2")).json()
    second = (await world.ask("GET", f"{LETTERS}?limit=2&cursor={first['next_cursor']}")).json()

    assert [letter["job"] for letter in first["items"] + second["items"]] == dead[::-1]
    assert second["next_cursor"] is None
    other = await world.ask("GET", f"{LETTERS}?code=x&cursor={first['next_cursor']}")
    assert other.json()["errors"][0]["pointer"] == "/cursor"


async def test_letters_are_filtered(world: World) -> None:
    kept, closed = await world.dead(2)
    await world.ask("POST", f"{LETTERS}/{closed}/resolve", json=WHY)
    fingerprint = (await listed(world))[0]["fingerprint"]

    assert [letter["job"] for letter in await listed(world)] == [kept]
    assert [letter["job"] for letter in await listed(world, "?state=resolved")] == [closed]
    assert len(await listed(world, "?state=any")) == 2
    wanted = f"?kind=export&source=activities&code=source-refused&fingerprint={fingerprint}"
    assert [letter["job"] for letter in await listed(world, wanted)] == [kept]
    for query in ("?kind=x", "?source=x", "?code=x", "?fingerprint=x", "?state=discarded"):
        assert await listed(world, query) == []
    assert (await world.ask("GET", f"{LETTERS}?state=lost")).status_code == 422


async def test_what_died_of_the_same_thing_is_one_cluster(world: World) -> None:
    await world.dead(3)

    (cluster,) = await listed(world, "/clusters")

    assert (cluster["count"], cluster["code"], cluster["message"]) == (3, "source-refused", "No login for 2.")
    assert cluster["first_at"] <= cluster["last_at"]
    assert cluster["fingerprint"] == (await listed(world))[0]["fingerprint"]


async def test_health_warns_above_ten_open_letters(world: World) -> None:
    await world.dead(10)
    fine = (await world.ask("GET", f"{LETTERS}/health", role=Role.VIEWER)).json()
    await world.dead()
    warning = (await world.ask("GET", f"{LETTERS}/health")).json()

    assert (fine, warning) == ({"open": 10, "level": "ok"}, {"open": 11, "level": "warn"})
    assert (await world.ask("GET", f"{LETTERS}/health", slug="fjord")).json()["open"] == 0


async def test_a_requeued_export_runs_again_and_can_complete(world: World) -> None:
    (job,) = await world.dead()

    answer = await world.ask("POST", f"{LETTERS}/{job}/requeue", json=WHY, role=Role.OPERATOR)

    letter = answer.json()
    assert (answer.status_code, letter["state"], letter["reason"]) == (200, "requeued", WHY["reason"])
    assert (letter["ticket"], letter["closed_by"][:4]) == ("OPS-7", "key_")
    alive = (await world.ask("GET", f"/api/v1/jobs/{job}")).json()
    assert (alive["state"], alive["failures"], alive["attempt"]) == ("pending", 0, 1)
    assert (await export_of(world, letter))["status"] == "pending"
    (claimed,) = await world.claim()
    await world.complete(letter["subject"])
    assert claimed.kind == "export"
    assert (await export_of(world, letter))["status"] == "completed"


async def test_a_job_that_dies_again_opens_its_letter_again(world: World) -> None:
    (job,) = await world.dead()
    await world.ask("POST", f"{LETTERS}/{job}/requeue", json=WHY)
    (claimed,) = await world.claim()
    await world.bury(claimed, "No table.")

    (letter,) = await listed(world)
    detail = (await world.ask("GET", f"/api/v1/jobs/{job}")).json()

    assert (letter["job"], letter["message"], letter["attempt"], letter["reason"]) == (job, "No table.", 2, None)
    assert [attempt["attempt"] for attempt in detail["attempts"]] == [1, 2]
    assert (detail["state"], detail["error"]["message"]) == ("dead", "No table.")


async def test_a_letter_is_closed_once_and_the_ledger_keeps_who_and_that_there_was_a_reason(world: World) -> None:
    for verb, state in VERBS.items():
        (job,) = await world.dead()
        closed = await world.ask("POST", f"{LETTERS}/{job}/{verb}", json=WHY)
        again = await world.ask("POST", f"{LETTERS}/{job}/{verb}", json=WHY)
        if verb == "requeue":
            await world.ask("POST", f"/api/v1/jobs/{job}/cancel", json=WHY)

        assert (closed.json()["state"], again.status_code) == (state, 409)
        (event,) = [
            event
            for event in await world.events(job)
            if event["type"] in {"job.requeued", "letter.resolved", "letter.discarded"}
        ]
        assert (event["data"]["reason"], event["data"]["ticket"], event["actor"]["kind"]) == (True, "OPS-7", "key")


async def test_an_export_that_is_tried_again_closes_its_letter(world: World) -> None:
    (job,) = await world.dead()
    (letter,) = await listed(world)
    await world.ask("POST", f"/api/v1/exports/{letter['subject']}/retry")
    (live,) = (await world.ask("GET", "/api/v1/jobs?state=pending")).json()["items"]

    answer = await world.ask("POST", f"{LETTERS}/{job}/requeue", json=WHY)

    closed = (await world.ask("GET", f"{LETTERS}/{job}")).json()
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert (closed["state"], closed["reason"]) == ("requeued", f"Tried again as {live['id']}.")
    assert (await world.ask("GET", f"/api/v1/jobs/{job}")).json()["state"] == "dead"
    event = (await world.events(job))[-1]
    assert (event["type"], event["data"]["by"]) == ("letter.requeued", live["id"])
    assert (await world.ask("GET", f"{LETTERS}/health")).json()["open"] == 0


async def test_a_dry_run_in_bulk_changes_nothing(world: World) -> None:
    await world.dead(3)
    before = await listed(world, "?state=any")

    answer = await world.ask("POST", f"{LETTERS}/requeue", json={**WHY, "dry_run": True})

    assert answer.json() == {"matched": 3, "done": 0, **REST}
    assert await listed(world, "?state=any") == before
    assert {job["state"] for job in (await world.ask("GET", "/api/v1/jobs")).json()["items"]} == {"dead"}


async def test_bulk_closes_what_matches_and_tells_what_it_could_not(world: World) -> None:
    dead = await world.dead(3)
    (letter,) = [letter for letter in await listed(world) if letter["job"] == dead[1]]
    await world.ask("DELETE", f"/api/v1/exports/{letter['subject']}")

    answer = await world.ask("POST", f"{LETTERS}/requeue", json={**WHY, "code": "source-refused"})

    result = answer.json()
    assert (result["matched"], result["done"]) == (3, 2)
    assert [refusal["job"] for refusal in result["refused"]] == [dead[1]]
    assert "There is no export" in result["refused"][0]["detail"]
    assert [each["job"] for each in await listed(world)] == [dead[1]]


async def test_bulk_keeps_to_its_filter_and_its_limit(world: World) -> None:
    dead = await world.dead(3)

    none = await world.ask("POST", f"{LETTERS}/discard", json={**WHY, "source": "other"})
    two = await world.ask("POST", f"{LETTERS}/resolve", json={**WHY, "limit": 2})

    assert none.json() == {"matched": 0, "done": 0, **REST}
    assert two.json() == {"matched": 2, "done": 2, **REST, "has_more": True, "next_cursor": two.json()["next_cursor"]}
    assert [letter["job"] for letter in await listed(world)] == dead[:1]
    for limit in (0, 1001):
        answer = await world.ask("POST", f"{LETTERS}/resolve", json={**WHY, "limit": limit})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/limit")


async def test_without_a_reason_no_letter_is_closed(world: World) -> None:  # O10
    (job,) = await world.dead()
    for verb in VERBS:
        for path in (f"{LETTERS}/{job}/{verb}", f"{LETTERS}/{verb}"):
            answer = await world.ask("POST", path, json={"reason": " "})
            assert (answer.status_code, answer.json()["code"]) == (400, "reason-required"), path
        assert (await world.ask("POST", f"{LETTERS}/{job}/{verb}")).status_code == 400
    assert [letter["job"] for letter in await listed(world)] == [job]


async def test_a_letter_of_another_organisation_does_not_exist(world: World) -> None:
    (job,) = await world.dead()

    assert await listed(world, slug="fjord") == []
    assert await listed(world, "/clusters", slug="fjord") == []
    assert (await world.ask("GET", f"{LETTERS}/{job}", slug="fjord")).status_code == 404
    for verb in VERBS:
        one = await world.ask("POST", f"{LETTERS}/{job}/{verb}", slug="fjord", json=WHY)
        all_ = await world.ask("POST", f"{LETTERS}/{verb}", slug="fjord", json=WHY)
        assert (one.status_code, all_.json()) == (404, {"matched": 0, "done": 0, **REST})
    assert [letter["job"] for letter in await listed(world)] == [job]


async def test_bulk_goes_on_where_it_ended_and_meets_nothing_twice(world: World) -> None:
    dead = await world.dead(5)
    (letter,) = [letter for letter in await listed(world) if letter["job"] == dead[4]]
    await world.ask("DELETE", f"/api/v1/exports/{letter['subject']}")

    told, cursor = [], None
    while True:
        body = {**WHY, "limit": 2, "cursor": cursor}
        result = (await world.ask("POST", f"{LETTERS}/requeue", json=body)).json()
        told.append((result["matched"], result["done"], len(result["refused"])))
        if (cursor := result["next_cursor"]) is None:
            break

    assert told == [(2, 1, 1), (2, 2, 0), (1, 1, 0)]
    other = await world.ask("POST", f"{LETTERS}/requeue", json={**WHY, "limit": 1, "code": "x", "cursor": "x"})
    assert (other.status_code, other.json()["errors"][0]["pointer"]) == (422, "/cursor")


async def test_letters_are_found_by_when_they_died(world: World) -> None:
    old, new = await world.dead(2)
    await world.age(old, days=2)
    noon = (datetime.now(UTC) - timedelta(days=1)).isoformat().replace("+00:00", "Z")

    for query in (f"?died_to={noon}", "?older_than_seconds=3600", f"?older_than_seconds=3600&died_to={noon}"):
        assert [letter["job"] for letter in await listed(world, query)] == [old], query
    for query in (f"?died_from={noon}", "?newer_than_seconds=3600"):
        assert [letter["job"] for letter in await listed(world, query)] == [new], query
    bulk = await world.ask("POST", f"{LETTERS}/discard", json={**WHY, "older_than_seconds": 86400})
    assert (bulk.json()["done"], [letter["job"] for letter in await listed(world)]) == (1, [new])
    for body, pointer in [({"died_from": "soon"}, "/died_from"), ({"older_than_seconds": -1}, "/older_than_seconds")]:
        answer = await world.ask("POST", f"{LETTERS}/discard", json={**WHY, **body})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_statistics_say_where_to_look_first(world: World) -> None:
    first, second, third = await world.dead(3)
    await world.age(first, days=9)
    await world.age(second, days=40)
    await world.ask("POST", f"{LETTERS}/{third}/requeue", json=WHY)
    (claimed,) = await world.claim()
    await world.bury(claimed, "No table.")
    (fourth,) = await world.dead()
    await world.ask("POST", f"{LETTERS}/{fourth}/resolve", json=WHY)

    stats = (await world.ask("GET", f"{LETTERS}/stats", role=Role.VIEWER)).json()

    assert [stats[name] for name in ("open", "requeued", "resolved", "discarded", "died_again")] == [3, 0, 1, 0, 1]
    assert stats["by_kind"] == [{"name": "export", "count": 3}]
    assert stats["by_source"] == [{"name": "activities", "count": 3}]
    assert stats["by_code"] == [{"name": "source-refused", "count": 3}]
    assert stats["by_age"] == [{"name": "under 1 hour", "count": 1}, {"name": "7 days or more", "count": 2}]
    assert len(stats["days"]) == 30
    assert [each["count"] for each in stats["days"] if each["count"]] == [1, 2]
    assert (await world.ask("GET", f"{LETTERS}/{third}")).json()["deaths"] == 2
    empty = (await world.ask("GET", f"{LETTERS}/stats", slug="fjord")).json()
    assert (empty["open"], empty["by_kind"], sum(each["count"] for each in empty["days"])) == (0, [], 0)
