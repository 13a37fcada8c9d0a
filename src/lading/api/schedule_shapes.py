"""Schedules as the API shows and reads them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, TypeVar

from lading import clock, ids
from lading.api.job_shapes import parsed
from lading.errors import InvalidInput
from lading.schedules import periods, zones
from lading.schedules.cron import Cron, cron_of
from lading.schedules.cron import Slot as Planned
from lading.schedules.model import CatchUp, Decided, Document, Outcome, Overlap, Schedule
from lading.wire import schedules as wire

_WORD = TypeVar("_WORD", bound=StrEnum)
_ACTIVE: Final = "active"


def document(body: wire.ScheduleRequest) -> Document:
    """Return what a request says; InvalidInput names the field that is no word or instant."""
    return Document(
        cron=body.cron,
        zone=body.zone,
        kind=body.kind,
        payload=body.payload,
        period=body.period,
        source=body.source,
        priority=body.priority,
        max_attempts=body.max_attempts,
        deadline_seconds=body.deadline_seconds,
        catch_up=_word("catch_up", CatchUp, body.catch_up),
        overlap=_word("overlap", Overlap, body.overlap),
        starts_at=parsed("starts_at", body.starts_at),
        ends_at=parsed("ends_at", body.ends_at),
    )


def request(stored: Document) -> wire.ScheduleRequest:
    """Return the request that says what is stored."""
    return wire.ScheduleRequest(
        cron=stored.cron,
        zone=stored.zone,
        kind=stored.kind,
        payload=dict(stored.payload),
        period=stored.period,
        source=stored.source,
        priority=stored.priority,
        max_attempts=stored.max_attempts,
        deadline_seconds=stored.deadline_seconds,
        catch_up=stored.catch_up.value,
        overlap=stored.overlap.value,
        starts_at=clock.shown(stored.starts_at),
        ends_at=clock.shown(stored.ends_at),
    )


def schedule(found: Schedule) -> wire.Schedule:
    """Return a schedule as it is shown."""
    said, pause, following = request(found.document), found.pause, found.next_at
    return wire.Schedule(
        id=ids.show(ids.SCHEDULE, found.id),
        name=found.name,
        cron=said.cron,
        zone=said.zone,
        kind=said.kind,
        payload=said.payload,
        period=said.period,
        source=said.source,
        priority=said.priority,
        max_attempts=said.max_attempts,
        deadline_seconds=said.deadline_seconds,
        catch_up=said.catch_up,
        overlap=said.overlap,
        starts_at=said.starts_at,
        ends_at=said.ends_at,
        state="paused" if pause is not None else "ended" if following is None else _ACTIVE,
        next_at=clock.shown(following),
        next_local=None if following is None else cron_of(found.document).local(following),
        pause=None if pause is None else wire.SchedulePause(clock.show(pause.at), pause.by, pause.reason, pause.ticket),
        owner=found.owner.actor.id,
        owner_role=found.owner.role,
        failures=found.failures,
        failure=found.failure,
        waiting=found.waiting,
        tzdata=found.tzdata,
        version=found.version,
        created_at=clock.show(found.created_at),
        updated_at=clock.show(found.updated_at),
    )


def preview(said: Document, cron: Cron, slots: Sequence[Planned]) -> wire.Preview:
    """Return slots to come as they are shown."""
    return wire.Preview([_planned(said, cron, each) for each in slots], zones.EDITION)


def slot(found: Decided) -> wire.Slot:
    """Return what became of a slot as it is shown."""
    return wire.Slot(
        slot=clock.show(found.slot),
        local=found.local,
        outcome=found.outcome.value,
        code=found.code,
        message=found.message,
        since=clock.shown(found.since),
        missed=found.missed,
        manual=found.is_manual,
        late=found.is_late,
        job=ids.show(ids.JOB, found.job_id) if found.outcome is Outcome.FIRED else None,
        subject=found.subject,
        state=found.state,
        decided_at=clock.show(found.decided_at),
    )


def _planned(said: Document, cron: Cron, each: Planned) -> wire.PlannedSlot:
    period = None
    if said.period is not None:
        start, end = periods.days(said.period, each.at.astimezone(cron.place).date())
        period = {"from": start.isoformat(), "to": end.isoformat()}
    return wire.PlannedSlot(clock.show(each.at), cron.local(each.at), each.is_moved, period)


def _word(field: str, words: type[_WORD], text: str) -> _WORD:
    try:
        return words(text)
    except ValueError:
        known = ", ".join(words)
        raise InvalidInput.field(field, f"{text[:40]!r} is none of: {known}.", code="unknown") from None
