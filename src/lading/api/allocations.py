"""Allocations over HTTP: what part of the installation each tenant has; for the instance's admins, and to look at."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, Path, Query
from starlette.responses import Response

from lading.api import answers, documents, grounds
from lading.api.auth import ADMINS, QUOTA_READERS, Caller, OwnGate
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.db import notify
from lading.errors import InvalidInput, NotFound
from lading.limits import allocations
from lading.limits.allocations import Allocation
from lading.tenants import rules, store
from lading.tenants.model import Tenant
from lading.wire import sharing as wire
from lading.wire.jobs import Grounds

router: Final = new_router("limits")
_BASE: Final = "/api/v1/allocations"
_ONE: Final = f"{_BASE}/{{slug}}"
_READER: Final = OwnGate(QUOTA_READERS)
_INSTANCE: Final = OwnGate(ADMINS, only_instance=True)
_MAX_PAGE: Final = 200

_Services = Annotated[Services, Depends(services_of)]
_Reader = Annotated[Caller, Depends(_READER)]
_Instance = Annotated[Caller, Depends(_INSTANCE)]
_Slug = Annotated[str, Path(description="Slug of the tenant.")]
_Limit = Annotated[int, Query(ge=1, le=_MAX_PAGE, description="At most so many.")]
_Cursor = Annotated[str | None, Query(max_length=63, description="`next_cursor` of the page before.")]


@router.get(_BASE, name="listAllocations", response_model=wire.AllocationPage)
async def list_allocations(
    caller: _Reader, services: _Services, limit: _Limit = 50, cursor: _Cursor = None
) -> Response:
    """List the allocations that were set: a tenant its own, the admin of the instance all, by tenant."""
    if cursor is not None and not rules.is_slug(cursor):
        raise InvalidInput.field("cursor", "is not a cursor of this list; start again without it.")
    slug = None if caller.principal.is_instance else caller.tenant.slug
    # For one tenant, too: what is granted of its reservation depends on those of the others.
    async with services.database.system() as tx:
        found = await allocations.page(tx, tenant_slug=slug, after=cursor, limit=limit + 1)
    following = found[limit - 1].slug if len(found) > limit else None
    return answers.shown(wire.AllocationPage([_shown(each) for each in found[:limit]], following))


@router.put(_ONE, name="putAllocation", response_model=wire.Allocation, responses=documents.problems(400, 404))
async def put_allocation(slug: _Slug, body: wire.AllocationRequest, caller: _Instance, services: _Services) -> Response:
    """Set what part of the installation a tenant has; holds from the next claim on."""
    given = grounds.admit(body.reason, body.ticket)
    tenant = await _tenant(services, slug)
    async with services.database.tenant(tenant.id) as tx:
        await allocations.put(
            tx,
            body.strategy,
            value=body.value,
            max_queued=body.max_queued,
            reason=given.reason,
            ticket=given.ticket,
            actor=caller.principal.actor,
        )
    services.admission.forget()
    await services.hints.send(notify.JOBS)
    async with services.database.system() as tx:
        stands = await allocations.page(tx, tenant_slug=slug, after=None, limit=1)
    if not stands:
        raise NotFound("The allocation was set, and somebody has reset it since; list them to see what holds.")
    return answers.shown(_shown(stands[0]))


@router.delete(_ONE, name="deleteAllocation", status_code=204, responses=documents.problems(400, 404))
async def delete_allocation(
    slug: _Slug, caller: _Instance, services: _Services, body: Grounds | None = None
) -> Response:
    """Give a tenant equal turns and no limit of its own again."""
    given = grounds.of(body)
    tenant = await _tenant(services, slug)
    async with services.database.tenant(tenant.id) as tx:
        await allocations.reset(tx, reason=given.reason, ticket=given.ticket, actor=caller.principal.actor)
    services.admission.forget()
    await services.hints.send(notify.JOBS)
    return Response(status_code=204)


async def _tenant(services: Services, slug: str) -> Tenant:
    if rules.is_slug(slug):
        async with services.database.system() as tx:
            found = await store.find_tenant(tx, slug)
        if found is not None:
            return found
    raise NotFound("There is no such tenant; check its spelling.")


def _shown(found: Allocation) -> wire.Allocation:
    return wire.Allocation(
        tenant=found.slug,
        strategy=found.strategy.value,
        value=found.value,
        max_queued=found.max_queued,
        reason=found.reason,
        ticket=found.ticket,
        version=found.version,
        granted=found.granted,
    )
