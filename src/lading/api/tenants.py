"""Tenants and their keys: the instance's admins add tenants, a tenant's admins its keys."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from fastapi import Depends
from starlette.responses import Response

from lading import clock, ids
from lading.api import answers, documents
from lading.api.auth import ADMINS, ANYBODY, Caller, OwnGate
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.errors import InvalidInput, NotFound
from lading.tenants import rules, store
from lading.tenants.model import Key, Tenant
from lading.wire import tenants as wire

router: Final = new_router("tenants")
_ANYBODY: Final = OwnGate(ANYBODY)
_ADMIN: Final = OwnGate(ADMINS)
_INSTANCE: Final = OwnGate(ADMINS, only_instance=True)
_Services = Annotated[Services, Depends(services_of)]


@router.get("/api/v1/me", name="getMe", response_model=wire.Me)
async def me(caller: Annotated[Caller, Depends(_ANYBODY)]) -> Response:
    """Tell whose key this is."""
    principal = caller.principal
    return answers.shown(
        wire.Me(
            key_id=ids.show(ids.KEY, principal.id),
            name=principal.name,
            role=principal.role.value,
            tenant=caller.tenant.slug,
            is_instance=principal.is_instance,
        )
    )


@router.get("/api/v1/tenants", name="listTenants", response_model=wire.TenantList, dependencies=[Depends(_INSTANCE)])
async def list_tenants(services: _Services) -> Response:
    """List the tenants of this installation."""
    async with services.database.system() as tx:
        found = await store.list_tenants(tx)
    return answers.shown(wire.TenantList([_tenant(each) for each in found]))


@router.post(
    "/api/v1/tenants",
    name="createTenant",
    status_code=201,
    response_model=wire.Tenant,
    responses=documents.problems(409),
)
async def create_tenant(
    body: wire.TenantRequest, caller: Annotated[Caller, Depends(_INSTANCE)], services: _Services
) -> Response:
    """Add a tenant."""
    async with services.database.system() as tx:
        made = await store.create_tenant(tx, body.slug, name=body.name, actor=caller.principal.actor)
    return answers.shown(_tenant(made), status=201)


@router.get(
    "/api/v1/tenants/{slug}/keys",
    name="listKeys",
    response_model=wire.KeyList,
    responses=documents.problems(404),
)
async def list_keys(slug: str, caller: Annotated[Caller, Depends(_ADMIN)], services: _Services) -> Response:
    """List the keys of a tenant, without their secrets."""
    tenant = await _managed(services, caller, slug)
    async with services.database.system() as tx:
        found = await store.list_keys(tx, tenant.id)
    return answers.shown(wire.KeyList([_key(each) for each in found]))


@router.post(
    "/api/v1/tenants/{slug}/keys",
    name="createKey",
    status_code=201,
    response_model=wire.MintedKey,
    responses=documents.problems(404),
)
async def create_key(
    slug: str, body: wire.KeyRequest, caller: Annotated[Caller, Depends(_ADMIN)], services: _Services
) -> Response:
    """Add a key to a tenant; the answer is the only place where its token is ever shown."""
    tenant = await _managed(services, caller, slug)
    role, expires_at = rules.parse_role(body.role), _instant(body.expires_at)
    async with services.database.system() as tx:
        minted = await store.mint_key(
            tx, tenant.id, name=body.name, role=role, expires_at=expires_at, actor=caller.principal.actor
        )
    return answers.shown(wire.MintedKey(_key(minted.key), minted.token), status=201)


@router.delete(
    "/api/v1/tenants/{slug}/keys/{key_id}",
    name="revokeKey",
    response_model=wire.Key,
    responses=documents.problems(404),
)
async def revoke_key(
    slug: str, key_id: str, caller: Annotated[Caller, Depends(_ADMIN)], services: _Services
) -> Response:
    """Revoke a key from now on; doing it again changes nothing."""
    tenant = await _managed(services, caller, slug)
    async with services.database.system() as tx:
        revoked = await store.revoke_key(tx, tenant.id, key_id=ids.parse(ids.KEY, key_id), actor=caller.principal.actor)
    return answers.shown(_key(revoked))


async def _managed(services: Services, caller: Caller, slug: str) -> Tenant:
    if slug == caller.tenant.slug:
        return caller.tenant
    if caller.principal.is_instance and rules.is_slug(slug):
        async with services.database.system() as tx:
            found = await store.find_tenant(tx, slug)
        if found is not None:
            return found
    raise NotFound("There is no such tenant that this key may manage; check its spelling.")


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return clock.parse(text)
    except (ValueError, OverflowError):
        raise InvalidInput.field("expires_at", "give an instant such as 2027-01-31T12:00:00Z.") from None


def _tenant(tenant: Tenant) -> wire.Tenant:
    return wire.Tenant(ids.show(ids.TENANT, tenant.id), tenant.slug, tenant.name, clock.show(tenant.created_at))


def _key(key: Key) -> wire.Key:
    return wire.Key(
        id=ids.show(ids.KEY, key.id),
        name=key.name,
        role=key.role.value,
        created_at=clock.show(key.created_at),
        expires_at=clock.shown(key.expires_at),
        revoked_at=clock.shown(key.revoked_at),
        last_used_at=clock.shown(key.last_used_at),
    )
