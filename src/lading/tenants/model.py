"""
Who owns, who asks, and what a role may do.

A principal is known by its API key, or is a member whose token a trusted identity provider signed.  A role is a set of
scopes; a key may be narrowed to some of them.  Which scope a route asks for is declared route by route in `api`;
nothing is allowed that no route declares.  The tenant `instance` owns the keys and members of the people who run this
installation: its admins may act for every tenant, everybody else for their own tenant alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal
from uuid import UUID

from lading import ids
from lading.ledger.entry import Actor

INSTANCE_ID: Final = UUID("00000000-0000-7000-8000-000000000000")
INSTANCE_SLUG: Final = "instance"


class Role(StrEnum):
    """What a key or a member is for."""

    VIEWER = "viewer"
    REQUESTER = "requester"
    OPERATOR = "operator"
    QUOTA = "quota"
    AUDITOR = "auditor"
    ADMIN = "admin"
    WORKER = "worker"


class Scope(StrEnum):
    """One thing that a role may do; a route asks for one, or for any of some."""

    READ = "read"
    EXPORT = "export"
    DOWNLOAD = "download"
    OPERATE = "operate"
    BACKFILL = "backfill"
    QUOTA = "quota"
    AUDIT = "audit"
    ADMIN = "admin"
    WORKER = "worker"


RIGHTS: Final[Mapping[Role, frozenset[Scope]]] = MappingProxyType(
    {
        Role.VIEWER: frozenset({Scope.READ}),
        Role.REQUESTER: frozenset({Scope.READ, Scope.EXPORT, Scope.DOWNLOAD}),
        Role.OPERATOR: frozenset({Scope.READ, Scope.EXPORT, Scope.DOWNLOAD, Scope.OPERATE, Scope.BACKFILL}),
        Role.QUOTA: frozenset({Scope.QUOTA}),
        Role.AUDITOR: frozenset({Scope.READ, Scope.DOWNLOAD, Scope.AUDIT}),
        Role.ADMIN: frozenset(Scope) - {Scope.WORKER},
        Role.WORKER: frozenset({Scope.WORKER}),
    }
)
"""What each role may do."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """An organisation whose data never meets another's; while it is suspended nobody of it is let in."""

    id: UUID
    slug: str
    name: str
    created_at: datetime
    version: int = 1
    suspended_at: datetime | None = None
    suspend_reason: str | None = None
    suspend_ticket: str | None = None
    pause_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """An API key without its secret; `scopes` None means all of its role, `replaces` is whom it was made after."""

    id: UUID
    tenant_id: UUID
    name: str
    role: Role
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    scopes: frozenset[Scope] | None = None
    created_by: str = ""
    replaces: UUID | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """
    A person of a tenant, known by issuer and subject once they came, by e-mail before.

    Of a member with `is_claimed` the provider's claims decide the role at every request; `role` is what they last said.
    """

    id: UUID
    tenant_id: UUID
    issuer: str | None
    subject: str | None
    email: str | None
    name: str | None
    role: Role
    is_claimed: bool
    version: int
    created_by: str
    created_at: datetime
    joined_at: datetime | None
    last_seen_at: datetime | None
    removed_at: datetime | None


@dataclass(frozen=True, slots=True)
class RoleRule:
    """Who has `value` in (or as) the claim called `claim` has the role."""

    claim: str
    value: str
    role: Role


@dataclass(frozen=True, slots=True)
class Provider:
    """
    An OpenID provider whose tokens for `audience` are believed, for one tenant.

    Tokens must carry every claim of `require`; the first of `roles` that fits is the role of who was not named a
    member.
    """

    tenant_id: UUID
    name: str
    issuer: str
    audience: str
    require: Mapping[str, str]
    roles: Sequence[RoleRule]
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking; `narrowed` None means all that the role may."""

    id: UUID
    name: str
    role: Role
    tenant_id: UUID
    is_instance: bool
    narrowed: frozenset[Scope] | None = None
    kind: Literal["key", "member"] = "key"
    expires_at: datetime | None = None

    @property
    def scopes(self) -> frozenset[Scope]:
        """Return what this principal may do: never more than its role."""
        return effective(self.role, self.narrowed)

    @property
    def shown_id(self) -> str:
        """Return the outer form of its id."""
        return ids.show(ids.KEY if self.kind == "key" else ids.MEMBER, self.id)

    @property
    def actor(self) -> Actor:
        """Return the name under which the ledger knows this principal."""
        return Actor(self.kind, self.shown_id, self.role.value)


def effective(role: Role, narrowed: frozenset[Scope] | None) -> frozenset[Scope]:
    """
    Return the scopes of a role that is narrowed to some.

    >>> effective(Role.QUOTA, None), effective(Role.VIEWER, frozenset({Scope.ADMIN}))
    (frozenset({<Scope.QUOTA: 'quota'>}), frozenset())
    """
    return RIGHTS[role] if narrowed is None else RIGHTS[role] & narrowed


def may_hand_out(holder: frozenset[Scope], wanted: frozenset[Scope]) -> bool:
    """
    Tell whether who has `holder` may give `wanted` to another: nothing it has not itself, but for work by machines.

    >>> admin = RIGHTS[Role.ADMIN]
    >>> may_hand_out(admin, RIGHTS[Role.WORKER]), may_hand_out(frozenset({Scope.ADMIN}), RIGHTS[Role.VIEWER])
    (True, False)
    """
    return wanted <= holder | ({Scope.WORKER} if Scope.ADMIN in holder else set())
