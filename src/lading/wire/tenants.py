"""JSON shapes of tenants, keys and principals in API v1 (see `exports` for the rules all shapes follow)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from lading.wire.exports import STRICT


@dataclass(frozen=True, slots=True)
class TenantRequest:
    """Body of `POST /api/v1/tenants`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class Tenant:
    """An organisation whose data never meets another's."""

    id: str
    slug: str
    name: str
    created_at: str


@dataclass(frozen=True, slots=True)
class TenantList:
    """Every tenant the caller may act for."""

    items: list[Tenant]


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """Body of `POST /api/v1/tenants/{slug}/keys`; `expires_at` None means that the key lives until it is revoked."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    name: str
    role: str
    expires_at: str | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """An API key without its secret."""

    id: str
    name: str
    role: str
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None


@dataclass(frozen=True, slots=True)
class KeyList:
    """The keys of a tenant, revoked ones too."""

    items: list[Key]


@dataclass(frozen=True, slots=True)
class MintedKey:
    """A new key; `token` is shown this once and can't be had again."""

    key: Key
    token: str


@dataclass(frozen=True, slots=True)
class Me:
    """Who is asking, and for which tenant; an instance admin names the tenant of each request itself."""

    key_id: str
    name: str
    role: str
    tenant: str
    is_instance: bool
