"""
Whether a call is tried again, and when.  Pure.

A call the server refused before doing anything (429, 503 with Retry-After, no connection) may always be repeated; one
whose fate is unknown only if repeating it changes nothing.  Retry-After is obeyed and jitter comes on top of it:
clients that obey the same figure to the letter come back in lock-step and fail together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

_REFUSED: Final = frozenset({429, 503})
_UNKNOWN: Final = frozenset({408, 500, 502, 504})


@dataclass(frozen=True, slots=True)
class Retries:
    """
    How patient a client is: `most` further tries, first after about `first_seconds`, doubling up to `longest_seconds`.

    A server that asks for more than `obey_seconds` is not waited for.
    """

    most: int = 4
    first_seconds: float = 0.25
    longest_seconds: float = 8.0
    obey_seconds: float = 120.0


def may_repeat(status: int, *, is_idempotent: bool) -> bool:
    """
    Tell whether an answer with `status` is worth another try.

    >>> may_repeat(429, is_idempotent=False), may_repeat(502, is_idempotent=False), may_repeat(502, is_idempotent=True)
    (True, False, True)
    """
    return status in _REFUSED or (is_idempotent and status in _UNKNOWN)


def pause(retries: Retries, tried: int, *, retry_after: float | None, chance: float) -> float | None:
    """
    Return the seconds before the next try after `tried` failed ones, or None to give up; `chance` is in [0, 1).

    >>> pause(Retries(), 1, retry_after=None, chance=1.0), pause(Retries(), 3, retry_after=None, chance=0.0)
    (0.25, 0.5)
    >>> pause(Retries(), 1, retry_after=10.0, chance=0.5), pause(Retries(), 1, retry_after=600.0, chance=0.5)
    (11.25, None)
    >>> pause(Retries(), 5, retry_after=None, chance=0.5) is None
    True
    """
    if tried > retries.most or (retry_after is not None and retry_after > retries.obey_seconds):
        return None
    if retry_after is not None:
        return retry_after + chance * max(0.5, retry_after / 4)
    longest = min(retries.longest_seconds, retries.first_seconds * 2 ** (tried - 1))
    return longest * (0.5 + chance / 2)


def retry_after(value: str | None, now: datetime) -> float | None:
    r"""
    Return the seconds that a Retry-After header asks for; None without one that can be read.

    >>> retry_after("3", datetime(2026, 1, 1, tzinfo=UTC)), retry_after("3\x1f", datetime(2026, 1, 1, tzinfo=UTC))
    (3.0, 3.0)
    >>> retry_after("Thu, 01 Jan 2026 00:00:09 GMT", datetime(2026, 1, 1, tzinfo=UTC))
    9.0
    """
    if not value:
        return None
    if (seconds := value.strip()).isdecimal() and len(seconds) < 10:
        return float(seconds)
    try:
        asked = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (asked.replace(tzinfo=asked.tzinfo or UTC) - now).total_seconds())
