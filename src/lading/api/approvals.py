"""Four eyes over HTTP: another person lets an export run that a policy holds back, or refuses it."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, Path
from starlette.responses import Response

from lading import ids
from lading.api import answers, documents, grounds
from lading.api.auth import REQUESTERS, Caller, gate
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.db import notify
from lading.exports import approvals
from lading.wire import exports as wire
from lading.wire.jobs import Grounds

router: Final = new_router("exports")
_ONE: Final = "/api/v1/exports/{export_id}"
_Services = Annotated[Services, Depends(services_of)]
# Which of the roles that may ask for an export may decide on one, its policy says.
_Requester = Annotated[Caller, Depends(gate(REQUESTERS))]
_Id = Annotated[str, Path(description="`exp_…` of an export whose `waiting_for` is approval.")]


@router.post(
    f"{_ONE}/approve", name="approveExport", response_model=wire.Export, responses=documents.problems(400, 404, 409)
)
async def approve(export_id: _Id, caller: _Requester, services: _Services, body: Grounds | None = None) -> Response:
    """Let an export run that another person has asked for."""
    given, identifier = grounds.of(body), ids.parse(ids.EXPORT, export_id)
    async with services.database.tenant(caller.tenant.id) as tx:
        await approvals.approve(tx, identifier, actor=caller.principal.actor, reason=given.reason, ticket=given.ticket)
    await services.hints.send(notify.JOBS)
    await services.hints.send(notify.EXPORTS)
    return answers.export(await services.exports.get(caller.tenant.id, identifier))


@router.post(
    f"{_ONE}/reject", name="rejectExport", response_model=wire.Export, responses=documents.problems(400, 404, 409)
)
async def reject(export_id: _Id, caller: _Requester, services: _Services, body: Grounds | None = None) -> Response:
    """Refuse an export that another person has asked for: it is cancelled."""
    given, identifier = grounds.of(body), ids.parse(ids.EXPORT, export_id)
    async with services.database.tenant(caller.tenant.id) as tx:
        await approvals.reject(tx, identifier, actor=caller.principal.actor, reason=given.reason, ticket=given.ticket)
    await services.hints.send(notify.JOBS)
    await services.hints.send(notify.EXPORTS)
    return answers.export(await services.exports.get(caller.tenant.id, identifier))
