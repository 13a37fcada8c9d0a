"""How many light jobs to hold at once: more while they go quickly, fewer when a claim is slow.  Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

FLOOR: Final = 400
"""Fewer make a claim no quicker: most of what it costs does not depend on how many it takes."""
SLOW_SECONDS: Final = 0.5
"""A claim that takes longer keeps its tenants' turns too long from others."""
QUICK_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Pace:
    """`size` jobs may be held at once; it stays between FLOOR (or less, if less is allowed) and `most`."""

    most: int
    size: int

    @property
    def share(self) -> int:
        """
        Return for how many jobs one exchange is worth it, and how many it may ask for: half, so that two go on at once.

        >>> Pace(most=1000, size=64).share, Pace(most=1000, size=1).share
        (32, 1)
        """
        return (self.size + 1) // 2

    def room(self, held: int) -> int:
        """
        Return how many more jobs may be asked for when `held` are held already.

        >>> Pace(most=1000, size=64).room(0), Pace(most=1000, size=64).room(60), Pace(most=1000, size=64).room(70)
        (32, 4, 0)
        """
        return max(0, min(self.share, self.size - held))

    def after(self, seconds: float, *, asked: int, got: int) -> Pace:
        """
        Return the pace after a claim of so many jobs that got so many; it held their turns for so long.

        >>> Pace(most=1000, size=400).after(0.01, asked=200, got=200).size
        800
        >>> Pace(most=1000, size=400).after(0.01, asked=200, got=3).size  # fewer are there: nothing is learnt
        400
        >>> Pace(most=1000, size=800).after(0.6, asked=400, got=400).size
        400
        >>> Pace(most=1000, size=800).after(0.6, asked=400, got=10).size  # it was not for their number that it was slow
        800
        """
        is_full = self.share <= asked <= got
        if is_full and seconds > SLOW_SECONDS:
            return replace(self, size=max(min(FLOOR, self.most), self.size // 2))
        if is_full and seconds < QUICK_SECONDS:
            return replace(self, size=min(self.most, self.size * 2))
        return self


def first(most: int) -> Pace:
    """
    Return the pace to begin with.

    >>> first(1000), first(4)
    (Pace(most=1000, size=400), Pace(most=4, size=4))
    """
    return Pace(most, min(most, FLOOR))
