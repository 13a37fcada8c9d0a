"""
Tenants and their API keys in the database.

Takes a system transaction: keys are looked up before it is known whose they are.  Every change writes its ledger entry
into the tenant it belongs to, in the same transaction.  A secret leaves this module once, when it is minted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from lading import ids
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.errors import Conflict, InvalidInput, NotFound, Unauthenticated
from lading.ledger import store as ledger
from lading.ledger.entry import Actor, Entry
from lading.tenants import rules, tokens
from lading.tenants.model import INSTANCE_ID, Key, Principal, Role, Tenant

_SQL: Final = Statements(__package__ or "lading.tenants")


@dataclass(frozen=True, slots=True)
class MintedKey:
    """A new key and its token, which can't be had again."""

    key: Key
    token: str = field(repr=False)


async def create_tenant(tx: Transaction, slug: str, *, name: str, actor: Actor) -> Tenant:
    """Add a tenant; Conflict when the slug is taken."""
    rules.admit_tenant(slug, name=name)
    row = await tx.maybe(_SQL["create_tenant"], tenant_id=ids.new(), slug=slug, name=name)
    if row is None:
        raise Conflict(f"The tenant {slug!r} exists already; choose another slug.")
    tenant = _tenant(row)
    entry = Entry("tenant.created", subject=ids.show(ids.TENANT, tenant.id), actor=actor, data={"slug": slug})
    await ledger.record(tx, entry, tenant=tenant.id)
    return tenant


async def find_tenant(tx: Transaction, slug: str) -> Tenant | None:
    """Return the tenant with that slug, if there is one."""
    row = await tx.maybe(_SQL["find_tenant"], slug=slug)
    return None if row is None else _tenant(row)


async def get_tenant(tx: Transaction, tenant_id: UUID) -> Tenant:
    """Return the tenant with that id, which is known to exist."""
    return _tenant(await tx.one(_SQL["get_tenant"], tenant_id=tenant_id))


async def list_tenants(tx: Transaction) -> Sequence[Tenant]:
    """Return every tenant, by slug."""
    return [_tenant(row) for row in await tx.all(_SQL["list_tenants"])]


async def mint_key(
    tx: Transaction, tenant_id: UUID, *, name: str, role: Role, expires_at: datetime | None = None, actor: Actor
) -> MintedKey:
    """Add a key to a tenant and return its token, the only time it can be seen."""
    rules.admit_key(name, expires_at=expires_at, now=tx.now)
    token = tokens.fresh(ids.new())
    row = await tx.one(
        _SQL["mint_key"],
        tenant_id=tenant_id,
        id=token.key_id,
        name=name,
        role=role.value,
        secret_digest=token.digest,
        expires_at=expires_at,
    )
    subject = ids.show(ids.KEY, token.key_id)
    await ledger.record(
        tx, Entry("key.created", subject=subject, actor=actor, data={"role": role.value}), tenant=tenant_id
    )
    return MintedKey(_key(row), token.reveal())


async def list_keys(tx: Transaction, tenant_id: UUID) -> Sequence[Key]:
    """Return the keys of a tenant, revoked and expired ones too, oldest first."""
    return [_key(row) for row in await tx.all(_SQL["list_keys"], tenant_id=tenant_id)]


async def revoke_key(tx: Transaction, tenant_id: UUID, *, key_id: UUID, actor: Actor) -> Key:
    """Make a key worthless from now on; revoking it again changes nothing."""
    subject = ids.show(ids.KEY, key_id)
    revoked = await tx.maybe(_SQL["revoke_key"], tenant_id=tenant_id, id=key_id)
    if revoked is not None:
        await ledger.record(tx, Entry("key.revoked", subject=subject, actor=actor), tenant=tenant_id)
        return _key(revoked)
    found = await tx.maybe(_SQL["get_key"], tenant_id=tenant_id, id=key_id)
    if found is None:
        raise NotFound(f"No key {subject}; list the keys of the tenant to find it.")
    return _key(found)


async def authenticate(tx: Transaction, text: str) -> Principal:
    """Return whose token `text` is; Unauthenticated when it is nobody's any more."""
    token = tokens.parse(text)
    row = await tx.maybe(_SQL["find_key"], id=token.key_id)
    if row is None or not token.matches(bytes(row["secret_digest"])):
        raise Unauthenticated("The token is not known here; ask for a new one.")
    key = _key(row)
    if key.revoked_at is not None:
        raise Unauthenticated("The token was revoked; ask for a new one.")
    if key.expires_at is not None and key.expires_at <= tx.now:
        raise Unauthenticated("The token has expired; ask for a new one.")
    await tx.run(_SQL["touch_key"], tenant_id=key.tenant_id, id=key.id)
    return Principal(
        key_id=key.id,
        name=key.name,
        role=key.role,
        tenant_id=key.tenant_id,
        is_instance=key.tenant_id == INSTANCE_ID and key.role is Role.ADMIN,
    )


def parse_role(text: str) -> Role:
    """Return the role called `text`; InvalidInput lists them when there is none."""
    try:
        return Role(text)
    except ValueError:
        known = ", ".join(sorted(Role))
        raise InvalidInput.field("role", f"{text[:60]!r} is not a role; choose one of {known}.") from None


def _tenant(row: Row) -> Tenant:
    return Tenant(row["tenant_id"], row["slug"], row["name"], row["created_at"])


def _key(row: Row) -> Key:
    return Key(
        id=row["id"],
        tenant_id=row["tenant_id"],
        name=row["name"],
        role=Role(row["role"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        last_used_at=row["last_used_at"],
    )
