"""Limits over HTTP: quotas, rates, pauses and blackouts, and the lanes that any of them holds back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from fastapi import Depends, Path
from starlette.responses import Response

from lading import clock, ids
from lading.api import answers, documents, grounds
from lading.api.auth import OPERATORS, QUOTA_KEEPERS, QUOTA_READERS, READERS, Caller, gate
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.db import notify
from lading.errors import InvalidInput
from lading.limits import breakers, store
from lading.limits.model import Bucket, Pause, Quota, Scope
from lading.wire import limits as wire
from lading.wire.jobs import Grounds

router: Final = new_router("limits")
_QUOTAS: Final = "/api/v1/quotas"
_RATES: Final = "/api/v1/rate-limits"
_PAUSES: Final = "/api/v1/pauses"
_READER: Final = gate(READERS)
_QUOTA_READER: Final = gate(QUOTA_READERS)
_QUOTA_KEEPER: Final = gate(QUOTA_KEEPERS)
_OPERATOR: Final = gate(OPERATORS)

_Services = Annotated[Services, Depends(services_of)]
_Reader = Annotated[Caller, Depends(_READER)]
_QuotaReader = Annotated[Caller, Depends(_QUOTA_READER)]
_Keeper = Annotated[Caller, Depends(_QUOTA_KEEPER)]
_Operator = Annotated[Caller, Depends(_OPERATOR)]
_Kind = Annotated[str, Path(description="Kind of job, for example `export`.")]
_Source = Annotated[str, Path(description="Name of the source.")]


@router.get(_QUOTAS, name="listQuotas", response_model=wire.QuotaList)
async def list_quotas(caller: _QuotaReader, services: _Services) -> Response:
    """List how many jobs of each kind may run and start, and how many run."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await store.quotas(tx)
    return answers.shown(wire.QuotaList([_quota(each) for each in found]))


@router.put(f"{_QUOTAS}/{{kind}}", name="putQuota", response_model=wire.Quota)
async def put_quota(kind: _Kind, body: wire.QuotaRequest, caller: _Keeper, services: _Services) -> Response:
    """Limit how many jobs of a kind run at once and start per hour; holds from the next claim on."""
    async with services.database.tenant(caller.tenant.id) as tx:
        stands = await store.set_quota(
            tx,
            kind,
            max_active=body.max_active,
            max_per_hour=body.max_per_hour,
            burst=body.burst,
            actor=caller.principal.actor,
        )
    await services.hints.send(notify.JOBS)
    return answers.shown(_quota(stands))


@router.delete(f"{_QUOTAS}/{{kind}}", name="deleteQuota", status_code=204, responses=documents.problems(404))
async def delete_quota(kind: _Kind, caller: _Keeper, services: _Services) -> Response:
    """Lift the quota of a kind."""
    async with services.database.tenant(caller.tenant.id) as tx:
        await store.drop_quota(tx, kind, actor=caller.principal.actor)
    await services.hints.send(notify.JOBS)
    return Response(status_code=204)


@router.get(_RATES, name="listRateLimits", response_model=wire.RateLimitList)
async def list_rate_limits(caller: _QuotaReader, services: _Services) -> Response:
    """List how fast jobs on each source may start, and how many starts are left now."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await store.buckets(tx)
    return answers.shown(wire.RateLimitList([_rate_limit(each) for each in found]))


@router.put(f"{_RATES}/{{source}}", name="putRateLimit", response_model=wire.RateLimit)
async def put_rate_limit(
    source: _Source, body: wire.RateLimitRequest, caller: _Keeper, services: _Services
) -> Response:
    """Limit how fast jobs on a source start; holds from the next claim on."""
    async with services.database.tenant(caller.tenant.id) as tx:
        stands = await store.set_bucket(tx, source, rate=body.rate, burst=body.burst, actor=caller.principal.actor)
    await services.hints.send(notify.JOBS)
    return answers.shown(_rate_limit(stands))


@router.delete(f"{_RATES}/{{source}}", name="deleteRateLimit", status_code=204, responses=documents.problems(404))
async def delete_rate_limit(source: _Source, caller: _Keeper, services: _Services) -> Response:
    """Lift the rate limit of a source."""
    async with services.database.tenant(caller.tenant.id) as tx:
        await store.drop_bucket(tx, source, actor=caller.principal.actor)
    await services.hints.send(notify.JOBS)
    return Response(status_code=204)


@router.get(_PAUSES, name="listPauses", response_model=wire.PauseList)
async def list_pauses(caller: _Reader, services: _Services) -> Response:
    """List the pauses and blackouts that are not over."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await store.pauses(tx)
    return answers.shown(wire.PauseList([_pause(each) for each in found]))


@router.post(_PAUSES, name="createPause", status_code=201, response_model=wire.Pause, responses=documents.problems(400))
async def create_pause(body: wire.PauseRequest, caller: _Operator, services: _Services) -> Response:
    """Stop the tenant, a source, a kind or a job: until it is resumed, or, with an end, in that window."""
    given = grounds.admit(body.reason, body.ticket)
    async with services.database.tenant(caller.tenant.id) as tx:
        stands = await store.pause(
            tx,
            _scope(body.scope),
            body.target,
            reason=given.reason,
            ticket=given.ticket,
            starts_at=_parsed("starts_at", body.starts_at),
            ends_at=_parsed("ends_at", body.ends_at),
            actor=caller.principal.actor,
        )
    return answers.shown(_pause(stands), status=201)


@router.post(
    f"{_PAUSES}/{{pause_id}}/resume", name="resumePause", status_code=204, responses=documents.problems(400, 404)
)
async def resume(
    pause_id: Annotated[str, Path(description="`pau_…`.")],
    caller: _Operator,
    services: _Services,
    body: Grounds | None = None,
) -> Response:
    """Let what was stopped go on."""
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


@router.get("/api/v1/throttles", name="listThrottles", response_model=wire.ThrottleList)
async def list_throttles(caller: _QuotaReader, services: _Services) -> Response:
    """List the lanes that are held back while jobs wait in them, and by what."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await store.throttles(tx)
    items = [
        wire.Throttle(
            each.kind,
            each.host,
            each.waiting_for.value,
            _instant(each.eligible_at),
            clock.show(each.since),
            each.pending,
        )
        for each in found
    ]
    return answers.shown(wire.ThrottleList(items))


@router.get("/api/v1/breakers", name="listBreakers", response_model=wire.BreakerList)
async def list_breakers(caller: _QuotaReader, services: _Services) -> Response:
    """List the circuit breakers of sources that have failed."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await breakers.breakers(tx)
    items = [
        wire.Breaker(each.host, each.state, each.failures, _instant(each.retry_at), clock.show(each.changed_at))
        for each in found
    ]
    return answers.shown(wire.BreakerList(items))


def _scope(text: str) -> Scope:
    try:
        return Scope(text)
    except ValueError:
        raise InvalidInput.field("scope", f"must be one of {', '.join(Scope)}.") from None


def _parsed(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return clock.parse(text)
    except (ValueError, OverflowError):
        raise InvalidInput.field(name, "give an instant such as 2027-01-31T12:00:00Z.") from None


def _quota(found: Quota) -> wire.Quota:
    return wire.Quota(found.kind, found.max_active, found.max_per_hour, found.burst, found.active, found.version)


def _rate_limit(found: Bucket) -> wire.RateLimit:
    return wire.RateLimit(found.host, found.rate, found.burst, found.tokens, found.version)


def _pause(found: Pause) -> wire.Pause:
    return wire.Pause(
        id=ids.show(ids.PAUSE, found.id),
        scope=found.scope.value,
        target=found.target,
        reason=found.reason,
        ticket=found.ticket,
        created_by=found.created_by,
        created_at=clock.show(found.created_at),
        starts_at=clock.show(found.starts_at),
        ends_at=_instant(found.ends_at),
    )


def _instant(value: datetime | None) -> str | None:
    return None if value is None else clock.show(value)
