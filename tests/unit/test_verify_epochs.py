"""A ledger that goes on after a restore begins another tree, and its bundles say so: nothing passes for another."""

# A1 A3

from __future__ import annotations

import io
from pathlib import Path

import pytest
from tests.bundling import ORIGIN, TRUST, Told, bundle, job, story

from lading_verify import layout, trust
from lading_verify.check import check, verify
from lading_verify.errors import Refused

_BELIEVED = trust.parse(TRUST.dump())
SECOND = f"{ORIGIN}/e2"


def later(epoch: int = 2) -> list[bytes]:
    """Return the entries of an epoch: the second job of the story goes on in it, the first one never began there."""
    told = Told()
    told.add("ledger.epoch_opened", "ledger:tree", epoch=epoch, previous=ORIGIN, known_size=30, kept=28)
    told.add("job.retried", job(7), rev=4, attempt=1, code="source-unavailable", state="scheduled")
    told.add("job.promoted", job(7), rev=5)
    told.add("job.claimed", job(8), rev=2)
    return told.lines


def refused(data: bytes) -> Refused:
    with pytest.raises(Refused) as caught:
        check(io.BytesIO(data), _BELIEVED)
    return caught.value


def test_what_began_in_an_earlier_epoch_is_taken_as_it_is_met() -> None:
    for start in (0, 1, 2, 3):
        report = check(io.BytesIO(bundle(later(), start=start, origin=SECOND)), _BELIEVED)[0]
        assert report.is_pinned

    gap = later()
    gap[2] = gap[2].replace(b'"rev":5', b'"rev":6')
    assert "rev goes from 4 to 6" in refused(bundle(gap, origin=SECOND)).why


@pytest.mark.parametrize(
    ("lines", "origin"),
    [(later(), ORIGIN), (later(), f"{ORIGIN}/e3"), (story(), SECOND), (later(3), SECOND)],
    ids=["the first", "a third", "no restore is told", "another is told"],
)
def test_a_tree_that_does_not_tell_of_the_restore_that_began_it_is_refused(lines: list[bytes], origin: str) -> None:
    error = refused(bundle(lines, origin=origin))

    assert (error.file, error.record, error.kind) == (layout.HISTORY, 1, "tampered")


def test_a_bundle_of_one_epoch_does_not_follow_one_of_another(tmp_path: Path) -> None:
    one, two = tmp_path / "one.zip", tmp_path / "two.zip"
    one.write_bytes(bundle())
    two.write_bytes(bundle(later(), origin=SECOND))

    for newer, older, said in ((two, one, "of epoch 1 of"), (one, two, "of epoch 2 of")):
        with pytest.raises(Refused, match=said) as caught:
            verify(newer, _BELIEVED, previous=older)
        assert caught.value.kind == "gap"
