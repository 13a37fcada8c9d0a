"""People change, stop and run schedules, each of their own organisation; zones change their rules."""

# E4, O1

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from tests.clockwork import DAY, HOUR, HOURLY, START, WHY, Office, new_office, office_under_clock

from lading.db.database import Database
from lading.errors import Conflict, InvalidInput, InvalidTransition, NotFound, PreconditionFailed
from lading.ledger.entry import SYSTEM
from lading.schedules import store, zones
from lading.schedules.model import CatchUp, Outcome, Overlap

pytestmark = pytest.mark.anyio


@pytest.fixture
async def office(database: Database, database_url: str) -> Office:
    return await office_under_clock(database, database_url)


# --- what people do -------------------------------------------------------------------------------


async def test_a_paused_schedule_stands_still_and_tells_afterwards_what_it_left_out(office: Office) -> None:
    await office.put(catch_up=CatchUp.ALL)
    async with office.database.tenant(office.tenant) as tx:
        paused = await store.pause(tx, "nightly", actor=SYSTEM, **WHY)
    office.at(START + 3 * HOUR)
    await office.sweep().run()
    assert (paused.next_at, await office.slots()) == (None, [])

    async with office.database.tenant(office.tenant) as tx:
        await store.resume(tx, "nightly", actor=SYSTEM, **WHY)
    office.at(START + 3.5 * HOUR)
    await office.sweep().run()

    assert await office.told() == [("10T15:00", "paused"), ("10T16:00", "fired")]
    assert (await office.slots())[0].missed == 3
    events = await office.events()
    assert [each["type"] for each in events] == [
        "schedule.set", "schedule.paused", "schedule.skipped", "schedule.resumed", "schedule.fired",
    ]  # fmt: skip
    assert events[1]["data"] == {"reason": True, "ticket": "OPS-7"}
    with pytest.raises(InvalidTransition):
        async with office.database.tenant(office.tenant) as tx:
            await store.resume(tx, "nightly", actor=SYSTEM, **WHY)


async def test_a_schedule_is_run_now_also_while_it_is_paused(office: Office) -> None:
    await office.put()
    async with office.database.tenant(office.tenant) as tx:
        await store.pause(tx, "nightly", actor=SYSTEM, **WHY)
    ran = await office.run()

    assert (ran.outcome, ran.is_manual, ran.state) == (Outcome.FIRED, True, "pending")
    event = (await office.events())[-1]
    assert (event["type"], event["actor"]["kind"]) == ("schedule.fired", "key")
    assert event["data"]["manual"] is True
    assert event["data"]["ticket"] == "OPS-7"


async def test_a_run_by_hand_follows_what_the_schedule_says_of_overlaps(office: Office) -> None:
    await office.put(overlap=Overlap.SKIP)
    office.at(START + timedelta(seconds=1))
    await office.run()
    office.at(START + timedelta(seconds=2))
    with pytest.raises(Conflict, match="goes on"):
        await office.run()
    await office.put(overlap=Overlap.QUEUE)
    waiting = await office.run()

    assert waiting.outcome is Outcome.WAITING
    assert await office.jobs() == 1


async def test_a_run_by_hand_that_can_not_be_made_leaves_nothing(office: Office) -> None:
    await office.put(kind="made")
    office.made.error = InvalidInput.field("profile", "is not known.")

    with pytest.raises(InvalidInput) as error:
        await office.run()

    assert error.value.errors[0].pointer == "/payload/profile"
    assert await office.slots() == []


async def test_a_change_counts_from_now_on(office: Office) -> None:
    await office.put()
    office.at(START + 2 * HOUR)
    changed = await office.put(cron="15 * * * *")
    await office.sweep().run()

    assert changed.version == 2
    assert await office.told() == [("10T14:00", "changed")]
    assert changed.next_at == START.replace(hour=15, minute=15)
    assert await office.put(cron="15 * * * *") == changed


async def test_only_the_version_that_was_read_is_changed(office: Office) -> None:
    await office.put()
    async with office.database.tenant(office.tenant) as tx:
        with pytest.raises(PreconditionFailed):
            await store.put(tx, "nightly", replace(HOURLY, cron="1 * * * *"), owner=office.owner, version=7)
        with pytest.raises(PreconditionFailed):
            await store.delete(tx, "nightly", actor=SYSTEM, version=7, **WHY)
        await store.delete(tx, "nightly", actor=SYSTEM, version=1, **WHY)
        with pytest.raises(NotFound):
            await store.get(tx, "nightly")


async def test_a_start_long_ago_is_no_start(office: Office) -> None:
    assert (await office.put(starts_at=datetime(1, 1, 1, tzinfo=UTC))).next_at == START.replace(hour=13, minute=0)


async def test_nothing_comes_before_the_start_or_after_the_end(office: Office) -> None:
    found = await office.put(starts_at=START + DAY, ends_at=START + DAY + 2 * HOUR, catch_up=CatchUp.ALL)
    assert found.next_at == (START + DAY).replace(hour=13, minute=0)
    office.at(START + 9 * DAY)
    await office.sweep().run()

    assert [slot.slot.hour for slot in await office.slots()] == [13, 14]
    assert (await office.get()).next_at is None


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"cron": "0 0 31 2 *"}, "cron"),
        ({"cron": "* * * * * *"}, "cron"),
        ({"zone": "Europe/Olso"}, "zone"),
        ({"period": "last-month"}, "period"),
        ({"period": "previous-month", "payload": {"period": {}}}, "period"),
        ({"ends_at": START - DAY}, "ends_at"),
        ({"starts_at": START + DAY, "ends_at": START + DAY}, "ends_at"),
        ({"starts_at": datetime(9999, 12, 31, tzinfo=UTC)}, "ends_at"),
        ({"priority": 101}, "priority"),
        ({"max_attempts": 0}, "max_attempts"),
        ({"deadline_seconds": 0}, "deadline_seconds"),
    ],
)
async def test_a_schedule_that_can_not_be_is_not_stored(office: Office, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as error:
        await office.put(**fields)

    assert error.value.errors[0].pointer == f"/{field}"


# --- time zones that change their rules -----------------------------------------------------------


async def test_new_rules_of_a_zone_move_the_next_slot_and_the_ledger_knows(office: Office, database_url: str) -> None:
    made = await office.put(cron="0 4 * * *")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET row_security = off")
        connection.execute("UPDATE schedules SET tzdata = '2020.1', next_at = next_at + interval '1 hour'")
    await office.sweep().run()

    found = await office.get()
    assert (found.next_at, found.tzdata, found.version) == (made.next_at, zones.EDITION, 1)
    assert (await office.events())[-1]["type"] == "schedule.replanned"


async def test_an_older_edition_moves_nothing(office: Office, database_url: str) -> None:
    await office.put(cron="0 4 * * *")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET row_security = off")
        connection.execute("UPDATE schedules SET tzdata = '2999.10', next_at = next_at + interval '1 hour'")
    await office.sweep().run()

    assert (await office.get()).tzdata == "2999.10"


async def test_what_the_clock_showed_by_the_old_rules_is_not_made_again_by_the_new(
    office: Office, database_url: str
) -> None:
    await office.put(cron="0 14 * * *")
    office.at(START + HOUR)
    await office.sweep().run()
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET row_security = off")
        # By the old rules it was 14:00 an hour earlier.
        connection.execute(
            "UPDATE schedule_slots SET slot = slot - interval '1 hour', local = '2026-03-10T14:00:00+02:00'"
        )
        connection.execute("UPDATE schedules SET tzdata = '2020.1', decided_to = decided_to - interval '1 hour'")
    office.at(START)
    await office.sweep().run()

    assert (await office.get()).next_at == START.replace(hour=13, minute=0) + DAY


# --- organisations, and what is forgotten ---------------------------------------------------------


async def test_schedules_of_two_organisations_know_nothing_of_each_other(office: Office) -> None:
    other = await new_office(office.database, office.url, "fjord")
    await office.put()
    await other.put(cron="30 * * * *")
    office.at(START + HOUR)
    await office.sweep().run()

    assert (await office.told(), await other.told()) == ([("10T13:00", "fired")], [("10T13:30", "fired")])
    async with other.database.tenant(other.tenant) as tx:
        await store.delete(tx, "nightly", actor=SYSTEM, **WHY)
    assert await office.told() == [("10T13:00", "fired")]


async def test_a_suspended_organisation_waits(office: Office, database_url: str) -> None:
    await office.put()
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET row_security = off")
        connection.execute("UPDATE tenants SET suspended_at = now(), suspend_reason = 'unpaid'")
    office.at(START + HOUR)
    await office.sweep().run()

    assert await office.slots() == []


async def test_a_tenant_has_at_most_a_thousand_schedules(office: Office, database_url: str) -> None:
    await office.put()
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET row_security = off")
        connection.execute(
            "INSERT INTO schedules SELECT (jsonb_populate_record(s, jsonb_build_object('id', gen_random_uuid(), "
            "'name', 'n' || n))).* FROM schedules AS s, generate_series(1, %s) AS n",
            [store.MOST - 1],
        )

    with pytest.raises(Conflict, match="1000"):
        await office.put("more")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET row_security = off")
        connection.execute("DELETE FROM schedules WHERE name = 'n1'")
    crowd = await asyncio.gather(*(office.put(f"last{number}") for number in range(4)), return_exceptions=True)
    assert len([each for each in crowd if isinstance(each, Conflict)]) == 3


async def test_what_became_of_slots_is_forgotten_after_a_while(office: Office) -> None:
    await office.put()
    office.at(START + HOUR)
    await office.sweep().run()
    office.at(START + 29 * DAY)
    kept = await office.sweep().prune(days=30)
    office.at(START + 32 * DAY)
    gone = await office.sweep().prune(days=30)

    assert (kept, gone) == (0, 1)
