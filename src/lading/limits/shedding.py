"""
How full a queue may become, and who is turned away first: pure decisions.

Above 80 % of a limit what has a priority below 0 is refused, above 90 % also what comes in bulk without being urgent,
above 100 % everything.  What is refused was never taken, so that nothing taken is ever dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_LOW_SHARE: Final = 0.8
_BULK_SHARE: Final = 0.9
_SHORTEST_SECONDS: Final = 1.0
_LONGEST_SECONDS: Final = 300.0
_UNKNOWN_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Room:
    """How many jobs wait or run (`depth`) and how many may."""

    depth: int
    limit: int


def share(count: int, priority: int) -> float:
    """
    Return how much of a limit jobs like these may fill.

    >>> share(1, -1), share(500, 0), share(1, 0), share(500, 1)
    (0.8, 0.9, 1.0, 1.0)
    """
    if priority < 0:
        return _LOW_SHARE
    return _BULK_SHARE if count > 1 and priority == 0 else 1.0


def excess(room: Room, *, count: int, priority: int, among: int = 1) -> int:
    """
    Return by how many jobs `count` more would be too many; 0 when they fit.

    They are some of `among` that come together and are taken one by one.

    >>> excess(Room(79, 100), count=1, priority=-5), excess(Room(80, 100), count=1, priority=-5)
    (0, 1)
    >>> excess(Room(85, 100), count=10, priority=0), excess(Room(99, 100), count=1, priority=0)
    (5, 0)
    >>> excess(Room(90, 100), count=1, priority=0, among=10)
    1
    """
    return max(0, room.depth + count - int(room.limit * share(max(count, among), priority)))


def retry_after(too_many: int, drained_per_second: float) -> float:
    """
    Return the seconds until so many jobs have probably ended.

    >>> retry_after(50, 10.0), retry_after(1, 10.0), retry_after(1, 0.0), retry_after(10**6, 10.0)
    (5.0, 1.0, 60.0, 300.0)
    """
    if drained_per_second <= 0:
        return _UNKNOWN_SECONDS
    return min(_LONGEST_SECONDS, max(_SHORTEST_SECONDS, too_many / drained_per_second))
