"""
What a schedule says and what becomes of its slots, decided from values alone: no database, no clock.

Slots are looked for from the newest backwards, so that a schedule that was left alone for years costs no more than one
that was left alone for a day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from lading import clock
from lading.errors import InvalidInput
from lading.schedules import periods
from lading.schedules.cron import Cron, Slot
from lading.schedules.model import CatchUp, Document, Due

ON_TIME: Final = timedelta(minutes=5)
"""How late a slot may be decided and still count as on time."""
MOST_CAUGHT_UP: Final = 100
"""How many missed slots `all` makes up for; older ones are skipped."""
MOST_COUNTED: Final = 1000
"""How far skipped slots are counted."""
MOST_SHOWN: Final = 100
_MOST_LOOKED_AT: Final = MOST_CAUGHT_UP + 1
_HOUR: Final = timedelta(hours=1)
_SLOT: Final = "{slot}"
_DATE: Final = "{date}"


@dataclass(frozen=True, slots=True)
class Skipped:
    """Slots of which nothing is made: the first, the last, and how many they are."""

    first: datetime
    last: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of due slots: `fire` is made now, `late` are made one after the other, the rest is skipped."""

    fire: datetime | None
    late: Sequence[datetime]
    skipped: Skipped | None


def next_slot(document: Document, cron: Cron, after: datetime) -> Slot | None:
    """Return the first slot after `after` that lies between the schedule's start and end; None if none does."""
    start = document.starts_at
    if start is not None and start > after:
        after = start - timedelta(microseconds=1)
    slot = cron.after(after)
    return None if slot is None or (document.ends_at is not None and slot.at > document.ends_at) else slot


def preview(document: Document, cron: Cron, after: datetime, count: int) -> list[Slot]:
    """Return the next slots, at most `count`."""
    found: list[Slot] = []
    while len(found) < count and (slot := next_slot(document, cron, after)) is not None:
        found.append(slot)
        after = slot.at
    return found


def due(document: Document, cron: Cron, first: datetime, now: datetime) -> Due:
    """Return the slots from `first`, which is one, to `now`."""
    last = now if document.ends_at is None else min(now, document.ends_at)
    some = [first, *_between(cron, first, last, MOST_COUNTED - 1)]
    newest = some[-_MOST_LOOKED_AT:]
    if len(some) == MOST_COUNTED:
        newest = _newest(cron, first, last)
    return Due(len(some), first, tuple(newest))


def decide(found: Due, catch_up: CatchUp, now: datetime) -> Verdict:
    """
    Return what becomes of the slots that are due.

    >>> noon = datetime.fromisoformat("2026-01-01T12:00:00Z")
    >>> found = Due(3, noon - 2 * _HOUR, (noon - 2 * _HOUR, noon - _HOUR, noon))
    >>> decide(found, CatchUp.LATEST, noon).fire == noon, decide(found, CatchUp.LATEST, noon).skipped.count
    (True, 2)
    >>> decide(found, CatchUp.SKIP, noon + _HOUR / 2).fire is None
    True
    """
    *earlier, newest = found.newest
    is_on_time = now - newest <= ON_TIME
    match catch_up:
        case CatchUp.LATEST:
            return Verdict(newest, (), _skipped(found, found.count - 1, earlier))
        case CatchUp.SKIP if is_on_time:
            return Verdict(newest, (), _skipped(found, found.count - 1, earlier))
        case CatchUp.SKIP:
            return Verdict(None, (), _skipped(found, found.count, found.newest))
        case CatchUp.ALL if is_on_time and found.count == 1:
            return Verdict(newest, (), None)
        case CatchUp.ALL:
            late = found.newest[-MOST_CAUGHT_UP:]
            return Verdict(None, late, _skipped(found, found.count - len(late), found.newest[: -len(late)]))


def fill(document: Document, cron: Cron, slot: datetime) -> dict[str, Any]:
    """
    Return what the work of a slot asks for: its period, and texts that are a word of the schedule, filled in.

    `{slot}` is the instant of the slot, `{date}` its day in the schedule's zone.
    """
    day = slot.astimezone(cron.place).date()
    payload = {key: _filled(value, {_SLOT: clock.show(slot), _DATE: day.isoformat()}) for key, value in
               document.payload.items()}  # fmt: skip
    if document.period is not None:
        start, end = periods.days(document.period, day)
        payload["period"] = {"from": start.isoformat(), "to": end.isoformat()}
    return payload


def check(document: Document) -> None:
    """Return if the document can be; InvalidInput names the field that is wrong."""
    if document.period is not None:
        periods.check(document.period)
        if "period" in document.payload:
            raise InvalidInput.field("period", "is in the payload, too; leave one of them out.")
    if not -100 <= document.priority <= 100:
        raise InvalidInput.field("priority", "must be between -100 and 100.")
    if document.max_attempts is not None and not 1 <= document.max_attempts <= 100:
        raise InvalidInput.field("max_attempts", "must be between 1 and 100.")
    if document.deadline_seconds is not None and not 1 <= document.deadline_seconds <= 604_800:
        raise InvalidInput.field("deadline_seconds", "must be between 1 and 604800.")
    if document.starts_at is not None and document.ends_at is not None and document.ends_at <= document.starts_at:
        raise InvalidInput.field("ends_at", "must be after starts_at.")


def _filled(value: Any, words: dict[str, str]) -> Any:
    match value:
        case str():
            return words.get(value, value)
        case dict():
            return {key: _filled(each, words) for key, each in value.items()}
        case list():
            return [_filled(each, words) for each in value]
        case _:
            return value


def _between(cron: Cron, start: datetime, end: datetime, most: int) -> list[datetime]:
    """Return up to `most` slots after `start`, none after `end`."""
    found: list[datetime] = []
    for slot in islice(cron.slots(start), most):
        if slot.at > end:
            break
        found.append(slot.at)
    return found


def _newest(cron: Cron, first: datetime, last: datetime) -> list[datetime]:
    """Return the newest slots of more than can be counted."""
    width, found = _HOUR, list[datetime]()
    while len(found) < _MOST_LOOKED_AT:
        found = _between(cron, max(first, last - width), last, 60 * MOST_COUNTED)
        width *= 2
    return found[-_MOST_LOOKED_AT:]


def _skipped(found: Due, count: int, among: Sequence[datetime]) -> Skipped | None:
    if count <= 0:
        return None
    return Skipped(found.first, among[-1] if among else found.first, min(count, MOST_COUNTED))
