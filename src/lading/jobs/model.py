"""
Jobs as values: what is asked for, what was claimed, how an attempt ended.

`jobs` knows a kind as a string and never what it does; a Handler is handed in by wiring.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Protocol, TypeAlias
from uuid import UUID

from lading.db.transaction import Transaction
from lading.ledger.entry import Actor


class State(StrEnum):
    """Where a job is in its life."""

    BLOCKED = "blocked"
    SCHEDULED = "scheduled"
    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    DEAD = "dead"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class NewJob:
    """
    A job to enqueue.

    `subject` is the outer id of what it works for; ledger entries are found by it.  `host` is the name of the source it
    calls, '' if none: rate limits and breakers are per host.  A job with `pending_parents` is blocked until so many
    jobs of its run have ended.  An attempt that lasts longer than `deadline_seconds` is stopped as a failure.
    `payload_digest` tells what is asked for, where the payload only names it; without it, it is that of the payload.
    """

    id: UUID
    kind: str
    subject: str
    payload: Mapping[str, Any] = field(default_factory=dict[str, Any])
    host: str = ""
    priority: int = 0
    due_at: datetime | None = None
    max_attempts: int = 8
    max_crashes: int = 3
    run_id: UUID | None = None
    pending_parents: int = 0
    replay_of: UUID | None = None
    deadline_seconds: int | None = None
    payload_digest: bytes | None = None


class Job(NamedTuple):
    """
    A live or finished job.

    A tuple: a batch makes a thousand of these at once, and a frozen dataclass of as many fields takes 5 µs each.
    `told` is how the ledger names this attempt in the lines of its batch.
    """

    tenant_id: UUID
    id: UUID
    kind: str
    host: str
    subject: str
    state: State
    payload: Mapping[str, Any]
    attempt: int
    failures: int
    crashes: int
    max_attempts: int
    max_crashes: int
    due_at: datetime | None
    lease_id: UUID | None
    started_at: datetime | None
    cancel_requested_at: datetime | None
    cancel_reason: str | None
    error: Mapping[str, Any] | None
    rev: int
    run_id: UUID | None
    replay_of: UUID | None
    payload_digest: bytes | None
    deadline_seconds: int | None
    is_solo: bool
    batch_id: UUID | None = None
    told: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """A job on a lease, not started yet: nothing is counted and it can be released for free."""

    tenant_id: UUID
    job_id: UUID
    lease_id: UUID
    kind: str


class Fence(NamedTuple):
    """Proof of ownership that every write of an attempt is compared with, in the same transaction."""

    tenant_id: UUID
    job_id: UUID
    lease_id: UUID
    attempt: int


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an attempt did not complete."""

    code: str
    message: str


Commit: TypeAlias = Callable[[Transaction], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Done:
    """
    The work is done; `commit` publishes its effect in the transaction that completes the job.

    Without an effect the job of a light kind is completed together with others.
    """

    commit: Commit | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again; `after_seconds` None means full-jitter backoff."""

    fault: Fault
    after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Snooze:
    """Put back without spending an attempt."""

    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Throttled:
    """The host asked to be called less, and maybe for how long (Retry-After): snoozed, and its rate shrinks."""

    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Stopped because somebody asked for it."""

    reason: str


@dataclass(frozen=True, slots=True)
class TimedOut:
    """Stopped because it lasted longer than the job's deadline; a failure that is tried again."""


@dataclass(frozen=True, slots=True)
class Dead:
    """Trying again can't help; a dead letter."""

    fault: Fault


Outcome: TypeAlias = Done | Retry | Snooze | Throttled | Cancelled | TimedOut | Dead


class Context(Protocol):
    """What a handler sees of its worker."""

    @property
    def fence(self) -> Fence:
        """The fence of this attempt."""
        ...

    @property
    def is_draining(self) -> bool:
        """True when the worker shuts down: stop at the next checkpoint."""
        ...

    def hint(self, channel: str) -> None:
        """Wake the hearers of `channel` soon."""
        ...


class Handler(Protocol):
    """
    Does one kind of job.

    A handler whose class says `is_light = True` is given many jobs at once, in one process: it waits without holding
    the interpreter, and each of its jobs takes little of it.
    """

    async def run(self, job: Job, context: Context) -> Outcome:
        """Do the work; may be called again for the same job with a higher attempt."""
        ...


class Ending(Protocol):
    """Follows up on one kind of job; apart from Handler, because who only supervises loads none of the work's code."""

    async def ended(self, tx: Transaction, job: Job) -> None:
        """Follow up, in the same transaction, on a job that ended dead or cancelled."""
        ...

    async def revived(self, tx: Transaction, job: Job, actor: Actor) -> None:
        """Follow up, in the same transaction, on a dead job that was requeued; raise Conflict to refuse."""
        ...

    async def cloned(self, tx: Transaction, job: Job, actor: Actor) -> NewJob:
        """Return what does the work of an ended job once more and leaves its result alone; raise Conflict to refuse."""
        ...

    async def planned(self, tx: Transaction, payload: Mapping[str, Any], *, job_id: UUID, actor: Actor) -> NewJob:
        """
        Make what a node of a run works for, as `payload` asks for it, and return the job of the node.

        InvalidInput names the fields of `payload` that are wrong.
        """
        ...


Handlers: TypeAlias = Mapping[str, Handler]
Endings: TypeAlias = Mapping[str, Ending]
