"""Faults that no random harm meets often enough: each by itself, by its number in the catalogue of faults."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.sql import SQL

from lading import ids
from lading.db import notify
from lading.db.database import Database
from lading.db.migrate import migrate
from lading.db.transaction import Transaction
from lading.errors import DatabaseUnavailable
from lading.exports.service import ExportService
from lading.jobs import attempts, leases, store
from lading.jobs.model import Claim, Done, NewJob
from lading.ledger.entry import SYSTEM
from lading.settings import Settings
from lading.tenants import store as tenants
from lading.wire.exports import ExportRequest
from lading.worker import execute
from tests.chaos.crowd import LEASE_SECONDS, Crowd
from tests.chaos.effects import EFFECT
from tests.chaos.verdict import ENDED, count, judge, prepare
from tests.flow.faults import link, own_server
from tests.flow.organisation import organisation

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]

RUNNING = "SELECT count(*) FROM jobs WHERE started_at IS NOT NULL"


async def enqueue(database: Database, *seconds: float) -> UUID:
    """Enqueue one heavy job for each duration, in a new tenant, which is returned."""
    async with database.system() as tx:
        tenant = (await tenants.create_tenant(tx, "chaos", name="Chaos", actor=SYSTEM)).id
    async with database.tenant(tenant) as tx:
        for each in seconds:
            await store.enqueue(tx, NewJob(ids.new(), "heavy", "exp_chaos", {"seconds": each}), actor=SYSTEM)
    return tenant


async def until(found: Callable[[], bool], seconds: float = 60.0) -> None:
    """Return when `found` says so; fail after `seconds`."""
    began = time.monotonic()
    while not found():
        assert time.monotonic() - began < seconds, "it did not come to it"
        await asyncio.sleep(0.02)  # the pace of the looking


@pytest.fixture
def crowd(database_url: str, tmp_path: Path) -> Iterator[Crowd]:
    prepare(database_url)
    made = Crowd(database_url, tmp_path, random.Random(1), skews=(0, 0))
    yield made
    made.end()


async def test_f08_a_drain_burns_no_attempt(  # O3
    database: Database, database_url: str, crowd: Crowd, capsys: pytest.CaptureFixture[str]
) -> None:
    # Of 12 running jobs half can end while their worker drains, half can't; 20 more wait and must not be begun.
    await enqueue(database, *[1.0] * 6, *[300.0] * 6, *[1.0] * 20)
    crowd.environment["LADING_CHAOS_SLOTS"] = "6"
    crowd.keep_alive()
    await until(lambda: count(database_url, RUNNING) + count(database_url, ENDED) >= 12)

    began = time.monotonic()
    crowd.signal_all(signal.SIGTERM)
    await asyncio.to_thread(crowd.wait, 120)
    took = time.monotonic() - began

    burnt = count(database_url, "SELECT count(*) FROM jobs WHERE failures > 0 OR crashes > 0")
    released = count(database_url, "SELECT count(*) FROM attempts WHERE outcome = 'released'")
    ended = count(database_url, "SELECT count(*) FROM finished_jobs WHERE state = 'completed'")
    with capsys.disabled():
        print(f"\nF08 drain: {took:.1f} s, {ended} jobs finished, {released} released, {burnt} attempts burnt")
    assert burnt == 0
    assert count(database_url, "SELECT count(*) FROM jobs WHERE state = 'running'") == 0
    assert count(database_url, "SELECT count(*) FROM leases WHERE state = 'active'") == 0
    assert released >= 6
    assert (count(database_url, "SELECT count(*) FROM jobs") + ended, took < 120) == (32, True)  # not 300 s


async def test_f09_a_second_sigterm_and_a_kill_in_the_middle_of_a_drain_lose_nothing(  # O3
    database: Database, database_url: str, crowd: Crowd, capsys: pytest.CaptureFixture[str]
) -> None:
    await enqueue(database, *[1.5] * 6)
    crowd.keep_alive()
    await until(lambda: count(database_url, RUNNING) >= 2)

    crowd.signal_all(signal.SIGTERM)
    crowd.signal_all(signal.SIGTERM)
    await asyncio.sleep(0.2)  # into the drain
    crowd.signal_all(signal.SIGKILL)
    await asyncio.to_thread(crowd.wait, 120)
    crowd.keep_alive()
    await until(lambda: count(database_url, ENDED) >= 6)

    verdict = judge(database_url, 6, crowd)
    with capsys.disabled():
        print(f"\nF09 second SIGTERM, then SIGKILL: {verdict.line}")
    assert (verdict.lost, verdict.doubled) == (0, 0)
    assert verdict.differs == []  # A4


async def test_f12_a_cloned_worker_publishes_once(  # O2
    database: Database, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # A virtual machine that was copied while it worked: both copies hold the same lease and the same fence.
    prepare(database_url)
    tenant = await enqueue(database, *[0.0] * 50)
    lease = ids.new()
    async with database.system() as tx:
        await leases.open_lease(tx, lease, worker="cloned", seconds=60)
        claims = await store.claim(tx, lease_id=lease, kinds=["heavy"], limit=50)
    assert len(claims) == 50

    won = [await _settle_twice(database, tenant, claim) for claim in claims]

    verdict = judge(database_url, 50, _nobody())
    with capsys.disabled():
        print(f"\nF12 cloned worker: 50 jobs settled by both clones; {verdict.line}")
    assert won == [[False, True]] * 50
    assert (verdict.lost, verdict.doubled, count(database_url, "SELECT count(*) FROM effects")) == (0, 0, 50)
    assert verdict.differs == []  # A4


async def _settle_twice(database: Database, tenant: UUID, claim: Claim) -> list[bool]:
    async with database.tenant(tenant) as tx:
        _, fence = await attempts.start(tx, claim)

    async def publish(tx: Transaction) -> None:
        await tx.run(EFFECT, job_id=fence.job_id, attempt=fence.attempt)

    clones = [execute.settle(database, {}, fence, Done(publish), kind="heavy") for _ in range(2)]
    return sorted(await asyncio.gather(*clones))


def _nobody() -> Crowd:
    return Crowd("", Path(), random.Random(1))


async def test_f26_heartbeats_pass_when_no_connection_is_left(  # O2
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with own_server() as server, contextlib.ExitStack() as flood:
        await migrate(server.url())
        prepare(server.url())
        database = Database(server.url())
        await database.open()
        await enqueue(database, *[0.05] * 2000)
        await database.close()
        crowd = Crowd(server.url(), tmp_path, random.Random(1), skews=(0, 0))
        watch = flood.enter_context(psycopg.connect(server.url(), autocommit=True))

        def number(query: str) -> int:
            row = watch.execute(SQL(query)).fetchone()  # pyright: ignore[reportArgumentType]
            assert row is not None
            return row[0]

        try:
            crowd.keep_alive()
            await until(lambda: number(ENDED) >= 10)
            taken = 0
            with pytest.raises(psycopg.OperationalError, match=r"too many clients|remaining connection slots"):
                while True:
                    flood.enter_context(psycopg.connect(server.url()))
                    taken += 1
            before, began = number(ENDED), time.monotonic()
            await until(lambda: time.monotonic() - began > 3 * LEASE_SECONDS)
            after = number(ENDED)
            missed = number("SELECT count(*) FROM leases WHERE state <> 'active' OR lease_until <= now()")
        finally:
            crowd.end()
    with capsys.disabled():
        print(
            f"\nF26 no connection left: {taken} taken, held for {3 * LEASE_SECONDS:g} s (3 leases); "
            f"{after - before} jobs went on, {missed} leases lost"
        )
    assert (missed, after > before) == (0, True)


@pytest.mark.parametrize("fault", ["F37 reply to COMMIT lost", "F38 cut before COMMIT"])
async def test_a_submission_whose_fate_is_unknown_is_sent_again_and_there_once(  # E10, O2
    database: Database, database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    number, is_lost_after = 40, fault.startswith("F37")
    asked: dict[str, Any] = {"profile": "visits", "period": {"from": "2025-01-01", "to": "2025-12-31"}}
    request = ExportRequest(**asked, format="csv")
    settings = Settings(data_dir=tmp_path / "data")
    async with organisation(database, settings) as acme, link(database_url) as lossy:
        far = Database(lossy.url, size=1)
        await far.open()
        service = ExportService(far, settings, acme.blobs, notify.Sender(far))
        there = 0
        for n in range(number):
            break_link = lossy.lose_the_answer_to if is_lost_after else lossy.cut_before_the_commit_of
            break_link("export.created")
            with pytest.raises(DatabaseUnavailable):
                await service.create(acme.principal, acme.tenant_id, request, idempotency_key=f"key-{n}")
            there += count(database_url, "SELECT count(*) FROM exports") - n
            await service.create(acme.principal, acme.tenant_id, request, idempotency_key=f"key-{n}")
        await far.close()
    exports, enqueued = (count(database_url, f"SELECT count(*) FROM {table}") for table in ("exports", "jobs"))
    with capsys.disabled():
        print(f"\n{fault}: {number} submissions, {there} of them were committed, {exports} exports, {enqueued} jobs")
    assert (there, exports, enqueued) == (number if is_lost_after else 0, number, number)
