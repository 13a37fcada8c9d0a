"""One signed value covers the ledgers of all tenants, and each can prove that its own is in it."""  # A1

from __future__ import annotations

import itertools
from uuid import UUID

import psycopg
import pytest
from tests.ledgers import SIGNER, TRUST, plant

from lading.db.database import Database
from lading.errors import NotFound
from lading.ledger import heads, instance, proofs, store, tiles
from lading.ledger.entry import SYSTEM, Entry
from lading.ledger.integrator import integrate
from lading_verify import layout, notes
from lading_verify.merkle import leaf_hash, root_of_path

pytestmark = pytest.mark.anyio


async def grow(database: Database, *tenants: UUID) -> None:
    for tenant in tenants:
        async with database.tenant(tenant) as tx:
            await store.record(tx, Entry("job.started", "job_1", SYSTEM))
    assert await integrate(database, SIGNER, origin_prefix="test") == len(tenants)


async def append(database: Database, seconds: float = 0) -> int:
    return await instance.append(database, SIGNER, origin_prefix="test", seconds=seconds)


async def test_heads_that_grew_are_appended_and_no_others(database: Database) -> None:
    acme, bolt = await plant(database, "acme"), await plant(database, "bolt")
    assert await append(database) == 0
    await grow(database, acme, bolt)

    assert await append(database) == 2
    assert await append(database) == 0
    await grow(database, bolt)
    assert await append(database, seconds=3600) == 0
    assert await append(database) == 1

    async with database.tenant(acme) as tx:
        head = await instance.head(tx)
    signed = heads.verify(head.note, TRUST)
    assert (signed.origin, signed.size, signed.root) == ("test/instance", 3, head.root)


async def test_a_tenant_proves_that_its_head_is_in_it(database: Database) -> None:
    acme, bolt = await plant(database, "acme"), await plant(database, "bolt")
    for _ in range(3):
        await grow(database, acme, bolt)
        await append(database)
    await grow(database, acme)

    async with database.tenant(acme) as tx:
        assert await instance.proof_of(tx, 4) is None
        assert (await instance.newest_size(tx), await instance.newest_size(tx, most=2)) == (3, 2)
        files = await instance.proof_of(tx, 2)
        leaf = leaf_hash(heads.signed_text(heads.Head("test/t/acme", 2, await tiles.root_at(tx, 2))).encode())
    assert files is not None
    proof = notes.read_proof(files[layout.INSTANCE_PROOF])
    assert root_of_path(leaf, proof.index, proof.note.head.size, proof.path) == proof.note.head.root
    assert heads.verify(files[layout.INSTANCE_HEAD].decode(), TRUST).root == proof.note.head.root

    await grow(database, acme, bolt)
    await append(database)
    async with database.tenant(acme) as tx:
        assert await instance.proof_of(tx, 2) == files  # the same, whenever a bundle is built


async def test_its_proofs_hold_at_every_size(database: Database, database_url: str) -> None:
    tenant = await plant(database, "acme")
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO tenants SELECT gen_random_uuid(), 'many-' || n, 'x' FROM generate_series(1, 700) AS n"
        )
        rows = connection.execute("SELECT tenant_id FROM tenants WHERE slug LIKE 'many-%'").fetchall()
    for part in (rows[:250], rows[250:260], rows[260:]):
        async with database.system() as tx:
            told = Entry("job.started", "job_1", SYSTEM)
            await store.record_all(tx, ((row[0], told) for row in part))
        await integrate(database, SIGNER, origin_prefix="test")
        await append(database)

    async with database.tenant(tenant) as tx:
        log = await instance.tree(tx)
        assert log.size == 700
        roots = {size: await tiles.root_at(tx, size, log=log) for size in (250, 256, 260, 512, 700)}
        assert roots[700] == (await instance.head(tx)).root
        for old, new in itertools.combinations_with_replacement(roots, 2):
            path = await tiles.consistency(tx, old, new, log=log)
            proofs.require_consistent(old, roots[old], new, roots[new], path)


async def test_a_tenant_sees_no_leaf_of_another(database: Database) -> None:
    acme, bolt = await plant(database, "acme"), await plant(database, "bolt")
    await grow(database, acme)
    await append(database)

    async with database.tenant(bolt) as tx:
        assert await instance.logged(tx) is None
        with pytest.raises(NotFound):
            await instance.proof_of(tx, 1)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with database.tenant(bolt) as tx:
            await tx.connection.execute("SELECT line FROM instance_leaves")


async def test_an_empty_log_is_not_found(database: Database) -> None:
    async with database.tenant(await plant(database, "acme")) as tx:
        for asked in (instance.tree(tx), instance.head(tx)):
            with pytest.raises(NotFound):
                await asked


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE instance_leaves SET line = line",
        "DELETE FROM instance_heads",
        "DELETE FROM logged_heads",
        "TRUNCATE instance_tiles",
        "UPDATE ledger_tiles SET root = root",
        "DELETE FROM ledger_tiles",
        "DELETE FROM ledger_trees",
        "TRUNCATE ledger_trees CASCADE",
        "UPDATE ledger_trees SET size = 0",
        "UPDATE ledger_trees SET origin = 'x'",
    ],
)
async def test_the_database_refuses_to_change_what_proves(database: Database, statement: str) -> None:
    acme = await plant(database, "acme")
    async with database.tenant(acme) as tx:
        await store.record(tx, *(Entry("job.started", "job_1", SYSTEM) for _ in range(256)))
    await integrate(database, SIGNER, origin_prefix="test")
    await append(database)

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with database.connection() as connection, connection.transaction():
            if "instance_tiles" in statement:
                await connection.execute("INSERT INTO instance_tiles VALUES (1, 1, 0, sha256('x'), NULL)")
            await connection.execute(statement.encode())
