"""
When a cron expression fires in a time zone: the next slot after an instant.  Pure.

`cronsim` reads the expression and walks the calendar; what the wall clock of a zone does at a change of its offset is
decided here.  An expression whose minute or hour begins with a star follows real time: it fires whenever the clock
shows a time that matches, twice where the clock is put back.  Every other fires once: a time that the clock skips is
made up for at the first instant after the gap, of a time that it shows twice the first counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from lading.errors import InvalidInput
from lading.schedules import zones
from lading.schedules.model import Document

_WORDS: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 1,4,7,10 *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_FIELDS: Final = 5
_LONGEST: Final = 200
_PARTS: Final = re.compile(r"[0-9A-Z*,/#-]+")
_SECOND: Final = timedelta(seconds=1)
_LAST: Final = datetime(2999, 1, 1, tzinfo=UTC)
_MISSING: Final = "needs five fields (minute, hour, day of month, month, day of week), or a word: {}."


@dataclass(frozen=True, slots=True)
class Slot:
    """One due instant; `is_moved` says that the clock skipped its time, so that it comes right after."""

    at: datetime
    is_moved: bool = False


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression in a zone, checked."""

    text: str
    place: ZoneInfo

    @property
    def follows_real_time(self) -> bool:
        """Whether minute or hour begin with a star."""
        minute, hour, *_ = _five(self.text)
        return minute.startswith("*") or hour.startswith("*")

    def after(self, instant: datetime) -> Slot | None:
        """
        Return the first slot after `instant`; None when none comes within fifty years.

        >>> parse("30 2 * * *", "Europe/Oslo").after(datetime(2026, 3, 28, 12, tzinfo=UTC))
        Slot(at=datetime.datetime(2026, 3, 29, 1, 0, tzinfo=datetime.timezone.utc), is_moved=True)
        """
        if instant >= _LAST:
            return None
        return self._real(instant) if self.follows_real_time else self._fixed(instant)

    def slots(self, instant: datetime) -> Iterator[Slot]:
        """Yield the slots after `instant`, one after the other."""
        slot = self.after(instant)
        while slot is not None:
            yield slot
            slot = self.after(slot.at)

    def local(self, instant: datetime) -> str:
        """Return an instant as the zone's clock shows it."""
        return instant.astimezone(self.place).isoformat(timespec="seconds")

    def _fixed(self, instant: datetime) -> Slot | None:
        # Later wall times come no earlier, so that none up to what the clock shows now can be due later.
        for due in _walk(self.text, instant.astimezone(self.place).replace(tzinfo=None)):
            made_up = zones.first_after_gap(due, self.place)
            at = due.replace(tzinfo=self.place, fold=0).astimezone(UTC) if made_up is None else made_up
            if at > instant:
                return Slot(at, is_moved=made_up is not None)
        return None

    def _real(self, instant: datetime) -> Slot | None:
        # As long as the clock is not moved, wall time and instant are the same distance apart.
        start = instant.astimezone(UTC).replace(microsecond=0)
        while (due := next(_walk(self.text, start.astimezone(self.place).replace(tzinfo=None)), None)) is not None:
            at = due.replace(tzinfo=UTC) - zones.offset(start, self.place)
            change = zones.next_change(start, at, self.place)
            if change is None:
                return Slot(at)
            shown = change.astimezone(self.place).replace(tzinfo=None)
            if next(_walk(self.text, shown - _SECOND), None) == shown:
                return Slot(change)
            start = change
        return None


def parse(text: str, zone: str) -> Cron:
    """
    Return the expression; InvalidInput says what is wrong with it.

    >>> parse("@daily", "UTC").text, parse(" 0 2 * *  mon-fri ", "UTC").text
    ('@daily', '0 2 * * MON-FRI')
    >>> parse("0 0 31 2 *", "UTC")
    Traceback (most recent call last):
    lading.errors.InvalidInput: cron: never fires; no day is like that.
    >>> parse("* * * * * *", "UTC")
    Traceback (most recent call last):
    lading.errors.InvalidInput: cron: has 6 fields; it takes five, so that nothing fires more often than once a minute.
    """
    place = zones.zone(zone)
    words = text.lower().strip() if text.strip().startswith("@") else " ".join(text.upper().split())
    if len(words) > _LONGEST:
        raise InvalidInput.field("cron", f"is over {_LONGEST} characters; write it shorter.")
    fields = _five(words)
    if len(fields) > _FIELDS:
        raise InvalidInput.field(
            "cron",
            f"has {len(fields)} fields; it takes five, so that nothing fires more often than once a minute.",
        )
    if len(fields) < _FIELDS:
        raise InvalidInput.field("cron", _MISSING.format(", ".join(_WORDS)))
    if not all(_PARTS.fullmatch(field) for field in fields):
        raise InvalidInput.field("cron", "may hold digits, names of days and months, and * , / # - L W.")
    try:
        found = next(_walk(words, datetime(2024, 1, 1)), None)  # noqa: DTZ001 - a calendar of no zone
    except CronSimError as error:
        never = "31" in fields[2] or "30" in fields[2]
        said = _never(fields) if never and str(error) == "Bad day-of-month" else f"{error}; correct it.".lower()
        raise InvalidInput.field("cron", said) from error
    except (AssertionError, ValueError, TypeError, IndexError) as error:
        raise InvalidInput.field("cron", "can't be read; write it as crontab(5) has it.") from error
    if found is None:
        raise InvalidInput.field("cron", "never fires; no day is like that.", code="never-fires")
    return Cron(words, place)


def cron_of(document: Document) -> Cron:
    """Return the expression of a document in its zone."""
    return parse(document.cron, document.zone)


def _never(fields: list[str]) -> str:
    return "never fires; no day is like that." if fields[3] != "*" else "bad day-of-month; correct it."


def _five(text: str) -> list[str]:
    return _WORDS.get(text, text).split()


def _walk(text: str, wall: datetime) -> Iterator[datetime]:
    """Yield the wall times after `wall` that match, in a calendar without a zone."""
    return CronSim(" ".join(_five(text)), wall)
