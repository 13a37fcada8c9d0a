"""
The database as the process sees it: a pool, and transactions for a tenant or for the system.

Opening fails with one sentence when PostgreSQL does not answer or refuses the login.  Losing the connection later
raises DatabaseUnavailable from the transaction; a commit whose answer was lost is for the caller to reconcile by id.
"""

from __future__ import annotations

import json
import select
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row, tuple_row
from psycopg.types.json import set_json_loads
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from lading.db.transaction import Role, Transaction, begin, begin_again, commit, session_options
from lading.errors import DatabaseBusy, DatabaseUnavailable, EnvironmentUnfit

# Both keepalives and tcp_user_timeout: each alone leaves a dead link unnoticed (idle LISTEN, or a query in flight).
CONNECT_OPTIONS: Final = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "application_name": "lading",
    "options": session_options(None),
}

_POOLED: Final = (
    "LADING_DATABASE_URL leads to a pooler, and hints, locks and prepared statements need sessions of their own; "
    "set it to the PostgreSQL itself, and the pooler's address as LADING_DATABASE_POOLER_URL."
)
_JSON: Final = json.JSONDecoder()
_BELIEVED_SECONDS: Final = 5.0
_RETURNED: Final[WeakKeyDictionary[psycopg.AsyncConnection[Any], float]] = WeakKeyDictionary()

# InternalError is how the server says that it ended our session in the middle, and that it has become a standby.
_AWAY: Final = (PoolTimeout, psycopg.OperationalError, psycopg.InternalError)


def _parse(data: str | bytes) -> Any:
    # json.loads looks for an encoding and for white space around the value, of which the database's JSON has none.
    return _JSON.raw_decode(data if isinstance(data, str) else str(data, "utf-8"))[0]


set_json_loads(_parse)


async def _note_return(connection: psycopg.AsyncConnection[Any]) -> None:
    _RETURNED[connection] = time.monotonic()


async def _check(connection: psycopg.AsyncConnection[Any]) -> None:
    # A round trip before each transaction costs more than some transactions.  One that has just worked is believed,
    # unless there is something to read on it, which between two transactions is the server's farewell.
    if time.monotonic() - _RETURNED.get(connection, 0.0) > _BELIEVED_SECONDS or _has_news(connection):
        await AsyncConnectionPool.check_connection(connection)


def _has_news(connection: psycopg.AsyncConnection[Any]) -> bool:
    looking = select.poll()
    looking.register(connection.fileno(), select.POLLIN)
    return bool(looking.poll(0))


class Database:
    """
    A pool of connections to Lading's own database.

    With a `role` its connections are for system transactions of that role alone, and for who does one thing again and
    again: nothing is set or looked at before each transaction, and every statement is prepared at its first use.  A
    connection that broke meanwhile is then noticed by its next transaction, as DatabaseUnavailable.

    With `is_pooled` the URL leads to a pooler that hands out a server session for each transaction (PgBouncer in
    transaction mode): nothing is kept in a session, neither settings nor prepared statements.
    """

    def __init__(
        self, url: str, *, size: int = 6, options: str = "", role: Role | None = None, is_pooled: bool = False
    ) -> None:
        self.url: Final = url
        self.tell: Callable[[str], None] | None = None
        """What wakes the hearers of a channel after a commit; nobody, until somebody sets it."""
        self._role: Final = role
        self._is_pooled: Final = is_pooled
        own = "" if role is None else f"-c role={role}"
        self._pool: Final[AsyncConnectionPool[psycopg.AsyncConnection[Any]]] = AsyncConnectionPool(
            url,
            min_size=1,
            max_size=size,
            open=False,
            timeout=10.0,
            max_idle=60.0,
            # The pause between its tries doubles; whoever waits for a connection soon makes it begin anew.
            reconnect_timeout=10.0,
            kwargs={
                **CONNECT_OPTIONS,
                # A pooler refuses options of a session that it does not know.
                "options": "" if is_pooled else f"{session_options(role)} {options} {own}",
                "prepare_threshold": None if is_pooled else 5 if role is None else 0,
                "row_factory": dict_row,
                "autocommit": True,
            },
            check=_check if role is None else None,
            reset=_note_return if role is None else None,
            name="lading",
        )

    async def open(self) -> None:
        """Open the pool; raise DatabaseUnavailable when no connection can be had."""
        try:
            await self._pool.open(wait=False)
            async with self._pool.connection(timeout=10.0) as connection:
                if not self._is_pooled:
                    await require_session(connection)
        except EnvironmentUnfit:
            await self._pool.close()
            raise
        except _AWAY as error:
            await self._pool.close()
            raise await _why(self.url, error) from error

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close()

    def tenant(self, tenant: UUID) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction that sees only `tenant`."""
        return self._transaction(Role.APP, tenant)

    def system(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a cross-tenant transaction for claims, rescues and key look-ups."""
        return self._transaction(Role.SYSTEM, None)

    def ledger(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a cross-tenant transaction for the ledger's integrator."""
        return self._transaction(Role.LEDGER, None)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        """Borrow a raw connection in autocommit (NOTIFY, health checks)."""
        try:
            async with self._pool.connection() as connection:
                yield connection
        except _AWAY as error:
            raise unavailable(self.url, error) from error

    @asynccontextmanager
    async def _transaction(self, role: Role, tenant: UUID | None) -> AsyncIterator[Transaction]:
        try:
            async with self._pool.connection() as connection:
                if self._role is not None:
                    if (role, tenant) != (self._role, None):
                        raise RuntimeError(f"this database is opened for system transactions as {self._role}")
                    tx = await begin_again(connection, role=role)
                    yield tx
                    await commit(tx)  # the pool rolls back
                else:
                    async with begin(connection, role=role, tenant=tenant, is_pooled=self._is_pooled) as tx:
                        yield tx
            if self.tell is not None:
                for channel in tx.hints:
                    self.tell(channel)
        except psycopg.errors.LockNotAvailable as error:
            raise DatabaseBusy("Another transaction held a lock for too long; try again.") from error
        except psycopg.errors.QueryCanceled as error:
            raise DatabaseBusy("The question took the database too long; narrow it and ask again.") from error
        except _AWAY as error:
            raise unavailable(self.url, error) from error


async def require_session(connection: psycopg.AsyncConnection[Any]) -> None:
    """
    Raise EnvironmentUnfit when a pooler stands between us and the server: sessions are not ours then.

    A pooler can't know at the login whose session will serve, so the process that it names is not the one that answers.
    """
    cursor = await connection.cursor(row_factory=tuple_row).execute("SELECT pg_backend_pid()")
    row = await cursor.fetchone()
    if row is not None and row[0] != connection.info.backend_pid:
        raise EnvironmentUnfit(_POOLED)


async def _why(url: str, error: Exception) -> EnvironmentUnfit:
    # A pooler that refuses our options looks like a server that is away; without options it says what it is.
    options: dict[str, Any] = {**CONNECT_OPTIONS, "options": ""}
    try:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True, **options) as connection:
            await require_session(connection)
    except psycopg.Error:
        pass
    except EnvironmentUnfit as pooled:
        return pooled
    return unavailable(url, error)


def unavailable(url: str, error: Exception) -> DatabaseUnavailable:
    """Return the sentence for a database that can't be used; the URL's password is not in it."""
    return DatabaseUnavailable(
        f"PostgreSQL at {describe(url)} can't be used: {_reason(error)}. "
        "Check that it runs and that LADING_DATABASE_URL is right."
    )


def _reason(error: Exception) -> str:
    # libpq puts a hint below its reason: "\tIs the server running on that host and accepting TCP/IP connections?"
    lines = [line for line in str(error).splitlines() if line.strip() and not line.startswith("\t")]
    return lines[-1].strip().rstrip(".?!") if lines else type(error).__name__


def describe(url: str) -> str:
    """
    Return host, port and database of a connection URL, without user or password.

    >>> describe("postgresql://u:secret@db.example.org:5433/lading")
    'db.example.org:5433/lading'
    """
    parts = conninfo_to_dict(url)
    return f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}/{parts.get('dbname', '')}"
