"""
Transactions: whose they are, as which role, at what time.

Each opens in one round trip that sets role and tenant for this transaction only (`SET LOCAL`), so nothing leaks
through a pooled connection, and reads the database's clock once: `Transaction.now` is the instant of the change.
Stores take a Transaction and never commit.  No network call, no file write inside one.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

import psycopg
from psycopg.adapt import Transformer
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, dict_row
from psycopg.sql import SQL, Composed, Literal

Row = Mapping[str, Any]
T = TypeVar("T")

# Sent as one text, which the server runs in one round trip; texts sent so have no parameters.
_OPEN: Final = SQL(
    "SELECT set_config('role', {role}, true), set_config('lading.tenant', {tenant}, true), lading_now() AS now"
    "{patience}"
)
_BEGIN: Final = SQL("BEGIN; ")
_OPEN_AGAIN: Final = SQL("BEGIN; SELECT lading_now() AS now")


class Role(StrEnum):
    """
    Database roles, all without BYPASSRLS.

    APP sees one tenant.  SYSTEM claims and rescues jobs over all tenants, and looks up keys.  LEDGER integrates.
    """

    APP = "lading_app"
    SYSTEM = "lading_system"
    LEDGER = "lading_ledger"


@dataclass(frozen=True, slots=True)
class Patience:
    """After what the server ends a statement, a wait for a lock and a transaction that does nothing."""

    statement_timeout: str
    lock_timeout: str
    idle_in_transaction_session_timeout: str

    def settings(self) -> Mapping[str, str]:
        """Return the settings of the server by name."""
        return asdict(self)


# APP: somebody waits for the answer.  SYSTEM: sweeps look at all tenants.  LEDGER: one works, the next waits its turn.
PATIENCE: Final[Mapping[Role, Patience]] = {
    Role.APP: Patience("30s", "10s", "15s"),
    Role.SYSTEM: Patience("60s", "10s", "15s"),
    Role.LEDGER: Patience("120s", "30s", "15s"),
}


def session_options(role: Role | None) -> str:
    """
    Return the options of a session for transactions as `role`, or as any.

    >>> session_options(Role.SYSTEM)
    '-c statement_timeout=60s -c lock_timeout=10s -c idle_in_transaction_session_timeout=15s'
    """
    return " ".join(f"-c {name}={value}" for name, value in PATIENCE[role or Role.APP].settings().items())


def _setting(patience: Patience, known: Mapping[str, str]) -> Composed:
    """Return what sets all that is not `known` to be set already, for this transaction."""
    named = {name: value for name, value in patience.settings().items() if known.get(name) != value}
    return SQL("").join(
        SQL(", set_config({}, {}, true)").format(Literal(name), Literal(value)) for name, value in named.items()
    )


_UNPOOLED: Final = {role: _setting(PATIENCE[role], PATIENCE[Role.APP].settings()) for role in Role}
# Through a pooler a session is somebody else's a moment later: nothing is known of it.
_POOLED: Final = {role: _setting(PATIENCE[role], {}) for role in Role}


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

    async def one_and_rows(
        self, one: tuple[SQL, Mapping[str, object]], maker: Callable[[Any], T], rows: tuple[SQL, Mapping[str, object]]
    ) -> tuple[Row, Rows[T]]:
        """Return the row of the one and all rows of the other statement, executed after it in the same round trip."""
        async with self.connection.pipeline():
            first = await self.connection.execute(*one)
            second = await self.connection.execute(*rows)
        row = await first.fetchone()
        if row is None:
            raise LookupError("the statement returned no row")
        assert second.pgresult is not None
        return row, Rows(self.connection, second.pgresult, maker)

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
    """Open a transaction on `connection`, in one round trip; commit at the end, roll back on any exception."""
    opening = _BEGIN + _opening(role, tenant, (_POOLED if is_pooled else _UNPOOLED)[role])
    try:
        tx = Transaction(connection, role, tenant, await _now(connection, opening))
        yield tx
        for statement, parameters in tx.deferred:
            await connection.execute(statement, parameters)
        _require_whole(connection)
        await connection.commit()
    except BaseException:
        # What went wrong is told; a connection that can't even roll back is broken, and its pool sees that.
        with contextlib.suppress(psycopg.Error):
            await connection.rollback()
        raise


@asynccontextmanager
async def within(connection: psycopg.AsyncConnection[Any], *, role: Role) -> AsyncIterator[Transaction]:
    """Go on as `role`, without a tenant, in a transaction of `connection` that somebody else began and ends."""
    tx = Transaction(connection, role, None, await _now(connection, _opening(role, None, SQL(""))))
    yield tx
    for statement, parameters in tx.deferred:
        await connection.execute(statement, parameters)


async def begin_again(connection: psycopg.AsyncConnection[Any], *, role: Role) -> Transaction:
    """Open a system transaction in one round trip on a connection whose session has the role; the caller ends it."""
    return Transaction(connection, role, None, await _now(connection, _OPEN_AGAIN))


async def commit(tx: Transaction) -> None:
    """Execute what was deferred, and commit, in one round trip."""
    _require_whole(tx.connection)
    async with tx.connection.pipeline():
        for statement, parameters in tx.deferred:
            await tx.connection.execute(statement, parameters)
        await tx.connection.commit()


def _require_whole(connection: psycopg.AsyncConnection[Any]) -> None:
    # Asked to commit what has failed the server rolls back, and that looks like success.
    if connection.info.transaction_status in {TransactionStatus.INERROR, TransactionStatus.IDLE}:
        raise RuntimeError("a statement of this transaction failed, or it was ended early; nothing of it is committed")


def _opening(role: Role, tenant: UUID | None, patience: SQL | Composed) -> Composed:
    shown = "" if tenant is None else str(tenant)
    return _OPEN.format(role=Literal(role.value), tenant=Literal(shown), patience=patience)


async def _now(connection: psycopg.AsyncConnection[Any], opening: SQL | Composed) -> datetime:
    """Execute the statements and return the `now` that one of them tells."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(opening, prepare=False)
        while cursor.description is None:
            cursor.nextset()
        row = await cursor.fetchone()
    assert row is not None
    return row["now"]
