"""Schedules as values: what is written, what is stored, what became of a slot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from lading import ids
from lading.ledger.entry import Actor

SCHEDULER: Final = Actor("system", "schedules")
"""Who decides slots, in the ledger."""


class CatchUp(StrEnum):
    """What becomes of slots that nobody was there for: the newest is made, all are, or none."""

    LATEST = "latest"
    ALL = "all"
    SKIP = "skip"


class Overlap(StrEnum):
    """What becomes of a slot while the work of an earlier one goes on."""

    SKIP = "skip"
    QUEUE = "queue"
    CANCEL_PREVIOUS = "cancel_previous"
    ALLOW = "allow"


class Outcome(StrEnum):
    """What became of a slot."""

    WAITING = "waiting"
    FIRED = "fired"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Document:
    """
    What a schedule says.

    `kind` is that of the jobs it makes, `payload` what each asks for; `period` is a word that becomes the payload's
    `period`.  `source`, `max_attempts` and `deadline_seconds` are those of a job.
    """

    cron: str
    zone: str
    kind: str
    payload: Mapping[str, Any]
    period: str | None
    source: str
    priority: int
    max_attempts: int | None
    deadline_seconds: int | None
    catch_up: CatchUp
    overlap: Overlap
    starts_at: datetime | None
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Owner:
    """
    Who changed a schedule last, with the role of then: what it makes is asked for by them.

    A member's role is looked up anew at each slot, a key keeps the one it was made with.
    """

    actor: Actor
    role: str

    @property
    def asking(self) -> Actor:
        """Return the actor as policies judge it."""
        return replace(self.actor, role=self.role)

    @property
    def inner(self) -> UUID:
        """Return the id behind the actor's outer one."""
        return ids.parse(self.actor.id.partition("_")[0], self.actor.id)


@dataclass(frozen=True, slots=True)
class Pause:
    """Since when, by whom and why a schedule stands still."""

    at: datetime
    by: str
    reason: str
    ticket: str | None


@dataclass(frozen=True, slots=True)
class Schedule:
    """
    A stored schedule.

    `next_at` is the next slot to be decided; what lies before `decided_to` is decided.  `failures` counts the newest
    slots that came to nothing, one after the other, up to ten; `failure` is the code of the newest of them.
    """

    tenant_id: UUID
    id: UUID
    name: str
    document: Document
    owner: Owner
    pause: Pause | None
    next_at: datetime | None
    decided_to: datetime
    tzdata: str
    version: int
    created_at: datetime
    updated_at: datetime
    failures: int = 0
    failure: str | None = None
    waiting: int = 0

    @property
    def subject(self) -> str:
        """Return how the ledger names it."""
        return f"schedule:{self.name}"


@dataclass(frozen=True, slots=True)
class Decided:
    """
    What became of a slot, or, skipped, of all from `since` to `slot`: `missed` of them, of which 1000 are counted.

    `state` is that of its job, if that is still known.
    """

    slot: datetime
    local: str
    outcome: Outcome
    is_manual: bool
    is_late: bool
    code: str | None
    message: str | None
    since: datetime | None
    missed: int
    job_id: UUID
    subject: str | None
    decided_at: datetime
    state: str | None


@dataclass(frozen=True, slots=True)
class Due:
    """The slots of a schedule that are due: how many (1000 are counted), the first, and the newest in order."""

    count: int
    first: datetime
    newest: Sequence[datetime]
