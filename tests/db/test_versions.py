"""Who names a version gets that version, also while somebody removes the thing and makes it again."""  # E7

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID

import pytest
from psycopg.sql import SQL

from lading.db.database import Database
from lading.db.transaction import Row, Transaction
from lading.errors import PreconditionFailed
from lading.exports import destinations
from lading.ledger.entry import SYSTEM
from lading.sources import store as sources
from lading.tenants import store as tenants

pytestmark = pytest.mark.anyio


class Slow(Transaction):
    """Lets somebody else be faster, after its first look."""

    others: list[Callable[[], Awaitable[object]]] = []  # noqa: RUF012 - one test has one

    async def maybe(self, statement: SQL, /, **parameters: object) -> Row | None:
        row = await super().maybe(statement, **parameters)
        while self.others:
            await self.others.pop()()
        return row


@pytest.fixture
async def tenant(database: Database) -> UUID:
    async with database.system() as tx:
        return (await tenants.create_tenant(tx, "acme", name="acme", actor=SYSTEM)).id


@pytest.fixture
def roots(tmp_path: Path) -> list[Path]:
    return [tmp_path]


async def raced(
    database: Database,
    tenant: UUID,
    other: Callable[[Transaction], Awaitable[object]],
    mine: Callable[[Transaction], Awaitable[object]],
) -> None:
    async def faster() -> None:
        async with database.tenant(tenant) as tx:
            await other(tx)

    Slow.others.append(faster)
    with pytest.raises(PreconditionFailed, match="at version 1, not 3"):
        async with database.tenant(tenant) as tx:
            await mine(Slow(tx.connection, tx.role, tx.tenant_id, tx.now))


async def test_a_source_that_was_just_made_is_not_the_version_that_somebody_read(
    database: Database, tenant: UUID
) -> None:
    async def make(tx: Transaction) -> object:
        return await sources.register(tx, "x", credentials_ref="env:NEW", actor=SYSTEM)

    async def change(tx: Transaction) -> object:
        return await sources.register(tx, "x", credentials_ref="env:OLD", actor=SYSTEM, version=3)

    async def delete(tx: Transaction) -> object:
        return await sources.delete(tx, "y", actor=SYSTEM, reason="r", ticket=None, version=3)

    async def make_other(tx: Transaction) -> object:
        return await sources.register(tx, "y", credentials_ref="env:NEW", actor=SYSTEM)

    await raced(database, tenant, make, change)
    await raced(database, tenant, make_other, delete)


async def test_a_destination_that_was_just_made_is_not_the_version_that_somebody_read(
    database: Database, tenant: UUID, roots: list[Path]
) -> None:
    def settings(seconds: int) -> destinations.Settings:
        return destinations.Settings("directory", options={"path": str(roots[0])}, timeout_seconds=seconds)

    async def make(tx: Transaction) -> object:
        return await destinations.put(tx, "x", settings(7), roots=roots, actor=SYSTEM)

    async def change(tx: Transaction) -> object:
        return await destinations.put(tx, "x", settings(8), roots=roots, actor=SYSTEM, version=3)

    await raced(database, tenant, make, change)
