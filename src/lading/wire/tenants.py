"""
JSON shapes of tenants, keys, members and identity providers in API v1.

See `exports` for the rules all shapes follow.  Of a key the secret is in `MintedKey` alone, of a person only what its
tenant's admins may see.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from lading.wire.exports import STRICT


@dataclass(frozen=True, slots=True)
class TenantRequest:
    """Body of `POST /api/v1/tenants`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class TenantChange:
    """Body of `PUT /api/v1/tenants/{slug}`: what people are shown; the slug stays."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    name: str


@dataclass(frozen=True, slots=True)
class Tenant:
    """An organisation whose data never meets another's; `version` counts its changes and is its ETag."""

    id: str
    slug: str
    name: str
    created_at: str
    version: int = 1
    suspended_at: str | None = None
    suspend_reason: str | None = None
    suspend_ticket: str | None = None


@dataclass(frozen=True, slots=True)
class TenantList:
    """One page of the tenants, by slug; without `next_cursor` it was the last."""

    items: list[Tenant]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """
    Body of `POST /api/v1/keys`.

    `scopes` narrows the key to some of what its role may; `expires_at` None means that it lives until it is revoked.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    name: str
    role: str
    expires_at: str | None = None
    scopes: list[str] | None = None


@dataclass(frozen=True, slots=True)
class RotationRequest:
    """Body of `POST /api/v1/keys/{key_id}/rotate`: for how long the old key is good beside the new one."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    overlap_seconds: int = 86_400


@dataclass(frozen=True, slots=True)
class RevocationRequest:
    """Body of `DELETE /api/v1/keys/{key_id}`; may be left out."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """An API key without its secret; `scopes` is what it may, `replaces` the key it was made after."""

    id: str
    name: str
    role: str
    scopes: list[str]
    created_at: str
    created_by: str
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None
    replaces: str | None


@dataclass(frozen=True, slots=True)
class KeyList:
    """One page of the keys of a tenant, revoked ones too, newest first; without `next_cursor` it was the last."""

    items: list[Key]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class MintedKey:
    """A new key; `token` is shown this once and can't be had again."""

    key: Key
    token: str


@dataclass(frozen=True, slots=True)
class MemberRequest:
    """Body of `POST /api/v1/members`: a person by issuer and subject, or by an e-mail address that waits for them."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    role: str
    email: str | None = None
    issuer: str | None = None
    subject: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class MemberChange:
    """Body of `PUT /api/v1/members/{member_id}`: from then on no claim changes the role."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    role: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """
    A person of a tenant; `state` is invited, active or removed.

    With `is_claimed` the provider's claims decide the role at every request.
    """

    id: str
    state: str
    role: str
    scopes: list[str]
    is_claimed: bool
    name: str | None
    email: str | None
    issuer: str | None
    subject: str | None
    created_by: str
    created_at: str
    joined_at: str | None
    last_seen_at: str | None
    removed_at: str | None
    version: int


@dataclass(frozen=True, slots=True)
class MemberList:
    """One page of the members of a tenant, newest first; without `next_cursor` it was the last."""

    items: list[Member]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class RoleRule:
    """Who has `value` in the claim called `claim` (dots lead into objects) gets the role."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    claim: str
    value: str
    role: str


@dataclass(frozen=True, slots=True)
class ProviderRequest:
    """
    Body of `PUT /api/v1/identity-providers/{name}`.

    Tokens must be issued by `issuer` for `audience` and carry every claim of `require`; the first of `roles` that fits
    is the role of who is no member yet.  Without rules only people who were invited or named come in.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    issuer: str
    audience: str
    require: dict[str, str] = field(default_factory=dict[str, str])
    roles: list[RoleRule] = field(default_factory=list[RoleRule])


@dataclass(frozen=True, slots=True)
class Provider:
    """An OpenID provider whose tokens a tenant believes; `version` counts its changes and is its ETag."""

    name: str
    issuer: str
    audience: str
    require: dict[str, str]
    roles: list[RoleRule]
    created_at: str
    updated_at: str
    version: int


@dataclass(frozen=True, slots=True)
class ProviderList:
    """The identity providers of a tenant, by name: a hundred at most."""

    items: list[Provider]


@dataclass(frozen=True, slots=True)
class Me:
    """Who is asking, for which tenant, and what they may; an admin of the instance names the tenant of each request."""

    id: str
    kind: str
    name: str
    role: str
    scopes: list[str]
    tenant: str
    is_instance: bool
    expires_at: str | None
