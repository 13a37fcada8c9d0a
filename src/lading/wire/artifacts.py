"""JSON shapes of the artifact registry in API v1: what is stored, what it was made of, where it is used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from lading.wire.exports import STRICT, Receipt


@dataclass(frozen=True, slots=True)
class Input:
    """Something that went into a file: `kind` is profile, rows, attachments (a list of them) or file (packed)."""

    kind: str
    name: str
    sha256: str
    size: int | None = None


@dataclass(frozen=True, slots=True)
class PublishedArtifact:
    """
    A file that an export hands out, and which attempt at which job made it.

    `job`, `lease` and `source` are absent for what was published before they were kept.
    """

    sha256: str
    name: str
    media_type: str
    size: int
    export: str
    profile: str
    revision: int
    profile_sha256: str
    source: str | None
    job: str | None
    attempt: int
    lease: str | None
    downloads: int
    created_at: str
    href: str


@dataclass(frozen=True, slots=True)
class ArtifactPage:
    """One page of a list; `next_cursor` is absent at the end."""

    items: list[PublishedArtifact]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class ArtifactUse:
    """A place where some content is published, with what went into it there."""

    published: PublishedArtifact
    inputs: list[Input]


@dataclass(frozen=True, slots=True)
class StoredContent:
    """
    The bytes of one digest; `state` is live or tombstoned, `uses` are the newest 20 places where it is published.

    `receipt` tells where its newest publication stands in the ledger; None until a signed head covers it.
    """

    sha256: str
    size: int
    state: str
    created_at: str
    tombstoned_at: str | None
    uses: list[ArtifactUse]
    receipt: Receipt | None
    href: str


@dataclass(frozen=True, slots=True)
class ContentFault:
    """Published content whose file is `missing` or `damaged`."""

    sha256: str
    size: int
    problem: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What a look at stored files found, all of them read; with `next_cursor` there are more to look at."""

    checked: int
    bytes: int
    faults: list[ContentFault]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class CollectionRequest:
    """Body of `POST /api/v1/artifacts/collect`; a dry run takes nothing and needs no reason."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    reason: str = ""
    ticket: str | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Collection:
    """What went, or would go: stored contents nothing points at, their bytes, and files that no row knows."""

    contents: int
    bytes: int
    files: int
    dry_run: bool
