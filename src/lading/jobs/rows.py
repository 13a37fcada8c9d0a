"""Rows of jobs as values, and what every end of a job does to its row.  Takes `tx`, never commits."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, Final, Literal
from uuid import UUID

from psycopg.types.json import Jsonb

from lading import ids
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.jobs.marks import Taken
from lading.jobs.model import Fault, Job, State
from lading.jobs.run_store import End, jobs_ended
from lading.ledger.entry import Actor, Entry

_SQL: Final = Statements(__package__ or "lading.jobs")
SYSTEM: Final = Actor("system", "jobs")
_job: Final = partial(tuple.__new__, Job)  # half the time of Job(…)
_instant: Final = lru_cache(64)(datetime.fromisoformat)
_STATES: Final = {state.value: state for state in State}

Ending = Literal["completed", "dead", "cancelled"]


def job_of(row: Row) -> Job:
    """Return the job of a row of `jobs` or `finished_jobs`."""
    given = row.get
    # By place, in the order of the fields: a batch makes a thousand of these at once.
    return Job(
        row["tenant_id"],
        row["id"],
        row["kind"],
        row["host"],
        row["subject"],
        _STATES[row["state"]],
        row["payload"],
        row["attempt"],
        row["failures"],
        row["crashes"],
        row["max_attempts"],
        row["max_crashes"],
        given("due_at"),
        given("lease_id"),
        given("started_at"),
        given("cancel_requested_at"),
        given("cancel_reason"),
        row["error"],
        row["rev"],
        row["run_id"],
        row["replay_of"],
        row["payload_digest"],
        row["deadline_seconds"],
        given("is_solo") is True,
        given("batch_id"),
    )


def started_of(taken: Taken, batch_id: UUID, told: str) -> Job:
    """Return the job that a claim has taken and started as one of a batch; `told` is how the ledger names that."""
    (
        tenant_id, job_id, kind, host, subject, payload, attempt, failures, crashes, max_attempts, max_crashes, error,
        rev, run_id, replay_of, payload_digest, deadline_seconds, started_at, _priority, _sequence, _seen,
    ) = taken  # fmt: skip
    assert started_at is not None
    return _job((
        tenant_id, job_id, kind, host, subject, State.RUNNING, payload, attempt, failures, crashes, max_attempts,
        max_crashes, None, None, _instant(started_at), None, None, error, rev, run_id, replay_of, payload_digest,
        deadline_seconds, False, batch_id, told,
    ))  # fmt: skip


async def end_row(
    tx: Transaction, job_id: UUID, state: Ending, fault: Fault | None, *, failures: int = 0, crashes: int = 0
) -> Row:
    """Move the job to the finished ones, tell its run, and return it as it is there."""
    row = await tx.one(
        _SQL["finish"],
        tenant_id=tx.tenant,
        id=job_id,
        state=state,
        failures=failures,
        crashes=crashes,
        error=fault_json(fault),
    )
    await jobs_ended(tx, [End(tx.tenant, job_id, row["run_id"], state)])
    return row


def entry(event: str, row: Row, actor: Actor, **data: Any) -> Entry:
    """Return the ledger entry of a change of the job."""
    return Entry(event, ids.show(ids.JOB, row["id"]), actor, {**data, "for": row["subject"]}, rev=row["rev"])


def fault_json(fault: Fault | None) -> Jsonb | None:
    """Return the fault as the database keeps it."""
    return None if fault is None else Jsonb(asdict(fault))
