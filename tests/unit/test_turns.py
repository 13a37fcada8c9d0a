"""Calls are made in turn: nobody has all the turns, and who waits in vain is told when to come again."""

# E14

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from lading.webhooks.turns import Turns

pytestmark = pytest.mark.anyio
ONE, TWO, THREE = (UUID(int=number) for number in (1, 2, 3))
LONG = 60.0


async def waiting(turns: Turns, tenant: UUID, webhook: UUID) -> asyncio.Task[bool]:
    """Return who stands in line."""
    task = asyncio.create_task(turns.take(tenant, webhook, patience=LONG))
    await asyncio.sleep(0)
    return task


async def ran() -> None:
    """Let those go on whose turn has come."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_webhook_has_so_many_turns_and_no_more() -> None:
    turns = Turns(most=64, each=2)
    for _ in range(2):
        assert await turns.take(ONE, ONE, patience=LONG)

    third = await waiting(turns, ONE, ONE)
    other = await waiting(turns, ONE, TWO)

    assert (third.done(), other.done()) == (False, True)
    turns.give_back(ONE, ONE, seconds=1.0)
    await ran()
    assert third.done()


async def test_there_is_always_a_turn_for_a_newcomer() -> None:
    turns, taken = Turns(most=16, each=1), list[int]()

    for tenant in range(10, 15):
        count = 0
        while (task := await waiting(turns, UUID(int=tenant), UUID(int=tenant * 100 + count))).done():
            count += 1
        task.cancel()
        await ran()
        taken.append(count)

    assert taken == [8, 4, 2, 1, 1]


async def test_webhooks_that_wait_are_served_in_turn() -> None:
    turns = Turns(most=2, each=1)
    assert await turns.take(ONE, ONE, patience=LONG)
    first = [await waiting(turns, ONE, ONE) for _ in range(3)]
    second = await waiting(turns, TWO, TWO)
    assert second.done()  # one was left for it
    third = await waiting(turns, THREE, THREE)

    turns.give_back(TWO, TWO, seconds=0.1)
    await ran()

    assert [each.done() for each in first] == [False] * 3
    assert third.done()
    for each in first:
        each.cancel()
    await ran()


async def test_who_has_no_turn_for_long_leaves_the_line() -> None:
    turns = Turns(most=8, each=1)
    assert await turns.take(ONE, ONE, patience=LONG)

    assert not await turns.take(ONE, ONE, patience=0.01)

    turns.give_back(ONE, ONE, seconds=1.0)
    assert await turns.take(ONE, ONE, patience=LONG)


async def test_who_is_cancelled_in_line_takes_no_turn_along() -> None:
    turns = Turns(most=8, each=1)
    assert await turns.take(ONE, ONE, patience=LONG)
    second, third = await waiting(turns, ONE, ONE), await waiting(turns, ONE, ONE)
    turns.give_back(ONE, ONE, seconds=1.0)
    second.cancel()  # in the moment in which its turn has come

    await ran()

    assert second.cancelled()
    assert third.done()


async def test_one_who_leaves_in_the_moment_of_a_call_is_passed_over() -> None:
    turns = Turns(most=8, each=1)
    assert await turns.take(ONE, ONE, patience=LONG)
    second, third = await waiting(turns, ONE, ONE), await waiting(turns, ONE, ONE)
    second.cancel()

    turns.give_back(ONE, ONE, seconds=1.0)
    await ran()

    assert (second.cancelled(), third.done()) == (True, True)


async def test_a_webhook_that_is_slow_is_come_back_to_later() -> None:
    turns = Turns(most=64, each=2)
    for webhook, seconds in ((ONE, 0.01), (TWO, 30.0)):
        for _ in range(3):
            await waiting(turns, ONE, webhook)
        turns.give_back(ONE, webhook, seconds=seconds)
    lines = [await waiting(turns, ONE, webhook) for webhook in (ONE, TWO) for _ in range(100)]

    quick, slow = (turns.wait_of(ONE, webhook, 0.99) for webhook in (ONE, TWO))

    assert (quick < 11, slow > 800) == (True, True)
    assert turns.wait_of(ONE, TWO, 0.0) == 5.0
    for each in lines:
        each.cancel()
    await ran()
