"""
Follow one export to its end: what the stream of its events says is looked at, what it does not say is looked for.

A stream that is refused, cut or held back by something in between is given up for looks that the server holds
(`waiting`).  An event only says when to look: what the export is, its own answer says.
"""

from __future__ import annotations

from typing import Final

import httpx2

from lading.client.aio.ground import STREAM_READ_SECONDS, Ear, soon
from lading.client.aio.session import Session, clock
from lading.client.aio.waiting import Watch, hold_on, look, outcome
from lading.client.polling import Teller, Watcher
from lading.client.sse import Block, Blocks
from lading.errors import LadingError
from lading.wire.events import BYE, MEDIA_TYPE
from lading.wire.exports import Export

_OPEN_SECONDS: Final = 5.0
"""Within so long a stream has begun, and said where it stands; one that was cut sooner is no use."""
_UNWATCHED_SECONDS: Final = 15.0
_MOST_CUTS: Final = 2


async def wait(
    session: Session, path: str, export_id: str, *, timeout: float | None, watcher: Watcher | Teller
) -> Export:
    """Return the export once it has ended; WaitTimeout after `timeout` seconds. It goes on at the server then."""
    teller = watcher if isinstance(watcher, Teller) else Teller(watcher)
    watch = Watch(teller, until=None if timeout is None else clock() + timeout)
    await look(session, path, watch)
    if not watch.is_over:
        await _listen(session, path, watch)
    await hold_on(session, path, watch)
    export = outcome(watch, export_id, timeout)
    teller.ended(export)
    return export


async def _listen(session: Session, path: str, watch: Watch) -> None:
    """Return once the export or the time has ended, or streams have turned out to be no use."""
    pool = session.pool
    if not pool.lets_streams_through or not pool.streams.acquire(blocking=False):
        return
    try:
        hearing, cuts = _Hearing(session, path, watch), 0
        while cuts < _MOST_CUTS and not watch.is_over and watch.down_since is None and pool.lets_streams_through:
            began = clock()
            await hearing.connection()
            cuts = cuts + 1 if clock() - began < _OPEN_SECONDS else 0
    finally:
        pool.streams.release()


class _Hearing:
    """The stream of one export, connection after connection."""

    def __init__(self, session: Session, path: str, watch: Watch) -> None:
        self._session = session
        self._path = path
        self._watch = watch
        self._place: str | None = None

    async def connection(self) -> None:
        """Look as one connection says; return when it ends, or when there is nothing more to hear."""
        headers = {"Accept": MEDIA_TYPE, **({"Last-Event-ID": self._place} if self._place else {})}
        stream = self._session.stream(
            f"{self._path}/events", headers=headers, accept=frozenset({200}), timeout=STREAM_READ_SECONDS
        )
        try:
            response = await soon(stream.__aenter__(), _OPEN_SECONDS)
        except (httpx2.TransportError, LadingError, TimeoutError):
            return
        try:
            if MEDIA_TYPE in response.headers.get("Content-Type", ""):
                await self._listen(response)
            else:
                self._session.pool.lets_streams_through = False
        except (httpx2.TransportError, ValueError):
            return
        finally:
            await stream.__aexit__(None, None, None)

    async def _listen(self, response: httpx2.Response) -> None:
        ear, blocks, began, has_begun, watch = Ear(response), Blocks(), clock(), False, self._watch
        try:
            while not watch.is_over and watch.down_since is None:
                chunk = await ear.hear(min(self._beat() if has_begun else _OPEN_SECONDS, watch.left()))
                if chunk == b"":
                    return
                if chunk is None and not has_begun and clock() - began >= _OPEN_SECONDS:
                    self._session.pool.lets_streams_through = False  # something in between holds it back
                    return
                is_news = [self._is_news(block) for block in blocks.of(chunk or b"")]
                # The first block says that nothing is missed from now on; before it something may have been.
                if chunk is None or any(is_news) or (is_news and not has_begun):
                    await look(self._session, self._path, watch)
                has_begun = has_begun or bool(is_news)
        finally:
            await ear.close()

    def _is_news(self, block: Block) -> bool:
        if block.id is not None and block.id.isascii() and block.id.isdigit() and len(block.id) < 17:
            self._place = block.id
        return block.event not in {"", BYE}

    def _beat(self) -> float:
        """Return how long to hear nothing before looking: progress is no event, and whoever watches wants to see it."""
        watcher = self._watch.teller.watcher
        is_watched = watcher.on_progress is not None or watcher.on_stalled is not None
        return self._watch.pace() if is_watched else _UNWATCHED_SECONDS
