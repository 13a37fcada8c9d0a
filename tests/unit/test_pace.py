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


@given(st.integers(1, 2000), st.integers(0, 2000), st.integers(0, 2000))
def test_going_gently_asks_for_less_and_stops_nobody(size: int, held: int, slow: int) -> None:  # O6
    found = pace.Pace(most=2000, size=size)
    usual, gentle = found.room(held, slow=min(slow, held)), found.gentle().room(held, slow=min(slow, held))

    assert gentle <= min(usual, pace.GENTLE)
    assert (gentle > 0) == (usual > 0)


@given(st.integers(8, 5000), st.lists(st.integers(1, 5000), max_size=60))
def test_however_many_come_one_after_the_other_and_keep_all_they_get_there_is_something_for_the_next(
    most: int, wanted: list[int]
) -> None:  # O6
    held = {0: most - pace.spare(most)}  # who floods has all the others
    for newcomer, want in enumerate(wanted, start=1):
        offer = pace.beside(most, held, taken=sum(held.values()))

        assert 0 in offer.without
        assert newcomer not in offer.without
        assert sum(held.values()) + offer.limit <= most
        assert (offer.limit > 0) == (sum(held.values()) < most)
        held[newcomer] = min(want, offer.limit)


@given(st.integers(8, 5000), st.integers(0, 5000))
def test_who_has_got_his_part_gets_no_more_of_what_is_left_for_others(most: int, taken: int) -> None:  # O6
    first = pace.beside(most, {}, taken=taken)
    then = pace.beside(most, {1: first.limit}, taken=taken + first.limit)

    assert first.limit == 0 or 1 in then.without
    assert 2 not in then.without


@given(st.integers(2, 1000), st.integers(0, 999))
def test_slow_jobs_keep_two_exchanges_going_with_what_they_leave(size: int, slow: int) -> None:  # O6
    found, slow = pace.Pace(most=1000, size=size), min(slow, size - 2)
    first = found.room(slow, slow=slow)

    assert first == found.share(slow)
    assert found.room(slow + first, slow=slow) == found.share(slow)
