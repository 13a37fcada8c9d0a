"""
What a cron expression means, told without any of our code: a walk from minute to minute with the zone's clock in sight.

An expression with a star in front of its minute or hour fires at every minute whose clock matches.  Every other fires
for the clock times that are reached for the first time: one by one as the clock goes, all at once where it jumps.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from lading.schedules import cron, zones

MINUTE = timedelta(minutes=1)
FIRST, LAST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2038, 1, 1, tzinfo=UTC)
EXPRESSIONS = (
    "30 2 * * *", "0 2 * * *", "0 0 * * *", "30 0 * * *", "15 1 * * *", "45 23 * * *", "0,30 1-3 * * *", "30 2-3 * * *",
    "0 3 * * *", "*/30 * * * *", "0 * * * *", "35 * * * *", "*/7 1-3 * * *", "* 2 * * *", "* 3 * * *", "* 0 * * *",
    "5 */2 * * *", "0 0 1 * *", "0 12 L * *", "30 2 * * 0", "59 23 * * 0L", "15 1 */2 3-11 1-5", "30 0 1-7 * 0",
)  # fmt: skip


class Expression:
    """A cron expression, read by a few lines that have nothing in common with what is tested."""

    def __init__(self, text: str) -> None:
        minute, hour, day, month, weekday = text.split()
        self.minutes, self.hours = _numbers(minute, 0, 59), _numbers(hour, 0, 23)
        self.months = _numbers(month, 1, 12)
        self.days, self.is_last_day = _numbers(day.replace("L", "99"), 1, 31), day == "L"
        self.last_weekday = int(weekday[0]) % 7 if weekday.endswith("L") else None
        self.weekdays = set() if weekday.endswith("L") else {each % 7 for each in _numbers(weekday, 0, 7)}
        self.needs_both = day.startswith("*") or weekday.startswith("*")
        self.follows_real_time = minute.startswith("*") or hour.startswith("*")

    def matches(self, wall: datetime) -> bool:
        """Tell whether a clock that shows `wall` shows a time of this expression."""
        return wall.minute in self.minutes and wall.hour in self.hours and self.has_day(wall)

    def has_day(self, wall: datetime) -> bool:
        """Tell whether it is one of its days."""
        last = calendar.monthrange(wall.year, wall.month)[1]
        by_date = wall.day in self.days or (self.is_last_day and wall.day == last)
        weekday = wall.isoweekday() % 7
        by_weekday = weekday in self.weekdays or (weekday == self.last_weekday and wall.day > last - 7)
        fits = by_date and by_weekday if self.needs_both else by_date or by_weekday
        return fits and wall.month in self.months


@dataclass(frozen=True)
class Stretch:
    """A stretch of time: what the clock shows at each of its minutes."""

    start: datetime
    walls: Sequence[datetime]

    def slots(self, expression: Expression) -> list[datetime]:
        """Return when the expression fires after the first minute."""
        found, reached = list[datetime](), self.walls[0]
        for number, wall in enumerate(self.walls[1:], start=1):
            if expression.follows_real_time:
                fires = expression.matches(wall)
            elif wall <= reached:
                fires = False
            elif wall == reached + MINUTE:
                fires = expression.matches(wall)
            else:
                skipped = int((wall - reached) / MINUTE)
                fires = any(expression.matches(reached + each * MINUTE) for each in range(1, skipped + 1))
            reached = max(reached, wall)
            if fires:
                found.append(self.start + number * MINUTE)
        return found


def stretch(start: datetime, place: ZoneInfo, *, minutes: int) -> Stretch:
    """Return what the clock of a zone shows from `start` on."""
    walls = [(start + number * MINUTE).astimezone(place).replace(tzinfo=None) for number in range(minutes + 1)]
    return Stretch(start, walls)


def changes(place: ZoneInfo, first: datetime = FIRST, last: datetime = LAST) -> Iterator[datetime]:
    """
    Yield the beginnings of the three hours, of 2020 to 2037, in which the clock of a zone is moved.

    Days are looked at first, and hours where the clock is another at its end: none is moved back on the same day.
    """
    for day in _moved(place, first, last, timedelta(days=1)):
        yield from _moved(place, day, min(day + timedelta(days=1), last), timedelta(hours=3))


def _moved(place: ZoneInfo, first: datetime, last: datetime, step: timedelta) -> Iterator[datetime]:
    time, before = first, first.astimezone(place).utcoffset()
    while time < last:
        following = time + step
        after = following.astimezone(place).utcoffset()
        if after != before:
            yield time
        time, before = following, after


def around(change: datetime, name: str) -> dict[str, tuple[list[datetime], list[datetime]]]:
    """Return by expression when it fires around a change of a zone's clock: what the walk says, and what we say."""
    walk, found = stretch(change - timedelta(hours=30), zones.zone(name), minutes=60 * 60), {}
    end = walk.start + 60 * 60 * MINUTE
    for text in EXPRESSIONS:
        ours = takewhile(lambda slot: slot.at <= end, cron.parse(text, name).slots(walk.start))
        found[text] = (walk.slots(Expression(text)), [slot.at for slot in ours])
    return found


def clocks() -> dict[str, ZoneInfo]:
    """Return every zone whose rules differ from those of all zones before it."""
    found: dict[bytes, str] = {}
    for name in sorted(zones.names()):
        rules = zones.files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
        found.setdefault(rules, name)
    return {name: zones.zone(name) for name in found.values()}


def _numbers(field: str, low: int, high: int) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        start, end = (low, high) if span == "*" else (int(first), int(last or first))
        found |= set(range(start, (high if step and not last and span != "*" else end) + 1, int(step or 1)))
    return found
