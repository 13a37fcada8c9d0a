"""
Slots that come: what becomes of each.

A slot is decided in one transaction: its row, whose key lets it be decided once, the work, and where the schedule goes
on.  Whoever dies in the middle leaves nothing behind, and the next one decides the slot.  Takes `tx`, never commits.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from lading import failpoints, ids
from lading.db.transaction import Transaction
from lading.errors import Conflict
from lading.jobs import store as jobs
from lading.jobs.endings import follow_up
from lading.jobs.model import Fault
from lading.ledger.entry import Actor, grounds
from lading.schedules import making, rules, slots, store
from lading.schedules.cron import cron_of
from lading.schedules.making import Maker, Work
from lading.schedules.model import SCHEDULER, Decided, Outcome, Overlap, Schedule
from lading.schedules.slots import Grip

_MICROSECOND: Final = timedelta(microseconds=1)
OWNER_GONE: Final = Fault(
    "owner-gone",
    "The key or member that changed the schedule last may do nothing any more; store it anew by one that may.",
)

OWNER_DEMOTED: Final = Fault(
    "owner-demoted",
    "The role of the member that changed the schedule last asks for nothing any more; have one store it anew who may.",
)
_LASTING: Final = frozenset({OWNER_GONE, OWNER_DEMOTED})


async def decide(tx: Transaction, found: Schedule, maker: Maker, refusal: Fault | None = None) -> int:
    """
    Decide every slot of a schedule whose time has come; return how many rows that took.

    With `refusal` nothing is made of them, and they fail for that reason.  `found` was taken in this transaction.
    """
    if found.next_at is None or found.next_at > tx.now:
        return 0
    document = found.document
    due = rules.due(document, cron_of(document), found.next_at, tx.now)
    verdict = rules.decide(due, document.catch_up, tx.now)
    if verdict.skipped is not None:
        await slots.skip(tx, found, verdict.skipped, "missed")
    for slot in verdict.late:
        grip = Grip(slot, ids.new(), is_late=True)
        if await slots.grasp(tx, found, grip):
            await slots.settle(tx, found, grip, Outcome.WAITING)
    if verdict.fire is not None:
        await _fire(tx, found, verdict.fire, maker, refusal)
    await store.advance(tx, found, decided_to=due.newest[-1])
    return 1 + len(verdict.late)


async def go_on(tx: Transaction, found: Schedule, maker: Maker, refusal: Fault | None = None) -> int:
    """
    Make the work of the slot that waits longest, if nothing of the schedule goes on; return how many were made.

    What waits goes on waiting while the queue is full.
    """
    waiting = await slots.waiting(tx, found)
    if found.pause is not None or not waiting or await slots.live_jobs(tx, found):
        return 0
    if refusal is not None and refusal not in _LASTING:
        return 0
    first = waiting[0]
    await _settle(tx, found, Grip(first.slot, first.job_id), maker, refusal)
    return 1


async def run_now(
    tx: Transaction, name: str, maker: Maker, *, actor: Actor, job_id: UUID, reason: str, ticket: str | None
) -> Decided:
    """
    Make the work of a slot that is now, paused or not; return what became of it.

    What goes on already is treated as the schedule says; where it says skip, Conflict.
    """
    found = await store.lock(tx, name)
    at = tx.now if tx.now.microsecond or tx.now.second else tx.now + _MICROSECOND  # never the key of a planned one
    grip = Grip(at, job_id, manual=(actor, grounds(reason, ticket)))
    overlap = found.document.overlap
    goes_on = overlap is not Overlap.ALLOW and (await slots.live_jobs(tx, found) or await slots.waiting(tx, found))
    if goes_on and overlap is Overlap.SKIP:
        raise Conflict(f"The work of an earlier slot of {name} goes on; let it end, or cancel it.")
    if not await slots.grasp(tx, found, grip):
        raise Conflict(f"The schedule {name} was run at this very instant; run it again.")
    if goes_on and overlap is Overlap.QUEUE:
        await slots.settle(tx, found, grip, Outcome.WAITING)
    else:
        await _clear(tx, found, maker, but=at)
        job = await making.make(tx, Work(found, at, job_id, actor), maker)
        await slots.settle(tx, found, grip, Outcome.FIRED, subject=job.subject)
    decided = await slots.of_job(tx, job_id)
    assert decided is not None
    return decided


async def _fire(tx: Transaction, found: Schedule, slot: datetime, maker: Maker, refusal: Fault | None) -> None:
    """Decide a slot that is to be made: now, later, or not, as other work of the schedule goes on."""
    grip, overlap = Grip(slot, ids.new(), is_late=tx.now - slot > rules.ON_TIME), found.document.overlap
    waiting = await slots.waiting(tx, found)
    goes_on = bool(waiting) or bool(await slots.live_jobs(tx, found))
    if not await slots.grasp(tx, found, grip):
        return
    if goes_on and overlap is Overlap.SKIP:
        await slots.settle(tx, found, grip, Outcome.SKIPPED, code="overlap")
    elif goes_on and overlap is Overlap.QUEUE and len(waiting) >= slots.MOST_WAITING:
        await slots.settle(tx, found, grip, Outcome.SKIPPED, code="too-many-waiting")
    elif goes_on and overlap is Overlap.QUEUE:
        await slots.settle(tx, found, grip, Outcome.WAITING)
    else:
        await _clear(tx, found, maker, but=slot)
        await _settle(tx, found, grip, maker, refusal)


async def _settle(tx: Transaction, found: Schedule, grip: Grip, maker: Maker, refusal: Fault | None) -> None:
    """Make the work of a slot, or record why it can't be."""
    work = Work(found, grip.at, grip.job_id, found.owner.asking)
    made = await making.try_to_make(tx, work, maker) if refusal is None else refusal
    if isinstance(made, Fault):
        await slots.settle(tx, found, grip, Outcome.FAILED, code=made.code, message=made.message)
    else:
        await slots.settle(tx, found, grip, Outcome.FIRED, subject=made.subject)
        failpoints.reach("schedule.fired")


async def _clear(tx: Transaction, found: Schedule, maker: Maker, *, but: datetime) -> None:
    """Where the schedule says so, cancel what goes on and drop what waits, but for the slot that comes."""
    if found.document.overlap is not Overlap.CANCEL_PREVIOUS:
        return
    for each in await slots.waiting(tx, found):
        if each.slot != but:
            await slots.settle(tx, found, Grip(each.slot, each.job_id), Outcome.SKIPPED, code="superseded")
    for job_id in await slots.live_jobs(tx, found):
        ended = await jobs.cancel(tx, job_id, reason=f"The next slot of {found.name} came.", actor=SCHEDULER)
        await follow_up(tx, maker.endings, ended)
