"""The queue takes no more than it may hold, refuses the less urgent first, and says when to come back."""  # O7

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import UUID

import psycopg
import pytest

from lading import ids
from lading.db.database import Database
from lading.errors import Overloaded, QueueFull
from lading.jobs import store, views
from lading.jobs.model import NewJob
from lading.ledger import store as ledger
from lading.ledger.entry import SYSTEM
from lading.limits.admission import Admission
from lading.tenants import store as tenants
from lading.tenants.model import Role
from serving import REQUEST, World

pytestmark = pytest.mark.anyio


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def make_tenant(database: Database, slug: str = "acme") -> UUID:
    async with database.system() as tx:
        return (await tenants.create_tenant(tx, slug, name=slug, actor=SYSTEM)).id


@pytest.fixture
async def tenant(database: Database) -> UUID:
    return await make_tenant(database)


async def enqueue(database: Database, tenant: UUID, count: int) -> None:
    async with database.tenant(tenant) as tx:
        for _ in range(count):
            await store.enqueue(tx, NewJob(ids.new(), "work", "exp_x"), actor=SYSTEM)


def door(database: Database, clock: Clock, *, queue: int = 1000, tenant: int = 100) -> Admission:
    return Admission(database, queue_limit=queue, tenant_queue_limit=tenant, clock=clock)


async def refused(database: Database, tenant: UUID) -> list[dict[str, Any]]:
    async with database.tenant(tenant) as tx:
        lines = await ledger.history(tx, ids.show(ids.TENANT, tenant))
    return [entry for line in lines if (entry := json.loads(line))["type"] == "enqueue.refused"]


async def test_a_full_queue_takes_no_more_and_another_tenants_does(
    database: Database, tenant: UUID, clock: Clock
) -> None:
    other = await make_tenant(database, "other")
    await enqueue(database, tenant, 10)
    admission = door(database, clock, tenant=10)

    with pytest.raises(QueueFull, match="10 jobs of this organisation have not ended, of 10") as caught:
        await admission.admit(tenant, count=1, priority=0, actor=SYSTEM)
    await admission.admit(other, count=1, priority=0, actor=SYSTEM)

    assert (caught.value.code, caught.value.retry_after_seconds) == ("queue-full", 60.0)  # nothing has ended yet


async def test_what_is_less_urgent_is_refused_first(database: Database, tenant: UUID, clock: Clock) -> None:
    await enqueue(database, tenant, 80)
    admission = door(database, clock)

    assert await admission.refusal(tenant, count=1, priority=-1) is not None
    assert await admission.refusal(tenant, count=10, priority=0) is None  # 90 of 100 now
    assert await admission.refusal(tenant, count=2, priority=0) is not None
    assert await admission.refusal(tenant, count=1, priority=0) is None
    assert await admission.refusal(tenant, count=9, priority=5) is None  # urgent bulk fills it up
    assert await admission.refusal(tenant, count=1, priority=100) is not None


async def test_a_full_instance_refuses_every_tenant(database: Database, tenant: UUID, clock: Clock) -> None:
    other = await make_tenant(database, "other")
    await enqueue(database, tenant, 10)
    admission = door(database, clock, queue=10)

    with pytest.raises(Overloaded, match="10 jobs wait in this installation"):
        await admission.admit(other, count=1, priority=0, actor=SYSTEM)


async def test_what_was_admitted_counts_before_the_next_look(database: Database, tenant: UUID, clock: Clock) -> None:
    admission = door(database, clock, tenant=10)
    for _ in range(10):
        await admission.admit(tenant, count=1, priority=0, actor=SYSTEM)

    assert await admission.refusal(tenant, count=1, priority=0) is not None
    clock.now += 1.0
    assert await admission.refusal(tenant, count=1, priority=0) is None  # none of them was enqueued after all


async def test_who_is_refused_at_the_same_look_is_told_the_same(
    database: Database, tenant: UUID, clock: Clock
) -> None:  # O7: nothing is counted again for each of many that come together
    await enqueue(database, tenant, 20)
    admission = door(database, clock, tenant=10)
    first = await admission.refusal(tenant, count=1, priority=0)
    async with database.tenant(tenant) as tx:
        for job in await views.page(tx, views.JobFilter(), before=None, limit=5):
            await store.cancel(tx, job.id, reason="to test", actor=SYSTEM)
    again = await admission.refusal(tenant, count=1, priority=0)
    clock.now += 1.0
    later = await admission.refusal(tenant, count=1, priority=0)

    assert first is not None
    assert again is not None
    assert later is not None
    assert (first.retry_after_seconds, again.retry_after_seconds) == (60.0, 60.0)
    assert later.retry_after_seconds != 60.0


async def test_a_tenant_may_have_its_own_limit(
    database: Database, database_url: str, tenant: UUID, clock: Clock
) -> None:  # O6
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO allocations (tenant_id, strategy, max_queued) VALUES (%s, 'unlimited', 3)", (tenant,)
        )
    admission = door(database, clock)
    await admission.admit(tenant, count=3, priority=1, actor=SYSTEM)

    assert await admission.refusal(tenant, count=1, priority=0) is not None


async def test_the_ledger_is_told_of_refusals_once_a_minute(
    database: Database, database_url: str, tenant: UUID, clock: Clock
) -> None:
    await enqueue(database, tenant, 1)
    admissions = [door(database, clock, tenant=1) for _ in range(2)]  # two processes

    async def knock(times: int) -> None:
        for admission in admissions:
            tries = [admission.admit(tenant, count=1, priority=0, actor=SYSTEM) for _ in range(times)]
            results = await asyncio.gather(*tries, return_exceptions=True)
            assert all(isinstance(each, QueueFull) for each in results)

    await knock(5)
    once = await refused(database, tenant)
    clock.now += 60.0
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE refusals SET noted_at = noted_at - interval '1 minute'")
    await knock(1)
    twice = await refused(database, tenant)

    assert [entry["data"] for entry in once] == [{"code": "queue-full", "refused": 1}]
    assert [entry["data"]["refused"] for entry in twice] == [1, 5]


async def test_when_to_come_back_follows_from_how_fast_jobs_end(
    database: Database, database_url: str, tenant: UUID, clock: Clock
) -> None:
    await enqueue(database, tenant, 20)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "WITH ended AS (DELETE FROM jobs WHERE sequence <= (SELECT min(sequence) + 9 FROM jobs) RETURNING *) "
            "INSERT INTO finished_jobs (tenant_id, id, kind, host, subject, state, priority, payload, attempt, "
            "failures, crashes, max_attempts, max_crashes, rev, created_at, finished_at) "
            "SELECT tenant_id, id, kind, host, subject, 'completed', priority, payload, 1, 0, 0, 8, 3, 2, "
            "created_at, now() - interval '100 seconds' FROM ended"
        )
    admission = door(database, clock, tenant=10)

    refusal = await admission.refusal(tenant, count=10, priority=1)

    assert refusal is not None
    assert refusal.retry_after_seconds == pytest.approx(100.0, rel=0.2)  # 10 too many, one in 10 s


async def test_a_refused_export_is_told_to_come_back_and_a_known_key_still_answers(world: World) -> None:
    headers = {"Idempotency-Key": "one"}
    first = await world.ask("POST", "/api/v1/exports", json=REQUEST, headers=headers)
    tenant = world.organisations["nordlys"].id
    async with world.services.database.tenant(tenant) as tx:
        await tx.run(
            psycopg.sql.SQL(
                "INSERT INTO allocations (tenant_id, strategy, max_queued) VALUES (%(id)s, 'unlimited', 1)"
            ),
            id=tenant,
        )
    world.services.admission.forget()

    refused = await world.ask("POST", "/api/v1/exports", json=REQUEST)
    known = await world.ask("POST", "/api/v1/exports", json=REQUEST, headers=headers)
    other = await world.ask("POST", "/api/v1/exports", json=REQUEST, slug="fjord", role=Role.REQUESTER)

    assert (refused.status_code, refused.json()["code"], refused.headers["Retry-After"]) == (429, "queue-full", "60")
    assert (known.status_code, known.json()["id"]) == (202, first.json()["id"])
    assert other.status_code == 202


async def test_a_full_queue_takes_no_replay_and_the_ledger_tells_of_it(world: World) -> None:
    made = await world.ask("POST", "/api/v1/jobs/batch", json={"jobs": [{"kind": "noop"}] * 3})
    first, second, _ = made.json()["jobs"]
    for job in (first, second):
        await world.ask("POST", f"/api/v1/jobs/{job}/cancel", json={"reason": "drill"})
    await world.ask(
        "PUT",
        "/api/v1/allocations/nordlys",
        slug="instance",
        json={"strategy": "unlimited", "max_queued": 2, "reason": "trial"},
    )
    world.services.admission.forget()
    why = {"reason": "once more", "ticket": "OPS-1"}
    many = {"action": "replay", "all": True, "dry_run": False, "filter": {}, **why}

    keyed: dict[str, Any] = {"json": {"jobs": [{"kind": "noop"}] * 2}, "headers": {"Idempotency-Key": "two"}}
    assert (await world.ask("POST", "/api/v1/jobs/batch", **keyed)).status_code == 429
    assert len(await refused(world.services.database, world.organisations["nordlys"].id)) == 1

    answers = [
        await world.ask("POST", "/api/v1/jobs/actions", json=many),
        await world.ask("POST", f"/api/v1/jobs/{first}/replay", json=why),
        await world.ask("POST", f"/api/v1/jobs/{second}/replay", json=why),
    ]
    assert [answer.status_code for answer in answers] == [429, 201, 429]


async def allow(world: World, max_queued: int) -> None:
    await world.ask(
        "PUT",
        "/api/v1/allocations/nordlys",
        slug="instance",
        json={"strategy": "unlimited", "max_queued": max_queued, "reason": "trial"},
    )


@pytest.mark.parametrize("path", ["dead-letters/{}/requeue", "jobs/{}/retry"])
async def test_a_full_queue_takes_no_dead_job_back(world: World, path: str) -> None:
    dead, why = await world.dead(2), {"reason": "mended", "ticket": "OPS-1"}
    await allow(world, 1)

    answers = [await world.ask("POST", f"/api/v1/{path.format(job)}", json=why) for job in dead]
    letters = [(await world.ask("GET", f"/api/v1/dead-letters/{job}")).json()["state"] for job in dead]

    assert [(each.status_code, each.json().get("code")) for each in answers] == [(200, answers[0].json().get("code")),
                                                                                  (429, "queue-full")]  # fmt: skip
    assert int(answers[1].headers["Retry-After"]) > 0
    assert letters == ["requeued", "open"]
    assert len(await refused(world.services.database, world.organisations["nordlys"].id)) == 1


@pytest.mark.parametrize("path", ["dead-letters/requeue", "jobs/actions"])
async def test_of_many_dead_jobs_a_queue_takes_back_what_it_has_room_for(world: World, path: str) -> None:
    dead, why = await world.dead(5), {"reason": "mended", "ticket": "OPS-1"}
    await allow(world, 2)
    bodies = {"dead-letters/requeue": why, "jobs/actions": {"action": "retry", "all": True, **why}}

    told = (await world.ask("POST", f"/api/v1/{path}", json={**bodies[path], "dry_run": False})).json()
    still = (await world.ask("GET", "/api/v1/dead-letters")).json()["items"]

    assert (told["matched"], told["done"]) == (5, 1)  # many at once may not fill it to the brim
    assert [each["code"] for each in told["refused"]] == ["queue-full"] * 4
    assert [each.get("job", each.get("id")) for each in told["refused"]] == [each["job"] for each in still]
    assert [each["job"] for each in still] == dead[3::-1]
    assert len(await refused(world.services.database, world.organisations["nordlys"].id)) == 1


async def test_a_job_that_only_waits_for_its_time_needs_no_room_to_run_now(world: World) -> None:
    job = await world.job(due_at="2100-01-01T00:00:00Z")
    await allow(world, 1)

    hastened = await world.ask("POST", f"/api/v1/jobs/{job['id']}/retry", json={"reason": "now"})

    assert (hastened.status_code, hastened.json()["state"]) == (200, "pending")


async def test_a_replay_of_many_that_is_sent_again_needs_no_room(world: World) -> None:
    made = [(await world.job())["id"] for _ in range(3)]
    await world.finish(*made)
    await allow(world, 3)
    body = {"action": "replay", "dry_run": False, "filter": {"kind": "noop"}, "reason": "once more"}
    sent: Any = {"json": body, "headers": {"Idempotency-Key": "tonight"}}

    first = await world.ask("POST", "/api/v1/jobs/actions", **sent)
    again = await world.ask("POST", "/api/v1/jobs/actions", **sent)

    assert (first.status_code, first.json()["done"]) == (200, 3)
    assert (again.status_code, again.json()["done"]) == (200, 3)
