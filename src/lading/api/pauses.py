"""Pauses and blackouts over HTTP: what an operator stops, and lets go on; those that are over stay to be read."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, Path, Query
from starlette.responses import Response

from lading import clock, ids
from lading.api import answers, cursors, documents, grounds, targets
from lading.api.auth import OPERATORS, READERS, Caller, gate
from lading.api.job_shapes import parsed
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.db import notify
from lading.errors import InvalidInput
from lading.limits import store
from lading.limits.model import Pause, Scope
from lading.wire import limits as wire
from lading.wire.jobs import Grounds

router: Final = new_router("limits")
_PAUSES: Final = "/api/v1/pauses"
_MAX_PAGE: Final = 200

_Services = Annotated[Services, Depends(services_of)]
_Reader = Annotated[Caller, Depends(gate(READERS))]
_Operator = Annotated[Caller, Depends(gate(OPERATORS))]


@router.get(_PAUSES, name="listPauses", response_model=wire.PauseList)
async def list_pauses(
    *,
    caller: _Reader,
    services: _Services,
    over: Annotated[
        bool, Query(description="Those that are over, newest first, instead of those that are not.")
    ] = False,
    limit: Annotated[
        int, Query(ge=1, le=_MAX_PAGE, description="Of those that are over; the others come by 1000.")
    ] = 50,
    cursor: Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before.")] = None,
) -> Response:
    """List the pauses and blackouts that are not over; or those that are, with who lifted them and why."""
    at = cursors.parse(cursor, ids.PAUSE, [over])
    async with services.database.tenant(caller.tenant.id) as tx:
        if over:
            found = await store.past_pauses(tx, before=at, limit=limit + 1)
        else:
            limit = store.MOST_PAUSES
            found = await store.pauses(tx, after=at, limit=limit + 1)
    following = cursors.show(found[limit - 1].id, ids.PAUSE, [over]) if len(found) > limit else None
    return answers.shown(wire.PauseList([_shown(each) for each in found[:limit]], following))


@router.post(
    _PAUSES,
    name="createPause",
    status_code=201,
    response_model=wire.Pause,
    responses=documents.problems(400, 404, 409),
)
async def create_pause(body: wire.PauseRequest, caller: _Operator, services: _Services) -> Response:
    """Stop the tenant, a source, a kind or a job: until it is resumed, or, with an end, in that window."""
    given = grounds.admit(body.reason, body.ticket)
    async with services.database.tenant(caller.tenant.id) as tx:
        scope = _scope(body.scope)
        stands = await store.pause(
            tx,
            scope,
            body.target,
            reason=given.reason,
            ticket=given.ticket,
            starts_at=parsed("starts_at", body.starts_at),
            ends_at=parsed("ends_at", body.ends_at),
            actor=caller.principal.actor,
        )
        await targets.require(tx, scope, body.target)
    return answers.shown(_shown(stands), status=201)


@router.post(
    f"{_PAUSES}/{{pause_id}}/resume", name="resumePause", status_code=204, responses=documents.problems(400, 404)
)
async def resume(
    pause_id: Annotated[str, Path(description="`pau_…`.")],
    caller: _Operator,
    services: _Services,
    body: Grounds | None = None,
) -> Response:
    """Let what was stopped go on; the words of the reason stay with the pause."""
    given = grounds.of(body)
    async with services.database.tenant(caller.tenant.id) as tx:
        await store.resume(
            tx,
            ids.parse(ids.PAUSE, pause_id),
            actor=caller.principal.actor,
            reason=given.reason,
            ticket=given.ticket,
        )
    await services.hints.send(notify.JOBS)
    return Response(status_code=204)


def _scope(text: str) -> Scope:
    try:
        return Scope(text)
    except ValueError:
        raise InvalidInput.field("scope", f"must be one of {', '.join(Scope)}.") from None


def _shown(found: Pause) -> wire.Pause:
    return wire.Pause(
        id=ids.show(ids.PAUSE, found.id),
        scope=found.scope.value,
        target=found.target,
        reason=found.reason,
        ticket=found.ticket,
        created_by=found.created_by,
        created_at=clock.show(found.created_at),
        starts_at=clock.show(found.starts_at),
        ends_at=clock.shown(found.ends_at),
        lifted_at=clock.shown(found.lifted_at),
        lifted_by=found.lifted_by,
        lift_reason=found.lift_reason,
        lift_ticket=found.lift_ticket,
    )
