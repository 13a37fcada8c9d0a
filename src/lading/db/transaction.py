"""
Transactions: whose they are, as which role, at what time.

Each opens with one statement that sets role and tenant for this transaction only (`SET LOCAL`), so nothing leaks
through a pooled connection, and reads the database's clock once: `Transaction.now` is the instant of the change.
Stores take a Transaction and never commit.  No network call, no file write inside one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, LiteralString, TypeVar
from uuid import UUID

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg.sql import SQL

Row = Mapping[str, Any]
T = TypeVar("T")

_OPEN: Final[LiteralString] = (
    "SELECT set_config('role', %(role)s, true), set_config('lading.tenant', %(tenant)s, true), lading_now() AS now"
)
_OPEN_AGAIN: Final[LiteralString] = "BEGIN; SELECT lading_now() AS now"


class Role(StrEnum):
    """
    Database roles, all without BYPASSRLS.

    APP sees one tenant.  SYSTEM claims and rescues jobs over all tenants, and looks up keys.  LEDGER integrates.
    """

    APP = "lading_app"
    SYSTEM = "lading_system"
    LEDGER = "lading_ledger"


@dataclass(frozen=True, slots=True)
class Transaction:
    """An open transaction; `tenant_id` is None for the cross-tenant roles."""

    connection: psycopg.AsyncConnection[DictRow]
    role: Role
    tenant_id: UUID | None
    now: datetime

    @property
    def tenant(self) -> UUID:
        """Return the tenant this transaction is bound to."""
        if self.tenant_id is None:
            raise RuntimeError("this transaction is not bound to a tenant")
        return self.tenant_id

    async def run(self, statement: SQL, /, **parameters: object) -> int:
        """Execute `statement` and return the number of rows it touched."""
        cursor = await self.connection.execute(statement, parameters)
        return cursor.rowcount

    async def all(self, statement: SQL, /, **parameters: object) -> Sequence[Row]:
        """Return every row."""
        cursor = await self.connection.execute(statement, parameters)
        return await cursor.fetchall()

    async def each(self, maker: Callable[[Sequence[Any]], T], statement: SQL, /, **parameters: object) -> list[T]:
        """Return what `maker` makes of every row, given its values in order: for rows by the thousand."""
        cursor = self.connection.cursor(row_factory=lambda _: maker)
        return await (await cursor.execute(statement, parameters)).fetchall()

    async def maybe(self, statement: SQL, /, **parameters: object) -> Row | None:
        """Return the first row, or None."""
        cursor = await self.connection.execute(statement, parameters)
        return await cursor.fetchone()

    async def one(self, statement: SQL, /, **parameters: object) -> Row:
        """Return the row that is known to exist."""
        row = await self.maybe(statement, **parameters)
        if row is None:
            raise LookupError("the statement returned no row")
        return row


@asynccontextmanager
async def begin(
    connection: psycopg.AsyncConnection[Any], *, role: Role, tenant: UUID | None
) -> AsyncIterator[Transaction]:
    """Open a transaction on `connection`; commit at the end, roll back on any exception."""
    async with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_OPEN, {"role": role.value, "tenant": "" if tenant is None else str(tenant)})
        row = await cursor.fetchone()
        assert row is not None
        yield Transaction(connection, role, tenant, row["now"])


async def begin_again(connection: psycopg.AsyncConnection[Any], *, role: Role) -> Transaction:
    """Open a system transaction in one round trip on a connection whose session has the role; the caller ends it."""
    cursor = await connection.execute(_OPEN_AGAIN, prepare=False)
    cursor.nextset()
    row = await cursor.fetchone()
    assert row is not None
    return Transaction(connection, role, None, row["now"])
