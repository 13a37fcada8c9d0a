"""
The feed of events in one process: each tenant's newest entries in memory, read once for everybody who follows them.

A follower holds nothing but its place, the id of the last event it was given; so a slow one costs no memory.  One
task looks when the integrator hints, and at least once a second: two statements for all tenants and followers.  A
place that is no longer in memory is served from the table, by few at a time, as far back as events are kept.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final, Self
from uuid import UUID

from lading.db import notify
from lading.db.database import Database
from lading.db.statements import Statements
from lading.errors import DatabaseUnavailable, Overloaded, TooManyStreams
from lading.ledger.events import Event, Wish

_LOG: Final = logging.getLogger("lading.ledger")
_SQL: Final = Statements("lading.ledger")
_POLL_SECONDS: Final = 1.0
_IDLE_SECONDS: Final = 60.0
_PAGE: Final = 500
# Whom these are about may follow no further.
_ENDING: Final = frozenset({"key.revoked", "member.removed", "tenant.suspended"})
# Whom these are about may be others now, and show their token again.
_CHANGING: Final = frozenset({"key.rotated", "member.changed"})
_BEGINNING: Final = frozenset({"member.added", "member.joined", "tenant.reactivated"})
_READERS: Final = 2
KEPT: Final = 100_000


@dataclass(frozen=True, slots=True)
class Bounds:
    """
    What a feed may cost: events and bytes in memory for each tenant, followers of a tenant and of the process.

    `kept` is how many events back a follower may begin.
    """

    events: int = 1024
    bytes: int = 4 << 20
    tenant_followers: int = 2000
    followers: int = 5000
    kept: int = KEPT


@dataclass(frozen=True, slots=True)
class Batch:
    """Events for one follower, and its place after them."""

    events: list[Event]
    place: int


@dataclass(frozen=True, slots=True)
class Lost:
    """The place is not known here, or too far back: the follower has to look at everything again."""

    place: int


class Ring:
    """The newest events of one tenant; `end` is the id of the last one that was read."""

    def __init__(self, tenant: UUID, bounds: Bounds) -> None:
        self.tenant: Final = tenant
        self.end: int = 0
        self.followers: int = 0
        self.revoked: Final[set[str]] = set()
        self.changed: Final[dict[str, int]] = {}
        """Who is another now, or ends sooner, and since which event."""
        self.idle_since: float = 0.0
        self.lock: Final = asyncio.Lock()
        self.is_loaded: bool = False
        self._bounds: Final = bounds
        self._events: Final[deque[Event]] = deque()
        self._bytes = 0
        self._changed = asyncio.Event()

    def begin(self, end: int) -> None:
        """Hold nothing, as at `end`."""
        self._events.clear()
        self._bytes = 0
        self.end = end

    def add(self, events: Iterable[Event]) -> None:
        """Hold these too, which follow; what is too much falls out at the other end."""
        for event in events:
            self._events.append(event)
            self._bytes += len(event.line)
            self.end = event.id
            if event.type in _ENDING:
                self.revoked.add(event.subject)
            elif event.type in _BEGINNING:
                self.revoked.discard(event.subject)
            elif event.type in _CHANGING:
                self.changed[event.subject] = event.id
        while len(self._events) > self._bounds.events or self._bytes > self._bounds.bytes:
            self._bytes -= len(self._events.popleft().line)

    def since(self, place: int, wish: Wish, limit: int) -> Batch | None:
        """Return what is wanted after `place`, None when that is not in memory."""
        missing = self.end - place
        if missing > len(self._events):
            return None
        found: list[Event] = []
        for back in range(-missing, 0):  # a deque is quick at its ends, where followers are
            event = self._events[back]
            if wish.wants(event):
                found.append(event)
                if len(found) == limit:
                    return Batch(found, event.id)
        return Batch(found, self.end)

    async def grown(self, place: int, seconds: float) -> bool:
        """Return True as soon as there may be something after `place`; False after so many seconds."""
        if self.end > place:
            return True
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def wake(self) -> None:
        """Let every follower look."""
        self._changed.set()
        self._changed = asyncio.Event()


class Feed:
    """The rings of one process; to be used as a context manager."""

    def __init__(self, database: Database, hearer: notify.Hearer, bounds: Bounds | None = None) -> None:
        self._database: Final = database
        self._hearer: Final = hearer
        self._bounds: Final = bounds or Bounds()
        self._rings: Final[dict[UUID, Ring]] = {}
        self._paging: Final = asyncio.Semaphore(_READERS)
        self._task: asyncio.Task[None] | None = None
        self.is_over = False
        """Whether the process stops: followers are told so, and leave."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.end()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def end(self) -> None:
        """Let every follower leave, now."""
        self.is_over = True
        for ring in self._rings.values():
            ring.wake()

    @asynccontextmanager
    async def follow(self, tenant: UUID) -> AsyncIterator[Ring]:
        """Give the ring of a tenant, current as of now; raise when there are too many followers."""
        ring = self._admit(tenant)
        ring.followers += 1
        try:
            if not ring.is_loaded:
                await self._refresh([ring])
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._read())
            yield ring
        finally:
            ring.followers -= 1
            ring.idle_since = asyncio.get_running_loop().time()

    async def find(self, ring: Ring, after: int | None) -> int | Lost:
        """Return the place of a follower that has seen `after`, or of one that begins now."""
        if after is None:
            return ring.end
        if after > ring.end:
            await self._refresh([ring])  # another process may have read further than this one
        return Lost(ring.end) if after > ring.end or ring.end - after > self._bounds.kept else after

    async def after(self, ring: Ring, place: int, wish: Wish, *, limit: int = _PAGE) -> Batch | Lost:
        """Return what a follower wants after its place: from memory, else from the table."""
        batch = ring.since(place, wish, limit)
        if batch is not None:
            return batch
        end = ring.end
        if end - place > self._bounds.kept:
            return Lost(end)
        async with self._paging:
            events = await self._page(ring.tenant, first=place, end=end, wish=wish, limit=limit)
        return Batch(events, events[-1].id if len(events) == limit else end)

    def _admit(self, tenant: UUID) -> Ring:
        if sum(ring.followers for ring in self._rings.values()) >= self._bounds.followers:
            raise Overloaded("Too many follow events at this server; try again, or ask less often.")
        ring = self._rings.setdefault(tenant, Ring(tenant, self._bounds))
        if ring.followers >= self._bounds.tenant_followers:
            raise TooManyStreams(
                f"{ring.followers} clients of this tenant follow events already; end some, or share one stream."
            )
        return ring

    async def _read(self) -> None:
        while self._rings and not self.is_over:
            seen = self._hearer.generation(notify.EVENTS)
            try:
                await self._refresh(list(self._rings.values()))
            except DatabaseUnavailable as error:
                _LOG.warning("database.unavailable", extra={"reason": error.message})
            except Exception:  # noqa: BLE001 - one broken look must not leave every follower behind
                _LOG.exception("feed.failed")
            self._forget()
            await self._hearer.wait(notify.EVENTS, seen, _POLL_SECONDS)

    def _forget(self) -> None:
        now = asyncio.get_running_loop().time()
        for ring in [each for each in self._rings.values() if not each.followers]:
            if now - ring.idle_since > _IDLE_SECONDS:
                del self._rings[ring.tenant]

    async def _refresh(self, rings: Iterable[Ring]) -> None:
        """Read what the trees have that the rings have not."""
        by_tenant = {ring.tenant: ring for ring in rings}
        async with self._database.ledger() as tx:
            rows = await tx.all(_SQL["sizes"], tenants=list(by_tenant))
        sizes = defaultdict(int, {row["tenant_id"]: row["size"] for row in rows})
        for tenant, ring in by_tenant.items():
            async with ring.lock:
                if sizes[tenant] > ring.end:
                    await self._extend(ring, sizes[tenant])
                ring.is_loaded = True

    async def _extend(self, ring: Ring, size: int) -> None:
        if size - ring.end > self._bounds.events:
            ring.begin(size - self._bounds.events)  # who was before that reads it from the table
        while ring.end < size:
            events = await self._page(ring.tenant, first=ring.end, end=size, wish=None, limit=_PAGE)
            if not events:
                break
            ring.add(events)
        ring.wake()

    async def _page(self, tenant: UUID, *, first: int, end: int, wish: Wish | None, limit: int) -> list[Event]:
        async with self._database.tenant(tenant) as tx:
            rows = await tx.all(
                _SQL["events"],
                tenant_id=tenant,
                first=first,
                end=end,
                types=None if wish is None else sorted(wish.types),
                subject=None if wish is None else wish.subject,
                limit=limit,
            )
        return [Event(row["index"] + 1, row["type"], row["subject"], row["line"]) for row in rows]
