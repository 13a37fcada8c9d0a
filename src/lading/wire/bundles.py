"""JSON shapes of audit bundles in API v1: a span of the ledger as one signed file that anybody verifies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from lading.wire.exports import STRICT, ExportFault, Progress


@dataclass(frozen=True, slots=True)
class BundleRequest:
    """
    Body of `POST /api/v1/bundles`.

    `since` and `until` are each the index of an entry (`"36"`), a day (`"2026-01-01"`, in UTC) or an RFC 3339 instant;
    `until` itself is not included.  `since` may be `"previous"` as well: where the last complete bundle ended; `until`
    may be `"logged"`: at the newest head that the log of the whole installation knows.  Left out, the bundle begins
    with the ledger and ends with its newest signed head.  A span is widened to signed heads.

    `export` or `job` names what a partial bundle is about.  `with_artifacts` puts in the files, as far as they are
    kept; `with_disclosures` the words that entries commit to (reasons, names), as far as they were not erased.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    since: str | None = None
    until: str | None = None
    export: str | None = None
    job: str | None = None
    with_artifacts: bool = False
    with_disclosures: bool = False


@dataclass(frozen=True, slots=True)
class BundleFile:
    """The bundle itself, once it is made; `href` hands it out."""

    name: str
    size: int
    sha256: str
    href: str


@dataclass(frozen=True, slots=True)
class Bundle:
    """
    An audit bundle: entries `start` to before `end` of the tenant's ledger, all of them or those about `about`.

    It is kept, held and cancelled like an export, whose id it has.  `status` is pending, running, completed, failed,
    cancelled or expired.
    """

    id: str
    tenant: str
    status: str
    start: int
    end: int
    complete: bool
    about: str | None
    with_artifacts: bool
    with_disclosures: bool
    progress: Progress
    entries: int | None
    file: BundleFile | None
    error: ExportFault | None
    waiting_for: str | None
    requested_by: str
    created_at: str
    ended_at: str | None
    expires_at: str | None
    holds: list[str]
    version: int


@dataclass(frozen=True, slots=True)
class BundlePage:
    """Bundles, newest first; `next_cursor` is null on the last page."""

    items: list[Bundle]
    next_cursor: str | None
