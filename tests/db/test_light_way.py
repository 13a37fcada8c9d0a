"""A light executor gives way to claims beside its big exchanges, and takes it back."""  # O6

# pyright: reportPrivateUsage=false

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from anyio.lowlevel import checkpoint

from lading import ids
from lading.db.database import Database
from lading.jobs import batches, leases
from lading.jobs.model import NewJob
from lading.ledger.entry import SYSTEM
from lading.tenants import store as tenants
from lading.worker import light, pace
from lading.worker.light import LightExecutor
from lading.worker.noop import Noop
from lading.worker.way import Way

pytestmark = pytest.mark.anyio
MOST = 16
LONG = {"seconds": 3600}


class Told(Way):
    """Tells what it was asked."""

    def __init__(
        self, clock: Callable[[], float], *, on_given: Callable[[], None], on_clear: Callable[[], None]
    ) -> None:
        super().__init__(clock, on_given=on_given, on_clear=on_clear)
        self.waits = 0
        self.given = 0
        self.expired = asyncio.Event()
        self.got = asyncio.Event()

    def ask(self) -> bool:
        is_given = super().ask()
        self.given += is_given
        return is_given

    def expire(self) -> None:
        super().expire()
        self.expired.set()

    def leave(self, got: int) -> None:
        super().leave(got)
        if got:
            self.got.set()

    async def wait(self) -> None:
        self.waits += 1
        await super().wait()


class Wanted(Way):
    """Others never cease to come."""

    is_wanted = True  # pyright: ignore[reportAssignmentType]


async def executor_of(database: Database, way: type[Way], monkeypatch: pytest.MonkeyPatch) -> LightExecutor:
    monkeypatch.setattr(light, "Way", way)
    lease = ids.new()
    async with database.system() as tx:
        await leases.open_lease(tx, lease, worker="test", seconds=3600.0)
    # As if its sessions were hurried: on a busy machine the server must not end a transaction in the middle.
    made = LightExecutor(database, {"noop": Noop()}, {}, exchanges=database, most=MOST)
    made._obey({"lease": str(lease)})
    return made


async def enqueue(database: Database, slug: str, count: int, **payload: float) -> UUID:
    async with database.system() as tx:
        tenant = (await tenants.create_tenant(tx, slug, name=slug, actor=SYSTEM)).id
    async with database.tenant(tenant) as tx:
        await batches.enqueue_many(
            tx, [NewJob(ids.new(), "noop", "job_x", payload=payload) for _ in range(count)], actor=SYSTEM
        )
    return tenant


@asynccontextmanager
async def working(*works: asyncio.Task[None]) -> AsyncIterator[None]:
    try:
        yield
    finally:
        for each in works:
            each.cancel()
        await asyncio.gather(*works, return_exceptions=True)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not is_so():
            await checkpoint()


async def test_no_big_exchange_begins_while_the_way_is_given(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await enqueue(database, "flood", 4, **LONG)
    executor = await executor_of(database, Told, monkeypatch)
    executor._way.ask()
    async with working(asyncio.create_task(executor._pump())):
        for _ in range(20):  # it begins at its first turn of the loop, if it does
            await asyncio.sleep(0)
        before = executor._exchanging
        executor._way.leave(0)
        await until(lambda: executor._places.taken == 4)

    assert before == 0


async def test_a_claim_beside_is_given_the_way_for_a_moment_and_tells_what_it_got(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await enqueue(database, "flood", MOST, **LONG)
    executor = await executor_of(database, Told, monkeypatch)
    way = executor._way
    assert isinstance(way, Told)
    async with working(asyncio.create_task(executor._pump()), asyncio.create_task(executor._beside())):
        await until(lambda: executor._room(0) == 0)
        await enqueue(database, "other", 1, **LONG)
        executor._look_again()
        async with asyncio.timeout(60):
            await way.got.wait()
            await way.expired.wait()
            await way.wait()

    assert way.given


async def test_big_exchanges_wait_for_the_way_with_their_turns_and_between_pieces_and_those_beside_never(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await enqueue(database, "flood", 4, **LONG)
    executor = await executor_of(database, Told, monkeypatch)
    way = executor._way
    assert isinstance(way, Told)

    beside, waits_beside = await executor._swap(light._Ask((), 2, without=frozenset())), way.waits
    big = await executor._swap(light._Ask((), 2))

    assert (beside, waits_beside) == (2, 0)
    assert (big, way.waits) == (2, 2)


async def test_fewer_are_asked_for_while_others_come(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    executor = await executor_of(database, Wanted, monkeypatch)

    assert executor._pace_now.cap == pace.GENTLE


async def test_nothing_begins_while_the_way_is_given(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await enqueue(database, "flood", 2, **LONG)
    executor = await executor_of(database, Told, monkeypatch)
    executor._way.ask()
    got = await executor._swap(light._Ask((), 2, without=frozenset()))
    for _ in range(20):
        await asyncio.sleep(0)
    before = executor._crew.running
    executor._way.leave(got)
    await until(lambda: executor._crew.running == 2)

    assert (got, before) == (2, 0)
