"""
Jobs that are blocked until somebody lets them go: a block counts as one parent more that the job waits for.

So claims never see such a job, and it stays blocked until its parents have ended, too.  `NewJob.pending_parents` sets
the block.  Takes `tx`, never commits.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from lading import ids
from lading.db.statements import Statements
from lading.db.transaction import Transaction
from lading.errors import InvalidTransition
from lading.jobs.rows import entry
from lading.ledger.entry import Actor
from lading.ledger.store import record

_SQL: Final = Statements(__package__ or "lading.jobs")


async def lock(tx: Transaction, job_id: UUID) -> None:
    """Lock a job whose block is to be lifted, its run before it, as everybody does."""
    run = await tx.maybe(_SQL["block_run"], tenant_id=tx.tenant, id=job_id)
    if run is not None and run["stop_code"] is not None:
        raise InvalidTransition("Its run was stopped; nothing of it starts any more.")
    await tx.maybe(_SQL["lock"], tenant_id=tx.tenant, id=job_id)


async def lift(tx: Transaction, job_id: UUID, *, actor: Actor) -> None:
    """Let a locked job go on, as far as this block kept it."""
    row = await tx.maybe(_SQL["block_lift"], tenant_id=tx.tenant, id=job_id)
    if row is None:
        raise InvalidTransition(f"{ids.show(ids.JOB, job_id)} is not blocked any more.")
    await record(tx, entry("job.unblocked", row, actor, state=row["state"]))
