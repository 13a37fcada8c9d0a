"""Rows of jobs as values, and what every end of a job does to its row.  Takes `tx`, never commits."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final, Literal
from uuid import UUID

from psycopg.types.json import Jsonb

from lading import ids
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.jobs.model import Fault, Job, State
from lading.jobs.run_store import End, jobs_ended
from lading.ledger.entry import Actor, Entry

_SQL: Final = Statements(__package__ or "lading.jobs")
SYSTEM: Final = Actor("system", "jobs")

Ending = Literal["completed", "dead", "cancelled"]


def job_of(row: Row) -> Job:
    """Return the job of a row of `jobs` or `finished_jobs`."""
    return Job(
        tenant_id=row["tenant_id"],
        id=row["id"],
        kind=row["kind"],
        host=row["host"],
        subject=row["subject"],
        state=State(row["state"]),
        payload=row["payload"],
        attempt=row["attempt"],
        failures=row["failures"],
        crashes=row["crashes"],
        max_attempts=row["max_attempts"],
        max_crashes=row["max_crashes"],
        due_at=row.get("due_at"),
        lease_id=row.get("lease_id"),
        started_at=row.get("started_at"),
        cancel_requested_at=row.get("cancel_requested_at"),
        cancel_reason=row.get("cancel_reason"),
        error=row["error"],
        rev=row["rev"],
        run_id=row["run_id"],
        replay_of=row["replay_of"],
        payload_digest=row["payload_digest"],
        deadline_seconds=row["deadline_seconds"],
        is_solo=row.get("is_solo", False),
        batch_id=row.get("batch_id"),
    )


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
