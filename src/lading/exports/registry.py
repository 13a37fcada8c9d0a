"""
Profiles in the database: numbered revisions that never change, one of them active.

A document is parsed before it is stored, so what is stored can be used.  The same document twice is one revision.
Each revision and each activation is a ledger entry in the caller's transaction; nothing here commits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from psycopg.types.json import Jsonb

from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.errors import Conflict, NotFound
from lading.exports import activations
from lading.exports import profile as profiles
from lading.ledger.entry import Actor, Entry
from lading.ledger.store import record

_STATEMENTS: Final = Statements("lading.exports")
_LARGEST: Final = (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision; `digest` is the SHA-256 of the canonical document, which lists leave out."""

    name: str
    revision: int
    digest: bytes
    is_active: bool
    created_at: datetime
    created_by: str
    document: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Summary:
    """One profile; `active_revision` None means that no export can be asked of it yet."""

    name: str
    active_revision: int | None
    latest_revision: int


async def put(tx: Transaction, document: Mapping[str, Any], *, actor: Actor, activate: bool = False) -> Revision:
    """Return the revision that holds `document`, stored now unless it was before; ProfileInvalid names each fault."""
    name, digest = profiles.parse(document).name, profiles.digest(document)
    await tx.one(_STATEMENTS["profile_lock"], tenant_id=tx.tenant, name=name)
    known = await tx.maybe(_STATEMENTS["profile_find"], tenant_id=tx.tenant, name=name, digest=digest)
    number = await _add(tx, name, document, digest, actor) if known is None else int(known["revision"])
    if activate:
        return await activate_revision(tx, name, number, actor=actor)
    return await get(tx, name, number)


async def get(tx: Transaction, name: str, revision: int | None = None) -> Revision:
    """Return one revision with its document; None means the active one."""
    if revision is not None and not 0 < revision <= _LARGEST:
        raise _no_revision(name, revision)
    row = await tx.maybe(_STATEMENTS["profile_get"], tenant_id=tx.tenant, name=name, revision=revision)
    if row is None:
        raise _no_revision(name, revision)
    return _revision(row)


async def activate_revision(
    tx: Transaction,
    name: str,
    revision: int,
    *,
    actor: Actor,
    is_rollback: bool = False,
    reason: str | None = None,
    ticket: str | None = None,
) -> Revision:
    """Make `revision` the one that exports use, and return it; nothing is recorded if it already is."""
    found = await get(tx, name, revision)
    row = await tx.maybe(_STATEMENTS["profile_activate"], tenant_id=tx.tenant, name=name, revision=revision)
    if row is None:
        return found
    version = int(row["version"])
    await activations.add(
        tx, name, revision, version=version, by=actor.id, is_rollback=is_rollback, reason=reason, ticket=ticket
    )
    data: dict[str, Any] = {"digest": found.digest.hex(), "revision": revision}
    event = "profile.rolled_back" if is_rollback else "profile.activated"
    data |= {"ticket": ticket} if ticket else {}
    await record(tx, Entry(event, f"profile:{name}", actor, data, version))
    return await get(tx, name, revision)


async def rollback(tx: Transaction, name: str, *, actor: Actor, reason: str, ticket: str | None = None) -> Revision:
    """Make the revision that was active before the one that is; Conflict if there was none."""
    await get(tx, name)
    await tx.one(_STATEMENTS["profile_lock"], tenant_id=tx.tenant, name=name)
    steps = [(each.revision, each.is_rollback) for each in reversed(await activations.spans(tx, name))]
    earlier = activations.before(steps)
    if earlier is None:
        raise Conflict(
            f"No other revision of {name} was active before; `lading profiles activate {name} N` chooses any."
        )
    return await activate_revision(tx, name, earlier, actor=actor, is_rollback=True, reason=reason, ticket=ticket)


async def profiles_of(tx: Transaction) -> Sequence[Summary]:
    """Return every profile of the tenant, by name."""
    rows = await tx.all(_STATEMENTS["profile_list"], tenant_id=tx.tenant)
    return [Summary(row["name"], row["active_revision"], row["latest_revision"]) for row in rows]


async def active_sources(tx: Transaction) -> Mapping[str, str]:
    """Return profile → source of the active revisions."""
    rows = await tx.all(_STATEMENTS["profile_sources"], tenant_id=tx.tenant)
    return {row["name"]: row["source"] for row in rows}


async def history(tx: Transaction, name: str) -> Sequence[Revision]:
    """Return the revisions of a profile, newest first and without documents."""
    rows = await tx.all(_STATEMENTS["profile_history"], tenant_id=tx.tenant, name=name)
    if not rows:
        raise _no_revision(name, None)
    return [_revision(row) for row in rows]


async def _add(tx: Transaction, name: str, document: Mapping[str, Any], digest: bytes, actor: Actor) -> int:
    row = await tx.one(
        _STATEMENTS["profile_add"],
        tenant_id=tx.tenant,
        name=name,
        document=Jsonb(dict(document)),
        digest=digest,
        created_by=actor.id,
    )
    data = {"digest": digest.hex(), "revision": int(row["revision"])}
    await record(tx, Entry("profile.revised", f"profile:{name}", actor, data, int(row["version"])))
    return int(row["revision"])


def _no_revision(name: str, revision: int | None) -> NotFound:
    if revision is None:
        return NotFound(f"There is no profile {name[:60]!r} with an active revision; see `lading profiles list`.")
    return NotFound(
        f"Profile {name[:60]!r} has no revision {revision}; see `lading profiles show {name[:60]} --revisions`."
    )


def _revision(row: Row) -> Revision:
    return Revision(
        name=row["name"],
        revision=row["revision"],
        digest=bytes(row["digest"]),
        is_active=row["is_active"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        document=row.get("document", {}),
    )
