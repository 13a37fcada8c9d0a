"""
The identity providers that a tenant believes, in the tenant's own transaction.

What a provider's tokens give is bounded by who registered it: nobody hands out more than they have (`rules`).  Whose
tokens are believed is for admins whose key is not narrowed: an invitation is taken by whom any of them vouches for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Final

from lading import canonical
from lading.db import versions
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.db.versions import Version
from lading.errors import Conflict, LastAdmin, NotFound
from lading.ledger import store as ledger
from lading.ledger.entry import Actor, Entry, grounds
from lading.tenants import rules, store
from lading.tenants.model import RIGHTS, Principal, Provider, Role, RoleRule

_SQL: Final = Statements(__package__ or "lading.tenants")
_MOST: Final = 100


async def every(tx: Transaction) -> Sequence[Provider]:
    """Return the providers of the tenant, by name."""
    return [_provider(row) for row in await tx.all(_SQL["list_providers"], tenant_id=tx.tenant)]


async def get(tx: Transaction, name: str) -> Provider:
    """Return one provider."""
    row = await tx.maybe(_SQL["get_provider"], tenant_id=tx.tenant, name=name)
    if row is None:
        raise NotFound(f"No identity provider {name[:63]!r}; list them to find it.")
    return _provider(row)


async def put(
    tx: Transaction,
    name: str,
    *,
    issuer: str,
    audience: str,
    require: Mapping[str, str],
    roles: Sequence[tuple[str, str, str]],
    version: Version,
    principal: Principal,
) -> Provider:
    """Believe a provider, or change what its claims give; `roles` are claim, value and role."""
    rules.admit_provider(name, issuer=issuer, audience=audience, require=require, roles=roles)
    for number, (_, _, role) in enumerate(roles):
        rules.admit_grant(principal.scopes, RIGHTS[Role(role)], field=f"roles.{number}.role")
    before = await store.lasting_admins(tx, tx.tenant)
    found = {each.name: each for each in await every(tx)}
    was = found.get(name)
    if was is not None:
        versions.require(f"Identity provider {name}", was.version, version)
    elif not versions.may_be_new(version):
        await get(tx, name)  # which says that there is none
    if was is None or (was.issuer, was.audience, was.require) != (issuer, audience, require):
        # Whoever says whose tokens are believed can become anybody who was invited.
        rules.admit_grant(principal.scopes, RIGHTS[Role.ADMIN], field="issuer")
    if name not in found and len(found) >= _MOST:
        raise Conflict(f"There are {_MOST} identity providers already; delete one first.")
    if await tx.maybe(_SQL["same_provider"], tenant_id=tx.tenant, issuer=issuer, audience=audience, name=name):
        raise Conflict("This issuer is believed for this audience under another name; change that one.")
    told = [{"claim": claim, "value": value, "role": role} for claim, value, role in roles]
    row = await tx.one(
        _SQL["put_provider"],
        tenant_id=tx.tenant,
        name=name,
        issuer=issuer,
        audience=audience,
        require=json.dumps(dict(require)),
        roles=json.dumps(told),
    )
    stands = _provider(row)
    versions.require_made(f"Identity provider {name}", stands.version, version)
    await _require_admins(tx, before)
    given = {"roles": sorted({role for _, _, role in roles}), "rules": len(roles)}
    whole = {"issuer": issuer, "audience": audience, "require": dict(require), "roles": told}
    digest = hashlib.sha256(canonical.encode(whole)).hexdigest()
    entry = Entry(
        "identity_provider.set", subject_of(name), principal.actor, {**given, "sha256": digest}, stands.version
    )
    await ledger.record(tx, entry)
    return stands


async def delete(
    tx: Transaction, name: str, *, reason: str, ticket: str | None, version: Version, actor: Actor
) -> None:
    """Believe a provider no more: its tokens let nobody in from the next request on."""
    before = await store.lasting_admins(tx, tx.tenant)
    versions.require(f"Identity provider {name}", (await get(tx, name)).version, version)
    await tx.run(_SQL["delete_provider"], tenant_id=tx.tenant, name=name)
    await _require_admins(tx, before)
    await ledger.record(tx, Entry("identity_provider.deleted", subject_of(name), actor, grounds(reason, ticket)))


async def of_issuer(tx: Transaction, issuer: str) -> Sequence[Provider]:
    """Return who believes `issuer`, over all tenants; takes a system transaction."""
    return [_provider(row) for row in await tx.all(_SQL["providers_of_issuer"], issuer=issuer)]


def subject_of(name: str) -> str:
    """Return the name under which the ledger knows a provider."""
    return f"provider:{name}"


async def _require_admins(tx: Transaction, before: int) -> None:
    if before and not await store.lasting_admins(tx, tx.tenant):
        raise LastAdmin("All admins of this organisation come by this provider; mint an admin key first.")


def _provider(row: Row) -> Provider:
    return Provider(
        tenant_id=row["tenant_id"],
        name=row["name"],
        issuer=row["issuer"],
        audience=row["audience"],
        require=row["require"],
        roles=[RoleRule(each["claim"], each["value"], Role(each["role"])) for each in row["roles"]],
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
