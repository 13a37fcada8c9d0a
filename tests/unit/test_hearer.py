"""Who waits for hints can be stopped at any moment, also at that of a hint."""

from __future__ import annotations

import asyncio

import pytest

from lading.db.notify import Hearer
from lading.errors import DatabaseUnavailable
from lading.upkeep import sweeps

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("steps", range(8))
async def test_a_cancellation_that_meets_a_hint_is_not_forgotten(steps: int) -> None:
    hearer = Hearer("", "channel")

    async def listen() -> None:
        while True:
            await hearer.wait("channel", hearer.generation("channel"), 60.0)

    listening = asyncio.create_task(listen())
    for _ in range(3):
        await asyncio.sleep(0)

    hearer._hint("channel")
    for _ in range(steps):
        await asyncio.sleep(0)
    listening.cancel()
    done, _ = await asyncio.wait({listening}, timeout=5.0)
    listening.cancel()

    assert done == {listening}


async def test_a_cancellation_that_a_failing_sweep_hides_ends_it() -> None:
    begun = asyncio.Event()

    async def sweep() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise DatabaseUnavailable("The connection was lost while its statement was being cancelled.") from None

    sweeping = asyncio.create_task(sweeps._every(0.0, sweep))
    await begun.wait()
    sweeping.cancel()
    done, _ = await asyncio.wait({sweeping}, timeout=5.0)
    sweeping.cancel()

    assert done == {sweeping}
