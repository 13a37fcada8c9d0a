"""A hint reaches whoever listens, whatever the channel; waiting for the disk is no part of it."""

from __future__ import annotations

import psycopg
import pytest

from lading.db import notify
from lading.db.database import Database

pytestmark = pytest.mark.anyio


async def shown(database: Database) -> object:
    async with database.connection() as connection:
        return await (await connection.execute("SHOW synchronous_commit")).fetchone()


async def test_a_hint_is_heard_and_leaves_the_session_as_it_was(database_url: str) -> None:
    database = Database(database_url, size=1)
    await database.open()
    try:
        before = await shown(database)
        with psycopg.connect(database_url, autocommit=True) as hearer:
            hearer.execute("LISTEN lading_jobs")
            await notify.Sender(database).send(notify.JOBS)
            heard = [one.channel for one in hearer.notifies(timeout=60, stop_after=1)]
        assert (heard, await shown(database)) == ([notify.JOBS], before)
    finally:
        await database.close()


async def test_within_the_gap_one_hint_is_sent_and_the_next_waits_for_its_end(database_url: str) -> None:
    database = Database(database_url, size=1)
    await database.open()
    sender = notify.Sender(database, gap_seconds=3600)
    try:
        with psycopg.connect(database_url, autocommit=True) as hearer:
            hearer.execute("LISTEN lading_jobs")
            hearer.execute("LISTEN lading_exports")
            for _ in range(3):
                await sender.send(notify.JOBS)
            await sender.send(notify.EXPORTS)
            heard = [one.channel for one in hearer.notifies(timeout=60, stop_after=2)]
    finally:
        await sender.close()
        await database.close()

    assert heard == [notify.JOBS, notify.EXPORTS]
