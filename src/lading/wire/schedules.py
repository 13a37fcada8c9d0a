"""JSON shapes of schedules in API v1: what is made by the clock, and what became of each slot."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from lading.wire.exports import STRICT


@dataclass(frozen=True, slots=True)
class ScheduleRequest:
    """
    Body of `PUT /api/v1/schedules/{name}`.

    `cron` has five fields, or is a word such as `@daily`; `zone` is a time zone of IANA.  `kind` is `export`, or a kind
    that may be created directly; `payload` is what it takes (of an export, the body that asks for it).  Texts in it
    that are `{slot}` or `{date}` become the instant of the slot, or its day in the zone.

    `period` becomes the payload's period, counted from the slot in the zone: previous-day, -week, -month, -quarter,
    -half-year or -year; day, week-to-date, month-to-date, quarter-to-date, half-year-to-date or year-to-date.

    `catch_up` says what becomes of slots that nobody was there for: `latest` makes the newest, `all` up to the newest
    hundred, one after the other, `skip` none.  `overlap` says what becomes of a slot while the work of an earlier one
    goes on: `skip`, `queue`, `cancel_previous`, `allow`.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    cron: str
    zone: str = "UTC"
    kind: str = "export"
    payload: dict[str, Any] = field(default_factory=dict[str, Any])
    period: str | None = None
    source: str = ""
    priority: int = 0
    max_attempts: int | None = None
    deadline_seconds: int | None = None
    catch_up: str = "latest"
    overlap: str = "skip"
    starts_at: str | None = None
    ends_at: str | None = None


@dataclass(frozen=True, slots=True)
class SchedulePause:
    """Since when, by whom and why a schedule stands still."""

    at: str
    by: str
    reason: str
    ticket: str | None


@dataclass(frozen=True, slots=True)
class Schedule:
    """
    A schedule; `version` counts its changes and is its ETag.

    `state` is active, paused or ended (no slot follows).  `owner` changed it last: what it makes is asked for by them,
    in the role of then.  `failures` counts the newest slots that came to nothing, one after the other, up to ten;
    `failure` is the code of the newest.  `waiting` slots wait for the end of an earlier one.
    """

    id: str
    name: str
    cron: str
    zone: str
    kind: str
    payload: dict[str, Any]
    period: str | None
    source: str
    priority: int
    max_attempts: int | None
    deadline_seconds: int | None
    catch_up: str
    overlap: str
    starts_at: str | None
    ends_at: str | None
    state: str
    next_at: str | None
    next_local: str | None
    pause: SchedulePause | None
    owner: str
    owner_role: str
    failures: int
    failure: str | None
    waiting: int
    tzdata: str
    version: int
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class SchedulePage:
    """One page of schedules, by name."""

    items: list[Schedule]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class PlannedSlot:
    """A slot to come; `moved` says that the clock skips its time, so that it comes right after the gap."""

    at: str
    local: str
    moved: bool
    period: dict[str, str] | None


@dataclass(frozen=True, slots=True)
class Preview:
    """The next slots, and by which edition of the time zone database."""

    items: list[PlannedSlot]
    tzdata: str


@dataclass(frozen=True, slots=True)
class Slot:
    """
    What became of a slot: waiting, fired, skipped or failed; `code` says why.

    A skipped one may stand for `missed` of them, from `since` on (at most 1000 are counted).  `subject` is what was
    made, `state` that of its job while it is known.
    """

    slot: str
    local: str
    outcome: str
    code: str | None
    message: str | None
    since: str | None
    missed: int
    manual: bool
    late: bool
    job: str | None
    subject: str | None
    state: str | None
    decided_at: str


@dataclass(frozen=True, slots=True)
class SlotPage:
    """One page of slots, newest first."""

    items: list[Slot]
    next_cursor: str | None
