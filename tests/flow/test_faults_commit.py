"""A commit whose answer is lost has happened: whichever it is, the export completes, once, and nothing hangs."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import psycopg
import pytest

from lading import ids
from lading.settings import Settings
from tests.flow.faults import link
from tests.flow.organisation import Organisation, Worker

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
def settings(settings: Settings) -> Settings:
    return replace(settings, lease_seconds=6.0, self_fence_seconds=4.0)


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
