"""
Calls of the export API in one process: counted, refused over the quota, and told in RateLimit headers.

Calls are counted in memory and brought to the database once a second, so that reading costs nothing; over its quota of
calls a tenant comes by what it sends within that second, per process.  Exports are counted exactly, by `call_quotas`.
What a quota says is known for as long; a tenant without one is asked for it every five seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

from lading.db.database import Database
from lading.ledger.entry import Actor
from lading.limits import call_quotas
from lading.limits.admission import Admission
from lading.limits.call_quotas import CALLS, EXPORTS, Gauge

_SECONDS: Final = 1.0
_SECONDS_WITHOUT: Final = 5.0
_MOST_REMEMBERED: Final = 10_000
_QUEUED: Final = "jobs-queued"


@dataclass(slots=True)
class _Seen:
    """What was read at `at`, and the calls that were counted here since."""

    at: float
    of_calls: Sequence[Gauge] = ()
    of_exports: Sequence[Gauge] = ()
    queued: Gauge | None = None
    calls: int = 0
    has_quota: bool = False


@dataclass(slots=True)
class Calling:
    """The calls of one process; `clock` is any monotonic one, in seconds."""

    database: Database
    admission: Admission
    clock: Callable[[], float]
    seen: dict[UUID, _Seen] = field(default_factory=dict[UUID, _Seen])

    async def count(self, tenant: UUID, *, actor: Actor) -> None:
        """Count one call; QuotaExceeded, which the ledger is told, when it is one too many."""
        seen = await self._seen(tenant)
        exceeded = [each for each in seen.of_calls if each.left - seen.calls <= 0]
        if exceeded:
            refusal = call_quotas.refusal(exceeded)
            await self.admission.note(tenant, refusal, actor=actor)
            raise refusal
        seen.calls += seen.has_quota

    def learn(self, tenant: UUID, gauges: Sequence[Gauge]) -> None:
        """Remember how the quota of exports stands, as the transaction that asked for one has found it."""
        seen = self.seen.get(tenant)
        if seen is not None and gauges:
            seen.of_exports = gauges

    def forget(self, tenant: UUID) -> None:
        """Look anew at the next call; for whoever has just changed a quota."""
        if (seen := self.seen.get(tenant)) is not None:
            seen.at = -math.inf

    def headers(self, tenant: UUID) -> list[tuple[str, str]]:
        """Return the headers of an answer to a counted call (draft-ietf-httpapi-ratelimit-headers)."""
        seen = self.seen.get(tenant)
        if seen is None:
            return []
        of_calls = [replace(each, left=each.left - seen.calls) for each in seen.of_calls]
        told = [*of_calls, *seen.of_exports, *([seen.queued] if seen.queued is not None else [])]
        passed = self.clock() - seen.at
        return [
            ("RateLimit-Policy", ", ".join(_policy(each) for each in told)),
            ("RateLimit", ", ".join(_limit(each, passed) for each in told)),
        ]

    async def _seen(self, tenant: UUID) -> _Seen:
        now, known = self.clock(), self.seen.get(tenant)
        if known is not None and now - known.at < (_SECONDS if known.has_quota else _SECONDS_WITHOUT):
            return known
        if known is None:
            if len(self.seen) >= _MOST_REMEMBERED:
                self.seen.clear()
            known = self.seen[tenant] = _Seen(now)
        # Taken before the database is waited for: who calls meanwhile goes by what was known.
        known.at, brought = now, known.calls
        await self._read(tenant, known, brought)
        known.calls -= brought
        return known

    async def _read(self, tenant: UUID, known: _Seen, brought: int) -> None:
        async with self.database.tenant(tenant) as tx:
            if brought:
                await call_quotas.count_calls(tx, CALLS, brought)
            found = {quota.name: gauges for quota, gauges in await call_quotas.every(tx)}
        room = await self.admission.room(tenant)
        known.of_calls, known.of_exports = found.get(CALLS, ()), found.get(EXPORTS, ())
        known.has_quota = bool(found)
        known.queued = Gauge(_QUEUED, room.limit, room.limit - room.depth, None, None)


def _policy(gauge: Gauge) -> str:
    """
    Return one quota policy.

    >>> _policy(Gauge("exports-per-hour", 100, 58, 3600, 17.2)), _policy(Gauge("exports-waiting", 5, -1, None, None))
    ('"exports-per-hour";q=100;w=3600', '"exports-waiting";q=5')
    """
    return f'"{gauge.name}";q={gauge.most}' + ("" if gauge.window is None else f";w={gauge.window}")


def _limit(gauge: Gauge, passed: float) -> str:
    """
    Return what is left of one quota, `passed` seconds after it was read.

    >>> _limit(Gauge("exports-per-hour", 100, 58, 3600, 17.2), 2)
    '"exports-per-hour";r=58;t=16'
    >>> _limit(Gauge("exports-waiting", 5, -1, None, None), 0)
    '"exports-waiting";r=0'
    """
    left = f'"{gauge.name}";r={max(0, gauge.left)}'
    return left if gauge.seconds is None else f"{left};t={max(1, math.ceil(gauge.seconds - passed))}"
