"""Light jobs go through a real worker in batches, each once, also when the child that runs them is killed."""  # O2, O3

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import LiteralString
from uuid import UUID

import psutil
import psycopg
import pytest

from lading import ids
from lading.db import notify
from lading.db.database import Database
from lading.jobs import batches
from lading.jobs.model import NewJob
from lading.ledger.entry import SYSTEM
from lading.settings import Settings
from lading.tenants import store as tenants
from tests.flow.organisation import Worker

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]

JOBS = 2000


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "data").mkdir()
    return Settings(data_dir=tmp_path / "data")


async def enqueue(database: Database, payloads: list[dict[str, object]], *, slug: str = "acme") -> set[UUID]:
    """Enqueue one job for each payload, all of one new tenant, and return their ids."""
    async with database.system() as tx:
        tenant = await tenants.create_tenant(tx, slug, name=slug, actor=SYSTEM)
    made = [ids.new() for _ in payloads]
    jobs = [
        NewJob(each, "noop", ids.show(ids.JOB, each), payload=given) for each, given in zip(made, payloads, strict=True)
    ]
    async with database.tenant(tenant.id) as tx:
        await batches.enqueue_many(tx, jobs, actor=SYSTEM)
    return set(made)


async def until(database: Database, url: str, ended: int) -> None:
    """Wait until so many jobs have ended."""
    await until_counted(database, url, "SELECT count(*) AS count FROM finished_jobs", ended)


async def until_counted(database: Database, url: str, query: LiteralString, count: int) -> None:
    """Wait until the query counts so many."""
    async with notify.Hearer(url, notify.JOBS) as hearer:
        while True:
            seen = hearer.generation(notify.JOBS)
            async with database.connection() as connection:
                row = await (await connection.execute(query)).fetchone()
            if row is not None and row["count"] >= count:
                return
            await hearer.wait(notify.JOBS, seen, 0.1)


def light_children() -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):  # others end while we look
            if "lading.wiring.light" in " ".join(child.cmdline()):
                found.append(child)
    return found


def completions(url: str) -> Counter[UUID]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT id FROM finished_jobs WHERE state = 'completed'").fetchall()
    return Counter(job_id for (job_id,) in rows)


async def test_jobs_that_do_nothing_complete_in_batches_without_a_record_for_each_attempt(
    database: Database, database_url: str, settings: Settings
) -> None:
    jobs = await enqueue(database, [{} for _ in range(JOBS)])

    async with Worker(settings, database_url):
        await until(database, database_url, JOBS)

    assert completions(database_url) == dict.fromkeys(jobs, 1)
    with psycopg.connect(database_url) as connection:
        counts = connection.execute(
            "SELECT (SELECT count(*) FROM attempts), (SELECT count(*) FROM jobs), "
            "(SELECT count(DISTINCT batch_id) < %s FROM finished_jobs)", (JOBS // 10,)
        ).fetchone()  # fmt: skip
    assert counts == (0, 0, True)


async def test_a_killed_light_child_loses_nothing_and_does_nothing_twice(
    database: Database, database_url: str, settings: Settings
) -> None:
    jobs = await enqueue(database, [{"seconds": 0.02 * (number % 3)} for number in range(JOBS)])

    async with Worker(settings, database_url, LADING_LIGHT_BATCH="200"):  # what is lost runs one by one
        await until(database, database_url, 50)
        for child in light_children():
            child.kill()
        await until(database, database_url, JOBS)

    assert completions(database_url) == dict.fromkeys(jobs, 1)
    with psycopg.connect(database_url) as connection:
        outcomes = connection.execute("SELECT DISTINCT outcome FROM attempts ORDER BY 1").fetchall()
        crashes = connection.execute("SELECT sum(crashes) FROM finished_jobs").fetchone()
    assert {outcome for (outcome,) in outcomes} <= {"lost", "completed"}
    assert crashes == (0,)


async def test_a_slow_job_does_not_hold_up_the_others(
    database: Database, database_url: str, settings: Settings
) -> None:
    await enqueue(database, [{"seconds": 3600}, *({} for _ in range(300))])

    async with Worker(settings, database_url, LADING_DRAIN_SECONDS="1"):
        await until(database, database_url, 300)

    with psycopg.connect(database_url) as connection:
        left = connection.execute("SELECT state, failures, crashes FROM jobs").fetchall()
    assert left == [("pending", 0, 0)]  # given back when the worker left, nothing counted


async def test_a_tenant_whose_slow_jobs_take_all_places_does_not_hold_up_another(
    database: Database, database_url: str, settings: Settings
) -> None:  # O6
    await enqueue(database, [{"seconds": 3600} for _ in range(200)], slug="flood")
    async with Worker(settings, database_url, LADING_LIGHT_BATCH="64", LADING_DRAIN_SECONDS="1"):
        await until_counted(database, database_url, "SELECT count(*) AS count FROM jobs WHERE state = 'running'", 56)
        others = await enqueue(database, [{} for _ in range(40)], slug="other")
        await until(database, database_url, 40)

    assert completions(database_url) == dict.fromkeys(others, 1)


async def test_a_failure_is_settled_alone_and_the_rest_of_its_batch_together(
    database: Database, database_url: str, settings: Settings
) -> None:
    await enqueue(database, [{"fail": "source-refused"}, {"extra": 1}, *({} for _ in range(50))])

    async with Worker(settings, database_url):
        await until(database, database_url, 52)

    with psycopg.connect(database_url) as connection:
        dead = connection.execute(
            "SELECT code FROM dead_letters ORDER BY code"
        ).fetchall()  # fmt: skip
    assert len(dead) == 2
    assert sum(completions(database_url).values()) == 50
