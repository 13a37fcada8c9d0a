"""
Jobs as people look at them: live and finished in one list, with what each waits for and how its attempts went.

Reads only; what changes a job is in `store`.  Takes `tx`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from lading import ids
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.errors import NotFound
from lading.jobs.model import State
from lading.jobs.rules import sleeping_for
from lading.ledger import store as ledger

_SQL: Final = Statements("lading.jobs")
_MOST_ATTEMPTS: Final = 200


@dataclass(frozen=True, slots=True)
class JobView:
    """A job; `waiting_for` and `eligible_at` say why it does not run and until when, if that is known."""

    id: UUID
    kind: str
    host: str
    subject: str
    state: State
    priority: int
    attempt: int
    failures: int
    crashes: int
    max_attempts: int
    waiting_for: str | None
    eligible_at: datetime | None
    error: Mapping[str, Any] | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested_at: datetime | None
    run_id: UUID | None
    replay_of: UUID | None
    payload_digest: bytes | None
    deadline_seconds: int | None


@dataclass(frozen=True, slots=True)
class AttemptView:
    """One attempt; `outcome` is None while it goes on."""

    attempt: int
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    error: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class JobFilter:
    """
    Which jobs; None and no state mean any.

    `code` is that of the last fault.  They were made from `created_from` on and before `created_to`; `is_paused` leaves
    those that somebody paused one by one, `quiet_seconds` those that run and have not come forward for so long.
    """

    states: Sequence[State] = ()
    kind: str | None = None
    host: str | None = None
    subject: str | None = None
    run_id: UUID | None = None
    code: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    is_paused: bool = False
    quiet_seconds: int | None = None


async def page(tx: Transaction, wanted: JobFilter, *, before: UUID | None, limit: int) -> list[JobView]:
    """Return up to `limit` jobs, newest first."""
    rows = await tx.all(
        _SQL["jobs_page"],
        tenant_id=tx.tenant,
        before=before,
        states=[state.value for state in wanted.states] or None,
        kind=wanted.kind,
        host=wanted.host,
        subject=wanted.subject,
        run_id=wanted.run_id,
        code=wanted.code,
        created_from=wanted.created_from,
        created_to=wanted.created_to,
        is_paused=wanted.is_paused,
        quiet_seconds=wanted.quiet_seconds,
        limit=limit,
    )
    return [_view(row) for row in rows]


async def look(tx: Transaction, job_id: UUID) -> JobView:
    """Return one job."""
    # The page that begins just above it: ids are ordered, and one statement says what a job looks like.
    above = UUID(int=min(job_id.int + 1, (1 << 128) - 1))
    found = await page(tx, JobFilter(), before=above, limit=1)
    if not found or found[0].id != job_id:
        raise NotFound(f"There is no job {ids.show(ids.JOB, job_id)}; list the jobs to find it.")
    return found[0]


async def attempts(tx: Transaction, job_id: UUID) -> list[AttemptView]:
    """Return the latest attempts at a job, oldest first; one that is sent away by its host may have any number."""
    rows = await tx.all(_SQL["attempts"], tenant_id=tx.tenant, job_id=job_id, limit=_MOST_ATTEMPTS)
    return [AttemptView(**{name: row[name] for name in AttemptView.__slots__}) for row in reversed(rows)]


async def history(tx: Transaction, job_id: UUID) -> list[dict[str, Any]]:
    """
    Return what the ledger says of a job, oldest first.

    A line about a batch names many jobs; here it names this one, and `among` how many.
    """
    own = ids.show(ids.JOB, (await look(tx, job_id)).id)
    rows = await tx.all(_SQL["job_batches"], tenant_id=tx.tenant, job_id=job_id)
    found = [json.loads(line) for line in await ledger.history(tx, own)]
    for row in rows:
        lines = await ledger.history(tx, ids.show(ids.BATCH, row["batch_id"]))
        found += [told for line in lines if (told := _own_part(json.loads(line), own)) is not None]
    return sorted(found, key=lambda told: told["at"])


def _own_part(told: dict[str, Any], own: str) -> dict[str, Any] | None:
    named = told["data"].get("jobs", [])
    mine = [each for each in named if each.partition(":")[0] == own]
    return {**told, "data": {**told["data"], "jobs": mine, "among": len(named)}} if mine else None


def _view(row: Row) -> JobView:
    waiting_for, eligible_at = _waiting(row)
    told: dict[str, Any] = {name: row[name] for name in JobView.__slots__ if name in row}
    told |= {"state": State(row["state"]), "waiting_for": waiting_for, "eligible_at": eligible_at}
    return JobView(**told)


def _waiting(row: Row) -> tuple[str | None, datetime | None]:
    match row["state"]:
        case "pending" if row["is_stopped"]:
            return ("pause" if row["stopped_until"] is None else "blackout"), row["stopped_until"]
        case "pending" if row["lane_waiting_for"] is not None:
            return row["lane_waiting_for"], row["lane_eligible_at"]
        case "pending":
            return "worker", None
        case "blocked":
            return "approval" if row["awaits_approval"] else "parents", None
        case "scheduled":
            return sleeping_for(row["failures"], row["error"]), row["due_at"]
        case _:
            return None, None
