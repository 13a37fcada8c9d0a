"""Periods as people write them: 2025, 2025-H1, 2025-Q2, 2025-03, 2025-03-14, 2025-01-01..2025-06-30.  Pure."""

from __future__ import annotations

import datetime
import re
from typing import Final

from lading.errors import InvalidInput

_YEAR: Final = re.compile(r"(\d{4})")
_PART: Final = re.compile(r"(\d{4})-([HhQq])([1-4])")
_MONTH: Final = re.compile(r"(\d{4})-(\d{2})")
_MONTHS: Final = {"H": 6, "Q": 3}


def parse(text: str) -> tuple[str, str]:
    """
    Return the first and the last day of a period; InvalidInput for what is none.

    Whether the days make sense (upside down, in the future) is for the server to say.

    >>> parse("2025"), parse("2025-H2"), parse("2025-q1")
    (('2025-01-01', '2025-12-31'), ('2025-07-01', '2025-12-31'), ('2025-01-01', '2025-03-31'))
    >>> parse("2024-02"), parse("2025-03-14"), parse("2025-01-01..2025-06")
    (('2024-02-01', '2024-02-29'), ('2025-03-14', '2025-03-14'), ('2025-01-01', '2025-06-30'))
    """
    first, dots, last = text.strip().partition("..")
    try:
        if dots:
            return _days(first)[0].isoformat(), _days(last)[1].isoformat()
        start, end = _days(first)
    except ValueError:
        raise InvalidInput.field(
            "period", f"{text[:60]!r} is not a period; write 2025, 2025-H1, 2025-Q2, 2025-03 or 2025-01-01..2025-06-30."
        ) from None
    return start.isoformat(), end.isoformat()


def show(first: str, last: str) -> str:
    """
    Return the shortest way to write the period from `first` to `last`.

    >>> show("2025-01-01", "2025-12-31"), show("2025-04-01", "2025-06-30"), show("2025-01-02", "2025-12-31")
    ('2025', '2025-Q2', '2025-01-02..2025-12-31')
    """
    year, month = first[:4], first[5:7]
    halves = {"01": "H1", "07": "H2"}
    quarters = {"01": "Q1", "04": "Q2", "07": "Q3", "10": "Q4"}
    for short in (year, f"{year}-{halves.get(month)}", f"{year}-{quarters.get(month)}", f"{year}-{month}", first):
        if _is(short, first, last):
            return short
    return f"{first}..{last}"


def _is(short: str, first: str, last: str) -> bool:
    try:
        return parse(short) == (first, last)
    except InvalidInput:
        return False


def _days(text: str) -> tuple[datetime.date, datetime.date]:
    if found := _YEAR.fullmatch(text):
        return _months(int(found[1]), 1, 12)
    if found := _PART.fullmatch(text):
        length = _MONTHS[found[2].upper()]
        first = (int(found[3]) - 1) * length + 1
        return _months(int(found[1]), first, length)
    if found := _MONTH.fullmatch(text):
        return _months(int(found[1]), int(found[2]), 1)
    day = datetime.date.fromisoformat(text)
    return day, day


def _months(year: int, first: int, length: int) -> tuple[datetime.date, datetime.date]:
    start = datetime.date(year, first, 1)
    past = year * 12 + first - 1 + length
    return start, datetime.date(past // 12, past % 12 + 1, 1) - datetime.timedelta(days=1)
