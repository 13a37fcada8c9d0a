"""
Bring the schema to the version this code knows; forward only.

One file `migrations/NNNN_name.sql` is one transaction; a session lock makes concurrent starts wait for each other.
Whoever works meanwhile is never held up for long: a statement that has waited for a table for LOCK_WAIT_SECONDS gives
up, its file is rolled back and tried again, until whoever reads has gone or PATIENCE_SECONDS are over.

A database that is ahead of the code, or whose applied files differ from ours, is refused before anything is touched;
but for files that say, in a line `-- beside: NNNN`, that code of schema NNNN and newer runs beside them.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final, LiteralString, TypeAlias

import psycopg

from lading.db.database import CONNECT_OPTIONS, require_session, unavailable
from lading.errors import DatabaseBusy, DatabaseTooNew, EnvironmentUnfit

LOCK_WAIT_SECONDS: Final = 0.2
PATIENCE_SECONDS: Final = 120.0
_LONGEST_PAUSE_SECONDS: Final = 2.0
_TURN_SECONDS: Final = 600
_LOCK: Final = 0x4C4144494E47  # "LADING"
_BESIDE: Final = re.compile(r"^-- beside: (\d{4})\b", re.MULTILINE)
# 0004 and 0005 went out twice; which of them let `destinations` be what matters no more: 0006 says it of all.
_EARLIER: Final = {
    4: bytes.fromhex("ab9ae987113aedb86e8b3456a8c5552facde21375519fa90918333a10be7cb73"),
    5: bytes.fromhex("b6ba59697e2aa1beb56dff5207b6803ab8fc489392f04eae7f050d46e1fccaa8"),
}
_TABLE: Final[LiteralString] = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version integer PRIMARY KEY,
    name text NOT NULL,
    digest bytea NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE schema_migrations ADD COLUMN IF NOT EXISTS beside integer
"""
_Connection: TypeAlias = psycopg.AsyncConnection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number, its name, its text."""

    version: int
    name: str
    text: str

    @property
    def digest(self) -> bytes:
        """Return the SHA-256 of the text."""
        return hashlib.sha256(self.text.encode()).digest()

    @property
    def beside(self) -> int | None:
        """Return the oldest schema whose code runs beside this one, None for none."""
        found = _BESIDE.search(self.text)
        return int(found[1]) if found else None


@dataclass(frozen=True, slots=True)
class Applied:
    """A migration that the database has."""

    digest: bytes
    beside: int | None


def known() -> tuple[Migration, ...]:
    """Return the migrations of this code, oldest first."""
    folder = files("lading.db") / "migrations"
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".sql"))
    return tuple(Migration(int(name[:4]), name[5:-4], (folder / name).read_text("utf-8")) for name in names)


async def migrate(
    url: str, *, files_known: Sequence[Migration] | None = None, patience_seconds: float = PATIENCE_SECONDS
) -> int:
    """
    Apply what is missing and return how many files were applied.

    Raises DatabaseBusy when a table could not be had within `patience_seconds`; what was applied before stays.
    """
    ours = known() if files_known is None else files_known
    async with await _connected(url) as connection:
        await _refuse_old_server(connection)
        # Another start may have much to apply; only its turn is waited for this long.
        await connection.execute(f"SET lock_timeout = '{_TURN_SECONDS}s'".encode())
        await connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        await connection.execute(f"SET lock_timeout = '{int(LOCK_WAIT_SECONDS * 1000)}ms'".encode())
        await connection.execute(_TABLE)
        applied = await _applied(connection)
        todo = pending(applied, ours)
        for migration in todo:
            await _apply_patiently(connection, migration, patience_seconds)
        await connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))
    return len(todo)


async def outstanding(url: str) -> int:
    """Return how many files `migrate` would apply, and apply none; raises like `migrate`."""
    async with await _connected(url) as connection:
        await _refuse_old_server(connection)
        try:
            return len(pending(await _applied(connection), known()))
        except psycopg.errors.UndefinedTable:
            return len(known())


def pending(applied: Mapping[int, Applied], ours: Sequence[Migration]) -> list[Migration]:
    """Return what of `ours` is still to apply; raise when the database is too far ahead or has another history."""
    mine = {migration.version: migration for migration in ours}
    newest = max(mine)
    for version, found in sorted(applied.items()):
        if version <= newest and found.digest not in {mine[version].digest, _EARLIER.get(version)}:
            raise EnvironmentUnfit(
                f"Migration {version:04d} in the database is not the one in this Lading; "
                "they are different builds. Start the build that made this database."
            )
        if version > newest and (found.beside is None or found.beside > newest):
            raise DatabaseTooNew(
                f"The database is at schema version {max(applied)}, this Lading knows {newest}; "
                "start the newer Lading, or restore a backup from before the upgrade."
            )
    return [migration for version, migration in sorted(mine.items()) if version not in applied]


async def _connected(url: str) -> _Connection:
    try:
        connection = await psycopg.AsyncConnection.connect(url, autocommit=True, **{**CONNECT_OPTIONS, "options": ""})  # pyright: ignore[reportArgumentType]
    except psycopg.OperationalError as error:
        raise unavailable(url, error) from error
    try:
        await require_session(connection)
    except EnvironmentUnfit:
        await connection.close()
        raise
    return connection


async def _refuse_old_server(connection: _Connection) -> None:
    version = connection.info.server_version
    if version < 150000:
        raise EnvironmentUnfit(f"PostgreSQL {version // 10000} is too old; Lading needs 15 or newer.")


async def _applied(connection: _Connection) -> dict[int, Applied]:
    # As JSON, because a database from before there was the column can be asked like any other.
    cursor = await connection.execute(
        "SELECT version, digest, (to_jsonb(applied) ->> 'beside')::integer FROM schema_migrations AS applied"
    )
    return {version: Applied(bytes(digest), beside) for version, digest, beside in await cursor.fetchall()}


async def _apply_patiently(connection: _Connection, migration: Migration, patience_seconds: float) -> None:
    clock = asyncio.get_running_loop().time
    deadline, pause = clock() + patience_seconds, LOCK_WAIT_SECONDS
    while True:
        try:
            await _apply(connection, migration)
            return
        except psycopg.errors.LockNotAvailable as error:
            if clock() > deadline:
                raise DatabaseBusy(
                    f"Migration {migration.version:04d} waits for a table that somebody reads or changes for long "
                    "(pg_stat_activity names who); let that end, then start again. Nothing of it was applied."
                ) from error
        # Longer than the wait: whoever queued behind it goes first.
        await asyncio.sleep(pause * random.uniform(1, 2))  # noqa: S311 - a pause, no secret
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


async def _apply(connection: _Connection, migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute(migration.text.encode())
        await connection.execute(
            "INSERT INTO schema_migrations (version, name, digest, beside) VALUES (%s, %s, %s, %s)",
            (migration.version, migration.name, migration.digest, migration.beside),
        )
