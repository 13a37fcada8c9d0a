"""Whoever follows events gets each of them once, in order and of its own tenant, whatever breaks in between."""

# O15, issue 5 (graceful shutdown ends streams and long polls at once)

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2
import pytest

from lading.api import server
from lading.client import AsyncClient
from lading.client.retries import Retries
from lading.db import notify
from lading.errors import Forbidden
from lading.ledger import store as ledger
from lading.ledger.entry import SYSTEM, Entry
from lading.ledger.feed import Bounds, Feed
from lading.ledger.integrator import integrate
from lading.ledger.keys import Signer
from lading.tenants.model import Role
from lading.wire.events import Event
from serving import World

pytestmark = pytest.mark.anyio
SIGNER = Signer.generate("log")


@dataclass
class Site:
    """The world behind a real server, which can be stopped and started again at the same address."""

    world: World
    listener: socket.socket
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        host, port = self.listener.getsockname()
        return f"http://{host}:{port}"

    async def start(self, bounds: Bounds | None = None) -> None:
        feed = Feed(self.world.services.database, self.world.services.hearer, bounds)
        services = replace(self.world.services, feed=feed, stopping=asyncio.Event())
        self.stop = asyncio.Event()
        self.task = asyncio.create_task(self._serve(services, feed))

    async def _serve(self, services: Any, feed: Feed) -> None:
        async with feed:
            # uvicorn closes the listener it is given; the address has to outlive it.
            await server.serve(services, listener=self.listener.dup(), stop=self.stop)

    async def end(self) -> None:
        self.stop.set()
        assert self.task is not None
        await self.task

    async def client(self, slug: str = "nordlys", role: Role = Role.ADMIN) -> AsyncClient:
        token = (await self.world.headers(slug, role))["Authorization"].removeprefix("Bearer ")
        return AsyncClient(self.url, token=token, patience=Retries(most=20, first_seconds=0.05, longest_seconds=0.2))

    async def happen(self, *types: str, slug: str = "nordlys", subject: str = "exp_x") -> None:
        """Let something happen, and reach the tree."""
        database = self.world.services.database
        async with database.tenant(self.world.organisations[slug].id) as tx:
            await ledger.record(tx, *(Entry(each, subject, SYSTEM, {"number": n}) for n, each in enumerate(types)))
        while await integrate(database, SIGNER, origin_prefix="lading.test"):
            continue
        await notify.Sender(database).send(notify.EVENTS)

    async def size(self, slug: str = "nordlys") -> int:
        await self.happen(slug=slug)
        async with self.world.services.database.tenant(self.world.organisations[slug].id) as tx:
            head = await ledger.head(tx)
        return 0 if head is None else head.size


@pytest.fixture
async def site(world: World) -> AsyncIterator[Site]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Site(world, listener)
        for slug, role in (("nordlys", Role.ADMIN), ("nordlys", Role.VIEWER), ("fjord", Role.ADMIN)):
            await world.headers(slug, role)  # minted now: that is an event, too
        await made.start()
        try:
            yield made
        finally:
            await made.end()


@asynccontextmanager
async def following(client: AsyncClient, **wish: Any) -> AsyncIterator[asyncio.Queue[Event]]:
    """Give the events of a follower that has begun."""
    heard: asyncio.Queue[Event] = asyncio.Queue()

    async def follow() -> None:
        async for event in client.events(**wish):
            heard.put_nowait(event)

    task = asyncio.create_task(follow())
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def take(heard: asyncio.Queue[Event], count: int) -> Sequence[Event]:
    async with asyncio.timeout(60):
        return [await heard.get() for _ in range(count)]


async def test_events_come_in_order_and_once_each(site: Site) -> None:
    start = await site.size()

    async with await site.client() as client, following(client, after=start) as heard:
        await site.happen("export.created", "job.enqueued")
        first = await take(heard, 2)
        await site.happen("export.started")
        second = await take(heard, 1)

    assert [event.id for event in (*first, *second)] == [start + 1, start + 2, start + 3]
    assert [event.type for event in (*first, *second)] == ["export.created", "job.enqueued", "export.started"]
    assert (first[0].topic, first[0].subject, first[0].data) == ("exports", "exp_x", {"number": 0})


async def test_a_follower_that_names_no_place_hears_what_comes(site: Site) -> None:
    start = await site.size()

    async with await site.client() as client:
        page = await client.events.page()

    assert (page.items, page.next, page.reset) == ([], start, False)


async def test_a_restart_in_the_middle_loses_nothing_and_repeats_nothing(site: Site) -> None:
    start = await site.size()

    async with await site.client() as client, following(client, after=start) as heard:
        await site.happen("export.created")
        first = await take(heard, 1)
        await site.end()
        await site.happen("export.started", "export.completed")
        await site.start()
        rest = await take(heard, 2)
        await site.happen("export.expired")
        last = await take(heard, 1)

    assert [event.id for event in (*first, *rest, *last)] == [start + number for number in (1, 2, 3, 4)]


async def test_events_of_another_tenant_are_never_told(site: Site) -> None:
    await site.happen("export.created")
    start = await site.size("fjord")

    async with await site.client("fjord") as client, following(client, after=0) as heard:
        await site.happen("export.failed")
        await site.happen("export.completed", slug="fjord", subject="exp_of_fjord")
        everything = await take(heard, start + 1)
        page = await client.events.page(after=0, subject="exp_x")

    assert [event.id for event in everything] == [*range(1, start + 2)]
    assert "exp_x" not in {event.subject for event in everything}
    assert page.items == []


async def test_filters_let_through_what_was_asked_for_and_move_the_place_on(site: Site) -> None:
    start = await site.size()
    await site.happen("export.created", "job.enqueued", "export.completed")
    await site.happen("export.created", subject="exp_y")

    async with await site.client() as client:
        exports = await client.events.page(after=start, topics=["exports"])
        completed = await client.events.page(after=start, types=["export.completed"])
        one = await client.events.page(after=start, subject="exp_y")
        short = await client.events.page(after=start, topics=["exports"], limit=1)

    assert [event.id - start for event in exports.items] == [1, 3, 4]
    assert [event.id - start for event in completed.items] == [3]
    assert [event.id - start for event in one.items] == [4]
    assert {page.next - start for page in (exports, completed, one)} == {4}
    assert short.next - start == 1


async def test_a_page_is_held_back_until_something_happens(site: Site) -> None:
    start = await site.size()

    async with await site.client() as client:
        asked = asyncio.create_task(client.events.page(after=start, wait=60))
        await site.happen("export.created")
        page = await asked

    assert [event.type for event in page.items] == ["export.created"]


async def test_a_role_follows_its_topics_alone(site: Site) -> None:
    start = await site.size()
    await site.happen("export.created", "key.created", "source.registered")

    async with await site.client(role=Role.VIEWER) as viewer, await site.client() as admin:
        seen = await viewer.events.page(after=start)
        everything = await admin.events.page(after=start)
        with pytest.raises(Forbidden):
            await viewer.events.page(topics=["administration"])
        with pytest.raises(Forbidden):
            await viewer.events.page(types=["key.created"])

    assert [event.type for event in seen.items] == ["export.created"]
    assert {"export.created", "key.created", "source.registered"} <= {event.type for event in everything.items}


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ({"topic": "weather"}, {}),
        ({"type": "export.exploded"}, {}),
        ({"after": "-1"}, {}),
        ({"after": str(1 << 60)}, {}),
        ({"wait": "61"}, {}),
        ({}, {"Last-Event-ID": "seven"}),
        ({}, {"Last-Event-ID": "9" * 5000}),
    ],
)
async def test_what_can_not_be_followed_is_refused(
    world: World, query: dict[str, str], headers: dict[str, str]
) -> None:
    answer = await world.ask("GET", "/api/v1/events", params=query, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-input")


async def test_a_place_that_is_unknown_or_too_far_back_is_a_reset(site: Site) -> None:
    await site.happen(*["export.created"] * 8)
    end = await site.size()
    await site.end()
    await site.start(Bounds(events=4, kept=6))

    async with await site.client() as client:
        old = await client.events.page(after=1)
        unknown = await client.events.page(after=end + 1)
        kept = await client.events.page(after=end - 6)
        async with following(client, after=1) as heard:
            told = await take(heard, 1)
            await site.happen("export.completed")
            told = [*told, *await take(heard, 1)]

    assert [(page.reset, page.items, page.next) for page in (old, unknown)] == [(True, [], end)] * 2
    assert (kept.reset, [event.id for event in kept.items]) == (False, [*range(end - 5, end + 1)])
    assert [(event.type, event.id) for event in told] == [("reset", end), ("export.completed", end + 1)]


async def test_too_many_followers_are_refused_and_told_when_to_come_back(site: Site) -> None:
    await site.end()
    await site.start(Bounds(tenant_followers=1))
    headers = await site.world.headers()

    async with httpx2.AsyncClient(base_url=site.url, headers=headers, timeout=60) as http:
        async with http.stream("GET", "/api/v1/events", headers={"Accept": "text/event-stream"}) as first:
            second = await http.get("/api/v1/events")
            other = await http.get("/api/v1/events", headers=await site.world.headers("fjord"))
        assert first.headers["content-type"].startswith("text/event-stream")

    assert (second.status_code, second.json()["code"]) == (429, "too-many-streams")
    assert int(second.headers["retry-after"]) > 0
    assert other.status_code == 200


async def test_followers_that_leave_are_counted_no_more(site: Site) -> None:
    await site.end()
    await site.start(Bounds(tenant_followers=1))
    headers = {**await site.world.headers(), "Accept": "text/event-stream"}

    status = 0
    async with asyncio.timeout(60):
        for _ in range(3):
            status = 429
            while status == 429:
                async with (
                    httpx2.AsyncClient(base_url=site.url, headers=headers, timeout=60) as http,
                    http.stream("GET", "/api/v1/events") as stream,
                ):
                    status = stream.status_code

    assert status == 200


async def test_streams_and_long_polls_end_when_the_server_stops(site: Site) -> None:
    start = await site.size()
    headers = await site.world.headers()

    async with httpx2.AsyncClient(base_url=site.url, headers=headers, timeout=120) as http:
        poll = asyncio.create_task(http.get("/api/v1/events", params={"after": start, "wait": 60}))
        async with http.stream("GET", "/api/v1/events", headers={"Accept": "text/event-stream"}) as stream:
            lines = stream.aiter_lines()
            assert await anext(lines) == "retry: 2000"
            await site.end()
            rest = [line async for line in lines]
        answer = await poll
    await site.start()

    assert [line for line in rest if line] == [f"id: {start}", "event: bye", f"id: {start}", "retry: 500", "data: {}"]
    assert (answer.status_code, answer.json()) == (200, {"items": [], "next": start, "reset": False})


async def test_a_stream_is_never_stored_or_held_back_on_its_way(site: Site) -> None:
    headers = {**await site.world.headers(), "Accept": "text/event-stream"}

    async with (
        httpx2.AsyncClient(base_url=site.url, headers=headers, timeout=60) as http,
        http.stream("GET", "/api/v1/events") as stream,
    ):
        told = stream.headers

    assert (told["cache-control"], told["x-accel-buffering"]) == ("no-store", "no")
    assert told["content-type"] == "text/event-stream; charset=utf-8"


@pytest.mark.parametrize("happened", ["key.revoked", "key.rotated", "member.changed"])
async def test_who_is_revoked_or_changed_follows_no_further(site: Site, happened: str) -> None:
    headers = await site.world.headers(role=Role.VIEWER)
    key = "key_" + headers["Authorization"].removeprefix("Bearer ldg_").partition("_")[0]

    async with (
        httpx2.AsyncClient(base_url=site.url, headers=headers, timeout=120) as http,
        http.stream("GET", "/api/v1/events", headers={"Accept": "text/event-stream"}) as stream,
    ):
        lines = stream.aiter_lines()
        await anext(lines)
        await site.happen(happened, subject=key)
        rest = [line async for line in lines]

    assert "event: bye" in rest


async def test_an_export_has_events_of_its_own(site: Site) -> None:
    made = await site.world.export()
    await site.world.export()
    await site.happen()

    async with await site.client() as client:
        page = await client.events.of_export(made["id"])
    foreign = await site.world.ask("GET", f"/api/v1/exports/{made['id']}/events", slug="fjord")

    assert made["links"]["events"] == f"/api/v1/exports/{made['id']}/events"
    assert {event.subject for event in page.items} == {made["id"]}
    assert "export.created" in [event.type for event in page.items]
    assert foreign.status_code == 404
