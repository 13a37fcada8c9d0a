"""A bundle begins with the states it needs, and the previous one shows whether any is missing, made up or changed."""

# A2 A3 A4

from __future__ import annotations

import io
import json

import pytest
from tests import mutating
from tests.bundling import TRUST, Told, bundle, export, job, story

from lading_verify import encoding, layout, trust
from lading_verify.check import check, verify
from lading_verify.errors import Refused

_BELIEVED = trust.parse(TRUST.dump())


def everything(_: bytes) -> bool:
    return True


def state_of(index: int, name: str = "job_zz", **fields: object) -> bytes:
    """A line of a state that nobody had."""
    at = "2026-01-01T00:00:00.000000Z"
    document = {
        "attempt": 0, "changed_at": at, "code": None, "created_at": at, "ended_at": at, "for": None, "id": name,
        "index": index, "kind": "noop", "rev": 4, "state": "completed", "what": "job", **fields,
    }  # fmt: skip
    return encoding.encode({"line": document, "part": "jobs"}) + b"\n"


def line_of(state: bytes) -> bytes:
    return encoding.encode(encoding.decode(state.rstrip())["line"]) + b"\n"


def start_of(data: bytes) -> set[str]:
    return {json.loads(line)["line"]["id"] for line in mutating.unpacked(data)[layout.START_STATE].splitlines()}


@pytest.mark.parametrize(("end", "start"), [(12, 12), (28, 12), (24, 24), (27, 27), (12, 3)])
def test_a_bundle_that_begins_with_what_it_needs_goes_on_where_the_previous_one_ends(
    kept, end: int, start: int
) -> None:
    one, two = kept("one.zip", bundle(end=end)), kept("two.zip", bundle(start=start, keep=everything))

    assert verify(two, _BELIEVED, previous=one).is_pinned


def test_what_ended_before_a_bundle_and_is_not_in_it_is_left_out_of_it() -> None:
    whole, needed = start_of(bundle(start=24)), start_of(bundle(start=24, keep=everything))

    assert whole - needed >= {job(1), export(1), "pau_1"}
    assert needed >= {job(12), job(13)}


def test_what_ended_long_before_is_taken_from_a_bundle_that_needs_it_and_said(kept) -> None:
    told = Told([*story()])
    told.add("export.deleted", export(1), rev=6, reason=True)
    one = kept("one.zip", bundle(told.lines, start=20, end=24, keep=everything))
    two = kept("two.zip", bundle(told.lines, start=24, keep=everything))

    report = verify(two, _BELIEVED, previous=one)

    assert "1 states it began with are of what changed last before" in " ".join(report.checks)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (job(12), "is missing, as the previous bundle left it"),  # it still ran
        (job(13), "is missing, as the previous bundle left it"),
    ],
)
def test_a_state_that_is_needed_and_left_out_is_found_by_the_previous_bundle(kept, name: str, why: str) -> None:
    one = kept("one.zip", bundle(end=24))
    two = kept("two.zip", bundle(start=24, keep=lambda line: name.encode() not in line))
    assert verify(two, _BELIEVED).is_pinned

    with pytest.raises(Refused, match=why) as caught:
        verify(two, _BELIEVED, previous=one)
    assert (caught.value.kind, caught.value.file) == ("gap", layout.START_STATE)


def test_a_state_that_an_entry_needs_and_that_is_left_out_is_a_gap_by_itself() -> None:
    data = bundle(start=12, keep=lambda line: b'"id":"' + job(1).encode() not in line)

    with pytest.raises(Refused) as caught:
        check(io.BytesIO(data), _BELIEVED)
    found = caught.value

    assert (found.kind, found.file, found.record) == ("gap", layout.HISTORY, 1)


def test_a_job_that_begins_a_second_time_is_found_though_its_state_was_left_out(kept) -> None:
    told = Told([*story()])
    told.add("job.enqueued", job(1), rev=1, **{"kind": "export", "state": "pending", "for": export(1)})
    one = kept("one.zip", bundle(told.lines, end=26))
    two = kept("two.zip", bundle(told.lines, start=26, keep=lambda line: b'"id":"' + job(1).encode() not in line))

    with pytest.raises(Refused, match="is missing, as the previous bundle left it"):
        verify(two, _BELIEVED, previous=one)


def test_a_state_that_nobody_knew_is_found_by_the_previous_bundle(kept) -> None:
    made = state_of(3)
    lines = mutating.unpacked(bundle(start=24))[layout.START_STATE].splitlines(keepends=True)
    place = next(number for number, line in enumerate(lines) if b'"part":"throttles"' in line)
    states = b"".join([*lines[:place], made, *lines[place:]])
    one = kept("one.zip", bundle(end=24))
    jobs = mutating.unpacked(bundle(start=24))[layout.JOBS] + line_of(made)
    files = {layout.START_STATE: states, layout.JOBS: jobs}
    two = kept("two.zip", bundle(start=24, files=files, counts={"jobs": jobs.count(b"\n")}))
    assert verify(two, _BELIEVED).is_pinned

    with pytest.raises(Refused, match="the previous bundle tells of no such thing"):
        verify(two, _BELIEVED, previous=one)


# --- states that their signer made up -------------------------------------------------------------


def test_a_made_up_state_of_before_the_first_entry_there_ever_was_is_refused(kept) -> None:
    one = kept("one.zip", bundle(end=24))
    two = kept("two.zip", bundle(start=24, keep=everything, begun=lambda states: among(states, state_of(-1).rstrip())))

    with pytest.raises(Refused, match="index") as caught:
        verify(two, _BELIEVED, previous=one)

    assert caught.value.file == layout.START_STATE


@pytest.mark.parametrize("place", [1, 3])
def test_a_second_line_about_the_same_thing_is_refused_whatever_it_says(kept, place: int) -> None:
    told = Told([*story()])
    told.add("export.deleted", export(1), rev=6, reason=True)

    def begun(states: list[bytes]) -> list[bytes]:
        again = states[0].replace(b'"package":"abab', b'"package":"cdcd').replace(b'"index":15', b'"index":2')
        assert export(1).encode() in again
        assert again != states[0]
        return [*states[:place], again, *states[place:]]

    one = kept("one.zip", bundle(told.lines, start=20, end=24, keep=everything))
    two = kept("two.zip", bundle(told.lines, start=24, keep=everything, begun=begun))

    with pytest.raises(Refused, match="order") as caught:
        verify(two, _BELIEVED, previous=one)

    assert caught.value.file == layout.START_STATE


@pytest.mark.parametrize("field", ["rev", "state", "index", "what"])
@pytest.mark.parametrize("value", [[], {}, -4, True])
def test_a_state_of_no_shape_is_refused_and_stops_nothing(field: str, value: object) -> None:
    states = [encoding.decode(line) for line in bundle_states()]
    changed = [{**each, "line": {**each["line"], field: value}} for each in states]
    data = bundle(start=24, files={layout.START_STATE: b"".join(encoding.encode(each) + b"\n" for each in changed)})

    with pytest.raises(Refused) as caught:
        check(io.BytesIO(data), _BELIEVED)

    assert caught.value.file == layout.START_STATE


def test_what_it_begins_with_is_told_to_whoever_checks_it(kept) -> None:
    begun = " ".join(check(io.BytesIO(bundle(start=24, keep=everything)), _BELIEVED)[0].checks)
    gone = " ".join(check(io.BytesIO(bundle(start=24, begun=lambda _: None)), _BELIEVED)[0].checks)

    assert "states of before entry 24 are as its signer says" in begun
    assert "no states of before entry 24" in gone


def test_a_bundle_without_states_is_replayed_from_those_of_the_previous_one(kept) -> None:
    told = Told([*story()])
    told.add("export.failed", export(1), rev=2, code="made-up")
    one = kept("one.zip", bundle(told.lines, end=24))
    two = kept("two.zip", bundle(told.lines, start=24, begun=lambda _: None))
    three = kept("three.zip", bundle(start=24, begun=lambda _: None))
    assert verify(two, _BELIEVED).is_pinned
    assert verify(three, _BELIEVED, previous=one).previous is not None

    with pytest.raises(Refused, match=export(1)) as caught:
        verify(two, _BELIEVED, previous=one)

    assert (caught.value.kind, caught.value.file, caught.value.record) == ("gap", layout.HISTORY, 5)


def test_what_ended_before_the_previous_bundle_is_no_gap_in_one_without_states(kept) -> None:
    told = Told([*story()])
    told.add("export.deleted", export(1), rev=6, reason=True)
    one = kept("one.zip", bundle(told.lines, start=20, end=24, keep=everything))
    two = kept("two.zip", bundle(told.lines, start=24, begun=lambda _: None))

    assert verify(two, _BELIEVED, previous=one).previous is not None


def bundle_states() -> list[bytes]:
    return mutating.unpacked(bundle(start=24, keep=everything))[layout.START_STATE].splitlines()


def among(states: list[bytes], made: bytes) -> list[bytes]:
    place = next(number for number, line in enumerate(states) if b'"part":"throttles"' in line)
    return [*states[:place], made, *states[place:]]
