"""
The people of a tenant: invited, named, changed, removed; in the tenant's own transaction.

Each change holds from the next request on: nothing about a person is remembered between requests.  The ledger knows
a member by id; e-mail and name are only here, and go when the member is removed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import psycopg

from lading import ids
from lading.canonical import Json
from lading.db import versions
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.db.versions import Version
from lading.errors import Conflict, InvalidInput, NotFound
from lading.ledger import commitments
from lading.ledger import store as ledger
from lading.ledger.entry import Actor, Entry, Private, grounds
from lading.tenants import rules, store
from lading.tenants.model import Member, Role

_SQL: Final = Statements(__package__ or "lading.tenants")
_TAKEN: Final = "The organisation has this person already; list its members to find them."


async def add(
    tx: Transaction,
    *,
    issuer: str | None,
    subject: str | None,
    email: str | None,
    name: str | None,
    role: Role,
    actor: Actor,
) -> Member:
    """Name a person by issuer and subject, or invite one by e-mail; Conflict when the tenant has that person."""
    folded = _admitted(issuer, subject, email, name)
    if folded is not None and await tx.maybe(_SQL["has_email"], tenant_id=tx.tenant, email=folded) is not None:
        raise Conflict(_TAKEN)
    try:
        row = await tx.maybe(
            _SQL["add_member"],
            tenant_id=tx.tenant,
            id=ids.new(),
            issuer=issuer,
            subject=subject,
            email=folded,
            name=name,
            role=role.value,
            is_claimed=False,
            created_by=actor.id,
        )
    except psycopg.errors.UniqueViolation:
        raise Conflict(_TAKEN) from None
    if row is None:
        raise Conflict(_TAKEN)
    added = member(row)
    data = {"role": role.value, "how": "email" if subject is None else "subject", **_who(added)}
    await ledger.record(tx, Entry("member.added", subject_of(added), actor, data, added.version))
    return added


async def page(tx: Transaction, *, removed: bool, before: UUID | None, limit: int) -> Sequence[Member]:
    """Return up to `limit` members, newest first; those who were removed, or all others."""
    rows = await tx.all(_SQL["list_members"], tenant_id=tx.tenant, removed=removed, before=before, limit=limit)
    return [member(row) for row in rows]


async def get(tx: Transaction, member_id: UUID) -> Member:
    """Return one member, removed ones too."""
    row = await tx.maybe(_SQL["get_member"], tenant_id=tx.tenant, id=member_id)
    if row is None:
        raise _missing(member_id)
    return member(row)


async def change(
    tx: Transaction, member_id: UUID, *, role: Role, name: str | None, version: Version, actor: Actor
) -> Member:
    """Give a member a role and a name; from now on no claim changes them."""
    if name is not None:
        rules.admit_name(name)
    stands = await _locked(tx, member_id, version)
    if stands.removed_at is not None:
        raise Conflict("This person was removed; add them again to let them in.")
    if (stands.role, stands.name, stands.is_claimed) == (role, name, False):
        return stands
    if role is not Role.ADMIN:
        await store.require_another_admin(tx, tx.tenant, than=member_id)
    row = await tx.one(_SQL["change_member"], tenant_id=tx.tenant, id=member_id, role=role.value, name=name)
    changed = member(row)
    data = {"role": role.value, "was": stands.role.value, **_who(changed)}
    await ledger.record(tx, Entry("member.changed", subject_of(changed), actor, data, changed.version))
    return changed


async def remove(
    tx: Transaction, member_id: UUID, *, reason: str, ticket: str | None, version: Version, actor: Actor
) -> None:
    """Let a member in no more, from the next request on, whatever their token says; doing it again changes nothing."""
    stands = await _locked(tx, member_id, version)
    if stands.removed_at is not None:
        return
    await store.require_another_admin(tx, tx.tenant, than=member_id)
    removed = member(await tx.one(_SQL["remove_member"], tenant_id=tx.tenant, id=member_id))
    await commitments.forget(tx, subject_of(removed))
    data = grounds(reason, ticket)
    await ledger.record(tx, Entry("member.removed", subject_of(removed), actor, data, removed.version))


def _who(found: Member) -> dict[str, Json]:
    """Return how the ledger may call a member until that is erased."""
    about = subject_of(found)
    told = {"name": found.name, "email": found.email}
    return {name: Private(words, about) for name, words in told.items() if words}


def subject_of(found: Member) -> str:
    """Return the name under which the ledger knows a member."""
    return ids.show(ids.MEMBER, found.id)


def member(row: Row) -> Member:
    """Return the member of a row."""
    return Member(**{name: row[name] for name in Member.__slots__ if name != "role"}, role=Role(row["role"]))


def _admitted(issuer: str | None, subject: str | None, email: str | None, name: str | None) -> str | None:
    if name is not None:
        rules.admit_name(name)
    if (issuer is None) != (subject is None):
        raise InvalidInput.field("subject", "goes with the issuer: give both, or an e-mail address alone.")
    if issuer is not None and subject is not None:
        rules.admit_person(issuer, subject)
    if email is None:
        if subject is None:
            raise InvalidInput.field("email", "is required for whom no issuer and subject are given.")
        return None
    return rules.admit_email(email)


async def _locked(tx: Transaction, member_id: UUID, version: Version) -> Member:
    row = await tx.maybe(_SQL["lock_member"], tenant_id=tx.tenant, id=member_id)
    if row is None:
        raise _missing(member_id)
    stands = member(row)
    versions.require("The member", stands.version, version)
    return stands


def _missing(member_id: UUID) -> NotFound:
    return NotFound(f"No member {ids.show(ids.MEMBER, member_id)}; list the members of the tenant to find them.")
