"""JSON shapes of jobs in API v1: live and finished, how they are made and steered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from lading.wire.exports import STRICT

Action = Literal["cancel", "prioritise", "retry", "replay", "pause", "resume"]


@dataclass(frozen=True, slots=True)
class Grounds:
    """Why somebody does this: `reason` is required, without one the answer is 400; `ticket` names where it is filed."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    reason: str = ""
    ticket: str | None = None


@dataclass(frozen=True, slots=True)
class PriorityRequest:
    """Body of `POST /api/v1/jobs/{id}/prioritise`; from -100 to 100, higher is sooner."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    priority: int
    reason: str = ""
    ticket: str | None = None


@dataclass(frozen=True, slots=True)
class JobRequest:
    """
    Body of `POST /api/v1/jobs`; only of kinds that may be created directly (`GET /api/v1/kinds`).

    `source` is the source it calls, `priority` from -100 to 100, `due_at` when it may begin, `subject` what it works
    for (an id, no prose).  An attempt that lasts longer than `deadline_seconds` is stopped.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    kind: str
    payload: dict[str, Any] = field(default_factory=dict[str, Any])
    source: str = ""
    priority: int = 0
    due_at: str | None = None
    max_attempts: int | None = None
    deadline_seconds: int | None = None
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class JobBatchRequest:
    """Body of `POST /api/v1/jobs/batch`: 1 to 1000 jobs, of which all are made or none."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    jobs: list[JobRequest]


@dataclass(frozen=True, slots=True)
class JobBatch:
    """The ids of the jobs that were made, in the order in which they were given."""

    jobs: list[str]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of job, and whether it may be created directly."""

    name: str
    may_create: bool
    description: str


@dataclass(frozen=True, slots=True)
class KindList:
    """The kinds that this Lading knows."""

    items: list[Kind]


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """Body of `POST /api/v1/jobs/{id}/replay`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    reason: str = ""
    ticket: str | None = None
    priority: int = 100


@dataclass(frozen=True, slots=True)
class ActionFilter:
    """
    Which jobs; all that is given must match.

    Without `state` those on which the action may work.  `code` is that of the last fault; they were made from
    `created_from` on and before `created_to`.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    state: list[str] = field(default_factory=list[str])
    kind: str | None = None
    source: str | None = None
    subject: str | None = None
    run: str | None = None
    code: str | None = None
    created_from: str | None = None
    created_to: str | None = None


@dataclass(frozen=True, slots=True)
class ActionRequest:
    """
    Body of `POST /api/v1/jobs/actions`: do `action` to the jobs that `filter` names, each in its own transaction.

    A filter that names nothing needs `all`.  `priority` goes with prioritise and replay.  At most `limit` at once;
    `cursor` goes on where the answer before ended.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    action: Action
    dry_run: bool
    filter: ActionFilter = field(default_factory=ActionFilter)
    all: bool = False
    priority: int | None = None
    reason: str = ""
    ticket: str | None = None
    limit: int = 1000
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class ActionRefusal:
    """A job that was left as it is, and why."""

    id: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class ActionResult:
    """
    How many jobs matched, how many were done, which were refused; a dry run does none.

    `sample` names the first ten that matched.  With `has_more`, `next_cursor` leads on to those that were not met yet.
    """

    action: str
    dry_run: bool
    matched: int
    done: int
    refused: list[ActionRefusal]
    sample: list[str]
    has_more: bool
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class JobFault:
    """Why the last attempt failed, or why the job ended."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a job; `outcome` is null while it goes on."""

    attempt: int
    started_at: str
    ended_at: str | None
    outcome: str | None
    error: JobFault | None


@dataclass(frozen=True, slots=True)
class Job:
    """
    One job.

    `source` is the source it reads ('' if none), `subject` what it works for.  `waiting_for` says why it does not run:
    parents, approval, quota, rate, breaker, blackout, pause, retry, time or worker.  A replay names the job it does
    once more and has its `payload_digest`: the SHA-256 of what is asked for.
    """

    id: str
    kind: str
    source: str
    subject: str
    state: str
    priority: int
    attempt: int
    failures: int
    crashes: int
    max_attempts: int
    waiting_for: str | None
    eligible_at: str | None
    error: JobFault | None
    created_at: str
    started_at: str | None
    ended_at: str | None
    cancel_requested_at: str | None
    run: str | None
    replay_of: str | None
    payload_digest: str | None
    deadline_seconds: int | None


@dataclass(frozen=True, slots=True)
class JobDetail(Job):
    """One job with its latest 200 attempts, oldest first, and its payload, if its kind lets people see it."""

    attempts: list[Attempt]
    payload: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class JobPage:
    """One page of a list; `next_cursor` is absent at the end."""

    items: list[Job]
    next_cursor: str | None = None
