"""
What helps when an export did not come, as one table and a rule over it.  Pure; `aio/running` does what it says.

| error | code | what helps | how often |
|---|---|---|---|
| `WaitTimeout` | EXPORT_002 | wait on, with twice the deadline | `extensions` (1) |
| `ServerUnreachable`, or any that is `retryable` | EXPORT_007 | the same, after a pause that doubles | `tries` (3) |
| `Unauthenticated` | EXPORT_008 | a fresh token, if the client has a `refresh`; every call does so by itself | once |
| `ExportEndedBadly` | EXPORT_003 | the alternative request, if the caller gave one | once |
| `DownloadFailed` | EXPORT_004 | fetch it again, from where it broke | `tries` (3) |
| every other | | nothing: a person has to look | |

A pause is what the server asked for (`Retry-After`), or `client.retries` says it.  Whatever was tried in vain is in the
`causes` of the last error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from lading.client import retries
from lading.client.retries import Retries
from lading.errors import (
    ExportEndedBadly,
    Gone,
    LadingError,
    NotFound,
    QueueFull,
    RecoveryFailed,
    StorageFailed,
    Unauthenticated,
    WaitTimeout,
)

LONGER: Final = 2.0
"""How many times as long the deadline of a further wait is."""


class Means(StrEnum):
    """What helps."""

    LONGER_DEADLINE = "longer-deadline"
    BACKOFF = "backoff"
    REFRESH = "refresh"
    ALTERNATIVE = "alternative"


@dataclass(frozen=True, slots=True)
class Recovery:
    """How much is tried; with zeros, and no alternative and no refresh, nothing is."""

    extensions: int = 1
    tries: int = 3


@dataclass(frozen=True, slots=True)
class Step:
    """The next thing to try, after `seconds`."""

    means: Means
    seconds: float = 0.0


def step(
    error: LadingError,
    tried: Sequence[Means],
    *,
    recovery: Recovery,
    can_refresh: bool,
    has_alternative: bool,
    chance: float,
) -> Step | None:
    """
    Return what to try after `error` when everything in `tried` has been, None to give up; `chance` is in [0, 1).

    >>> given = {"recovery": Recovery(), "can_refresh": True, "has_alternative": True, "chance": 0.5}
    >>> step(WaitTimeout("late"), [], **given)
    Step(means=<Means.LONGER_DEADLINE: 'longer-deadline'>, seconds=0.0)
    >>> step(WaitTimeout("late"), [Means.LONGER_DEADLINE], **given) is None
    True
    >>> step(ExportEndedBadly("failed", fault="no-data"), [Means.BACKOFF, Means.BACKOFF], **given).means.value
    'alternative'
    """
    match error:
        case WaitTimeout():
            means, is_left = Means.LONGER_DEADLINE, tried.count(Means.LONGER_DEADLINE) < recovery.extensions
        case Unauthenticated():
            means, is_left = Means.REFRESH, can_refresh and Means.REFRESH not in tried
        case ExportEndedBadly():
            has_failed = error.fault is not None  # what somebody cancelled is not asked for by another way
            means, is_left = Means.ALTERNATIVE, has_alternative and has_failed and Means.ALTERNATIVE not in tried
        case _:
            means, is_left = Means.BACKOFF, error.retryable and tried.count(Means.BACKOFF) < recovery.tries
    if not is_left:
        return None
    if means is not Means.BACKOFF:
        return Step(means)
    asked = error.retry_after_seconds if isinstance(error, QueueFull) else None
    patience = Retries(most=recovery.tries, first_seconds=1.0, longest_seconds=30.0)
    seconds = retries.pause(patience, tried.count(means) + 1, retry_after=asked, chance=chance)
    return None if seconds is None else Step(means, seconds)


def verdict(causes: Sequence[LadingError]) -> LadingError:
    """
    Return the error to raise after all of `causes`, the last of which nothing helped against.

    One that came alone is itself; an alternative that failed too gives an error that says both.

    >>> verdict([ExportEndedBadly("exp_1 failed."), ExportEndedBadly("exp_2 failed.")]).message
    'exp_1 failed. The other way failed, too: exp_2 failed.'
    """
    *before, last = causes
    ended = next((each for each in before if isinstance(each, ExportEndedBadly)), None)
    if ended is not None:
        return RecoveryFailed(f"{ended.message} The other way failed, too: {last.message}", causes)
    if before:
        last.causes = tuple(causes)
    return last


def is_final(error: LadingError, *, was_accepted: bool) -> bool:
    """Tell whether nothing is left to go on with later: the export ended, or was never taken and never will be."""
    match error:
        case RecoveryFailed(causes=(*_, LadingError() as last)):
            return is_final(last, was_accepted=was_accepted)
        case ExportEndedBadly() | NotFound() | Gone():
            return True
        case Unauthenticated() | StorageFailed():
            return False
        case _:
            return not was_accepted and not error.retryable
