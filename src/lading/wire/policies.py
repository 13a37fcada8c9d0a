"""JSON shapes of policies, verdicts and approvals in API v1."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from lading.wire.exports import STRICT, ExportRequest
from lading.wire.problems import PolicyViolation
from lading.wire.profiles import Finding


@dataclass(frozen=True, slots=True)
class PolicySummary:
    """One policy of a tenant; `active_revision` None means that exports are not judged by it."""

    name: str
    title: str | None
    active_revision: int | None
    latest_revision: int
    version: int


@dataclass(frozen=True, slots=True)
class PolicyPage:
    """One page of the policies of a tenant, by name."""

    items: list[PolicySummary]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """
    One revision of a policy with its document.

    `digest` is the SHA-256 of the canonical document, `version` the policy's, which is its ETag.
    """

    name: str
    revision: int
    is_active: bool
    version: int
    digest: str
    document: dict[str, Any]


@dataclass(frozen=True, slots=True)
class PolicyActivateRequest:
    """Body of `POST /api/v1/policies/{name}/activate`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    revision: int
    reason: str = ""
    ticket: str | None = None


@dataclass(frozen=True, slots=True)
class PolicyFindings:
    """Everything that is wrong with a policy document; `policy` is its name as far as it has one."""

    is_valid: bool
    policy: str | None
    findings: list[Finding]


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """What becomes of one rule, or of one other key of the document: added, removed, changed or moved."""

    kind: str
    what: str
    name: str
    details: list[str]


@dataclass(frozen=True, slots=True)
class PolicyDiff:
    """What changes from revision `before` to `after`, None for a document."""

    name: str
    before: int
    after: int | None
    is_same: bool
    changes: list[PolicyChange]


@dataclass(frozen=True, slots=True)
class TryRequest:
    """
    Body of `POST /api/v1/policies/{name}/try`.

    `export` is what `POST /api/v1/exports` takes.  It is judged by `revision`, None for the active one, or by
    `document`; as asked for by `role`, None for the caller's, at the instant `at`, None for now.  `rows` and `bytes`
    are what comes of it.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    export: ExportRequest
    revision: int | None = None
    document: dict[str, Any] | None = None
    role: str | None = None
    at: str | None = None
    rows: int | None = None
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class DemandedApproval:
    """A rule that lets the export run only with the word of another person who has one of `roles`."""

    policy: str
    revision: int
    rule: str
    roles: list[str]
    expires_after_hours: int


@dataclass(frozen=True, slots=True)
class Planned:
    """What a request comes to: what is left out of it is filled in here."""

    type: str
    profile: str
    revision: int
    format: str
    period: dict[str, str]
    parameters: dict[str, Any]
    include_attachments: bool
    selector: dict[str, Any]
    source: str
    destinations: list[str]
    encrypt_to: list[str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    What policies say of an export; nothing is stored.

    It is allowed when there is no violation, and runs at once when it needs no approval either.
    """

    is_allowed: bool
    needs_approval: bool
    plan: Planned
    violations: list[PolicyViolation] = field(default_factory=list[PolicyViolation])
    approvals: list[DemandedApproval] = field(default_factory=list[DemandedApproval])
