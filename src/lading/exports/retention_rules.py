"""
Retention rules: for how many days the files of a completed export are kept.

The narrowest rule counts: that of the profile, else of the type, else of the tenant, else LADING_RETENTION_DAYS.  It is
asked when an export completes (`retention_days` of the schema); a rule that changes later counts for what was completed
before only when somebody applies it.  Takes `tx`, never commits.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args
from uuid import UUID

from lading.db import versions
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.db.versions import Version
from lading.errors import InvalidInput, NotFound
from lading.ledger.entry import Actor, Entry, grounds
from lading.ledger.store import record

_SQL: Final = Statements("lading.exports")
Kind = Literal["profile", "type", "tenant"]
MOST_DAYS: Final = 36_500
_BATCH: Final = 1000


@dataclass(frozen=True, slots=True)
class Rule:
    """How long exports of a profile, of a type, or all others of the tenant are kept."""

    scope: Kind
    target: str
    days: int
    reason: str
    ticket: str | None
    version: int
    set_at: datetime
    set_by: str


@dataclass(frozen=True, slots=True)
class Redated:
    """How many exports get another end, and how many of them are over at once."""

    exports: int
    due: int


async def every(tx: Transaction) -> list[Rule]:
    """Return the rules of the tenant, the narrowest first."""
    return [_rule(row) for row in await tx.all(_SQL["retention_rules"], tenant_id=tx.tenant)]


async def put(
    tx: Transaction,
    scope: Kind,
    target: str,
    *,
    days: int,
    reason: str,
    ticket: str | None,
    actor: Actor,
    version: Version = None,
) -> Rule:
    """Say how long exports are kept that complete from now on; with `version` only over that one."""
    if not 1 <= days <= MOST_DAYS:
        raise InvalidInput.field("days", f"must be 1 to {MOST_DAYS}.")
    await _expect(tx, scope, target, version)
    row = await tx.one(
        _SQL["retention_put"],
        tenant_id=tx.tenant,
        scope=scope,
        target=target,
        days=days,
        reason=reason,
        ticket=ticket,
        set_by=actor.id,
    )
    versions.require_made(f"The rule {name_of(scope, target)}", row["version"], version)
    subject = f"retention:{name_of(scope, target)}"
    await record(
        tx, Entry("retention.set", subject, actor, {"days": days, **grounds(reason, ticket)}, rev=row["version"])
    )
    return _rule(row)


async def drop(
    tx: Transaction,
    scope: Kind,
    target: str,
    *,
    reason: str,
    ticket: str | None,
    actor: Actor,
    version: Version = None,
) -> None:
    """Let the next wider rule count again."""
    await _expect(tx, scope, target, version)
    if not await tx.run(_SQL["retention_drop"], tenant_id=tx.tenant, scope=scope, target=target):
        raise _unknown(scope, target)
    await record(tx, Entry("retention.dropped", f"retention:{name_of(scope, target)}", actor, grounds(reason, ticket)))


async def consequence(tx: Transaction, *, otherwise: int) -> Redated:
    """Return what `apply` would change."""
    row = await tx.one(_SQL["redate_count"], tenant_id=tx.tenant, retention_days=otherwise)
    return Redated(int(row["exports"]), int(row["due"]))


async def apply(
    tx: Transaction, after: UUID | None, *, otherwise: int, reason: str, ticket: str | None, actor: Actor
) -> tuple[UUID | None, int]:
    """Let the rules count for some of what was completed before; return the last one looked at and how many changed."""
    row = await tx.one(_SQL["redate"], tenant_id=tx.tenant, after=after, limit=_BATCH, retention_days=otherwise)
    count = int(row["exports"])
    if count:
        data = {"exports": count, **grounds(reason, ticket)}
        await record(tx, Entry("retention.applied", "retention:exports", actor, data))
    return row["last"], count


def name_of(scope: Kind, target: str) -> str:
    """
    Return what a rule is called in a path and in the ledger.

    >>> name_of("profile", "bufdir"), name_of("tenant", "")
    ('profile:bufdir', 'tenant')
    """
    return f"{scope}:{target}" if target else scope


def parse(name: str) -> tuple[Kind, str]:
    """
    Return scope and target of the rule called `name`; NotFound when no rule can be called that.

    >>> parse("type:snapshot"), parse("tenant")
    (('type', 'snapshot'), ('tenant', ''))
    """
    head, colon, target = name.partition(":")
    for scope in get_args(Kind):
        if scope == head and (scope == "tenant") == (not colon) == (not target) and _is_plain(target):
            return scope, target
    raise NotFound(f"{name[:60]!r} is no rule; it is tenant, profile:NAME or type:NAME.")


def _is_plain(target: str) -> bool:
    return len(target) <= 100 and target.isascii() and all(each.isalnum() or each in "._-" for each in target)


async def _expect(tx: Transaction, scope: Kind, target: str, version: Version) -> None:
    row = await tx.maybe(_SQL["retention_lock"], tenant_id=tx.tenant, scope=scope, target=target)
    if row is not None:
        versions.require(f"The rule {name_of(scope, target)}", row["version"], version)
    elif not versions.may_be_new(version):
        raise _unknown(scope, target)


def _unknown(scope: Kind, target: str) -> NotFound:
    return NotFound(f"There is no rule {name_of(scope, target)}; list the rules to see those there are.")


def _rule(row: Row) -> Rule:
    return Rule(
        row["scope"],
        row["target"],
        row["days"],
        row["reason"],
        row["ticket"],
        row["version"],
        row["set_at"],
        row["set_by"],
    )
