"""
How long something still takes, as far as that can be said: nothing is said too early, and nothing jumps.

Pure but for its own memory: seconds come in from outside, on a clock that only goes forward.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final

_EARLIEST_SECONDS: Final = 2.0
_EARLIEST_SHARE: Final = 0.02
_WINDOW_SECONDS: Final = 10.0
_WINDOW_SHARE: Final = 0.3
_SAMPLES: Final = 256
_EASE_SECONDS: Final = 5.0
_MOST_SECONDS: Final = 48 * 3600.0


class Estimate:
    """
    Of one thing on its way: what was done when, and from that how long the rest takes.

    The speed is half that of all the time, half that of the last third of it, so that a stage that is slower than the
    one before shows without making the number nervous.  What is told counts down by itself and is drawn towards what
    the speed says, at most by a fifth of itself in a second.

    >>> estimate = Estimate(0.0)
    >>> [estimate.saw(float(now), done=now, total=20) for now in range(6)][-1]
    >>> estimate.left(5.0), estimate.speed(5.0)
    (15.0, 1.0)
    """

    def __init__(self, now: float) -> None:
        self._samples: deque[tuple[float, float]] = deque([(now, 0.0)], maxlen=_SAMPLES)
        self._began = (now, 0.0)
        self._total: float | None = None
        self._told: tuple[float, float] | None = None

    def saw(self, now: float, *, done: float, total: float | None) -> None:
        """Note that `done` of `total` is there; less than before, or another total, begins anew."""
        if done < self._samples[-1][1] or (self._total is not None and total != self._total):
            self._samples.clear()
            self._began = (now, done)
            self._told = None
        elif self._total is None and total is not None and self._samples[-1][1] == 0.0:
            # What was waited for before it began says nothing of how fast it goes.
            self._samples.clear()
            self._began = (now, done)
        self._total = total
        self._samples.append((now, float(done)))

    def speed(self, now: float) -> float | None:
        """Return what is done in a second; None while that is not known."""
        began, first = self._began
        elapsed, done = now - began, self._samples[-1][1] - first
        if elapsed < _EARLIEST_SECONDS or done <= 0.0:
            return None
        since = now - max(_WINDOW_SECONDS, _WINDOW_SHARE * elapsed)
        at, there = next(((when, much) for when, much in self._samples if when >= since), self._samples[-1])
        whole = done / elapsed
        recent = (self._samples[-1][1] - there) / (now - at) if now - at >= _EARLIEST_SECONDS else whole
        return (whole + recent) / 2

    def left(self, now: float) -> float | None:
        """Return the seconds that it still takes; None while nobody can say."""
        speed, total, done = self.speed(now), self._total, self._samples[-1][1]
        if speed is None or not total or done - self._began[1] < _EARLIEST_SHARE * total or done >= total:
            self._told = None
            return None
        found = (total - done) / speed
        if self._told is not None:
            at, told = self._told
            passed = max(0.0, now - at)
            running = max(0.0, told - passed)
            # Drawn towards what was found, not set to it; what runs out too early does not stay at nothing.
            aim = min(max(found, running / 2), max(2 * running, 1.0))
            found = running + (aim - running) * -math.expm1(-passed / _EASE_SECONDS)
        self._told = (now, found)
        return found if found < _MOST_SECONDS else None
