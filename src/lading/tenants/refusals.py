"""
What the ledger is told of those who are not let in: enough to see it, never a flood of entries for one of tokens.

Per tenant, subject and reason one entry in ten minutes, over all processes; it counts those since the last one that
this process saw.  Of tokens that nobody here knows only the log tells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from lading.canonical import Json
from lading.db.database import Database
from lading.db.pruning import prune
from lading.db.statements import Statements
from lading.ledger.entry import Actor, Entry
from lading.ledger.store import record

_SQL: Final = Statements(__package__ or "lading.tenants")
NOTED_EVERY_SECONDS: Final = 600.0
_MOST_REMEMBERED: Final = 10_000


async def forget(database: Database) -> int:
    """Forget of whom the ledger was told so long ago that it is told anew; return how many."""
    return await prune(database, _SQL["prune_login_refusals"], seconds=NOTED_EVERY_SECONDS)


@dataclass(slots=True)
class _Seen:
    at: float
    count: int = 0


class Refusals:
    """Remembers when the ledger was told of what; `clock` is any monotonic one, in seconds."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock: Final = clock
        self._seen: Final[dict[tuple[UUID, str, str], _Seen]] = {}

    async def note(
        self,
        database: Database,
        tenant_id: UUID,
        *,
        event: str,
        subject: str,
        reason: str,
        actor: Actor,
        data: Mapping[str, Json],
    ) -> None:
        """Record that somebody was refused, unless that was told a short while ago."""
        now, key = self._clock(), (tenant_id, subject, reason)
        if key not in self._seen and len(self._seen) >= _MOST_REMEMBERED:
            self._seen.clear()
        seen = self._seen.setdefault(key, _Seen(now - NOTED_EVERY_SECONDS))
        seen.count += 1
        if now - seen.at < NOTED_EVERY_SECONDS:
            return
        told = {**data, "refused": seen.count}
        seen.at, seen.count = now, 0
        async with database.tenant(tenant_id) as tx:
            turn = await tx.maybe(
                _SQL["note_login_refusal"],
                tenant_id=tenant_id,
                subject=subject,
                reason=reason,
                seconds=NOTED_EVERY_SECONDS,
            )
            if turn is not None:
                await record(tx, Entry(event, subject, actor, told))
