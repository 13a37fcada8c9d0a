"""
What became of each slot: one row each, which any number of schedulers write once, and its ledger entry.

Takes `tx`, never commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from lading import clock, ids
from lading.canonical import Json
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.ledger.entry import Actor, Entry
from lading.ledger.store import record
from lading.schedules import rules
from lading.schedules.cron import cron_of
from lading.schedules.model import SCHEDULER, Decided, Outcome, Schedule
from lading.schedules.rules import Skipped

_SQL: Final = Statements("lading.schedules")
_LONGEST: Final = 500
_TO_THE_MINUTE: Final = len("2026-01-01T00:00")
MOST_WAITING: Final = 100


@dataclass(frozen=True, slots=True)
class Grip:
    """One slot that is being decided; `manual` is who runs it by hand, and what the ledger is told of why."""

    at: datetime
    job_id: UUID
    is_late: bool = False
    manual: tuple[Actor, dict[str, Json]] | None = None


async def grasp(tx: Transaction, found: Schedule, grip: Grip) -> bool:
    """Make the slot one's own; False when it is decided already.  `settle` follows, in the same transaction."""
    return await _insert(
        tx,
        found,
        grip.at,
        outcome=Outcome.WAITING.value,
        is_manual=grip.manual is not None,
        is_late=grip.is_late,
        code=None,
        since=None,
        missed=1,
        job_id=grip.job_id,
    )


async def settle(
    tx: Transaction,
    found: Schedule,
    grip: Grip,
    outcome: Outcome,
    *,
    subject: str | None = None,
    code: str | None = None,
    message: str | None = None,
) -> None:
    """Record what became of a slot, in the row that is there."""
    await tx.one(
        _SQL["slot_settle"],
        tenant_id=tx.tenant,
        schedule_id=found.id,
        slot=grip.at,
        outcome=outcome.value,
        code=code,
        message=None if message is None else message[:_LONGEST],
        subject=subject,
    )
    actor, data = (SCHEDULER, dict[str, Json]()) if grip.manual is None else grip.manual
    told: dict[str, Json] = {"slot": clock.show(grip.at), **data}
    if subject is not None:
        told |= {"job": ids.show(ids.JOB, grip.job_id), "subject": subject}
    if grip.manual is not None:
        told["manual"] = True
    if code is not None:
        told["code"] = code
    await record(tx, Entry(f"schedule.{outcome.value}", found.subject, actor, told))


async def skip(tx: Transaction, found: Schedule, skipped: Skipped, code: str) -> None:
    """Record that nothing is made of these slots."""
    is_many = skipped.first < skipped.last
    added = await _insert(
        tx,
        found,
        skipped.last,
        outcome=Outcome.SKIPPED.value,
        is_manual=False,
        is_late=True,
        code=code,
        since=skipped.first if is_many else None,
        missed=skipped.count,
        job_id=ids.new(),
    )
    if added:
        told: dict[str, Json] = {"slot": clock.show(skipped.last), "code": code, "missed": skipped.count}
        if is_many:
            told["since"] = clock.show(skipped.first)
        await record(tx, Entry("schedule.skipped", found.subject, SCHEDULER, told))


async def pass_over(tx: Transaction, found: Schedule, code: str) -> None:
    """Record as skipped, with `code`, every slot that is not decided and whose time has come."""
    cron = cron_of(found.document)
    first = rules.next_slot(found.document, cron, found.decided_to)
    if first is None or first.at > tx.now:
        return
    due = rules.due(found.document, cron, first.at, tx.now)
    await skip(tx, found, Skipped(due.first, due.newest[-1], due.count), code)


async def page(
    tx: Transaction, found: Schedule, *, before: datetime | None, outcomes: Sequence[str], limit: int
) -> Sequence[Decided]:
    """Return up to `limit` slots before `before`, newest first."""
    rows = await tx.all(
        _SQL["slots"],
        tenant_id=tx.tenant,
        schedule_id=found.id,
        before=before,
        outcomes=list(outcomes) or None,
        limit=limit,
    )
    return [_decided(row) for row in rows]


async def of_job(tx: Transaction, job_id: UUID) -> Decided | None:
    """Return the slot whose work a job is, or was to be."""
    row = await tx.maybe(_SQL["slot_by_job"], tenant_id=tx.tenant, job_id=job_id)
    return None if row is None else _decided(row)


async def waiting(tx: Transaction, found: Schedule) -> Sequence[Decided]:
    """Return the slots that wait, oldest first."""
    rows = await tx.all(_SQL["slots_waiting"], tenant_id=tx.tenant, schedule_id=found.id, limit=MOST_WAITING + 1)
    return [_decided(row) for row in rows]


async def live_jobs(tx: Transaction, found: Schedule) -> Sequence[UUID]:
    """Return the jobs of a schedule that have not ended."""
    return [row["id"] for row in await tx.all(_SQL["live"], tenant_id=tx.tenant, schedule_id=found.id)]


async def last_wall(tx: Transaction, found: Schedule) -> str | None:
    """Return what the clock showed at the last slot, to the minute."""
    newest = await page(tx, found, before=None, outcomes=(), limit=1)
    return wall(newest[0].local) if newest and not newest[0].is_manual else None


def wall(local: str) -> str:
    """
    Return what the clock shows at an instant with an offset, to the minute.

    >>> wall("2026-03-29T03:00:00+02:00")
    '2026-03-29T03:00'
    """
    return local[:_TO_THE_MINUTE]


async def _insert(tx: Transaction, found: Schedule, slot: datetime, **fields: Any) -> bool:
    row = await tx.maybe(
        _SQL["slot_add"],
        tenant_id=tx.tenant,
        schedule_id=found.id,
        slot=slot,
        local=cron_of(found.document).local(slot),
        **fields,
    )
    return row is not None


def _decided(row: Row) -> Decided:
    return Decided(
        slot=row["slot"],
        local=row["local"],
        outcome=Outcome(row["outcome"]),
        is_manual=row["is_manual"],
        is_late=row["is_late"],
        code=row["code"],
        message=row["message"],
        since=row["since"],
        missed=row["missed"],
        job_id=row["job_id"],
        subject=row["subject"],
        decided_at=row["decided_at"],
        state=row["state"],
    )
