"""
History: a partition of `finished_jobs` for each month, made ahead, and what is too old deleted.

Any number of processes may call these at any time; a second one finds nothing left to do.  A row is never refused:
what no month's partition takes lands in the default one.  Whole months are dropped; the rest goes in pieces.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg.rows import dict_row

from lading.db.database import Database
from lading.db.statements import Statements
from lading.db.transaction import Role, within
from lading.ledger.entry import Actor, Entry
from lading.ledger.store import record
from lading.tenants.model import INSTANCE_ID

_SQL: Final = Statements(__package__ or "lading.jobs")
_ACTOR: Final = Actor("system", "jobs")
_MONTHS_AHEAD: Final = 2
_MOVABLE: Final = 10_000
_CHUNK: Final = 5_000
_MOST_CHUNKS: Final = 200
_PIECES: Final = {
    "jobs": "history_old_jobs",
    "attempts": "history_old_attempts",
    "leases": "history_old_leases",
    "letters": "history_old_letters",
}


@dataclass(frozen=True, slots=True)
class Pruned:
    """How much was deleted."""

    partitions: int = 0
    jobs: int = 0
    attempts: int = 0
    leases: int = 0
    letters: int = 0

    @property
    def is_nothing(self) -> bool:
        """Return True when there was nothing to delete."""
        return self == Pruned()


async def make_ahead(database: Database) -> int:
    """Make the partitions of this month and the next two; return how many were missing."""
    async with database.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        try:
            await cursor.execute(_SQL["history_ahead"], {"months": _MONTHS_AHEAD, "movable": _MOVABLE})
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            return 0  # somebody reads for long; the default partition takes what comes, and the next sweep tries again
        row = await cursor.fetchone()
        return 0 if row is None else row["made"]


async def prune(database: Database, *, days: int) -> Pruned:
    """Delete what ended more than `days` days ago, and record how much that was."""
    dropped = await _drop(database, days)
    counts = Counter[str]()
    for name, statement in _PIECES.items():
        for _ in range(_MOST_CHUNKS):
            async with database.system() as tx:
                count = await tx.run(_SQL[statement], days=days, limit=_CHUNK)
                if count:
                    await record(tx, _entry(days, {name: count}), tenant=INSTANCE_ID)
            counts[name] += count
            if count < _CHUNK:
                break
    return Pruned(
        partitions=dropped.partitions,
        jobs=dropped.jobs + counts["jobs"],
        attempts=counts["attempts"],
        leases=counts["leases"],
        letters=counts["letters"],
    )


async def _drop(database: Database, days: int) -> Pruned:
    """Drop whole months, as the owner of the table, and record it in the same transaction."""
    async with database.connection() as connection:
        try:
            async with connection.transaction():
                async with connection.cursor(row_factory=dict_row) as cursor:
                    await cursor.execute(_SQL["history_drop"], {"days": days})
                    rows = await cursor.fetchall()
                pruned = Pruned(partitions=len(rows), jobs=sum(row["jobs"] for row in rows))
                if rows:
                    async with within(connection, role=Role.SYSTEM) as tx:
                        counts = {"partitions": pruned.partitions, "jobs": pruned.jobs}
                        await record(tx, _entry(days, counts), tenant=INSTANCE_ID)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            return Pruned()  # somebody reads for long; the next sweep tries again
    return pruned


def _entry(days: int, counts: dict[str, int]) -> Entry:
    return Entry("history.pruned", "instance:history", _ACTOR, {"days": days, **counts})
