"""What is proved from tiles is what the whole tree says, whatever its size and however it came to be."""  # A1

from __future__ import annotations

from uuid import UUID

import psycopg
import pytest
from tests.ledgers import SIGNER, plant, record

from lading.db.database import Database
from lading.errors import Conflict, NotFound
from lading.ledger import heads, proofs, store, tiles
from lading.ledger.integrator import fill_tiles, integrate
from lading.ledger.merkle import Frontier, root_of
from lading_verify.merkle import leaf_hash, root_of_path

pytestmark = pytest.mark.anyio


@pytest.fixture
async def tenant(database: Database) -> UUID:
    return await plant(database, "acme")


async def lines_of(database: Database, tenant: UUID) -> list[bytes]:
    lines: list[bytes] = []
    async with database.tenant(tenant) as tx:
        while page := await store.entries(tx, first=len(lines), limit=4096):
            lines += [bytes(each.line) for each in page]
    return lines


async def grow(database: Database, tenant: UUID, *batches: int) -> list[bytes]:
    """Write and integrate batches of these sizes; return the lines of the tree."""
    for count in batches:
        await record(database, tenant, count)
        assert await integrate(database, SIGNER, origin_prefix="test") == count
    return await lines_of(database, tenant)


def plant_untiled(url: str, tenant: UUID, count: int) -> list[bytes]:
    """A tree of `count` short entries from before there were tiles; its lines."""
    lines = [b"%06d" % number for number in range(count)]
    frontier = Frontier().extended(lines)
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO ledger_entries (tenant_id, index, subject, type, at, line) "
            "SELECT %s, n, 'job_1', 'job.started', now(), convert_to(lpad(n::text, 6, '0'), 'UTF8') "
            "FROM generate_series(0, %s - 1) AS n",
            (tenant, count),
        )
        connection.execute(
            "INSERT INTO ledger_trees (tenant_id, origin, size, frontier, root) VALUES (%s, 'test/t/acme', %s, %s, %s)",
            (tenant, count, frontier.pack(), frontier.root()),
        )
    return lines


async def require_proofs(database: Database, tenant: UUID, lines: list[bytes], sizes: list[int]) -> None:
    """Frontier, inclusion and consistency are right at these sizes."""
    async with database.tenant(tenant) as tx:
        log = await tiles.tree(tx)
        for size in sizes:
            frontier = Frontier().extended(lines[:size])
            assert await tiles.frontier_at(tx, size) == frontier
            for index in {0, 1, size // 3, size // 2, size - 2, size - 1} & set(range(size)):
                path = await tiles.inclusion(tx, index, size, log=log)
                assert root_of_path(leaf_hash(lines[index]), index, size, path) == frontier.root()
            for old in [each for each in sizes if each <= size]:
                path = await tiles.consistency(tx, old, size, log=log)
                proofs.require_consistent(old, root_of(lines[:old]), size, frontier.root(), path)


async def test_tiles_grow_with_the_tree_whatever_the_batches(database: Database, tenant: UUID) -> None:
    other = await plant(database, "bolt")
    lines = await grow(database, tenant, 1, 254, 1, 3, 600, 165, 256, 5)
    theirs = await grow(database, other, 300)

    await require_proofs(database, tenant, lines, [0, 1, 2, 255, 256, 257, 511, 512, 700, 1024, 1280, len(lines)])
    await require_proofs(database, other, theirs, [0, 256, 300])
    async with database.ledger() as tx:
        assert await tiles.fill(tx) == 0


async def test_a_head_signs_the_root_that_tiles_give(database: Database, tenant: UUID) -> None:
    await grow(database, tenant, 300, 400)

    async with database.tenant(tenant) as tx:
        head = await store.head(tx)
        assert head is not None
        assert heads.read(head.note).root == await tiles.root_at(tx, head.size)


async def test_entries_from_before_there_were_tiles_get_them_part_by_part(
    database: Database, database_url: str, tenant: UUID
) -> None:
    lines = plant_untiled(database_url, tenant, 66_000)
    async with database.tenant(tenant) as tx:
        with pytest.raises(Conflict, match="still being made"):
            await tiles.inclusion(tx, 5, 66_000)
    await grow(database, tenant, 10)  # beside a part that is missing still

    parts: list[int] = []
    while part := await fill_tiles(database):
        parts.append(part)
    lines = [*lines, *(await lines_of(database, tenant))[66_000:]]

    assert sum(parts) == 257 * 256
    assert max(parts) <= 64 * 256
    await require_proofs(database, tenant, lines, [0, 255, 256, 65_535, 65_536, 65_537, 65_792, 66_000, 66_010])
    await require_proofs(database, tenant, await grow(database, tenant, 250, 300), [66_560])


async def test_what_a_tree_has_not_is_not_found(database: Database, tenant: UUID) -> None:
    await grow(database, tenant, 300)

    async with database.tenant(tenant) as tx:
        log = await tiles.tree(tx)
        assert len(await tiles.hashes(tx, 0, 0, 256, log=log)) == 8192
        assert len(await tiles.hashes(tx, 0, 1, 44, log=log)) == 44 * 32
        assert len(await tiles.hashes(tx, 1, 0, 1, log=log)) == 32
        for asked in (
            tiles.inclusion(tx, 300, 300),
            tiles.inclusion(tx, 0, 301),
            tiles.consistency(tx, 5, 301),
            tiles.consistency(tx, 6, 5),
            tiles.frontier_at(tx, -1),
            tiles.hashes(tx, 0, 1, 45, log=log),
            tiles.hashes(tx, 0, 1, 257, log=log),
            tiles.hashes(tx, 1, 0, 2, log=log),
            tiles.tree(tx, epoch=2),
        ):
            with pytest.raises(NotFound):
                await asked


async def test_no_tenant_reads_anothers_tiles(database: Database, tenant: UUID) -> None:
    other = await plant(database, "bolt")
    await grow(database, tenant, 300)

    async with database.tenant(other) as tx:
        with pytest.raises(NotFound):
            await tiles.tree(tx)
        with pytest.raises(NotFound):
            await tiles.tree(tx, tenant=tenant)
        cursor = await tx.connection.execute("SELECT count(*) AS n FROM ledger_tiles")
        assert await cursor.fetchone() == {"n": 0}
