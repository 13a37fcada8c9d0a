"""A commit whose answer is lost has happened: whichever it is, the export completes, once, and nothing hangs."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from lading import ids
from lading.db.database import Database
from lading.settings import Settings
from tests.flow.faults import link
from tests.flow.organisation import Organisation, Worker, organisation

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]

COMMITS = (
    "job.claimed",
    "job.started",
    "export.started",
    "export.stage_started",
    "export.stage_completed",
    "export.completed",
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path / "data",
        lease_seconds=6.0,
        heartbeat_seconds=0.4,
        sweep_seconds=0.4,
        self_fence_seconds=4.0,
    )


@pytest.fixture
async def acme(database: Database, settings: Settings) -> AsyncIterator[Organisation]:
    async with organisation(database, settings) as made:
        yield made


async def test_an_export_completes_once_whichever_commit_loses_its_answer(  # P2, O2
    acme: Organisation, settings: Settings, database_url: str
) -> None:
    async with link(database_url) as lossy, Worker(settings, lossy.url):
        await acme.end(await acme.submit(format="csv"))  # everything runs
        for word in COMMITS:
            lossy.lose_the_answer_to(word)
            export = await acme.submit(format="csv")
            ended = await acme.end(export)

            assert lossy.lost.is_set(), f"{word} was not committed"
            assert (ended.status, ended.error) == ("completed", None), word
            history = await acme.service.history(acme.tenant_id, ids.parse(ids.EXPORT, export.id))
            assert [entry["rev"] for entry in history] == list(range(1, len(history) + 1)), word
            happened = Counter(entry["type"] for entry in history)
            assert happened["export.completed"] == 1, word
            assert happened["export.stage_completed"] == 5, word
            with psycopg.connect(database_url) as connection:
                crashes = connection.execute(
                    "SELECT crashes FROM finished_jobs WHERE subject = %s", (export.id,)
                ).fetchone()
            assert crashes == (0,), word
