"""What an operator sees and steers through the client library is what the server has and does."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from lading.client import AsyncClient
from lading.errors import Forbidden, InvalidInput, NotFound, ReasonRequired, WaitTimeout
from lading.ledger.entry import SYSTEM
from lading.limits import allocations
from lading.wire.letters import BulkRequest
from serving import World, app_for

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client(world: World) -> AsyncIterator[AsyncClient]:
    token = (await world.headers())["Authorization"].removeprefix("Bearer ")
    transport = httpx2.ASGITransport(app=app_for(world.services))
    async with AsyncClient("http://lading.test", token=token, transport=transport) as made:
        yield made


async def test_jobs_are_listed_put_first_and_cancelled(world: World, client: AsyncClient) -> None:
    dead = await world.dead()
    await world.export()

    waiting, ended = [job async for job in client.jobs.list()]
    urgent = await client.jobs.prioritise(waiting.id, 50, reason="today", ticket="OPS-7")
    stopped = await client.jobs.cancel(waiting.id, reason="not today")

    assert [ended.id] == dead
    assert (urgent.priority, stopped.state) == (50, "cancelled")
    assert (await client.jobs.get(ended.id)).attempts[0].outcome == "failed"
    assert [job.id async for job in client.jobs.list(state=["dead"], kind="export", source="activities")] == dead
    assert (await client.jobs.page(limit=1)).next_cursor is not None


async def test_a_job_is_waited_for(world: World, client: AsyncClient) -> None:  # C1
    [dead] = await world.dead()
    await world.export()
    waiting = await anext(client.jobs.list(state=["pending"]))
    told: list[str] = []

    assert (await client.jobs.wait(dead, on_change=lambda job: told.append(job.state))).state == "dead"
    with pytest.raises(WaitTimeout, match=waiting.id):
        await client.jobs.wait(waiting.id, timeout=0.0)
    assert told == ["dead"]


async def test_dead_letters_are_seen_and_closed(world: World, client: AsyncClient) -> None:
    first, second, third = await world.dead(3)

    (cluster,) = await client.dead_letters.clusters()
    counted = await client.dead_letters.bulk("requeue", BulkRequest(reason="mended", dry_run=True))
    resolved = await client.dead_letters.resolve(first, reason="done by hand")
    discarded = await client.dead_letters.discard(second, reason="nobody needs it")
    done = await client.dead_letters.bulk("requeue", BulkRequest(reason="mended", fingerprint=cluster.fingerprint))

    assert (cluster.count, counted.matched, counted.done) == (3, 3, 0)
    assert (resolved.state, discarded.state, done.done) == ("resolved", "discarded", 1)
    assert (await client.dead_letters.get(third)).state == "requeued"
    assert [letter.job async for letter in client.dead_letters.list(state="any", kind="export")] == [
        third,
        second,
        first,
    ]
    assert (await client.dead_letters.health()).level == "ok"


async def test_limits_are_set_seen_and_lifted(world: World, client: AsyncClient) -> None:
    await world.export()
    quota = await client.limits.set_quota("export", max_active=2, max_per_hour=60, burst=5, reason="slow disk")
    rate = await client.limits.set_rate_limit("activities", rate=2, burst=4, reason="slow disk")
    pause = await client.limits.pause("kind", "export", reason="maintenance", ticket="OPS-7")
    await world.claim()

    assert await client.limits.quotas() == [quota]
    assert [each.source for each in await client.limits.rate_limits()] == [rate.source]
    assert await client.limits.pauses() == [pause]
    assert [each.waiting_for for each in await client.limits.throttles()] == ["pause"]
    assert await client.limits.breakers() == []

    await client.limits.resume(pause.id, reason="done")
    await client.limits.drop_quota("export", reason="new disk")
    await client.limits.drop_rate_limit("activities", reason="new disk")

    assert [*await client.limits.quotas(), *await client.limits.rate_limits(), *await client.limits.pauses()] == []


async def test_retry_policies_and_allocations_are_set_seen_and_reset(world: World, client: AsyncClient) -> None:
    policy = await client.retry_policies.set(
        "timeout", max_attempts=2, base_seconds=1, cap_seconds=9, reason="slow", ticket="OPS-1"
    )
    listed = await client.retry_policies.list()
    await client.retry_policies.reset("timeout", reason="fast")
    assert policy in listed
    assert policy not in await client.retry_policies.list()

    with pytest.raises(Forbidden):
        await client.allocations.set("nordlys", "reserved", value=2, reason="paid for")
    with pytest.raises(Forbidden):
        await client.allocations.reset("nordlys", reason="not paid for")
    async with world.services.database.tenant(world.organisations["nordlys"].id) as tx:
        await allocations.put(tx, "reserved", value=2, max_queued=9, reason="paid", ticket=None, actor=SYSTEM)
    assert [(each.tenant, each.value, each.max_queued) async for each in client.allocations.list()] == [
        ("nordlys", 2, 9)
    ]


async def test_a_refusal_is_raised_as_what_it_is(client: AsyncClient) -> None:
    with pytest.raises(ReasonRequired, match="say why"):
        await client.limits.pause("tenant", reason=" ")
    with pytest.raises(NotFound, match="quota"):
        await client.limits.drop_quota("export", reason="new disk")
    with pytest.raises(InvalidInput, match="must be between"):
        await client.dead_letters.bulk("discard", BulkRequest(reason="x", limit=0))
