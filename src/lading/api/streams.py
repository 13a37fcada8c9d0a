"""
Server-sent events, written by hand: a follower is one task, its place in the tenant's ring and an open connection.

The place is the id of the last event, so a client that comes back with `Last-Event-ID` misses nothing and sees nothing
twice.  Every block that is no event still tells the place, for filters that let little through.  Who reads slowly holds
up nobody; the connection's own buffer is all that waits for it, and far behind it is told to begin anew (`reset`).
"""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from lading import ids
from lading.api.auth import Caller
from lading.ledger.events import Wish
from lading.ledger.feed import Batch, Feed, Lost, Ring
from lading.wire.events import BYE, MEDIA_TYPE, RESET

BEAT_SECONDS: Final = 15.0
_LIFE_SECONDS: Final = 600.0  # then it comes back, and shows its key again
_AT_ONCE: Final = 200
_HEADERS: Final = (
    (b"content-type", f"{MEDIA_TYPE}; charset=utf-8".encode()),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would hold events back
)


class Stream(Response):
    """The answer that goes on: what `caller` wishes to see of its tenant, after what it has seen."""

    def __init__(
        self, feed: Feed, caller: Caller, wish: Wish, *, after: int | None, beat: float = BEAT_SECONDS
    ) -> None:
        super().__init__(media_type=MEDIA_TYPE)
        self._feed: Final = feed
        self._tenant: Final = caller.tenant.id
        self._who: Final = caller.principal.actor.id
        self._ids: Final = {self._who, ids.show(ids.TENANT, caller.tenant.id)}
        self._expires_at: Final = caller.principal.expires_at
        self._wish: Final = wish
        self._after: Final = after
        self._beat: Final = beat
        self._is_telling = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Send events until the client leaves or the server stops; too many followers are refused before it begins."""
        async with self._feed.follow(self._tenant) as ring:
            place = await self._feed.find(ring, self._after)
            await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
            reader = _Reader(send)
            task = asyncio.current_task()
            assert task is not None
            leaving = asyncio.create_task(_left(receive))
            leaving.add_done_callback(lambda _: self._is_telling and task.cancel())
            try:
                await self._tell(ring, reader, place)
            except asyncio.CancelledError:
                if not leaving.done() or task.uncancel():
                    raise
            finally:
                self._is_telling = False
                leaving.cancel()

    async def _tell(self, ring: Ring, reader: _Reader, place: int | Lost) -> None:
        if isinstance(place, Lost):
            await reader.write(_reset(place.place))
            place = place.place
        else:
            await reader.write(b"retry: 2000\nid: %d\n\n" % place)
        until, began = _now() + self._life_seconds(), ring.end
        while not self._is_over(ring, until, began):
            found = await self._feed.after(ring, place, self._wish, limit=_AT_ONCE)
            match found:
                case Lost(place):
                    await reader.write(_reset(place))
                case Batch(events, place):
                    if events:
                        await reader.write(b"".join(event.frame for event in events))
            if not await ring.grown(place, min(reader.written_at + self._beat, until) - _now()):
                await reader.write(b": beat\nid: %d\n\n" % place)
        await reader.end(b"event: %b\nid: %d\nretry: 500\ndata: {}\n\n" % (BYE.encode(), place))

    def _life_seconds(self) -> float:
        life = _LIFE_SECONDS * random.uniform(0.8, 1.0)  # noqa: S311 - so that they do not come back at once
        if self._expires_at is None:
            return life
        return min(life, (self._expires_at - datetime.now(UTC)).total_seconds())

    def _is_over(self, ring: Ring, until: float, began: int) -> bool:
        is_another = not self._ids.isdisjoint(ring.revoked) or ring.changed.get(self._who, 0) > began
        return self._feed.is_over or is_another or _now() >= until


class _Reader:
    """Who is written to, and when last."""

    def __init__(self, send: Send) -> None:
        self._send: Final = send
        self.written_at = _now()

    async def write(self, body: bytes) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": True})
        self.written_at = _now()

    async def end(self, body: bytes) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": False})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


def _reset(place: int) -> bytes:
    return b"retry: 2000\nid: %d\nevent: %b\ndata: {}\n\n" % (place, RESET.encode())


def _now() -> float:
    return asyncio.get_running_loop().time()
