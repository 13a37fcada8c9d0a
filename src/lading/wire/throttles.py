"""JSON shapes of throttles in API v1: how an operator slows down a tenant, a source, a kind of job or one job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from lading.wire.exports import STRICT

Scope = Literal["tenant", "source", "kind", "job"]


@dataclass(frozen=True, slots=True)
class ThrottleRequest:
    """
    Body of `POST /api/v1/throttles`.

    A source takes `rate` (starts a second) and `burst` (at once, 1 if not given); a kind, or the tenant for all its
    kinds together, `max_active`, `max_per_hour` and `burst`; a job `until`, before which it does not start.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    scope: Scope
    target: str = ""
    rate: float | None = None
    burst: int | None = None
    max_active: int | None = None
    max_per_hour: int | None = None
    until: str | None = None
    reason: str = ""
    ticket: str | None = None


@dataclass(frozen=True, slots=True)
class SetThrottle:
    """What somebody slowed down; a quota is one of a kind or the tenant, a rate limit one of a source."""

    scope: str
    target: str
    rate: float | None
    burst: float | None
    max_active: int | None
    max_per_hour: int | None
    until: str | None
    reason: str | None
    ticket: str | None


@dataclass(frozen=True, slots=True)
class LiftRequest:
    """Body of `DELETE /api/v1/throttles`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    scope: Scope
    target: str = ""
    reason: str = ""
    ticket: str | None = None
