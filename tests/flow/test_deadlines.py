"""What lasts longer than its deadline is stopped by its worker, whether it listens or not, and the export says why."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lading import ids
from lading.db.database import Database
from lading.exports import registry
from lading.jobs import store
from lading.jobs.model import NewJob
from lading.ledger.entry import SYSTEM
from lading.settings import Settings
from lading.tenants import store as tenants
from tests.chaos.crowd import Crowd
from tests.chaos.verdict import ENDED, count, prepare, rows
from tests.flow.organisation import PROFILE, Worker, organisation

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]


@pytest.fixture
def crowd(database_url: str, tmp_path: Path) -> Iterator[Crowd]:
    prepare(database_url)
    made = Crowd(database_url, tmp_path, random.Random(1), skews=(0,))
    yield made
    made.end()


@pytest.mark.parametrize(("kind", "hang"), [("heavy", "politely"), ("heavy", "stubbornly"), ("light", "politely")])
async def test_an_attempt_beyond_its_deadline_is_stopped_and_the_next_job_runs(  # O3
    database: Database, database_url: str, crowd: Crowd, kind: str, hang: str
) -> None:
    async with database.system() as tx:
        tenant = (await tenants.create_tenant(tx, "acme", name="Acme", actor=SYSTEM)).id
    hangs = NewJob(ids.new(), kind, "exp_x", {"hang": hang}, max_attempts=1, deadline_seconds=1)
    async with database.tenant(tenant) as tx:
        await store.enqueue(tx, hangs, actor=SYSTEM)
        await store.enqueue(tx, NewJob(ids.new(), kind, "exp_x", deadline_seconds=60), actor=SYSTEM)

    crowd.keep_alive()
    began = time.monotonic()
    while count(database_url, ENDED) < 2:
        assert time.monotonic() - began < 240, "it hangs"
        await asyncio.sleep(0.05)  # the pace of the looking

    ended = rows(database_url, "SELECT id, state, failures, crashes, error FROM finished_jobs ORDER BY state")
    assert [(row["state"], row["failures"], row["crashes"]) for row in ended] == [("completed", 0, 0), ("dead", 1, 0)]
    assert ended[1]["error"]["code"] == "deadline-exceeded"
    assert rows(database_url, "SELECT outcome FROM attempts WHERE outcome <> 'completed'") == [{"outcome": "timed_out"}]


async def test_an_export_beyond_its_deadline_fails_and_says_so(  # O3, E8
    database: Database, database_url: str, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path / "data", export_deadline_seconds=1, max_attempts=1)
    slow: dict[str, Any] = {**PROFILE, "source": {**PROFILE["source"]}}
    slow["source"]["query"] = "SELECT id, day, person, kind, minutes FROM visits CROSS JOIN pg_sleep(60)"
    async with organisation(database, settings) as acme:
        async with database.tenant(acme.tenant_id) as tx:
            await registry.put(tx, slow, actor=SYSTEM, activate=True)
        async with Worker(settings, database_url):
            ended = await acme.end(await acme.submit(format="csv"))

    assert (ended.status, ended.error and ended.error.code) == ("failed", "deadline-exceeded")
    assert ended.error is not None
    assert ended.error.retryable
