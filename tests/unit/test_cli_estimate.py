"""The time left is sane: never said too early, never negative or endless, and it does not jump (C9)."""

from __future__ import annotations

import math

import yaml
from hypothesis import given
from hypothesis import strategies as st

from lading.cli import bar_drawing, yaml_text
from lading.cli.bar_drawing import COARSE, FINE, Count, View
from lading.cli.estimate import Estimate

STEPS = st.lists(st.tuples(st.floats(0.01, 5.0), st.floats(0.0, 20.0)), min_size=1, max_size=60)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(STEPS)
def test_it_never_jumps_and_never_says_nonsense(steps: list[tuple[float, float]]) -> None:
    estimate, now, done, before = Estimate(0.0), 0.0, 0.0, None
    for seconds, more in steps:
        now, done = now + seconds, min(100.0, done + more)
        estimate.saw(now, done=done, total=100.0)
        left = estimate.left(now)
        if left is not None:
            assert 0.0 <= left < 48 * 3600
            if before is not None:
                running = max(0.0, before - seconds)
                share = -math.expm1(-seconds / 5.0)
                assert running - share * running - 0.01 <= left <= running + share * max(running, 1.0) + 0.01
        before = left


@given(st.floats(0.5, 1000.0), st.integers(20, 99))
def test_what_goes_at_one_speed_is_foreseen(speed: float, percent: int) -> None:
    total = speed * 100.0  # a hundred seconds of work
    estimate = Estimate(0.0)
    for now in range(1, percent + 1):
        estimate.saw(float(now), done=speed * now, total=total)
        left = estimate.left(float(now))

    assert left is not None
    assert abs(left - (100 - percent)) <= max(2.0, 0.1 * (100 - percent))


def test_nothing_is_said_before_it_is_known_and_once_it_is_over() -> None:
    estimate = Estimate(0.0)
    assert estimate.left(50.0) is None
    estimate.saw(50.0, done=1.0, total=100.0)
    assert estimate.left(50.0) is None
    estimate.saw(51.0, done=90.0, total=100.0)
    assert estimate.left(51.0) is None
    estimate.saw(60.0, done=95.0, total=100.0)
    assert estimate.left(60.0) is not None
    estimate.saw(61.0, done=100.0, total=100.0)
    assert estimate.left(61.0) is None


def test_an_attempt_that_begins_anew_is_estimated_anew() -> None:
    estimate = Estimate(0.0)
    for now in range(1, 60):
        estimate.saw(float(now), done=float(now), total=100.0)
    assert estimate.left(59.0) is not None

    estimate.saw(60.0, done=0.0, total=100.0)

    assert estimate.left(60.0) is None
    assert estimate.left(1000.0) is None


def test_what_stands_still_takes_longer_and_longer() -> None:
    estimate = Estimate(0.0)
    for now in range(1, 51):
        estimate.saw(float(now), done=float(now), total=100.0)
        estimate.left(float(now))

    told = [estimate.left(float(now)) for now in range(51, 600)]

    assert all(each is not None and each > 0 for each in told)
    assert (told[-1] or 0) > 100


VIEWS = st.builds(
    View,
    what=st.text(max_size=60),
    share=st.none() | st.floats(-1.0, 2.0),
    rows=st.integers(0, 10**12),
    size=st.integers(0, 10**15),
    total=st.none() | st.integers(1, 10**15),
    speed=st.none() | st.floats(0.0, 1e12),
    elapsed=st.floats(0.0, 1e6),
    left=st.none() | st.floats(0.0, 1e6),
    label=st.text(max_size=60),
)
COUNTS = st.builds(
    Count,
    ended=st.integers(0, 10**6),
    total=st.none() | st.integers(1, 10**6),
    active=st.integers(0, 1000),
    failed=st.integers(0, 1000),
    elapsed=st.floats(0.0, 1e6),
    left=st.none() | st.floats(0.0, 1e6),
)


@given(VIEWS, COUNTS, st.integers(1, 220), st.integers(0, 10**6), st.sampled_from([FINE, COARSE]))
def test_no_line_is_wider_than_there_is_room(
    view: View, count: Count, width: int, turn: int, glyphs: bar_drawing.Glyphs
) -> None:
    for line in (
        bar_drawing.line(view, width=width, turn=turn, glyphs=glyphs),
        bar_drawing.total_line(count, width=width, turn=turn, glyphs=glyphs),
    ):
        text = "".join(piece for piece, _ in line)
        assert len(text) <= width
        assert text.isprintable()


@given(JSON)
def test_what_is_printed_as_yaml_reads_back_as_the_same(value: object) -> None:  # U3
    assert yaml.safe_load(yaml_text.dump(value)) == value
