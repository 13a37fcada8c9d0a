"""
Whether more jobs may be enqueued: backpressure before anything is stored.

    await admission.admit(tenant_id, count=len(jobs), priority=0, actor=caller.principal.actor)

Call it before the transaction that enqueues, once for all the jobs of a request.  It raises QueueFull (HTTP 429) when
the tenant has too many jobs that have not ended, Overloaded (503) when the whole instance has.

Depths are counted up to the limit and remembered for a second per process; what this process admitted meanwhile is
added.  A limit is so exceeded by at most what the other processes admit within that second, and what is under way.
To count 100,000 jobs takes 20 to 70 ms on a machine under load, once a second while somebody enqueues.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from lading import ids
from lading.db.database import Database
from lading.db.statements import Statements
from lading.errors import Overloaded, QueueFull
from lading.ledger.entry import Actor, Entry
from lading.ledger.store import record
from lading.limits.shedding import Room, excess, retry_after

_SQL: Final = Statements("lading.limits")
_SECONDS: Final = 1.0
_SHOWN_SECONDS: Final = 10.0
_NOTED_EVERY_SECONDS: Final = 60.0
_MOST_REMEMBERED: Final = 10_000


@dataclass(slots=True)
class _Depth:
    """
    How many jobs there were at `at`, with those admitted here since; `most` is the tenant's own limit.

    `drained` tells how many end in a second, once somebody was refused and asked.
    """

    at: float
    depth: int
    most: int
    drained: float | None = None


@dataclass(slots=True)
class _Refusals:
    """How many requests were refused since the ledger was told."""

    noted_at: float
    count: int = 0


class Admission:
    """The door of the queue in one process; `clock` is any monotonic one, in seconds."""

    def __init__(
        self, database: Database, *, queue_limit: int, tenant_queue_limit: int, clock: Callable[[], float]
    ) -> None:
        self._database: Final = database
        self._queue_limit: Final = queue_limit
        self._tenant_queue_limit: Final = tenant_queue_limit
        self._clock: Final = clock
        self._tenants: Final[dict[UUID, _Depth]] = {}
        self._all = _Depth(-_SECONDS, 0, queue_limit)
        self._refusals: Final[dict[UUID, _Refusals]] = {}

    async def admit(self, tenant: UUID, *, count: int, priority: int, actor: Actor) -> None:
        """Return when `count` more jobs of `priority` may be enqueued; else tell the ledger and raise QueueFull."""
        async with self.noting(tenant, actor):
            refusal = await self.refusal(tenant, count=count, priority=priority)
            if refusal is not None:
                raise refusal

    async def refusal(self, tenant: UUID, *, count: int, priority: int, among: int = 1) -> QueueFull | None:
        """
        Return why `count` more jobs may not be enqueued; None, and they are counted, when they may.

        They are some of `among` that a request names and that are taken one by one.
        """
        if count <= 0:
            return None
        own, everybody = await self._look(tenant)
        full = Room(everybody.depth, everybody.most)
        if excess(full, count=count, priority=priority, among=among):
            return Overloaded(
                f"{full.depth} jobs wait in this installation, of {full.limit} it takes; "
                "work of lower priority is refused first. Come back in a while.",
            )
        room = Room(own.depth, own.most)
        if too_many := excess(room, count=count, priority=priority, among=among):
            if own.drained is None:  # once for all that are refused at this look: a page of letters may be a thousand
                own.drained = await self._drained_per_second(tenant)
            seconds = retry_after(too_many, own.drained)
            return QueueFull(
                f"{room.depth} jobs of this organisation have not ended, of {room.limit} it may have; "
                f"{count} more do not fit now. Come back in about {seconds:.0f} s, or ask for a higher max_queued.",
                retry_after_seconds=seconds,
            )
        own.depth += count
        everybody.depth += count
        return None

    async def room(self, tenant: UUID) -> Room:
        """Return how many jobs of the tenant have not ended and may; known for ten seconds, for who only shows it."""
        own = self._tenants.get(tenant)
        if own is None or self._clock() - own.at >= _SHOWN_SECONDS:
            own, _ = await self._look(tenant)
        return Room(own.depth, own.most)

    def forget(self) -> None:
        """Count anew at the next request; for whoever has just changed a limit."""
        self._tenants.clear()

    @asynccontextmanager
    async def noting(self, tenant: UUID, actor: Actor) -> AsyncIterator[None]:
        """Tell the ledger of a refusal that is raised inside; its transaction must be over by then."""
        try:
            yield
        except QueueFull as refusal:
            await self.note(tenant, refusal, actor=actor)
            raise

    async def note(self, tenant: UUID, refusal: QueueFull, *, actor: Actor) -> None:
        """Record the refusal in the ledger, with those since the last record; at most once a minute and tenant."""
        now = self._clock()
        refused = self._refusals.setdefault(tenant, _Refusals(now - _NOTED_EVERY_SECONDS))
        refused.count += 1
        if now - refused.noted_at < _NOTED_EVERY_SECONDS:
            return
        data = {"code": refusal.code, "refused": refused.count}
        refused.noted_at, refused.count = now, 0
        async with self._database.tenant(tenant) as tx:
            if await tx.maybe(_SQL["note_refusal"], tenant_id=tenant, seconds=_NOTED_EVERY_SECONDS) is not None:
                await record(tx, Entry("enqueue.refused", ids.show(ids.TENANT, tenant), actor, data))

    async def _look(self, tenant: UUID) -> tuple[_Depth, _Depth]:
        now = self._clock()
        own, everybody = self._tenants.get(tenant), self._all
        if own is not None and now - own.at < _SECONDS and now - everybody.at < _SECONDS:
            return own, everybody
        async with self._database.system() as tx:
            row = await tx.one(_SQL["tenant_depth"], tenant_id=tenant, limit=self._tenant_queue_limit)
            if now - everybody.at >= _SECONDS:
                depth = (await tx.one(_SQL["instance_depth"], limit=self._queue_limit))["depth"]
                self._all = everybody = _Depth(now, depth, self._queue_limit)
        if len(self._tenants) >= _MOST_REMEMBERED:
            self._tenants.clear()
            self._refusals.clear()
        own = self._tenants[tenant] = _Depth(now, row["depth"], row["max_queued"])
        return own, everybody

    async def _drained_per_second(self, tenant: UUID) -> float:
        async with self._database.system() as tx:
            row = await tx.one(_SQL["drain_rate"], tenant_id=tenant)
        return row["per_second"]
