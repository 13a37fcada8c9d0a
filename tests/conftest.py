"""
What every test may ask for: a real PostgreSQL, an own migrated database, an open pool.

The server is started once per test session in a temporary directory; each `database_url` is a fresh database made
from a migrated template, so tests never see each other's rows.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from lading.db.database import Database
from lading.db.embedded import EmbeddedServer
from lading.db.migrate import migrate

_numbers = itertools.count()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    """A running PostgreSQL with a database `lading` that is migrated and otherwise empty (the template)."""
    with tempfile.TemporaryDirectory(prefix="lading-test-") as folder:
        embedded = EmbeddedServer(Path(folder) / "pg")
        embedded.start()
        try:
            asyncio.run(migrate(embedded.url()))
            yield embedded
        finally:
            embedded.stop()


@contextmanager
def fresh_database(server: EmbeddedServer) -> Iterator[str]:
    """Give the URL of a fresh, migrated database and drop it at the end."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {} TEMPLATE lading").format(Identifier(name)))
    yield server.url(name)
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@pytest.fixture
def database_url(server: EmbeddedServer) -> Iterator[str]:
    """The URL of a fresh, migrated database."""
    with fresh_database(server) as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An open pool on a fresh, migrated database."""
    pool = Database(database_url)
    await pool.open()
    yield pool
    await pool.close()
