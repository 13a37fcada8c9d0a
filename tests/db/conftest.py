"""Make the app of `serving` available: what all tests of the API share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import psycopg
import pytest
from tests.folding import mismatches

import azure_server
import mariadb as mariadb_server
import object_server
from event_kinds import kinds_of
from serving import services, world

__all__ = ["services", "world"]


@pytest.fixture
def replayed(database_url: str) -> Iterator[None]:
    """Replay the ledger at the end of the test: it gives what the tables say of every job, export and run (A4)."""
    yield
    assert mismatches(database_url) == []


@pytest.fixture(scope="session")
def mariadb() -> Iterator[mariadb_server.MariaDb]:
    """A running MariaDB; the test is skipped, with how to have it, where it is not installed."""
    with mariadb_server.running() as server:
        yield server


@pytest.fixture(scope="session")
def bucket_server() -> Iterator[str]:
    """The URL of a server that answers like S3."""
    with object_server.running() as url:
        yield url


@pytest.fixture(scope="session")
def azure() -> Iterator[str]:
    """The URL of a server that answers like Azure Blob Storage; the test is skipped where it is not installed."""
    with azure_server.running() as url:
        yield url


@pytest.fixture(autouse=True)
def tells_its_kinds(request: pytest.FixtureRequest) -> Iterator[None]:
    """Hold a test to the kinds of ledger entries that `event_kinds` names it for."""
    expected = set(kinds_of(request.node.nodeid))
    url = request.getfixturevalue("database_url") if expected else ""
    yield
    if expected:
        with psycopg.connect(url) as connection:
            found = connection.execute(
                "SELECT type FROM ledger_pending UNION SELECT type FROM ledger_entries"
            ).fetchall()
        assert expected - {kind for (kind,) in found} == set()
