"""
Jobs over HTTP, live and finished: see them, and steer one.

How they are made is in `job_requests`, how many are steered at once in `job_actions`.
"""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, Path, Query
from starlette.responses import Response

from lading import ids
from lading.api import answers, cursors, documents, grounds
from lading.api import job_shapes as shapes
from lading.api.auth import OPERATORS, READERS, Caller, gate
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.canonical import Json
from lading.db import notify
from lading.jobs import controls, store, views
from lading.jobs.model import State
from lading.jobs.views import JobFilter
from lading.wire import jobs as wire
from lading.wire.exports import History

router: Final = new_router("jobs")
_BASE: Final = "/api/v1/jobs"
_ONE: Final = f"{_BASE}/{{job_id}}"
_READER: Final = gate(READERS)
_OPERATOR: Final = gate(OPERATORS)
_MAX_PAGE: Final = 200
_LONGEST_SECONDS: Final = 365 * 86_400

_Services = Annotated[Services, Depends(services_of)]
_Reader = Annotated[Caller, Depends(_READER)]
_Operator = Annotated[Caller, Depends(_OPERATOR)]
_Id = Annotated[str, Path(description="`job_…`.")]
_Text = Annotated[str | None, Query(max_length=255)]
_Instant = Annotated[str | None, Query(max_length=40, description="Such as 2027-01-31T12:00:00Z.")]
_REFUSALS: Final = documents.problems(400, 404, 409)


@router.get(_BASE, name="listJobs", response_model=wire.JobPage)
async def list_jobs(
    *,
    caller: _Reader,
    services: _Services,
    state: Annotated[list[State] | None, Query(description="One or more of the states.", max_length=10)] = None,
    kind: _Text = None,
    source: _Text = None,
    subject: _Text = None,
    run: Annotated[str | None, Query(max_length=40, description="`run_…`.")] = None,
    code: Annotated[str | None, Query(max_length=255, description="Code of the last fault.")] = None,
    created_from: _Instant = None,
    created_to: _Instant = None,
    quiet_seconds: Annotated[
        int | None,
        Query(ge=1, le=_LONGEST_SECONDS, description="Only running jobs that came no step forward for so long."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=_MAX_PAGE)] = 50,
    cursor: Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before.")] = None,
) -> Response:
    """List jobs, live and finished, newest first."""
    filters: list[Json] = [sorted(each.value for each in state or ()), kind, source]
    filters += [subject, run, code, created_from, created_to, quiet_seconds]
    before = cursors.parse(cursor, ids.JOB, filters)
    wanted = JobFilter(
        states=tuple(state or ()),
        kind=kind,
        host=source,
        subject=subject,
        run_id=shapes.run_id("run", run),
        code=code,
        created_from=shapes.parsed("created_from", created_from),
        created_to=shapes.parsed("created_to", created_to),
        quiet_seconds=quiet_seconds,
    )
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await views.page(tx, wanted, before=before, limit=limit + 1)
    following = cursors.show(found[limit - 1].id, ids.JOB, filters) if len(found) > limit else None
    return answers.shown(wire.JobPage([wire.Job(**shapes.told(each)) for each in found[:limit]], following))


@router.get(_ONE, name="getJob", response_model=wire.JobDetail, responses=documents.problems(404))
async def get(job_id: _Id, caller: _Reader, services: _Services) -> Response:
    """Return a job with its attempts and payload."""
    return answers.shown(await shapes.detail(services, caller, ids.parse(ids.JOB, job_id)))


@router.get(f"{_ONE}/history", name="getJobHistory", response_model=History, responses=documents.problems(404))
async def history(job_id: _Id, caller: _Reader, services: _Services) -> Response:
    """Return what the ledger says about a job, oldest first; what was done to many at once tells of all of them."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await views.history(tx, ids.parse(ids.JOB, job_id))
    return answers.shown(History(found))


@router.post(f"{_ONE}/cancel", name="cancelJob", response_model=wire.JobDetail, responses=_REFUSALS)
async def cancel(job_id: _Id, caller: _Operator, services: _Services, body: wire.Grounds | None = None) -> Response:
    """Cancel a job that waits, ask a running one to stop; the export it works for ends with it."""
    given, identifier = grounds.of(body), ids.parse(ids.JOB, job_id)
    await shapes.cancel(services, caller, identifier, given)
    await services.hints.send(notify.JOBS)
    return answers.shown(await shapes.detail(services, caller, identifier))


@router.post(f"{_ONE}/prioritise", name="prioritiseJob", response_model=wire.JobDetail, responses=_REFUSALS)
async def prioritise(job_id: _Id, body: wire.PriorityRequest, caller: _Operator, services: _Services) -> Response:
    """Make a waiting job more or less urgent."""
    given, identifier = grounds.admit(body.reason, body.ticket), ids.parse(ids.JOB, job_id)
    priority = shapes.urgency(body.priority)
    async with services.database.tenant(caller.tenant.id) as tx:
        await store.prioritise(
            tx,
            identifier,
            priority,
            actor=caller.principal.actor,
            reason=given.reason,
            ticket=given.ticket,
        )
    await services.hints.send(notify.JOBS)
    return answers.shown(await shapes.detail(services, caller, identifier))


@router.post(
    f"{_ONE}/retry",
    name="retryJob",
    response_model=wire.JobDetail,
    responses=documents.problems(400, 404, 409, 429),
)
async def retry(job_id: _Id, caller: _Operator, services: _Services, body: wire.Grounds | None = None) -> Response:
    """Let a job that waits for its time or its retry run now; requeue one that is dead."""
    given, identifier = grounds.of(body), ids.parse(ids.JOB, job_id)
    async with services.admission.noting(caller.tenant.id, caller.principal.actor):
        await shapes.admit_revival(services, caller, identifier)
    async with services.database.tenant(caller.tenant.id) as tx:
        await controls.retry(
            tx,
            identifier,
            services.endings,
            reason=given.reason,
            ticket=given.ticket,
            actor=caller.principal.actor,
        )
    await services.hints.send(notify.JOBS)
    await services.hints.send(notify.EXPORTS)
    return answers.shown(await shapes.detail(services, caller, identifier))


@router.post(
    f"{_ONE}/replay",
    name="replayJob",
    status_code=201,
    response_model=wire.JobDetail,
    responses=documents.problems(400, 404, 409, 429),
)
async def replay(
    job_id: _Id, caller: _Operator, services: _Services, body: wire.ReplayRequest | None = None
) -> Response:
    """Do an ended job once more, as a copy with an id of its own; nothing of the old one changes."""
    asked = wire.ReplayRequest() if body is None else body
    given, identifier = grounds.admit(asked.reason, asked.ticket), ids.parse(ids.JOB, job_id)
    priority = shapes.urgency(asked.priority)
    await services.admission.admit(caller.tenant.id, count=1, priority=priority, actor=caller.principal.actor)
    async with services.database.tenant(caller.tenant.id) as tx:
        copy = await controls.replay(
            tx,
            identifier,
            services.endings,
            priority=priority,
            reason=given.reason,
            ticket=given.ticket,
            actor=caller.principal.actor,
        )
    await services.hints.send(notify.JOBS)
    made = await shapes.detail(services, caller, copy)
    return answers.shown(made, status=201, headers={"Location": f"{_BASE}/{made.id}"})
