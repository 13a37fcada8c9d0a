"""
How a host that complains is called less, and how it earns its way back: pure decisions.

The factor of a bucket halves with a 429 and grows by a quarter with answers; the retry budget of a host is what its
answers have earned.
"""

from __future__ import annotations

from typing import Final

SMALLEST_FACTOR: Final = 1 / 64
SHRINK: Final = 0.5
SHRINK_EVERY_SECONDS: Final = 1.0
"""429 that come within a second are one: they answer calls that were made at the same rate."""
GROW: Final = 1.25
GROW_EVERY_SECONDS: Final = 5.0
LONGEST_BLOCK_SECONDS: Final = 3600.0
_SNOOZE_SECONDS: Final = 5.0

CAP: Final = 20.0
EARNED_PER_ANSWER: Final = 0.1
TRICKLE_PER_SECOND: Final = 6 / 60


def blocked_for(retry_after_seconds: float | None) -> float | None:
    """
    Return the seconds that nothing starts on a host, None when it did not say.

    >>> blocked_for(30.0), blocked_for(1e9), blocked_for(-1.0), blocked_for(float("nan")), blocked_for(None)
    (30.0, 3600.0, 0.0, 0.0, None)
    """
    if retry_after_seconds is None:
        return None
    return max(0.0, min(LONGEST_BLOCK_SECONDS, retry_after_seconds if retry_after_seconds > 0 else 0.0))


def snoozing(retry_after_seconds: float | None, chance: float) -> float:
    """
    Return the seconds that a job waits after a 429; never less than asked for, and spread.

    >>> snoozing(60.0, 0.0), snoozing(60.0, 1.0), snoozing(None, 0.0), snoozing(None, 1.0)
    (60.0, 75.0, 5.0, 10.0)
    """
    asked = blocked_for(retry_after_seconds)
    return _SNOOZE_SECONDS * (1 + chance) if asked is None else max(1.0, asked) * (1 + chance / 4)


def spent(tokens: float, seconds: float) -> tuple[float, bool]:
    """
    Return what a budget holds after a retry asked for one of its tokens, and whether it got it.

    `tokens` were there `seconds` ago.

    >>> spent(20.0, 0.0), spent(0.0, 5.0), spent(0.0, 10.0), spent(20.0, 1e9)
    ((19.0, True), (0.5, False), (0.0, True), (19.0, True))
    """
    now = min(CAP, tokens + TRICKLE_PER_SECOND * max(0.0, seconds))
    return (now - 1.0, True) if now >= 1.0 else (now, False)
