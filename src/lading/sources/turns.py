"""
Whose turn a call is: waited for before each, so that a limit of calls holds, in pieces so that whoever reads can stop.

What is waited for here does not count into the time limit of a reading.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from typing import Final

from lading.sources.outside import Calls

_SIGN_SECONDS: Final = 0.5
_ASK_SECONDS: Final = 5.0


class Turns:
    """The turns of one reading; told from another thread when nobody waits any more."""

    def __init__(self, calls: Calls) -> None:
        self._calls: Final = calls
        self._stopped: Final = threading.Event()
        self._begun: Final = time.monotonic()
        self._sent = 0
        self._waits: tuple[float, float | None] = (0.0, None)  # one value: another thread reads it

    @property
    def waited(self) -> float:
        """Return the seconds that were spent waiting for turns, up to now: the rate limit is not the API's slowness."""
        total, since = self._waits
        return total if since is None else total + time.monotonic() - since

    @property
    def is_stopped(self) -> bool:
        """Tell whether nobody waits for what is read any more."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """End what is waited for."""
        self._stopped.set()

    def sent(self) -> None:
        """Note that a call goes out."""
        self._sent += 1

    def refused(self, seconds: float | None) -> None:
        """Let the source be called less: it answered with a 429, and asked for that long."""
        rate = self._sent / max(1.0, time.monotonic() - self._begun)
        self._calls.refused(seconds, calls_per_second=rate)

    def turn(self) -> Generator[None]:
        """Return when a call may go out; yield while that is waited for."""
        self._waits = (self._waits[0], time.monotonic())
        try:
            while (seconds := self._calls.take()) > 0 and not self._stopped.is_set():
                # Asked again before its time: somebody may raise the rate.
                yield from self.rest(min(seconds, _ASK_SECONDS))
        finally:
            self._waits = (self.waited, None)

    def rest(self, seconds: float) -> Generator[None]:
        """Return after `seconds`, or when nobody waits any more."""
        left = seconds
        while left > 0 and not self._stopped.is_set():
            self._stopped.wait(min(_SIGN_SECONDS, left))
            left -= _SIGN_SECONDS
            yield
