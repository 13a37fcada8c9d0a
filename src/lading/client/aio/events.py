"""
Events through the API: what happens in a tenant, one after the other, without gap and without repeats.

A stream of server-sent events, begun again where it broke; pages that wait, where a proxy lets no stream through.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx2

from lading.client import faults
from lading.client.aio.session import Session, clock
from lading.client.decode import decode
from lading.client.sse import Block, Blocks
from lading.errors import DatabaseUnavailable, LadingError, QueueFull, ServerUnreachable
from lading.wire.events import BYE, MEDIA_TYPE, RESET, Event, EventPage

_PATH: Final = "/api/v1/events"
_WAIT_SECONDS: Final = 20.0
_PASSING: Final = (httpx2.TransportError, ServerUnreachable, DatabaseUnavailable, QueueFull)
_SILENT_SECONDS: Final = 20.0


class Events:
    """The events of one tenant."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def page(
        self,
        *,
        topics: Sequence[str] = (),
        types: Sequence[str] = (),
        subject: str | None = None,
        after: int | None = None,
        wait: float = 0.0,
        limit: int = 100,
    ) -> EventPage:
        """Return the events after the one with the id `after`, held back for `wait` seconds until there is one."""
        query = {**_wish(topics, types, subject), "after": after, "limit": limit, "wait": f"{wait:g}" if wait else None}
        return await self._session.fetch(EventPage, "GET", _PATH, query=query, hold_seconds=wait)

    async def __call__(
        self,
        *,
        topics: Sequence[str] = (),
        types: Sequence[str] = (),
        subject: str | None = None,
        after: int | None = None,
    ) -> AsyncIterator[Event]:
        """
        Yield events as they happen, from the one after the id `after` on, or from now on.

        One with the type `reset` says that events were missed, because the place is too far back: look at everything
        again.  Raises what the server refuses, and ServerUnreachable after an outage that lasts too long.
        """
        follower = _Follower(_wish(topics, types, subject), after)
        while True:
            try:
                if follower.is_streaming:
                    async for block in self._blocks(follower):
                        if (event := follower.heard(block)) is not None:
                            yield event
                else:
                    page = await self.page(
                        topics=topics, types=types, subject=subject, after=follower.place, wait=_WAIT_SECONDS
                    )
                    for event in follower.turned(page):
                        yield event
                    continue
            except _PASSING as error:
                follower.failures += 1
                seconds = self._session.pause(follower.failures)
                if seconds is None:
                    raise _told(self._session.target.url, error) from error
                await self._session.rest(seconds)
                continue
            follower.ended()
            await self._session.rest(follower.pause())

    async def _blocks(self, follower: _Follower) -> AsyncIterator[Block]:
        """Yield what one connection brings."""
        headers = {"Accept": MEDIA_TYPE}
        if follower.place is not None:
            headers["Last-Event-ID"] = str(follower.place)
        path = f"{_PATH}?{urlencode(follower.wish, doseq=True)}"
        async with self._session.stream(path, headers=headers, accept=frozenset({200})) as response:
            if MEDIA_TYPE not in response.headers.get("Content-Type", ""):
                follower.is_streaming = False
                return
            blocks = Blocks()
            try:
                async for chunk in response.aiter_bytes():
                    for block in blocks.of(chunk):
                        yield block
            except ValueError as error:
                raise faults.unreadable(self._session.target.url, error) from error

    async def of_export(self, export_id: str, *, after: int = 0, wait: float = 0.0, limit: int = 100) -> EventPage:
        """Return the events of one export after the one with the id `after`."""
        path = f"/api/v1/exports/{quote(export_id, safe='')}/events"
        query = {"after": str(after), "limit": limit, "wait": f"{wait:g}" if wait else None}
        return await self._session.fetch(EventPage, "GET", path, query=query, hold_seconds=wait)


class _Follower:
    """What one loop over events has seen."""

    def __init__(self, wish: dict[str, Any], place: int | None) -> None:
        self.wish: Final = {name: value for name, value in wish.items() if value}
        self.place = place
        self.failures = 0
        self.is_streaming = True
        self._retry_seconds = 0.0
        self._began_at = clock()
        self._heard_any = False

    def heard(self, block: Block) -> Event | None:
        """Note a block; return the event that it is."""
        self.failures, self._heard_any = 0, True
        if block.retry is not None:
            self._retry_seconds = min(30.0, block.retry / 1000)
        if block.id is not None and block.id.isascii() and block.id.isdigit() and len(block.id) < 17:
            self.place = int(block.id)
        if block.event == RESET:
            return _reset(self.place or 0)
        return decode(Event, json.loads(block.data)) if block.data and block.event != BYE else None

    def turned(self, page: EventPage) -> list[Event]:
        """Note a page; return its events."""
        self.failures, self.place = 0, page.next
        return [_reset(page.next)] if page.reset else page.items

    def ended(self) -> None:
        """Note that the stream ended; one that brings nothing is held back by something in between."""
        if not self._heard_any and clock() - self._began_at > _SILENT_SECONDS:
            self.is_streaming = False
        self._began_at, self._heard_any = clock(), False

    def pause(self) -> float:
        """Return the seconds until the next connection."""
        return self._retry_seconds or 0.5


def _wish(topics: Sequence[str], types: Sequence[str], subject: str | None) -> dict[str, Any]:
    return {"topic": list(topics), "type": list(types), "subject": subject}


def _reset(place: int) -> Event:
    return Event(place, RESET, "", "", "", {}, None, {})


def _told(url: str, error: Exception) -> LadingError:
    return error if isinstance(error, LadingError) else faults.unreachable(url, error)
