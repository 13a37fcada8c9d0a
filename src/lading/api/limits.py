"""Limits over HTTP: quotas, rates, and the breakers of sources; pauses and throttles are apart."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, Path
from starlette.responses import Response

from lading import clock
from lading.api import answers, documents, grounds, targets
from lading.api.auth import QUOTA_KEEPERS, QUOTA_READERS, Caller, gate
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.db import notify
from lading.limits import breakers, store
from lading.limits.model import Bucket, Quota, Scope
from lading.wire import limits as wire
from lading.wire.jobs import Grounds

router: Final = new_router("limits")
_QUOTAS: Final = "/api/v1/quotas"
_RATES: Final = "/api/v1/rate-limits"
_QUOTA_READER: Final = gate(QUOTA_READERS)
_QUOTA_KEEPER: Final = gate(QUOTA_KEEPERS)

_Services = Annotated[Services, Depends(services_of)]
_QuotaReader = Annotated[Caller, Depends(_QUOTA_READER)]
_Keeper = Annotated[Caller, Depends(_QUOTA_KEEPER)]
_Kind = Annotated[str, Path(description="Kind of job, for example `export`; `*` for all of them together.")]
_Source = Annotated[str, Path(description="Name of the source.")]


@router.get(_QUOTAS, name="listQuotas", response_model=wire.QuotaList)
async def list_quotas(caller: _QuotaReader, services: _Services) -> Response:
    """List how many jobs of each kind may run and start, and how many run."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await store.quotas(tx)
    return answers.shown(wire.QuotaList([_quota(each) for each in found]))


@router.put(f"{_QUOTAS}/{{kind}}", name="putQuota", response_model=wire.Quota, responses=documents.problems(400, 404))
async def put_quota(kind: _Kind, body: wire.QuotaRequest, caller: _Keeper, services: _Services) -> Response:
    """Limit how many jobs of a kind run at once and start per hour; holds from the next claim on."""
    given = grounds.admit(body.reason, body.ticket)
    async with services.database.tenant(caller.tenant.id) as tx:
        stands = await store.set_quota(
            tx,
            kind,
            max_active=body.max_active,
            max_per_hour=body.max_per_hour,
            burst=body.burst,
            actor=caller.principal.actor,
            reason=given.reason,
            ticket=given.ticket,
        )
        if kind != store.EVERY:
            await targets.require(tx, Scope.KIND, kind)
    await services.hints.send(notify.JOBS)
    return answers.shown(_quota(stands))


@router.delete(f"{_QUOTAS}/{{kind}}", name="deleteQuota", status_code=204, responses=documents.problems(400, 404))
async def delete_quota(kind: _Kind, caller: _Keeper, services: _Services, body: Grounds | None = None) -> Response:
    """Lift the quota of a kind."""
    given = grounds.of(body)
    async with services.database.tenant(caller.tenant.id) as tx:
        await store.drop_quota(tx, kind, actor=caller.principal.actor, reason=given.reason, ticket=given.ticket)
    await services.hints.send(notify.JOBS)
    return Response(status_code=204)


@router.get(_RATES, name="listRateLimits", response_model=wire.RateLimitList)
async def list_rate_limits(caller: _QuotaReader, services: _Services) -> Response:
    """List how fast jobs on each source may start, and how many starts are left now."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await store.buckets(tx)
    return answers.shown(wire.RateLimitList([_rate_limit(each) for each in found]))


@router.put(
    f"{_RATES}/{{source}}", name="putRateLimit", response_model=wire.RateLimit, responses=documents.problems(400, 404)
)
async def put_rate_limit(
    source: _Source, body: wire.RateLimitRequest, caller: _Keeper, services: _Services
) -> Response:
    """Limit how fast jobs on a source start; holds from the next claim on."""
    given = grounds.admit(body.reason, body.ticket)
    async with services.database.tenant(caller.tenant.id) as tx:
        stands = await store.set_bucket(
            tx,
            source,
            rate=body.rate,
            burst=body.burst,
            actor=caller.principal.actor,
            reason=given.reason,
            ticket=given.ticket,
        )
        await targets.require(tx, Scope.SOURCE, source)
    await services.hints.send(notify.JOBS)
    return answers.shown(_rate_limit(stands))


@router.delete(f"{_RATES}/{{source}}", name="deleteRateLimit", status_code=204, responses=documents.problems(400, 404))
async def delete_rate_limit(
    source: _Source, caller: _Keeper, services: _Services, body: Grounds | None = None
) -> Response:
    """Lift the rate limit of a source; also one that was learnt from its 429."""
    given = grounds.of(body)
    async with services.database.tenant(caller.tenant.id) as tx:
        await store.drop_bucket(tx, source, actor=caller.principal.actor, reason=given.reason, ticket=given.ticket)
    await services.hints.send(notify.JOBS)
    return Response(status_code=204)


@router.get("/api/v1/breakers", name="listBreakers", response_model=wire.BreakerList)
async def list_breakers(caller: _QuotaReader, services: _Services) -> Response:
    """List the circuit breakers of sources that have failed."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await breakers.breakers(tx)
    items = [
        wire.Breaker(each.host, each.state, each.failures, clock.shown(each.retry_at), clock.show(each.changed_at))
        for each in found
    ]
    return answers.shown(wire.BreakerList(items))


def _quota(found: Quota) -> wire.Quota:
    return wire.Quota(
        kind=found.kind,
        max_active=found.max_active,
        max_per_hour=found.max_per_hour,
        burst=found.burst,
        active=found.active,
        version=found.version,
        reason=found.reason,
        ticket=found.ticket,
    )


def _rate_limit(found: Bucket) -> wire.RateLimit:
    return wire.RateLimit(
        source=found.host,
        rate=found.rate,
        burst=found.burst,
        tokens=found.tokens,
        version=found.version,
        factor=found.factor,
        effective_rate=found.rate * found.factor,
        blocked_until=clock.shown(found.blocked_until),
        is_learnt=found.is_learnt,
        reason=found.reason,
        ticket=found.ticket,
    )
