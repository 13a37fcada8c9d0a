"""
When a breaker opens and for how long: pure decisions.

Consecutive faults of the host open it; an answered probe closes it; a failed probe doubles the wait.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FAILURES_TO_OPEN: Final = 5
COOLDOWN_SECONDS: Final = 30.0
LONGEST_COOLDOWN_SECONDS: Final = 600.0
HOST_FAULTS: Final = frozenset(
    {"source-unreachable", "source-timeout", "destination-unreachable", "destination-timeout"}
)
"""Codes of faults that speak against the host and not against the job."""


@dataclass(frozen=True, slots=True)
class State:
    """A breaker as a value; `cooldown_seconds` is the next wait."""

    name: str = "closed"
    failures: int = 0
    cooldown_seconds: float = COOLDOWN_SECONDS


def after_fault(breaker: State) -> State:
    """
    Return the breaker after one more fault of its host.

    >>> after_fault(State(failures=3)).name, after_fault(State(failures=4)).name
    ('closed', 'open')
    >>> after_fault(State("half_open", 5, 30.0)).cooldown_seconds
    60.0
    """
    failures = breaker.failures + 1
    match breaker.name:
        case "half_open":
            return State("open", failures, min(LONGEST_COOLDOWN_SECONDS, breaker.cooldown_seconds * 2))
        case "closed" if failures < FAILURES_TO_OPEN:
            return State("closed", failures, COOLDOWN_SECONDS)
        case _:
            return State("open", failures, breaker.cooldown_seconds)
