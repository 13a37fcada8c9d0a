"""Who runs an installation checks its ledgers from the command line, and lets them go on after a restore."""  # A1

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from click.testing import CliRunner, Result

from lading import cli, ids
from lading.db.database import Database
from lading.errors import InvalidInput, NotFound
from lading.ledger import keys, store
from lading.ledger.entry import SYSTEM, Entry
from lading.ledger.integrator import integrate
from lading.ledger.marks import Mark, Marks

pytestmark = pytest.mark.anyio
Desk = Callable[..., Awaitable[Result]]


@pytest.fixture
async def tenant(database: Database, tmp_path: Path) -> UUID:
    identifier = ids.new()
    signer = keys.load_or_create(tmp_path / "keys", "test").log
    async with database.connection() as connection:
        await connection.execute("INSERT INTO tenants VALUES (%s, 'acme', 'Acme')", (identifier,))
    async with database.tenant(identifier) as tx:
        await store.record(tx, *(Entry("job.started", "job_1", SYSTEM, {"n": n}) for n in range(30)))
    await integrate(database, signer, origin_prefix="test")
    return identifier


@pytest.fixture
def desk(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("LADING_DATABASE_URL", database_url)
    monkeypatch.setenv("LADING_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("LADING_INSTANCE", "test")

    async def run(*arguments: str) -> Result:
        return await asyncio.to_thread(
            CliRunner().invoke, cli.root, ["ledger", *arguments], prog_name="lading", standalone_mode=False
        )

    return run


async def test_a_check_names_each_ledger_and_ends_with_9_where_a_row_was_changed(
    desk: Desk, tenant: UUID, database_url: str
) -> None:
    whole = await desk("selfcheck")
    with psycopg.connect(database_url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE ledger_entries SET subject = 'job_2' WHERE index = 7")
    broken = await desk("selfcheck", "--tenant", "acme")

    assert whole.return_value == 0, (whole.exception, whole.output)
    assert "ok    acme: 30 entries" in whole.stdout
    assert broken.return_value == 9
    assert "entry 7" in broken.stdout
    assert isinstance((await desk("selfcheck", "--tenant", "nobody")).exception, NotFound)


async def test_a_restore_is_adopted_with_a_reason_and_not_without(desk: Desk, tenant: UUID, tmp_path: Path) -> None:
    Marks(tmp_path / "marks").note({tenant: Mark(1, 100, bytes(32))})
    behind = await desk("selfcheck", "--tenant", "acme")
    assert behind.return_value == 9
    assert "has 30 entries, and 100 were signed" in behind.stdout
    assert isinstance((await desk("adopt-restore", "--reason", " ", "--yes")).exception, InvalidInput)

    adopted = await desk("adopt-restore", "--reason", "disk lost", "--ticket", "OPS-7", "--yes")

    assert adopted.exception is None, adopted.output
    assert "it goes on behind 100" in adopted.stdout
    assert (await desk("selfcheck")).return_value == 0
    again = await desk("adopt-restore", "--reason", "disk lost", "--yes")
    assert "Nothing was taken back." in again.output
