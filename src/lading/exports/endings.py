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
from lading.errors import Conflict, ExportError, InvalidInput, NotFound
from lading.exports import approvals, clones, parts, planning, policies, store
from lading.exports.model import Status, StoredExport
from lading.exports.types import requests
from lading.jobs import store as jobs
from lading.jobs.model import Job, NewJob, State
from lading.ledger.entry import Actor
from lading.limits import call_quotas
from lading.settings import Settings

_RETRYABLE: Final = frozenset(
    {"worker-lost", "internal-error", "out-of-memory", "database-unavailable", "deadline-exceeded"}
)
_ACTOR: Final = Actor("system", "jobs")
_RETRY: Final = "A part is done again with its export; retry {}, which keeps the parts that are done."


class ExportEnding:
    """Follows up on jobs of kind `export`, and plans them (jobs.model.Ending)."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings: Final = settings or Settings()

    async def ended(self, tx: Transaction, job: Job) -> None:
        """Fail or cancel the export of a job that ended dead or cancelled, in the same transaction."""
        stored = await _stored(tx, job)
        if stored is not None and stored.job_id == job.id:
            await _end(tx, job, stored)

    async def revived(self, tx: Transaction, job: Job, actor: Actor) -> None:
        """Let the failed export of a requeued job wait for it again; one that went on otherwise is left alone."""
        export_id = UUID(job.payload["export"])
        stored = await store.find(tx, export_id)
        if stored.status is not Status.FAILED or stored.job_id != job.id:
            raise Conflict(f"{stored.subject} is {stored.status.value} by another job; there is nothing to requeue.")
        verdict = await policies.admit_again(tx, stored, actor=actor)
        if verdict.needs_approval:
            raise Conflict(f"A second person has to approve {stored.subject} first; retry it, which asks for that.")
        await store.retry(tx, export_id, job.id, actor=actor)
        await call_quotas.take(tx, call_quotas.EXPORTS)

    async def cloned(self, tx: Transaction, job: Job, actor: Actor) -> NewJob:
        """Ask for the export once more, under an id of its own: same revision, format, period and parameters."""
        try:
            original = await store.find(tx, UUID(job.payload["export"]))
        except NotFound as error:
            raise Conflict("Its export was deleted; there is nothing to do once more.") from error
        verdict = await policies.admit(tx, original.plan, actor=actor)
        export_id, job_id = ids.new(), ids.new()
        await clones.clone(tx, original, export_id, job_id, actor=actor)
        again = NewJob(
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
        blocked = await approvals.ask(tx, export_id, verdict, again, actor=actor)
        await call_quotas.take(tx, call_quotas.EXPORTS)
        return blocked

    async def planned(self, tx: Transaction, payload: Mapping[str, Any], *, job_id: UUID, actor: Actor) -> NewJob:
        """Store the export that a run's node asks for, as its payload says, and return the job of the node."""
        request = planning.request_of(payload)
        requests.permit_as_part(request)
        plan, source = await planning.admit(tx, request)
        requests.permit_plan_as_part(plan)
        job = await planning.make(tx, plan, source, self._settings, export_id=ids.new(), job_id=job_id, actor=actor)
        await call_quotas.take(tx, call_quotas.EXPORTS)
        return job


class PartEnding(ExportEnding):
    """Follows up on jobs of kind `part`: what a part comes to, its export does."""

    async def ended(self, tx: Transaction, job: Job) -> None:
        """End the export with its part, unless it was retried and waits for other parts by now."""
        export_id = UUID(job.payload["export"])
        try:
            # Locked before it is looked at: a retry between the look and the end would be ended, too.
            locked = await store.lock(tx, export_id)
        except NotFound:
            return
        if (await jobs.find(tx, locked.job_id)).run_id == job.run_id:
            await _end(tx, job, await store.find(tx, export_id))

    async def revived(self, tx: Transaction, job: Job, actor: Actor) -> None:  # noqa: ARG002 - the protocol's
        """Refuse: the export is retried as a whole, which does the missing parts alone."""
        raise Conflict(_RETRY.format(ids.show(ids.EXPORT, UUID(job.payload["export"]))))

    async def cloned(self, tx: Transaction, job: Job, actor: Actor) -> NewJob:  # noqa: ARG002 - the protocol's
        """Refuse, as a part belongs to one export."""
        raise Conflict(_RETRY.format(ids.show(ids.EXPORT, UUID(job.payload["export"]))))

    async def planned(
        self,
        tx: Transaction,  # noqa: ARG002 - the protocol's
        payload: Mapping[str, Any],  # noqa: ARG002 - as above
        *,
        job_id: UUID,  # noqa: ARG002 - as above
        actor: Actor,  # noqa: ARG002 - as above
    ) -> NewJob:
        """Refuse: exports are split by themselves."""
        raise InvalidInput.field("kind", f"{parts.JOB_KIND!r} is made by exports alone; ask for an export.")


async def _stored(tx: Transaction, job: Job) -> StoredExport | None:
    """Return the export of a job, None where it was deleted."""
    try:
        return await store.find(tx, UUID(job.payload["export"]))
    except NotFound:
        return None


async def _end(tx: Transaction, job: Job, stored: StoredExport) -> None:
    export_id, fault = stored.id, job.error or {}
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


def _is_retryable(code: str) -> bool:
    kinds = list(ExportError.__subclasses__())
    while kinds:
        kind = kinds.pop()
        if kind.code == code:
            return kind.retryable
        kinds.extend(kind.__subclasses__())
    return False
