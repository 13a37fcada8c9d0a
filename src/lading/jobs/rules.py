"""
What follows from an attempt's end: pure decisions, no clock, no database.

Backoff is full jitter (AWS Builders' Library, "Timeouts, retries and backoff with jitter"): spread, not synchronised.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

_BASE_SECONDS: Final = 2.0
_CAP_SECONDS: Final = 900.0
_FLOOR_SECONDS: Final = 1.0


def backoff(failures: int, chance: float) -> float:
    """
    Return the seconds to wait after the `failures`-th failure; `chance` is uniform in [0, 1).

    >>> backoff(1, 0.5), backoff(3, 0.5), backoff(50, 0.999), backoff(1, 0.0)
    (2.0, 8.0, 899.1, 1.0)
    """
    ceiling = min(_CAP_SECONDS, _BASE_SECONDS * 2.0 ** min(failures, 20))
    return max(_FLOOR_SECONDS, round(ceiling * chance, 3))


def is_spent(failures: int, max_attempts: int) -> bool:
    """Return True when a job that failed `failures` times may not be tried again."""
    return failures >= max_attempts


def is_poison(crashes: int, max_crashes: int) -> bool:
    """Return True when a job killed its worker so often that it is kept away from the others."""
    return crashes >= max_crashes


def payload_digest(payload: Mapping[str, Any]) -> bytes:
    """
    Return the SHA-256 of a payload: 32 bytes that a replay of the job keeps; the order of keys is nothing to it.

    >>> payload_digest({"a": 1, "b": 2.5}) == payload_digest({"b": 2.5, "a": 1})
    True
    """
    return sha256(json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).digest()
