"""JSON shapes of dead letters in API v1: jobs that nobody tries again without a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from lading.wire.exports import STRICT


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter; `state` is open, requeued, resolved or discarded, `fingerprint` groups what died alike."""

    job: str
    kind: str
    source: str
    subject: str
    code: str
    message: str
    fingerprint: str
    attempt: int
    died_at: str
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
class BulkRequest:
    """Body of `POST /api/v1/dead-letters/{requeue|resolve|discard}`: open letters that match all that is given."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    reason: str = ""
    ticket: str | None = None
    kind: str | None = None
    source: str | None = None
    code: str | None = None
    fingerprint: str | None = None
    limit: int = 1000
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """A letter that was left as it is, and why."""

    job: str
    detail: str


@dataclass(frozen=True, slots=True)
class BulkResult:
    """How many letters matched, how many were closed, and which were refused; a dry run closes none."""

    matched: int
    done: int
    refused: list[Refusal]
