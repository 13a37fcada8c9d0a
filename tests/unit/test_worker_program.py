"""A child that does not come up is started again at growing intervals, and at once when it had come up."""

from __future__ import annotations

import asyncio
import os
import sys

import pytest

from lading.worker.program import Program

pytestmark = pytest.mark.anyio
DIES = "pass"
COMES_UP = "print('{\"ready\": 1}', flush=True)"


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Child:
    """A program of these words, and what is heard of it."""

    def __init__(self, script: str) -> None:
        self.clock = Clock()
        self._ended = asyncio.Event()
        self.program = Program(
            [sys.executable, "-c", script],
            os.environ,
            on_answer=lambda _: None,
            on_end=self._ended.set,
            clock=self.clock,
        )

    async def live_and_die(self) -> None:
        self._ended.clear()
        await self.program.start()
        async with asyncio.timeout(60):
            await self._ended.wait()
        await self.program.close()

    def starts_after(self, seconds: float) -> bool:
        """Tell whether it may start so long after its last start, and not a moment before."""
        begun, self.clock.now = self.clock.now, self.clock.now + seconds - 0.001
        early, self.clock.now = self.program.may_start, begun + seconds
        return self.program.may_start and not early


async def test_what_never_was_started_may_start() -> None:
    assert Child(DIES).program.may_start


async def test_a_child_that_never_becomes_ready_is_started_ever_more_seldom_up_to_a_limit() -> None:
    child = Child(DIES)
    for pause in (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0):
        await child.live_and_die()

        assert child.program.is_dead
        assert child.starts_after(pause)


async def test_a_child_that_was_ready_is_started_at_once() -> None:
    child = Child(COMES_UP)
    await child.live_and_die()

    assert child.program.is_dead
    assert child.program.may_start
