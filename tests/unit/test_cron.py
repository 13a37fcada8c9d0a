"""A cron expression fires when a walk from minute to minute says so, wherever the clock is moved."""

# E4; all zones and years are walked in flow/test_zones.

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests import walking

from lading.errors import InvalidInput
from lading.schedules import cron, zones

DAY = timedelta(days=1)
# Whole and half hours, at midnight, at the end of a day, of two hours, of summer times that are the rule, of no rule.
CLOCKS = [
    ("Europe/Oslo", 2026), ("Australia/Lord_Howe", 2026), ("America/Havana", 2027), ("Asia/Beirut", 2024),
    ("Africa/Cairo", 2025), ("Antarctica/Troll", 2026), ("America/Santiago", 2026), ("America/Asuncion", 2023),
    ("Asia/Gaza", 2035), ("Pacific/Apia", 2021), ("America/Nuuk", 2024), ("Pacific/Chatham", 2037),
    ("Asia/Amman", 2022), ("Africa/Juba", 2021),
]  # fmt: skip
_DAYS = st.sampled_from(["*", "*/2", "*/3", "1", "L", "29", "30", "31", "1-7", "8-14", "28-31", "13,29"])
_MONTHS = st.sampled_from(["*", "2", "2,4", "*/5", "1-3", "12"])
_WEEKDAYS = st.sampled_from(["*", "0", "7", "1-5", "5", "0L", "5L", "*/2", "1,3"])
_MINUTES = st.sampled_from(["*", "0", "59", "*/7", "5-10", "1,30", "3/20"])
_HOURS = st.sampled_from(["*", "0", "23", "*/5", "2-4", "0,12"])
_INSTANTS = st.integers(0, 17 * 365 * 86_400_000).map(lambda ms: walking.FIRST + timedelta(milliseconds=ms))


@pytest.mark.parametrize(("name", "year"), CLOCKS)
def test_it_fires_as_the_walk_says_around_each_change_of_a_clock(name: str, year: int) -> None:
    span = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    changes = list(walking.changes(zones.zone(name), *span))

    assert changes
    for change in changes:
        for text, (walked, ours) in walking.around(change, name).items():
            assert ours == walked, (change, text)


@given(_DAYS, _MONTHS, _WEEKDAYS, _INSTANTS)
def test_its_days_are_those_of_the_calendar(day: str, month: str, weekday: str, start: datetime) -> None:
    text = f"0 0 {day} {month} {weekday}"
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    known = walking.Expression(text)
    walked = [each for each in (midnight + number * DAY for number in range(1, 800)) if known.has_day(each)]
    assume(walked)
    ours = cron.parse(text, "UTC").after(midnight)

    assert ours is not None
    assert ours.at == walked[0]


@settings(max_examples=30)
@given(_MINUTES, _HOURS, st.sampled_from([name for name, _ in CLOCKS]), _INSTANTS)
def test_its_minutes_are_those_of_the_walk(minute: str, hour: str, name: str, instant: datetime) -> None:
    start = instant.replace(second=0, microsecond=0)
    text = f"{minute} {hour} * * *"
    walk = walking.stretch(start - DAY, zones.zone(name), minutes=3 * 1440)
    walked = next(at for at in walk.slots(walking.Expression(text.replace("3/20", "3-59/20"))) if at > start)
    ours = cron.parse(text, name).after(instant)

    assert ours is not None
    assert ours.at == walked


@given(_MINUTES, _HOURS, _DAYS, st.sampled_from([name for name, _ in CLOCKS]), _INSTANTS)
def test_the_next_slot_is_later_and_nothing_lies_between(
    minute: str, hour: str, day: str, name: str, instant: datetime
) -> None:
    expression = cron.parse(f"{minute} {hour} {day} * *", name)
    first = expression.after(instant)

    assert first is not None
    assert first.at > instant
    assert first.at.second == 0
    assert expression.after(instant + (first.at - instant) / 2) == first


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0 0 31 2 *", "never fires"),
        ("0 0 30 2 *", "never fires"),
        ("0 0 31 4,6,9,11 *", "never fires"),
        ("0 0 */31 2 1#5", "never fires"),
        ("* * * * * *", "has 6 fields"),
        ("* * * *", "five fields"),
        ("", "five fields"),
        ("@never", "five fields"),
        ("@", "five fields"),
        ("60 * * * *", "bad minute"),
        ("* 24 * * *", "bad hour"),
        ("* * 0 * *", "bad day-of-month"),
        ("* * * 13 *", "bad month"),
        ("* * * * 8", "bad day-of-week"),
        ("5-1 * * * *", "bad minute"),
        ("*/0 * * * *", "bad minute"),
        ("\N{ARABIC-INDIC DIGIT ONE} * * * *", "may hold"),
        ("* * * * \N{SUPERSCRIPT TWO}L", "may hold"),
        ("* * * * MON;TUE", "may hold"),
        ("* * * * \0", "may hold"),
        ("1," * 150 + "1 * * * *", "over 200"),
        ("* * * * L", "bad day-of-week"),
        ("* * L-3 * *", "bad day-of-month"),
    ],
)
def test_what_never_fires_or_can_not_be_read_is_refused(text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as error:
        cron.parse(text, "UTC")

    assert error.value.errors[0].pointer == "/cron"
    assert error.value.message.endswith(".")


@given(st.text(max_size=40))
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    try:
        found = cron.parse(text, "UTC").after(datetime(2026, 1, 1, tzinfo=UTC))
    except InvalidInput:
        return

    assert found is not None


@given(st.text(alphabet="0123456789*/-,#L WMON", max_size=30))
def test_whatever_looks_like_cron_is_read_or_refused(text: str) -> None:
    try:
        expression = cron.parse(text, "Europe/Oslo")
    except InvalidInput:
        return

    assert expression.after(datetime(2026, 1, 1, tzinfo=UTC)) is not None


@pytest.mark.parametrize(
    "name", ["", "Factory", "../etc/passwd", "Europe/", "europe/oslo", "x" * 10_000, "Europe/Oslo\0"]
)
def test_only_zones_of_the_database_are_zones(name: str) -> None:
    with pytest.raises(InvalidInput):
        zones.zone(name)


def test_every_name_of_the_database_is_a_zone() -> None:
    assert {zones.zone(name).key for name in zones.names()} == zones.names()


def test_a_leap_day_comes_every_four_years() -> None:
    slots = cron.parse("0 12 29 2 *", "UTC").slots(datetime(2020, 3, 1, tzinfo=UTC))

    assert [next(slots).at.year for _ in range(4)] == [2024, 2028, 2032, 2036]


def test_a_skipped_time_says_that_it_was_moved() -> None:
    expression = cron.parse("30 2 * * *", "Europe/Oslo")
    moved = expression.after(datetime(2026, 3, 28, 12, tzinfo=UTC))

    assert moved is not None
    assert (moved.is_moved, expression.local(moved.at)) == (True, "2026-03-29T03:00:00+02:00")
    following = expression.after(moved.at)
    assert following is not None
    assert not following.is_moved


@pytest.mark.parametrize(
    "instant", ["0001-01-01T00:00:00Z", "1883-11-18T18:00:00Z", "2998-12-31T23:59:59Z", "9999-12-31T23:59:59Z"]
)
@pytest.mark.parametrize("text", ["* * * * *", "30 2 29 2 *"])
def test_it_bears_instants_far_away(text: str, instant: str) -> None:
    cron.parse(text, "Pacific/Apia").after(datetime.fromisoformat(instant))


def test_who_looks_while_the_clock_shows_a_time_again_is_not_told_of_the_first() -> None:
    second_showing = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)  # 2:10 in Oslo, for the second time
    following = cron.parse("30 2 * * *", "Europe/Oslo").after(second_showing)

    assert following is not None
    assert following.at == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)
