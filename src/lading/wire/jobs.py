"""JSON shapes of jobs in API v1: the work behind exports, live and finished."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from lading.wire.exports import STRICT


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
    quota, rate, breaker, blackout, pause, retry, time or worker.
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


@dataclass(frozen=True, slots=True)
class JobDetail(Job):
    """One job with its attempts, oldest first."""

    attempts: list[Attempt]


@dataclass(frozen=True, slots=True)
class JobPage:
    """One page of a list; `next_cursor` is absent at the end."""

    items: list[Job]
    next_cursor: str | None = None
