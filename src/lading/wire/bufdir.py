"""
JSON shapes of `/api/v1/bufdir-exports`, the face that a reporting organisation's own systems speak (B1).

It has words of its own: format `excel|csv|pdf`, status `queued|running|completed|failed|cancelled`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from lading.wire.exports import STRICT, Notice


@dataclass(frozen=True, slots=True)
class BufdirRequest:
    """
    Body of `POST /api/v1/bufdir-exports`; `org_id` is the slug of the tenant.

    No `activity_types` means all of them.  `submit_to_bufdir_api` must stay false: Bufdir has no public API.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    org_id: str
    format: str
    period_from: str
    period_to: str
    activity_types: list[str] = field(default_factory=list[str])
    include_attachments: bool = False
    submit_to_bufdir_api: bool = False


@dataclass(frozen=True, slots=True)
class BufdirCreated:
    """Answer to a request; a warning tells, for example, that the period was exported before."""

    export_id: str
    status: str
    estimated_duration_seconds: int
    created_at: str
    warnings: list[Notice] = field(default_factory=list[Notice])


@dataclass(frozen=True, slots=True)
class BufdirSummary:
    """One line of the list."""

    export_id: str
    org_id: str
    status: str
    format: str
    period_from: str
    period_to: str
    created_at: str
    completed_at: str | None


@dataclass(frozen=True, slots=True)
class BufdirExport:
    """One export; `file_url` is there when it is completed."""

    export_id: str
    org_id: str
    status: str
    format: str
    period_from: str
    period_to: str
    created_at: str
    completed_at: str | None
    activity_types: list[str]
    file_url: str | None
    file_expires_at: str | None
    error_message: str | None
    warnings: list[Notice] = field(default_factory=list[Notice])


@dataclass(frozen=True, slots=True)
class Pagination:
    """Place in the list; `page` counts from 1."""

    page: int
    limit: int
    total: int


@dataclass(frozen=True, slots=True)
class BufdirPage:
    """Answer of the list, newest first."""

    data: list[BufdirSummary]
    pagination: Pagination


@dataclass(frozen=True, slots=True)
class BufdirCancelled:
    """Answer to a cancel; `cancelled_at` is null while a running export is still stopping."""

    export_id: str
    status: str
    cancelled_at: str | None


@dataclass(frozen=True, slots=True)
class BufdirRetried:
    """Answer to a retry."""

    export_id: str
    status: str
    retry_count: int
    queued_at: str
