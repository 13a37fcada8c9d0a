"""
Jobs in the database: enqueue, claim, promote, and what a person does to one.

Every state change records its ledger entry.  Takes `tx`, never commits.  What an attempt writes is in `attempts.py`,
leases are in `leases.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from psycopg.types.json import Jsonb

from lading import ids
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.errors import Conflict, InvalidTransition, NotFound
from lading.jobs import letters, run_store
from lading.jobs.haul import Haul, taken_of
from lading.jobs.marks import NO_SPANS, Marks, Taken
from lading.jobs.model import Claim, Endings, Fault, Job, NewJob, State
from lading.jobs.rows import SYSTEM, end_row, entry, job_of
from lading.jobs.rules import payload_digest
from lading.ledger.entry import Actor, Entry, grounds
from lading.ledger.store import record

_SQL: Final = Statements(__package__ or "lading.jobs")
_TENANTS_PER_CLAIM: Final = 10


@dataclass(frozen=True, slots=True)
class Turns:
    """
    Turns of tenants that the transaction holds, and what it saw when it took them.

    No turn was earlier than `since`, and none will be than `next_since`; `top` is the last sequence handed out.
    """

    tenants: Sequence[UUID]
    places: Sequence[str]
    top: int
    since: str
    next_since: str
    is_reserved: bool
    marks: Marks


async def enqueue(tx: Transaction, job: NewJob, *, actor: Actor) -> None:
    """Put `job` of the transaction's tenant in the queue; enqueuing the same id again changes nothing."""
    row = await tx.maybe(
        _SQL["enqueue"],
        tenant_id=tx.tenant,
        id=job.id,
        kind=job.kind,
        host=job.host,
        subject=job.subject,
        priority=job.priority,
        due_at=job.due_at,
        payload=Jsonb(dict(job.payload)),
        max_attempts=job.max_attempts,
        max_crashes=job.max_crashes,
        run_id=job.run_id,
        pending_parents=job.pending_parents,
        replay_of=job.replay_of,
        payload_digest=job.payload_digest or payload_digest(job.payload),
        deadline_seconds=job.deadline_seconds,
    )
    if row is not None:
        await record(tx, entry("job.enqueued", row, actor, kind=job.kind))


async def claim(
    tx: Transaction, *, lease_id: UUID, kinds: Sequence[str], limit: int, marks: Marks | None = None
) -> list[Claim]:
    """Return up to `limit` pending jobs, now running on the lease; none when the lease is not alive."""
    await hurry(tx)
    turns = await take_turns(tx, lease_id=lease_id, marks=marks)
    if turns is None:
        return []
    haul = await _take(tx, turns, lease_id=lease_id, kinds=kinds, limit=limit, batch_id=None)
    claimed = [taken for piece in haul.taken() for taken in piece]
    worker = Actor("worker", ids.show(ids.LEASE, lease_id))
    for tenant in {taken.tenant_id for taken in claimed}:
        mine = [entry("job.claimed", taken._asdict(), worker) for taken in claimed if taken.tenant_id == tenant]
        await record(tx, *mine, tenant=tenant)
    return [Claim(taken.tenant_id, taken.id, lease_id, taken.kind) for taken in claimed]


async def claim_batch(
    tx: Transaction, turns: Turns, *, lease_id: UUID, kinds: Sequence[str], limit: int, batch_id: UUID
) -> Haul:
    """
    Claim and start up to `limit` jobs of the tenants whose turn it is in one; none that must run alone.

    Records nothing of them: whoever runs the batch writes one ledger entry per tenant.
    """
    return await _take(tx, turns, lease_id=lease_id, kinds=kinds, limit=limit, batch_id=batch_id)


async def hurry(tx: Transaction) -> None:
    """Set for this transaction what whoever takes turns must: it ends soon if the worker freezes."""
    await tx.run(_SQL["hurry"])


async def take_turns(
    tx: Transaction,
    *,
    lease_id: UUID,
    marks: Marks | None = None,
    most: int = _TENANTS_PER_CLAIM,
    without: Sequence[UUID] | None = None,
) -> Turns | None:
    """
    Take the turn of up to `most` tenants, or wait for that of one; None when none has work, or the lease is lost.

    Given `without`, those tenants are left alone, and no turn is waited for.  `hurry` comes first.
    """
    known = marks if marks is not None else Marks(float)
    since = known.since()
    turns = await tx.one(_SQL["take_turns"], lease_id=lease_id, limit=most, since=since, without=list(without or ()))
    tenants, places = turns["tenants"], turns["places"]
    if not tenants and without is not None:
        known.found_no_turn()
        return None
    if not tenants:
        waited = await tx.maybe(_SQL["wait_turn"], lease_id=lease_id, since=since)
        if waited is None:
            known.found_no_turn()
            return None
        tenants, places = [waited["tenant_id"]], [waited["place"]]
    if turns["is_reserved"]:
        await tx.run(_SQL["reserve"])
    return Turns(tenants, places, turns["top"], since, turns["since"], turns["is_reserved"], known)


async def _take(
    tx: Transaction, turns: Turns, *, lease_id: UUID, kinds: Sequence[str], limit: int, batch_id: UUID | None
) -> Haul:
    # Statements of their own: the turns were locked before them, so that they see all that their former holders did.
    known, is_batch = turns.marks, batch_id is not None
    look: dict[str, object] = {
        "lease_id": lease_id,
        "kinds": list(kinds),
        "tenants": turns.tenants,
        "since": turns.since,
        "is_reserved": turns.is_reserved,
        "batch_id": batch_id,
    }
    spans = known.parameters(turns.tenants, is_batch=is_batch)
    first, hidden, is_free, places = None, None, is_batch and not turns.is_reserved, turns.places
    if is_free:
        first = await tx.rows(taken_of, _SQL["claim_free"], **look, **spans, places=places, limit=limit)
        if not first:
            # Who is still due is limited by something, or waits for somebody else: the whole claim knows.
            held = await tx.one(_SQL["held_turns"], tenants=turns.tenants)
            is_free, places, look["tenants"] = not held["is_due"], held["places"], held["tenants"]
    if first is None or not is_free:
        first = await tx.rows(taken_of, _SQL["claim"], **look, **spans, places=places, limit=limit)
    if len(first) < limit and spans["mark_tenants"] and (begun := known.look_again()) is not None:
        held = await tx.one(_SQL["held_turns"], tenants=turns.tenants)  # the first look has moved them
        look["tenants"], places, rest = held["tenants"], held["places"], limit - len(first)
        again = _SQL["claim_free" if is_free else "claim"]
        hidden = await tx.rows(taken_of, again, **look, **NO_SPANS, places=places, limit=rest)
        known.looked_again(begun)
    if not is_free:
        for lane in await tx.all(_SQL["changed_lanes"], tenants=turns.tenants):
            await record(tx, _lane_entry(lane), tenant=lane["tenant_id"])

    def learn(claimed: Sequence[Taken]) -> None:
        known.learn(claimed, top=turns.top, since=turns.next_since, is_batch=is_batch, is_all=not hidden)

    return Haul(first, hidden, learn=learn)


async def has_waiting(tx: Transaction, kinds: Sequence[str]) -> bool:
    """Tell whether jobs of these kinds wait for nothing but a worker."""
    return (await tx.one(_SQL["waiting_kinds"], kinds=list(kinds)))["is_there"]


async def wake_turns(tx: Transaction) -> int:
    """Give a turn to tenants that were found empty while their next job was being committed; return how many."""
    return await tx.run(_SQL["wake_turns"])


async def cancel(tx: Transaction, job_id: UUID, *, reason: str, actor: Actor, ticket: str | None = None) -> Job:
    """Cancel a job that does not run, or ask the holder of a running one to stop; return it as it is then."""
    row = await tx.maybe(_SQL["lock"], tenant_id=tx.tenant, id=job_id)
    if row is None:
        return await find(tx, job_id)
    if row["state"] == State.RUNNING:
        asked = await tx.maybe(_SQL["request_cancel"], tenant_id=tx.tenant, id=job_id, reason=reason)
        if asked is not None:
            await record(tx, entry("job.cancel_requested", asked, actor, **grounds(reason, ticket)))
        return job_of(asked if asked is not None else row)
    done = await end_row(tx, job_id, "cancelled", Fault("cancelled", reason))
    await record(tx, entry("job.cancelled", done, actor, **grounds(reason, ticket)))
    return job_of(done)


async def prioritise(
    tx: Transaction, job_id: UUID, priority: int, *, actor: Actor, reason: str = "", ticket: str | None = None
) -> Job:
    """Make a waiting job more (higher) or less urgent."""
    row = await tx.maybe(_SQL["prioritise"], tenant_id=tx.tenant, id=job_id, priority=priority)
    if row is None:
        job = await find(tx, job_id)
        raise InvalidTransition(f"{ids.show(ids.JOB, job_id)} is {job.state.value}; only a waiting job has a priority.")
    await record(tx, entry("job.prioritised", row, actor, priority=priority, **grounds(reason, ticket)))
    return job_of(row)


async def revive(
    tx: Transaction, job_id: UUID, endings: Endings, *, reason: str, ticket: str | None, actor: Actor
) -> Job:
    """Put a dead letter in the queue again, under its id and with a fresh budget."""
    await letters.close(tx, job_id, "requeued", reason=reason, ticket=ticket, actor=actor)
    row = await tx.maybe(_SQL["revive"], tenant_id=tx.tenant, id=job_id)
    if row is None:
        raise Conflict(f"{ids.show(ids.JOB, job_id)} is not dead any more; nothing was requeued.")
    job = job_of(row)
    if job.run_id is not None:
        await run_store.admit_revival(tx, job.id, job.run_id)
    if job.kind in endings:
        await endings[job.kind].revived(tx, job, actor)
    return job


async def find(tx: Transaction, job_id: UUID) -> Job:
    """Return the job, live or finished."""
    row = await tx.maybe(_SQL["find"], tenant_id=tx.tenant, id=job_id)
    if row is None:
        raise NotFound(f"There is no job {ids.show(ids.JOB, job_id)}.")
    return job_of(row)


async def promote(tx: Transaction, *, limit: int = 1000) -> int:
    """Make scheduled jobs pending whose time has come; return how many."""
    rows = await tx.all(_SQL["promote"], limit=limit)
    for row in rows:
        await record(tx, entry("job.promoted", row, SYSTEM), tenant=row["tenant_id"])
    return len(rows)


def _lane_entry(lane: Row) -> Entry:
    data = {"kind": lane["kind"], "host": lane["host"], "waiting_for": lane["waiting_for"] or ""}
    event = "lane.released" if lane["waiting_for"] is None else "lane.blocked"
    return Entry(event, f"kind:{lane['kind']}", SYSTEM, data)
