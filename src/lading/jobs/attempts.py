"""
What an attempt writes: its start, and every way it can end.

Each write is compared with the attempt's Fence in the same transaction; who lost the lease gets StaleLease and has
changed nothing.  Every state change records its ledger entry.  Takes `tx`, never commits.
"""

from __future__ import annotations

import random
from typing import Final, Literal
from uuid import UUID

from lading import ids
from lading.db.statements import Statements
from lading.db.transaction import Transaction
from lading.errors import StaleLease
from lading.jobs import letters, policies
from lading.jobs.model import Claim, Fault, Fence, Job
from lading.jobs.retries import SHIPPED, backoff, class_of, is_spent, parking
from lading.jobs.rows import SYSTEM, Ending, end_row, entry, fault_json, job_of
from lading.jobs.rules import RATE_LIMITED, is_poison
from lading.ledger.entry import Actor
from lading.ledger.store import record
from lading.limits import breakers, budgets, throttling
from lading.limits.adaptation import snoozing
from lading.limits.rules import HOST_FAULTS

_SQL: Final = Statements(__package__ or "lading.jobs")
DEADLINE_EXCEEDED: Final = "deadline-exceeded"


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
    await record(tx, entry("job.started", row, _worker(fence), attempt=fence.attempt))
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


async def guard(tx: Transaction, fence: Fence, *, maybe_unstarted: bool = False) -> Job:
    """
    Lock the job and return it; raise StaleLease when the attempt does not own it any more.

    A claim of which no attempt has begun is owned by none, unless it is looked at `maybe_unstarted`.
    """
    row = await tx.maybe(
        _SQL["guard"],
        tenant_id=fence.tenant_id,
        id=fence.job_id,
        lease_id=fence.lease_id,
        attempt=fence.attempt,
        maybe_unstarted=maybe_unstarted,
    )
    if row is None:
        raise _stale(fence.job_id)
    return job_of(row)


async def progressed(tx: Transaction, fence: Fence) -> None:
    """Remember that the attempt came forward; what has not for long is found by `views.page` as quiet."""
    await tx.run(
        _SQL["progressed"],
        tenant_id=fence.tenant_id,
        id=fence.job_id,
        lease_id=fence.lease_id,
        attempt=fence.attempt,
    )


async def complete(tx: Transaction, fence: Fence) -> Job:
    """End the job as completed."""
    job = await guard(tx, fence)
    await breakers.note_answer(tx, job.host)
    return await _finish(tx, fence, "completed", outcome="completed", event="job.completed")


async def fail(
    tx: Transaction,
    fence: Fence,
    fault: Fault,
    *,
    after_seconds: float | None,
    outcome: Literal["failed", "timed_out"] = "failed",
) -> Job:
    """Count a failure: try again later, or end the job: dead when its attempts are spent, cancelled when asked to."""
    job = await guard(tx, fence)
    if job.cancel_requested_at is not None:
        return await cancel_running(tx, fence, job.cancel_reason or "cancelled")
    await _note_fault(tx, job, fault)
    fault_class = class_of(fault.code)
    policy = SHIPPED.get(fault_class) and await policies.of(tx, job.kind, fault_class)
    if policy is None or is_spent(job.failures + 1, policy, job.max_attempts):
        return await _finish(tx, fence, "dead", outcome=outcome, event="job.dead", fault=fault, failures=1)
    chance = random.random()  # noqa: S311 - jitter
    wait = after_seconds if after_seconds is not None else backoff(job.failures + 1, policy, chance)
    event, parked = "job.retried", parking(policy, chance)
    if not await budgets.spend(tx, job.host, parking_seconds=parked):
        event, wait = "job.parked", max(wait, parked)
    return await _put_back(tx, fence, wait, outcome=outcome, event=event, fault=fault, failures=1)


async def time_out(tx: Transaction, fence: Fence) -> Job:
    """Count a failure of an attempt that was stopped because it lasted longer than the job's deadline."""
    job = await guard(tx, fence)
    message = (
        f"The attempt was stopped at its deadline of {job.deadline_seconds} s; ask for less, or raise the deadline."
    )
    return await fail(tx, fence, Fault(DEADLINE_EXCEEDED, message), after_seconds=None, outcome="timed_out")


async def kill(tx: Transaction, fence: Fence, fault: Fault) -> Job:
    """End the job as dead at once: trying again can't help."""
    job = await guard(tx, fence)
    await _note_fault(tx, job, fault)
    return await _finish(tx, fence, "dead", outcome="failed", event="job.dead", fault=fault, failures=1)


async def cancel_running(tx: Transaction, fence: Fence, reason: str) -> Job:
    """End the job as cancelled by its own attempt."""
    job = await guard(tx, fence)
    fault = Fault("cancelled", job.cancel_reason or reason)  # the worker's words may have been erased since
    return await _finish(tx, fence, "cancelled", outcome="cancelled", event="job.cancelled", fault=fault)


async def snooze(tx: Transaction, fence: Fence, seconds: float, reason: str, *, fault: Fault | None = None) -> Job:
    """Put the job back without spending an attempt; end it as cancelled when that was asked for."""
    job = await guard(tx, fence)
    if job.cancel_requested_at is not None:
        return await cancel_running(tx, fence, job.cancel_reason or "cancelled")
    outcome = "released" if seconds <= 0 else "snoozed"
    return await _put_back(tx, fence, seconds, outcome=outcome, event=f"job.{outcome}", fault=fault, reason=reason)


async def throttle(tx: Transaction, fence: Fence, retry_after_seconds: float | None) -> Job:
    """Snooze a job whose host answered with a 429, however often it does, and call that host less."""
    job = await guard(tx, fence)
    await throttling.shrink(tx, job.host, retry_after_seconds=retry_after_seconds)
    seconds = snoozing(retry_after_seconds, random.random())  # noqa: S311 - jitter
    who = f"The source {job.host}" if job.host else "Its host"
    fault = Fault(RATE_LIMITED, f"{who} asked to be called less (429); the job goes on by itself.")
    return await snooze(tx, fence, seconds, RATE_LIMITED, fault=fault)


async def crash(tx: Transaction, fence: Fence) -> Job:
    """
    Count a crash: the worker died under the started attempt.  Too many of them and the job is dead.

    A job lost in a batch may be as innocent as the others in it: it counts no crash, and runs alone from now on.
    """
    job = await guard(tx, fence)
    if job.cancel_requested_at is not None:
        return await cancel_running(tx, fence, job.cancel_reason or "cancelled")
    fault = Fault("worker-lost", f"The worker died during attempt {job.attempt}.")
    if job.batch_id is not None:
        return await _put_back(tx, fence, 0.0, outcome="lost", event="job.rescued", fault=fault, is_solo=True)
    if is_poison(job.crashes + 1, job.max_crashes):
        return await _finish(tx, fence, "dead", outcome="lost", event="job.dead", fault=fault, crashes=1)
    return await _put_back(tx, fence, 0.0, outcome="lost", event="job.rescued", fault=fault, crashes=1)


async def release(tx: Transaction, job_id: UUID, *, lease_id: UUID) -> Job | None:
    """Give back a claim that was not started; nothing is counted.  Returns the job if this ended it: as cancelled."""
    row = await tx.maybe(_SQL["lock"], tenant_id=tx.tenant, id=job_id)
    if row is None or row["lease_id"] != lease_id or row["started_at"] is not None:
        return None
    if row["cancel_requested_at"] is not None:
        done = await end_row(tx, job_id, "cancelled", Fault("cancelled", row["cancel_reason"] or "cancelled"))
        await record(tx, entry("job.cancelled", done, SYSTEM))
        return job_of(done)
    back = await tx.one(
        _SQL["put_back"], tenant_id=tx.tenant, id=job_id, seconds=0.0, failures=0, crashes=0, is_solo=False, error=None
    )
    worker = Actor("worker", ids.show(ids.LEASE, lease_id))
    await record(tx, entry("job.released", back, worker, state=back["state"]))
    return None


async def outcome_of(tx: Transaction, fence: Fence) -> str | None:
    """Return how the attempt ended, None while it has not."""
    row = await tx.maybe(_SQL["attempt_outcome"], tenant_id=fence.tenant_id, job_id=fence.job_id, attempt=fence.attempt)
    return None if row is None else row["outcome"]


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
    await _end_attempt(tx, fence, outcome, fault)
    row = await end_row(tx, fence.job_id, state, fault, failures=failures, crashes=crashes)
    if state == "dead" and fault is not None:
        await letters.put(tx, job_of(row), fault)
    data = {} if fault is None else {"code": fault.code}
    await record(tx, entry(event, row, _worker(fence), attempt=fence.attempt, **data))
    return job_of(row)


async def _note_fault(tx: Transaction, job: Job, fault: Fault) -> None:
    """Tell the breaker of the host: a fault of the host counts, any other answer shows that the host is there."""
    if fault.code == DEADLINE_EXCEEDED:
        return  # neither: whether the host answered before the attempt was stopped is not known
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
    is_solo: bool = False,
) -> Job:
    await _end_attempt(tx, fence, outcome, fault)
    row = await tx.one(
        _SQL["put_back"],
        tenant_id=fence.tenant_id,
        id=fence.job_id,
        seconds=seconds,
        failures=failures,
        crashes=crashes,
        is_solo=is_solo,
        error=fault_json(fault),
    )
    code = fault.code if fault is not None else reason or outcome
    await record(tx, entry(event, row, _worker(fence), attempt=fence.attempt, code=code, state=row["state"]))
    return job_of(row)


async def _end_attempt(tx: Transaction, fence: Fence, outcome: str, fault: Fault | None) -> None:
    await tx.run(
        _SQL["end_attempt"],
        tenant_id=fence.tenant_id,
        job_id=fence.job_id,
        attempt=fence.attempt,
        outcome=outcome,
        error=fault_json(fault),
    )


def _worker(fence: Fence) -> Actor:
    return Actor("worker", ids.show(ids.LEASE, fence.lease_id))


def _stale(job_id: UUID) -> StaleLease:
    return StaleLease(f"The lease on {ids.show(ids.JOB, job_id)} is lost; another worker has the job.")
