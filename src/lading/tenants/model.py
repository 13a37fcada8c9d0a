"""
Who owns, who asks, and what a role is called.

A principal is known by its API key.  What a role may do is declared route by route in `api`; nothing is allowed that
no route declares.  The tenant `instance` owns the keys of the people who run this installation: its admins may act
for every tenant, the keys of all others for their own tenant alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from lading import ids
from lading.ledger.entry import Actor

INSTANCE_ID: Final = UUID("00000000-0000-7000-8000-000000000000")
INSTANCE_SLUG: Final = "instance"


class Role(StrEnum):
    """What a key is for."""

    VIEWER = "viewer"
    REQUESTER = "requester"
    OPERATOR = "operator"
    QUOTA = "quota"
    AUDITOR = "auditor"
    ADMIN = "admin"
    WORKER = "worker"


@dataclass(frozen=True, slots=True)
class Tenant:
    """An organisation whose data never meets another's."""

    id: UUID
    slug: str
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Key:
    """An API key without its secret."""

    id: UUID
    tenant_id: UUID
    name: str
    role: Role
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking."""

    key_id: UUID
    name: str
    role: Role
    tenant_id: UUID
    is_instance: bool

    @property
    def actor(self) -> Actor:
        """Return the name under which the ledger knows this principal."""
        return Actor("key", ids.show(ids.KEY, self.key_id))
