"""Whatever fails, what is tried after it is written in one table, is bounded, and ends in an error that says all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading import errors
from lading.client.recovery import Means, Recovery, is_final, step, verdict
from lading.errors import LadingError

KINDS = (
    errors.WaitTimeout("late"), errors.ServerUnreachable("down"), errors.Unauthenticated("who"),
    errors.ExportEndedBadly("failed", fault="no-data"), errors.DownloadFailed("cut"), errors.PackageInvalid("bad"),
    errors.QueueFull("full", retry_after_seconds=7.0), errors.InvalidInput("wrong"), errors.ExtractionFailed("disk"),
)  # fmt: skip
MEANS = [
    Means.LONGER_DEADLINE, Means.BACKOFF, Means.REFRESH, Means.ALTERNATIVE, Means.BACKOFF, None,
    Means.BACKOFF, None, None,
]  # fmt: skip


def _means(error: LadingError, *tried: Means, refresh: bool = True, alternative: bool = True) -> Means | None:
    found = step(
        error, tried, recovery=Recovery(), can_refresh=refresh, has_alternative=alternative, chance=0.5
    )  # fmt: skip
    return None if found is None else found.means


@pytest.mark.parametrize(("error", "means"), list(zip(KINDS, MEANS, strict=True)))
def test_each_fault_has_what_helps(error: LadingError, means: Means | None) -> None:  # C7
    assert _means(error) == means


def test_what_the_caller_did_not_give_is_not_tried() -> None:  # C7
    assert _means(KINDS[2], refresh=False) is None
    assert _means(KINDS[3], alternative=False) is None
    assert _means(errors.ExportEndedBadly("cancelled by a person")) is None


def test_a_pause_doubles_and_obeys_the_server() -> None:  # C7
    def seconds(error: LadingError, tries: int) -> float:
        found = step(
            error, [Means.BACKOFF] * tries, recovery=Recovery(), can_refresh=False, has_alternative=False, chance=0.999
        )
        assert found is not None
        return found.seconds

    assert [round(seconds(KINDS[1], tries)) for tries in range(3)] == [1, 2, 4]
    assert seconds(KINDS[6], 0) >= 7.0


@given(st.lists(st.sampled_from(KINDS), min_size=50, max_size=50), st.integers(0, 5), st.integers(0, 5))
def test_whatever_comes_it_ends(faults: list[LadingError], extensions: int, tries: int) -> None:  # C7
    tried: list[Means] = []
    for error in faults:
        found = step(
            error,
            tried,
            recovery=Recovery(extensions, tries),
            can_refresh=True,
            has_alternative=True,
            chance=0.5,
        )
        if found is not None:
            tried.append(found.means)

    assert len(tried) <= extensions + tries + 2


def test_the_last_error_carries_what_came_before() -> None:  # C7
    first, last = errors.ServerUnreachable("down"), errors.WaitTimeout("late")

    assert verdict([last]).causes == ()
    assert verdict([first, last]) is last
    assert last.causes == (first, last)


def test_only_what_has_ended_or_will_never_be_taken_is_forgotten() -> None:  # C1
    both = errors.RecoveryFailed("both", [errors.ExportEndedBadly("one"), errors.WaitTimeout("late")])

    assert [is_final(each, was_accepted=True) for each in KINDS] == [
        False, False, False, True, False, False, False, False, False,
    ]  # fmt: skip
    assert [is_final(each, was_accepted=False) for each in KINDS] == [
        False, False, False, True, False, True, False, True, True,
    ]  # fmt: skip
    assert not is_final(both, was_accepted=True)
