"""When to look for work: after a hint or a claim that got all it asked for at once, else a second later.  Pure."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

_POLL_SECONDS: Final = 1.0


class Look:
    """
    One looks at a time: who begins puts the next look off, and it comes before its time only if there is more.

    `clock` is monotonic, in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock: Final = clock
        self._heard = 0
        self.at = 0.0
        """When to look, by the clock."""

    def again(self) -> None:
        """Look at once: somebody says that there is work, or something came free."""
        self._heard += 1
        self.at = 0.0

    def begin(self) -> int:
        """Put the next look off while this one lasts; return what to give to `end`."""
        self.at = self._clock() + random.uniform(0.8, 1.2) * _POLL_SECONDS  # noqa: S311 - jitter
        return self._heard

    def end(self, begun: int, *, asked: int, got: int) -> None:
        """Look again at once when this look got all it asked for, or when there was a reason to since it began."""
        if 0 < asked <= got or begun != self._heard:
            self.at = 0.0
