"""Legal holds over HTTP: what may not be removed, who said so and why; those that are lifted stay to be read."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Annotated, Final

from fastapi import Depends, Path, Query
from starlette.responses import Response

from lading import clock, ids
from lading.api import answers, cursors, documents, grounds, once
from lading.api.auth import AUDITORS, INSPECTORS, Caller, gate
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.errors import InvalidInput
from lading.exports import holds, store
from lading.exports.holds import Scope
from lading.jobs import keys
from lading.wire import retention as wire
from lading.wire.jobs import Grounds

router: Final = new_router("holds")
_BASE: Final = "/api/v1/holds"
_ONE: Final = f"{_BASE}/{{hold_id}}"
_MAX_PAGE: Final = 200
_Services = Annotated[Services, Depends(services_of)]
_Inspector = Annotated[Caller, Depends(gate(INSPECTORS))]
_Auditor = Annotated[Caller, Depends(gate(AUDITORS))]
_Id = Annotated[str, Path(description="`hld_…`.")]


@router.post(
    _BASE,
    name="placeHold",
    status_code=201,
    response_model=wire.Hold,
    responses={
        201: {"headers": {"Location": documents.header("Where the hold is.", f"{_BASE}/hld_…")}},
        **documents.problems(400, 404, 409),
    },
)
async def place(
    body: wire.HoldRequest, caller: _Auditor, services: _Services, idempotency_key: once.Key = None
) -> Response:
    """Keep an export, or all that a filter matches, from being removed; when this answers, it is kept."""
    given, scope, hold_id = grounds.admit(body.reason, body.ticket), _scope(body), ids.new()
    key = answers.idempotency_key(idempotency_key)
    async with services.database.tenant(caller.tenant.id) as tx:
        bound = None if key is None else await keys.bind(tx, key, once.digest("holds", asdict(body)), hold_id)
        if bound is None:
            await holds.place(
                tx, hold_id, scope, reason=given.reason, ticket=given.ticket, actor=caller.principal.actor
            )
        stands = await holds.find(tx, bound or hold_id)
    shown = _shown(stands)
    return answers.shown(shown, status=201, headers={"Location": f"{_BASE}/{shown.id}"})


@router.get(_BASE, name="listHolds", response_model=wire.HoldPage, responses=documents.problems(404))
async def list_holds(
    *,
    caller: _Inspector,
    services: _Services,
    lifted: Annotated[bool, Query(description="Those that are lifted, instead of those that are not.")] = False,
    export: Annotated[str | None, Query(max_length=60, description="Those that keep this export: `exp_…`.")] = None,
    limit: Annotated[int, Query(ge=1, le=_MAX_PAGE)] = 50,
    cursor: Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before.")] = None,
) -> Response:
    """List holds, newest first."""
    export_id = None if export is None else ids.parse(ids.EXPORT, export)
    before = cursors.parse(cursor, ids.HOLD, [lifted, export])
    async with services.database.tenant(caller.tenant.id) as tx:
        if export_id is not None:
            await store.find(tx, export_id)
        found = await holds.page(tx, lifted=lifted, export_id=export_id, before=before, limit=limit + 1)
    following = cursors.show(found[limit - 1].id, ids.HOLD, [lifted, export]) if len(found) > limit else None
    return answers.shown(wire.HoldPage([_shown(each) for each in found[:limit]], following))


@router.get(_ONE, name="getHold", response_model=wire.Hold, responses=documents.problems(404))
async def get(hold_id: _Id, caller: _Inspector, services: _Services) -> Response:
    """Tell of a hold, and how many exports it keeps now."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await holds.find(tx, ids.parse(ids.HOLD, hold_id))
    return answers.shown(_shown(found))


@router.post(f"{_ONE}/lift", name="liftHold", response_model=wire.Hold, responses=documents.problems(400, 404, 409))
async def lift(hold_id: _Id, caller: _Auditor, services: _Services, body: Grounds | None = None) -> Response:
    """Let go what the hold kept; retention takes what is over with its next sweep."""
    given = grounds.of(body)
    async with services.database.tenant(caller.tenant.id) as tx:
        lifted = await holds.lift(
            tx,
            ids.parse(ids.HOLD, hold_id),
            reason=given.reason,
            ticket=given.ticket,
            actor=caller.principal.actor,
        )
    return answers.shown(_shown(lifted))


def _scope(body: wire.HoldRequest) -> Scope:
    return Scope(
        export_id=None if body.export is None else ids.parse(ids.EXPORT, body.export),
        profile=body.profile,
        type=body.type,
        requested_by=body.requested_by,
        period_from=_day("period_from", body.period_from),
        period_to=_day("period_to", body.period_to),
    )


def _day(name: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text[:10] if len(text) == 10 else "")
    except ValueError:
        raise InvalidInput.field(name, "is no day; write one like 2026-01-31.") from None


def _shown(found: holds.Hold) -> wire.Hold:
    scope = found.scope
    return wire.Hold(
        id=ids.show(ids.HOLD, found.id),
        export=None if scope.export_id is None else ids.show(ids.EXPORT, scope.export_id),
        profile=scope.profile,
        type=scope.type,
        requested_by=scope.requested_by,
        period_from=None if scope.period_from is None else scope.period_from.isoformat(),
        period_to=None if scope.period_to is None else scope.period_to.isoformat(),
        reason=found.reason,
        ticket=found.ticket,
        placed_at=clock.show(found.placed_at),
        placed_by=found.placed_by,
        lifted_at=clock.shown(found.lifted_at),
        lifted_by=found.lifted_by,
        lift_reason=found.lift_reason,
        lift_ticket=found.lift_ticket,
        exports=found.exports,
    )
