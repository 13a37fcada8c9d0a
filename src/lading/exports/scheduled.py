"""
Exports that a schedule made: which one, kept with the export whatever becomes of the schedule; and those it may not.

Takes `tx`.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from lading.db.statements import Statements
from lading.db.transaction import Transaction
from lading.errors import PolicyDenied
from lading.exports import policies
from lading.exports.model import JOB_KIND
from lading.jobs.model import NewJob
from lading.ledger.entry import Actor

_SQL: Final = Statements("lading.exports")


async def tie(tx: Transaction, job: NewJob, schedule_id: UUID) -> None:
    """Note on the export of a new job that the schedule made it; other jobs are left alone."""
    if job.kind == JOB_KIND:
        await tx.run(_SQL["tie_schedule"], tenant_id=tx.tenant, id=UUID(job.payload["export"]), schedule_id=schedule_id)


async def refused(tx: Transaction, refusal: PolicyDenied, actor: Actor) -> None:
    """Tell the ledger that a policy lets no export of a slot be made."""
    if refusal.violations:
        await policies.note_in(tx, refusal, actor=actor)
