"""
Periods that a schedule names by a word, counted from a slot in the schedule's zone.  Pure.

They depend on the slot alone, never on when it is worked off: what is caught up covers the days it was meant for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Final

from lading.errors import InvalidInput

_DAY: Final = timedelta(days=1)
_Starts = Callable[[date], date]


def _month(day: date) -> date:
    return day.replace(day=1)


def _quarter(day: date) -> date:
    return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)


def _half_year(day: date) -> date:
    return date(day.year, 1 if day.month <= 6 else 7, 1)


def _year(day: date) -> date:
    return date(day.year, 1, 1)


def _week(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _same(day: date) -> date:
    return day


_STARTS: Final[Mapping[str, _Starts]] = {
    "day": _same,
    "week": _week,
    "month": _month,
    "quarter": _quarter,
    "half-year": _half_year,
    "year": _year,
}
WORDS: Final = (
    *(f"previous-{span}" for span in _STARTS),
    *("day" if span == "day" else f"{span}-to-date" for span in _STARTS),
)
"""Every word; a week begins on Monday, and what is `to-date` ends with the day of the slot."""


def check(word: str) -> None:
    """Return if `word` names a period; InvalidInput lists those that do."""
    if word not in WORDS:
        raise InvalidInput.field("period", f"{word[:40]!r} is none of: {', '.join(WORDS)}.", code="unknown")


def days(word: str, day: date) -> tuple[date, date]:
    """
    Return the first and the last day of a period, seen from `day`.

    >>> [day.isoformat() for day in days("previous-month", date(2024, 3, 31))]
    ['2024-02-01', '2024-02-29']
    >>> [day.isoformat() for day in days("month-to-date", date(2025, 3, 14))]
    ['2025-03-01', '2025-03-14']
    """
    check(word)
    span = word.removeprefix("previous-")
    if span == word:
        return _STARTS[word.removesuffix("-to-date")](day), day
    last = _STARTS[span](day) - _DAY
    return _STARTS[span](last), last
