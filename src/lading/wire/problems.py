"""
Problem documents (RFC 9457) and the table of their codes.

The codes are those of `lading.errors`; the HTTP status of each is decided here once, for server and client alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

MEDIA_TYPE: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class ProblemField:
    """One fault in the request; `pointer` is RFC 6901."""

    pointer: str
    detail: str
    code: str


@dataclass(frozen=True, slots=True)
class PolicyViolation:
    """One rule that does not allow what was asked for; `code` says what it is about, `detail` why."""

    policy: str
    revision: int
    rule: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Problem:
    """
    An HTTP error body.

    Of `policy-denied`, `policy`, `revision` and `rule` are those of the first of `violations`; of `quota-exceeded`,
    `violated_policies` are the names that RateLimit-Policy gives them, written `violated-policies` too.
    """

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    errors: list[ProblemField] = field(default_factory=list[ProblemField])
    policy: str | None = None
    revision: int | None = None
    rule: str | None = None
    violations: list[PolicyViolation] | None = None
    violated_policies: list[str] | None = None


STATUS: Final[dict[str, int]] = {
    "bad-request": 400,
    "reason-required": 400,
    "unauthenticated": 401,
    "forbidden": 403,
    "tenant-suspended": 403,
    "policy-denied": 403,
    "not-found": 404,
    "method-not-allowed": 405,
    "request-timeout": 408,
    "conflict": 409,
    "invalid-transition": 409,
    "last-admin": 409,
    "stale-lease": 409,
    "held": 409,
    "in-use": 409,
    "gone": 410,
    "precondition-failed": 412,
    "too-large": 413,
    "unsupported-media-type": 415,
    "range-not-satisfiable": 416,
    "invalid-input": 422,
    "idempotency-key-reused": 422,
    "profile-invalid": 422,
    "policy-invalid": 422,
    "precondition-required": 428,
    "queue-full": 429,
    "quota-exceeded": 429,
    "too-many-downloads": 429,
    "too-many-streams": 429,
    "internal-error": 500,
    "overloaded": 503,
    "environment-unfit": 503,
    "identity-provider-unavailable": 503,
    "database-unavailable": 503,
    "database-too-new": 503,
    "storage-full": 503,
    "storage-failed": 503,
    "signer-unavailable": 503,
}
