"""
Transactions: whose they are, as which role, at what time.

Each opens with one statement that sets role and tenant for this transaction only (`SET LOCAL`), so nothing leaks
through a pooled connection, and reads the database's clock once: `Transaction.now` is the instant of the change.
Stores take a Transaction and never commit.  No network call, no file write inside one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Generic, LiteralString, TypeVar
from uuid import UUID

import psycopg
from psycopg.adapt import Transformer
from psycopg.rows import DictRow, dict_row
from psycopg.sql import SQL

Row = Mapping[str, Any]
T = TypeVar("T")

_OPEN: Final[LiteralString] = (
    "SELECT set_config('role', %(role)s, true), set_config('lading.tenant', %(tenant)s, true), lading_now() AS now"
)
# Through a pooler a session is somebody else's a moment later: what CONNECT_OPTIONS sets for it is set here each time.
_OPEN_POOLED: Final[LiteralString] = (
    f"{_OPEN}, set_config('statement_timeout', '30s', true), set_config('lock_timeout', '10s', true), "
    "set_config('idle_in_transaction_session_timeout', '15s', true)"
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


class Rows(Generic[T]):
    """Rows by the thousand, as they came; values are made of them when there is time, also after the commit."""

    def __init__(
        self, connection: psycopg.AsyncConnection[Any], result: psycopg.pq.abc.PGresult, maker: Callable[[Any], T]
    ) -> None:
        self._connection: Final = connection
        self._result: Final = result
        self._maker: Final = maker

    def __len__(self) -> int:
        return self._result.ntuples

    def column(self, place: int) -> list[bytes]:
        """Return the texts of the column at that place, none of which is NULL."""
        given = self._result.get_value
        return [given(row, place) or b"" for row in range(self._result.ntuples)]

    def values(self, size: int | None = None) -> Iterator[list[T]]:
        """Yield what the maker makes of every row, given its values in order; of `size` rows at a time."""
        transformer, count = Transformer(self._connection), self._result.ntuples
        transformer.set_pgresult(self._result)
        for first in range(0, count, size or count or 1):
            yield transformer.load_rows(first, min(count, first + (size or count)), self._maker)


@dataclass(frozen=True, slots=True)
class Transaction:
    """
    An open transaction; `tenant_id` is None for the cross-tenant roles.

    `hints` are the channels whose hearers look again when it has committed (`Database.tell`).
    """

    connection: psycopg.AsyncConnection[DictRow]
    role: Role
    tenant_id: UUID | None
    now: datetime
    hints: set[str] = field(default_factory=set[str])
    deferred: list[tuple[SQL, Mapping[str, object]]] = field(default_factory=list[tuple[SQL, Mapping[str, object]]])

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

    def defer(self, statement: SQL, /, **parameters: object) -> None:
        """Execute `statement` at the end, in one round trip with the commit: whoever waits for our locks waits less."""
        self.deferred.append((statement, parameters))

    async def rows(self, maker: Callable[[Any], T], statement: SQL, /, **parameters: object) -> Rows[T]:
        """Return every row as it came."""
        cursor = await self.connection.execute(statement, parameters)
        assert cursor.pgresult is not None
        return Rows(self.connection, cursor.pgresult, maker)

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
    connection: psycopg.AsyncConnection[Any], *, role: Role, tenant: UUID | None, is_pooled: bool = False
) -> AsyncIterator[Transaction]:
    """Open a transaction on `connection`; commit at the end, roll back on any exception."""
    opening = _OPEN_POOLED if is_pooled else _OPEN
    async with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(opening, {"role": role.value, "tenant": "" if tenant is None else str(tenant)})
        row = await cursor.fetchone()
        assert row is not None
        tx = Transaction(connection, role, tenant, row["now"])
        yield tx
        for statement, parameters in tx.deferred:
            await connection.execute(statement, parameters)


async def begin_again(connection: psycopg.AsyncConnection[Any], *, role: Role) -> Transaction:
    """Open a system transaction in one round trip on a connection whose session has the role; the caller ends it."""
    cursor = await connection.execute(_OPEN_AGAIN, prepare=False)
    cursor.nextset()
    row = await cursor.fetchone()
    assert row is not None
    return Transaction(connection, role, None, row["now"])


async def commit(tx: Transaction) -> None:
    """Execute what was deferred, and commit, in one round trip."""
    async with tx.connection.pipeline():
        for statement, parameters in tx.deferred:
            await tx.connection.execute(statement, parameters)
        await tx.connection.commit()
