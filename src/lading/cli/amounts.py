"""Rates, spans and instants as people write them: 5/s, 300/m, 1000/h; 90s, 45m, 2h, 3d; 2026-12-01T22:00Z.  Pure."""

from __future__ import annotations

import datetime
import re
from typing import Final

from lading.errors import InvalidInput

_RATE: Final = re.compile(r"(\d{1,7}(?:\.\d{1,6})?)\s*/\s*([smh])", re.ASCII)
_SPAN: Final = re.compile(r"(\d{1,6})([smhd])", re.ASCII)
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def rate(text: str) -> float:
    """
    Return how many a second; InvalidInput for what is no rate.

    >>> rate("5/s"), rate("300/m"), rate("1800/h")
    (5.0, 5.0, 0.5)
    """
    found = _RATE.fullmatch(text.strip())
    if found is None:
        raise InvalidInput.field("rate", f"{text[:60]!r} is not a rate; write 5/s, 300/m or 1000/h.")
    return float(found[1]) / _SECONDS[found[2]]


def show_rate(per_second: float) -> str:
    """
    Return the rate in the unit in which it is easiest read.

    >>> show_rate(5.0), show_rate(0.5), show_rate(1 / 3600), show_rate(1000 / 3600)
    ('5/s', '30/m', '1/h', '1000/h')
    """
    for unit, seconds in _SECONDS.items():
        if unit in "smh" and round(per_second * seconds, 6) >= 1 and _is_whole(per_second * seconds):
            return f"{round(per_second * seconds)}/{unit}"
    return f"{per_second:.4g}/s" if per_second >= 1 else f"{per_second * 3600:.4g}/h"


def span(text: str, name: str = "for") -> datetime.timedelta:
    """
    Return a length of time; InvalidInput names the option for what is none.

    >>> str(span("90s")), str(span("2h")), str(span("3d"))
    ('0:01:30', '2:00:00', '3 days, 0:00:00')
    """
    found = _SPAN.fullmatch(text.strip())
    if found is None or int(found[1]) == 0:
        raise InvalidInput.field(name, f"{text[:60]!r} is not a length of time; write 90s, 45m, 2h or 3d.")
    return datetime.timedelta(seconds=int(found[1]) * _SECONDS[found[2]])


def seconds(text: str | None, name: str) -> int | None:
    """
    Return a length of time as the wire has it; None if none was given.

    >>> seconds("2h", "deadline"), seconds(None, "deadline")
    (7200, None)
    """
    return None if text is None else int(span(text, name).total_seconds())


def instant(name: str, text: str) -> datetime.datetime:
    """
    Return a point in time, in UTC; InvalidInput names the option for what is none, or says no zone.

    >>> instant("until", "2026-12-01T23:00+01:00").isoformat()
    '2026-12-01T22:00:00+00:00'
    """
    try:
        found = datetime.datetime.fromisoformat(text.strip())
        if found.tzinfo is not None:
            return found.astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        pass
    raise InvalidInput.field(
        name, f"{text[:60]!r} is not an instant with its zone; write 2026-12-01T22:00Z or 2026-12-01T23:00+01:00."
    )


def show_instant(moment: datetime.datetime) -> str:
    """
    Return `moment`, in UTC, as the wire writes it.

    >>> show_instant(instant("from", "2026-12-01T23:00+01:00"))
    '2026-12-01T22:00:00Z'
    """
    return moment.isoformat().replace("+00:00", "Z")


def window(
    begin: str | None, until: str | None, length: str | None, *, now: datetime.datetime
) -> tuple[str | None, str | None]:
    """
    Return start and end of a stop as the wire writes them; without an end it lasts until it is lifted.

    >>> noon = instant("now", "2026-12-01T12:00Z")
    >>> window(None, None, "2h", now=noon)
    (None, '2026-12-01T14:00:00Z')
    >>> window("2026-12-01T22:00Z", None, "30m", now=noon)
    ('2026-12-01T22:00:00Z', '2026-12-01T22:30:00Z')
    """
    if until is not None and length is not None:
        raise InvalidInput.field("until", "and for say the same thing; give one of them.")
    start = None if begin is None else instant("from", begin)
    end = None if until is None else instant("until", until)
    if length is not None:
        try:
            end = (start or now) + span(length)
        except OverflowError:
            raise InvalidInput.field("for", f"{length[:60]!r} ends after the last year there is.") from None
    if start is not None and end is None:
        raise InvalidInput.field("from", "needs an end; add --for or --until.")
    return (None if start is None else show_instant(start)), (None if end is None else show_instant(end))


def moment(at: str | None, after: str | None, *, now: datetime.datetime) -> str | None:
    """
    Return an instant, given as such or as a length of time from `now`, as the wire writes it; None for neither.

    >>> noon = instant("now", "2026-12-01T12:00Z")
    >>> moment(None, "90s", now=noon), moment("2026-12-01T23:00+01:00", None, now=noon), moment(None, None, now=noon)
    ('2026-12-01T12:01:30Z', '2026-12-01T22:00:00Z', None)
    """
    if at is not None and after is not None:
        raise InvalidInput("An instant and a length of time say the same thing; give one of them.")
    if after is None:
        return None if at is None else show_instant(instant("at", at))
    try:
        return show_instant(now + span(after, "in"))
    except OverflowError:
        raise InvalidInput.field("in", f"{after[:60]!r} ends after the last year there is.") from None


def since(begin: str | None, end: str | None, what: str = "created") -> dict[str, str | None]:
    """
    Return the bounds of when something happened, as the wire names them.

    >>> since("2026-12-01T12:00Z", None)
    {'created_from': '2026-12-01T12:00:00Z', 'created_to': None}
    """
    return {
        f"{what}_from": None if begin is None else show_instant(instant("from", begin)),
        f"{what}_to": None if end is None else show_instant(instant("to", end)),
    }


def _is_whole(value: float) -> bool:
    return abs(value - round(value)) < 1e-6 * max(1.0, value)
