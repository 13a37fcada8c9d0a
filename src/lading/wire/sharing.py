"""JSON shapes of what an installation shares out: allocations of tenants, retry policies of classes of faults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from lading.wire.exports import STRICT


@dataclass(frozen=True, slots=True)
class AllocationRequest:
    """
    Body of `PUT /api/v1/allocations/{slug}`.

    `strategy` is unlimited (no `value`), proportional (weight), priority (served before others), reserved (jobs that
    can always run at once) or max_limit (jobs that run at once at most).  Without `max_queued` the limit of the
    installation holds.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    strategy: str
    value: int | None = None
    max_queued: int | None = None
    reason: str = ""
    ticket: str | None = None


@dataclass(frozen=True, slots=True)
class Allocation:
    """
    What part of the installation a tenant has, and how many jobs it may have that have not ended.

    `granted` is what of a reservation living workers have slots for now; null with another strategy.
    """

    tenant: str
    strategy: str
    value: int | None
    max_queued: int | None
    reason: str | None
    ticket: str | None
    version: int
    granted: int | None = None


@dataclass(frozen=True, slots=True)
class AllocationPage:
    """Allocations that were set, by tenant."""

    items: list[Allocation]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class RetryPolicyRequest:
    """
    Body of `PUT /api/v1/retry-policies/{kind}/{class}`.

    `max_attempts` failures end a job; waits are random below a ceiling that doubles from `base_seconds` to
    `cap_seconds`.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    max_attempts: int
    base_seconds: float
    cap_seconds: float
    reason: str = ""
    ticket: str | None = None


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How failures of a class are tried again, for a kind of job or for all (`*`); `is_shipped` when nobody set it."""

    kind: str
    fault_class: str
    max_attempts: int
    base_seconds: float
    cap_seconds: float
    is_shipped: bool
    reason: str | None
    ticket: str | None


@dataclass(frozen=True, slots=True)
class RetryPolicyList:
    """The shipped retry policies and those that the tenant set, by kind and class."""

    items: list[RetryPolicy]
