"""
Jobs in the database: enqueue, claim, start, and every way an attempt can end.

Each write of an attempt is compared with its Fence in the same transaction; who lost the lease gets StaleLease and has
changed nothing.  Every state change records its ledger entry.  Takes `tx`, never commits.  Leases are in `leases.py`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final, Literal
from uuid import UUID

from psycopg.types.json import Jsonb

from lading import ids
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.errors import Conflict, InvalidTransition, NotFound, StaleLease
from lading.jobs import letters
from lading.jobs.model import Claim, Endings, Fault, Fence, Job, NewJob, State
from lading.jobs.rules import backoff, is_poison, is_spent
from lading.ledger.entry import Actor, Entry, grounds
from lading.ledger.store import record
from lading.limits import breakers
from lading.limits.rules import HOST_FAULTS

_SQL: Final = Statements(__package__ or "lading.jobs")
_SYSTEM: Final = Actor("system", "jobs")
_TENANTS_PER_CLAIM: Final = 10

Ending = Literal["completed", "dead", "cancelled"]


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
    )
    if row is not None:
        await record(tx, _entry("job.enqueued", row, actor, kind=job.kind))


async def claim(tx: Transaction, *, lease_id: UUID, kinds: Sequence[str], limit: int) -> list[Claim]:
    """
    Return up to `limit` pending jobs, now running on the lease; none when the lease is not alive.

    Two statements on purpose: the turns are locked first, so that the second sees all that their former holders did.
    """
    await tx.run(_SQL["hurry"])
    turns = await tx.all(_SQL["take_turns"], lease_id=lease_id, limit=_TENANTS_PER_CLAIM)
    if not turns:
        turns = await tx.all(_SQL["wait_turn"], lease_id=lease_id)
    if not turns:
        return []
    tenants = [row["tenant_id"] for row in turns]
    rows = await tx.all(_SQL["claim"], lease_id=lease_id, kinds=list(kinds), limit=limit, tenants=tenants)
    for lane in await tx.all(_SQL["changed_lanes"], tenants=tenants):
        await record(tx, _lane_entry(lane), tenant=lane["tenant_id"])
    worker = Actor("worker", ids.show(ids.LEASE, lease_id))
    for row in rows:
        await record(tx, _entry("job.claimed", row, worker), tenant=row["tenant_id"])
    return [Claim(row["tenant_id"], row["id"], lease_id, row["kind"]) for row in rows]


async def wake_turns(tx: Transaction) -> int:
    """Give a turn to tenants that were found empty while their next job was being committed; return how many."""
    return await tx.run(_SQL["wake_turns"])


async def start(tx: Transaction, claimed: Claim) -> tuple[Job, Fence]:
    """Count the attempt and return the job with the fence for everything the attempt writes."""
    row = await tx.maybe(_SQL["start"], tenant_id=claimed.tenant_id, id=claimed.job_id, lease_id=claimed.lease_id)
    if row is None:
        raise _stale(claimed.job_id)
    fence = Fence(claimed.tenant_id, claimed.job_id, claimed.lease_id, row["attempt"])
    await tx.run(
        _SQL["start_attempt"],
        tenant_id=fence.tenant_id,
        job_id=fence.job_id,
        attempt=fence.attempt,
        lease_id=fence.lease_id,
    )
    await record(tx, _entry("job.started", row, _worker(fence), attempt=fence.attempt))
    return job_of(row), fence


async def started(tx: Transaction, claimed: Claim) -> tuple[Job, Fence] | None:
    """
    Lock a claimed job; return it with its fence once it was started, None before.

    For whoever lost the answer to `start`, or the process that asked for it.  Raises StaleLease when the claim is over.
    """
    row = await tx.maybe(_SQL["lock"], tenant_id=claimed.tenant_id, id=claimed.job_id)
    if row is None or row["lease_id"] != claimed.lease_id:
        raise _stale(claimed.job_id)
    if row["started_at"] is None:
        return None
    return job_of(row), Fence(claimed.tenant_id, claimed.job_id, claimed.lease_id, row["attempt"])


async def guard(tx: Transaction, fence: Fence) -> Job:
    """Lock the job and return it; raise StaleLease when the attempt does not own it any more."""
    row = await tx.maybe(
        _SQL["guard"], tenant_id=fence.tenant_id, id=fence.job_id, lease_id=fence.lease_id, attempt=fence.attempt
    )
    if row is None:
        raise _stale(fence.job_id)
    return job_of(row)


async def complete(tx: Transaction, fence: Fence) -> Job:
    """End the job as completed."""
    job = await guard(tx, fence)
    await breakers.note_answer(tx, job.host)
    return await _finish(tx, fence, "completed", outcome="completed", event="job.completed")


async def fail(tx: Transaction, fence: Fence, fault: Fault, *, after_seconds: float | None) -> Job:
    """Count a failure: try again later, or end the job: dead when its attempts are spent, cancelled when asked to."""
    job = await guard(tx, fence)
    if job.cancel_requested_at is not None:
        return await cancel_running(tx, fence, job.cancel_reason or "cancelled")
    await _note_fault(tx, job, fault)
    if is_spent(job.failures + 1, job.max_attempts):
        return await _finish(tx, fence, "dead", outcome="failed", event="job.dead", fault=fault, failures=1)
    wait = after_seconds if after_seconds is not None else backoff(job.failures + 1, random.random())  # noqa: S311 - jitter
    return await _put_back(tx, fence, wait, outcome="failed", event="job.retried", fault=fault, failures=1)


async def kill(tx: Transaction, fence: Fence, fault: Fault) -> Job:
    """End the job as dead at once: trying again can't help."""
    job = await guard(tx, fence)
    await _note_fault(tx, job, fault)
    return await _finish(tx, fence, "dead", outcome="failed", event="job.dead", fault=fault, failures=1)


async def cancel_running(tx: Transaction, fence: Fence, reason: str) -> Job:
    """End the job as cancelled by its own attempt."""
    await guard(tx, fence)
    fault = Fault("cancelled", reason)
    return await _finish(tx, fence, "cancelled", outcome="cancelled", event="job.cancelled", fault=fault)


async def snooze(tx: Transaction, fence: Fence, seconds: float, reason: str) -> Job:
    """Put the job back without spending an attempt; end it as cancelled when that was asked for."""
    job = await guard(tx, fence)
    if job.cancel_requested_at is not None:
        return await cancel_running(tx, fence, job.cancel_reason or "cancelled")
    outcome = "released" if seconds <= 0 else "snoozed"
    return await _put_back(tx, fence, seconds, outcome=outcome, event=f"job.{outcome}", reason=reason)


async def crash(tx: Transaction, fence: Fence) -> Job:
    """Count a crash: the worker died under the started attempt.  Too many of them and the job is dead."""
    job = await guard(tx, fence)
    if job.cancel_requested_at is not None:
        return await cancel_running(tx, fence, job.cancel_reason or "cancelled")
    fault = Fault("worker-lost", f"The worker died during attempt {job.attempt}.")
    if is_poison(job.crashes + 1, job.max_crashes):
        return await _finish(tx, fence, "dead", outcome="lost", event="job.dead", fault=fault, crashes=1)
    return await _put_back(tx, fence, 0.0, outcome="lost", event="job.rescued", fault=fault, crashes=1)


async def release(tx: Transaction, job_id: UUID, *, lease_id: UUID) -> Job | None:
    """Give back a claim that was not started; nothing is counted.  Returns the job if this ended it: as cancelled."""
    row = await tx.maybe(_SQL["lock"], tenant_id=tx.tenant, id=job_id)
    if row is None or row["lease_id"] != lease_id or row["started_at"] is not None:
        return None
    if row["cancel_requested_at"] is not None:
        done = await _end_row(tx, job_id, "cancelled", Fault("cancelled", row["cancel_reason"] or "cancelled"))
        await record(tx, _entry("job.cancelled", done, _SYSTEM))
        return job_of(done)
    back = await tx.one(
        _SQL["put_back"], tenant_id=tx.tenant, id=job_id, seconds=0.0, failures=0, crashes=0, error=None
    )
    await record(tx, _entry("job.released", back, Actor("worker", ids.show(ids.LEASE, lease_id))))
    return None


async def cancel(tx: Transaction, job_id: UUID, *, reason: str, actor: Actor, ticket: str | None = None) -> Job:
    """Cancel a job that does not run, or ask the holder of a running one to stop; return it as it is then."""
    row = await tx.maybe(_SQL["lock"], tenant_id=tx.tenant, id=job_id)
    if row is None:
        return await find(tx, job_id)
    if row["state"] == State.RUNNING:
        asked = await tx.maybe(_SQL["request_cancel"], tenant_id=tx.tenant, id=job_id, reason=reason)
        if asked is not None:
            await record(tx, _entry("job.cancel_requested", asked, actor, **grounds(reason, ticket)))
        return job_of(asked if asked is not None else row)
    done = await _end_row(tx, job_id, "cancelled", Fault("cancelled", reason))
    await record(tx, _entry("job.cancelled", done, actor, **grounds(reason, ticket)))
    return job_of(done)


async def prioritise(
    tx: Transaction, job_id: UUID, priority: int, *, actor: Actor, reason: str = "", ticket: str | None = None
) -> Job:
    """Make a waiting job more (higher) or less urgent."""
    row = await tx.maybe(_SQL["prioritise"], tenant_id=tx.tenant, id=job_id, priority=priority)
    if row is None:
        job = await find(tx, job_id)
        raise InvalidTransition(f"{ids.show(ids.JOB, job_id)} is {job.state.value}; only a waiting job has a priority.")
    await record(tx, _entry("job.prioritised", row, actor, priority=priority, **grounds(reason, ticket)))
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
        await record(tx, _entry("job.promoted", row, _SYSTEM), tenant=row["tenant_id"])
    return len(rows)


async def outcome_of(tx: Transaction, fence: Fence) -> str | None:
    """Return how the attempt ended, None while it has not."""
    row = await tx.maybe(_SQL["attempt_outcome"], tenant_id=fence.tenant_id, job_id=fence.job_id, attempt=fence.attempt)
    return None if row is None else row["outcome"]


def job_of(row: Row) -> Job:
    """Return the job of a row of `jobs` or `finished_jobs`."""
    return Job(
        tenant_id=row["tenant_id"],
        id=row["id"],
        kind=row["kind"],
        host=row["host"],
        subject=row["subject"],
        state=State(row["state"]),
        payload=row["payload"],
        attempt=row["attempt"],
        failures=row["failures"],
        crashes=row["crashes"],
        max_attempts=row["max_attempts"],
        max_crashes=row["max_crashes"],
        due_at=row.get("due_at"),
        lease_id=row.get("lease_id"),
        started_at=row.get("started_at"),
        cancel_requested_at=row.get("cancel_requested_at"),
        cancel_reason=row.get("cancel_reason"),
        error=row["error"],
        rev=row["rev"],
    )


async def _finish(
    tx: Transaction,
    fence: Fence,
    state: Ending,
    *,
    outcome: str,
    event: str,
    fault: Fault | None = None,
    failures: int = 0,
    crashes: int = 0,
) -> Job:
    row = await _end_row(tx, fence.job_id, state, fault, failures=failures, crashes=crashes)
    await _end_attempt(tx, fence, outcome, fault)
    if state == "dead" and fault is not None:
        await letters.put(tx, job_of(row), fault)
    data = {} if fault is None else {"code": fault.code}
    await record(tx, _entry(event, row, _worker(fence), attempt=fence.attempt, **data))
    return job_of(row)


async def _note_fault(tx: Transaction, job: Job, fault: Fault) -> None:
    """Tell the breaker of the host: a fault of the host counts, any other answer shows that the host is there."""
    if fault.code in HOST_FAULTS:
        await breakers.note_fault(tx, job.host)
    else:
        await breakers.note_answer(tx, job.host)


async def _put_back(
    tx: Transaction,
    fence: Fence,
    seconds: float,
    *,
    outcome: str,
    event: str,
    fault: Fault | None = None,
    reason: str = "",
    failures: int = 0,
    crashes: int = 0,
) -> Job:
    row = await tx.one(
        _SQL["put_back"],
        tenant_id=fence.tenant_id,
        id=fence.job_id,
        seconds=seconds,
        failures=failures,
        crashes=crashes,
        error=_json(fault),
    )
    await _end_attempt(tx, fence, outcome, fault)
    data = {"code": fault.code} if fault is not None else {"code": reason or outcome}
    await record(tx, _entry(event, row, _worker(fence), attempt=fence.attempt, **data))
    return job_of(row)


async def _end_row(
    tx: Transaction, job_id: UUID, state: Ending, fault: Fault | None, *, failures: int = 0, crashes: int = 0
) -> Row:
    return await tx.one(
        _SQL["finish"],
        tenant_id=tx.tenant,
        id=job_id,
        state=state,
        failures=failures,
        crashes=crashes,
        error=_json(fault),
    )


async def _end_attempt(tx: Transaction, fence: Fence, outcome: str, fault: Fault | None) -> None:
    await tx.run(
        _SQL["end_attempt"],
        tenant_id=fence.tenant_id,
        job_id=fence.job_id,
        attempt=fence.attempt,
        outcome=outcome,
        error=_json(fault),
    )


def _entry(event: str, row: Row, actor: Actor, **data: Any) -> Entry:
    return Entry(event, ids.show(ids.JOB, row["id"]), actor, {**data, "for": row["subject"]}, rev=row["rev"])


def _lane_entry(lane: Row) -> Entry:
    data = {"kind": lane["kind"], "host": lane["host"], "waiting_for": lane["waiting_for"] or ""}
    event = "lane.released" if lane["waiting_for"] is None else "lane.blocked"
    return Entry(event, f"kind:{lane['kind']}", _SYSTEM, data)


def _worker(fence: Fence) -> Actor:
    return Actor("worker", ids.show(ids.LEASE, fence.lease_id))


def _json(fault: Fault | None) -> Jsonb | None:
    return None if fault is None else Jsonb(asdict(fault))


def _stale(job_id: UUID) -> StaleLease:
    return StaleLease(f"The lease on {ids.show(ids.JOB, job_id)} is lost; another worker has the job.")
