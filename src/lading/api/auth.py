"""
Who may call a route, and for which tenant it acts.

Every route depends on one gate, and a route without one can't be built (`routing.Route`): deny by default.  A gate
turns the bearer token into a Caller or refuses.  What a role may not do is 403; what is not of the caller's tenant
does not exist (404), or, when a request names a tenant, is 422: neither tells whether somebody else's thing exists.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Header, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from lading import ids
from lading.api.services import Services, services_of
from lading.errors import Forbidden, InvalidInput, Unauthenticated
from lading.ledger import store as ledger
from lading.ledger.entry import Entry
from lading.tenants import rules, store
from lading.tenants.model import Principal, Role, Tenant

_LOG: Final = logging.getLogger("lading.api")
_BEARER: Final = HTTPBearer(
    auto_error=False, scheme_name="token", description="An API key: `Authorization: Bearer ldg_…`."
)
_TENANT_HEADER: Final = "Lading-Tenant"
_Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]
_Named = Annotated[
    str | None,
    Header(
        alias=_TENANT_HEADER,
        description="Slug of the tenant to act for. Needed with a key of the instance; other keys have one tenant.",
    ),
]

ANYBODY: Final = frozenset(Role)
READERS: Final = frozenset({Role.VIEWER, Role.REQUESTER, Role.OPERATOR, Role.AUDITOR, Role.ADMIN})
DOWNLOADERS: Final = frozenset({Role.REQUESTER, Role.OPERATOR, Role.AUDITOR, Role.ADMIN})
REQUESTERS: Final = frozenset({Role.REQUESTER, Role.OPERATOR, Role.ADMIN})
OPERATORS: Final = frozenset({Role.OPERATOR, Role.ADMIN})
AUDITORS: Final = frozenset({Role.AUDITOR, Role.ADMIN})
INSPECTORS: Final = frozenset({Role.OPERATOR, Role.AUDITOR, Role.ADMIN})
QUOTA_READERS: Final = READERS | {Role.QUOTA}
QUOTA_KEEPERS: Final = frozenset({Role.QUOTA, Role.ADMIN})
ADMINS: Final = frozenset({Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and the tenant the request acts for."""

    principal: Principal
    tenant: Tenant


class Gate:
    """Lets in principals with one of `roles`; `only_instance` admits keys of the instance's admins alone."""

    def __init__(self, roles: frozenset[Role], *, only_instance: bool = False) -> None:
        self.roles: Final = roles
        self.only_instance: Final = only_instance


class Open(Gate):
    """Lets in everybody, without a token."""

    def __init__(self) -> None:
        super().__init__(frozenset())

    def __call__(self) -> None:
        """Admit."""


class OwnGate(Gate):
    """Acts for the tenant of the key itself."""

    async def __call__(
        self, request: Request, credentials: _Credentials, services: Annotated[Services, Depends(services_of)]
    ) -> Caller:
        """Return who asks."""
        return await _admit(self, request, credentials, services)


class TenantGate(Gate):
    """Acts for the tenant of the key, or, for the instance's admins, the one that `Lading-Tenant` names."""

    async def __call__(
        self,
        request: Request,
        credentials: _Credentials,
        services: Annotated[Services, Depends(services_of)],
        lading_tenant: _Named = None,
    ) -> Caller:
        """Return who asks and for whom."""
        caller = await _admit(self, request, credentials, services)
        if lading_tenant is not None:
            return await acting_for(services, caller, lading_tenant, field=_TENANT_HEADER)
        if caller.principal.is_instance:
            raise InvalidInput.field(
                _TENANT_HEADER,
                "is required with a key of the instance; name the tenant (command line: --tenant or LADING_TENANT).",
            )
        return caller


def gate(roles: frozenset[Role]) -> TenantGate:
    """Return the gate of a route that acts inside one tenant."""
    return TenantGate(roles)


async def acting_for(services: Services, caller: Caller, slug: str, *, field: str) -> Caller:
    """Return `caller` acting for the tenant called `slug`; InvalidInput names `field` when it may not."""
    if slug == caller.tenant.slug:
        return caller
    found = None
    if caller.principal.is_instance and rules.is_slug(slug):
        async with services.database.system() as tx:
            found = await store.find_tenant(tx, slug)
    if found is None:
        raise InvalidInput.field(
            field, f"{slug[:63]!r} is no organisation that this key may act for; check its spelling."
        )
    return Caller(caller.principal, found)


async def _admit(
    gate: Gate, request: Request, credentials: HTTPAuthorizationCredentials | None, services: Services
) -> Caller:
    if credentials is None:
        raise Unauthenticated(
            "A token is needed: send Authorization: Bearer ldg_… (command line: LADING_TOKEN or --token-file)."
        )
    async with services.database.system() as tx:
        principal = await store.authenticate(tx, credentials.credentials)
        tenant = await store.get_tenant(tx, principal.tenant_id)
    if principal.role not in gate.roles or (gate.only_instance and not principal.is_instance):
        await _deny(request, principal, services)
        raise Forbidden(f"A key with the role {principal.role} may not do this; ask an admin for one that may.")
    return Caller(principal, tenant)


async def _deny(request: Request, principal: Principal, services: Services) -> None:
    operation = request.scope["route"].name
    subject = ids.show(ids.KEY, principal.id)
    entry = Entry(
        "policy.denied", subject=subject, actor=principal.actor, data={"operation": operation, "rule": "role"}
    )
    async with services.database.tenant(principal.tenant_id) as tx:
        await ledger.record(tx, entry)
    _LOG.warning("request.denied", extra={"key": subject, "operation": operation})
