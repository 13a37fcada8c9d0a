"""
Exports as values: what was admitted, what is stored, what the pipeline hands from stage to stage.

Status and stage are separate; warnings are a list, never a state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from lading import ids
from lading.exports.profile import Format

JOB_KIND: Final = "export"


class Status(StrEnum):
    """Where an export is in its life."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def is_final(self) -> bool:
        """Return True when nothing more happens by itself."""
        return self not in {Status.PENDING, Status.RUNNING}


class Stage(StrEnum):
    """Where in the pipeline a running export is, in order."""

    QUERYING = "querying"
    MAPPING = "mapping"
    GENERATING = "generating"
    BUNDLING = "bundling"
    AUDITING = "auditing"


@dataclass(frozen=True, slots=True)
class Handover:
    """What becomes of the package beyond its publishing: where it is delivered, and whose public keys encrypt it."""

    destinations: Sequence[str] = ()
    encrypt_to: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """
    A request that was found right: everything an export needs to run, none of it a guess.

    A type without a profile has the type's name as `profile` and revision 0; `selector` is what it was asked for.
    """

    profile: str
    revision: int
    type: str
    format: Format
    period_from: date
    period_to: date
    parameters: Mapping[str, Any]
    include_attachments: bool
    selector: Mapping[str, Any] = field(default_factory=dict[str, Any])
    handover: Handover = field(default_factory=Handover)


@dataclass(frozen=True, slots=True)
class StoredExport:
    """A row of `exports` with what is known of its job."""

    tenant_id: UUID
    tenant_slug: str
    tenant_name: str
    id: UUID
    job_id: UUID
    plan: Plan
    status: Status
    stage: Stage | None
    retry_count: int
    progress: Mapping[str, Any]
    warnings: Sequence[Mapping[str, Any]]
    rows: Mapping[str, int] | None
    error: Mapping[str, Any] | None
    rev: int
    version: int
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    expires_at: datetime | None
    cancel_requested_at: datetime | None
    requested_by: str
    package_sha256: str | None = None
    job_state: str | None = None
    job_attempt: int = 0
    job_failures: int = 0
    job_due_at: datetime | None = None
    job_error: Mapping[str, Any] | None = None
    lane_waiting_for: str | None = None
    lane_eligible_at: datetime | None = None
    asked_role: str | None = None
    asked_at: datetime | None = None
    approval: str | None = None
    """pending, approved, rejected, expired or withdrawn; None when nobody's word was asked for."""
    schedule_id: UUID | None = None

    @property
    def subject(self) -> str:
        """Return the outer id."""
        return ids.show(ids.EXPORT, self.id)


@dataclass(frozen=True, slots=True)
class StoredArtifact:
    """A file that a completed export hands out."""

    name: str
    blob_key: str
    media_type: str
    size: int
    sha256: str
    attempt: int


@dataclass(frozen=True, slots=True)
class NewArtifact:
    """
    A file about to be published; it lies at `blob_key`.

    `inputs` tell what went in, by kind, name and digest.  `damaged_key` is a file of the same content that was found
    missing or damaged: this one takes its place.  `is_borrowed`: what lies there belongs to what was published before.
    """

    name: str
    blob_key: str
    media_type: str
    size: int
    sha256: str
    inputs: Sequence[Mapping[str, Any]] = ()
    damaged_key: str | None = None
    is_borrowed: bool = False


@dataclass(frozen=True, slots=True)
class Published:
    """A published file with where it came from; what was published by an older Lading does not know its job."""

    export_id: UUID
    name: str
    media_type: str
    size: int
    sha256: str
    attempt: int
    job_id: UUID | None
    lease_id: UUID | None
    source: str | None
    inputs: Sequence[Mapping[str, Any]]
    profile: str
    revision: int
    profile_digest: str
    downloads: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Sealed:
    """What the last stage publishes, all of it in one transaction."""

    artifacts: Sequence[NewArtifact]
    rows: Mapping[str, int]
    warnings: Sequence[Mapping[str, Any]]
    package_sha256: str
    """Of the plain package, also where only the encrypted one is published."""
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
