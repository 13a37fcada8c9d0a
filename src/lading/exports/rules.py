"""
Whether an export may be, decided from values alone: no database, no clock.

`admit` answers with a Plan or with InvalidInput naming the field; `percent` says how far a stage is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from lading.errors import FieldError, InvalidInput
from lading.exports.model import Plan, Stage
from lading.exports.profile import Format, Profile
from lading.wire.exports import ExportRequest

_SHARE: Final = {
    Stage.QUERYING: (0.0, 35.0),
    Stage.MAPPING: (35.0, 60.0),
    Stage.GENERATING: (60.0, 85.0),
    Stage.BUNDLING: (85.0, 95.0),
    Stage.AUDITING: (95.0, 100.0),
}
_LONGEST_PERIOD_DAYS: Final = 366 * 10
# `today` is that of UTC; where the clock is up to 14 hours ahead, it is tomorrow already.
_AHEAD: Final = timedelta(days=1)


def admit(request: ExportRequest, profile: Profile, *, revision: int, today: date) -> Plan:
    """Return the plan for `request` under `profile`; every fault that can be found is named at once."""
    errors: list[FieldError] = []
    start, end = _period(request, today, errors)
    wanted = request.format if request.format is not None else profile.default_format
    offered: dict[str, Format] = {name: name for name in profile.formats}
    if wanted not in offered:
        errors.append(
            FieldError(
                "/format",
                f"{wanted[:40]!r} is not a format of {profile.name}; choose {_listing(profile.formats)}",
                "unknown",
            )
        )
    parameters = {}
    try:
        parameters = profile.admit_parameters(request.parameters)
    except InvalidInput as error:
        errors.extend(error.errors or (FieldError("/parameters", error.message),))
    if request.include_attachments and profile.attachments is None:
        errors.append(FieldError("/include_attachments", f"{profile.name} has no attachments; leave it out"))
    if errors:
        raise InvalidInput(
            "; ".join(f"{error.pointer[1:].replace('/', '.')}: {error.detail}" for error in errors), tuple(errors)
        )
    return Plan(
        profile=profile.name,
        revision=revision,
        type=profile.type,
        format=offered[wanted],
        period_from=start,
        period_to=end,
        parameters=parameters,
        include_attachments=request.include_attachments,
    )


def period(request: ExportRequest, today: date) -> tuple[date, date]:
    """Return the first and the last day of the request's period; InvalidInput names what is wrong with it."""
    errors: list[FieldError] = []
    found = _period(request, today, errors)
    if errors:
        raise InvalidInput(f"{errors[0].pointer[1:].replace('/', '.')}: {errors[0].detail}", tuple(errors))
    return found


def percent(stage: Stage, done: int, total: int | None) -> float:
    """
    Return how far the whole export is when `done` of `total` rows of `stage` are done; an unknown total nears its end.

    >>> percent(Stage.MAPPING, 50, 100), percent(Stage.QUERYING, 0, None)
    (47.5, 0.0)
    """
    low, high = _SHARE[stage]
    part = 1 - math.exp(-done / 50_000) if total is None else min(1.0, done / total if total else 1.0)
    return round(low + (high - low) * part, 1)


def _period(request: ExportRequest, today: date, errors: list[FieldError]) -> tuple[date, date]:
    given = {} if request.period is None else request.period
    unknown = sorted(set(given) - {"from", "to"})
    errors.extend(
        FieldError(f"/period/{name[:60]}", "is not a field of a period; it has from and to", "unknown")
        for name in unknown
    )
    start, end = (_date(given, name, errors) for name in ("from", "to"))
    if start is None or end is None:
        return today, today
    if start > end:
        errors.append(
            FieldError("/period", f"is upside down: it begins {start} and ends {end}; swap them", "upside-down")
        )
    elif start > today + _AHEAD:
        errors.append(
            FieldError("/period", f"lies wholly in the future (it begins {start}); choose a past one", "in-the-future")
        )
    elif (end - start).days > _LONGEST_PERIOD_DAYS:
        errors.append(FieldError("/period", "is longer than ten years; choose a shorter one", "too-long"))
    return start, end


def _date(given: Mapping[str, str], name: str, errors: list[FieldError]) -> date | None:
    text = given.get(name)
    try:
        if text is not None and len(text) == len("YYYY-MM-DD"):
            return date.fromisoformat(text)
    except ValueError:
        pass
    shown = "is missing" if text is None else f"{text[:40]!r} is not a date"
    errors.append(FieldError(f"/period/{name}", f"{shown}; write YYYY-MM-DD"))
    return None


def _listing(names: tuple[str, ...]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last
