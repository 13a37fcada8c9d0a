"""
An iterator run in a thread of its own, a few items ahead, under a deadline.

The driver waits inside libpq and can't be interrupted; a source that stops answering must not stop the export with
it.  So the consumer waits for the queue, not for the socket, and gives up at the deadline; the thread is a daemon
and ends with its socket.  The queue is bounded: a slow consumer slows the source down instead of filling memory.
An item of more than HEAVY_BYTES is worked off before the next one is made, so that wide rows do not add up.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")
_POLL_SECONDS: Final = 0.2
HEAVY_BYTES: Final = 6 << 20


class _End:
    """Nothing comes after this."""


@dataclass(frozen=True, slots=True)
class _Failed:
    """The iterator raised `error`."""

    error: BaseException


class Overdue(Exception):
    """The deadline passed and nothing came."""


def is_heavy(item: Any) -> bool:
    """Return whether an item (text, batch, frame, or some of them) holds so much that two of it are too many."""
    return _bytes(item) > HEAVY_BYTES


def _bytes(item: Any) -> int:
    if isinstance(item, bytes):
        return len(item)
    if isinstance(item, tuple):
        return sum(map(_bytes, item))
    estimated = getattr(item, "estimated_size", None)  # of a frame
    return int(estimated()) if estimated is not None else int(getattr(item, "nbytes", 0))


class Prefetch(Generic[T]):
    """
    Iterates over `make()` from another thread; `close` ends that thread or leaves it behind.

    `excused` tells how many seconds so far do not count: the thread waited for something else than its source.
    `is_ended` tells that the last item or the error has been seen: the thread has nothing left to wait for.
    """

    def __init__(
        self, make: Callable[[], Iterator[T]], *, seconds: float, depth: int = 2, excused: Callable[[], float] = float
    ) -> None:
        self._make: Final = make
        self._excused: Final = excused
        self._deadline: Final = time.monotonic() + seconds
        self._queue: Final[queue.Queue[T | _Failed | _End]] = queue.Queue(depth)
        self._is_closed = False
        self._moved: Final = threading.Condition()
        self._taken = self._done = self._given = 0
        self.is_ended = False
        self._thread: Final = threading.Thread(target=self._run, name="source", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[T]:
        while not isinstance(item := self._next(), _End | _Failed):
            yield item
        self.is_ended = True
        if isinstance(item, _Failed):
            raise item.error

    def close(self, *, seconds: float = 2.0) -> bool:
        """Ask the thread to end; return whether it has."""
        with self._moved:
            self._is_closed = True
            self._moved.notify_all()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def afterwards(self, work: Callable[[], object]) -> None:
        """Do `work` when the thread has ended, whenever that is."""

        def wait() -> None:
            self._thread.join()
            work()

        threading.Thread(target=wait, name="source-end", daemon=True).start()

    def _next(self) -> T | _Failed | _End:
        with self._moved:
            self._done = self._taken
            self._moved.notify_all()
        item = self._waited()
        self._taken += 1
        return item

    def _waited(self) -> T | _Failed | _End:
        while True:
            left = self._deadline + self._excused() - time.monotonic()
            try:
                # What is already there is never refused for being late.
                return self._queue.get(timeout=max(0.0, left) or 0.001)
            except queue.Empty:
                if self._deadline + self._excused() <= time.monotonic():
                    raise Overdue from None

    def _run(self) -> None:
        try:
            for item in self._make():
                if not self._put(item):
                    return
            self._put(_End())
        except BaseException as error:  # noqa: BLE001 - handed to the consumer, who raises it
            self._put(_Failed(error))

    def _put(self, item: T | _Failed | _End) -> bool:
        while not self._is_closed:
            try:
                self._queue.put(item, timeout=_POLL_SECONDS)
            except queue.Full:
                continue
            self._given += 1
            if is_heavy(item):
                with self._moved:
                    self._moved.wait_for(lambda: self._is_closed or self._done >= self._given)
            return not self._is_closed
        return False


def call(work: Callable[[], T], *, seconds: float) -> T:
    """Return what `work` returns; raise Overdue when it is not done in `seconds`."""
    for result in Prefetch(lambda: iter((work(),)), seconds=seconds):
        return result
    raise AssertionError("the thread gave neither a result nor an error")
