"""Old entries go, by one way only; every proof stays valid, and nothing goes that something needs."""  # A1, E8

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.sql import SQL
from tests.ledgers import TRUST, grow, plant, signed

from lading.db.database import Database
from lading.ledger import proofs, pruning, selfcheck, store, tiles
from lading.ledger.merkle import Frontier, root_of
from lading.ledger.offline import verify_lines
from lading_verify.merkle import leaf_hash, root_of_path
from serving import World

pytestmark = pytest.mark.anyio


async def grown(database: Database, tenant: UUID, count: int) -> list[bytes]:
    await grow(database, tenant, count)
    async with database.tenant(tenant) as tx:
        return [bytes(each.line) for each in await store.entries(tx, first=0, limit=4096)]


@pytest.fixture
async def tenant(database: Database) -> UUID:
    return await plant(database)


async def later(database: Database, url: str) -> Database:
    """The same database, a hundred days later."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT (now() + interval '100 days')::text").fetchone()
    assert row is not None
    opened = Database(url, options=f"-c lading.now={str(row[0]).replace(' ', 'T')}")
    await opened.open()
    return opened


async def test_what_is_old_goes_and_every_proof_stays(database: Database, database_url: str, tenant: UUID) -> None:
    lines = await grown(database, tenant, 700)
    future = await later(database, database_url)
    try:
        assert await pruning.prune(future, days=0) == 0
        assert await pruning.prune(future, days=101) == 0
        assert await pruning.prune(future, days=30) == 512
        assert await pruning.prune(future, days=30) == 0
    finally:
        await future.close()
    await signed(database, is_logged=False)

    async with database.tenant(tenant) as tx:
        kept = await store.entries(tx, first=0, limit=4096)
        log, head = await tiles.tree(tx), await store.head(tx)
        assert ([each.index for each in kept], log.min_index) == (list(range(512, 701)), 512)
        assert head is not None
        for index in (0, 300, 511, 512, 699):
            path = await tiles.inclusion(tx, index, 700, log=log)
            assert root_of_path(leaf_hash(lines[index]), index, 700, path) == root_of(lines)
        path = await tiles.consistency(tx, 300, 700, log=log)
        with pytest.raises(ValueError, match="is not the beginning"):
            proofs.require_consistent(299, root_of(lines[:299]), 700, root_of(lines), path)
        start = await tiles.frontier_at(tx, 512, log=log)
    assert start == Frontier().extended(lines[:512])
    assert verify_lines([bytes(each.line) for each in kept], head.note, TRUST, start=start).size == 701
    assert b'"ledger.pruned"' in bytes(kept[-1].line)
    assert (await selfcheck.check(database, tenant, "acme", TRUST)).fault is None


@pytest.mark.parametrize("who", ["owner", "ledger", "app"])
async def test_nothing_else_can_be_deleted(database: Database, database_url: str, tenant: UUID, who: str) -> None:
    await grow(database, tenant, 600)
    future = await later(database, database_url)
    await pruning.prune(future, days=30)
    await future.close()

    for statement in (
        b"DELETE FROM ledger_entries WHERE index = 512", b"DELETE FROM ledger_entries",
        b"UPDATE ledger_trees SET min_index = 0", b"UPDATE ledger_trees SET min_index = 100000",
        b"DELETE FROM ledger_tiles", b"TRUNCATE ledger_entries",
    ):  # fmt: skip
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.CheckViolation)):
            if who == "owner":
                async with database.connection() as connection:
                    await connection.execute(statement)
            else:
                async with database.ledger() if who == "ledger" else database.tenant(tenant) as tx:
                    await tx.connection.execute(statement)


async def test_what_something_needs_stays(world: World, database_url: str) -> None:
    database, tenant = world.services.database, world.organisations["nordlys"].id
    await grow(database, tenant, 600)
    future = await later(database, database_url)

    async def pruned() -> int:
        return await pruning.prune(future, days=30)

    async def change(statement: str) -> None:
        async with database.connection() as connection:
            await connection.execute(SQL(statement), {"tenant": tenant})

    try:
        export_id = (await world.export())["id"]
        await change("UPDATE exports SET created_at = created_at - interval '1 day' WHERE tenant_id = %(tenant)s")
        assert await pruned() == 0, "an export that is not over"
        assert (await world.ask("POST", f"/api/v1/exports/{export_id}/cancel")).status_code < 300
        held: Any = await world.ask("POST", "/api/v1/holds", json={"export": export_id, "reason": "court"})
        assert held.status_code < 300, held.text
        assert await pruned() == 0, "a hold"
        await change(
            "UPDATE holds SET lifted_at = now(), lifted_by = 'x', lift_reason = 'over' WHERE tenant_id = %(tenant)s"
        )
        assert await pruned() == 512
    finally:
        await future.close()
    answer = await world.ask("GET", "/api/v1/ledger/entries", params={"first": 0})
    gone = {"from": "2020-01-01T00:00:00Z", "to": "2020-02-01T00:00:00Z"}
    assert answer.status_code == 410
    assert (await world.ask("GET", "/api/v1/ledger/extract", params=gone)).status_code == 410
    assert (await world.ask("GET", "/api/v1/ledger/entries", params={"first": 512})).status_code == 200
    assert (await world.ask("GET", "/api/v1/ledger/log/tile/entries/000")).status_code == 410
    assert (await world.ask("GET", "/api/v1/ledger/log/tile/0/000")).status_code == 200
