"""
Limits as values: what holds a lane {tenant, kind, host} back, and what an operator may set.

A host is the name of a source; `''` is a job that calls none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class WaitingFor(StrEnum):
    """Why a job that could run does not."""

    QUOTA = "quota"
    RATE = "rate"
    BREAKER = "breaker"
    BLACKOUT = "blackout"
    PAUSE = "pause"
    RETRY = "retry"


class Scope(StrEnum):
    """What a pause or blackout is about."""

    TENANT = "tenant"
    SOURCE = "source"
    KIND = "kind"
    JOB = "job"


@dataclass(frozen=True, slots=True)
class Bucket:
    """
    Jobs on `host` may start `rate` times a second, `burst` at once; `tokens` are left now.

    Of the rate `factor` is left by the host's 429; nothing starts before `blocked_until`.  One that `is_learnt` was set
    by nobody: it came with a 429 and goes when its factor is whole.
    """

    host: str
    rate: float
    burst: float
    tokens: float
    version: int
    reason: str | None = None
    ticket: str | None = None
    factor: float = 1.0
    blocked_until: datetime | None = None
    is_learnt: bool = False


@dataclass(frozen=True, slots=True)
class Quota:
    """Jobs of `kind`: at most `max_active` at once, `max_per_hour` starts with a `burst` of them; None is no limit."""

    kind: str
    max_active: int | None
    max_per_hour: int | None
    burst: int | None
    active: int
    version: int
    reason: str | None = None
    ticket: str | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """
    An operator's stop: without `ends_at` it lasts until it is resumed, with it it is a blackout.

    One that was lifted says when, by whom and why; it ended then.
    """

    id: UUID
    scope: Scope
    target: str
    reason: str
    ticket: str | None
    created_by: str
    created_at: datetime
    starts_at: datetime
    ends_at: datetime | None
    lifted_at: datetime | None = None
    lifted_by: str | None = None
    lift_reason: str | None = None
    lift_ticket: str | None = None


@dataclass(frozen=True, slots=True)
class Throttle:
    """A lane that is held back: by what, until when if that is known, since when, and how many jobs wait in it."""

    kind: str
    host: str
    waiting_for: WaitingFor
    eligible_at: datetime | None
    since: datetime
    pending: int


@dataclass(frozen=True, slots=True)
class Breaker:
    """The circuit breaker of a host: `retry_at` is when an open one lets a probe through."""

    host: str
    state: str
    failures: int
    retry_at: datetime | None
    changed_at: datetime
