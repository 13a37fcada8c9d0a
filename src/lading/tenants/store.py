"""
Tenants and their API keys in the database.

Tenants are looked up and keys authenticated in a system transaction, before it is known whose they are; a tenant is
changed in one of its own.  Every change writes its ledger entry into the tenant it belongs to, in the same
transaction.  A secret leaves this module once, when it is minted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from lading import ids
from lading.db import versions
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.db.versions import Version
from lading.errors import Conflict, InvalidInput, LastAdmin, NotFound, Unauthenticated
from lading.ledger import store as ledger
from lading.ledger.entry import Actor, Entry, grounds
from lading.tenants import rules, tokens
from lading.tenants.model import INSTANCE_ID, Key, Principal, Role, Scope, Tenant

_SQL: Final = Statements(__package__ or "lading.tenants")
_TOUCHED_EVERY: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class MintedKey:
    """A new key and its token, which can't be had again."""

    key: Key
    token: str = field(repr=False)


# --- tenants


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


async def list_tenants(tx: Transaction, *, after: str | None = None, limit: int = 1000) -> Sequence[Tenant]:
    """Return up to `limit` tenants, by slug, those after `after`."""
    return [_tenant(row) for row in await tx.all(_SQL["list_tenants"], after=after, limit=limit)]


async def tenant_ids(tx: Transaction) -> Sequence[UUID]:
    """Return the ids of all tenants, for what is done for each of them."""
    return [row["tenant_id"] for row in await tx.all(_SQL["tenant_ids"])]


async def rename_tenant(tx: Transaction, name: str, *, actor: Actor, version: Version = None) -> Tenant:
    """Give the tenant another name for people; with `version` only that version of it."""
    rules.admit_name(name)
    stands = await _locked(tx, version)
    if stands.name == name:
        return stands
    renamed = _tenant(await tx.one(_SQL["rename_tenant"], tenant_id=tx.tenant, name=name))
    await _told(tx, "tenant.renamed", renamed, actor)
    return renamed


async def suspend_tenant(
    tx: Transaction, *, reason: str, ticket: str | None, pause_id: UUID, actor: Actor
) -> Tenant | None:
    """Let nobody of the tenant in until it is reactivated; None when it is suspended already."""
    if tx.tenant == INSTANCE_ID:
        raise Conflict("The instance itself can't be suspended: nobody could reactivate it.")
    if (await _locked(tx)).suspended_at is not None:
        return None
    row = await tx.one(_SQL["suspend_tenant"], tenant_id=tx.tenant, reason=reason, ticket=ticket, pause_id=pause_id)
    suspended = _tenant(row)
    await _told(tx, "tenant.suspended", suspended, actor, reason=reason, ticket=ticket)
    return suspended


async def reactivate_tenant(
    tx: Transaction, *, reason: str, ticket: str | None, actor: Actor
) -> tuple[Tenant, UUID | None]:
    """Let those of the tenant in again; return it, and the pause that its suspension set, None if it was active."""
    stands = await _locked(tx)
    if stands.suspended_at is None:
        return stands, None
    active = _tenant(await tx.one(_SQL["reactivate_tenant"], tenant_id=tx.tenant))
    await _told(tx, "tenant.reactivated", active, actor, reason=reason, ticket=ticket)
    return active, stands.pause_id


async def _locked(tx: Transaction, version: Version = None) -> Tenant:
    stands = _tenant(await tx.one(_SQL["lock_tenant"], tenant_id=tx.tenant))
    versions.require("The tenant", stands.version, version)
    return stands


async def _told(
    tx: Transaction, event: str, tenant: Tenant, actor: Actor, *, reason: str | None = None, ticket: str | None = None
) -> None:
    data = {} if reason is None else grounds(reason, ticket)
    await ledger.record(tx, Entry(event, ids.show(ids.TENANT, tenant.id), actor, data, tenant.version))


# --- keys


async def mint_key(
    tx: Transaction,
    tenant_id: UUID,
    *,
    name: str,
    role: Role,
    scopes: frozenset[Scope] | None = None,
    expires_at: datetime | None = None,
    replaces: UUID | None = None,
    actor: Actor,
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
        scopes=None if scopes is None else sorted(scopes),
        secret_digest=token.digest,
        expires_at=expires_at,
        created_by=actor.id,
        replaces=replaces,
    )
    subject = ids.show(ids.KEY, token.key_id)
    data = {"role": role.value, **({} if scopes is None else {"scopes": sorted(scopes)})}
    await ledger.record(tx, Entry("key.created", subject=subject, actor=actor, data=data), tenant=tenant_id)
    return MintedKey(_key(row), token.reveal())


async def list_keys(
    tx: Transaction, tenant_id: UUID, *, before: UUID | None = None, limit: int = 1000
) -> Sequence[Key]:
    """Return up to `limit` keys of a tenant, revoked and expired ones too, newest first."""
    rows = await tx.all(_SQL["list_keys"], tenant_id=tenant_id, before=before, limit=limit)
    return [_key(row) for row in rows]


async def get_key(tx: Transaction, tenant_id: UUID, *, key_id: UUID) -> Key:
    """Return one key of a tenant."""
    row = await tx.maybe(_SQL["get_key"], tenant_id=tenant_id, id=key_id)
    if row is None:
        raise NotFound(f"No key {ids.show(ids.KEY, key_id)}; list the keys of the tenant to find it.")
    return _key(row)


async def revoke_key(tx: Transaction, tenant_id: UUID, *, key_id: UUID, actor: Actor, reason: str | None = None) -> Key:
    """Make a key worthless from now on; revoking it again changes nothing, the last way in of an admin stays."""
    await require_another_admin(tx, tenant_id, than=key_id)
    revoked = await tx.maybe(_SQL["revoke_key"], tenant_id=tenant_id, id=key_id, reason=reason)
    if revoked is None:
        return await get_key(tx, tenant_id, key_id=key_id)
    entry = Entry("key.revoked", subject=ids.show(ids.KEY, key_id), actor=actor, data=grounds(reason or "", None))
    await ledger.record(tx, entry, tenant=tenant_id)
    return _key(revoked)


async def rotate_key(
    tx: Transaction, tenant_id: UUID, *, key_id: UUID, overlap_seconds: int, actor: Actor, until: datetime | None = None
) -> MintedKey:
    """Mint a key like another one, which ends after `overlap_seconds`; with an end, as long again, to `until`."""
    if not 0 <= overlap_seconds <= rules.MOST_OVERLAP_SECONDS:
        raise InvalidInput.field("overlap_seconds", f"must be 0 to {rules.MOST_OVERLAP_SECONDS} (30 days).")
    await tx.run(_SQL["lock_admins"], tenant_id=tenant_id)
    old = await get_key(tx, tenant_id, key_id=key_id)
    if old.revoked_at is not None or (old.expires_at is not None and old.expires_at <= tx.now):
        raise Conflict("The key is over; mint another one instead.")
    lasts = None if old.expires_at is None else tx.now + (old.expires_at - old.created_at)
    lasts = min((each for each in (lasts, until) if each is not None), default=None)
    minted = await mint_key(
        tx,
        tenant_id,
        name=old.name,
        role=old.role,
        scopes=old.scopes,
        expires_at=lasts,
        replaces=old.id,
        actor=actor,
    )
    ends_at = tx.now + timedelta(seconds=overlap_seconds)
    await tx.run(_SQL["expire_key"], tenant_id=tenant_id, id=old.id, expires_at=ends_at)
    data = {"by": ids.show(ids.KEY, minted.key.id), "overlap_seconds": overlap_seconds}
    await ledger.record(tx, Entry("key.rotated", ids.show(ids.KEY, old.id), actor, data), tenant=tenant_id)
    return minted


async def require_another_admin(tx: Transaction, tenant_id: UUID, *, than: UUID) -> None:
    """Raise LastAdmin when `than`, a key or a member, is the only one who can manage the tenant for long."""
    await tx.run(_SQL["lock_admins"], tenant_id=tenant_id)
    lasting = [row["id"] for row in await tx.all(_SQL["lasting_admins"], tenant_id=tenant_id)]
    if lasting == [than]:
        raise LastAdmin("Nobody else could manage this organisation; make another admin first, one that does not end.")


async def lasting_admins(tx: Transaction, tenant_id: UUID) -> int:
    """Return how many keys and members can manage the tenant for more than a day; nobody else changes that now."""
    await tx.run(_SQL["lock_admins"], tenant_id=tenant_id)
    return len(await tx.all(_SQL["lasting_admins"], tenant_id=tenant_id))


async def authenticate(tx: Transaction, text: str) -> Principal:
    """Return whose token `text` is; Unauthenticated when it is nobody's any more."""
    token = tokens.parse(text)
    row = await tx.maybe(_SQL["find_key"], id=token.key_id)
    if row is None or not token.matches(bytes(row["secret_digest"])):
        raise Unauthenticated("The token is not known here; ask for a new one.", of=_owner(row), why="unknown")
    key = _key(row)
    if key.revoked_at is not None:
        raise Unauthenticated("The token was revoked; ask for a new one.", of=_owner(row), why="revoked")
    if key.expires_at is not None and key.expires_at <= tx.now:
        raise Unauthenticated("The token has expired; ask for a new one.", of=_owner(row), why="expired")
    if key.last_used_at is None or tx.now - key.last_used_at > _TOUCHED_EVERY:
        await tx.run(_SQL["touch_key"], tenant_id=key.tenant_id, id=key.id)
    return Principal(
        id=key.id,
        name=key.name,
        role=key.role,
        tenant_id=key.tenant_id,
        is_instance=key.tenant_id == INSTANCE_ID and key.role is Role.ADMIN,
        narrowed=key.scopes,
        expires_at=key.expires_at,
    )


def _owner(row: Row | None) -> tuple[UUID, str] | None:
    return None if row is None else (row["tenant_id"], ids.show(ids.KEY, row["id"]))


def _tenant(row: Row) -> Tenant:
    return Tenant(
        id=row["tenant_id"],
        slug=row["slug"],
        name=row["name"],
        created_at=row["created_at"],
        version=row["version"],
        suspended_at=row["suspended_at"],
        suspend_reason=row["suspend_reason"],
        suspend_ticket=row["suspend_ticket"],
        pause_id=row["pause_id"],
    )


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
        scopes=None if row["scopes"] is None else frozenset(Scope(each) for each in row["scopes"]),
        created_by=row["created_by"],
        replaces=row["replaces"],
    )
