"""JSON shapes of profiles and their revisions in API v1."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from lading.wire.exports import STRICT


@dataclass(frozen=True, slots=True)
class ProfileSummary:
    """One profile of a tenant; `active_revision` None means that no export can be asked of it yet."""

    name: str
    active_revision: int | None
    latest_revision: int


@dataclass(frozen=True, slots=True)
class ProfileList:
    """The profiles of a tenant, by name."""

    items: list[ProfileSummary]


@dataclass(frozen=True, slots=True)
class Profile:
    """One revision of a profile with its document; `digest` is the SHA-256 of the canonical document."""

    name: str
    revision: int
    is_active: bool
    digest: str
    document: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision without its document."""

    revision: int
    is_active: bool
    digest: str
    created_at: str
    created_by: str


@dataclass(frozen=True, slots=True)
class RevisionList:
    """The revisions of a profile, newest first."""

    items: list[Revision]


@dataclass(frozen=True, slots=True)
class ActivateRequest:
    """Body of `POST /api/v1/profiles/{name}/activate`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    revision: int


@dataclass(frozen=True, slots=True)
class Activation:
    """A span in which a revision was the one that exports use; `until` None: it still is."""

    revision: int
    is_rollback: bool
    activated_at: str
    until: str | None
    activated_by: str
    reason: str | None
    ticket: str | None


@dataclass(frozen=True, slots=True)
class ActivationList:
    """The activations of a profile, newest first."""

    items: list[Activation]


@dataclass(frozen=True, slots=True)
class ValidateRequest:
    """Body of `POST /api/v1/profiles/validate`: the document, or its text, YAML or JSON, so that lines can be told."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    document: dict[str, Any] | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of a document: where, by JSON pointer and line if there is a text, and what to do."""

    pointer: str
    line: int | None
    message: str


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that is wrong with a profile document; `profile` is its name as far as it has one."""

    is_valid: bool
    profile: str | None
    findings: list[Finding]


@dataclass(frozen=True, slots=True)
class DiffRequest:
    """
    Body of `POST /api/v1/profiles/{name}/diff`: two revisions, or one and a document.

    `before` None is the active revision; after it comes `document`, or revision `after`, None for the newest.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    before: int | None = None
    after: int | None = None
    document: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """
    One difference: `kind` is added, removed, renamed, moved or changed, `what` is a column or a key of the profile.

    `details` say from what to what; `meaning` is the sentence for who receives the report.
    """

    kind: str
    what: str
    name: str
    details: list[str]
    meaning: str


@dataclass(frozen=True, slots=True)
class Diff:
    """What changes between two profile documents; `keeps_layout` when the receiver's columns stay as they are."""

    profile: str
    before: int
    after: int | None
    is_same: bool
    keeps_layout: bool
    changes: list[Change]


@dataclass(frozen=True, slots=True)
class PreviewRequest:
    """
    Body of `POST /api/v1/profiles/{name}/preview`: as for an export; `document` tries one that is not stored.

    Nothing is stored.  `rows` of the source are read, at most 50, in the order of the profile's key.  With
    `include_attachments` those of the whole period are counted.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    period: dict[str, str]
    parameters: dict[str, Any] = field(default_factory=dict[str, Any])
    revision: int | None = None
    document: dict[str, Any] | None = None
    rows: int = 10
    include_attachments: bool = False


@dataclass(frozen=True, slots=True)
class PreviewFault:
    """One way in which a row is bad; never a value."""

    code: str
    column: str
    message: str


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """What becomes of one row of the source: written as `cells`, quarantined with `errors`, filtered or duplicate."""

    row: int
    outcome: str
    cells: list[str | None] | None
    errors: list[PreviewFault]


@dataclass(frozen=True, slots=True)
class PreviewAttachments:
    """What the attachments of the period come to: files and their bytes, and those not there or outside the folder."""

    count: int
    bytes: int
    missing: int
    outside: int


@dataclass(frozen=True, slots=True)
class Preview:
    """The first rows of the source through the mapping, masks applied."""

    profile: str
    revision: int | None
    columns: list[str]
    rows: list[PreviewRow]
    consistency: str
    attachments: PreviewAttachments | None = None
