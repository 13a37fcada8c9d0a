"""Call quotas over HTTP: how many calls of the export API, and how many exports, a tenant may ask for."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, Path
from starlette.responses import Response

from lading.api import answers, documents, grounds
from lading.api.auth import QUOTA_KEEPERS, QUOTA_READERS, Caller, gate
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.limits import call_quotas
from lading.wire import call_quotas as wire
from lading.wire.jobs import Grounds

router: Final = new_router("limits")
_BASE: Final = "/api/v1/call-quotas"
_Services = Annotated[Services, Depends(services_of)]
_Reader = Annotated[Caller, Depends(gate(QUOTA_READERS))]
_Keeper = Annotated[Caller, Depends(gate(QUOTA_KEEPERS))]
_Name = Annotated[str, Path(description="`export-calls`: every call of the export API; `exports`: what is asked for.")]


@router.get(_BASE, name="listCallQuotas", response_model=wire.CallQuotaList)
async def list_call_quotas(caller: _Reader, services: _Services) -> Response:
    """List how many calls and exports may be asked for, and how many were."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await call_quotas.every(tx)
    return answers.shown(wire.CallQuotaList([_shown(each) for each, _ in found]))


@router.put(f"{_BASE}/{{name}}", name="putCallQuota", response_model=wire.CallQuota, responses=documents.problems(400))
async def put_call_quota(name: _Name, body: wire.CallQuotaRequest, caller: _Keeper, services: _Services) -> Response:
    """Limit calls or exports: more are answered with 429; holds for exports at once, for calls within seconds."""
    given = grounds.admit(body.reason, body.ticket)
    async with services.database.tenant(caller.tenant.id) as tx:
        stands = await call_quotas.put(
            tx,
            name,
            max_per_hour=body.max_per_hour,
            max_per_day=body.max_per_day,
            max_waiting=body.max_waiting,
            reason=given.reason,
            ticket=given.ticket,
            actor=caller.principal.actor,
        )
    services.calls.forget(caller.tenant.id)
    return answers.shown(_shown(stands))


@router.delete(f"{_BASE}/{{name}}", name="deleteCallQuota", status_code=204, responses=documents.problems(400, 404))
async def delete_call_quota(name: _Name, caller: _Keeper, services: _Services, body: Grounds | None = None) -> Response:
    """Lift the limit on calls or exports."""
    given = grounds.of(body)
    async with services.database.tenant(caller.tenant.id) as tx:
        await call_quotas.drop(tx, name, reason=given.reason, ticket=given.ticket, actor=caller.principal.actor)
    services.calls.forget(caller.tenant.id)
    return Response(status_code=204)


def _shown(found: call_quotas.CallQuota) -> wire.CallQuota:
    return wire.CallQuota(
        name=found.name,
        max_per_hour=found.max_per_hour,
        max_per_day=found.max_per_day,
        max_waiting=found.max_waiting,
        used_this_hour=found.hour_used,
        used_today=found.day_used,
        waiting=found.waiting,
        version=found.version,
        reason=found.reason,
        ticket=found.ticket,
    )
