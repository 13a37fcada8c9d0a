"""Jobs over HTTP: the work behind exports, live and finished; cancel one, put one first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Path, Query
from starlette.responses import Response

from lading import clock, ids
from lading.api import answers, cursors, documents, grounds
from lading.api.auth import OPERATORS, READERS, Caller, gate
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.canonical import Json
from lading.db import notify
from lading.errors import InvalidInput, InvalidTransition
from lading.exports.model import JOB_KIND
from lading.jobs import store, views
from lading.jobs.endings import follow_up
from lading.jobs.model import State
from lading.jobs.views import AttemptView, JobFilter, JobView
from lading.wire import jobs as wire

router: Final = new_router("jobs")
_BASE: Final = "/api/v1/jobs"
_ONE: Final = f"{_BASE}/{{job_id}}"
_READER: Final = gate(READERS)
_OPERATOR: Final = gate(OPERATORS)
_MAX_PAGE: Final = 200
_FINISHED: Final = frozenset({State.COMPLETED, State.DEAD, State.CANCELLED})
_URGENT: Final = 100

_Services = Annotated[Services, Depends(services_of)]
_Reader = Annotated[Caller, Depends(_READER)]
_Operator = Annotated[Caller, Depends(_OPERATOR)]
_Id = Annotated[str, Path(description="`job_…`.")]
_Text = Annotated[str | None, Query(max_length=255)]


@router.get(_BASE, name="listJobs", response_model=wire.JobPage)
async def list_jobs(
    *,
    caller: _Reader,
    services: _Services,
    state: Annotated[list[State] | None, Query(description="One or more of the states.", max_length=10)] = None,
    kind: _Text = None,
    source: _Text = None,
    limit: Annotated[int, Query(ge=1, le=_MAX_PAGE)] = 50,
    cursor: Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before.")] = None,
) -> Response:
    """List jobs, live and finished, newest first."""
    filters: list[Json] = [sorted(each.value for each in state or ()), kind, source]
    before = cursors.parse(cursor, ids.JOB, filters)
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await views.page(tx, JobFilter(tuple(state or ()), kind, source), before=before, limit=limit + 1)
    following = cursors.show(found[limit - 1].id, ids.JOB, filters) if len(found) > limit else None
    return answers.shown(wire.JobPage([wire.Job(**_told(each)) for each in found[:limit]], following))


@router.get(_ONE, name="getJob", response_model=wire.JobDetail, responses=documents.problems(404))
async def get(job_id: _Id, caller: _Reader, services: _Services) -> Response:
    """Return a job with its attempts."""
    return answers.shown(await _detail(services, caller, ids.parse(ids.JOB, job_id)))


@router.post(
    f"{_ONE}/cancel",
    name="cancelJob",
    response_model=wire.JobDetail,
    responses=documents.problems(400, 404, 409),
)
async def cancel(job_id: _Id, caller: _Operator, services: _Services, body: wire.Grounds | None = None) -> Response:
    """Cancel a job that waits, ask a running one to stop; the export it works for ends with it."""
    given, identifier = grounds.of(body), ids.parse(ids.JOB, job_id)
    async with services.database.tenant(caller.tenant.id) as tx:
        job = await store.find(tx, identifier)
        if job.state in _FINISHED:
            raise InvalidTransition(f"{job_id} is {job.state.value}; only a job that has not ended can be cancelled.")
        if job.kind != JOB_KIND:
            ended = await store.cancel(
                tx, identifier, reason=given.reason, actor=caller.principal.actor, ticket=given.ticket
            )
            await follow_up(tx, services.endings, ended)
    if job.kind == JOB_KIND:
        await services.exports.cancel(
            caller.principal, caller.tenant.id, UUID(job.payload["export"]), given.reason, ticket=given.ticket
        )
    await services.hints.send(notify.JOBS)
    return answers.shown(await _detail(services, caller, identifier))


@router.post(
    f"{_ONE}/prioritise",
    name="prioritiseJob",
    response_model=wire.JobDetail,
    responses=documents.problems(400, 404, 409),
)
async def prioritise(job_id: _Id, body: wire.PriorityRequest, caller: _Operator, services: _Services) -> Response:
    """Make a waiting job more or less urgent."""
    given, identifier = grounds.admit(body.reason, body.ticket), ids.parse(ids.JOB, job_id)
    if not -_URGENT <= body.priority <= _URGENT:
        raise InvalidInput.field("priority", f"must be between -{_URGENT} and {_URGENT}.")
    async with services.database.tenant(caller.tenant.id) as tx:
        await store.prioritise(
            tx,
            identifier,
            body.priority,
            actor=caller.principal.actor,
            reason=given.reason,
            ticket=given.ticket,
        )
    await services.hints.send(notify.JOBS)
    return answers.shown(await _detail(services, caller, identifier))


async def _detail(services: Services, caller: Caller, job_id: UUID) -> wire.JobDetail:
    async with services.database.tenant(caller.tenant.id) as tx:
        found, tries = await views.look(tx, job_id), await views.attempts(tx, job_id)
    return wire.JobDetail(**_told(found), attempts=[_attempt(each) for each in tries])


def _told(job: JobView) -> dict[str, Any]:
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
        "eligible_at": _instant(job.eligible_at),
        "error": _fault(job.error),
        "created_at": clock.show(job.created_at),
        "started_at": _instant(job.started_at),
        "ended_at": _instant(job.finished_at),
        "cancel_requested_at": _instant(job.cancel_requested_at),
    }


def _attempt(found: AttemptView) -> wire.Attempt:
    started = clock.show(found.started_at)
    return wire.Attempt(found.attempt, started, _instant(found.ended_at), found.outcome, _fault(found.error))


def _fault(error: Mapping[str, Any] | None) -> wire.JobFault | None:
    return None if error is None else wire.JobFault(str(error.get("code", "")), str(error.get("message", "")))


def _instant(value: datetime | None) -> str | None:
    return None if value is None else clock.show(value)
