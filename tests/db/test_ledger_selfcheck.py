"""Whatever is changed in the rows of a ledger by whoever may change them, the check finds it."""  # A1

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg
import pytest
from tests.ledgers import TRUST, grow, plant

from lading.db.database import Database
from lading.ledger import selfcheck, tiles

pytestmark = pytest.mark.anyio
ENTRIES = 600


@pytest.fixture
async def tenant(database: Database) -> UUID:
    tenant = await plant(database, "acme")
    other = await plant(database, "bolt")
    for count in (100, 300, 200):
        await grow(database, tenant, count)
        await grow(database, other, 5)
    return tenant


async def fault(database: Database, tenant: UUID) -> str | None:
    return (await selfcheck.check(database, tenant, "acme", TRUST)).fault


def tamper(url: str, *statements: str) -> None:
    """Do what a superuser can do."""
    with psycopg.connect(url) as connection:
        connection.execute("SET session_replication_role = replica")  # no trigger fires, no key is checked
        for statement in statements:
            assert connection.execute(statement.encode()).rowcount > 0, statement


_TABLES = (
    "ledger_entries", "ledger_trees", "ledger_tiles", "signed_heads", "logged_heads", "instance_log",
    "instance_leaves", "instance_heads", "instance_tiles",
)  # fmt: skip


@contextmanager
def kept(url: str) -> Iterator[Callable[[], None]]:
    """Give what puts the rows of the ledger back as they are now."""
    with psycopg.connect(url, autocommit=True) as connection:
        for table in _TABLES:
            connection.execute(f"CREATE TEMP TABLE kept_{table} AS TABLE {table}".encode())
        connection.execute("SET session_replication_role = replica")

        def restore() -> None:
            with connection.transaction():
                for table in _TABLES:
                    connection.execute(f"DELETE FROM {table}".encode())
                    connection.execute(f"INSERT INTO {table} SELECT * FROM kept_{table}".encode())

        yield restore


async def test_a_ledger_that_nobody_touched_is_whole(database: Database, tenant: UUID) -> None:
    found = await selfcheck.check(database, tenant, "acme", TRUST)

    assert (found.fault, found.size, found.entries) == (None, ENTRIES, ENTRIES)
    assert await selfcheck.check_instance(database, TRUST) is None
    each = [one async for one in selfcheck.check_all(database, TRUST)]
    assert {one.slug: one.fault for one in each} == {"acme": None, "bolt": None, "instance": None}
    async with database.tenant(tenant) as tx:
        cursor = await tx.connection.execute("SELECT size, fault FROM ledger_checks")
        assert await cursor.fetchone() == {"size": ENTRIES, "fault": None}


_MINE = "tenant_id = (SELECT tenant_id FROM tenants WHERE slug = 'acme')"
_OTHER = "(SELECT tenant_id FROM tenants WHERE slug = 'bolt')"
# Every column of every table of the ledger, but when a head was signed and an epoch closed, which nothing else says.
CHANGES = [
    f"UPDATE ledger_entries SET tenant_id = {_OTHER}, index = 1000 WHERE {_MINE} AND index = 7",
    f"UPDATE ledger_entries SET index = 10000 WHERE {_MINE} AND index = 599",
    f"UPDATE ledger_entries SET subject = 'job_2' WHERE {_MINE} AND index = 300",
    f"UPDATE ledger_entries SET type = 'job.ended' WHERE {_MINE} AND index = 300",
    f"UPDATE ledger_entries SET at = at + interval '1 microsecond' WHERE {_MINE} AND index = 300",
    f"UPDATE ledger_entries SET line = set_byte(line, 40, get_byte(line, 40) # 1) WHERE {_MINE} AND index = 300",
    (
        f"UPDATE ledger_entries SET line = replace(convert_from(line, 'UTF8'), '\"n\":1', '\"n\":2')::bytea "
        f"WHERE {_MINE} AND index = 599"
    ),
    f"UPDATE ledger_entries SET line = '{{}}' WHERE {_MINE} AND index = 0",
    f"DELETE FROM ledger_entries WHERE {_MINE} AND index = 0",
    f"DELETE FROM ledger_entries WHERE {_MINE} AND index = 300",
    f"DELETE FROM ledger_entries WHERE {_MINE} AND index = 599",
    f"DELETE FROM ledger_entries WHERE {_MINE}",
    f"UPDATE ledger_trees SET tenant_id = gen_random_uuid() WHERE {_MINE}",
    f"UPDATE ledger_trees SET origin = 'test/t/acne' WHERE {_MINE}",
    f"UPDATE ledger_trees SET size = 400 WHERE {_MINE}",
    f"UPDATE ledger_trees SET size = 601 WHERE {_MINE}",
    f"UPDATE ledger_trees SET frontier = set_byte(frontier, 0, get_byte(frontier, 0) # 1) WHERE {_MINE}",
    f"UPDATE ledger_trees SET root = sha256('x') WHERE {_MINE}",
    f"UPDATE ledger_trees SET epoch = 2 WHERE {_MINE}",
    f"UPDATE ledger_trees SET base = 1 WHERE {_MINE}",
    f"UPDATE ledger_trees SET tiled = 768 WHERE {_MINE}",
    f"UPDATE ledger_trees SET min_index = 256 WHERE {_MINE}",
    f"DELETE FROM ledger_trees WHERE {_MINE}",
    f"UPDATE ledger_tiles SET n = 7 WHERE {_MINE} AND n = 1",
    f"UPDATE ledger_tiles SET epoch = 2 WHERE {_MINE} AND n = 1",
    f"UPDATE ledger_tiles SET level = 1, hashes = NULL WHERE {_MINE} AND n = 1",
    f"UPDATE ledger_tiles SET root = sha256('x') WHERE {_MINE} AND n = 1",
    f"UPDATE ledger_tiles SET hashes = set_byte(hashes, 8191, get_byte(hashes, 8191) # 1) WHERE {_MINE} AND n = 1",
    f"DELETE FROM ledger_tiles WHERE {_MINE} AND n = 0",
    f"INSERT INTO ledger_tiles SELECT tenant_id, 1, 1, 0, root FROM ledger_tiles WHERE {_MINE} AND n = 0",
    f"UPDATE signed_heads SET tenant_id = {_OTHER} WHERE {_MINE} AND size = 100",
    f"UPDATE signed_heads SET size = 101 WHERE {_MINE} AND size = 100",
    f"UPDATE signed_heads SET root = sha256('x') WHERE {_MINE} AND size = 400",
    f"UPDATE signed_heads SET note = replace(note, '400', '401') WHERE {_MINE} AND size = 400",
    (
        f"UPDATE signed_heads SET note = (SELECT note FROM signed_heads WHERE {_MINE} AND size = 100) "
        f"WHERE {_MINE} AND size = 400"
    ),
    f"DELETE FROM signed_heads WHERE {_MINE} AND size = 600",
    f"DELETE FROM signed_heads WHERE {_MINE}",
    f"UPDATE logged_heads SET size = 399 WHERE {_MINE} AND size = 400",
    f"UPDATE logged_heads SET index = index + 1 WHERE {_MINE} AND size = 400",
    f"UPDATE logged_heads SET index = 100 WHERE {_MINE} AND size = 400",
]


async def test_every_change_of_a_row_is_found(database: Database, database_url: str, tenant: UUID) -> None:
    missed: list[str] = []
    with kept(database_url) as restore:
        for change in CHANGES:
            tamper(database_url, change)
            if not [each async for each in selfcheck.check_all(database, TRUST) if each.fault is not None]:
                missed.append(change)
            restore()

    assert missed == []
    assert await fault(database, tenant) is None  # what was restored is whole: each change was found by itself


INSTANCE_CHANGES = [
    "UPDATE instance_leaves SET index = 70 WHERE index = 3",
    "UPDATE instance_leaves SET line = line || 'x' WHERE index = 3",
    "UPDATE instance_leaves SET hash = sha256('x') WHERE index = 3",
    "UPDATE instance_leaves SET line = line || 'x', hash = sha256('\\x00'::bytea || line || 'x') WHERE index = 3",
    "DELETE FROM instance_leaves WHERE index = 5",
    "DELETE FROM instance_leaves",
    "UPDATE instance_log SET origin = 'x'",
    "UPDATE instance_log SET size = size - 1",
    "UPDATE instance_log SET size = size + 1",
    "UPDATE instance_log SET base = 1",
    "UPDATE instance_log SET tiled = 256",
    "UPDATE instance_log SET frontier = set_byte(frontier, 0, get_byte(frontier, 0) # 1)",
    "UPDATE instance_log SET root = sha256('x')",
    "DELETE FROM instance_log",
    "UPDATE instance_heads SET size = size + 100 WHERE size = 3",
    "UPDATE instance_heads SET root = sha256('x') WHERE size = 3",
    "UPDATE instance_heads SET note = replace(note, 'test', 'tost') WHERE size = 3",
    "DELETE FROM instance_heads WHERE size = 6",
    "INSERT INTO instance_tiles VALUES (1, 1, 0, sha256('x'))",
]


async def test_every_change_of_the_instances_log_is_found(database: Database, database_url: str, tenant: UUID) -> None:
    missed: list[str] = []
    with kept(database_url) as restore:
        for change in INSTANCE_CHANGES:
            tamper(database_url, change)
            if await selfcheck.check_instance(database, TRUST) is None:
                missed.append(change)
            restore()

    assert missed == []
    assert await selfcheck.check_instance(database, TRUST) is None


async def test_entries_that_changed_places_are_found(database: Database, database_url: str, tenant: UUID) -> None:
    tamper(
        database_url,
        f"UPDATE ledger_entries SET index = 9000 WHERE {_MINE} AND index = 500",
        f"UPDATE ledger_entries SET index = 500 WHERE {_MINE} AND index = 501",
        f"UPDATE ledger_entries SET index = 501 WHERE {_MINE} AND index = 9000",
    )

    assert await fault(database, tenant) is not None


async def test_a_ledger_cut_with_all_that_hangs_on_it_is_found_by_the_log_of_the_instance(
    database: Database, database_url: str, tenant: UUID
) -> None:

    async with database.tenant(tenant) as tx:
        before = await tiles.frontier_at(tx, 400)
    tamper(
        database_url,
        f"DELETE FROM ledger_entries WHERE {_MINE} AND index >= 400",
        f"DELETE FROM ledger_tiles WHERE {_MINE} AND n >= 1",
        f"DELETE FROM signed_heads WHERE {_MINE} AND size > 400",
        f"UPDATE ledger_trees SET size = 400, tiled = 256, frontier = '\\x{before.pack().hex()}', "
        f"root = '\\x{before.root().hex()}' WHERE {_MINE}",
    )

    assert "instance's log knows of more" in (await fault(database, tenant) or "")
