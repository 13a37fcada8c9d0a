"""
Time zones by the one database that is installed with Lading, never the machine's own.

Every process of an installation reads the same rules, and their edition can be told: a schedule remembers by which one
its next slot was computed.
"""

from __future__ import annotations

import difflib
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

import tzdata

from lading.errors import InvalidInput

EDITION: Final[str] = tzdata.__version__
"""The edition of the database, such as 2026.6."""
_DAY: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)


@cache
def names() -> frozenset[str]:
    """Return the names of all zones, old names too."""
    return frozenset(files("tzdata").joinpath("zones").read_text("ascii").split()) - {"Factory"}


@cache
def zone(name: str) -> ZoneInfo:
    """
    Return a zone; InvalidInput with the nearest names when there is none.

    >>> zone("Europe/Oslo").key
    'Europe/Oslo'
    >>> zone("Europe/Olso")
    Traceback (most recent call last):
    lading.errors.InvalidInput: zone: 'Europe/Olso' is no time zone of IANA; did you mean Europe/Oslo?
    """
    if name not in names():
        near = difflib.get_close_matches(name[:60], sorted(names()), 1) or ["UTC"]
        raise InvalidInput.field(
            "zone", f"{name[:60]!r} is no time zone of IANA; did you mean {near[0]}?", code="unknown"
        )
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def first_after_gap(wall: datetime, place: ZoneInfo) -> datetime | None:
    """
    Return the first instant after the gap that the wall time falls into; None when the clock does show it.

    >>> first_after_gap(datetime(2026, 3, 29, 2, 30), zone("Europe/Oslo")).isoformat()
    '2026-03-29T01:00:00+00:00'
    """
    instant = wall.replace(tzinfo=place, fold=0).astimezone(UTC)
    if instant.astimezone(place).replace(tzinfo=None) == wall:
        return None
    # No gap is longer than the day that Samoa left out, and `instant` counts from its beginning.
    return next_change(instant - _DAY - _SECOND, instant, place)


def next_change(start: datetime, end: datetime, place: ZoneInfo) -> datetime | None:
    """
    Return the first instant after `start`, at most `end`, at which the zone's clock was moved; None if it was not.

    Both are whole seconds.  No zone moves its clock twice within a day.

    >>> spring = datetime(2026, 3, 1, tzinfo=UTC)
    >>> next_change(spring, spring + timedelta(days=60), zone("Europe/Oslo")).isoformat()
    '2026-03-29T01:00:00+00:00'
    """
    before = start
    while before < end:
        after = min(before + _DAY, end)
        if offset(after, place) != offset(before, place):
            return _moved(before, after, place)
        before = after
    return None


def offset(instant: datetime, place: ZoneInfo) -> timedelta:
    """Return how far ahead of UTC the zone's clock is at `instant`."""
    return instant.astimezone(place).utcoffset() or timedelta()


def _moved(before: datetime, after: datetime, place: ZoneInfo) -> datetime:
    old = offset(before, place)
    while after - before > _SECOND:
        middle = before + (after - before) // 2 // _SECOND * _SECOND
        if offset(middle, place) == old:
            before = middle
        else:
            after = middle
    return after
