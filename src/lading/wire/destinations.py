"""JSON shapes of destinations in API v1; credentials are references (`env:NAME`, `file:/path`, …), never values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from lading.wire.exports import STRICT


@dataclass(frozen=True, slots=True)
class DestinationRequest:
    """
    Body of `PUT /api/v1/destinations/{name}`.

    `kind` is directory, s3, gcs, azure or webhook; `options` are its own.  `object_name` is what a package is called
    there.  Other content under that name is left alone unless `overwrite` is set.  Whatever is delivered there is
    encrypted to the public keys of `encrypt_to`.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    kind: str
    options: dict[str, str] = field(default_factory=dict[str, str])
    credentials_ref: str | None = None
    object_name: str = "{profile}/{export}/{file}"
    overwrite: bool = False
    encrypt_to: list[str] = field(default_factory=list[str])
    timeout_seconds: int = 60


@dataclass(frozen=True, slots=True)
class Destination:
    """Where packages are delivered; `version` counts its changes and is its ETag."""

    name: str
    kind: str
    options: dict[str, str]
    credentials_ref: str | None
    object_name: str
    overwrite: bool
    encrypt_to: list[str]
    timeout_seconds: int
    version: int


@dataclass(frozen=True, slots=True)
class DestinationList:
    """The destinations of a tenant, by name."""

    items: list[Destination]
    next_cursor: str | None = None
