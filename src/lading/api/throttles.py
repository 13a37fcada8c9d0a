"""
Throttles over HTTP: what is held back now, and the operator's verb that slows something down.

It sets what there is: a rate limit on a source, a quota on a kind or on all kinds of a tenant, a blackout on a job.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, assert_never

from fastapi import Depends
from starlette.responses import Response

from lading import clock, ids
from lading.api import answers, documents, grounds, targets
from lading.api.auth import OPERATORS, QUOTA_READERS, Caller, gate
from lading.api.job_shapes import parsed
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.db import notify
from lading.db.transaction import Transaction
from lading.errors import FieldError, InvalidInput, NotFound
from lading.ledger.entry import Actor
from lading.limits import store
from lading.limits.model import Bucket, Pause, Quota, Scope
from lading.wire import limits as shapes
from lading.wire import throttles as wire
from lading.wire.jobs import Grounds

router: Final = new_router("limits")
_BASE: Final = "/api/v1/throttles"
_Services = Annotated[Services, Depends(services_of)]
_Operator = Annotated[Caller, Depends(gate(OPERATORS))]
_TAKES: Final[dict[wire.Scope, tuple[str, ...]]] = {
    "tenant": ("max_active", "max_per_hour", "burst"),
    "source": ("rate", "burst"),
    "kind": ("max_active", "max_per_hour", "burst"),
    "job": ("until",),
}


@router.get(_BASE, name="listThrottles", response_model=shapes.ThrottleList)
async def list_throttles(caller: Annotated[Caller, Depends(gate(QUOTA_READERS))], services: _Services) -> Response:
    """List the lanes that are held back while jobs wait in them, and by what; and what somebody slowed down."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found, (slowed, has_more) = await store.throttles(tx), await _all(tx)
    items = [
        shapes.Throttle(
            each.kind,
            each.host,
            each.waiting_for.value,
            clock.shown(each.eligible_at),
            clock.show(each.since),
            each.pending,
        )
        for each in found
    ]
    return answers.shown(shapes.ThrottleList(items, slowed, has_more))


@router.post(
    _BASE,
    name="setThrottle",
    response_model=wire.SetThrottle,
    responses=documents.problems(400, 404, 409),
)
async def put(body: wire.ThrottleRequest, caller: _Operator, services: _Services) -> Response:
    """Slow down the tenant, a source, a kind or a job; doing it again replaces what was set."""
    given = grounds.admit(body.reason, body.ticket)
    _check(body)
    async with services.database.tenant(caller.tenant.id) as tx:
        stands = await _set(tx, body, given, caller.principal.actor)
        await targets.require(tx, Scope(body.scope), body.target)
    await services.hints.send(notify.JOBS)
    return answers.shown(stands)


@router.delete(_BASE, name="liftThrottle", status_code=204, responses=documents.problems(400, 404))
async def lift(body: wire.LiftRequest, caller: _Operator, services: _Services) -> Response:
    """Let something go at its own pace again."""
    given, actor = grounds.admit(body.reason, body.ticket), caller.principal.actor
    _check_target(body.scope, body.target)
    told: dict[str, Any] = {"reason": given.reason, "ticket": given.ticket, "actor": actor}
    async with services.database.tenant(caller.tenant.id) as tx:
        match body.scope:
            case "tenant":
                await store.drop_quota(tx, store.EVERY, **told)
            case "kind":
                await store.drop_quota(tx, body.target, **told)
            case "source":
                await store.drop_bucket(tx, body.target, **told)
            case "job":
                if not await store.resume_target(tx, Scope.JOB, body.target, **told):
                    raise NotFound(f"{body.target[:60]} is not held back; there is nothing to lift.")
            case _:
                assert_never(body.scope)
    await services.hints.send(notify.JOBS)
    return Response(status_code=204)


async def _set(tx: Transaction, body: wire.ThrottleRequest, given: Grounds, actor: Actor) -> wire.SetThrottle:
    told: dict[str, Any] = {"reason": given.reason, "ticket": given.ticket, "actor": actor}
    match body.scope:
        case "tenant" | "kind":
            quota = await store.set_quota(
                tx,
                body.target or store.EVERY,
                max_active=body.max_active,
                max_per_hour=body.max_per_hour,
                burst=body.burst,
                **told,
            )
            return _of_quota(quota)
        case "source":
            return _of_bucket(
                await store.set_bucket(tx, body.target, rate=body.rate or 0.0, burst=body.burst or 1, **told)
            )
        case "job":
            ids.parse(ids.JOB, body.target)
            await store.resume_target(tx, Scope.JOB, body.target, **told)
            until = parsed("until", body.until)
            return _of_pause(await store.pause(tx, Scope.JOB, body.target, starts_at=None, ends_at=until, **told))
        case _:
            assert_never(body.scope)


async def _all(tx: Transaction) -> tuple[list[wire.SetThrottle], bool]:
    """Return what is slowed down, and whether more jobs are held back than are named."""
    quotas = [_of_quota(each) for each in await store.quotas(tx)]
    rates = [_of_bucket(each) for each in await store.buckets(tx) if not each.is_learnt]
    held = await store.pauses(tx, Scope.JOB, limit=store.MOST_PAUSES + 1)
    jobs = [_of_pause(each) for each in held[: store.MOST_PAUSES] if each.ends_at is not None]
    return [*quotas, *rates, *jobs], len(held) > store.MOST_PAUSES


def _of_quota(quota: Quota) -> wire.SetThrottle:
    return wire.SetThrottle(
        scope="tenant" if quota.kind == store.EVERY else "kind",
        target="" if quota.kind == store.EVERY else quota.kind,
        rate=None,
        burst=quota.burst,
        max_active=quota.max_active,
        max_per_hour=quota.max_per_hour,
        until=None,
        reason=quota.reason,
        ticket=quota.ticket,
    )


def _of_bucket(bucket: Bucket) -> wire.SetThrottle:
    return wire.SetThrottle(
        "source", bucket.host, bucket.rate, bucket.burst, None, None, None, bucket.reason, bucket.ticket
    )


def _of_pause(pause: Pause) -> wire.SetThrottle:
    until = clock.shown(pause.ends_at)
    return wire.SetThrottle("job", pause.target, None, None, None, None, until, pause.reason, pause.ticket)


def _check(body: wire.ThrottleRequest) -> None:
    _check_target(body.scope, body.target)
    taken = _TAKES[body.scope]
    given = [
        name for name in ("rate", "burst", "max_active", "max_per_hour", "until") if getattr(body, name) is not None
    ]
    errors = [
        FieldError(f"/{name}", f"does not go with {body.scope}; leave it out.") for name in given if name not in taken
    ]
    needed = "until" if body.scope == "job" else "rate" if body.scope == "source" else None
    if needed is not None and needed not in given:
        errors.append(FieldError(f"/{needed}", f"is required to throttle a {body.scope}.", "required"))
    if errors:
        raise InvalidInput(f"{errors[0].pointer[1:]}: {errors[0].detail}", tuple(errors))


def _check_target(scope: wire.Scope, target: str) -> None:
    if (scope == "tenant") == bool(target):
        odd = "must be empty: the tenant is the one that asks" if target else f"is required: which {scope}"
        raise InvalidInput.field("target", f"{odd}.")
