"""A stage in a thread of its own: its progress is shown while it runs, and it has ended before anybody goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from lading.exports.stages.work import Stopped

T = TypeVar("T")
Advance = Callable[[int, int | None], None]
_PROGRESS_SECONDS: Final = 0.25


@dataclass(slots=True)
class _Position:
    """Where the work is; written by its thread, read by the loop."""

    done: int = 0
    total: int | None = None
    is_stopped: bool = False

    def advance(self, done: int, total: int | None) -> None:
        self.done, self.total = done, total
        if self.is_stopped:
            raise Stopped


async def in_thread(
    function: Callable[[Advance], T], show: Callable[[int, int | None], Awaitable[None]] | None = None
) -> T:
    """
    Return what `function` returns; show its progress, and stop it when this task is cancelled.

    `function` is given what it has to call between batches.
    """
    position = _Position()
    thread = asyncio.ensure_future(asyncio.to_thread(function, position.advance))
    try:
        while not (await asyncio.wait({thread}, timeout=_PROGRESS_SECONDS))[0]:
            if show is not None:
                await show(position.done, position.total)
        return thread.result()
    finally:
        # Cancelled, or the progress could not be shown: nothing may go on writing after the attempt has ended.
        if not thread.done():
            position.is_stopped = True
            await _end_of(thread)
            thread.exception()  # whatever it was, the answer is why we stopped


async def _end_of(thread: asyncio.Future[Any]) -> None:
    """Wait for it, also when this task is cancelled once more: by a deadline that passes while it is being stopped."""
    while not thread.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait({thread})
