"""
One attempt at one job: start it, run its handler, settle the outcome.

The only place that turns exceptions into outcomes.  Settling is one transaction: the job's end, its effect
(`Done.commit`) and the ledger entry, all under the fence.  When the answer to that commit is lost, the attempt's record
tells what happened; it is never assumed to have failed.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from lading import failpoints
from lading.db.database import Database
from lading.db.transaction import Transaction
from lading.errors import DatabaseUnavailable, ExportError, LadingError, SourceThrottled, StaleLease, StorageFailed
from lading.jobs import attempts
from lading.jobs.endings import follow_up
from lading.jobs.model import (
    Cancelled,
    Claim,
    Dead,
    Done,
    Endings,
    Fault,
    Fence,
    Handler,
    Handlers,
    Job,
    Outcome,
    Retry,
    Snooze,
    Throttled,
    TimedOut,
)

_LOG: Final = logging.getLogger("lading.worker")
_TRIES: Final = 60
_T = TypeVar("_T")


def _nobody(_channel: str) -> None:
    """Hear nothing."""


@dataclass(slots=True)
class Attempt:
    """What the handler sees (jobs.model.Context), and the door through which it is stopped."""

    fence: Fence
    is_draining: bool = False
    cancel_reason: str | None = None
    is_overdue: bool = False
    send: Callable[[str], None] = _nobody
    hinted: set[str] = field(default_factory=set[str])

    @property
    def stopped(self) -> Outcome | None:
        """Return what the attempt came to by being stopped; None while nobody stopped it."""
        if self.cancel_reason is not None:
            return Cancelled(self.cancel_reason)
        return TimedOut() if self.is_overdue else None

    def hint(self, channel: str) -> None:
        """Wake the hearers of `channel` soon."""
        self.hinted.add(channel)
        self.send(channel)

    def hint_again(self) -> None:
        """Wake them once more: what was said before the outcome was committed says nothing of the outcome."""
        for channel in sorted(self.hinted):
            self.send(channel)


async def begin(database: Database, claimed: Claim) -> tuple[Job, Fence] | None:
    """Return the started job and its fence, or None when the lease is lost already; an answer lost is looked up."""

    async def start(number: int) -> tuple[Job, Fence]:
        async with database.tenant(claimed.tenant_id) as tx:
            # Nobody else starts this claim: what we find started, we have started.
            known = await attempts.started(tx, claimed) if number else None
            return known if known is not None else await attempts.start(tx, claimed)

    try:
        return await _patiently(start)
    except StaleLease:
        return None


async def run(handlers: Handlers, job: Job, attempt: Attempt) -> Outcome:
    """Return what the handler's attempt came to; a cancelled task is an outcome when somebody asked for it."""
    try:
        return await _handler(handlers, job.kind).run(job, attempt)
    except StaleLease:
        raise
    except SourceThrottled as error:
        return Throttled(error.retry_after_seconds)
    except ExportError as error:
        fault = Fault(error.code, error.message)
        return Retry(fault) if error.retryable else Dead(fault)
    except DatabaseUnavailable as error:
        return Retry(Fault(error.code, error.message))
    except LadingError as error:
        return Dead(Fault(error.code, error.message))
    except asyncio.CancelledError:
        if attempt.stopped is None:
            raise
        return attempt.stopped
    except MemoryError:
        return Retry(Fault("out-of-memory", "The worker ran out of memory; give it more or export a shorter period."))
    except OSError as error:
        return Retry(Fault(StorageFailed.code, f"The operating system refused a file operation: {error.strerror}."))
    except Exception as error:  # noqa: BLE001 - the last line of defence: a fault in a handler must not take the worker down
        _LOG.exception("job.failed", extra={"job": str(job.id), "kind": job.kind})
        return Retry(Fault("internal-error", f"Unexpected {type(error).__name__}; the worker's log has the details."))


async def settle(database: Database, endings: Endings, fence: Fence, outcome: Outcome, *, kind: str) -> bool:
    """
    Make the outcome durable, all or nothing; return False when another attempt owns the job.

    A database that is away is waited for; what happened to a commit without an answer is looked up.  A result that
    can't be published is a failure of the attempt.  Raises what is left: the job is then to be settled as crashed.
    """

    async def change(number: int) -> bool:
        async with database.tenant(fence.tenant_id) as tx:
            if number and await attempts.outcome_of(tx, fence) is not None:
                return True  # the commit whose answer was lost had happened
            await follow_up(tx, endings, await _apply(tx, fence, outcome))
            failpoints.reach("committing")
        return True

    try:
        return await _patiently(change)
    except StaleLease:
        return False
    except DatabaseUnavailable:
        raise
    except Exception as error:
        if not isinstance(outcome, Done):
            raise
        _LOG.exception("job.not_published", extra={"job": str(fence.job_id), "kind": kind})
        return await settle(database, endings, fence, _unpublished(error), kind=kind)


def _unpublished(error: Exception) -> Outcome:
    if isinstance(error, LadingError):
        return Dead(Fault(error.code, error.message))
    return Retry(Fault("internal-error", f"Unexpected {type(error).__name__}; the worker's log has the details."))


async def _patiently(change: Callable[[int], Awaitable[_T]]) -> _T:
    """Return what `change(number of the try, from 0)` returns; while the database is away, wait and try again."""
    for number in range(_TRIES):
        try:
            return await change(number)
        except DatabaseUnavailable:
            await asyncio.sleep(random.uniform(0.1, min(5.0, 0.2 * 2**number)))  # noqa: S311 - jitter
    return await change(_TRIES)


async def _apply(tx: Transaction, fence: Fence, outcome: Outcome) -> Job:
    match outcome:
        case Done(commit):
            if commit is None:
                return await attempts.complete(tx, fence)
            asked = await attempts.guard(tx, fence)
            if asked.cancel_requested_at is not None:
                # The word had not come through yet; nothing is published that somebody has stopped.
                return await attempts.cancel_running(tx, fence, asked.cancel_reason or "cancelled")
            job = await attempts.complete(tx, fence)
            await commit(tx)
            return job
        case Retry(fault, after_seconds):
            return await attempts.fail(tx, fence, fault, after_seconds=after_seconds)
        case Snooze(seconds, reason):
            return await attempts.snooze(tx, fence, seconds, reason)
        case Throttled(retry_after_seconds):
            return await attempts.throttle(tx, fence, retry_after_seconds)
        case Cancelled(reason):
            return await attempts.cancel_running(tx, fence, reason)
        case TimedOut():
            return await attempts.time_out(tx, fence)
        case Dead(fault):
            return await attempts.kill(tx, fence, fault)


def _handler(handlers: Handlers, kind: str) -> Handler:
    try:
        return handlers[kind]
    except KeyError:
        raise LadingError(f"This worker has no handler for jobs of kind {kind!r}; start one that has.") from None
