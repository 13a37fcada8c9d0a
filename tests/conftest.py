"""
What every test may ask for: a real PostgreSQL, an own migrated database, an open pool.

The server is started once per test session in a temporary directory; each `database_url` is a fresh database made
from a migrated template, so tests never see each other's rows.  LADING_TEST_DATABASE_URL names the empty database
`lading` of another server to be tested on.

Temporary files lie in memory where there is much of it: a disk that others use too makes tests ten times as slow.
TMPDIR chooses another place.  What a killed run left there is removed by the next one (`leftovers`).
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier, Literal

from lading.db.database import Database
from lading.db.embedded import EmbeddedServer
from lading.db.migrate import migrate
from tests import leftovers

_numbers = itertools.count()
_admins: dict[str, psycopg.Connection[tuple[object, ...]]] = {}
_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 4 << 30
_ROOT = "PYTEST_DEBUG_TEMPROOT"  # where pytest makes its own directories, which outlive a run that failed
_RUN = pytest.StashKey[leftovers.Run]()
# What a power cut would lose is not missed in a test; statements and rows are the same.
_HURRIED = ("fsync = off", "full_page_writes = off", "synchronous_commit = off", "authentication_timeout = '10s'")

# A session that the server ends because its client got no processor for 15 s is no finding.
PATIENT = "-c statement_timeout=120s -c lock_timeout=60s -c idle_in_transaction_session_timeout=120s"


def _root() -> Path:
    """Return where temporary files of tests lie: in memory if it has room and nobody chose a place."""
    if chosen := os.environ.get(_ROOT):  # by the process that started this one to run a part of the tests
        return Path(chosen)
    has_room = os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM_BYTES
    return _MEMORY if has_room and "TMPDIR" not in os.environ else Path(tempfile.gettempdir())


def pytest_configure(config: pytest.Config) -> None:
    """Remove what killed runs left, and give this process a folder that the next run would remove."""
    root = _root()
    if not hasattr(config, "workerinput"):
        leftovers.sweep(root)
    run = config.stash[_RUN] = leftovers.begin(root)
    os.environ |= {_ROOT: str(root), leftovers.MARK: str(run.folder), "TMPDIR": str(run.folder)}
    os.environ["XDG_STATE_HOME"] = str(run.folder / "state")  # what commands keep for whoever types them
    tempfile.tempdir = str(run.folder)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the folder, and say what tests left running."""
    for command in config.stash[_RUN].end():
        sys.stderr.write(f"\nA test left a process running; it was killed: {command}\n")


@pytest.fixture(scope="session", autouse=True)
def _base(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> None:
    pytestconfig.stash[_RUN].keep_base(tmp_path_factory.getbasetemp())


if "CI" not in os.environ:  # there hypothesis has a profile of its own, which does the same and invents nothing new
    settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("here")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@dataclass(frozen=True)
class GivenServer:
    """A PostgreSQL that somebody else runs."""

    address: str

    def url(self, database: str = "lading") -> str:
        return urlsplit(self.address)._replace(path=f"/{database}").geturl()


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer | GivenServer]:
    """A running PostgreSQL with a database `lading` that is migrated and otherwise empty (the template)."""
    if given := os.environ.get("LADING_TEST_DATABASE_URL"):
        asyncio.run(migrate(given))
        yield GivenServer(given)
        return
    with tempfile.TemporaryDirectory(prefix="server-") as folder:
        embedded = EmbeddedServer(Path(folder) / "pg")
        embedded.start()
        try:
            with psycopg.connect(embedded.url("postgres"), autocommit=True) as connection:
                for setting in _HURRIED:
                    connection.execute(SQL("ALTER SYSTEM SET " + setting))
                connection.execute("SELECT pg_reload_conf()")
                # The password again, with one iteration: 4096 of them cost more than the rest of a login.
                connection.execute("SET scram_iterations = 1")
                password = conninfo_to_dict(embedded.url())["password"]
                connection.execute(SQL("ALTER ROLE lading PASSWORD {}").format(Literal(password)))
            asyncio.run(migrate(embedded.url()))
            yield embedded
        finally:
            with suppress(psycopg.Error):
                _admin(embedded.url("postgres")).close()
            embedded.stop()


def _admin(url: str) -> psycopg.Connection[tuple[object, ...]]:
    # One login for all tests: it takes as long as making a database.
    with suppress(KeyError, psycopg.OperationalError):
        _admins[url].execute("SELECT")
        return _admins[url]
    _admins[url] = psycopg.connect(url, autocommit=True)
    return _admins[url]


@contextmanager
def fresh_database(server: EmbeddedServer | GivenServer) -> Iterator[str]:
    """Give the URL of a fresh, migrated database and drop it at the end."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    _admin(server.url("postgres")).execute(
        SQL("CREATE DATABASE {} TEMPLATE lading STRATEGY FILE_COPY").format(Identifier(name))
    )
    yield server.url(name)
    _admin(server.url("postgres")).execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@pytest.fixture
def database_url(server: EmbeddedServer) -> Iterator[str]:
    """The URL of a fresh, migrated database."""
    with fresh_database(server) as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An open pool on a fresh, migrated database."""
    pool = Database(database_url, options=PATIENT)
    await pool.open()
    yield pool
    await pool.close()
