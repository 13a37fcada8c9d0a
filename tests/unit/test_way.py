"""Big exchanges give way to jobs of others for moments and keep most of their time."""  # O6

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.worker.way import MOST_SECONDS, Way

pytestmark = pytest.mark.anyio


class Road:
    def __init__(self) -> None:
        self.now = 100.0
        self.told = list[str]()
        self.way = Way(
            lambda: self.now, on_given=lambda: self.told.append("given"), on_clear=lambda: self.told.append("clear")
        )

    def beside(self, seconds: float, got: int) -> bool:
        """Claim beside for so long; return whether it was given way."""
        is_given = self.way.ask()
        if is_given and seconds >= MOST_SECONDS:
            self.now += MOST_SECONDS
            self.way.expire()
            seconds -= MOST_SECONDS
        self.now += seconds
        self.way.leave(got)
        return is_given


async def test_who_waits_goes_on_when_the_claim_beside_is_over() -> None:
    road = Road()
    road.way.ask()
    waiting = asyncio.create_task(road.way.wait())
    await asyncio.sleep(0)
    before = waiting.done()
    road.way.leave(1)
    await waiting

    assert (before, road.way.is_clear, road.told) == (False, True, ["given", "clear"])


async def test_a_claim_beside_that_takes_long_holds_up_nobody_for_longer_than_a_moment() -> None:
    road = Road()
    road.way.ask()
    road.now += MOST_SECONDS / 2
    road.way.expire()
    before = road.way.is_clear
    road.now += MOST_SECONDS / 2
    road.way.expire()

    assert (before, road.way.is_clear) == (False, True)


async def test_what_brings_nothing_is_given_no_way_until_something_came() -> None:
    road, given_way = Road(), list[bool]()
    for got in (0, 0, 0, 1, 0):
        given_way.append(road.beside(0.001, got))
        road.now += 1.0

    assert given_way == [True, True, False, False, True]


async def test_others_keep_coming_for_a_while_after_the_last_of_them() -> None:
    road = Road()
    before = road.way.is_wanted
    road.beside(0.001, 1)
    meanwhile = road.way.is_wanted
    road.now += 1.5

    assert (before, meanwhile, road.way.is_wanted) == (False, True, False)


@given(st.lists(st.tuples(st.floats(0.0001, 0.1), st.floats(0.0, 0.05)), min_size=1, max_size=100))
def test_the_way_is_given_for_a_quarter_of_the_time_at_most(claims: list[tuple[float, float]]) -> None:
    road, given_for = Road(), 0.0
    for seconds, pause in claims:
        if road.beside(seconds, 1):
            given_for += min(seconds, MOST_SECONDS)
        road.now += pause
    road.now += 3 * MOST_SECONDS

    assert given_for <= 0.25 * (road.now - 100.0) + 1e-6
