"""What ended stays readable as long as it is kept, is found quickly, and goes by whole months."""  # O2, O12

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from lading import ids
from lading.db.database import Database
from lading.jobs import batches, history, leases, store
from lading.jobs.model import NewJob, State
from lading.ledger.entry import SYSTEM
from lading.tenants import store as tenants
from lading.tenants.model import INSTANCE_ID

pytestmark = pytest.mark.anyio


@pytest.fixture
async def tenant(database: Database) -> UUID:
    async with database.system() as tx:
        return (await tenants.create_tenant(tx, "acme", name="Acme", actor=SYSTEM)).id


async def finish(database: Database, tenant: UUID, count: int = 1) -> list[UUID]:
    """Complete so many jobs now and return their ids."""
    jobs = [NewJob(ids.new(), "noop", "job_x") for _ in range(count)]
    lease = ids.new()
    async with database.tenant(tenant) as tx:
        await batches.enqueue_many(tx, jobs, actor=SYSTEM)
    async with database.system() as tx:
        await leases.open_lease(tx, lease, worker="test", seconds=3600)
    async with database.system() as tx:
        started = await batches.exchange(tx, lease_id=lease, kinds=["noop"], limit=count, ended=[], batch_id=ids.new())
    async with database.system() as tx:
        assert not await batches.settle(tx, started.started, lease_id=lease)
    return [job.id for job in jobs]


def age(url: str, job_id: UUID, days: int) -> None:
    """Let a job have ended so many days ago."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "UPDATE finished_jobs SET finished_at = finished_at - make_interval(days => %s) WHERE id = %s",
            (days, job_id),
        )


def partitions(url: str) -> dict[str, int]:
    """Return the partitions and how many jobs are in each."""
    with psycopg.connect(url) as connection:
        names = connection.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'finished_jobs'::regclass ORDER BY 1"
        ).fetchall()
        found: dict[str, int] = {}
        for (name,) in names:
            row = connection.execute(f"SELECT count(*) FROM {name}".encode()).fetchone()
            found[name] = 0 if row is None else row[0]
        return found


def month(instant: datetime) -> str:
    return f"finished_jobs_{instant:%Y_%m}"


async def test_months_are_made_ahead_once_by_any_number_of_processes(database: Database, database_url: str) -> None:
    made = await asyncio.gather(*(history.make_ahead(database) for _ in range(3)))

    assert sum(made) == 3
    assert await history.make_ahead(database) == 0
    assert len(partitions(database_url)) == 4


async def test_who_reads_the_history_for_long_holds_up_nobody_else(
    database: Database, database_url: str, tenant: UUID
) -> None:
    # Waiting for the reader as long as any other statement may would never end here.
    patient = Database(database_url, options="-c statement_timeout=0 -c lock_timeout=0")
    await patient.open()
    (job_id,) = await finish(database, tenant)
    with psycopg.connect(database_url) as owner:
        owner.execute("SELECT make_history_partition('2020-01-01', 1)")
    with psycopg.connect(database_url) as reader:
        reader.execute("SELECT FROM finished_jobs")

        upkeep = asyncio.create_task(history.make_ahead(patient))
        while not upkeep.done():
            async with database.tenant(tenant) as tx:
                assert (await store.find(tx, job_id)).state is State.COMPLETED
        pruned = await history.prune(patient, days=400)

        assert await upkeep == 0
        assert pruned.is_nothing

    await patient.close()
    assert await history.make_ahead(database) == 3
    assert (await history.prune(database, days=400)).partitions == 1


async def test_rows_in_the_default_partition_move_to_their_month(
    database: Database, database_url: str, tenant: UUID
) -> None:
    (before,) = await finish(database, tenant)
    await history.make_ahead(database)
    (after,) = await finish(database, tenant)

    assert partitions(database_url)[month(datetime.now(UTC))] == 2
    async with database.tenant(tenant) as tx:
        assert {(await store.find(tx, job_id)).state for job_id in (before, after)} == {State.COMPLETED}


async def test_a_row_that_no_month_takes_is_kept_and_found(database: Database, database_url: str, tenant: UUID) -> None:
    await history.make_ahead(database)
    (job_id,) = await finish(database, tenant)
    age(database_url, job_id, 100)

    assert partitions(database_url)["finished_jobs_default"] == 1
    async with database.tenant(tenant) as tx:
        assert (await store.find(tx, job_id)).state is State.COMPLETED


async def test_a_new_partition_keeps_tenants_apart(database: Database, database_url: str, tenant: UUID) -> None:  # A6
    await history.make_ahead(database)
    await finish(database, tenant)
    async with database.system() as tx:
        other = (await tenants.create_tenant(tx, "other", name="Other", actor=SYSTEM)).id

    name = month(datetime.now(UTC))
    with psycopg.connect(database_url) as connection:
        secured = connection.execute(
            "SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE oid = %s::regclass", (name,)
        ).fetchone()
        connection.execute(
            "SELECT set_config('role', 'lading_app', true), set_config('lading.tenant', %s, true)", (str(other),)
        )
        seen = connection.execute("SELECT count(*) FROM finished_jobs").fetchone()
    assert (secured, seen) == ((True,), (0,))


async def test_what_is_too_old_goes_by_whole_months_and_the_ledger_tells(
    database: Database, database_url: str, tenant: UUID
) -> None:
    old, kept, loose = await finish(database, tenant, 3)
    with psycopg.connect(database_url) as connection:
        long_ago = datetime.now(UTC) - timedelta(days=500)
        connection.execute("SELECT make_history_partition(%s::date, 10000)", (long_ago,))
    age(database_url, old, 500)
    age(database_url, kept, 100)
    age(database_url, loose, 700)
    assert partitions(database_url)[month(datetime.now(UTC) - timedelta(days=500))] == 1

    pruned = await history.prune(database, days=400)

    assert (pruned.partitions, pruned.jobs) == (1, 2)
    assert (await history.prune(database, days=400)).is_nothing
    with psycopg.connect(database_url) as connection:
        left = connection.execute("SELECT id FROM finished_jobs").fetchall()
        told = connection.execute(
            "SELECT line FROM ledger_pending WHERE tenant_id = %s AND type = 'history.pruned' ORDER BY id",
            (INSTANCE_ID,),
        ).fetchall()
    assert left == [(kept,)]
    assert [json.loads(line)["data"] for (line,) in told] == [
        {"days": 400, "jobs": 1, "partitions": 1},
        {"days": 400, "jobs": 1},
    ]


async def test_attempts_leases_and_closed_letters_go_with_it(
    database: Database, database_url: str, tenant: UUID
) -> None:
    job_id, open_letter, closed_letter, lease = ids.new(), ids.new(), ids.new(), ids.new()
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO attempts (tenant_id, job_id, attempt, lease_id, worker, started_at, ended_at, outcome) "
            "VALUES (%s, %s, 1, %s, '', now() - interval '500 days', now() - interval '499 days', 'lost')",
            (tenant, job_id, lease),
        )
        connection.execute(
            "INSERT INTO leases (id, worker, state, beat_at, lease_until) "
            "VALUES (%s, 'old', 'closed', now() - interval '500 days', now() - interval '500 days')",
            (lease,),
        )
        for letter, state in ((open_letter, "open"), (closed_letter, "resolved")):
            connection.execute(
                "INSERT INTO dead_letters (tenant_id, job_id, kind, host, subject, code, message, fingerprint, "
                "attempt, died_at, state, closed_at) VALUES (%s, %s, 'noop', '', 'job_x', 'c', 'm', 'f', 1, "
                "now() - interval '500 days', %s, CASE WHEN %s <> 'open' THEN now() - interval '450 days' END)",
                (tenant, letter, state, state),
            )

    pruned = await history.prune(database, days=400)

    assert (pruned.attempts, pruned.leases, pruned.letters) == (1, 1, 1)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT job_id FROM dead_letters").fetchall() == [(open_letter,)]


async def test_a_finished_job_is_found_by_its_id_without_a_scan_of_any_partition(
    database: Database, database_url: str, tenant: UUID
) -> None:
    with psycopg.connect(database_url) as connection:
        for back in range(36):
            instant = datetime.now(UTC) - timedelta(days=31 * back)
            connection.execute("SELECT make_history_partition(%s::date, 10000)", (instant,))
    (job_id,) = await finish(database, tenant)

    with psycopg.connect(database_url) as connection:
        connection.execute("SET enable_seqscan = off")  # the partitions are empty here
        plan = connection.execute(
            "EXPLAIN SELECT * FROM finished_jobs WHERE tenant_id = %s AND id = %s", (tenant, job_id)
        ).fetchall()
    text = "\n".join(line for (line,) in plan)
    assert "Seq Scan" not in text
    assert text.count("Index Scan") + text.count("Bitmap Index Scan") >= 36
    async with database.tenant(tenant) as tx:
        assert (await store.find(tx, job_id)).state is State.COMPLETED
