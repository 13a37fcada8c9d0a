"""
What becomes of an export whose job ended without a result: failed, or cancelled.

Apart from the pipeline, so that supervisors and sweeps, which do none of the work, load none of its libraries.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from lading import ids
from lading.db.transaction import Transaction
from lading.errors import Conflict, ExportError, NotFound
from lading.exports import clones, planning, store
from lading.exports.model import Status
from lading.jobs.model import Job, NewJob, State
from lading.ledger.entry import Actor
from lading.settings import Settings

_RETRYABLE: Final = frozenset(
    {"worker-lost", "internal-error", "out-of-memory", "database-unavailable", "deadline-exceeded"}
)
_ACTOR: Final = Actor("system", "jobs")


class ExportEnding:
    """Follows up on jobs of kind `export`, and plans them (jobs.model.Ending)."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings: Final = settings or Settings()

    async def ended(self, tx: Transaction, job: Job) -> None:
        """Fail or cancel the export of a job that ended dead or cancelled, in the same transaction."""
        export_id, fault = UUID(job.payload["export"]), job.error or {}
        stored = await store.find(tx, export_id)
        if job.state is State.CANCELLED:
            await store.end(
                tx, export_id, Status.CANCELLED, actor=_ACTOR, attempt=job.attempt, error=None, code="cancelled"
            )
            return
        code = str(fault.get("code", "internal-error"))
        error = {
            "code": code,
            "message": str(fault.get("message", "")),
            "stage": None if stored.stage is None else stored.stage.value.upper(),
            "attempt": job.attempt,
            "retryable": code in _RETRYABLE or _is_retryable(code),
        }
        await store.end(tx, export_id, Status.FAILED, actor=_ACTOR, attempt=job.attempt, error=error, code=code)

    async def revived(self, tx: Transaction, job: Job, actor: Actor) -> None:
        """Let the failed export of a requeued job wait for it again; one that went on otherwise is left alone."""
        export_id = UUID(job.payload["export"])
        stored = await store.find(tx, export_id)
        if stored.status is not Status.FAILED or stored.job_id != job.id:
            raise Conflict(f"{stored.subject} is {stored.status.value} by another job; there is nothing to requeue.")
        await store.retry(tx, export_id, job.id, actor=actor)

    async def cloned(self, tx: Transaction, job: Job, actor: Actor) -> NewJob:
        """Ask for the export once more, under an id of its own: same revision, format, period and parameters."""
        try:
            original = await store.find(tx, UUID(job.payload["export"]))
        except NotFound as error:
            raise Conflict("Its export was deleted; there is nothing to do once more.") from error
        export_id, job_id = ids.new(), ids.new()
        await clones.clone(tx, original, export_id, job_id, actor=actor)
        return NewJob(
            id=job_id,
            kind=job.kind,
            host=job.host,
            subject=ids.show(ids.EXPORT, export_id),
            payload={"export": str(export_id)},
            payload_digest=clones.digest_of(original.plan),
            max_attempts=job.max_attempts,
            max_crashes=job.max_crashes,
            deadline_seconds=job.deadline_seconds,
        )

    async def planned(self, tx: Transaction, payload: Mapping[str, Any], *, job_id: UUID, actor: Actor) -> NewJob:
        """Store the export that a run's node asks for, as its payload says, and return the job of the node."""
        plan, source = await planning.admit(tx, planning.request_of(payload))
        return await planning.make(tx, plan, source, self._settings, export_id=ids.new(), job_id=job_id, actor=actor)


def _is_retryable(code: str) -> bool:
    kinds = list(ExportError.__subclasses__())
    while kinds:
        kind = kinds.pop()
        if kind.code == code:
            return kind.retryable
        kinds.extend(kind.__subclasses__())
    return False
