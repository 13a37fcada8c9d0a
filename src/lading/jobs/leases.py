"""
Leases: which worker processes are alive, by the database's clock alone.

One row per process; a job only names it.  Whatever runs on a lease that is not alive is an orphan and is rescued,
each job in a transaction of its own tenant, so that one that can't be rescued does not hold up the others.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from lading.db.statements import Statements
from lading.db.transaction import Transaction
from lading.jobs import attempts
from lading.jobs.model import Claim, Fence, Job

_SQL: Final = Statements(__package__ or "lading.jobs")


@dataclass(frozen=True, slots=True)
class Orphan:
    """A running job that nobody cares for: its lease is not alive, or its worker lets it overrun its deadline."""

    tenant_id: UUID
    job_id: UUID
    lease_id: UUID
    attempt: int


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """A running job that somebody wants stopped."""

    tenant_id: UUID
    job_id: UUID
    reason: str


async def open_lease(tx: Transaction, lease_id: UUID, *, worker: str, seconds: float) -> None:
    """Register a worker process for `seconds`."""
    await tx.run(_SQL["open_lease"], id=lease_id, worker=worker, seconds=seconds)


async def resize(tx: Transaction, lease_id: UUID, *, slots: int) -> None:
    """Say how many jobs the worker can run at once."""
    await tx.run(_SQL["resize_lease"], id=lease_id, slots=slots)


async def renew(tx: Transaction, lease_id: UUID, *, seconds: float) -> bool:
    """Return True when the lease now lasts `seconds` more, False when it is lost."""
    return await tx.maybe(_SQL["renew_lease"], id=lease_id, seconds=seconds) is not None


async def close(tx: Transaction, lease_id: UUID) -> None:
    """Say goodbye; what is still held becomes an orphan at once."""
    await tx.run(_SQL["close_lease"], id=lease_id)


async def cancel_requests(tx: Transaction, lease_id: UUID) -> list[CancelRequest]:
    """Return the jobs of the lease that should stop."""
    rows = await tx.all(_SQL["cancel_requests"], lease_id=lease_id)
    return [CancelRequest(row["tenant_id"], row["id"], row["reason"]) for row in rows]


async def held(tx: Transaction, lease_id: UUID) -> list[Claim]:
    """Return what the lease holds, started or not."""
    rows = await tx.all(_SQL["held"], lease_id=lease_id)
    return [Claim(row["tenant_id"], row["id"], lease_id, row["kind"]) for row in rows]


async def expire(tx: Transaction, *, seconds: float) -> int:
    """Expire the leases that ran out (`seconds` is the length of a lease); return how many."""
    return await tx.run(_SQL["expire_leases"], seconds=seconds)


async def orphans(tx: Transaction, *, without: Collection[UUID] = (), limit: int = 100) -> list[Orphan]:
    """Return running jobs whose lease is not alive, longest held first; none of the jobs in `without`."""
    rows = await tx.all(_SQL["orphans"], without=list(without), limit=limit)
    return [Orphan(row["tenant_id"], row["id"], row["lease_id"], row["attempt"]) for row in rows]


async def overdue(
    tx: Transaction, *, grace_seconds: float, without: Collection[UUID] = (), limit: int = 100
) -> list[Orphan]:
    """Return attempts whose worker lives and has not stopped them `grace_seconds` after their deadline."""
    rows = await tx.all(_SQL["overdue"], grace_seconds=grace_seconds, without=list(without), limit=limit)
    return [Orphan(row["tenant_id"], row["id"], row["lease_id"], row["attempt"]) for row in rows]


async def fence_out(tx: Transaction, found: Orphan) -> Job:
    """Take an overdue job from its worker, as a failure; raise StaleLease when the attempt ended meanwhile."""
    return await attempts.time_out(tx, _fence(found))


async def rescue(tx: Transaction, orphan: Orphan) -> Job | None:
    """
    Take the job back: a started attempt counts as a crash, an unstarted claim as nothing.

    Returns the job when an attempt was lost or the job ended, None when it just waits again.  Raises StaleLease when it
    is no orphan any more: its worker completed it, or another sweep was faster.
    """
    job = await attempts.guard(tx, _fence(orphan), maybe_unstarted=True)
    if job.started_at is not None:
        return await attempts.crash(tx, _fence(orphan))
    return await attempts.release(tx, orphan.job_id, lease_id=orphan.lease_id)


def _fence(orphan: Orphan) -> Fence:
    return Fence(orphan.tenant_id, orphan.job_id, orphan.lease_id, orphan.attempt)
