"""
The example activities, made from a seed: the same seed gives the same rows on every machine, with no clock.

Some rows are wrong on purpose, in ways that real registrations are: no date, minutes below zero, far too many
participants, no title.  Some are registered twice, by two chapters.  Only `Random.random()` is used: its sequence
is promised to stay the same over versions of Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Final, TypeVar
from uuid import UUID

from lading.example.organisations import COUNTRIES, FIRST_NAMES, LAST_NAMES, SUMMARIES, TYPES, Chapter, Organisation

T = TypeVar("T")
Row = tuple[object, ...]
COLUMNS: Final = (
    "id", "organisation_id", "chapter_id", "mentor_id", "activity_type", "title", "activity_date", "starts_at",
    "duration_minutes", "participants", "place", "country", "is_digital", "travel_cost", "summary", "created_at",
)  # fmt: skip
DIGITAL: Final = frozenset({"digital_meeting", "phone_call"})
_KINDS: Final = tuple(kind for kind in TYPES for _ in range(kind[1]))
_YEARS: Final = ((2025, 0.70, 365), (2024, 0.88, 366), (2026, 1.0, 304))
_HOURS: Final = ("09:00", "10:30", "12:00", "13:15", "16:00", "17:30", "18:00", "19:00")
# How often a row is registered twice, and how often it is wrong in each way.
_TWICE: Final = 0.02
_NO_DATE, _BELOW_ZERO, _CROWD, _NO_TITLE, _ENDLESS = 0.006, 0.013, 0.020, 0.026, 0.030


@dataclass(frozen=True, slots=True)
class Mentor:
    """A peer supporter; belongs to one local chapter."""

    id: UUID
    name: str
    chapter: Chapter


def mentors(organisation: Organisation, seed: int) -> tuple[Mentor, ...]:
    """Return the mentors of `organisation`."""
    rng = Random(f"{seed}:{organisation.slug}:mentors")  # noqa: S311 - example data
    local = [chapter for chapter in organisation.chapters if chapter.level == "local"]
    return tuple(
        Mentor(
            UUID(int=_mentor_number(organisation, number, rng)),
            f"{_pick(rng.random, FIRST_NAMES)} {_pick(rng.random, LAST_NAMES)}",
            local[number % len(local)],
        )
        for number in range(organisation.mentors)
    )


def activities(organisation: Organisation, seed: int, *, rows: int, first_id: int) -> Iterator[Row]:
    """Yield `rows` activities of `organisation` in the order of COLUMNS, with ids from `first_id` on."""
    draw = Random(f"{seed}:{organisation.slug}").random  # noqa: S311 - example data
    people = mentors(organisation, seed)
    local = [chapter for chapter in organisation.chapters if chapter.level == "local"]
    number, end = first_id, first_id + rows
    while number < end:
        row = _activity(draw, number, organisation.id, _pick(draw, people), local)
        yield row
        number += 1
        if draw() < _TWICE and number < end:
            yield _again(row, number, _pick(draw, local))
            number += 1


def _activity(
    draw: Callable[[], float], number: int, organisation: int, mentor: Mentor, local: Sequence[Chapter]
) -> Row:
    kind, _, minutes, (fewest, most), title = _pick(draw, _KINDS)
    chapter = mentor.chapter if draw() < 0.9 else _pick(draw, local)
    day = _day(draw)
    is_digital = kind in DIGITAL
    fault = draw()
    duration = _pick(draw, minutes)
    participants: int | None = fewest + int(draw() * (most - fewest + 1))
    if _NO_DATE <= fault < _BELOW_ZERO:
        duration = -duration
    elif _BELOW_ZERO <= fault < _CROWD:
        participants = 5000 + int(draw() * 90_000)
    elif _NO_TITLE <= fault < _ENDLESS:
        duration = 6000
    elif draw() < 0.04:
        participants = None
    return (
        number,
        organisation,
        chapter.id,
        mentor.id,
        kind,
        "" if _CROWD <= fault < _NO_TITLE else f"{title} {chapter.place}",
        None if fault < _NO_DATE else day,
        f"{day} {_pick(draw, _HOURS)} Europe/Oslo",
        duration,
        participants,
        None if is_digital or draw() < 0.05 else chapter.place,
        "NO" if draw() < 0.985 else _pick(draw, COUNTRIES),
        is_digital,
        None if draw() < 0.7 else f"{int(draw() * 900)}.{int(draw() * 100):02d}",
        None if draw() < 0.4 else _pick(draw, SUMMARIES),
        f"{day + timedelta(days=int(draw() * 12))} {int(draw() * 24):02d}:{int(draw() * 60):02d}:00+00",
    )


def _again(row: Row, number: int, chapter: Chapter) -> Row:
    """Return the same activity as another chapter registered it."""
    return (number, row[1], chapter.id, *row[3:])


def _day(draw: Callable[[], float]) -> date:
    chance = draw()
    year, _, days = next(entry for entry in _YEARS if chance < entry[1])
    day = date(year, 1, 1) + timedelta(days=int(draw() * days))
    # July is quiet: half of what falls there is held in September.
    return day if day.month != 7 or draw() < 0.5 else day + timedelta(days=62)


def _mentor_number(organisation: Organisation, number: int, rng: Random) -> int:
    """Return the bits of a version 4 UUID that begins with the organisation and the number."""
    head = organisation.id << 124 | number << 96
    tail = int(rng.random() * (1 << 48)) << 16
    return head | 0x4 << 76 | 0x2 << 62 | tail & ((1 << 62) - 1)


def _pick(draw: Callable[[], float], choices: Sequence[T]) -> T:
    return choices[int(draw() * len(choices))]
