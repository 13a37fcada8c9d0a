"""
Who may call a route, and for which tenant it acts.

Every route depends on one gate, and a route without one can't be built (`routing.Route`): deny by default.  A gate
turns the bearer token, a key or the signed token of an identity provider, into a Caller or refuses.  What its scopes do
not hold is 403; what is not of the caller's tenant does not exist (404), or, when a request names a tenant, is 422:
neither tells whether somebody else's thing exists.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Header, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from lading.api.services import Services, services_of
from lading.errors import Forbidden, InvalidInput, TenantSuspended, Unauthenticated
from lading.ledger.entry import SYSTEM
from lading.tenants import claims, logins, providers, rules, store
from lading.tenants.claims import Unproved
from lading.tenants.logins import TENANT_HEADER
from lading.tenants.model import RIGHTS, Principal, Role, Scope, Tenant

_LOG: Final = logging.getLogger("lading.api")
_BEARER: Final = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    description="An API key (`Bearer ldg_…`), or a token of an OpenID provider that a tenant believes (`Bearer eyJ…`).",
)
_Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]
_Named = Annotated[
    str | None,
    Header(
        alias=TENANT_HEADER,
        description="Slug of the tenant to act for. Needed with a key of the instance; other keys have one tenant.",
    ),
]

_COUNTED: Final = ("/api/v1/exports", "/api/v1/bufdir-exports")

# What a route asks for: any one of these scopes; which roles have them is in `tenants.model.RIGHTS`.
ANYBODY: Final = frozenset(Scope)
READERS: Final = frozenset({Scope.READ})
DOWNLOADERS: Final = frozenset({Scope.DOWNLOAD})
REQUESTERS: Final = frozenset({Scope.EXPORT})
OPERATORS: Final = frozenset({Scope.OPERATE})
AUDITORS: Final = frozenset({Scope.AUDIT})
INSPECTORS: Final = frozenset({Scope.OPERATE, Scope.AUDIT})
QUOTA_READERS: Final = frozenset({Scope.READ, Scope.QUOTA})
QUOTA_KEEPERS: Final = frozenset({Scope.QUOTA})
ADMINS: Final = frozenset({Scope.ADMIN})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and the tenant the request acts for."""

    principal: Principal
    tenant: Tenant


class Gate:
    """Lets in principals with one of `scopes`; `only_instance` admits the instance's admins alone."""

    def __init__(self, scopes: frozenset[Scope], *, only_instance: bool = False) -> None:
        self.scopes: Final = scopes
        self.only_instance: Final = only_instance

    @property
    def roles(self) -> frozenset[Role]:
        """Return the roles that have one of the scopes."""
        return frozenset(role for role, scopes in RIGHTS.items() if scopes & self.scopes)


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
            caller = await acting_for(services, caller, lading_tenant, field=TENANT_HEADER)
        elif caller.principal.is_instance:
            raise InvalidInput.field(
                TENANT_HEADER,
                "is required with a key of the instance; name the tenant (command line: --tenant or LADING_TENANT).",
            )
        if is_counted(request.scope["route"].path):
            await count(request, services, caller)
        return caller


def is_counted(path: str) -> bool:
    """Tell whether calls of a route count as calls of the export API."""
    return path.startswith(_COUNTED)


async def count(request: Request, services: Services, caller: Caller) -> None:
    """Count a call for the tenant that it acts for, and have it told in the answer; QuotaExceeded over the quota."""
    tenant_id, calls = caller.tenant.id, services.calls
    request.state.rate_limits = lambda: calls.headers(tenant_id)
    await calls.count(tenant_id, actor=caller.principal.actor)


def gate(scopes: frozenset[Scope]) -> TenantGate:
    """Return the gate of a route that acts inside one tenant."""
    return TenantGate(scopes)


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
    try:
        principal = await _identified(request, credentials.credentials, services)
    except Unauthenticated as refusal:
        await _tell(refusal, services)
        raise
    async with services.database.system() as tx:
        tenant = await store.get_tenant(tx, principal.tenant_id)
    if tenant.suspended_at is not None:
        raise TenantSuspended("This organisation is suspended; the people who run this installation can reactivate it.")
    if not principal.scopes & gate.scopes or (gate.only_instance and not principal.is_instance):
        await _deny(request, principal, services)
        few = "" if principal.narrowed is None else ", narrowed to few scopes,"
        who = "key" if principal.kind == "key" else "member"
        raise Forbidden(f"A {who} with the role {principal.role}{few} may not do this; ask an admin for one that may.")
    return Caller(principal, tenant)


async def _identified(request: Request, token: str, services: Services) -> Principal:
    if not claims.looks_like(token):
        async with services.database.system() as tx:
            return await store.authenticate(tx, token)
    return await _signed_in(claims.peek(token), request.headers.get(TENANT_HEADER), services)


async def _signed_in(unproved: Unproved, slug: str | None, services: Services) -> Principal:
    """Return whom a signed token lets in; twice tried, because two first requests of a person come at once."""
    named: Tenant | None = None
    async with services.database.system() as tx:
        believed, now = await providers.of_issuer(tx, unproved.issuer), tx.now
        if slug is not None and rules.is_slug(slug):
            named = await store.find_tenant(tx, slug)
    if not believed:
        raise Unauthenticated("The token's issuer is not believed here; ask an admin to register it.", why="issuer")
    try:
        believers = [each.tenant_id for each in believed]
        keys = await services.issuers.keys(unproved, services.settings.networks, believers)
        proved = claims.prove(unproved, keys, now=now)
    except Unauthenticated as refusal:
        raise Unauthenticated(refusal.message, of=logins.told_to(believed), why=refusal.why) from None
    for _ in range(2):
        able = await logins.candidates(services.database, proved, believed)
        candidate = logins.chosen(able, None if named is None else named.id)
        if candidate is None:
            break
        principal = await logins.enter(services.database, candidate, proved)
        if principal is not None:
            return principal
    raise logins.refusal(proved, believed)


async def _tell(refusal: Unauthenticated, services: Services) -> None:
    _LOG.warning("login.refused", extra={"why": refusal.why, "about": refusal.of[1] if refusal.of else None})
    if refusal.of is not None:
        tenant_id, subject = refusal.of
        await services.refusals.note(
            services.database,
            tenant_id,
            event="login.refused",
            subject=subject,
            reason=refusal.why,
            actor=SYSTEM,
            data={"why": refusal.why},
        )


async def _deny(request: Request, principal: Principal, services: Services) -> None:
    operation = request.scope["route"].name
    await services.refusals.note(
        services.database,
        principal.tenant_id,
        event="policy.denied",
        subject=principal.shown_id,
        reason=operation,
        actor=principal.actor,
        data={"operation": operation, "rule": "role"},
    )
    _LOG.warning("request.denied", extra={"key": principal.shown_id, "operation": operation})
