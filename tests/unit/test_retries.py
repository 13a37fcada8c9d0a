"""Every fault has a class, and what follows from a failure, a 429 or a full queue stays within its bounds."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from lading import errors
from lading.errors import ExportError, LadingError
from lading.jobs.retries import CLASSES, SHIPPED, FaultClass, Policy, backoff, class_of, is_spent, parking
from lading.limits.adaptation import (
    CAP,
    LONGEST_BLOCK_SECONDS,
    TRICKLE_PER_SECOND,
    blocked_for,
    snoozing,
    spent,
)
from lading.limits.rules import HOST_FAULTS
from lading.limits.shedding import Room, excess, retry_after

POLICIES = st.builds(
    lambda attempts, base, more: Policy(attempts, base, base + more),
    st.integers(1, 1000),
    st.floats(0.001, 1000.0),
    st.floats(0.0, 100_000.0),
)
CHANCES = st.floats(0.0, 1.0, exclude_max=True)


def every_error(root: type[LadingError] = LadingError) -> Iterator[type[LadingError]]:
    yield root
    for each in root.__subclasses__():
        yield from every_error(each)


def test_every_code_of_an_error_has_a_class() -> None:  # O4
    codes = {each.code for each in every_error() if each.__module__.startswith(f"{errors.__name__}.")}

    assert codes - set(CLASSES) == set()


def test_what_may_be_tried_again_has_a_policy_and_nothing_else_has() -> None:  # O4
    for each in every_error(ExportError):
        assert each.retryable == (class_of(each.code) in SHIPPED), each.code
    assert set(FaultClass) - set(SHIPPED) == {FaultClass.CRASH, FaultClass.PERMANENT}
    assert all(class_of(code) in {FaultClass.UNAVAILABLE, FaultClass.TIMEOUT} for code in HOST_FAULTS)


@given(st.integers(1, 10_000), POLICIES, CHANCES)
def test_a_wait_is_above_zero_and_within_the_cap(failures: int, policy: Policy, chance: float) -> None:
    assert 0 < backoff(failures, policy, chance) <= policy.cap_seconds


@given(st.integers(1, 100), POLICIES, CHANCES)
def test_a_further_failure_never_waits_less_by_the_same_chance(failures: int, policy: Policy, chance: float) -> None:
    assert backoff(failures + 1, policy, chance) >= backoff(failures, policy, chance)


@given(st.integers(0, 2000), POLICIES, st.integers(1, 1000))
def test_the_smaller_of_both_limits_ends_a_job(failures: int, policy: Policy, own: int) -> None:  # O4
    assert is_spent(failures, policy, own) == (failures >= policy.max_attempts or failures >= own)


@given(POLICIES, CHANCES)
def test_what_is_parked_waits_at_least_the_cap(policy: Policy, chance: float) -> None:
    assert parking(policy, chance) >= round(policy.cap_seconds, 3)


@given(st.lists(st.floats(0.0, 100.0), max_size=60))
def test_no_window_sees_more_retries_than_cap_and_trickle(gaps: list[float]) -> None:  # O4
    tokens, granted, passed = CAP, 0, 0.0
    for gap in gaps:
        tokens, is_granted = spent(tokens, gap)
        granted, passed = granted + is_granted, passed + gap
        assert 0 <= tokens <= CAP

    assert granted <= CAP + TRICKLE_PER_SECOND * passed + 1e-6


@given(st.one_of(st.none(), st.floats()), CHANCES)
def test_a_429_blocks_within_bounds_and_the_job_waits_no_less(asked: float | None, chance: float) -> None:  # O5
    blocked = blocked_for(asked)
    seconds = snoozing(asked, chance)

    assert blocked is None or 0 <= blocked <= LONGEST_BLOCK_SECONDS
    assert (blocked or 0) <= seconds <= LONGEST_BLOCK_SECONDS * 1.25


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 10**4), st.integers(-100, 99))
def test_the_more_urgent_is_never_refused_before_the_less(depth: int, limit: int, count: int, priority: int) -> None:
    room = Room(depth, limit)

    assert excess(room, count=count, priority=priority + 1) <= excess(room, count=count, priority=priority)
    assert excess(room, count=1, priority=priority) <= excess(room, count=count, priority=priority)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 10**4), st.integers(-100, 100))
def test_what_is_admitted_fits(depth: int, limit: int, count: int, priority: int) -> None:  # O7
    if excess(Room(depth, limit), count=count, priority=priority) == 0:
        assert depth + count <= limit


@given(st.integers(1, 10**9), st.floats(0.0, 10**6))
def test_when_to_come_back_is_between_a_second_and_five_minutes(too_many: int, rate: float) -> None:
    assert 1.0 <= retry_after(too_many, rate) <= 300.0
