"""What a program and the command line see of schedules is what the server has and does."""  # E4, U3

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from lading.client import AsyncClient
from lading.errors import Conflict, InvalidInput, NotFound, PreconditionFailed
from lading.wire.schedules import ScheduleRequest
from serving import World, app_for

pytestmark = pytest.mark.anyio
MONTHLY = ScheduleRequest("30 2 1 * *", "Europe/Oslo", payload={"profile": "bufdir"}, period="previous-month")


@pytest.fixture
async def client(world: World) -> AsyncIterator[AsyncClient]:
    token = (await world.headers())["Authorization"].removeprefix("Bearer ")
    transport = httpx2.ASGITransport(app=app_for(world.services))
    async with AsyncClient("http://lading.test", token=token, transport=transport) as made:
        yield made


async def test_a_program_writes_reads_runs_and_removes_schedules(client: AsyncClient) -> None:
    stored = await client.schedules.put("monthly", MONTHLY)
    changed = await client.schedules.patch("monthly", {"overlap": "queue"}, version=stored.version)
    with pytest.raises(PreconditionFailed):
        await client.schedules.put("monthly", MONTHLY, version=stored.version)
    with pytest.raises(InvalidInput):
        await client.schedules.put("never", {"cron": "0 0 31 2 *"})
    ran = await client.schedules.run("monthly", reason="asked for")
    waits = await client.schedules.run("monthly", reason="asked for")
    paused = await client.schedules.pause("monthly", reason="moving", ticket="OPS-7")
    with pytest.raises(Conflict):
        await client.schedules.pause("monthly", reason="moving")

    assert (changed.version, changed.overlap, paused.state) == (2, "queue", "paused")
    assert (ran.outcome, waits.outcome) == ("fired", "waiting")
    assert [slot.slot async for slot in client.schedules.slots("monthly")] == [waits.slot, ran.slot]
    assert [each.name async for each in client.schedules.list(paused=True, failing=False)] == ["monthly"]
    assert [each.name async for each in client.schedules.list(paused=False)] == []
    assert await client.schedules.preview("monthly", count=3) == await client.schedules.preview_document(
        MONTHLY, count=3
    )
    assert (await client.schedules.resume("monthly", reason="moved")).state == "active"
    assert (await client.schedules.get("monthly")).waiting == 1
    await client.schedules.delete("monthly", reason="over")
    with pytest.raises(NotFound):
        await client.schedules.get("monthly")
