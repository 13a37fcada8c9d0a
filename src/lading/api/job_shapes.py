"""Jobs as the API shows them, and what several routes do to one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from lading import clock, ids
from lading.api.auth import Caller
from lading.api.kinds import KINDS
from lading.api.services import Services
from lading.errors import InvalidInput, InvalidTransition, NotFound
from lading.exports.model import JOB_KIND
from lading.jobs import controls, store, views
from lading.jobs.endings import follow_up
from lading.jobs.model import Job, State
from lading.jobs.views import AttemptView, JobView
from lading.wire import jobs as wire

URGENT = 100


async def detail(services: Services, caller: Caller, job_id: UUID) -> wire.JobDetail:
    """Return a job with its attempts and payload."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found, tries = await views.look(tx, job_id), await views.attempts(tx, job_id)
        job = await store.find(tx, job_id)
    return wire.JobDetail(**told(found), attempts=[_attempt(each) for each in tries], payload=_payload(job))


def told(job: JobView) -> dict[str, Any]:
    """Return the fields of a job."""
    return {
        "id": ids.show(ids.JOB, job.id),
        "kind": job.kind,
        "source": job.host,
        "subject": job.subject,
        "state": job.state.value,
        "priority": job.priority,
        "attempt": job.attempt,
        "failures": job.failures,
        "crashes": job.crashes,
        "max_attempts": job.max_attempts,
        "waiting_for": job.waiting_for,
        "eligible_at": clock.shown(job.eligible_at),
        "error": _fault(job.error),
        "created_at": clock.show(job.created_at),
        "started_at": clock.shown(job.started_at),
        "ended_at": clock.shown(job.finished_at),
        "cancel_requested_at": clock.shown(job.cancel_requested_at),
        "run": None if job.run_id is None else ids.show(ids.RUN, job.run_id),
        "replay_of": None if job.replay_of is None else ids.show(ids.JOB, job.replay_of),
        "payload_digest": None if job.payload_digest is None else bytes(job.payload_digest).hex(),
        "deadline_seconds": job.deadline_seconds,
    }


async def cancel(services: Services, caller: Caller, job_id: UUID, given: wire.Grounds) -> None:
    """Cancel a job that waits, ask a running one to stop; an export is cancelled as a whole."""
    async with services.database.tenant(caller.tenant.id) as tx:
        job = await store.find(tx, job_id)
        if job.state in controls.ENDED:
            raise InvalidTransition(
                f"{ids.show(ids.JOB, job_id)} is {job.state.value}; only a job that has not ended can be cancelled."
            )
        if job.kind != JOB_KIND:
            ended = await store.cancel(
                tx, job_id, reason=given.reason, actor=caller.principal.actor, ticket=given.ticket
            )
            await follow_up(tx, services.endings, ended)
            return
    await services.exports.cancel(
        caller.principal, caller.tenant.id, UUID(job.payload["export"]), given.reason, ticket=given.ticket
    )


async def admit_revival(services: Services, caller: Caller, job_id: UUID, *, among: int = 1) -> None:
    """
    Raise QueueFull when the job is dead and has no room in the queue; `among` are to live again with one request.

    Call it before the transaction that lets it live again.  A job that is not dead takes no room.
    """
    async with services.database.tenant(caller.tenant.id) as tx:
        job = await views.look(tx, job_id)
    if job.state is State.DEAD:
        refusal = await services.admission.refusal(caller.tenant.id, count=1, priority=job.priority, among=among)
        if refusal is not None:
            raise refusal


def urgency(priority: int) -> int:
    """Return `priority` when it is one."""
    if not -URGENT <= priority <= URGENT:
        raise InvalidInput.field("priority", f"must be between -{URGENT} and {URGENT}.")
    return priority


def parsed(name: str, text: str | None) -> datetime | None:
    """Return the instant that a field or parameter names."""
    if text is None:
        return None
    try:
        return clock.parse(text)
    except (ValueError, OverflowError):
        raise InvalidInput.field(name, "give an instant such as 2027-01-31T12:00:00Z.") from None


def run_id(name: str, text: str | None) -> UUID | None:
    """Return the id of the run that a field or parameter names."""
    try:
        return None if text is None else ids.parse(ids.RUN, text)
    except NotFound as error:
        raise InvalidInput.field(name, error.message) from None


def _attempt(found: AttemptView) -> wire.Attempt:
    started = clock.show(found.started_at)
    return wire.Attempt(found.attempt, started, clock.shown(found.ended_at), found.outcome, _fault(found.error))


def _fault(error: Mapping[str, Any] | None) -> wire.JobFault | None:
    return None if error is None else wire.JobFault(str(error.get("code", "")), str(error.get("message", "")))


def _payload(job: Job) -> dict[str, Any] | None:
    return dict(KINDS[job.kind].shown(job.payload)) if job.kind in KINDS else None
