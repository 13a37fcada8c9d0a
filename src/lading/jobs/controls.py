"""
What a person does to one job beside cancelling and prioritising it: try it now, do it once more as a copy.

Every change records its ledger entry, with who, that there was a reason, and the ticket.  Takes `tx`, never commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from lading import ids
from lading.db.statements import Statements
from lading.db.transaction import Transaction
from lading.errors import InvalidTransition
from lading.jobs import store
from lading.jobs.model import Endings, Job, NewJob, State
from lading.jobs.rows import entry, job_of
from lading.ledger.entry import Actor, Entry, grounds
from lading.ledger.store import record

_SQL: Final = Statements(__package__ or "lading.jobs")
ENDED: Final = frozenset({State.COMPLETED, State.DEAD, State.CANCELLED})


@dataclass(frozen=True, slots=True)
class Users:
    """Live jobs on a source: how many, and a few of them."""

    count: int
    sample: Sequence[UUID]


async def retry(
    tx: Transaction, job_id: UUID, endings: Endings, *, reason: str, ticket: str | None, actor: Actor
) -> Job:
    """Let a job that waits for its time or its retry run now; requeue one that is dead."""
    job = await store.find(tx, job_id)
    if job.state is State.DEAD:
        return await store.revive(tx, job_id, endings, reason=reason, ticket=ticket, actor=actor)
    row = await tx.maybe(_SQL["hasten"], tenant_id=tx.tenant, id=job_id)
    if row is None:
        how = "; replay it to do it once more" if job.state in ENDED else ""
        raise InvalidTransition(
            f"{ids.show(ids.JOB, job_id)} is {job.state.value}; only a job that waits for its time, or a dead one, can "
            f"be retried{how}."
        )
    await record(tx, entry("job.hastened", row, actor, **grounds(reason, ticket)))
    return job_of(row)


async def replay(
    tx: Transaction,
    job_id: UUID,
    endings: Endings,
    *,
    priority: int,
    reason: str,
    ticket: str | None,
    actor: Actor,
) -> UUID:
    """Put a copy of an ended job in the queue and return its id; nothing of the old one changes."""
    job = await store.find(tx, job_id)
    if job.state not in ENDED:
        raise InvalidTransition(
            f"{ids.show(ids.JOB, job_id)} is {job.state.value}; only a job that has ended can be replayed."
        )
    made = await endings[job.kind].cloned(tx, job, actor) if job.kind in endings else _copy(job)
    copy = replace(made, replay_of=job_id, priority=priority)
    old, new = ids.show(ids.JOB, job_id), ids.show(ids.JOB, copy.id)
    told = grounds(reason, ticket)
    await record(
        tx,
        Entry("job.replayed", old, actor, {**told, "by": new}),
        Entry("job.replayed", new, actor, {**told, "of": old}),
    )
    await store.enqueue(tx, copy, actor=actor)
    return copy.id


async def users_of(tx: Transaction, host: str) -> Users:
    """Return the live jobs on a source."""
    rows = await tx.all(_SQL["host_jobs"], tenant_id=tx.tenant, host=host)
    return Users(rows[0]["count"] if rows else 0, [row["id"] for row in rows])


def _copy(job: Job) -> NewJob:
    job_id, own = ids.new(), ids.show(ids.JOB, job.id)
    return NewJob(
        id=job_id,
        kind=job.kind,
        host=job.host,
        subject=ids.show(ids.JOB, job_id) if job.subject == own else job.subject,
        payload=job.payload,
        max_attempts=job.max_attempts,
        max_crashes=job.max_crashes,
        deadline_seconds=job.deadline_seconds,
        payload_digest=job.payload_digest,
    )
