"""
Wake-ups between processes, never more than a hint.

A sender says "look again" on a channel, in its own autocommit statement and at most once per 20 ms and channel:
NOTIFY inside the transaction would take a database-wide lock across its fsync.  A hearer waits for the hint or for
its poll interval, whichever comes first; behind a pooler that swallows LISTEN everything still works, slower.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import time
from typing import Final, Self

import psycopg
from psycopg.sql import SQL, Identifier

from lading.db.database import CONNECT_OPTIONS, Database
from lading.errors import DatabaseUnavailable

JOBS: Final = "lading_jobs"
EXPORTS: Final = "lading_exports"
LEDGER: Final = "lading_ledger_pending"
EVENTS: Final = "lading_events"
_GAP_SECONDS: Final = 0.02


class Sender:
    """Sends hints, at most one per channel in `gap_seconds`."""

    def __init__(self, database: Database, *, gap_seconds: float = _GAP_SECONDS) -> None:
        self._database: Final = database
        self._gap_seconds: Final = gap_seconds
        self._last: dict[str, float] = {}
        self._later: dict[str, asyncio.Task[None]] = {}
        self._sending: set[asyncio.Task[None]] = set()

    async def send(self, channel: str) -> None:
        """Wake the hearers of `channel`, now or after the gap; a database that is away is no error here."""
        if channel in self._later:
            return
        wait = self._last.get(channel, -math.inf) + self._gap_seconds - time.monotonic()
        if wait <= 0:
            await self._notify(channel)
        else:
            self._later[channel] = asyncio.create_task(self._notify_later(channel, wait))

    def soon(self, channel: str) -> None:
        """Wake the hearers of `channel` as `send` does, without waiting for it."""
        if channel not in self._later:
            task = asyncio.create_task(self.send(channel))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def close(self) -> None:
        """Send nothing any more."""
        left = [*self._sending, *self._later.values()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _notify_later(self, channel: str, wait: float) -> None:
        await asyncio.sleep(wait)
        self._later.pop(channel, None)
        await self._notify(channel)

    async def _notify(self, channel: str) -> None:
        self._last[channel] = time.monotonic()
        with contextlib.suppress(DatabaseUnavailable):
            async with self._database.connection() as connection:
                # A hint that a crash of the server loses is no loss: nobody waits for the disk.
                hint = f"BEGIN; SET LOCAL synchronous_commit = off; SELECT pg_notify('{channel}', ''); COMMIT"
                await connection.execute(hint.encode(), prepare=False)


class Hearer:
    """
    Listens on channels with one connection of its own; reconnects by itself.

    A channel has a generation that grows with every hint, so that any number of waiters hear each of them.
    """

    def __init__(self, url: str, *channels: str) -> None:
        self._url: Final = url
        self._generation: Final = dict.fromkeys(channels, 0)
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def generation(self, channel: str) -> int:
        """Return the generation to hand to `wait`; read it before looking at the database."""
        return self._generation[channel]

    async def wait(self, channel: str, seen: int, timeout: float) -> bool:
        """Return True as soon as the generation differs from `seen`, False after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while self._generation[channel] == seen:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            # Not `wait_for`: before Python 3.12 it forgets a cancellation that meets the end of what it waits for.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._changed.wait()
        return True

    async def _listen(self) -> None:
        failures = 0
        while True:
            try:
                async with await _connected(self._url) as connection:
                    for channel in self._generation:
                        await connection.execute(SQL("LISTEN {}").format(Identifier(channel)))
                    failures = 0
                    self._hint(*self._generation)  # one may have been missed while away
                    async for notification in connection.notifies():
                        self._hint(notification.channel)
            except psycopg.Error:
                failures += 1
            self._hint(*self._generation)
            await asyncio.sleep(random.uniform(0.1, min(5.0, 0.2 * 2**failures)))  # noqa: S311 - jitter

    def _hint(self, *channels: str) -> None:
        for channel in channels:
            self._generation[channel] += 1
        self._changed.set()
        self._changed = asyncio.Event()


async def _connected(url: str) -> psycopg.AsyncConnection:
    """Return a connection; a login that is broken off is ended first: the server would wait a minute for its rest."""
    login = asyncio.create_task(
        psycopg.AsyncConnection.connect(url, autocommit=True, **CONNECT_OPTIONS)  # pyright: ignore[reportArgumentType]
    )
    try:
        return await asyncio.shield(login)
    except asyncio.CancelledError:
        with contextlib.suppress(psycopg.Error):
            await (await login).close()
        raise
