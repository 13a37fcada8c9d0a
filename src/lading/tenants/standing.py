"""
Whether who did something earlier may still do it: for what was handed out in a principal's name and is used later.

A key that was revoked or has expired, a member that was removed or whose provider is believed no more, a suspended
tenant: none of them stands any more.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from lading.db.database import Database
from lading.errors import NotFound
from lading.tenants import members, providers, store
from lading.tenants.model import INSTANCE_ID, Principal, Role


async def of(
    database: Database, tenant_id: UUID, *, kind: Literal["key", "member"], principal_id: UUID
) -> Principal | None:
    """Return the principal as it is now, with the role and scopes it has now; None when it is let in no more."""
    async with database.system() as tx:
        if (await store.get_tenant(tx, tenant_id)).suspended_at is not None:
            return None
    try:
        found = await (
            _key(database, tenant_id, principal_id) if kind == "key" else _member(database, tenant_id, principal_id)
        )
    except NotFound:
        return None
    return found


async def _key(database: Database, tenant_id: UUID, key_id: UUID) -> Principal | None:
    async with database.system() as tx:
        key, now = await store.get_key(tx, tenant_id, key_id=key_id), tx.now
    if key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= now):
        return None
    is_instance = tenant_id == INSTANCE_ID and key.role is Role.ADMIN
    return Principal(key.id, key.name, key.role, tenant_id, is_instance, key.scopes, expires_at=key.expires_at)


async def _member(database: Database, tenant_id: UUID, member_id: UUID) -> Principal | None:
    async with database.tenant(tenant_id) as tx:
        member = await members.get(tx, member_id)
        is_believed = any(each.issuer == member.issuer for each in await providers.every(tx))
    if member.removed_at is not None or not is_believed:
        return None
    is_instance = tenant_id == INSTANCE_ID and member.role is Role.ADMIN
    return Principal(member.id, member.name or "", member.role, tenant_id, is_instance, kind="member")
