"""Make the app of `serving` available: what all tests of the API share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import pytest

import mariadb as mariadb_server
from serving import services, world

__all__ = ["services", "world"]


@pytest.fixture(scope="session")
def mariadb() -> Iterator[mariadb_server.MariaDb]:
    """A running MariaDB; the test is skipped, with how to have it, where it is not installed."""
    with mariadb_server.running() as server:
        yield server
