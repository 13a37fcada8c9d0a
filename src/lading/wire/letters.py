"""JSON shapes of dead letters in API v1: jobs that nobody tries again without a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from lading.wire.exports import STRICT


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """
    One dead letter.

    `state` is open, requeued, resolved or discarded, `fingerprint` groups what died alike, `deaths` counts how often
    its job died.
    """

    job: str
    kind: str
    source: str
    subject: str
    code: str
    message: str
    fingerprint: str
    attempt: int
    died_at: str
    deaths: int
    state: str
    closed_at: str | None
    closed_by: str | None
    reason: str | None
    ticket: str | None


@dataclass(frozen=True, slots=True)
class DeadLetterPage:
    """One page of a list; `next_cursor` is absent at the end."""

    items: list[DeadLetter]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class LetterCluster:
    """Open letters that died of the same thing; `message` is that of the newest."""

    fingerprint: str
    kind: str
    code: str
    message: str
    count: int
    first_at: str
    last_at: str


@dataclass(frozen=True, slots=True)
class LetterClusterList:
    """What open letters died of, most frequent first."""

    items: list[LetterCluster]


@dataclass(frozen=True, slots=True)
class LetterHealth:
    """How many letters are open; `level` is ok, warn (above 10) or fail (above 50)."""

    open: int
    level: str


@dataclass(frozen=True, slots=True)
class LetterCount:
    """How many letters have this in common."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class LetterDay:
    """How many of the letters there are died on this day (UTC)."""

    day: str
    count: int


@dataclass(frozen=True, slots=True)
class LetterStats:
    """
    The letters of a tenant in numbers.

    The open ones by kind, source, code (most first, at most 50 each) and age; those that died on each of the last 30
    days, whatever became of them; `died_again` are those whose job was requeued and died once more.
    """

    open: int
    requeued: int
    resolved: int
    discarded: int
    died_again: int
    by_kind: list[LetterCount]
    by_source: list[LetterCount]
    by_code: list[LetterCount]
    by_age: list[LetterCount]
    days: list[LetterDay]


@dataclass(frozen=True, slots=True)
class BulkRequest:
    """
    Body of `POST /api/v1/dead-letters/{requeue|resolve|discard}`: open letters that match all that is given.

    They died from `died_from` on and before `died_to`, longer ago than `older_than_seconds`, less long ago than
    `newer_than_seconds`.  `cursor` goes on where the answer before ended.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    reason: str = ""
    ticket: str | None = None
    kind: str | None = None
    source: str | None = None
    code: str | None = None
    fingerprint: str | None = None
    limit: int = 1000
    dry_run: bool = False
    died_from: str | None = None
    died_to: str | None = None
    older_than_seconds: int | None = None
    newer_than_seconds: int | None = None
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A letter that was left as it is, and why."""

    job: str
    detail: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class BulkResult:
    """
    How many letters matched, how many were closed, and which were refused; a dry run closes none.

    With `has_more`, `next_cursor` leads on to those that were not met yet.
    """

    matched: int
    done: int
    refused: list[Refusal]
    has_more: bool = False
    next_cursor: str | None = None
