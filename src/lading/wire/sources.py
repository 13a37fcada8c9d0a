"""JSON shapes of sources in API v1; credentials are references (`env:NAME`, `file:/path`, …), never values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from lading.wire.exports import STRICT


@dataclass(frozen=True, slots=True)
class SourceRequest:
    """Body of `PUT /api/v1/sources/{name}`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    credentials_ref: str | None = None
    kind: str = "postgresql"
    attachments_ref: str | None = None
    timeout_seconds: int = 600
    options: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Source:
    """Where rows are read; `version` counts its changes and is its ETag."""

    name: str
    kind: str
    credentials_ref: str | None
    attachments_ref: str | None
    timeout_seconds: int
    options: dict[str, str]
    version: int


@dataclass(frozen=True, slots=True)
class SourceList:
    """The sources of a tenant, by name."""

    items: list[Source]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried on a source; `detail` says the mend when it is not ok."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class SourceReport:
    """Answer of `POST /api/v1/sources/{name}/test`."""

    ok: bool
    checks: list[Check]
