"""
How many light jobs to hold at once, and how many to keep room for: those of tenants that hold few or none.  Pure.

Held are more while they go quickly, fewer when a claim is slow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

FLOOR: Final = 400
"""Fewer make a claim no quicker: most of what it costs does not depend on how many it takes."""
SLOW_SECONDS: Final = 0.5
"""A claim that takes longer keeps its tenants' turns too long from others."""
QUICK_SECONDS: Final = 0.2
GENTLE: Final = 250
"""An exchange asks for so many while others keep coming: they wait for what it writes, and for what it computes."""
SPARE: Final = 64
"""So many places at most are kept from who fills all others.  More would make a claim beside the big ones a big one."""
_COMPANY: Final = 16
"""What is done waits for so much company, or for a while: jobs that end one by one are not settled one by one."""


@dataclass(frozen=True, slots=True)
class Pace:
    """
    `size` jobs may be held at once; it stays between FLOOR (or less, if less is allowed) and `most`.

    One exchange asks for `cap` at most.
    """

    most: int
    size: int
    cap: int | None = field(default=None, repr=False)

    def share(self, slow: int = 0) -> int:
        """
        Return how many jobs one exchange may ask for: half, so that two go on at once.

        `slow` jobs take their time; the others share what those leave, as if there were no more places:

        >>> Pace(most=1000, size=64).share(), Pace(most=1000, size=64).share(1), Pace(most=1000, size=1).share()
        (32, 31, 1)
        """
        half = max(1, (self.size - slow) // 2)
        return half if self.cap is None else min(half, self.cap)

    def is_worth_it(self, done: int, *, slow: int) -> bool:
        """
        Tell whether so many jobs that are done are worth an exchange while others go on.

        >>> Pace(most=1000, size=64).is_worth_it(32, slow=0), Pace(most=1000, size=64).is_worth_it(31, slow=0)
        (True, False)
        >>> Pace(most=1000, size=64).is_worth_it(16, slow=63), Pace(most=1000, size=64).is_worth_it(1, slow=63)
        (True, False)
        """
        return done >= max(self.share(slow), min(_COMPANY, self.share()))

    def room(self, held: int, *, slow: int = 0) -> int:
        """
        Return how many more jobs may be asked for when `held` are held already.

        >>> Pace(most=1000, size=64).room(0), Pace(most=1000, size=64).room(60), Pace(most=1000, size=64).room(70)
        (32, 4, 0)
        """
        return max(0, min(self.share(slow), self.size - held))

    def gentle(self) -> Pace:
        """
        Return the pace while jobs of others keep coming: as many are held, and fewer change in one exchange.

        >>> Pace(most=1000, size=1000).gentle().share(), Pace(most=1000, size=400).gentle().share()
        (250, 200)
        >>> Pace(most=1000, size=1000).gentle().room(700, slow=700), Pace(most=1000, size=1000).gentle().room(900)
        (150, 100)
        """
        return replace(self, cap=GENTLE)

    def after(self, seconds: float, *, asked: int, got: int, slow: int = 0) -> Pace:
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
        is_full = self.share(slow) <= asked <= got
        if is_full and seconds > SLOW_SECONDS:
            return replace(self, size=max(min(FLOOR, self.most), self.size // 2))
        if is_full and seconds < QUICK_SECONDS:
            return replace(self, size=min(self.most, self.size * 2))
        return self


def first(most: int) -> Pace:
    """
    Return the pace to begin with, when `most` may be held in all: it leaves what is spare.

    >>> first(2000), first(4)
    (Pace(most=1936, size=400), Pace(most=4, size=4))
    """
    left = most - spare(most)
    return Pace(left, min(left, FLOOR))


def spare(most: int) -> int:
    """
    Return how many of `most` places no tenant gets that fills the others.

    >>> spare(2000), spare(80), spare(4)
    (64, 10, 0)
    """
    return min(SPARE, most // 8)


@dataclass(frozen=True, slots=True)
class Beside:
    """What a claim beside the big ones may ask for: up to `limit` jobs of any tenant but those in `without`."""

    limit: int
    without: frozenset[int]


def beside(most: int, held: Mapping[int, int], *, taken: int) -> Beside:
    """
    Return what may be claimed beside when `taken` of `most` places are taken or asked for, and tenants hold so many.

    At most half of what is left goes out at once, to who holds less than that: however many come one after the other
    and keep what they got, there is something for the next, and who floods gets nothing of it.

    >>> beside(2000, {1: 1936}, taken=1936)
    Beside(limit=32, without=frozenset({1}))
    >>> beside(2000, {1: 1936, 2: 32}, taken=1968)
    Beside(limit=16, without=frozenset({1, 2}))
    >>> beside(2000, {1: 1936, 2: 64}, taken=2000)
    Beside(limit=0, without=frozenset({1, 2}))
    """
    limit = (max(0, min(spare(most), most - taken)) + 1) // 2
    return Beside(limit, frozenset(tenant for tenant, count in held.items() if count >= max(1, limit)))
