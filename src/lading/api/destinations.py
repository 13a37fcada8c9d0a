"""Destinations over HTTP: where packages are delivered, whether they can be, and the deliveries of an export."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Final

from fastapi import Depends, Path, Query
from starlette.responses import Response

from lading import ids
from lading.api import answers, cursors, documents, grounds, merging
from lading.api.auth import ADMINS, INSPECTORS, OPERATORS, READERS, Caller, TenantGate, gate
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.db import notify
from lading.db.transaction import Transaction
from lading.db.versions import Version
from lading.exports import carriers, deliveries, destinations, redelivering, shapes, store
from lading.exports.deliveries import Key
from lading.exports.destinations import Destination, Settings
from lading.exports.types import requests
from lading.wire import destinations as wire
from lading.wire import exports as wire_exports
from lading.wire.jobs import Grounds
from lading.wire.sources import SourceReport

router: Final = new_router("destinations")
_BASE: Final = "/api/v1/destinations"
_ONE: Final = f"{_BASE}/{{name}}"
_EXPORT: Final = "/api/v1/exports/{export_id}/deliveries"
_MAX_PAGE: Final = 200
_LIST: Final = ("destinations",)
_READER: Final = gate(READERS)
_INSPECTOR: Final = gate(INSPECTORS)
_OPERATOR: Final = gate(OPERATORS)
# As with sources: a reference names a secret of the machine, and a folder of it is written to.
_INSTANCE: Final = TenantGate(ADMINS, only_instance=True)
_ETAG: Final = {"headers": {"ETag": documents.header("The version of the destination.", '"v3"')}}
_Services = Annotated[Services, Depends(services_of)]
_Name = Annotated[str, Path(description="Name of the destination.")]
_Export = Annotated[str, Path(description="`exp_…`, as the answer to the request named it.")]


@router.get(_BASE, name="listDestinations", response_model=wire.DestinationList)
async def list_destinations(
    caller: Annotated[Caller, Depends(_INSPECTOR)],
    services: _Services,
    limit: Annotated[int, Query(ge=1, le=_MAX_PAGE)] = 50,
    cursor: Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before.")] = None,
) -> Response:
    """List the destinations of a tenant, by name."""
    place = cursors.parse_words(cursor, 1, _LIST)
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await destinations.page(tx, after=None if place is None else place[0], limit=limit + 1)
    following = cursors.show_words([found[limit - 1].name], _LIST) if len(found) > limit else None
    return answers.shown(wire.DestinationList([_shown(each) for each in found[:limit]], following))


@router.get(_ONE, name="getDestination", response_model=wire.Destination, responses=documents.problems(404))
async def get(name: _Name, caller: Annotated[Caller, Depends(_INSPECTOR)], services: _Services) -> Response:
    """Tell where a destination is and how packages are called there."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await destinations.get(tx, name)
    return _answer(found)


@router.put(
    _ONE,
    name="putDestination",
    response_model=wire.Destination,
    responses={200: _ETAG, **documents.problems(404, 412, 428)},
)
async def put(
    name: _Name,
    body: wire.DestinationRequest,
    caller: Annotated[Caller, Depends(_INSTANCE)],
    services: _Services,
    version: documents.Put,
) -> Response:
    """Register a destination or change its settings; for the instance's admins, as with sources."""
    async with services.database.tenant(caller.tenant.id) as tx:
        stands = await _put(tx, name, body, (caller, services), version)
    return _answer(stands)


@router.patch(
    _ONE,
    name="patchDestination",
    response_model=wire.Destination,
    responses={200: _ETAG, **documents.problems(404, 412, 428)},
)
async def patch(
    name: _Name,
    body: merging.Patch,
    caller: Annotated[Caller, Depends(_INSTANCE)],
    services: _Services,
    version: documents.Change,
) -> Response:
    """Change a part of a destination: null sets a field back, what is not named stays."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await destinations.lock(tx, name, version)
        stands = await _put(tx, name, merging.merge(_request(found), body), (caller, services), found.version)
    return _answer(stands)


@router.delete(_ONE, name="deleteDestination", status_code=204, responses=documents.problems(400, 404, 409, 412, 428))
async def delete(
    *,
    name: _Name,
    caller: Annotated[Caller, Depends(_INSTANCE)],
    services: _Services,
    body: Grounds | None = None,
    version: documents.Change,
) -> Response:
    """Remove a destination that nothing is on its way to."""
    given = grounds.of(body)
    async with services.database.tenant(caller.tenant.id) as tx:
        await destinations.delete(
            tx, name, actor=caller.principal.actor, reason=given.reason, ticket=given.ticket, version=version
        )
    return Response(status_code=204)


@router.post(
    f"{_ONE}/test", name="testDestination", response_model=SourceReport, responses=documents.problems(404, 409)
)
async def test(name: _Name, caller: Annotated[Caller, Depends(_OPERATOR)], services: _Services) -> Response:
    """Try a destination now: can it be reached, does it let us write; nothing visible is left there."""
    async with services.database.tenant(caller.tenant.id) as tx:
        destination = await destinations.get(tx, name)
        trial = partial(carriers.trial, destination, services.settings, tx.now)
    found = await services.trials.run_for(caller.tenant.id, trial)
    return answers.trial(found)


@router.get(_EXPORT, name="listDeliveries", response_model=wire_exports.DeliveryList, responses=documents.problems(404))
async def list_deliveries(
    export_id: _Export, caller: Annotated[Caller, Depends(_READER)], services: _Services
) -> Response:
    """List where the package of an export is, or is on its way to."""
    identifier = ids.parse(ids.EXPORT, export_id)
    async with services.database.tenant(caller.tenant.id) as tx:
        await store.find(tx, identifier)
        found = (await deliveries.of_exports(tx, [identifier]))[identifier]
    return answers.shown(wire_exports.DeliveryList([shapes.delivery(each) for each in found]))


@router.post(
    f"{_EXPORT}/{{name}}",
    name="redeliverExport",
    status_code=202,
    response_model=wire_exports.Delivery,
    responses=documents.problems(400, 404, 409, 429),
)
async def redeliver(
    export_id: _Export,
    name: _Name,
    caller: Annotated[Caller, Depends(_OPERATOR)],
    services: _Services,
    body: Grounds | None = None,
) -> Response:
    """Bring the package of a completed export to a destination, once more or for the first time."""
    given, key = grounds.of(body), Key(ids.parse(ids.EXPORT, export_id), name)
    actor = caller.principal.actor
    await services.admission.admit(caller.tenant.id, count=1, priority=0, actor=actor)
    async with services.database.tenant(caller.tenant.id) as tx:
        requests.permit_files(caller.principal, (await store.find(tx, key.export_id)).plan)
        found = await redelivering.redeliver(
            tx, key, reason=given.reason, ticket=given.ticket, settings=services.settings, actor=actor
        )
    await services.hints.send(notify.JOBS)
    return answers.shown(shapes.delivery(found), status=202)


async def _put(
    tx: Transaction, name: str, asked: wire.DestinationRequest, by: tuple[Caller, Services], version: Version
) -> Destination:
    settings = Settings(
        kind=asked.kind,
        options=asked.options,
        credentials_ref=asked.credentials_ref,
        object_name=asked.object_name,
        overwrite=asked.overwrite,
        encrypt_to=asked.encrypt_to,
        timeout_seconds=asked.timeout_seconds,
    )
    caller, services = by
    roots, actor = services.settings.delivery_folders, caller.principal.actor
    return await destinations.put(tx, name, settings, roots=roots, actor=actor, version=version)


def _request(stands: Destination) -> wire.DestinationRequest:
    given = stands.settings
    return wire.DestinationRequest(
        kind=given.kind,
        options=dict(given.options),
        credentials_ref=given.credentials_ref,
        object_name=given.object_name,
        overwrite=given.overwrite,
        encrypt_to=list(given.encrypt_to),
        timeout_seconds=given.timeout_seconds,
    )


def _answer(destination: Destination) -> Response:
    return answers.edited(_shown(destination), destination.version)


def _shown(destination: Destination) -> wire.Destination:
    given = destination.settings
    return wire.Destination(
        name=destination.name,
        kind=given.kind,
        options=dict(given.options),
        credentials_ref=given.credentials_ref,
        object_name=given.object_name,
        overwrite=given.overwrite,
        encrypt_to=list(given.encrypt_to),
        timeout_seconds=given.timeout_seconds,
        version=destination.version,
    )
