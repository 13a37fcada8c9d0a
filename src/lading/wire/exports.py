"""
JSON shapes of exports in API v1.

Stdlib dataclasses, so that the client needs no server library; the server validates them with pydantic, which reads
`__pydantic_config__`.  Unknown fields in a request are refused; in an answer a client ignores what it does not know.
Instants are RFC 3339 text in UTC, dates are `YYYY-MM-DD`, sizes are bytes, digests are lower-case hex SHA-256.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

STRICT: dict[str, Any] = {"extra": "forbid"}


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """
    Body of `POST /api/v1/exports`.

    `period` is `{"from": "2025-01-01", "to": "2025-12-31"}`, both ends included.  `format` is one the profile offers of
    csv, tsv, xlsx, json, ndjson, parquet, xml and pdf, None its default; `revision` None means the active one.
    `parameters` are the profile's own (for example `activity_types`).

    `type` is the profile's own, or one that needs none: `evidence_pack` (of `exports`, or of all completed ones of
    `profile` and `period`), `audit_report` (of `period`), `snapshot` (of `tables` of `source`, or of what `profile`
    reads).  `as_of` ends what a report knows, an RFC 3339 instant; None means now.

    `variant` `delta` asks for the rows that were added, changed or removed since the export `base`.

    The package is delivered to the `destinations`, and encrypted to the public keys of `encrypt_to` (`age1…` or
    `ssh-ed25519 …`) beside those of the profile and the destinations; None means what the profile says.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    profile: str | None = None
    period: dict[str, str] | None = None
    format: str | None = None
    revision: int | None = None
    parameters: dict[str, Any] = field(default_factory=dict[str, Any])
    include_attachments: bool = False
    type: str | None = None
    exports: list[str] = field(default_factory=list[str])
    as_of: str | None = None
    source: str | None = None
    tables: list[str] = field(default_factory=list[str])
    variant: str | None = None
    base: str | None = None
    destinations: list[str] | None = None
    encrypt_to: list[str] | None = None


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """Body of `POST /api/v1/exports/{id}/cancel`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """
    How far a running export is; `percent` never falls within one attempt.

    Of an export that is read in parts, `parts_done` of `parts` are read and mapped; of others both are 0.
    """

    percent: float = 0.0
    rows: int = 0
    bytes: int = 0
    parts: int = 0
    parts_done: int = 0


@dataclass(frozen=True, slots=True)
class Rows:
    """Reconciliation: `read` = `written` + `quarantined` + `duplicate` + `filtered`."""

    read: int
    written: int
    quarantined: int
    duplicate: int
    filtered: int = 0


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should know; never holds row data."""

    code: str
    message: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class ExportFault:
    """Why an export failed, or why its last attempt did while it waits for the next one."""

    code: str
    message: str
    stage: str | None
    attempt: int
    retryable: bool


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file that a completed export hands out."""

    name: str
    media_type: str
    size: int
    sha256: str
    href: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """
    One package on its way to a destination, or there.

    `status` is pending, running, delivered, failed or cancelled; `error` also tells why the last attempt failed while
    the next is waited for.
    """

    destination: str
    status: str
    job: str
    size: int
    bytes: int
    sha256: str
    attempts: int
    location: str | None
    error: DeliveryFault | None
    next_attempt_at: str | None
    created_at: str
    delivered_at: str | None


@dataclass(frozen=True, slots=True)
class DeliveryFault:
    """Why a package could not be delivered."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class DeliveryList:
    """The deliveries of an export, by destination."""

    items: list[Delivery]


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """A rule of a policy, by its names."""

    policy: str
    revision: int
    rule: str


@dataclass(frozen=True, slots=True)
class Approval:
    """
    The word of another person that `rules` ask for, who must have one of `roles`.

    `state` is pending, approved, rejected, expired (nobody said anything in time) or withdrawn (cancelled before).
    """

    state: str
    rules: list[PolicyRule]
    roles: list[str]
    asked_by: str
    asked_at: str
    expires_at: str
    decided_by: str | None
    decided_role: str | None
    decided_at: str | None
    reason: str | None
    ticket: str | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where in the tenant's ledger the completion stands; `head` is the signed note that covers it."""

    index: int
    entry_sha256: str
    tree_size: int
    root_sha256: str
    head: str


@dataclass(frozen=True, slots=True)
class Export:
    """
    One export as the API shows it; one without a profile has the type's name there, and revision 0.

    `holds` are the legal holds that keep it from being removed.
    """

    id: str
    tenant: str
    type: str
    profile: str
    revision: int
    format: str
    period: dict[str, str]
    parameters: dict[str, Any]
    include_attachments: bool
    status: str
    stage: str | None
    progress: Progress
    retry_count: int
    attempt: int
    waiting_for: str | None
    eligible_at: str | None
    warnings: list[Notice]
    rows: Rows | None
    error: ExportFault | None
    artifacts: list[Artifact]
    receipt: Receipt | None
    version: int
    created_at: str
    started_at: str | None
    ended_at: str | None
    expires_at: str | None
    links: dict[str, str] = field(default_factory=dict)
    selector: dict[str, Any] = field(default_factory=dict[str, Any])
    encrypt_to: list[str] = field(default_factory=list[str])
    package_sha256: str | None = None
    destinations: list[str] = field(default_factory=list[str])
    deliveries: list[Delivery] = field(default_factory=list[Delivery])
    approval: Approval | None = None
    holds: list[str] = field(default_factory=list[str])
    schedule: str | None = None


@dataclass(frozen=True, slots=True)
class ExportPage:
    """One page of a list; `next_cursor` is absent at the end."""

    items: list[Export]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class ArtifactList:
    """The files of an export."""

    items: list[Artifact]


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """Body of `POST /api/v1/exports/{id}/links`; no `artifact` means the package, a link lasts a day at most."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    artifact: str | None = None
    expires_in_seconds: int = 86_400


@dataclass(frozen=True, slots=True)
class Link:
    """A link to one file, for anybody who has it; `href` and `url` hold its secret, which is shown this once."""

    id: str
    artifact: str
    size: int
    sha256: str
    href: str
    url: str
    expires_at: str


@dataclass(frozen=True, slots=True)
class History:
    """What the ledger says about an export, oldest first: the parsed lines."""

    items: list[dict[str, Any]]
