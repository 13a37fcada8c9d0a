"""What differs between the two colours of the client; the other half is `lading.client.aio.ground`."""

from __future__ import annotations

import queue
import select
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, ParamSpec, TypeVar

import httpx2

P = ParamSpec("P")
T = TypeVar("T")
N = TypeVar("N")

STREAM_READ_SECONDS: Final = 5.0
"""How long a read may take: it begins when there is something to read."""


class _Home:
    """A process."""


_home = _Home()


def sleep(seconds: float) -> None:
    """Return after `seconds`."""
    time.sleep(seconds)


def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what `function` returns; whoever calls this colour has a thread already."""
    return function(*args, **kwargs)


def home() -> object:
    """Return what connections belong to: this process."""
    return _home


def is_gone(_place: object) -> bool:
    """Tell whether a place can never be home again; what a fork leaves is kept (`pools`)."""
    return False


def moved() -> None:
    """Take note of a fork: this is another process now."""
    global _home  # noqa: PLW0603 - what a fork takes over can't be an argument
    _home = _Home()


def soon(opening: T, seconds: float) -> T:  # noqa: ARG001 - the other colour's signature; here the timeouts of reads do
    """Return `opening`, which has happened."""
    return opening


class Ear:
    """What a stream brings, heard with a limit of time."""

    def __init__(self, response: httpx2.Response) -> None:
        self._chunks: Iterator[bytes] = response.iter_bytes()
        stream = response.extensions.get("network_stream")
        self._socket: Any = None if stream is None else stream.get_extra_info("socket")

    def hear(self, seconds: float) -> bytes | None:
        """
        Return what came within `seconds`: nothing is None, the end is empty.

        What was read together with an earlier chunk may be heard late; whoever needs it has to look, too.
        """
        return next(self._chunks, b"") if self._has_come(max(0.0, seconds)) else None

    def _has_come(self, seconds: float) -> bool:
        if self._socket is None or getattr(self._socket, "pending", int)():
            return True
        polled = select.poll()
        polled.register(self._socket, select.POLLIN)
        return bool(polled.poll(seconds * 1000))

    def close(self) -> None:
        """Stop reading; no read is under way."""


def each(
    work: Callable[[T, Callable[[N], None]], None],
    items: Iterable[T],
    *,
    concurrency: int,
    told: Callable[[N], None],
) -> None:
    """
    Do `work` for all items in `concurrency` threads; what it notes is told to `told` in the caller's thread.

    Ctrl-C, or an error out of `told`, hands out no further item and waits for none: the threads end with their item.
    """
    waiting, notes = iter(items), queue.SimpleQueue[tuple[str, Any]]()
    lock, stopped = threading.Lock(), threading.Event()

    def worker() -> None:
        try:
            while not stopped.is_set():
                with lock:
                    item: Any = next(waiting, stopped)
                if item is stopped:
                    break
                work(item, lambda note: notes.put(("note", note)))
            notes.put(("end", None))
        except BaseException as error:  # noqa: BLE001 - told to the caller, in its thread
            notes.put(("error", error))

    threads = [threading.Thread(target=worker, daemon=True, name="lading-batch") for _ in range(concurrency)]
    for thread in threads:
        thread.start()
    try:
        running = len(threads)
        while running:
            kind, note = notes.get()
            match kind:
                case "note":
                    told(note)
                case "error":
                    raise note
                case _:
                    running -= 1
    finally:
        stopped.set()
