"""
What a server or worker asks of its database before it begins: the right schema, wake-ups that arrive, a right clock.

A schema that is behind or too new ends the start.  The others are told in the log and by `lading doctor`: without
wake-ups everything works, slower, and no worker's clock is trusted.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

import psycopg
from psycopg.sql import SQL, Identifier

from lading.db.database import CONNECT_OPTIONS, unavailable
from lading.db.migrate import outstanding
from lading.db.statements import Statements
from lading.errors import EnvironmentUnfit

CLOCK_WARN_SECONDS: Final = 1.0
_HEAR_SECONDS: Final = 2.0
_SQL: Final = Statements(__package__ or "lading.wiring")
_LOG: Final = logging.getLogger("lading.start")


@dataclass(frozen=True, slots=True)
class Condition:
    """How the database was found: whether a NOTIFY came back, connections left, how far its clock is from ours."""

    is_heard: bool
    connections_left: int
    clock_seconds: float


async def require(url: str, *, connections: int = 0) -> None:
    """
    Raise EnvironmentUnfit or DatabaseTooNew when the schema is not ours; log what else is not right.

    `connections` is how many this process may come to hold.
    """
    behind = await outstanding(url)
    if behind:
        raise EnvironmentUnfit(f"The database lacks migrations ({behind}); run `lading migrate`, or start `lading up`.")
    found = await condition(url)
    if not found.is_heard:
        _LOG.warning("start.no_wakeups")
    if connections > found.connections_left:
        _LOG.warning("start.few_connections", extra={"needed": connections, "left": found.connections_left})
    if abs(found.clock_seconds) > CLOCK_WARN_SECONDS:
        _LOG.warning("start.clock_differs", extra={"seconds": round(found.clock_seconds, 1)})


async def condition(url: str) -> Condition:
    """Return how the database at `url` is found; DatabaseUnavailable when it does not answer."""
    try:
        return await _condition(url)
    except psycopg.OperationalError as error:
        raise unavailable(url, error) from error


async def _condition(url: str) -> Condition:
    channel = f"lading_test_{uuid4().hex}"
    options = {**CONNECT_OPTIONS, "options": ""}
    hearing = await psycopg.AsyncConnection.connect(url, autocommit=True, **options)  # pyright: ignore[reportArgumentType]  # psycopg's types lack libpq's own
    async with hearing, await psycopg.AsyncConnection.connect(url, autocommit=True, **options) as saying:  # pyright: ignore[reportArgumentType]  # as above
        await hearing.execute(SQL("LISTEN {}").format(Identifier(channel)))
        before = datetime.now(UTC)
        row = await (await saying.execute(_SQL["condition"])).fetchone()
        assert row is not None
        await saying.execute("SELECT pg_notify(%s, '')", (channel,))
        is_heard = False
        async for _ in hearing.notifies(timeout=_HEAR_SECONDS, stop_after=1):
            is_heard = True
    return Condition(is_heard, row[1], (row[0] - before).total_seconds())
