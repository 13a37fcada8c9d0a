"""
Schedules in the database: write, read, pause, delete, and which of them somebody has to look at.

Every change and its ledger entry are in the caller's transaction.  Takes `tx`, never commits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb

from lading import clock, ids
from lading.db import versions
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.db.versions import Version
from lading.errors import Conflict, InvalidInput, InvalidTransition, NotFound
from lading.jobs.rules import payload_digest
from lading.ledger.entry import Actor, Entry, grounds
from lading.ledger.store import record
from lading.schedules import rules, slots, zones
from lading.schedules.cron import cron_of
from lading.schedules.model import SCHEDULER, CatchUp, Document, Overlap, Owner, Pause, Schedule
from lading.tenants.model import Role

_SQL: Final = Statements("lading.schedules")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
MOST: Final = 1000
"""How many schedules a tenant may have."""


@dataclass(frozen=True, slots=True)
class Named:
    """A schedule that somebody has to look at."""

    tenant_id: UUID
    id: UUID
    priority: int


@dataclass(frozen=True, slots=True)
class Wake:
    """In how many seconds a slot is due, None when none is; and whether slots wait for the end of earlier ones."""

    seconds: float | None
    waits: bool


async def put(tx: Transaction, name: str, document: Document, *, owner: Owner, version: Version = None) -> Schedule:
    """
    Store what a schedule says and return it: new, or changed, or the same (nothing recorded, the owner stays).

    With `version` only what it means is changed, or made.
    """
    if _NAME.fullmatch(name) is None:
        raise InvalidInput.field("name", "must be 1 to 63 of a-z, 0-9, - and _, and begin with a letter or digit.")
    rules.check(document)
    expression = cron_of(document)
    document = replace(document, cron=expression.text)
    if rules.next_slot(document, expression, tx.now) is None:
        raise InvalidInput.field("ends_at", "is before the next slot: it would never fire.", code="never-fires")
    row = await tx.maybe(_SQL["lock"], tenant_id=tx.tenant, name=name)
    if row is None:
        if not versions.may_be_new(version):
            raise _unknown(name)
        await _add(tx, name, document, owner)
    else:
        stands = schedule_of(row)
        versions.require(f"The schedule {name}", stands.version, version)
        if stands.document == document and stands.owner == owner:
            return await get(tx, name)
        await _replace(tx, stands, document, owner)
    return await get(tx, name)


async def get(tx: Transaction, name: str) -> Schedule:
    """Return the schedule with that name."""
    row = await tx.maybe(_SQL["get"], tenant_id=tx.tenant, name=name)
    if row is None:
        raise _unknown(name)
    return schedule_of(row)


async def page(
    tx: Transaction, *, after: str | None, limit: int, paused: bool | None = None, failing: bool | None = None
) -> Sequence[Schedule]:
    """Return up to `limit` schedules after the name `after`, by name."""
    rows = await tx.all(_SQL["page"], tenant_id=tx.tenant, after=after, limit=limit, paused=paused, failing=failing)
    return [schedule_of(row) for row in rows]


async def lock(tx: Transaction, name: str, version: Version = None) -> Schedule:
    """Return the schedule, which nobody else decides or changes until the transaction ends."""
    row = await tx.maybe(_SQL["lock"], tenant_id=tx.tenant, name=name)
    if row is None:
        raise _unknown(name)
    found = schedule_of(row)
    versions.require(f"The schedule {name}", found.version, version)
    return found


async def take(tx: Transaction, schedule_id: UUID) -> Schedule | None:
    """Return the schedule for deciding its slots; None when it is gone, or somebody else is at it."""
    row = await tx.maybe(_SQL["take"], tenant_id=tx.tenant, id=schedule_id)
    return None if row is None else schedule_of(row)


async def pause(tx: Transaction, name: str, *, actor: Actor, reason: str, ticket: str | None) -> Schedule:
    """Let no slot come until somebody resumes it; what is made already goes on."""
    found = await lock(tx, name)
    if found.pause is not None:
        raise InvalidTransition(f"The schedule {name} is paused already, by {found.pause.by}.")
    await tx.run(_SQL["pause"], tenant_id=tx.tenant, id=found.id, by=actor.id, reason=reason, ticket=ticket)
    await _note(tx, "schedule.paused", found, actor, **grounds(reason, ticket))
    return await get(tx, name)


async def resume(tx: Transaction, name: str, *, actor: Actor, reason: str, ticket: str | None) -> Schedule:
    """Let slots come again, from the next one on; those of the pause are skipped."""
    found = await lock(tx, name)
    if found.pause is None:
        raise InvalidTransition(f"The schedule {name} is not paused; nothing was resumed.")
    await slots.pass_over(tx, found, "paused")
    following = rules.next_slot(found.document, cron_of(found.document), tx.now)
    await tx.run(
        _SQL["resume"],
        tenant_id=tx.tenant,
        id=found.id,
        next_at=None if following is None else following.at,
        decided_to=tx.now,
        tzdata=zones.EDITION,
    )
    await _note(tx, "schedule.resumed", found, actor, **grounds(reason, ticket))
    return await get(tx, found.name)


async def delete(
    tx: Transaction, name: str, *, actor: Actor, reason: str, ticket: str | None, version: Version = None
) -> None:
    """Remove the schedule and what is known of its slots; what it made stays."""
    found = await lock(tx, name, version)
    await tx.run(_SQL["delete"], tenant_id=tx.tenant, id=found.id)
    await _note(tx, "schedule.deleted", found, actor, **grounds(reason, ticket))


async def advance(tx: Transaction, found: Schedule, *, decided_to: datetime) -> None:
    """Note that the slots up to `decided_to` are decided, and which comes next."""
    following = rules.next_slot(found.document, cron_of(found.document), decided_to)
    await _move(tx, found, None if following is None else following.at, decided_to)


async def replan(tx: Transaction, found: Schedule) -> None:
    """
    Compute the next slot by the rules of today; the ledger is told when it changed.

    What the clock showed at the last slot is not made again when it shows it once more by the new rules.
    """
    cron = cron_of(found.document)
    following = rules.next_slot(found.document, cron, found.decided_to)
    if following is not None and slots.wall(cron.local(following.at)) == await slots.last_wall(tx, found):
        following = rules.next_slot(found.document, cron, following.at)
    next_at = None if following is None else following.at
    await _move(tx, found, next_at, found.decided_to)
    if next_at != found.next_at:
        told = {"from": clock.shown(found.next_at), "to": clock.shown(next_at), "tzdata": zones.EDITION}
        await record(tx, Entry("schedule.replanned", found.subject, SCHEDULER, told))


# --- over all tenants -----------------------------------------------------------------------------


async def due(tx: Transaction, *, limit: int) -> Sequence[Named]:
    """Return schedules with a slot that is due, the longest due first."""
    return [Named(**row) for row in await tx.all(_SQL["due"], limit=limit)]


async def waiting(tx: Transaction, *, limit: int) -> Sequence[Named]:
    """Return schedules with a slot that waits, and nothing of theirs that goes on."""
    return [Named(**row) for row in await tx.all(_SQL["waiting"], limit=limit)]


async def outdated(tx: Transaction, *, limit: int) -> Sequence[Named]:
    """Return schedules whose next slot was told by an older edition of the time zone database."""
    rows = await tx.all(_SQL["outdated"], tzdata=zones.EDITION, limit=limit)
    return [Named(**row) for row in rows]


async def wake(tx: Transaction) -> Wake:
    """Return when to look again."""
    row = await tx.one(_SQL["wake"])
    return Wake(row["seconds"], row["waits"])


async def owner_now(tx: Transaction, named: Named) -> tuple[bool, Role | None]:
    """Return whether who changed a schedule last is let in no more, and the role of now of a member (None: a key)."""
    row = await tx.one(_SQL["owner_now"], tenant_id=named.tenant_id, id=named.id)
    return row["is_gone"], None if row["role"] is None else Role(row["role"])


def schedule_of(row: Row) -> Schedule:
    """Return the schedule of a row."""
    return Schedule(
        tenant_id=row["tenant_id"],
        id=row["id"],
        name=row["name"],
        document=_document(row),
        owner=Owner(Actor(row["owner_kind"], row["owner_id"]), row["owner_role"]),
        pause=None
        if row["paused_at"] is None
        else Pause(row["paused_at"], row["paused_by"], row["pause_reason"], row["pause_ticket"]),
        next_at=row["next_at"],
        decided_to=row["decided_to"],
        tzdata=row["tzdata"],
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        failures=row["failures"],
        failure=row["failure"],
        waiting=row["waiting"],
    )


def _document(row: Row) -> Document:
    return Document(
        cron=row["cron"],
        zone=row["zone"],
        kind=row["kind"],
        payload=row["payload"],
        period=row["period"],
        source=row["source"],
        priority=row["priority"],
        max_attempts=row["max_attempts"],
        deadline_seconds=row["deadline_seconds"],
        catch_up=CatchUp(row["catch_up"]),
        overlap=Overlap(row["overlap"]),
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
    )


async def _add(tx: Transaction, name: str, document: Document, owner: Owner) -> None:
    await tx.one(_SQL["lock_list"], tenant_id=tx.tenant)
    count = (await tx.one(_SQL["count"], tenant_id=tx.tenant))["schedules"]
    if count >= MOST:
        raise Conflict(f"There are {count} schedules, and no more than {MOST} fit; delete some.")
    added = await tx.maybe(
        _SQL["add"], tenant_id=tx.tenant, id=ids.new(), name=name, **_fields(tx.now, document, owner, is_paused=False)
    )
    if added is None:
        raise Conflict(f"Somebody else made a schedule {name} just now; read it, then change it.")
    await _note_set(tx, name, document, owner, 1)


async def _replace(tx: Transaction, stands: Schedule, document: Document, owner: Owner) -> None:
    # What was due under the old document and is not decided is skipped: who changes a schedule means from now on.
    await slots.pass_over(tx, stands, "changed" if stands.pause is None else "paused")
    fields = _fields(tx.now, document, owner, is_paused=stands.pause is not None)
    row = await tx.one(_SQL["replace"], tenant_id=tx.tenant, id=stands.id, **fields)
    await _note_set(tx, stands.name, document, owner, row["version"])


def _fields(now: datetime, document: Document, owner: Owner, *, is_paused: bool) -> dict[str, Any]:
    following = None if is_paused else rules.next_slot(document, cron_of(document), now)
    return {
        "cron": document.cron,
        "zone": document.zone,
        "kind": document.kind,
        "payload": Jsonb(dict(document.payload)),
        "period": document.period,
        "source": document.source,
        "priority": document.priority,
        "max_attempts": document.max_attempts,
        "deadline_seconds": document.deadline_seconds,
        "catch_up": document.catch_up.value,
        "overlap": document.overlap.value,
        "starts_at": document.starts_at,
        "ends_at": document.ends_at,
        "owner_kind": owner.actor.kind,
        "owner_id": owner.actor.id,
        "owner": owner.inner,
        "owner_role": owner.role,
        "next_at": None if following is None else following.at,
        "decided_to": now,
        "tzdata": zones.EDITION,
    }


async def _move(tx: Transaction, found: Schedule, next_at: datetime | None, decided_to: datetime) -> None:
    await tx.run(
        _SQL["advance"],
        tenant_id=tx.tenant,
        id=found.id,
        next_at=next_at,
        decided_to=decided_to,
        tzdata=zones.EDITION,
    )


async def _note_set(tx: Transaction, name: str, document: Document, owner: Owner, version: int) -> None:
    data = {
        "cron": document.cron,
        "zone": document.zone,
        "kind": document.kind,
        "payload_sha256": payload_digest(document.payload).hex(),
        "period": document.period,
        "catch_up": document.catch_up.value,
        "overlap": document.overlap.value,
        "role": owner.role,
    }
    await record(tx, Entry("schedule.set", f"schedule:{name}", owner.actor, data, version))


async def _note(tx: Transaction, event: str, found: Schedule, actor: Actor, **data: Any) -> None:
    await record(tx, Entry(event, found.subject, actor, data, found.version + 1))


def _unknown(name: str) -> NotFound:
    return NotFound(f"There is no schedule {name[:60]!r}; name one that `lading schedules list` shows.")
