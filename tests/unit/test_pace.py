"""A light executor holds as many jobs as go quickly, and never more than it may."""  # O5

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lading.worker import pace

EXCHANGES = st.lists(
    st.tuples(st.floats(0.0, 5.0), st.integers(0, 1000), st.integers(0, 1000)).map(
        lambda each: (each[0], each[1], min(each[1], each[2]))
    ),
    max_size=40,
)


@given(st.integers(1, 1000), EXCHANGES)
def test_the_size_stays_between_one_and_the_most(most: int, exchanges: list[tuple[float, int, int]]) -> None:
    found = pace.first(most)
    for seconds, asked, got in exchanges:
        found = found.after(seconds, asked=asked, got=got)

        assert 1 <= found.size <= most
        assert 1 <= found.share() <= found.size


@given(st.integers(1, 1000), st.integers(0, 2000))
def test_what_is_asked_for_never_passes_what_may_be_held(most: int, held: int) -> None:
    found = pace.first(most)

    assert 0 <= found.room(held) <= max(0, found.size - held)


def test_full_and_quick_exchanges_reach_the_most_and_slow_ones_the_floor() -> None:
    found = pace.first(1000)
    for _ in range(10):
        found = found.after(0.02, asked=found.share(), got=found.share())
    assert found.size == 936

    for _ in range(10):
        found = found.after(2.0, asked=found.share(), got=found.share())
    assert found.size == pace.FLOOR


def test_two_exchanges_fill_what_may_be_held() -> None:
    found = pace.Pace(most=1000, size=998)

    first = found.room(0)

    assert first + found.room(first) == 998
