"""
Retry budgets: what a host's answers have earned may be spent on trying its failures again.

Without one, the retries of an outage are a second storm on a host that has just come back.  A budget is a row per
{tenant, host}, made by the first retry.  An answer touches it only while it is not full and nobody else does, so that a
healthy host has no hot row; what an answer fails to earn that way does no harm.  Takes `tx`, never commits.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from lading.db.statements import Statements
from lading.db.transaction import Transaction
from lading.limits.adaptation import CAP, EARNED_PER_ANSWER, TRICKLE_PER_SECOND, spent

_SQL: Final = Statements("lading.limits")


async def spend(tx: Transaction, host: str, *, parking_seconds: float) -> bool:
    """Take one retry of `host` from its budget; False when none is left: the job is to be parked for so long."""
    if not host:
        return True
    row = await tx.one(_SQL["lock_budget"], tenant_id=tx.tenant, host=host, cap=CAP)
    left, is_granted = spent(row["tokens"], row["seconds"])
    await tx.run(
        _SQL["set_budget"],
        tenant_id=tx.tenant,
        host=host,
        tokens=left,
        parking_seconds=None if is_granted else parking_seconds,
    )
    return is_granted


async def earn(tx: Transaction, host: str, tenant: UUID, *, answers: int = 1) -> None:
    """Let each answer of `host` earn its part of a retry."""
    await tx.run(
        _SQL["earn_retry"],
        tenant_id=tenant,
        host=host,
        cap=CAP,
        trickle=TRICKLE_PER_SECOND,
        earned=EARNED_PER_ANSWER * answers,
    )
