"""Jobs are made, tried again, done once more and steered in bulk: by who may, who says why, and nobody twice."""

# O1, O10, O11.

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import psycopg
import pytest

from lading import ids
from lading.api.kinds import KINDS
from lading.jobs import attempts, batches, leases
from lading.jobs.model import Fault
from lading.tenants.model import Role
from serving import World

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("replayed")]
JOBS = "/api/v1/jobs"
WHY = {"reason": "the source was mended", "ticket": "OPS-7"}


def at(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


def refused(answer: httpx2.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


async def look(world: World, job_id: str, **options: Any) -> dict[str, Any]:
    return (await world.ask("GET", f"{JOBS}/{job_id}", **options)).json()


async def count(world: World, slug: str = "nordlys") -> int:
    return len((await world.ask("GET", f"{JOBS}?limit=200", slug=slug)).json()["items"])


async def events(world: World, job_id: str) -> list[dict[str, Any]]:
    return (await world.ask("GET", f"{JOBS}/{job_id}/history")).json()["items"]


# --- making jobs ----------------------------------------------------------------------------------


async def test_a_job_is_made_as_it_was_asked_for(world: World) -> None:  # O1
    made = await world.ask(
        "POST",
        JOBS,
        role=Role.REQUESTER,
        json={
            "kind": "noop",
            "payload": {"seconds": 2},
            "source": "activities",
            "priority": 7,
            "due_at": at(1),
            "max_attempts": 3,
            "deadline_seconds": 60,
            "subject": "drill:17",
        },
    )

    job = made.json()
    assert (made.status_code, made.headers["Location"]) == (201, f"{JOBS}/{job['id']}")
    assert (job["kind"], job["source"], job["subject"], job["priority"]) == ("noop", "activities", "drill:17", 7)
    assert (job["state"], job["waiting_for"], job["max_attempts"]) == ("scheduled", "time", 3)
    assert (job["deadline_seconds"], job["payload"]) == (60, {"seconds": 2})
    assert await look(world, job["id"]) == job
    assert [event["type"] for event in await events(world, job["id"])] == ["jobs.enqueued"]


async def test_what_a_job_works_for_is_itself_unless_it_is_said(world: World) -> None:
    job = await world.job()

    assert (job["subject"], job["state"], job["waiting_for"]) == (job["id"], "pending", "worker")


async def test_kinds_say_what_may_be_created(world: World) -> None:
    kinds = (await world.ask("GET", "/api/v1/kinds", role=Role.VIEWER)).json()["items"]

    assert {kind["name"] for kind in kinds} == set(KINDS)
    assert [kind["name"] for kind in kinds if kind["may_create"]] == ["noop"]


async def test_a_job_that_is_wrong_is_named_and_not_made(world: World) -> None:
    for change, pointer in [
        ({"kind": "export"}, "/kind"),
        ({"kind": "x"}, "/kind"),
        ({"payload": {"seconds": -1}}, "/payload/seconds"),
        ({"payload": {"fails": 2}}, "/payload/fails"),
        ({"payload": {"query": "x"}}, "/payload/query"),
        ({"payload": {"fail": "x" * 70_000}}, "/payload"),
        ({"source": "nowhere"}, "/source"),
        ({"priority": 101}, "/priority"),
        ({"due_at": "soon"}, "/due_at"),
        ({"max_attempts": 0}, "/max_attempts"),
        ({"deadline_seconds": 0}, "/deadline_seconds"),
        ({"subject": "Ann Nordmann"}, "/subject"),
        ({"colour": "red"}, "/colour"),
    ]:
        answer = await world.ask("POST", JOBS, json={"kind": "noop", **change})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer), (change, answer.text)
    unknown = (await world.ask("POST", JOBS, json={"kind": "x"})).json()["detail"]
    assert "noop" in unknown
    assert await count(world) == 0


async def test_the_same_key_makes_the_same_jobs_once(world: World) -> None:
    body, key = {"jobs": [{"kind": "noop"}] * 3}, {"Idempotency-Key": "tonight"}

    first = await world.ask("POST", f"{JOBS}/batch", json=body, headers=key)
    again = await world.ask("POST", f"{JOBS}/batch", json=body, headers=key)
    other = await world.ask("POST", f"{JOBS}/batch", json={"jobs": [{"kind": "noop"}]}, headers=key)
    export = await world.ask("POST", JOBS, json={"kind": "noop"}, headers=key)

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert (first.headers.get("Idempotent-Replayed"), again.headers["Idempotent-Replayed"]) == (None, "true")
    assert refused(other) == refused(export) == (422, "idempotency-key-reused")
    assert await count(world) == 3


async def test_a_batch_is_made_whole_or_not_at_all(world: World) -> None:
    wrong = {"jobs": [{"kind": "noop"}, {"kind": "noop", "priority": 900}, {"kind": "x"}]}
    answer = await world.ask("POST", f"{JOBS}/batch", json=wrong)

    assert [each["pointer"] for each in answer.json()["errors"]] == ["/jobs/1/priority", "/jobs/2/kind"]
    assert await count(world) == 0
    for size in (0, 1001):
        answer = await world.ask("POST", f"{JOBS}/batch", json={"jobs": [{"kind": "noop"}] * size})
        assert answer.json()["errors"][0]["pointer"] == "/jobs"
    made = await world.ask("POST", f"{JOBS}/batch", json={"jobs": [{"kind": "noop"}] * 1000})
    assert len(set(made.json()["jobs"])) == 1000


# --- trying again ---------------------------------------------------------------------------------


async def test_a_job_that_waits_for_its_time_runs_now(world: World) -> None:  # O10
    job = await world.job(due_at=at(5))

    answer = await world.ask("POST", f"{JOBS}/{job['id']}/retry", json=WHY, role=Role.OPERATOR)

    assert (answer.status_code, answer.json()["state"]) == (200, "pending")
    assert [ids.show(ids.JOB, claimed.job_id) for claimed in await world.claim()] == [job["id"]]
    (event,) = [event for event in await events(world, job["id"]) if event["type"] == "job.hastened"]
    assert (event["data"]["reason"], event["data"]["ticket"], event["actor"]["kind"]) == (True, "OPS-7", "key")
    assert "mended" not in str(event)


async def test_a_job_that_waits_for_its_retry_runs_now_and_keeps_its_count(world: World) -> None:
    job = await world.job()
    (claimed,) = await world.claim()
    async with world.services.database.tenant(claimed.tenant_id) as tx:
        _, fence = await attempts.start(tx, claimed)
        await attempts.fail(tx, fence, Fault("source-timeout", "Too slow."), after_seconds=600)
    waiting = await look(world, job["id"])

    retried = (await world.ask("POST", f"{JOBS}/{job['id']}/retry", json=WHY)).json()

    assert (waiting["state"], waiting["waiting_for"]) == ("scheduled", "retry")
    assert (retried["state"], retried["failures"], retried["attempt"]) == ("pending", 1, 1)


async def test_a_dead_job_is_requeued_with_its_export(world: World) -> None:
    (dead,) = await world.dead()
    before = (await world.ask("GET", f"{JOBS}/{dead}")).json()

    answer = await world.ask("POST", f"{JOBS}/{dead}/retry", json=WHY)

    assert answer.json()["created_at"] == before["created_at"]
    assert (answer.json()["id"], answer.json()["state"], answer.json()["failures"]) == (dead, "pending", 0)
    export = await world.ask("GET", f"/api/v1/exports/{answer.json()['subject']}")
    letter = (await world.ask("GET", f"/api/v1/dead-letters/{dead}")).json()
    assert (export.json()["status"], letter["state"], letter["reason"]) == ("pending", "requeued", WHY["reason"])


async def test_of_very_many_attempts_the_latest_are_shown(world: World, database_url: str) -> None:
    job = await world.job()
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO attempts (tenant_id, job_id, attempt, lease_id, worker, ended_at, outcome) "
            "SELECT tenant_id, id, number, gen_random_uuid(), 'w', now(), 'snoozed' "
            "FROM jobs, generate_series(1, 300) AS number"
        )

    shown = (await world.ask("GET", f"{JOBS}/{job['id']}")).json()

    assert [each["attempt"] for each in shown["attempts"]] == list(range(101, 301))


async def test_only_what_waits_or_is_dead_is_retried(world: World) -> None:
    job = await world.job()
    assert refused(await world.ask("POST", f"{JOBS}/{job['id']}/retry", json=WHY)) == (409, "invalid-transition")
    await world.finish(job["id"])
    answer = await world.ask("POST", f"{JOBS}/{job['id']}/retry", json=WHY)

    assert refused(answer) == (409, "invalid-transition")
    assert "replay it" in answer.json()["detail"]


# --- once more, as a copy -------------------------------------------------------------------------


async def test_a_replay_is_a_copy_that_goes_first_and_changes_nothing_of_the_old_one(world: World) -> None:  # O11
    old = await world.job(payload={"seconds": 1}, source="activities", max_attempts=3, deadline_seconds=9)
    await world.finish(old["id"])
    before = await look(world, old["id"])

    answer = await world.ask("POST", f"{JOBS}/{old['id']}/replay", json=WHY, role=Role.OPERATOR)

    copy = answer.json()
    kept = ("kind", "source", "payload", "payload_digest", "max_attempts", "deadline_seconds")
    assert (answer.status_code, answer.headers["Location"]) == (201, f"{JOBS}/{copy['id']}")
    assert {name: copy[name] for name in kept} == {name: old[name] for name in kept}
    assert (copy["replay_of"], copy["priority"], copy["state"], copy["attempt"]) == (old["id"], 100, "pending", 0)
    assert copy["subject"] == copy["id"] != old["id"]
    assert await look(world, old["id"]) == before


async def test_a_replay_stands_in_the_history_of_both(world: World) -> None:  # O11
    old = await world.job()
    await world.finish(old["id"])
    copy = (await world.ask("POST", f"{JOBS}/{old['id']}/replay", json={**WHY, "priority": -3})).json()

    (of,) = [event for event in await events(world, copy["id"]) if event["type"] == "job.replayed"]
    (by,) = [event for event in await events(world, old["id"]) if event["type"] == "job.replayed"]

    assert (of["data"]["of"], by["data"]["by"], copy["priority"]) == (old["id"], copy["id"], -3)
    assert (by["data"]["reason"], by["data"]["ticket"]) == (True, "OPS-7")


async def test_the_replay_of_an_export_is_another_export_of_the_same(world: World) -> None:  # O11
    (dead,) = await world.dead(format="xlsx", parameters={"activity_types": ["home_visit"]})
    before = await look(world, dead)
    old = (await world.ask("GET", f"/api/v1/exports/{before['subject']}")).json()

    copy = (await world.ask("POST", f"{JOBS}/{dead}/replay", json=WHY)).json()

    new = (await world.ask("GET", f"/api/v1/exports/{copy['subject']}")).json()
    same = ("profile", "revision", "format", "period", "parameters", "include_attachments", "type")
    assert {name: new[name] for name in same} == {name: old[name] for name in same}
    assert (copy["payload"], new["status"], new["id"] != old["id"]) == ({"export": new["id"]}, "pending", True)
    assert copy["payload_digest"] == before["payload_digest"]
    assert (await world.ask("GET", f"/api/v1/exports/{old['id']}")).json() == old
    assert (await look(world, dead)) == before
    created = (await world.events(new["id"]))[0]
    assert (created["type"], created["data"]["replay_of"]) == ("export.created", old["id"])


async def test_a_copy_of_a_completed_export_warns_and_can_be_completed_too(world: World) -> None:
    export = await world.export()
    job = (await world.ask("GET", JOBS)).json()["items"][0]["id"]
    await world.finish(job)
    await world.complete(export["id"])

    copy = (await world.ask("POST", f"{JOBS}/{job}/replay", json=WHY)).json()
    waiting = (await world.ask("GET", f"/api/v1/exports/{copy['subject']}")).json()
    await world.complete(copy["subject"])

    statuses = [
        (await world.ask("GET", f"/api/v1/exports/{each}")).json()["status"] for each in (export["id"], copy["subject"])
    ]
    assert [warning["code"] for warning in waiting["warnings"]] == ["already-exported"]
    assert statuses == ["completed", "completed"]


async def test_the_digest_tells_exports_of_other_things_apart(world: World) -> None:
    await world.export(format="csv")
    await world.export(format="csv")
    await world.export(format="xlsx")

    other, second, first = [job["payload_digest"] for job in (await world.ask("GET", JOBS)).json()["items"]]

    assert first == second != other


async def test_what_lives_is_not_replayed_nor_what_was_deleted(world: World) -> None:
    (dead,) = await world.dead()
    job = await world.job()
    await world.ask("DELETE", f"/api/v1/exports/{(await look(world, dead))['subject']}")

    live = await world.ask("POST", f"{JOBS}/{job['id']}/replay", json=WHY)
    deleted = await world.ask("POST", f"{JOBS}/{dead}/replay", json=WHY)

    assert (refused(live), refused(deleted)) == ((409, "invalid-transition"), (409, "conflict"))
    assert refused(await world.ask("POST", f"{JOBS}/{dead}/replay", json={**WHY, "priority": 101}))[0] == 422


# --- many at once ---------------------------------------------------------------------------------


async def steer(world: World, action: str, **fields: Any) -> dict[str, Any]:
    body = {"action": action, "dry_run": False, **WHY, **fields}
    answer = await world.ask("POST", f"{JOBS}/actions", json=body, role=Role.OPERATOR)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_dry_run_counts_and_names_and_does_nothing(world: World) -> None:  # O10
    made = [(await world.job(subject="drill:1"))["id"] for _ in range(12)]
    await world.job()

    told = await steer(world, "cancel", dry_run=True, filter={"subject": "drill:1"})

    assert (told["matched"], told["done"], told["refused"], told["has_more"]) == (12, 0, [], False)
    assert told["sample"] == made[::-1][:10]
    assert {job["state"] for job in (await world.ask("GET", JOBS)).json()["items"]} == {"pending"}


async def test_every_verb_works_in_bulk(world: World) -> None:  # O10
    one, two = await world.job(), await world.job(due_at=at(3))
    which = {"filter": {"kind": "noop"}}

    retried = await steer(world, "retry", **which)
    urgent = await steer(world, "prioritise", priority=9, **which)
    paused = await steer(world, "pause", **which)
    held = [(await look(world, job["id"])) for job in (one, two)]
    resumed = await steer(world, "resume", **which)
    cancelled = await steer(world, "cancel", **which)
    replayed = await steer(world, "replay", **which)

    assert (retried["matched"], urgent["done"], paused["done"], resumed["done"]) == (1, 2, 2, 2)
    assert (cancelled["done"], replayed["done"]) == (2, 2)
    assert [(job["priority"], job["waiting_for"]) for job in held] == [(9, "pause")] * 2
    jobs = (await world.ask("GET", JOBS)).json()["items"]
    assert sorted(job["state"] for job in jobs) == ["cancelled", "cancelled", "pending", "pending"]
    assert {job["replay_of"] for job in jobs if job["replay_of"]} == {one["id"], two["id"]}


async def test_a_replay_of_many_that_is_sent_again_copies_nothing_twice(world: World) -> None:  # O11, E10
    made = [(await world.job())["id"] for _ in range(3)]
    await steer(world, "cancel", filter={"kind": "noop"})
    body = {"action": "replay", "dry_run": False, **WHY, "filter": {"kind": "noop"}, "limit": 2}
    sent: Any = {"headers": {"Idempotency-Key": "tonight"}, "role": Role.OPERATOR}

    first = (await world.ask("POST", f"{JOBS}/actions", json=body, **sent)).json()
    again = (await world.ask("POST", f"{JOBS}/actions", json=body, **sent)).json()
    rest = (await world.ask("POST", f"{JOBS}/actions", json={**body, "limit": 9}, **sent)).json()

    copies = [job["replay_of"] for job in (await world.ask("GET", JOBS)).json()["items"] if job["replay_of"]]
    assert (again["matched"], again["done"], sorted(copies)) == (first["matched"], first["done"], sorted(made[1:]))
    assert rest["status"] == 422


async def test_bulk_takes_exports_with_their_jobs(world: World) -> None:
    exports = [(await world.export())["id"] for _ in range(2)]

    told = await steer(world, "cancel", filter={"source": "activities", "state": ["pending"]})

    statuses = [(await world.ask("GET", f"/api/v1/exports/{each}")).json()["status"] for each in exports]
    assert (told["done"], statuses) == (2, ["cancelled", "cancelled"])


async def test_who_is_refused_keeps_nobody_from_being_done_and_is_met_once(world: World) -> None:
    made = [(await world.job())["id"] for _ in range(5)]
    await world.ask("POST", f"{JOBS}/{made[3]}/cancel", json=WHY)

    told, cursor = [], None
    while True:
        result = await steer(
            world, "prioritise", priority=1, limit=2, filter={"state": ["pending", "cancelled"]}, cursor=cursor
        )
        told.append((result["matched"], result["done"], [(each["id"], each["code"]) for each in result["refused"]]))
        if (cursor := result["next_cursor"]) is None:
            break

    assert told == [(2, 1, [(made[3], "invalid-transition")]), (2, 2, []), (1, 1, [])]


async def test_a_filter_keeps_to_what_it_says(world: World) -> None:
    await world.dead()
    job = await world.job(subject="drill:2", source="activities")
    wanted = {
        "kind": "noop", "source": "activities", "subject": "drill:2", "created_from": at(-1), "created_to": at(1),
    }  # fmt: skip

    for change, matched in [
        ({}, 1),
        ({"kind": "export"}, 0),
        ({"source": "x"}, 0),
        ({"subject": "x"}, 0),
        ({"code": "source-refused"}, 0),
        ({"created_to": at(-0.5)}, 0),
        ({"created_from": at(0.5)}, 0),
        ({"run": "run_" + "0" * 26}, 0),
    ]:
        told = await steer(world, "cancel", dry_run=True, filter={**wanted, **change})
        assert told["matched"] == matched, change
    dead = await steer(world, "retry", dry_run=True, filter={"code": "source-refused"})
    assert (dead["matched"], dead["sample"] != [job["id"]]) == (1, True)
    listed = await world.ask("GET", f"{JOBS}?code=source-refused")
    assert [each["id"] for each in listed.json()["items"]] == dead["sample"]


async def test_what_is_unclear_is_done_to_nobody(world: World) -> None:
    job = await world.job()
    for change, pointer in [
        ({"filter": {}}, "/filter"),
        ({"filter": {"kind": "noop"}, "all": True}, "/filter"),
        ({"filter": {"state": ["ill"]}}, "/filter/state"),
        ({"filter": {"run": "x"}}, "/filter/run"),
        ({"filter": {"created_to": "soon"}}, "/filter/created_to"),
        ({"filter": {"colour": "red"}}, "/filter/colour"),
        ({"all": True, "action": "explode"}, "/action"),
        ({"all": True, "action": "prioritise"}, "/priority"),
        ({"all": True, "priority": 3}, "/priority"),
        ({"all": True, "limit": 1001}, "/limit"),
        ({"all": True, "dry_run": None}, "/dry_run"),
        ({"all": True, "cursor": "x"}, "/cursor"),
    ]:
        body = {"action": "cancel", "dry_run": False, **WHY, **change}
        answer = await world.ask("POST", f"{JOBS}/actions", json=body)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer), change
    unsaid = await world.ask("POST", f"{JOBS}/actions", json={"action": "cancel", "all": True, **WHY})
    assert unsaid.json()["errors"][0]["pointer"] == "/dry_run"
    assert (await look(world, job["id"]))["state"] == "pending"


async def test_without_a_reason_no_job_is_retried_replayed_or_steered(world: World) -> None:  # O10
    job = await world.job(due_at=at(1))
    for path, body in [
        (f"{job['id']}/retry", {}),
        (f"{job['id']}/replay", {}),
        ("actions", {"action": "cancel", "all": True, "dry_run": True}),
    ]:
        answer = await world.ask("POST", f"{JOBS}/{path}", json={**body, "reason": " "})
        assert refused(answer) == (400, "reason-required"), path
    assert refused(await world.ask("POST", f"{JOBS}/{job['id']}/replay")) == (400, "reason-required")


async def test_nobody_steers_the_jobs_of_another_organisation(world: World) -> None:
    job = await world.job()
    await world.finish(job["id"])
    other = await world.job(due_at=at(1))

    for verb in ("retry", "replay"):
        for each in (job, other):
            answer = await world.ask("POST", f"{JOBS}/{each['id']}/{verb}", slug="fjord", json=WHY)
            assert answer.status_code == 404
    assert (await world.ask("GET", f"{JOBS}/{job['id']}/history", slug="fjord")).status_code == 404
    told = await world.ask(
        "POST", f"{JOBS}/actions", slug="fjord", json={"action": "retry", "all": True, "dry_run": False, **WHY}
    )
    assert (told.json()["matched"], await count(world, "fjord")) == (0, 0)
    assert (await look(world, other["id"]))["state"] == "scheduled"


# --- what a batch did -----------------------------------------------------------------------------


async def test_a_job_that_ran_in_a_batch_has_its_attempt_and_its_history(world: World) -> None:
    job, _ = await world.job(), await world.job()
    lease, first, second = ids.new(), ids.new(), ids.new()
    async with world.services.database.system() as tx:
        await leases.open_lease(tx, lease, worker="test", seconds=60)
    options: dict[str, Any] = {"lease_id": lease, "kinds": ["noop"], "limit": 10}
    async with world.services.database.system() as tx:
        taken = await batches.exchange(tx, **options, ended=[], batch_id=first)
    running = await look(world, job["id"])
    async with world.services.database.system() as tx:
        await batches.exchange(tx, **options, ended=taken.started, batch_id=second)

    ended = await look(world, job["id"])
    told = await events(world, job["id"])

    assert [(each["attempt"], each["outcome"]) for each in running["attempts"]] == [(1, None)]
    assert [(each["attempt"], each["outcome"]) for each in ended["attempts"]] == [(1, "completed")]
    assert ended["started_at"] <= ended["ended_at"]
    assert [event["type"] for event in told][:2] == ["jobs.enqueued", "jobs.started"]
    assert {each.partition(":")[0] for event in told for each in event["data"]["jobs"]} == {job["id"]}
    assert told[1]["data"]["among"] == 2
