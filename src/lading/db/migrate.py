"""
Bring the schema to the version this code knows; forward only.

One file `migrations/NNNN_name.sql` is one transaction; a session lock makes concurrent starts wait for each other.
A database that is ahead of the code, or whose applied files differ from ours, is refused before anything is touched.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import Final, LiteralString

import psycopg

from lading.db.database import CONNECT_OPTIONS, unavailable
from lading.errors import DatabaseTooNew, EnvironmentUnfit

_LOCK: Final = 0x4C4144494E47  # "LADING"
_TABLE: Final[LiteralString] = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version integer PRIMARY KEY,
    name text NOT NULL,
    digest bytea NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


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


def known() -> tuple[Migration, ...]:
    """Return the migrations of this code, oldest first."""
    folder = files("lading.db") / "migrations"
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".sql"))
    return tuple(Migration(int(name[:4]), name[5:-4], (folder / name).read_text("utf-8")) for name in names)


async def migrate(url: str) -> int:
    """Apply what is missing and return how many files were applied."""
    try:
        connection = await psycopg.AsyncConnection.connect(
            url,
            autocommit=True,
            **{**CONNECT_OPTIONS, "options": "-c lock_timeout=10s"},  # pyright: ignore[reportArgumentType]
        )
    except psycopg.OperationalError as error:
        raise unavailable(url, error) from error
    async with connection:
        await _refuse_old_server(connection)
        await connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        await connection.execute(_TABLE)
        applied = await _applied(connection)
        todo = pending(applied)
        for migration in todo:
            await _apply(connection, migration)
        await connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))
    return len(todo)


def pending(applied: dict[int, bytes]) -> list[Migration]:
    """Return what is still to apply; raise when the database is ahead of this code or has another history."""
    ours = {migration.version: migration for migration in known()}
    newest = max(ours)
    ahead = [version for version in applied if version > newest]
    if ahead:
        raise DatabaseTooNew(
            f"The database is at schema version {max(ahead)}, this Lading knows {newest}; "
            "start the newer Lading, or restore a backup from before the upgrade."
        )
    for version, digest in applied.items():
        if ours[version].digest != digest:
            raise EnvironmentUnfit(
                f"Migration {version:04d} in the database is not the one in this Lading; "
                "they are different builds. Start the build that made this database."
            )
    return [migration for version, migration in sorted(ours.items()) if version not in applied]


async def _refuse_old_server(connection: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
    version = connection.info.server_version
    if version < 150000:
        raise EnvironmentUnfit(f"PostgreSQL {version // 10000} is too old; Lading needs 15 or newer.")


async def _applied(connection: psycopg.AsyncConnection[tuple[object, ...]]) -> dict[int, bytes]:
    cursor = await connection.execute("SELECT version, digest FROM schema_migrations")
    return {int(str(version)): bytes(digest) for version, digest in await cursor.fetchall()}  # pyright: ignore[reportArgumentType]


async def _apply(connection: psycopg.AsyncConnection[tuple[object, ...]], migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute(migration.text.encode())
        await connection.execute(
            "INSERT INTO schema_migrations (version, name, digest) VALUES (%s, %s, %s)",
            (migration.version, migration.name, migration.digest),
        )


async def outstanding(url: str) -> int:
    """Return how many files `migrate` would apply, and apply none; raises like `migrate`."""
    try:
        connection = await psycopg.AsyncConnection.connect(url, autocommit=True, **CONNECT_OPTIONS)  # pyright: ignore[reportArgumentType]
    except psycopg.OperationalError as error:
        raise unavailable(url, error) from error
    async with connection:
        await _refuse_old_server(connection)
        try:
            return len(pending(await _applied(connection)))
        except psycopg.errors.UndefinedTable:
            return len(known())
