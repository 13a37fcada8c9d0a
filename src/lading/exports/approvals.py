"""
Four eyes: an export that a policy lets run only with the word of a second person, and that word.

The export is pending and its job blocked (`jobs.blocks`) until another person says yes, another says no, or the time
for it is over; then it is cancelled.  Locks are taken in the order of all others: the run, the job, the export.
Takes `tx`, never commits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb

from lading import ids
from lading.canonical import Json
from lading.db.database import Database
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.errors import Conflict, Forbidden, InvalidTransition, NotFound
from lading.exports import store
from lading.exports.model import Status, StoredExport
from lading.exports.policy_rules import Verdict
from lading.jobs import blocks
from lading.jobs import store as jobs
from lading.jobs.model import NewJob
from lading.ledger.entry import Actor, Entry, grounds
from lading.ledger.store import record
from lading.tenants import persons
from lading.tenants import store as tenants

_SQL: Final = Statements("lading.exports")
_SYSTEM: Final = Actor("system", "approvals")
_OVERDUE: Final = "nobody gave their word in time"
_BATCH: Final = 100


@dataclass(frozen=True, slots=True)
class Approval:
    """What an export asked a second person for, and what became of it."""

    export_id: UUID
    state: str
    rules: Sequence[Mapping[str, Any]]
    roles: Sequence[str]
    requested_by: str
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    decided_by: str | None
    decided_role: str | None
    decided_at: datetime | None
    reason: str | None
    ticket: str | None


async def ask(tx: Transaction, export_id: UUID, verdict: Verdict, job: NewJob, *, actor: Actor) -> NewJob:
    """Return the job of an export, blocked until a second person gives their word if the verdict asks for that."""
    if not verdict.needs_approval:
        return job
    rules = [{"policy": each.policy, "revision": each.revision, "rule": each.rule} for each in verdict.demands]
    roles = list(verdict.roles)
    await tx.one(
        _SQL["approval_ask"],
        tenant_id=tx.tenant,
        export_id=export_id,
        rules=Jsonb(rules),
        roles=roles,
        asked_by=actor.id,
        hours=verdict.hours,
    )
    data: dict[str, Json] = {"rules": [_name(each) for each in rules], "roles": list(roles), "hours": verdict.hours}
    await _turn(tx, export_id, "pending", Entry("approval.requested", _subject(export_id), actor, data))
    return replace(job, pending_parents=job.pending_parents + 1)


async def of_exports(tx: Transaction, exports: Sequence[StoredExport]) -> dict[UUID, Approval]:
    """Return what these exports asked for, of those that did."""
    wanted = [each.id for each in exports if each.approval is not None]
    if not wanted:
        return {}
    rows = await tx.all(_SQL["approvals"], tenant_id=tx.tenant, export_ids=wanted)
    return {row["export_id"]: _approval(row) for row in rows}


async def given(tx: Transaction, stored: StoredExport) -> str | None:
    """Return the role of who gave their word for the export; None when nobody did."""
    if stored.approval != "approved":
        return None
    found = (await of_exports(tx, [stored])).get(stored.id)
    return None if found is None else found.decided_role


async def approve(tx: Transaction, export_id: UUID, *, actor: Actor, reason: str, ticket: str | None) -> None:
    """Let the export run; Forbidden for who asked for it, by whatever key, or has none of the roles."""
    job_id = await _lock(tx, export_id)
    asked = await _pending(tx, export_id)
    await _require_another(tx, asked, actor)
    if asked.expires_at <= tx.now:
        raise InvalidTransition(f"{_subject(export_id)} waited too long for an approval and is being cancelled.")
    await _decide(tx, asked, "approved", actor, reason=reason, ticket=ticket)
    await blocks.lift(tx, job_id, actor=actor)


async def reject(tx: Transaction, export_id: UUID, *, actor: Actor, reason: str, ticket: str | None) -> None:
    """Cancel the export instead of letting it run; who asked for it cancels it without this."""
    job_id = await _lock(tx, export_id)
    asked = await _pending(tx, export_id)
    await _require_another(tx, asked, actor)
    await _refuse(tx, asked, job_id, "rejected", actor, reason=reason, ticket=ticket)


async def sweep(database: Database) -> int:
    """Cancel what waited too long for a second person; return how many."""
    count = 0
    async with database.system() as tx:
        tenant_ids = await tenants.tenant_ids(tx)
    for tenant_id in tenant_ids:
        async with database.tenant(tenant_id) as tx:
            due = [row["id"] for row in await tx.all(_SQL["approvals_due"], tenant_id=tenant_id, limit=_BATCH)]
        for export_id in due:
            count += await _expire_one(database, tenant_id, export_id)
    return count


async def _expire_one(database: Database, tenant_id: UUID, export_id: UUID) -> int:
    async with database.tenant(tenant_id) as tx:
        try:
            job_id = await _lock(tx, export_id)
            asked = await _pending(tx, export_id)
        except (Conflict, NotFound):
            return 0  # somebody was faster
        await _refuse(tx, asked, job_id, "expired", _SYSTEM, reason=_OVERDUE, ticket=None)
    return 1


async def _lock(tx: Transaction, export_id: UUID) -> UUID:
    """Lock run, job and export; return the job's id."""
    stored = await store.find(tx, export_id)
    await blocks.lock(tx, stored.job_id)
    locked = await store.lock(tx, export_id)
    if locked.job_id != stored.job_id or locked.status is not Status.PENDING:
        raise InvalidTransition(f"{stored.subject} is {locked.status.value}; it waits for no approval.")
    return locked.job_id


async def _pending(tx: Transaction, export_id: UUID) -> Approval:
    rows = await tx.all(_SQL["approvals"], tenant_id=tx.tenant, export_ids=[export_id])
    if not rows:
        raise InvalidTransition(f"{_subject(export_id)} waits for no approval.")
    found = _approval(rows[0])
    if found.state != "pending":
        raise InvalidTransition(f"{_subject(export_id)} was {found.state} already by {found.decided_by}.")
    return found


async def _require_another(tx: Transaction, asked: Approval, actor: Actor) -> None:
    if actor.role not in asked.roles:
        wanted = " or ".join(asked.roles)
        raise Forbidden(
            f"It takes the role {wanted} to decide on {_subject(asked.export_id)}; ask somebody who has it."
        )
    for asker in sorted({asked.requested_by, asked.asked_by}):
        if await persons.are_one(tx, asker, actor.id):
            raise Forbidden(
                f"{_subject(asked.export_id)} was asked for by {asker}, which is you or a key of yours; "
                "another person has to decide."
            )


async def _refuse(
    tx: Transaction, asked: Approval, job_id: UUID, word: str, actor: Actor, *, reason: str, ticket: str | None
) -> None:
    await _decide(tx, asked, word, actor, reason=reason, ticket=ticket)
    job = await jobs.cancel(tx, job_id, reason=reason, actor=actor, ticket=ticket)
    await store.end(
        tx, asked.export_id, Status.CANCELLED, actor=actor, attempt=job.attempt, error=None, code=f"approval-{word}"
    )


async def _decide(
    tx: Transaction, asked: Approval, word: str, actor: Actor, *, reason: str, ticket: str | None
) -> None:
    await tx.run(
        _SQL["approval_decide"],
        tenant_id=tx.tenant,
        export_id=asked.export_id,
        decided_by=actor.id,
        decided_role=actor.role,
        reason=reason,
        ticket=ticket,
    )
    data: dict[str, Json] = {"rules": [_name(each) for each in asked.rules], **grounds(reason, ticket)}
    await _turn(tx, asked.export_id, word, Entry(f"approval.{word}", _subject(asked.export_id), actor, data))


async def _turn(tx: Transaction, export_id: UUID, word: str, entry: Entry) -> None:
    row = await tx.one(_SQL["approval_set"], tenant_id=tx.tenant, export_id=export_id, approval=word)
    await record(tx, replace(entry, rev=int(row["rev"])))


def _name(rule: Mapping[str, Any]) -> str:
    return f"{rule['policy']}@{rule['revision']}:{rule['rule']}"


def _subject(export_id: UUID) -> str:
    return ids.show(ids.EXPORT, export_id)


def _approval(row: Row) -> Approval:
    return Approval(**{name: row[name] for name in Approval.__slots__})
