"""Sources over HTTP: where rows come from, and whether they can be read."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, Path
from starlette.responses import Response

from lading import ids
from lading.api import answers, documents, grounds, merging
from lading.api.auth import ADMINS, INSPECTORS, OPERATORS, Caller, TenantGate, gate
from lading.api.calling import glance, require_call
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.db.transaction import Transaction
from lading.db.versions import Version
from lading.errors import Conflict
from lading.exports import registry
from lading.jobs import controls
from lading.sources import store
from lading.sources.model import Source
from lading.wire import sources as wire
from lading.wire.jobs import Grounds

router: Final = new_router("sources")
_BASE: Final = "/api/v1/sources"
_ONE: Final = f"{_BASE}/{{name}}"
_INSPECTOR: Final = gate(INSPECTORS)
_OPERATOR: Final = gate(OPERATORS)
# A reference names a secret or a folder of the machine, and whoever chooses it reads through it what it names, another
# organisation's source included: only the people who run the machine may.
_INSTANCE: Final = TenantGate(ADMINS, only_instance=True)
_SHOWN: Final = 10
_ETAG: Final = {"headers": {"ETag": documents.header("The version of the source.", '"v3"')}}
_Services = Annotated[Services, Depends(services_of)]
_Name = Annotated[str, Path(description="Name of the source.")]


@router.get(_BASE, name="listSources", response_model=wire.SourceList)
async def list_sources(caller: Annotated[Caller, Depends(_INSPECTOR)], services: _Services) -> Response:
    """List the sources of a tenant."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await store.all(tx)
    return answers.shown(wire.SourceList([_shown(each) for each in found]))


@router.get(_ONE, name="getSource", response_model=wire.Source, responses=documents.problems(404))
async def get(name: _Name, caller: Annotated[Caller, Depends(_INSPECTOR)], services: _Services) -> Response:
    """Tell where a source is read and with whose credentials, by reference."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await store.get(tx, name)
    return _answer(found)


@router.put(
    _ONE, name="putSource", response_model=wire.Source, responses={200: _ETAG, **documents.problems(404, 412, 428)}
)
async def put(
    name: _Name,
    body: wire.SourceRequest,
    caller: Annotated[Caller, Depends(_INSTANCE)],
    services: _Services,
    version: documents.Put,
) -> Response:
    """Register a source or change its settings; for the instance's admins, because it names secrets of the machine."""
    async with services.database.tenant(caller.tenant.id) as tx:
        stands = await _put(tx, name, body, caller, version)
    return _answer(stands)


@router.patch(
    _ONE, name="patchSource", response_model=wire.Source, responses={200: _ETAG, **documents.problems(404, 412, 428)}
)
async def patch(
    name: _Name,
    body: merging.Patch,
    caller: Annotated[Caller, Depends(_INSTANCE)],
    services: _Services,
    version: documents.Change,
) -> Response:
    """Change a part of a source: null sets a field back, what is not named stays."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await store.lock(tx, name, version)
        stands = await _put(tx, name, merging.merge(_request(found), body), caller, found.version)
    return _answer(stands)


@router.delete(_ONE, name="deleteSource", status_code=204, responses=documents.problems(400, 404, 409, 412, 428))
async def delete(
    *,
    name: _Name,
    caller: Annotated[Caller, Depends(_INSTANCE)],
    services: _Services,
    body: Grounds | None = None,
    version: documents.Change,
) -> Response:
    """Remove a source that no active profile reads and no live job calls; limits on its name stay."""
    given = grounds.of(body)
    async with services.database.tenant(caller.tenant.id) as tx:
        await store.delete(
            tx, name, actor=caller.principal.actor, reason=given.reason, ticket=given.ticket, version=version
        )
        await _require_unused(tx, name)
    return Response(status_code=204)


@router.post(
    f"{_ONE}/test", name="testSource", response_model=wire.SourceReport, responses=documents.problems(404, 409)
)
async def test(name: _Name, caller: Annotated[Caller, Depends(_OPERATOR)], services: _Services) -> Response:
    """Try a source now: can it be reached, does it let us in, can it only be read."""
    async with services.database.tenant(caller.tenant.id) as tx:
        source = await store.get(tx, name)
        await require_call(tx, source)
    found = await services.trials.run(source, glance(services.settings))
    return answers.trial(found)


async def _put(tx: Transaction, name: str, asked: wire.SourceRequest, caller: Caller, version: Version) -> Source:
    return await store.register(
        tx,
        name,
        credentials_ref=asked.credentials_ref,
        actor=caller.principal.actor,
        kind=asked.kind,
        attachments_ref=asked.attachments_ref,
        timeout_seconds=asked.timeout_seconds,
        options=asked.options,
        version=version,
    )


async def _require_unused(tx: Transaction, name: str) -> None:
    readers = [profile for profile, source in (await registry.active_sources(tx)).items() if source == name]
    if readers:
        raise Conflict(
            f"Source {name} is read by the active revision of {', '.join(readers[:_SHOWN])}; "
            "activate one that reads another source first."
        )
    users = await controls.users_of(tx, name)
    if users.count:
        shown = ", ".join(ids.show(ids.JOB, each) for each in users.sample)
        raise Conflict(f"Source {name} is called by {users.count} live jobs ({shown}); let them end or cancel them.")


def _request(stands: Source) -> wire.SourceRequest:
    return wire.SourceRequest(
        credentials_ref=stands.credentials_ref,
        kind=stands.kind,
        attachments_ref=stands.attachments_ref,
        timeout_seconds=stands.timeout_seconds,
        options=dict(stands.options),
    )


def _answer(source: Source) -> Response:
    return answers.edited(_shown(source), source.version)


def _shown(source: Source) -> wire.Source:
    return wire.Source(
        name=source.name,
        kind=source.kind,
        credentials_ref=source.credentials_ref,
        attachments_ref=source.attachments_ref,
        timeout_seconds=source.timeout_seconds,
        options=dict(source.options),
        version=source.version,
    )
