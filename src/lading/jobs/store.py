"""
Jobs in the database: enqueue, claim, promote, and what a person does to one.

Every state change records its ledger entry.  Takes `tx`, never commits.  What an attempt writes is in `attempts.py`,
leases are in `leases.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from psycopg.types.json import Jsonb

from lading import ids
from lading.db.statements import Statements
from lading.db.transaction import Row, Rows, Transaction
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
_MARKED_TENANTS: Final = 32


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

    def whole(self, tenants: Sequence[UUID], places: Sequence[str]) -> dict[str, object]:
        """Return what claim.sql takes besides, when the turns of those tenants are at those places by now."""
        return {"tenants": tenants, "places": places, "is_reserved": self.is_reserved}


@dataclass(frozen=True, slots=True)
class _Look:
    """What a claim looks for; only one in a batch has a `batch_id`."""

    lease_id: UUID
    kinds: Sequence[str]
    limit: int
    batch_id: UUID | None

    def parameters(self, since: str, **more: object) -> dict[str, object]:
        """Return what claim.sql and claim_free.sql take, `more` of it given."""
        return {
            "lease_id": self.lease_id,
            "kinds": list(self.kinds),
            "limit": self.limit,
            "batch_id": self.batch_id,
            "since": since,
            **more,
        }


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
        await record(tx, entry("job.enqueued", row, actor, kind=job.kind, state=row["state"]))


async def claim(
    tx: Transaction, *, lease_id: UUID, kinds: Sequence[str], limit: int, marks: Marks | None = None
) -> list[Claim]:
    """Return up to `limit` pending jobs, now running on the lease; none when the lease is not alive."""
    await hurry(tx)
    known = marks if marks is not None else Marks(float)
    since = known.since()
    taken = await tx.one(_SQL["take_turns"], lease_id=lease_id, limit=_TENANTS_PER_CLAIM, since=since, without=[])
    turns = await _turns_of(tx, taken, known, since, lease_id=lease_id, waits=True)
    if turns is None:
        return []
    haul = await _take(tx, turns, _Look(lease_id, kinds, limit, None))
    claimed = [job for piece in haul.taken() for job in piece]
    worker = Actor("worker", ids.show(ids.LEASE, lease_id))
    for tenant in {job.tenant_id for job in claimed}:
        mine = [entry("job.claimed", job._asdict(), worker) for job in claimed if job.tenant_id == tenant]
        await record(tx, *mine, tenant=tenant)
    return [Claim(job.tenant_id, job.id, lease_id, job.kind) for job in claimed]


async def claim_batch(
    tx: Transaction,
    *,
    lease_id: UUID,
    kinds: Sequence[str],
    limit: int,
    batch_id: UUID,
    marks: Marks | None = None,
    most: int,
    without: Sequence[UUID] | None,
    on_turns: Callable[[], None],
) -> Haul | None:
    """
    Take the turn of up to `most` tenants, or wait for that of one, and claim and start up to `limit` of their jobs.

    None of these must run alone.  Given `without`, those tenants are left alone, and no turn is waited for.
    `on_turns` is called when turns begin to be held.  None when no tenant has work, or the lease is lost.
    Records nothing: whoever runs the batch writes one ledger entry per tenant.  `hurry` comes first.
    """
    known = marks if marks is not None else Marks(float)
    since, marked = known.since(), known.tenants(_MARKED_TENANTS)
    asked = {"lease_id": lease_id, "limit": most, "since": since, "without": list(without or ())}
    look = _Look(lease_id, kinds, limit, batch_id)
    first = None
    on_turns()
    if marked is None:
        taken = await tx.one(_SQL["take_turns"], **asked)
    else:
        # Whose turns they will be is not known yet: marks of some more tenants cost less than a round trip.
        spans = known.parameters(marked, is_batch=True)
        free = (_SQL["claim_free"], look.parameters(since, **spans))
        taken, first = await tx.one_and_rows((_SQL["take_turns"], asked), taken_of, free)
    turns = await _turns_of(tx, taken, known, since, lease_id=lease_id, waits=without is None)
    if turns is None:
        return None
    if not taken["tenants"]:
        on_turns()  # it was waited for
    is_told = bool(taken["tenants"]) and not turns.is_reserved
    return await _take(tx, turns, look, first if is_told else None)


async def hurry(tx: Transaction) -> None:
    """Set for this transaction what whoever takes turns must: it ends soon if the worker freezes."""
    await tx.run(_SQL["hurry"])


async def _turns_of(
    tx: Transaction, taken: Row, known: Marks, since: str, *, lease_id: UUID, waits: bool
) -> Turns | None:
    tenants, places = taken["tenants"], taken["places"]
    if not tenants:
        waited = await tx.maybe(_SQL["wait_turn"], lease_id=lease_id, since=since) if waits else None
        if waited is None:
            known.found_no_turn()
            return None
        tenants, places = [waited["tenant_id"]], [waited["place"]]
    if taken["is_reserved"]:
        await tx.run(_SQL["reserve"])
    return Turns(tenants, places, taken["top"], since, taken["since"], taken["is_reserved"], known)


async def _take(tx: Transaction, turns: Turns, look: _Look, first: Rows[Taken] | None = None) -> Haul:
    """Claim at the turns; `first` is what claim_free has claimed there already."""
    # Statements of their own: the turns were locked before them, so that they see all that their former holders did.
    known, is_batch, hidden = turns.marks, look.batch_id is not None, None
    is_free, tenants, places = is_batch and not turns.is_reserved, turns.tenants, turns.places
    spans = known.parameters(tenants, is_batch=is_batch)
    if is_free:
        if first is None:
            first = await tx.rows(taken_of, _SQL["claim_free"], **look.parameters(turns.since, **spans))
        if not first:
            # Who is still due is limited by something, or waits for somebody else: the whole claim knows.
            held = await tx.one(_SQL["held_turns"], tenants=tenants)
            is_free, tenants, places = not held["is_due"], held["tenants"], held["places"]
    if first is None or not is_free:
        whole = look.parameters(turns.since, **turns.whole(tenants, places), **spans)
        first = await tx.rows(taken_of, _SQL["claim"], **whole)
    rest = look.limit - len(first)
    if rest > 0 and known.has_any(turns.tenants, is_batch=is_batch) and (begun := known.look_again()) is not None:
        hidden = await _take_hidden(tx, turns, replace(look, limit=rest), is_free=is_free)
        known.looked_again(begun)
    if not is_free:
        for lane in await tx.all(_SQL["changed_lanes"], tenants=turns.tenants):
            await record(tx, _lane_entry(lane), tenant=lane["tenant_id"])

    def learn(claimed: Sequence[Taken]) -> None:
        known.learn(claimed, top=turns.top, since=turns.next_since, is_batch=is_batch, is_all=not hidden)

    return Haul(first, hidden, learn=learn)


async def _take_hidden(tx: Transaction, turns: Turns, look: _Look, *, is_free: bool) -> Rows[Taken]:
    """Claim without marks; the first look has moved the turns."""
    held = (_SQL["held_turns"], {"tenants": turns.tenants})
    if is_free:
        free = (_SQL["claim_free"], look.parameters(turns.since, **NO_SPANS))
        _, hidden = await tx.one_and_rows(held, taken_of, free)
        return hidden
    row = await tx.one(held[0], **held[1])
    whole = look.parameters(turns.since, **turns.whole(row["tenants"], row["places"]), **NO_SPANS)
    return await tx.rows(taken_of, _SQL["claim"], **whole)


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
