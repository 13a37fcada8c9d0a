"""What is kept, held and handed out by link is so through the client library as over HTTP."""

# E6, E15, E7

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from lading.client import AsyncClient
from lading.errors import Conflict, Held, InvalidTransition, NotFound, PreconditionFailed, ReasonRequired
from lading.wire.retention import HoldRequest
from serving import World, app_for

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client(world: World) -> AsyncIterator[AsyncClient]:
    token = (await world.headers())["Authorization"].removeprefix("Bearer ")
    transport = httpx2.ASGITransport(app=app_for(world.services))
    async with AsyncClient("http://lading.test", token=token, transport=transport) as made:
        yield made


async def completed(world: World) -> str:
    export_id = (await world.export())["id"]
    await world.complete(export_id)
    return export_id


async def test_a_hold_is_placed_seen_and_lifted(world: World, client: AsyncClient) -> None:
    export_id = await completed(world)
    hold = await client.holds.place(HoldRequest(export=export_id, reason="a case", ticket="LEG-7"))

    with pytest.raises(Held, match="LEG-7"):
        await client.exports.delete(export_id)
    held = [each.id async for each in client.exports.list(held="true")]
    listed = [each.id async for each in client.holds.list(export=export_id)]
    lifted = await client.holds.lift(hold.id, reason="closed")

    assert (held, listed, hold.exports) == ([export_id], [hold.id], 1)
    assert (await client.holds.get(hold.id)).lift_reason == lifted.lift_reason == "closed"
    assert [each.id async for each in client.holds.list(lifted=True)] == [hold.id]
    with pytest.raises(InvalidTransition):
        await client.holds.lift(hold.id, reason="again")
    with pytest.raises(ReasonRequired):
        await client.holds.place(HoldRequest(export=export_id))
    await client.exports.delete(export_id)


async def test_rules_are_set_applied_and_dropped(world: World, client: AsyncClient) -> None:
    await completed(world)
    rule = await client.retention.put("profile:bufdir", days=90, reason="the law")

    with pytest.raises(PreconditionFailed):
        await client.retention.put("profile:bufdir", days=91, reason="the law", version=7)
    looked = await client.retention.apply(dry_run=True)
    applied = await client.retention.apply(reason="for all")

    assert (rule.rule, rule.days, rule.version) == ("profile:bufdir", 90, 1)
    assert (looked.exports, applied.exports) == (1, 1)
    assert [each.rule for each in await client.retention.list()] == ["profile:bufdir"]
    await client.retention.delete("profile:bufdir", reason="no more", version=1)
    assert (await client.retention.rules()).items == []


async def test_a_link_is_made(world: World, client: AsyncClient) -> None:
    export_id = await completed(world)

    link = await client.exports.link(export_id, seconds=60)

    assert (await world.http.get(link.href)).content == b"PK package"
    with pytest.raises(NotFound):
        await client.exports.link(export_id, name="other.zip")
    assert issubclass(Held, Conflict)
