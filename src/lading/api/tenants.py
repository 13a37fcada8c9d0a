"""
Tenants over HTTP, for the instance's admins: added, named, suspended and reactivated; and who is asking.

A tenant is never deleted: its ledger is append-only, and names it for as long as anybody may want to check it (ADR
0015).  While it is suspended nobody of it is let in and none of its jobs start.
"""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, Path, Query
from starlette.responses import Response

from lading import clock, ids
from lading.api import answers, cursors, documents, grounds
from lading.api.auth import ADMINS, ANYBODY, Caller, OwnGate
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.db import notify
from lading.errors import NotFound
from lading.limits import store as limits
from lading.limits.model import Scope
from lading.tenants import rules, store
from lading.tenants.model import Tenant
from lading.wire import tenants as wire
from lading.wire.jobs import Grounds

router: Final = new_router("access")
_BASE: Final = "/api/v1/tenants"
_ONE: Final = f"{_BASE}/{{slug}}"
_MAX_PAGE: Final = 200
_ETAG: Final = {"headers": {"ETag": documents.header("The version of the tenant.", '"v3"')}}
_INSTANCE: Final = OwnGate(ADMINS, only_instance=True)
_Services = Annotated[Services, Depends(services_of)]
_Instance = Annotated[Caller, Depends(_INSTANCE)]
_Slug = Annotated[str, Path(description="Slug of the tenant.")]


@router.get("/api/v1/me", name="getMe", response_model=wire.Me)
async def me(caller: Annotated[Caller, Depends(OwnGate(ANYBODY))]) -> Response:
    """Tell who is asking, and what they may."""
    principal = caller.principal
    return answers.shown(
        wire.Me(
            id=principal.shown_id,
            kind=principal.kind,
            name=principal.name,
            role=principal.role.value,
            scopes=sorted(principal.scopes),
            tenant=caller.tenant.slug,
            is_instance=principal.is_instance,
            expires_at=clock.shown(principal.expires_at),
        )
    )


@router.get(_BASE, name="listTenants", response_model=wire.TenantList, dependencies=[Depends(_INSTANCE)])
async def list_tenants(
    services: _Services,
    limit: Annotated[int, Query(ge=1, le=_MAX_PAGE, description="At most so many.")] = 50,
    cursor: Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before.")] = None,
) -> Response:
    """List the tenants of this installation, by slug."""
    after = cursors.parse_words(cursor, 1, [])
    async with services.database.system() as tx:
        found = await store.list_tenants(tx, after=None if after is None else after[0], limit=limit + 1)
    following = cursors.show_words([found[limit - 1].slug], []) if len(found) > limit else None
    return answers.shown(wire.TenantList([_tenant(each) for each in found[:limit]], following))


@router.post(_BASE, name="createTenant", status_code=201, response_model=wire.Tenant, responses=documents.problems(409))
async def create_tenant(body: wire.TenantRequest, caller: _Instance, services: _Services) -> Response:
    """Add a tenant."""
    async with services.database.system() as tx:
        made = await store.create_tenant(tx, body.slug, name=body.name, actor=caller.principal.actor)
    return _answer(made, status=201)


@router.get(
    _ONE,
    name="getTenant",
    response_model=wire.Tenant,
    responses={200: _ETAG, **documents.problems(404)},
    dependencies=[Depends(_INSTANCE)],
)
async def get_tenant(slug: _Slug, services: _Services) -> Response:
    """Tell what a tenant is called, and whether it is suspended."""
    return _answer(await _found(services, slug))


@router.put(
    _ONE, name="renameTenant", response_model=wire.Tenant, responses={200: _ETAG, **documents.problems(404, 412, 428)}
)
async def rename_tenant(
    slug: _Slug, body: wire.TenantChange, caller: _Instance, services: _Services, version: documents.Change
) -> Response:
    """Give a tenant another name for people; its slug stays, because ledgers have it."""
    tenant = await _found(services, slug)
    async with services.database.tenant(tenant.id) as tx:
        renamed = await store.rename_tenant(tx, body.name, actor=caller.principal.actor, version=version)
    return _answer(renamed)


@router.post(
    f"{_ONE}/suspend", name="suspendTenant", response_model=wire.Tenant, responses=documents.problems(400, 404, 409)
)
async def suspend_tenant(slug: _Slug, caller: _Instance, services: _Services, body: Grounds | None = None) -> Response:
    """Let nobody of a tenant in and start none of its jobs until it is reactivated; again changes nothing."""
    given, tenant = grounds.of(body), await _found(services, slug)
    actor = caller.principal.actor
    async with services.database.tenant(tenant.id) as tx:
        paused = await limits.pause(
            tx,
            Scope.TENANT,
            "",
            reason=given.reason,
            ticket=given.ticket,
            starts_at=None,
            ends_at=None,
            actor=actor,
        )
        suspended = await store.suspend_tenant(
            tx, reason=given.reason, ticket=given.ticket, pause_id=paused.id, actor=actor
        )
        if suspended is None:  # somebody was faster; their pause holds
            await limits.resume(tx, paused.id, actor=actor, reason=given.reason, ticket=given.ticket)
    return _answer(await _found(services, slug) if suspended is None else suspended)


@router.post(
    f"{_ONE}/reactivate", name="reactivateTenant", response_model=wire.Tenant, responses=documents.problems(400, 404)
)
async def reactivate_tenant(
    slug: _Slug, caller: _Instance, services: _Services, body: Grounds | None = None
) -> Response:
    """Let those of a suspended tenant in again, and lift the pause that its suspension set."""
    given, tenant = grounds.of(body), await _found(services, slug)
    actor = caller.principal.actor
    async with services.database.tenant(tenant.id) as tx:
        active, pause_id = await store.reactivate_tenant(tx, reason=given.reason, ticket=given.ticket, actor=actor)
        if pause_id is not None and any(each.id == pause_id for each in await limits.pauses(tx, Scope.TENANT)):
            await limits.resume(tx, pause_id, actor=actor, reason=given.reason, ticket=given.ticket)
    await services.hints.send(notify.JOBS)
    return _answer(active)


async def _found(services: Services, slug: str) -> Tenant:
    if rules.is_slug(slug):
        async with services.database.system() as tx:
            found = await store.find_tenant(tx, slug)
        if found is not None:
            return found
    raise NotFound("There is no such tenant; check its spelling.")


def _answer(tenant: Tenant, *, status: int = 200) -> Response:
    return answers.edited(_tenant(tenant), tenant.version, status=status)


def _tenant(tenant: Tenant) -> wire.Tenant:
    return wire.Tenant(
        id=ids.show(ids.TENANT, tenant.id),
        slug=tenant.slug,
        name=tenant.name,
        created_at=clock.show(tenant.created_at),
        version=tenant.version,
        suspended_at=clock.shown(tenant.suspended_at),
        suspend_reason=tenant.suspend_reason,
        suspend_ticket=tenant.suspend_ticket,
    )
