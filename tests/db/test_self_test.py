"""A server or worker that can't work with its database says so before it begins."""

from __future__ import annotations

import logging

import psycopg
import pytest

from lading.cli import run
from lading.db.migrate import known
from lading.errors import DatabaseTooNew, EnvironmentUnfit
from lading.wiring import self_test
from lading.wiring.doctor import State, _connected

pytestmark = pytest.mark.anyio


async def test_a_database_that_is_right_is_said_to_be(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        await self_test.require(database_url)
    found = await self_test.condition(database_url)

    assert (found.is_heard, abs(found.clock_seconds) < 60) == (True, True)
    assert found.connections_left > 0
    assert caplog.records == []


async def test_a_schema_that_is_behind_or_ahead_ends_the_start(database_url: str) -> None:
    newest = known()[-1].version
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE schema_migrations SET version = %s, beside = NULL WHERE version = %s", (9999, newest)
        )
    with pytest.raises(DatabaseTooNew, match="9999"):
        await self_test.require(database_url)

    with psycopg.connect(database_url) as connection:
        connection.execute("DELETE FROM schema_migrations WHERE version = 9999")
    with pytest.raises(EnvironmentUnfit, match="lading migrate"):
        await self_test.require(database_url)


def test_few_connections_and_wake_ups_that_get_lost_are_warned_of() -> None:
    found = {each.name: each for each in _connected(self_test.Condition(False, 3, 0.0))}

    assert {each.state for each in found.values()} == {State.WARN}
    assert "pooler" in found["wake-ups"].mend
    assert "max_connections" in found["connections"].mend


def test_the_command_says_what_there_is_to_apply(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LADING_DATABASE_URL", database_url)
    assert run(["migrate", "--check"]) == 0
    assert run(["migrate"]) == 0
    with psycopg.connect(database_url) as connection:
        connection.execute("DELETE FROM schema_migrations WHERE version = %s", (known()[-1].version,))

    assert run(["migrate", "--check"]) == 11

    said = capsys.readouterr()
    assert said.out.splitlines() == ["The database has the schema of this Lading.", "There was nothing to apply."]
    assert "Migrations to apply: 1." in said.err
