"""What differs between the two colours of the client; the other half is `lading.client.sync.ground`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Final, ParamSpec, TypeVar

import httpx2

P = ParamSpec("P")
T = TypeVar("T")
N = TypeVar("N")

STREAM_READ_SECONDS: Final = 45.0
"""How long a stream may be silent: three beats of the server."""


async def sleep(seconds: float) -> None:
    """Return after `seconds`."""
    await asyncio.sleep(seconds)


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what `function` returns, without holding up the event loop."""
    return await asyncio.to_thread(function, *args, **kwargs)


def home() -> object:
    """Return what connections belong to: the running event loop."""
    return asyncio.get_running_loop()


def is_gone(place: object) -> bool:
    """Tell whether `place`, what `home` once returned, can never be one again: an event loop that is closed."""
    return isinstance(place, asyncio.AbstractEventLoop) and place.is_closed()


def moved() -> None:
    """Take note of a fork: a child has no running event loop."""


async def soon(opening: Awaitable[T], seconds: float) -> T:
    """Return what `opening` gives; TimeoutError if that takes more than `seconds`."""
    async with asyncio.timeout(seconds):
        return await opening


class Ear:
    """What a stream brings, heard with a limit of time; a read that is under way goes on."""

    def __init__(self, response: httpx2.Response) -> None:
        self._chunks: AsyncIterator[bytes] = response.aiter_bytes()
        self._reading: asyncio.Task[bytes | None] | None = None

    async def hear(self, seconds: float) -> bytes | None:
        """Return what came within `seconds`: nothing is None, the end is empty."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._next())
        done, _ = await asyncio.wait({self._reading}, timeout=max(0.0, seconds))
        if not done:
            return None
        reading, self._reading = self._reading, None
        return await reading or b""

    async def _next(self) -> bytes | None:
        return await anext(self._chunks, None)

    async def close(self) -> None:
        """Stop reading."""
        if self._reading is not None:
            self._reading.cancel()
            with suppress(asyncio.CancelledError, httpx2.TransportError):
                await self._reading


async def each(
    work: Callable[[T, Callable[[N], None]], Awaitable[None]],
    items: Iterable[T],
    *,
    concurrency: int,
    told: Callable[[N], None],
) -> None:
    """
    Do `work` for all items in `concurrency` tasks; what it notes is told to `told` in the caller's own task.

    An error out of `told` ends the tasks, and is the caller's.
    """
    waiting, notes = iter(items), asyncio.Queue[N | None]()

    async def worker() -> None:
        try:
            for item in waiting:
                await work(item, notes.put_nowait)
        finally:
            notes.put_nowait(None)

    try:
        async with asyncio.TaskGroup() as group:
            running = concurrency
            for _ in range(concurrency):
                group.create_task(worker())
            while running:
                note = await notes.get()
                if note is None:
                    running -= 1
                else:
                    told(note)
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
