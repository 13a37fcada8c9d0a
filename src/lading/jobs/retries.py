"""
What a failure is, and so whether and when its job is tried again: pure decisions.

Every code of a fault belongs to one class, and a class has a policy: how many failures end the job, how long to wait.
Waits are full jitter (AWS Builders' Library, "Timeouts, retries and backoff with jitter"): spread, not synchronised.
A job counts its failures once, whatever their classes: the class of the latest one decides how many are enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

EVERY_KIND: Final = "*"
_FLOOR_SECONDS: Final = 1.0
_MOST_DOUBLINGS: Final = 30


class FaultClass(StrEnum):
    """What sort of thing went wrong."""

    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"
    RATE_LIMITED = "rate_limited"
    RESOURCE = "resource"
    INTERNAL = "internal"
    CRASH = "crash"
    WEBHOOK = "webhook"
    PERMANENT = "permanent"


@dataclass(frozen=True, slots=True)
class Policy:
    """`max_attempts` failures end the job; waits double from `base_seconds` to `cap_seconds`."""

    max_attempts: int
    base_seconds: float
    cap_seconds: float


CLASSES: Final[Mapping[str, FaultClass]] = MappingProxyType(
    {
        "source-unreachable": FaultClass.UNAVAILABLE,
        "database-unavailable": FaultClass.UNAVAILABLE,
        "server-unreachable": FaultClass.UNAVAILABLE,
        "download-failed": FaultClass.UNAVAILABLE,
        "source-timeout": FaultClass.TIMEOUT,
        "deadline-exceeded": FaultClass.TIMEOUT,
        "wait-timeout": FaultClass.TIMEOUT,
        "source-throttled": FaultClass.RATE_LIMITED,
        "queue-full": FaultClass.RATE_LIMITED,
        "overloaded": FaultClass.RATE_LIMITED,
        "destination-unreachable": FaultClass.UNAVAILABLE,
        "destination-timeout": FaultClass.TIMEOUT,
        "destination-throttled": FaultClass.RATE_LIMITED,
        "destination-full": FaultClass.RESOURCE,
        "destination-failed": FaultClass.PERMANENT,
        "destination-refused": FaultClass.PERMANENT,
        "destination-taken": FaultClass.PERMANENT,
        "storage-failed": FaultClass.RESOURCE,
        "signer-unavailable": FaultClass.RESOURCE,
        "storage-full": FaultClass.RESOURCE,
        "out-of-memory": FaultClass.RESOURCE,
        "webhook-failed": FaultClass.WEBHOOK,
        "ledger-restored": FaultClass.PERMANENT,
        "words-erased": FaultClass.PERMANENT,
        "webhook-barred": FaultClass.PERMANENT,
        "webhook-gone": FaultClass.PERMANENT,
        "webhook-disabled": FaultClass.PERMANENT,
        "internal-error": FaultClass.INTERNAL,
        "worker-lost": FaultClass.CRASH,
        "invalid-input": FaultClass.PERMANENT,
        "idempotency-key-reused": FaultClass.PERMANENT,
        "reason-required": FaultClass.PERMANENT,
        "unauthenticated": FaultClass.PERMANENT,
        "forbidden": FaultClass.PERMANENT,
        "not-found": FaultClass.PERMANENT,
        "conflict": FaultClass.PERMANENT,
        "invalid-transition": FaultClass.PERMANENT,
        "stale-lease": FaultClass.PERMANENT,
        "precondition-failed": FaultClass.PERMANENT,
        "package-invalid": FaultClass.PERMANENT,
        "extraction-failed": FaultClass.PERMANENT,
        "recovery-failed": FaultClass.PERMANENT,
        "too-large": FaultClass.PERMANENT,
        "request-timeout": FaultClass.PERMANENT,
        "export-failed": FaultClass.PERMANENT,
        "export-ended-badly": FaultClass.PERMANENT,
        "profile-invalid": FaultClass.PERMANENT,
        "policy-invalid": FaultClass.PERMANENT,
        "base-gone": FaultClass.PERMANENT,
        "no-data": FaultClass.PERMANENT,
        "too-many-bad-rows": FaultClass.PERMANENT,
        "source-failed": FaultClass.PERMANENT,
        "source-refused": FaultClass.PERMANENT,
        "environment-unfit": FaultClass.PERMANENT,
        "port-in-use": FaultClass.PERMANENT,
        "data-directory-unusable": FaultClass.PERMANENT,
        "database-too-new": FaultClass.PERMANENT,
        "cancelled": FaultClass.PERMANENT,
    }
)
"""The class of every code; a code that is not here was made up by a handler and is `internal`."""

SHIPPED: Final[Mapping[FaultClass, Policy]] = MappingProxyType(
    {
        FaultClass.UNAVAILABLE: Policy(8, 4.0, 900.0),
        FaultClass.TIMEOUT: Policy(5, 10.0, 900.0),
        FaultClass.RATE_LIMITED: Policy(20, 5.0, 900.0),
        FaultClass.RESOURCE: Policy(8, 10.0, 1800.0),
        FaultClass.INTERNAL: Policy(5, 4.0, 600.0),
        FaultClass.WEBHOOK: Policy(10, 5.0, 86_400.0),
    }
)
"""What holds unless a tenant set its own.  Crashes are counted apart (`max_crashes`); what is permanent ends a job."""


def class_of(code: str) -> FaultClass:
    """
    Return the class of a fault.

    >>> class_of("source-timeout").value, class_of("no-data").value, class_of("something-new").value
    ('timeout', 'permanent', 'internal')
    """
    return CLASSES.get(code, FaultClass.INTERNAL)


def is_spent(failures: int, policy: Policy, max_attempts: int) -> bool:
    """
    Return True when a job that failed `failures` times may not be tried again; `max_attempts` is the job's own.

    >>> is_spent(5, SHIPPED[FaultClass.INTERNAL], 8), is_spent(5, SHIPPED[FaultClass.UNAVAILABLE], 8)
    (True, False)
    """
    return failures >= min(policy.max_attempts, max_attempts)


def backoff(failures: int, policy: Policy, chance: float) -> float:
    """
    Return the seconds to wait after the `failures`-th failure; `chance` is uniform in [0, 1).

    >>> unavailable = SHIPPED[FaultClass.UNAVAILABLE]
    >>> backoff(1, unavailable, 0.5), backoff(3, unavailable, 0.5), backoff(50, unavailable, 0.999)
    (2.0, 8.0, 899.1)
    >>> backoff(1, unavailable, 0.0)
    1.0
    """
    ceiling = min(policy.cap_seconds, policy.base_seconds * 2.0 ** min(failures - 1, _MOST_DOUBLINGS))
    return min(ceiling, max(_FLOOR_SECONDS, round(ceiling * chance, 3)))


def parking(policy: Policy, chance: float) -> float:
    """
    Return the seconds that a retry waits for which its host has nothing left to spend.

    >>> parking(SHIPPED[FaultClass.UNAVAILABLE], 0.0), parking(SHIPPED[FaultClass.UNAVAILABLE], 0.5)
    (900.0, 1125.0)
    """
    return round(policy.cap_seconds * (1.0 + chance / 2), 3)
