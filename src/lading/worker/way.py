"""
The way: while jobs of others are claimed beside them, the big exchanges give way, and whoever runs their jobs rests.

A claim beside the big ones goes to the database and back a few times, and each time it waited for what the loop, the
processors and the disk were busy with.  It is given for moments, when that is likely to bring something.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

MOST_SECONDS: Final = 0.02
"""So long at most one claim beside is given way."""
_OWN: Final = 3
"""Afterwards the big ones have so many times as long to themselves: they lose a quarter of their time at most."""
_WANTED_SECONDS: Final = 1.0
"""Others keep coming while the last claim beside that got something was no longer ago."""
_FRUITLESS: Final = 2
"""After so many claims beside that got nothing the next is given no way, until one has got something again."""


class Way:
    """
    Clear, or given to the claim beside.

    `clock` is monotonic, in seconds; `on_given` and `on_clear` are called when it changes.  Who asked calls `expire`
    after MOST_SECONDS.
    """

    def __init__(
        self, clock: Callable[[], float], *, on_given: Callable[[], None], on_clear: Callable[[], None]
    ) -> None:
        self._clock: Final = clock
        self._on_given: Final = on_given
        self._on_clear: Final = on_clear
        self._clear: Final = asyncio.Event()
        self._clear.set()
        self._given_at = 0.0
        self._own_until = 0.0
        self._wanted_until = 0.0
        self._fruitless = 0

    @property
    def is_wanted(self) -> bool:
        """Return True while jobs of others keep coming."""
        return self._clock() < self._wanted_until

    @property
    def is_clear(self) -> bool:
        """Return True unless it is given."""
        return self._clear.is_set()

    def ask(self) -> bool:
        """Give way to a claim beside that begins; return False when it gets none."""
        now = self._clock()
        if self._fruitless >= _FRUITLESS or now < self._own_until:
            return False
        self._given_at = now
        self._clear.clear()
        self._on_given()
        return True

    def leave(self, got: int) -> None:
        """Clear the way after a claim beside that got so many."""
        self._fruitless = 0 if got else self._fruitless + 1
        if got:
            self._wanted_until = self._clock() + _WANTED_SECONDS
        self._end()

    def expire(self) -> None:
        """Clear the way if it is given for as long as it may be."""
        if self._clock() >= self._given_at + MOST_SECONDS:
            self._end()

    def _end(self) -> None:
        if not self._clear.is_set():
            now = self._clock()
            self._own_until = now + _OWN * (now - self._given_at)
            self._clear.set()
            self._on_clear()

    async def wait(self) -> None:
        """Wait until the way is clear."""
        await self._clear.wait()
