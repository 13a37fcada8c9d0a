"""Schedules over HTTP: write, preview, pause and run what is made by the clock, and read what became of each slot."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from fastapi import Depends, Path, Query
from starlette.responses import Response

from lading import ids
from lading.api import answers, cursors, documents, grounds, merging, once, targets
from lading.api import schedule_shapes as shapes
from lading.api.auth import OPERATORS, READERS, REQUESTERS, Caller, gate
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.canonical import Json
from lading.db import notify
from lading.db.transaction import Transaction
from lading.db.versions import Version
from lading.errors import InvalidInput
from lading.exports import scheduled
from lading.jobs import keys
from lading.jobs.kinds import DIRECT
from lading.schedules import firing, making, rules, slots, store
from lading.schedules.cron import cron_of
from lading.schedules.making import Maker
from lading.schedules.model import Document, Owner, Schedule
from lading.wire import schedules as wire
from lading.wire.jobs import Grounds

router: Final = new_router("schedules")
_BASE: Final = "/api/v1/schedules"
_ONE: Final = f"{_BASE}/{{name}}"
_MAX_PAGE: Final = 200
_MOST_BYTES: Final = 65_536

_Services = Annotated[Services, Depends(services_of)]
_Reader = Annotated[Caller, Depends(gate(READERS))]
_Requester = Annotated[Caller, Depends(gate(REQUESTERS))]
_Operator = Annotated[Caller, Depends(gate(OPERATORS))]
_Name = Annotated[str, Path(description="Name of the schedule.")]
_Count = Annotated[int, Query(ge=1, le=rules.MOST_SHOWN, description="So many slots, if so many come.")]
_Cursor = Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before.")]
_Limit = Annotated[int, Query(ge=1, le=_MAX_PAGE)]
_ETAG: Final = {200: {"headers": {"ETag": documents.header("The version of the schedule.", '"v3"')}}}
_Outcome = Literal["waiting", "fired", "skipped", "failed"]


@router.get(_BASE, name="listSchedules", response_model=wire.SchedulePage)
async def list_schedules(
    *,
    caller: _Reader,
    services: _Services,
    paused: Annotated[bool | None, Query(description="Only those that are paused, or only the others.")] = None,
    failing: Annotated[
        bool | None, Query(description="Only those whose newest slot came to nothing, or only the others.")
    ] = None,
    limit: _Limit = 50,
    cursor: _Cursor = None,
) -> Response:
    """List schedules, by name, with how they get on."""
    filters: list[Json] = ["schedules", paused, failing]
    after = cursors.parse_words(cursor, 1, filters)
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await store.page(
            tx, after=None if after is None else after[0], limit=limit + 1, paused=paused, failing=failing
        )
    following = cursors.show_words([found[limit - 1].name], filters) if len(found) > limit else None
    return answers.shown(wire.SchedulePage([shapes.schedule(each) for each in found[:limit]], following))


@router.post(f"{_BASE}/preview", name="previewScheduleDocument", response_model=wire.Preview)
async def preview_document(
    body: wire.ScheduleRequest, caller: _Requester, services: _Services, count: _Count = 10
) -> Response:
    """Tell when a schedule that is not stored would fire; nothing is checked but when."""
    document = shapes.document(body)
    rules.check(document)
    async with services.database.tenant(caller.tenant.id) as tx:
        now = tx.now
    return answers.shown(_preview(document, now, count))


@router.get(_ONE, name="getSchedule", response_model=wire.Schedule, responses={**_ETAG, **documents.problems(404)})
async def get(name: _Name, caller: _Reader, services: _Services) -> Response:
    """Tell what a schedule says, when it fires next and how it gets on."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await store.get(tx, name)
    return _answer(found)


@router.put(
    _ONE,
    name="putSchedule",
    response_model=wire.Schedule,
    responses={**_ETAG, **documents.problems(403, 404, 409, 412, 428)},
)
async def put(
    *,
    name: _Name,
    body: wire.ScheduleRequest,
    caller: _Requester,
    services: _Services,
    version: documents.Put,
) -> Response:
    """Store a schedule, or change it; what it makes is asked for by whoever changed it last."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await _put(tx, services, caller, name, shapes.document(body), version=version)
    return _answer(found)


@router.patch(
    _ONE,
    name="patchSchedule",
    response_model=wire.Schedule,
    responses={**_ETAG, **documents.problems(403, 404, 409, 412, 428)},
)
async def patch(
    *,
    name: _Name,
    body: merging.Patch,
    caller: _Requester,
    services: _Services,
    version: documents.Change,
) -> Response:
    """Change a part of a schedule: null sets a field back, what is not named stays."""
    async with services.database.tenant(caller.tenant.id) as tx:
        stands = await store.lock(tx, name, version)
        asked = merging.merge(shapes.request(stands.document), body)
        found = await _put(tx, services, caller, name, shapes.document(asked), version=stands.version)
    return _answer(found)


@router.delete(_ONE, name="deleteSchedule", status_code=204, responses=documents.problems(400, 404, 412, 428))
async def delete(
    *,
    name: _Name,
    caller: _Requester,
    services: _Services,
    body: Grounds | None = None,
    version: documents.Change,
) -> Response:
    """Remove a schedule and what is known of its slots; what it made stays."""
    given = grounds.of(body)
    async with services.database.tenant(caller.tenant.id) as tx:
        await store.delete(
            tx, name, actor=caller.principal.actor, reason=given.reason, ticket=given.ticket, version=version
        )
    return Response(status_code=204)


@router.post(
    f"{_ONE}/pause",
    name="pauseSchedule",
    response_model=wire.Schedule,
    responses={**_ETAG, **documents.problems(400, 404, 409)},
)
async def pause(name: _Name, caller: _Operator, services: _Services, body: Grounds | None = None) -> Response:
    """Let no slot come until it is resumed; what is made already goes on."""
    given = grounds.of(body)
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await store.pause(tx, name, actor=caller.principal.actor, reason=given.reason, ticket=given.ticket)
    return _answer(found)


@router.post(
    f"{_ONE}/resume",
    name="resumeSchedule",
    response_model=wire.Schedule,
    responses={**_ETAG, **documents.problems(400, 404, 409)},
)
async def resume(name: _Name, caller: _Operator, services: _Services, body: Grounds | None = None) -> Response:
    """Let slots come again, from the next one on; those of the pause are skipped."""
    given = grounds.of(body)
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await store.resume(tx, name, actor=caller.principal.actor, reason=given.reason, ticket=given.ticket)
    return _answer(found)


@router.post(
    f"{_ONE}/run",
    name="runSchedule",
    status_code=202,
    response_model=wire.Slot,
    responses=documents.problems(400, 403, 404, 409, 429),
)
async def run(
    *,
    name: _Name,
    caller: _Requester,
    services: _Services,
    body: Grounds | None = None,
    idempotency_key: once.Key = None,
) -> Response:
    """Make the work of a slot that is now, also of a paused schedule; asked for by the caller."""
    given, key, job_id = grounds.of(body), answers.idempotency_key(idempotency_key), ids.new()
    digest, door, tenant = once.digest("schedules", {"schedule": name}), services.admission, caller.tenant.id
    refusal = await door.refusal(tenant, count=1, priority=0)
    async with door.noting(tenant, caller.principal.actor), services.database.tenant(tenant) as tx:
        bound = None if key is None else await keys.bind(tx, key, digest, job_id)
        decided = None if bound is None else await slots.of_job(tx, bound)
        if decided is None:
            if refusal is not None:
                raise refusal
            decided = await firing.run_now(
                tx,
                name,
                _maker(services),
                actor=caller.principal.actor,
                job_id=job_id,
                reason=given.reason,
                ticket=given.ticket,
            )
    await services.hints.send(notify.JOBS)
    return answers.shown(shapes.slot(decided), status=202)


@router.get(f"{_ONE}/preview", name="previewSchedule", response_model=wire.Preview, responses=documents.problems(404))
async def preview(name: _Name, caller: _Reader, services: _Services, count: _Count = 10) -> Response:
    """Tell when a schedule fires next, as if it were not paused."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found, now = await store.get(tx, name), tx.now
    return answers.shown(_preview(found.document, now, count))


@router.get(f"{_ONE}/slots", name="listScheduleSlots", response_model=wire.SlotPage, responses=documents.problems(404))
async def list_slots(
    *,
    name: _Name,
    caller: _Reader,
    services: _Services,
    outcome: Annotated[list[_Outcome] | None, Query(description="One or more of them.", max_length=10)] = None,
    limit: _Limit = 50,
    cursor: _Cursor = None,
) -> Response:
    """List what became of the slots of a schedule, newest first."""
    filters: list[Json] = ["slots", name, sorted(outcome or ())]
    before = cursors.parse_words(cursor, 1, filters)
    async with services.database.tenant(caller.tenant.id) as tx:
        schedule = await store.get(tx, name)
        found = await slots.page(
            tx,
            schedule,
            before=None if before is None else _instant(before[0]),
            outcomes=outcome or (),
            limit=limit + 1,
        )
    following = cursors.show_words([found[limit - 1].slot.isoformat()], filters) if len(found) > limit else None
    return answers.shown(wire.SlotPage([shapes.slot(each) for each in found[:limit]], following))


async def _put(
    tx: Transaction,
    services: Services,
    caller: Caller,
    name: str,
    document: Document,
    *,
    version: Version,
) -> Schedule:
    """Store the schedule if the work of a slot could be made now."""
    if len(json.dumps(document.payload)) > _MOST_BYTES:
        raise InvalidInput.field("payload", f"is over {_MOST_BYTES} bytes; send a reference instead.")
    actor = caller.principal.actor
    owner = Owner(actor, caller.principal.role.value)
    stored = await store.put(tx, name, document, owner=owner, version=version)
    await making.rehearse(tx, document, _maker(services), actor, await targets.sources_of(tx))
    return stored


def _maker(services: Services) -> Maker:
    settings = services.settings
    return Maker(services.endings, DIRECT, scheduled.tie, settings.max_attempts, settings.max_crashes)


def _preview(document: Document, now: datetime, count: int) -> wire.Preview:
    cron = cron_of(document)
    return shapes.preview(document, cron, rules.preview(document, cron, now, count))


def _instant(word: str) -> datetime:
    try:
        return datetime.fromisoformat(word).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput.field("cursor", "is not a cursor of this list; start again without it.") from None


def _answer(found: Schedule) -> Response:
    return answers.edited(shapes.schedule(found), found.version)
