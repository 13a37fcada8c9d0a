"""The follow-up on a job that ended without its effect; in the transaction that ended it, whoever that was."""

from __future__ import annotations

from lading.db.transaction import Transaction
from lading.jobs.model import Endings, Job, State


async def follow_up(tx: Transaction, endings: Endings, job: Job | None) -> None:
    """Tell the job's kind when the job ended dead or cancelled; a kind that nobody knows here has nothing to follow."""
    if job is not None and job.state in {State.DEAD, State.CANCELLED} and job.kind in endings:
        await endings[job.kind].ended(tx, job)
