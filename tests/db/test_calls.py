"""No call goes out beyond the rate of its host, whoever makes it: claims and pages draw from one bucket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

import psycopg
import pytest

from api_server import LOOPBACK, Asked, Reply, page, request, serving
from lading import ids
from lading.db.database import Database
from lading.errors import DatabaseBusy
from lading.exports.calls import ExportCalls
from lading.jobs import leases
from lading.jobs import store as jobs
from lading.jobs.model import NewJob
from lading.ledger import store as ledger
from lading.ledger.entry import SYSTEM
from lading.limits import calls, store, throttling
from lading.sources.connectors import connect
from lading.sources.outside import Outside
from lading.tenants import store as tenants

pytestmark = pytest.mark.anyio
HOST = "api"
# A token in a day: whoever waits for one in a test waits in vain.
SLOW = 1 / 86_400


@pytest.fixture
async def tenant(database: Database) -> UUID:
    async with database.system() as tx:
        return (await tenants.create_tenant(tx, "acme", name="Acme", actor=SYSTEM)).id


async def limited(database: Database, tenant: UUID, *, burst: float, rate: float = SLOW) -> None:
    async with database.tenant(tenant) as tx:
        await store.set_bucket(tx, HOST, rate=rate, burst=burst, actor=SYSTEM, reason="test")


async def taken(database: Database, tenant: UUID) -> float:
    async with database.tenant(tenant) as tx:
        return await calls.take(tx, HOST)


async def test_a_host_without_a_limit_is_called_as_often_as_need_be(database: Database, tenant: UUID) -> None:
    assert [await taken(database, tenant) for _ in range(3)] == [0.0, 0.0, 0.0]


async def test_a_burst_is_spent_and_then_the_rate_is_waited_for(database: Database, tenant: UUID) -> None:
    await limited(database, tenant, burst=3)

    waits = [await taken(database, tenant) for _ in range(5)]

    assert waits[:3] == [0.0, 0.0, 0.0]
    assert all(80_000 < seconds <= 86_400 for seconds in waits[3:])


async def test_many_that_ask_at_once_get_no_more_than_there_is(database: Database, tenant: UUID) -> None:
    await limited(database, tenant, burst=5)

    waits = await asyncio.gather(*(taken(database, tenant) for _ in range(20)))

    assert sum(seconds == 0.0 for seconds in waits) == 5


async def test_nothing_goes_out_before_a_host_said_that_it_may(database: Database, tenant: UUID) -> None:
    await limited(database, tenant, burst=100, rate=100)
    async with database.tenant(tenant) as tx:
        await throttling.shrink(tx, HOST, retry_after_seconds=600)

    assert 500 < await taken(database, tenant) <= 600


async def reading(
    database: Database, tenant: UUID, answer: Callable[[Asked], Reply], *, pages: int
) -> tuple[int, int, bool]:
    """Read `pages` pages as an export does, in a thread; return rows read, requests sent, and whether it ended."""
    loop = asyncio.get_running_loop()

    def ask(question: Callable[[Any], Any], /) -> Any:
        async def answered() -> Any:
            async with database.tenant(tenant) as tx:
                return await question(tx)

        return asyncio.run_coroutine_threadsafe(answered(), loop).result()

    def read() -> tuple[int, int, bool]:
        with serving(answer) as api:
            outside = Outside(networks=LOOPBACK.networks, calls=ExportCalls(ask, HOST))
            with connect(api.source(pages="page"), outside=outside).open() as opened:
                count, empty, stream = 0, 0, opened.batches(request(), {}, key=["id"])
                for batch in stream:
                    count += batch.num_rows
                    empty = empty + 1 if not batch.num_rows else 0
                    if empty > pages + 5:  # it waits for a turn and shows that it lives
                        stream.close()  # pyright: ignore[reportAttributeAccessIssue]  # every one is a generator
                        return count, len(api.asked), False
            return count, len(api.asked), True

    return await asyncio.to_thread(read)


def ten_pages(asked: Asked) -> Reply:
    number = int(asked.one("page"))
    return page([{"id": number, "name": "x"}] if number <= 10 else [])


async def test_every_page_takes_a_token_and_the_claim_paid_for_the_first(database: Database, tenant: UUID) -> None:
    await limited(database, tenant, burst=10)

    assert await reading(database, tenant, ten_pages, pages=11) == (10, 11, True)
    assert await taken(database, tenant) > 0


async def test_no_page_goes_out_without_a_token(database: Database, tenant: UUID) -> None:
    await limited(database, tenant, burst=4)

    assert await reading(database, tenant, ten_pages, pages=11) == (0, 5, False)


async def test_a_429_in_the_middle_slows_the_host_for_everybody(database: Database, tenant: UUID) -> None:
    await limited(database, tenant, burst=1000, rate=1000)
    busy = Reply(b"", 429, {"Retry-After": "0"})

    ended = await reading(database, tenant, lambda asked: busy if asked.number == 3 else ten_pages(asked), pages=12)

    assert ended == (10, 12, True)
    async with database.tenant(tenant) as tx:
        lines = [json.loads(line) for line in await ledger.history(tx, f"source:{HOST}")]
    told = [each["data"] for each in lines if each["type"] == "bucket.adapted"]
    assert told[0] == {"factor": "0.5", "code": "throttled", "blocked_seconds": 0}


async def test_a_host_that_nobody_limited_learns_a_limit_from_a_429(database: Database, tenant: UUID) -> None:  # O5
    busy = Reply(b"", 429, {"Retry-After": "0"})

    def answer(asked: Asked) -> Reply:
        return busy if asked.number == 2 else page([{"id": 1, "name": "x"}] if asked.one("page") == "1" else [])

    assert await reading(database, tenant, answer, pages=60) == (1, 3, True)
    async with database.tenant(tenant) as tx:
        lines = [json.loads(line) for line in await ledger.history(tx, f"source:{HOST}")]
    assert "bucket.adapted" in [each["type"] for each in lines]


async def queued(database: Database, tenant: UUID, count: int) -> None:
    async with database.tenant(tenant) as tx:
        for _ in range(count):
            await jobs.enqueue(tx, NewJob(ids.new(), "work", "exp_x", host=HOST), actor=SYSTEM)
    async with database.system() as tx:
        await jobs.wake_turns(tx)


async def claimed(database: Database) -> int:
    lease = ids.new()
    async with database.system() as tx:
        await leases.open_lease(tx, lease, worker="test", seconds=3600)
    async with database.system() as tx:
        return len(await jobs.claim(tx, lease_id=lease, kinds=["work"], limit=1))


def waiters(url: str) -> int:
    """Return how many transactions wait for another."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        ).fetchone()
    assert found is not None
    return found[0]


async def test_claims_and_calls_together_spend_no_more_than_there_is(database: Database, tenant: UUID) -> None:  # O5
    await limited(database, tenant, burst=9)
    await queued(database, tenant, 40)

    async def called() -> int:
        while True:
            with suppress(DatabaseBusy):  # as ExportCalls does
                return 1 if await taken(database, tenant) == 0 else 0

    async def insisting() -> int:
        while True:
            with suppress(DatabaseBusy):  # as a worker does: on a slow machine others hold the turn for long
                return await claimed(database)

    spent = await asyncio.gather(*(each for _ in range(12) for each in (insisting(), called())))

    assert sum(spent) == 9


async def test_nothing_is_claimed_on_a_token_that_a_call_is_taking(database: Database, tenant: UUID) -> None:  # O5
    await limited(database, tenant, burst=1)
    await queued(database, tenant, 1)

    async with database.tenant(tenant) as tx:
        assert await calls.take(tx, HOST) == 0.0
        # A claim that sees the token before this commits would spend it a second time.
        claiming = asyncio.create_task(claimed(database))
        while not claiming.done() and not await asyncio.to_thread(waiters, database.url):
            pass
    with suppress(DatabaseBusy):  # it waited in vain, and would try again
        assert await claiming == 0

    assert await claimed(database) == 0


def test_a_database_that_is_away_is_asked_again_and_lets_nothing_out() -> None:
    def away(_question: Callable[[Any], Any], /) -> Any:
        raise DatabaseBusy("busy")

    asking = ExportCalls(away, HOST)

    assert asking.take() == 0.0  # the claim paid for it
    assert asking.take() > 0
    asking.refused(1.0, calls_per_second=1.0)
