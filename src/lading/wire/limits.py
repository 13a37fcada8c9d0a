"""JSON shapes of limits in API v1: quotas, rates, pauses, and what they hold back.  `source` names a source."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from lading.wire.exports import STRICT
from lading.wire.throttles import SetThrottle


@dataclass(frozen=True, slots=True)
class QuotaRequest:
    """
    Body of `PUT /api/v1/quotas/{kind}`; the kind `*` is all jobs of the tenant together.

    Null is no limit, `burst` goes with `max_per_hour`.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    max_active: int | None = None
    max_per_hour: int | None = None
    burst: int | None = None
    reason: str = ""
    ticket: str | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """How many jobs of a kind may run at once and start per hour; `active` run now."""

    kind: str
    max_active: int | None
    max_per_hour: int | None
    burst: int | None
    active: int
    version: int
    reason: str | None = None
    ticket: str | None = None


@dataclass(frozen=True, slots=True)
class QuotaList:
    """The quotas of a tenant, by kind."""

    items: list[Quota]


@dataclass(frozen=True, slots=True)
class RateLimitRequest:
    """Body of `PUT /api/v1/rate-limits/{source}`: starts a second, and how many at once."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    rate: float
    burst: float
    reason: str = ""
    ticket: str | None = None


@dataclass(frozen=True, slots=True)
class RateLimit:
    """
    How fast jobs on a source may start; `tokens` starts are left now.

    A source that answers with 429 is called less by itself: `factor` of the rate is left, which makes `effective_rate`,
    and nothing starts before `blocked_until`.  One that `is_learnt` was set by nobody and goes by itself.
    """

    source: str
    rate: float
    burst: float
    tokens: float
    version: int
    factor: float = 1.0
    effective_rate: float = 0.0
    blocked_until: str | None = None
    is_learnt: bool = False
    reason: str | None = None
    ticket: str | None = None


@dataclass(frozen=True, slots=True)
class RateLimitList:
    """The rate limits of a tenant, by source."""

    items: list[RateLimit]


@dataclass(frozen=True, slots=True)
class PauseRequest:
    """
    Body of `POST /api/v1/pauses`.

    `scope` is tenant, source, kind or job; `target` names which one, '' for the tenant.  With `ends_at` it is a
    blackout.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    scope: str
    target: str = ""
    reason: str = ""
    ticket: str | None = None
    starts_at: str | None = None
    ends_at: str | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """
    Something an operator stopped: until it is resumed, or, with `ends_at`, until then.

    One that was lifted says when, by whom and why.
    """

    id: str
    scope: str
    target: str
    reason: str
    ticket: str | None
    created_by: str
    created_at: str
    starts_at: str
    ends_at: str | None
    lifted_at: str | None = None
    lifted_by: str | None = None
    lift_reason: str | None = None
    lift_ticket: str | None = None


@dataclass(frozen=True, slots=True)
class PauseList:
    """The stops that are not over, oldest first; or one page of those that are, newest first."""

    items: list[Pause]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Throttle:
    """A lane that is held back: by what, until when if that is known, since when, and how many jobs wait in it."""

    kind: str
    source: str
    waiting_for: str
    eligible_at: str | None
    since: str
    pending: int


@dataclass(frozen=True, slots=True)
class ThrottleList:
    """
    The lanes that are held back now, and what somebody slowed down.

    Of jobs that are held back one by one `set` names the oldest 1,000; `has_more` says that `GET /api/v1/pauses` lists
    others.
    """

    items: list[Throttle]
    set: list[SetThrottle] = field(default_factory=list[SetThrottle])
    has_more: bool = False


@dataclass(frozen=True, slots=True)
class Breaker:
    """The circuit breaker of a source: closed, open or half_open; an open one lets a probe through at `retry_at`."""

    source: str
    state: str
    failures: int
    retry_at: str | None
    changed_at: str


@dataclass(frozen=True, slots=True)
class BreakerList:
    """The breakers of a tenant, by source."""

    items: list[Breaker]
