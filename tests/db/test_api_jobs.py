"""Jobs are seen as they are, live and finished, and steered only by who says why."""

# O1, O10; roles and the matrix are in test_api_access.

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from lading import ids
from lading.jobs import attempts
from lading.jobs import store as jobs
from lading.jobs.model import NewJob
from lading.ledger.entry import SYSTEM
from lading.tenants.model import Role
from serving import World

pytestmark = pytest.mark.anyio
JOBS = "/api/v1/jobs"
WHY = {"reason": "the source is moved tonight", "ticket": "OPS-7"}


async def listed(world: World, query: str = "", **options: Any) -> list[dict[str, Any]]:
    answer = await world.ask("GET", f"{JOBS}{query}", **options)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def job_id(world: World) -> str:
    await world.export()
    return (await listed(world))[0]["id"]


def refused(answer: httpx2.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


async def test_a_job_shows_what_it_is_for_and_what_it_waits_for(world: World) -> None:
    export = await world.export()

    (job,) = await listed(world, role=Role.VIEWER)
    detail = (await world.ask("GET", f"{JOBS}/{job['id']}", role=Role.VIEWER)).json()

    assert (job["kind"], job["source"], job["subject"]) == ("export", "activities", export["id"])
    assert (job["state"], job["waiting_for"], job["attempt"], job["priority"]) == ("pending", "worker", 0, 0)
    assert detail == {**job, "attempts": [], "payload": {"export": export["id"]}}
    assert (len(job["payload_digest"]), job["replay_of"], job["run"]) == (64, None, None)


async def test_live_and_finished_jobs_are_one_list_newest_first_and_each_once(world: World) -> None:
    dead = await world.dead(3)
    await world.ask("POST", f"/api/v1/dead-letters/{dead[1]}/requeue", json=WHY)
    await world.export()

    found, query = [], "?limit=2"
    while query:
        answer = (await world.ask("GET", f"{JOBS}{query}")).json()
        found += [(job["id"], job["state"]) for job in answer["items"]]
        query = f"?limit=2&cursor={answer['next_cursor']}" if answer["next_cursor"] else ""

    states = dict(found)
    assert [each for each, _ in found] == sorted(states, reverse=True)
    assert len(found) == 4
    assert [states[each] for each in dead] == ["dead", "pending", "dead"]


async def test_a_list_is_filtered_by_state_kind_and_source(world: World) -> None:
    (dead,) = await world.dead()
    waiting = await job_id(world)

    assert [job["id"] for job in await listed(world, "?state=dead")] == [dead]
    assert [job["id"] for job in await listed(world, "?state=pending&kind=export&source=activities")] == [waiting]
    assert len(await listed(world, "?state=pending&state=dead")) == 2
    assert await listed(world, "?kind=other") == []
    assert await listed(world, "?source=other") == []
    assert (await world.ask("GET", f"{JOBS}?state=ill")).status_code == 422


async def test_a_cursor_of_another_list_is_refused(world: World) -> None:
    await world.export()
    await world.export()
    cursor = (await world.ask("GET", f"{JOBS}?limit=1")).json()["next_cursor"]

    for query in (f"?kind=export&cursor={cursor}", "?cursor=x", f"?cursor={cursor}x"):
        answer = await world.ask("GET", f"{JOBS}{query}")
        assert answer.json()["errors"][0]["pointer"] == "/cursor"
    other = await world.ask("GET", f"/api/v1/dead-letters?cursor={cursor}")
    assert other.status_code == 422


async def test_attempts_are_told_with_how_they_ended(world: World) -> None:
    (dead,) = await world.dead()

    detail = (await world.ask("GET", f"{JOBS}/{dead}")).json()

    (attempt,) = detail["attempts"]
    assert (attempt["attempt"], attempt["outcome"], attempt["error"]["code"]) == (1, "failed", "source-refused")
    assert attempt["started_at"] <= attempt["ended_at"] <= detail["ended_at"]
    assert (detail["state"], detail["failures"], detail["error"]["code"]) == ("dead", 1, "source-refused")


async def test_a_paused_job_says_so(world: World) -> None:
    job = await job_id(world)
    ends_at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    window = await world.ask("POST", "/api/v1/pauses", json={"scope": "job", "target": job, "ends_at": ends_at, **WHY})
    blackout = (await world.ask("GET", f"{JOBS}/{job}")).json()

    await world.ask("POST", "/api/v1/pauses", json={"scope": "job", "target": job, **WHY})
    pause = (await world.ask("GET", f"{JOBS}/{job}")).json()

    assert (blackout["waiting_for"], blackout["eligible_at"]) == ("blackout", window.json()["ends_at"])
    assert (pause["waiting_for"], pause["eligible_at"]) == ("pause", None)


async def test_a_cancelled_job_takes_its_export_with_it(world: World) -> None:
    export = await world.export()
    (job,) = await listed(world)

    answer = await world.ask("POST", f"{JOBS}/{job['id']}/cancel", json=WHY, role=Role.OPERATOR)

    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert (await world.ask("GET", f"/api/v1/exports/{export['id']}")).json()["status"] == "cancelled"
    event = (await world.events(job["id"]))[-1]
    assert (event["type"], event["data"]["reason"], event["data"]["ticket"]) == ("job.cancelled", True, "OPS-7")
    assert "moved" not in str(event)


async def test_a_running_job_is_asked_to_stop(world: World) -> None:
    job = await job_id(world)
    (claimed,) = await world.claim()
    async with world.services.database.tenant(claimed.tenant_id) as tx:
        await attempts.start(tx, claimed)

    answer = await world.ask("POST", f"{JOBS}/{job}/cancel", json=WHY)

    assert (answer.status_code, answer.json()["state"]) == (200, "running")
    assert answer.json()["cancel_requested_at"] is not None
    assert (await world.events(job))[-1]["data"]["reason"] is True


async def test_a_job_of_another_kind_is_cancelled_too(world: World) -> None:
    job = NewJob(ids.new(), "sweep", "exp_x")
    async with world.services.database.tenant(world.organisations["nordlys"].id) as tx:
        await jobs.enqueue(tx, job, actor=SYSTEM)

    answer = await world.ask("POST", f"{JOBS}/{ids.show(ids.JOB, job.id)}/cancel", json=WHY)

    assert answer.json()["state"] == "cancelled"


async def test_a_job_that_has_ended_is_neither_cancelled_nor_prioritised(world: World) -> None:
    (dead,) = await world.dead()
    export = (await world.ask("GET", f"{JOBS}/{dead}")).json()["subject"]
    await world.ask("POST", f"/api/v1/exports/{export}/retry")

    cancelled = await world.ask("POST", f"{JOBS}/{dead}/cancel", json=WHY)
    urgent = await world.ask("POST", f"{JOBS}/{dead}/prioritise", json={**WHY, "priority": 9})

    assert refused(cancelled) == refused(urgent) == (409, "invalid-transition")
    assert (await world.ask("GET", f"/api/v1/exports/{export}")).json()["status"] == "pending"


async def test_a_prioritised_job_is_claimed_first(world: World) -> None:
    await world.export()
    job = await job_id(world)

    answer = await world.ask("POST", f"{JOBS}/{job}/prioritise", json={**WHY, "priority": 100})

    (claimed,) = await world.claim(limit=1)
    assert (answer.status_code, answer.json()["priority"]) == (200, 100)
    assert ids.show(ids.JOB, claimed.job_id) == job
    (event,) = [event for event in await world.events(job) if event["type"] == "job.prioritised"]
    assert event["data"] | {"for": ""} == {"priority": 100, "reason": True, "ticket": "OPS-7", "for": ""}
    assert event["actor"]["kind"] == "key"


async def test_a_priority_has_bounds(world: World) -> None:
    job = await job_id(world)
    for priority in (101, -101, 2**40, 1.5, "high", None):
        answer = await world.ask("POST", f"{JOBS}/{job}/prioritise", json={**WHY, "priority": priority})
        assert answer.json()["errors"][0]["pointer"] == "/priority"


async def test_without_a_reason_nothing_is_done(world: World) -> None:  # O10
    job = await job_id(world)
    for body in ({}, {"reason": ""}, {"reason": " \n"}):
        assert refused(await world.ask("POST", f"{JOBS}/{job}/cancel", json=body)) == (400, "reason-required")
        urgent = await world.ask("POST", f"{JOBS}/{job}/prioritise", json={"priority": 1, **body})
        assert refused(urgent) == (400, "reason-required")
    assert refused(await world.ask("POST", f"{JOBS}/{job}/cancel")) == (400, "reason-required")
    assert (await world.ask("GET", f"{JOBS}/{job}")).json()["state"] == "pending"
    assert [event["type"] for event in await world.events(job)] == ["job.enqueued"]


async def test_a_reason_is_no_novel_and_a_ticket_no_prose(world: World) -> None:
    job = await job_id(world)
    for body, pointer in [
        ({"reason": "x" * 501}, "/reason"),
        ({"reason": "x", "ticket": "Ann Nordmann"}, "/ticket"),
        ({"reason": "x", "ticket": ""}, "/ticket"),
        ({"reason": "x", "tickets": "OPS-7"}, "/tickets"),
    ]:
        answer = await world.ask("POST", f"{JOBS}/{job}/cancel", json=body)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_a_job_of_another_organisation_does_not_exist(world: World) -> None:
    job = await job_id(world)

    assert await listed(world, slug="fjord") == []
    assert (await world.ask("GET", f"{JOBS}/{job}", slug="fjord")).status_code == 404
    for verb, body in [("cancel", WHY), ("prioritise", {**WHY, "priority": 1})]:
        assert (await world.ask("POST", f"{JOBS}/{job}/{verb}", slug="fjord", json=body)).status_code == 404
    assert (await world.ask("GET", f"{JOBS}/job_x")).status_code == 404
    assert (await world.ask("GET", f"{JOBS}/{job}")).json()["state"] == "pending"
