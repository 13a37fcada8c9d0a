"""
Policies in the database: numbered revisions that never change, one of them active, or none.

Like profiles (`registry`), with two differences: a policy can be switched off, and all that are active count at once.
Each revision and each activation is a ledger entry in the caller's transaction; nothing here commits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from psycopg.types.json import Jsonb

from lading.db import versions
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.db.versions import Version
from lading.errors import Conflict, NotFound
from lading.exports import activations, document, policy
from lading.exports.activations import Activation
from lading.exports.policy import Policy
from lading.ledger.entry import Actor, Entry, grounds
from lading.ledger.store import record

_SQL: Final = Statements("lading.exports")
_LARGEST: Final = (1 << 31) - 1
MOST_POLICIES: Final = 200
MOST_ACTIVE: Final = 20
MOST_REVISIONS: Final = 1000
_MOST_PARSED: Final = 512
# By digest: what was found right once is so for every tenant, and every export is judged.
_PARSED: Final[dict[tuple[bytes, int], Policy]] = {}


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision; `version` is the policy's, which every change raises.  Lists leave out the document."""

    name: str
    revision: int
    digest: bytes
    is_active: bool
    version: int
    created_at: datetime
    created_by: str
    document: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Summary:
    """One policy; of one that is switched off, or was never on, `active_revision` is None."""

    name: str
    title: str | None
    active_revision: int | None
    latest_revision: int
    version: int


async def put(
    tx: Transaction,
    given: Mapping[str, Any],
    *,
    actor: Actor,
    activate: bool = False,
    if_version: Version = None,
) -> Revision:
    """Return the revision that holds `given`, stored now unless it was before; PolicyInvalid names each fault."""
    name, digest = policy.parse(given).name, document.digest(dict(given))
    counted = await tx.one(_SQL["policy_count"], tenant_id=tx.tenant)
    version = int((await tx.one(_SQL["policy_lock"], tenant_id=tx.tenant, name=name))["version"])
    if version == 0 and counted["known"] >= MOST_POLICIES:
        raise Conflict(f"There are {MOST_POLICIES} policies already; put more rules into one of them.")
    _require(name, version, if_version)
    known = await tx.maybe(_SQL["policy_find"], tenant_id=tx.tenant, name=name, digest=digest)
    number = await _add(tx, name, given, digest, actor) if known is None else int(known["revision"])
    if activate:
        return await activate_revision(tx, name, number, actor=actor)
    return await get(tx, name, number)


async def get(tx: Transaction, name: str, revision: int | None = None) -> Revision:
    """Return one revision with its document; None means the active one, or the newest of one that is switched off."""
    if revision is None or 0 < revision <= _LARGEST:
        row = await tx.maybe(_SQL["policy_get"], tenant_id=tx.tenant, name=name, revision=revision)
        if row is not None:
            return _revision(row)
    if revision is None:
        newest = (await history(tx, name, limit=1))[0]
        return await get(tx, name, newest.revision)
    raise NotFound(
        f"Policy {name[:60]!r} has no revision {revision}; see `lading policies show {name[:60]} --revisions`."
    )


async def active(tx: Transaction) -> Sequence[Policy]:
    """Return what exports are judged by, by name."""
    rows = await tx.all(_SQL["policy_active"], tenant_id=tx.tenant)
    return [_parsed(row) for row in rows]


async def activate_revision(
    tx: Transaction,
    name: str,
    revision: int,
    *,
    actor: Actor,
    is_rollback: bool = False,
    reason: str = "",
    ticket: str | None = None,
    if_version: Version = None,
) -> Revision:
    """Let exports be judged by `revision` from now on, and return it; nothing is recorded if they are already."""
    found = await get(tx, name, revision)
    stands = await tx.one(_SQL["policy_lock"], tenant_id=tx.tenant, name=name)
    _require(name, int(stands["version"]), if_version)
    data = {"digest": found.digest.hex(), "revision": revision, **grounds(reason, ticket)}
    event = "policy.rolled_back" if is_rollback else "policy.activated"
    changed = await _turn(
        tx,
        name,
        revision,
        Entry(event, _about(name), actor, data),
        reason=reason,
        ticket=ticket,
        is_rollback=is_rollback,
    )
    counted = await tx.one(_SQL["policy_count"], tenant_id=tx.tenant)
    if changed and counted["active"] > MOST_ACTIVE:
        raise Conflict(f"{MOST_ACTIVE} policies are active already; switch one off, or put the rules into one of them.")
    return await get(tx, name, revision)


async def deactivate(
    tx: Transaction, name: str, *, actor: Actor, reason: str, ticket: str | None = None, if_version: Version = None
) -> Revision:
    """Judge exports by this policy no more; Conflict when they are not."""
    await history(tx, name, limit=1)
    stands = await tx.one(_SQL["policy_lock"], tenant_id=tx.tenant, name=name)
    _require(name, int(stands["version"]), if_version)
    entry = Entry("policy.deactivated", _about(name), actor, grounds(reason, ticket))
    if not await _turn(tx, name, None, entry, reason=reason, ticket=ticket):
        raise Conflict(f"Policy {name} is switched off already; there is nothing to do.")
    return await get(tx, name)


async def rollback(tx: Transaction, name: str, *, actor: Actor, reason: str, ticket: str | None = None) -> Revision:
    """Go back to what was before: another revision, or none; Conflict if there was nothing before."""
    await history(tx, name, limit=1)
    await tx.one(_SQL["policy_lock"], tenant_id=tx.tenant, name=name)
    steps = [(each.revision, each.is_rollback) for each in reversed(await spans(tx, name))]
    earlier = activations.before(steps)
    if earlier is None:
        raise Conflict(f"Nothing of {name} was active before; `lading policies activate {name} N` chooses a revision.")
    if earlier:
        return await activate_revision(tx, name, earlier, actor=actor, is_rollback=True, reason=reason, ticket=ticket)
    entry = Entry("policy.rolled_back", _about(name), actor, grounds(reason, ticket))
    await _turn(tx, name, None, entry, reason=reason, ticket=ticket, is_rollback=True)
    return await get(tx, name)


async def spans(tx: Transaction, name: str, *, limit: int = activations.MOST) -> Sequence[Activation]:
    """Return the newest `limit` activations, newest first; the revision 0 is that it was switched off."""
    rows = await tx.all(_SQL["policy_activations"], tenant_id=tx.tenant, name=name, limit=limit)
    told: Sequence[dict[str, Any]] = [{**row, "revision": row["revision"] or 0} for row in rows]
    return [Activation(**each) for each in told]


async def page(tx: Transaction, *, after: str | None, limit: int) -> Sequence[Summary]:
    """Return up to `limit` policies of the tenant, by name."""
    rows = await tx.all(_SQL["policy_list"], tenant_id=tx.tenant, after=after, limit=limit)
    return [Summary(**{name: row[name] for name in Summary.__slots__}) for row in rows]


async def history(tx: Transaction, name: str, *, limit: int = MOST_REVISIONS) -> Sequence[Revision]:
    """Return the newest revisions of a policy, newest first and without documents."""
    rows = await tx.all(_SQL["policy_history"], tenant_id=tx.tenant, name=name, limit=limit)
    if not rows:
        raise NotFound(f"There is no policy {name[:60]!r}; see `lading policies list`.")
    return [_revision(row) for row in rows]


async def _turn(
    tx: Transaction,
    name: str,
    revision: int | None,
    entry: Entry,
    *,
    reason: str,
    ticket: str | None,
    is_rollback: bool = False,
) -> bool:
    row = await tx.maybe(_SQL["policy_activate"], tenant_id=tx.tenant, name=name, revision=revision)
    if row is None:
        return False
    version = int(row["version"])
    await tx.run(
        _SQL["policy_activated"],
        tenant_id=tx.tenant,
        name=name,
        revision=revision,
        version=version,
        is_rollback=is_rollback,
        activated_by=entry.actor.id,
        reason=reason or None,
        ticket=ticket,
    )
    await record(tx, replace(entry, rev=version))
    return True


async def _add(tx: Transaction, name: str, given: Mapping[str, Any], digest: bytes, actor: Actor) -> int:
    row = await tx.one(
        _SQL["policy_add"],
        tenant_id=tx.tenant,
        name=name,
        document=Jsonb(dict(given)),
        digest=digest,
        created_by=actor.id,
    )
    number = int(row["revision"])
    data = {"digest": digest.hex(), "revision": number}
    await record(tx, Entry("policy.revised", _about(name), actor, data, int(row["version"])))
    return number


def _require(name: str, version: int, wanted: Version) -> None:
    if version:
        versions.require(f"Policy {name}", version, wanted)
    elif not versions.may_be_new(wanted):
        raise NotFound(f"There is no policy {name[:60]!r}; list them to find it.")


def _about(name: str) -> str:
    return f"policy:{name}"


def _parsed(row: Row) -> Policy:
    key = bytes(row["digest"]), int(row["revision"])
    found = _PARSED.get(key)
    if found is None:
        if len(_PARSED) >= _MOST_PARSED:
            _PARSED.clear()
        found = _PARSED[key] = policy.parse(row["document"], revision=row["revision"])
    return found


def _revision(row: Row) -> Revision:
    return Revision(
        name=row["name"],
        revision=row["revision"],
        digest=bytes(row["digest"]),
        is_active=row["is_active"],
        version=row["version"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        document=row.get("document", {}),
    )
