"""
The work of a slot: what the schedule says, filled in for the slot, as a job with what it works for.

Made as the kind's Ending makes it for the node of a run, so that an export of a schedule is judged like any other.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg

from lading import ids
from lading.db.transaction import Transaction
from lading.errors import DatabaseUnavailable, InvalidInput, LadingError, PolicyDenied, QueueFull
from lading.jobs import store as jobs
from lading.jobs.kinds import Kinds
from lading.jobs.model import Endings, Fault, NewJob
from lading.ledger.entry import Actor
from lading.schedules import rules
from lading.schedules.cron import cron_of
from lading.schedules.model import Document, Schedule

_LOG: Final = logging.getLogger("lading.schedules")
_INTERNAL: Final = Fault("internal-error", "Lading failed in a way nobody foresaw; the log of the worker tells more.")
_MENDED_BY_TIME: Final = frozenset({"nothing", "many", "in-the-future", "hours"})

Tie = Callable[[Transaction, NewJob, UUID], Awaitable[None]]
"""Notes on what a job works for that a schedule made it."""
Refuse = Callable[[Transaction, PolicyDenied, Actor], Awaitable[None]]
"""Tells the ledger of what a policy does not allow."""


@dataclass(frozen=True, slots=True)
class Maker:
    """What turns slots into jobs: the kinds that are known, and the budgets of a schedule that names none."""

    endings: Endings
    kinds: Kinds
    tie: Tie
    max_attempts: int = 8
    max_crashes: int = 3
    refused: Refuse | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be made of one slot; policies judge it by the role of `actor`, who asks for it."""

    schedule: Schedule
    slot: datetime
    job_id: UUID
    actor: Actor


async def make(tx: Transaction, work: Work, maker: Maker) -> NewJob:
    """Make the work of a slot and put its job in the queue."""
    job = await _job(tx, work.schedule.document, work, maker)
    await jobs.enqueue(tx, job, actor=work.actor)
    await maker.tie(tx, job, work.schedule.id)
    return job


async def try_to_make(tx: Transaction, work: Work, maker: Maker) -> NewJob | Fault:
    """Make the work of a slot, or leave no trace of it and return why it can't be."""
    try:
        async with tx.connection.transaction():
            return await make(tx, work, maker)
    except (DatabaseUnavailable, psycopg.OperationalError, psycopg.InterfaceError):
        raise
    except LadingError as error:
        if isinstance(error, PolicyDenied) and maker.refused is not None:
            await maker.refused(tx, error, work.actor)
        return Fault(error.code, error.message)
    except Exception:  # noqa: BLE001 - whatever it is, it must not come again every second, nor keep others waiting
        _LOG.exception("schedule.failed", extra={"schedule": str(work.schedule.id)})
        return _INTERNAL


async def rehearse(tx: Transaction, document: Document, maker: Maker, actor: Actor, sources: Collection[str]) -> None:
    """
    Return if the work of a slot that is now could be made; nothing is.  InvalidInput names what is wrong.

    What time may mend, such as that there is nothing yet to select, is left to the slot.
    """
    if document.source and document.source not in sources:
        raise InvalidInput.field("source", f"{document.source[:60]!r} is no source that is known here.", code="unknown")
    try:
        async with tx.connection.transaction(force_rollback=True):
            await _job(tx, document, Rehearsal(tx.now, ids.new(), actor), maker)
    except QueueFull:
        return
    except PolicyDenied as error:
        if any(each.code not in _MENDED_BY_TIME for each in error.violations):
            raise
    except InvalidInput as error:
        if not error.errors or any(each.code not in _MENDED_BY_TIME for each in error.errors):
            raise


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A slot of a schedule that is not stored."""

    slot: datetime
    job_id: UUID
    actor: Actor


async def _job(tx: Transaction, document: Document, work: Work | Rehearsal, maker: Maker) -> NewJob:
    payload = rules.fill(document, cron_of(document), work.slot)
    if document.kind in maker.endings:
        job = await _planned(tx, document, payload, work, maker)
    else:
        job = _plain(document, payload, work.job_id, maker)
    return replace(
        job,
        priority=document.priority,
        max_attempts=document.max_attempts or job.max_attempts,
        deadline_seconds=document.deadline_seconds or job.deadline_seconds,
    )


async def _planned(
    tx: Transaction, document: Document, payload: dict[str, Any], work: Work | Rehearsal, maker: Maker
) -> NewJob:
    try:
        ending = maker.endings[document.kind]
        job = await ending.planned(tx, payload, job_id=work.job_id, actor=work.actor)
    except InvalidInput as error:
        faults = tuple(replace(each, pointer=f"/payload{each.pointer}") for each in error.errors)
        raise InvalidInput(error.message, faults) from error
    if document.source not in {"", job.host}:
        raise InvalidInput.field("source", f"is {job.host!r} here, not {document.source[:60]!r}; leave it out.")
    return job


def _plain(document: Document, payload: dict[str, Any], job_id: UUID, maker: Maker) -> NewJob:
    kind = maker.kinds.get(document.kind)
    if kind is None or kind.check is None:
        known = sorted({*maker.endings, *(each.name for each in maker.kinds.values() if each.check is not None)})
        raise InvalidInput.field("kind", f"{document.kind[:60]!r} is none of: {', '.join(known)}.", code="unknown")
    kind.check(payload)
    return NewJob(
        id=job_id,
        kind=document.kind,
        host=document.source,
        subject=ids.show(ids.JOB, job_id),
        payload=payload,
        max_attempts=maker.max_attempts,
        max_crashes=maker.max_crashes,
    )
