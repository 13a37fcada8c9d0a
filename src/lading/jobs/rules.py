"""
What follows from an attempt's end: pure decisions, no clock, no database.

Whether and when a failure is tried again is in `retries`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

RATE_LIMITED: Final = "rate-limited"
"""The code of an attempt that its host ended with a 429."""


def is_poison(crashes: int, max_crashes: int) -> bool:
    """Return True when a job killed its worker so often that it is kept away from the others."""
    return crashes >= max_crashes


def sleeping_for(failures: int, error: Mapping[str, Any] | None) -> str:
    """
    Return what a scheduled job waits for, as its failures and its last fault tell.

    >>> sleeping_for(0, None), sleeping_for(2, {"code": "timeout"}), sleeping_for(2, {"code": "rate-limited"})
    ('time', 'retry', 'rate')
    """
    if error is not None and error.get("code") == RATE_LIMITED:
        return "rate"
    return "retry" if failures else "time"


def payload_digest(payload: Mapping[str, Any]) -> bytes:
    """
    Return the SHA-256 of a payload: 32 bytes that a replay of the job keeps; the order of keys is nothing to it.

    >>> payload_digest({"a": 1, "b": 2.5}) == payload_digest({"b": 2.5, "a": 1})
    True
    """
    return sha256(json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).digest()
