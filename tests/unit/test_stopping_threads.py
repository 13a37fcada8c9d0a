"""Whoever stops a stage has waited for its thread: nothing goes on after the attempt has ended."""

from __future__ import annotations

import asyncio
import threading

import pytest

from lading.exports.threads import Advance, in_thread

pytestmark = pytest.mark.anyio


async def test_a_stage_that_is_stopped_twice_is_waited_for_all_the_same() -> None:  # P3
    begun, may_end, has_ended = threading.Event(), threading.Event(), threading.Event()

    def work(_advance: Advance) -> None:
        begun.set()
        may_end.wait(60)
        has_ended.set()

    stage = asyncio.create_task(in_thread(work))
    await asyncio.to_thread(begun.wait, 60)
    try:
        for _ in range(3):  # by a person, and by a deadline that passes meanwhile
            stage.cancel()
            for _ in range(5):
                await asyncio.sleep(0)
        was_waited_for = not stage.done()
    finally:
        may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await stage

    assert was_waited_for
    assert has_ended.is_set()
