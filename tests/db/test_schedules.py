"""Each slot of a schedule is decided once, by whoever comes first, as the schedule says; by the database's clock."""

# E4; the clock's rules are in unit/test_cron, the walk over all zones is in flow/test_zones.

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from tests.clockwork import DAY, HOUR, HOURLY, START, Office, office_under_clock
from tests.conftest import PATIENT

from lading import ids
from lading.db.database import Database
from lading.db.transaction import Transaction
from lading.errors import Forbidden
from lading.jobs.model import NewJob
from lading.ledger.entry import SYSTEM, Actor
from lading.schedules import firing, store
from lading.schedules.model import CatchUp, Outcome, Overlap, Owner
from lading.tenants import members
from lading.tenants import store as tenants
from lading.tenants.model import Role

pytestmark = pytest.mark.anyio


@pytest.fixture
async def office(database: Database, database_url: str) -> Office:
    return await office_under_clock(database, database_url)


# --- slots in time --------------------------------------------------------------------------------


async def test_a_slot_fires_once_when_its_time_has_come(office: Office) -> None:
    made = await office.put()
    before = await office.sweep().run()
    office.at(START + HOUR)
    first = await office.sweep().run()
    again = await office.sweep().run()

    assert (before, first, again) == (0, 1, 0)
    assert made.next_at == START.replace(hour=13, minute=0)
    assert await office.told() == [("10T13:00", "fired")]
    (slot,) = await office.slots()
    assert (slot.local, slot.state) == ("2026-03-10T14:00:00+01:00", "pending")
    events = await office.events()
    assert [each["type"] for each in events] == ["schedule.set", "schedule.fired"]
    assert events[1]["data"]["job"] == ids.show(ids.JOB, slot.job_id)
    assert events[0]["rev"] == 1


async def test_many_schedulers_fire_each_slot_once(office: Office, database_url: str) -> None:
    for number in range(20):
        await office.put(f"s{number}")
    pools = [Database(database_url, size=2, options=PATIENT) for _ in range(5)]
    for pool in pools:
        await pool.open()

    for hour in range(1, 4):
        office.at(START + hour * HOUR)
        await asyncio.gather(*(office.sweep(pool).run() for pool in pools for _ in range(2)))
    for pool in pools:
        await pool.close()

    assert await office.jobs() == 60
    for number in range(20):
        assert await office.told(f"s{number}") == [(f"10T{hour}:00", "fired") for hour in (13, 14, 15)]


async def test_a_slot_that_is_decided_is_not_made_even_by_who_believes_it_is_due(office: Office) -> None:
    found = await office.put()
    office.at(START + HOUR)
    await office.sweep().run()
    async with office.database.tenant(office.tenant) as tx:
        await firing.decide(tx, found, office.maker)  # as it was read before the first one decided

    assert await office.jobs() == 1


async def test_who_is_cut_off_while_deciding_leaves_the_slot_to_the_next(office: Office) -> None:
    await office.put()
    office.at(START + HOUR)

    async def cut(tx: Transaction, job: NewJob, schedule_id: UUID) -> None:
        row = await (await tx.connection.execute("SELECT pg_backend_pid() AS pid")).fetchone()
        with psycopg.connect(office.url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [row["pid"] if row else 0])

    sweep = office.sweep()
    sweep._maker = replace(office.maker, tie=cut)
    assert await sweep.run() == 0
    assert (await office.jobs(), await office.slots()) == (0, [])

    await office.sweep().run()

    assert (await office.jobs(), await office.told()) == (1, [("10T13:00", "fired")])


async def test_a_clock_that_steps_back_fires_nothing_again(office: Office) -> None:
    await office.put()
    office.at(START + HOUR)
    await office.sweep().run()
    office.at(START + HOUR / 4)
    await office.sweep().run()
    office.at(START + HOUR)
    await office.sweep().run()

    assert await office.jobs() == 1


async def test_the_sweep_tells_when_to_come_again(office: Office) -> None:
    assert await office.sweep().pause() == 5.0
    await office.put()
    office.at(START + HOUR / 2 - timedelta(seconds=2))
    assert await office.sweep().pause() == pytest.approx(2.0)
    office.at(START + HOUR)
    assert await office.sweep().pause() == 0.0


# --- catch-up -------------------------------------------------------------------------------------


async def test_of_what_was_missed_the_newest_is_made_and_the_rest_is_told_of(office: Office) -> None:
    await office.put()
    office.at(START + 5 * HOUR)
    await office.sweep().run()

    assert await office.told() == [("10T16:00", "missed"), ("10T17:00", "fired")]
    skipped, fired = await office.slots()
    assert (skipped.missed, skipped.since) == (4, START.replace(hour=13, minute=0))
    assert fired.is_late
    assert (await office.get()).next_at == START.replace(hour=18, minute=0)


async def test_all_that_was_missed_is_made_one_after_the_other(office: Office) -> None:
    await office.put(catch_up=CatchUp.ALL, overlap=Overlap.SKIP)
    office.at(START + 3 * HOUR)
    await office.sweep().run()
    assert [code for _, code in await office.told()] == ["fired", "waiting", "waiting"]
    assert await office.sweep().pause() == 1.0
    await office.sweep().run()
    assert await office.jobs() == 1

    for _ in range(2):
        assert await office.end_jobs() == 1
        await office.sweep().run()

    assert [code for _, code in await office.told()] == ["fired"] * 3
    assert [slot.local[11:16] for slot in await office.slots()] == ["14:00", "15:00", "16:00"]


async def test_of_more_than_a_hundred_that_were_missed_the_oldest_are_skipped(office: Office) -> None:
    await office.put(catch_up=CatchUp.ALL, cron="* * * * *")
    office.at(START + 365 * DAY)
    await office.sweep().run()

    told = await office.slots()
    assert len(told) == 101
    assert (told[0].code, told[0].missed) == ("missed", 900)
    assert told[0].slot + timedelta(minutes=1) == told[1].slot
    assert told[-1].slot == START + 365 * DAY


async def test_with_skip_only_what_is_on_time_is_made(office: Office) -> None:
    await office.put(catch_up=CatchUp.SKIP)
    office.at(START + 2 * HOUR)
    await office.sweep().run()
    assert await office.told() == [("10T14:00", "missed")]

    office.at(START + 2 * HOUR + HOUR / 2 + timedelta(minutes=1))
    await office.sweep().run()

    assert await office.told() == [("10T14:00", "missed"), ("10T15:00", "fired")]


async def test_what_is_caught_up_covers_the_days_it_was_meant_for(office: Office) -> None:
    await office.put(kind="made", cron="5 0 1 * *", period="previous-month", catch_up=CatchUp.ALL,
                     payload={"profile": "bufdir", "as_of": "{slot}", "days": ["{date}"]})  # fmt: skip
    office.at(START + 70 * DAY)
    for _ in range(3):
        await office.sweep().run()
        await office.end_jobs()

    assert [asked["period"] for asked, _ in office.made.asked] == [
        {"from": "2026-03-01", "to": "2026-03-31"},
        {"from": "2026-04-01", "to": "2026-04-30"},
    ]
    assert office.made.asked[0][0]["as_of"] == "2026-03-31T22:05:00.000000Z"
    assert office.made.asked[0][0]["days"] == ["2026-04-01"]
    assert (office.made.asked[0][1], office.made.asked[0][1].role) == (office.owner.actor, "operator")


# --- overlap --------------------------------------------------------------------------------------


async def _twice(office: Office, overlap: Overlap) -> None:
    await office.put(overlap=overlap)
    for hour in (1, 2):
        office.at(START + hour * HOUR)
        await office.sweep().run()


async def test_a_slot_is_skipped_while_the_work_of_another_goes_on(office: Office) -> None:
    await _twice(office, Overlap.SKIP)

    assert [code for _, code in await office.told()] == ["fired", "overlap"]
    await office.end_jobs()
    office.at(START + 3 * HOUR)
    await office.sweep().run()
    assert [code for _, code in await office.told()] == ["fired", "overlap", "fired"]


async def test_a_slot_waits_for_the_work_of_another(office: Office) -> None:
    await _twice(office, Overlap.QUEUE)
    assert [code for _, code in await office.told()] == ["fired", "waiting"]
    assert (await office.get()).waiting == 1

    await office.end_jobs()
    await asyncio.gather(*(office.sweep().run() for _ in range(4)))

    assert [code for _, code in await office.told()] == ["fired", "fired"]
    assert [each["type"] for each in await office.events()][1:] == [
        "schedule.fired",
        "schedule.waiting",
        "schedule.fired",
    ]


async def test_a_slot_cancels_the_work_of_another(office: Office) -> None:
    await _twice(office, Overlap.CANCEL_PREVIOUS)

    assert [(slot.outcome, slot.state) for slot in await office.slots()] == [
        (Outcome.FIRED, "cancelled"),
        (Outcome.FIRED, "pending"),
    ]


async def test_a_slot_comes_beside_the_work_of_another(office: Office) -> None:
    await _twice(office, Overlap.ALLOW)

    assert [slot.state for slot in await office.slots()] == ["pending", "pending"]


# --- work that can't be made ----------------------------------------------------------------------


async def test_work_that_can_not_be_made_fails_its_slot_and_no_other(office: Office) -> None:
    await office.put(kind="made", cron="0 * * * *")
    await office.put("other")
    office.made.error = Forbidden("The policy year-end denies it.")
    for hour in (1, 2):
        office.at(START + hour * HOUR)
        await office.sweep().run()
    found = await office.get()

    assert (found.failures, found.failure) == (2, "forbidden")
    assert [slot.message for slot in await office.slots()] == ["The policy year-end denies it."] * 2
    assert [code for _, code in await office.told("other")] == ["fired", "fired"]

    office.made.error = None
    office.at(START + 3 * HOUR)
    await office.sweep().run()
    await office.end_jobs()
    assert (await office.get()).failures == 0


async def test_a_surprise_fails_the_slot_too_and_leaves_nothing_half_made(office: Office) -> None:
    await office.put()
    office.at(START + HOUR)

    async def surprise(tx: Transaction, job: NewJob, schedule_id: UUID) -> None:
        await tx.connection.execute("SELECT 1/0")

    sweep = office.sweep()
    sweep._maker = replace(office.maker, tie=surprise)
    await sweep.run()

    assert (await office.told(), await office.jobs()) == ([("10T13:00", "internal-error")], 0)


async def test_jobs_that_die_are_counted_as_failures(office: Office) -> None:
    await office.put()
    for hour in (1, 2, 3):
        office.at(START + hour * HOUR)
        await office.sweep().run()
        assert await office.end_jobs(fatal=hour > 1) == 1
    found = await office.get()

    assert (found.failures, found.failure) == (2, "dead")
    async with office.database.tenant(office.tenant) as tx:
        assert [each.name for each in await store.page(tx, after=None, limit=9, failing=True)] == ["nightly"]
        assert await store.page(tx, after=None, limit=9, failing=False) == []


async def test_a_full_queue_fails_the_slot(office: Office) -> None:
    await office.put()
    office.at(START + HOUR)
    await office.sweep(most=1).run()
    office.at(START + 2 * HOUR)
    await office.sweep(most=1).run()

    assert [code for _, code in await office.told()] == ["fired", "overloaded"]


async def test_nothing_is_made_for_a_key_that_was_revoked(office: Office) -> None:
    await office.put()
    async with office.database.system() as tx:
        await tenants.revoke_key(tx, office.tenant, key_id=office.key, actor=SYSTEM)
    office.at(START + HOUR)
    await office.sweep().run()
    assert await office.told() == [("10T13:00", "owner-gone")]

    async with office.database.system() as tx:
        office.key = (await tenants.mint_key(tx, office.tenant, name="b", role=Role.ADMIN, actor=SYSTEM)).key.id
    assert (await office.put()).version == 2
    office.at(START + 2 * HOUR)
    await office.sweep().run()

    assert [code for _, code in await office.told()] == ["owner-gone", "fired"]


async def test_a_member_asks_in_the_role_of_the_moment(office: Office, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET row_security = off")
        connection.execute(
            "INSERT INTO identity_providers (tenant_id, name, issuer, audience) "
            "VALUES (%s, 'x', 'https://x.example', 'a')",
            [office.tenant],
        )
    async with office.database.tenant(office.tenant) as tx:
        person = await members.add(
            tx, issuer="https://x.example", subject="s", email=None, name=None, role=Role.OPERATOR, actor=SYSTEM
        )
        owner = Owner(Actor("member", ids.show(ids.MEMBER, person.id)), "operator")
        await store.put(tx, "nightly", replace(HOURLY, kind="made"), owner=owner)
    for hour, role in enumerate((None, Role.REQUESTER, Role.VIEWER, Role.AUDITOR, Role.ADMIN), start=1):
        if role is not None:
            async with office.database.tenant(office.tenant) as tx:
                await members.change(tx, person.id, role=role, name=None, version=None, actor=SYSTEM)
        office.at(START + hour * HOUR)
        await office.sweep().run()
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET row_security = off")
        connection.execute("DELETE FROM identity_providers")
    office.at(START + 6 * HOUR)
    await office.sweep().run()

    told = [code for _, code in await office.told()]
    assert told == ["fired", "fired", "owner-demoted", "owner-demoted", "fired", "owner-gone"]
    assert [actor.role for _, actor in office.made.asked] == ["operator", "requester", "admin"]


async def test_a_key_that_was_rotated_goes_on(office: Office, database_url: str) -> None:
    await office.put()
    async with office.database.system() as tx:
        fresh = (await tenants.mint_key(tx, office.tenant, name="b", role=Role.ADMIN, actor=SYSTEM)).key.id
        await tenants.revoke_key(tx, office.tenant, key_id=office.key, actor=SYSTEM)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET row_security = off")
        connection.execute("UPDATE api_keys SET replaces = %s WHERE id = %s", [office.key, fresh])
    office.at(START + HOUR)
    await office.sweep().run()

    assert await office.told() == [("10T13:00", "fired")]
