"""
Low-water marks: where a worker's claims begin to look, so that they don't walk over what was claimed long ago.

A long reader keeps dead index entries alive; a claim that begins at the mark never meets them.  Marks are one worker's
own, a hint and no truth: who finds less than wanted looks again without them, as far as that is cheap, and they are
dropped every DROP_SECONDS.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID

DROP_SECONDS: Final = 2.0
_REST: Final = 20  # what is dead makes a look without marks long: no more than a twentieth of the time goes into it
_PATIENCE_SECONDS: Final = 1.0  # for who enqueues in a longer transaction, a mark does not wait
_LOWEST: Final = -32768
_HIGHEST: Final = 32767
_ALWAYS: Final = "-infinity"


class Lane(NamedTuple):
    """A tenant's lane as one way of claiming sees it: batches leave jobs behind that run alone."""

    is_batch: bool
    kind: str
    host: str


class Span(NamedTuple):
    """Jobs worth looking at: of one priority from `floor` on, or all of the priorities from `low` to `high`."""

    low: int
    high: int
    floor: int


class Taken(NamedTuple):
    """
    A job as a claim returns it; the columns of claim.sql and claim_free.sql in their order.

    `started_at` is None unless it was claimed in a batch.  `seen` says what the claim saw, as "700:705": all
    transactions before the one and none from the other on.
    """

    tenant_id: UUID
    id: UUID
    kind: str
    host: str
    subject: str
    payload: Mapping[str, Any]
    attempt: int
    failures: int
    crashes: int
    max_attempts: int
    max_crashes: int
    error: Mapping[str, Any] | None
    rev: int
    run_id: UUID | None
    replay_of: UUID | None
    payload_digest: bytes | None
    deadline_seconds: int | None
    started_at: str | None
    priority: int
    sequence: int
    seen: str


@dataclass(frozen=True, slots=True)
class _Sight:
    """What a claim saw: sequences up to `top` were handed out, by transactions before `seen_to` in part unended."""

    seen_to: int
    top: int
    at: float


class Marks:
    """
    The marks of one worker; `clock` is monotonic, in seconds.

    A mark is per priority, and never passes a sequence whose transaction may still commit: it follows what was handed
    out at a claim before, all of whose transactions have ended by now.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock: Final = clock
        self._floors: dict[int, dict[Lane, dict[int, int]]] = {}  # by tenant: a claim looks up its own only
        self._sights: Final[deque[_Sight]] = deque()
        self._settled = 0
        self._since = _ALWAYS
        self._drop_at = clock() + DROP_SECONDS
        self._rest_until = clock()

    def since(self) -> str:
        """Return the instant before which no turn is worth looking at, and drop every mark when it is time to."""
        if self._clock() >= self._drop_at:
            self._drop()
        return self._since

    def found_no_turn(self) -> None:
        """Let the next look be at all turns."""
        self._since = _ALWAYS

    def look_again(self) -> float | None:
        """Return when a look without marks begins; None while the one before is to be rested from."""
        now = self._clock()
        return now if now >= self._rest_until else None

    def looked_again(self, begun: float) -> None:
        """Rest from a look without marks that was begun at `begun`."""
        now = self._clock()
        self._rest_until = now + _REST * (now - begun)

    def _drop(self) -> None:
        self._floors.clear()
        self._since = _ALWAYS
        self._drop_at = self._clock() + DROP_SECONDS

    def has_any(self, tenants: Sequence[UUID], *, is_batch: bool) -> bool:
        """Tell whether there is a mark in a lane of one of these."""
        return any(lane.is_batch == is_batch for tenant in tenants for lane in self._floors.get(tenant.int, ()))

    def tenants(self, most: int) -> list[UUID] | None:
        """Return all tenants that have marks; None when they are more than `most`."""
        return [UUID(int=number) for number in self._floors] if len(self._floors) <= most else None

    def parameters(self, tenants: Sequence[UUID], *, is_batch: bool) -> dict[str, list[Any]]:
        """Return the spans of the tenants' lanes as the arrays that claim.sql takes."""
        rows = list[tuple[UUID, Lane, Span]]()
        for tenant in tenants:
            for lane, floors in self._floors.get(tenant.int, {}).items():
                if lane.is_batch == is_batch:
                    rows += [(tenant, lane, span) for span in spans(floors)]
        return _columns(rows)

    def learn(self, claimed: Sequence[Taken], *, top: int, since: str, is_batch: bool, is_all: bool = True) -> None:
        """Raise the marks after a claim that took the jobs `claimed`; drop them when a look without them found more."""
        if not is_all:
            self._drop()
            return
        self._since = since
        if not claimed:
            return
        now = self._clock()
        seen_from, seen_to = map(int, claimed[0].seen.split(":"))
        self._settle(seen_from, now)
        self._sights.append(_Sight(seen_to, top, now))
        furthest: dict[tuple[int, str, str, int], Taken] = {}
        for job in claimed:  # by number: a UUID takes longer to hash than all the rest of this
            key = (job.tenant_id.int, job.kind, job.host, job.priority)
            known = furthest.get(key)
            if known is None or known.sequence < job.sequence:
                furthest[key] = job
        for job in furthest.values():
            lane = Lane(is_batch, job.kind, job.host)
            floors = self._floors.setdefault(job.tenant_id.int, {}).setdefault(lane, {})
            floor = min(job.sequence, self._settled) + 1
            floors[job.priority] = max(floor, floors.get(job.priority, 0))

    def _settle(self, seen_from: int, now: float) -> None:
        while self._sights and (self._sights[0].seen_to <= seen_from or self._sights[0].at < now - _PATIENCE_SECONDS):
            self._settled = max(self._settled, self._sights.popleft().top)


def spans(floors: Mapping[int, int]) -> Iterator[Span]:
    """
    Yield what is worth looking at, highest priority first, when `floors` holds the mark of each priority seen.

    >>> [tuple(span) for span in spans({0: 71, 5: 40})]
    [(6, 32767, 0), (5, 5, 40), (1, 4, 0), (0, 0, 71), (-32768, -1, 0)]
    """
    high = _HIGHEST
    for priority in sorted(floors, reverse=True):
        if high > priority:
            yield Span(priority + 1, high, 0)
        yield Span(priority, priority, floors[priority])
        high = priority - 1
    if high >= _LOWEST:
        yield Span(_LOWEST, high, 0)


def _columns(rows: Sequence[tuple[UUID, Lane, Span]]) -> dict[str, list[Any]]:
    return {
        "mark_tenants": [tenant for tenant, _, _ in rows],
        "mark_kinds": [lane.kind for _, lane, _ in rows],
        "mark_hosts": [lane.host for _, lane, _ in rows],
        "mark_lows": [span.low for _, _, span in rows],
        "mark_highs": [span.high for _, _, span in rows],
        "mark_floors": [span.floor for _, _, span in rows],
    }


NO_SPANS: Final = _columns([])
"""What a claim looks at without marks: everything."""
