"""In somebody else's PostgreSQL an owner with CREATEROLE is enough, and one without is told what is missing."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from lading.db.embedded import EmbeddedServer
from lading.errors import EnvironmentUnfit
from lading.wiring import admin, database

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """A server in which no Lading has made its roles yet."""
    server = EmbeddedServer(tmp_path_factory.mktemp("foreign") / "pg")
    server.start()
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")
        connection.execute("CREATE DATABASE of_guest OWNER guest")
        connection.execute("CREATE ROLE keeper LOGIN CREATEROLE PASSWORD 'keeper'")
        connection.execute("CREATE DATABASE of_keeper OWNER keeper")
    yield server
    server.stop()


async def test_an_owner_without_createrole_is_told_so_and_nothing_is_changed(untouched: EmbeddedServer) -> None:
    url = untouched.url("of_guest", user="guest", password="guest")

    with pytest.raises(EnvironmentUnfit, match=r"may not set up the database .* give it CREATEROLE"):
        await database.bring_forward(url)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT to_regclass('tenants')").fetchone() == (None,)


async def test_an_owner_with_createrole_is_enough(untouched: EmbeddedServer) -> None:
    url = untouched.url("of_keeper", user="keeper", password="keeper")

    await database.bring_forward(url)

    assert await admin.first_token(url) is not None
    assert await admin.first_token(url) is None
