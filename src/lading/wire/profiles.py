"""JSON shapes of profiles and their revisions in API v1."""

from __future__ import annotations

from dataclasses import dataclass
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
