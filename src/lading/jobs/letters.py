"""
Dead letters: jobs that nobody tries again without a person.

A letter is written in the transaction in which its job dies.  Letters with the same fingerprint died of the same thing;
they are listed, counted and closed together.  Requeuing is `requeue`: the job lives again under its id.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal
from uuid import UUID

from lading import ids
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.errors import Conflict, NotFound
from lading.jobs.model import Fault, Job
from lading.ledger.entry import Actor, Entry, grounds
from lading.ledger.store import record

_SQL: Final = Statements("lading.jobs")
_CHANGING: Final = re.compile(r"[0-9a-z]+_[0-9a-z]{26}|[0-9]+|'[^']*'")
_MOST_GROUPS: Final = 50

Closing = Literal["requeued", "resolved", "discarded"]


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter; `state` is open, requeued, resolved or discarded, `deaths` how often its job died."""

    job_id: UUID
    kind: str
    host: str
    subject: str
    code: str
    message: str
    fingerprint: str
    attempt: int
    died_at: datetime
    deaths: int
    state: str
    closed_at: datetime | None
    closed_by: str | None
    reason: str | None
    ticket: str | None


@dataclass(frozen=True, slots=True)
class Cluster:
    """Open letters that died of the same thing; `message` is that of the newest."""

    fingerprint: str
    kind: str
    code: str
    message: str
    count: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Which letters; None means any; they died from `died_from` on and before `died_to`."""

    kind: str | None = None
    host: str | None = None
    code: str | None = None
    fingerprint: str | None = None
    job_id: UUID | None = None
    state: str | None = "open"
    died_from: datetime | None = None
    died_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stats:
    """
    What there is of letters.

    `states` counts them by state, `open_by` the open ones by kind, source, code and age, most first, `days` those that
    died on each of the last 30 days (UTC); `died_again` are those whose job died more than once.
    """

    states: Mapping[str, int]
    died_again: int
    open_by: Mapping[str, Sequence[tuple[str, int]]]
    days: Sequence[tuple[date, int]]


def fingerprint(kind: str, fault: Fault) -> str:
    """
    Return the group key of a fault: what stays the same when numbers, ids and quoted names change.

    >>> one, two = Fault("x", "No file 17 for 'ann'."), Fault("x", "No file 18 for 'bob'.")
    >>> fingerprint("export", one) == fingerprint("export", two)
    True
    """
    text = "\0".join((kind, fault.code, _CHANGING.sub("#", fault.message)))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


async def put(tx: Transaction, job: Job, fault: Fault) -> None:
    """Write the letter of a job that has just died; a job that dies again opens its letter again."""
    await tx.run(
        _SQL["put_letter"],
        tenant_id=job.tenant_id,
        job_id=job.id,
        kind=job.kind,
        host=job.host,
        subject=job.subject,
        code=fault.code,
        message=fault.message,
        fingerprint=fingerprint(job.kind, fault),
        attempt=job.attempt,
    )


async def page(tx: Transaction, wanted: LetterFilter, *, before: UUID | None, limit: int) -> list[Letter]:
    """Return up to `limit` letters, newest job first."""
    rows = await tx.all(_SQL["letters"], **_wanted(tx, wanted), before=before, limit=limit)
    return [_letter(row) for row in rows]


async def clusters(tx: Transaction, *, limit: int = 50) -> Sequence[Cluster]:
    """Return what open letters died of, most frequent first."""
    rows = await tx.all(_SQL["letter_clusters"], tenant_id=tx.tenant, limit=limit)
    return [Cluster(**{name: row[name] for name in Cluster.__slots__}) for row in rows]


async def count_open(tx: Transaction) -> int:
    """Return how many letters are open."""
    return int((await tx.one(_SQL["count_letters"], tenant_id=tx.tenant))["count"])


async def stats(tx: Transaction) -> Stats:
    """Return the counts of letters, by what tells where to look first."""
    states = await tx.all(_SQL["letter_states"], tenant_id=tx.tenant)
    groups = await tx.all(_SQL["letter_groups"], tenant_id=tx.tenant, limit=_MOST_GROUPS)
    days = await tx.all(_SQL["letter_days"], tenant_id=tx.tenant)
    return Stats(
        states={row["state"]: row["count"] for row in states},
        died_again=sum(row["died_again"] for row in states),
        open_by={
            by: [(row["value"], row["count"]) for row in groups if row["by"] == by]
            for by in ("kind", "source", "code", "age")
        },
        days=[(row["day"], row["count"]) for row in days],
    )


async def get(tx: Transaction, job_id: UUID) -> Letter:
    """Return the letter of a job."""
    found = await page(tx, LetterFilter(job_id=job_id, state=None), before=None, limit=1)
    if not found:
        raise NotFound(f"There is no dead letter {ids.show(ids.JOB, job_id)}; list them to see what there is.")
    return found[0]


async def close(
    tx: Transaction, job_id: UUID, state: Closing, *, reason: str, ticket: str | None, actor: Actor
) -> Letter:
    """Close an open letter."""
    row = await tx.maybe(
        _SQL["close_letter"],
        tenant_id=tx.tenant,
        job_id=job_id,
        state=state,
        closed_by=actor.id,
        reason=reason,
        ticket=ticket,
    )
    if row is None:
        letter = await get(tx, job_id)
        raise Conflict(f"The dead letter {ids.show(ids.JOB, job_id)} is {letter.state} already.")
    event = {"requeued": "job.requeued", "resolved": "letter.resolved", "discarded": "letter.discarded"}[state]
    data = {"for": row["subject"], **grounds(reason, ticket)}
    await record(tx, Entry(event, ids.show(ids.JOB, job_id), actor, data))
    return _letter(row)


async def supersede(tx: Transaction, job_id: UUID, by: UUID, *, actor: Actor) -> None:
    """
    Close the open letter of a job: another job does its work.

    So are those of the jobs of its run that worked for the same subject: the parts that it was to put together.
    """
    new = ids.show(ids.JOB, by)
    job = await tx.one(_SQL["find"], tenant_id=tx.tenant, id=job_id)
    rows = await tx.all(
        _SQL["close_letters"],
        tenant_id=tx.tenant,
        job_id=job_id,
        run_id=job["run_id"],
        subject=job["subject"],
        closed_by=actor.id,
        reason=f"Tried again as {new}.",
    )
    told = [
        Entry("letter.requeued", ids.show(ids.JOB, row["job_id"]), actor, {"for": row["subject"], "by": new})
        for row in rows
    ]
    if told:
        await record(tx, *told)


def _wanted(tx: Transaction, wanted: LetterFilter) -> dict[str, object]:
    return {
        "tenant_id": tx.tenant,
        "kind": wanted.kind,
        "host": wanted.host,
        "code": wanted.code,
        "fingerprint": wanted.fingerprint,
        "job_id": wanted.job_id,
        "state": wanted.state,
        "died_from": wanted.died_from,
        "died_to": wanted.died_to,
    }


def _letter(row: Row) -> Letter:
    return Letter(**{name: row[name] for name in Letter.__slots__})
