"""
Exports over HTTP: ask, follow, cancel, retry, download.

`?wait=` (or `Prefer: wait=`) makes a GET a blocking read: with `If-None-Match` of the current version it answers on the
next change or 304, without it when the export has ended; in both cases after the wait at the latest.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import Depends, Header, Path, Query, Request
from pydantic import AwareDatetime
from starlette.responses import Response

from lading import ids
from lading.api import answers, documents, downloads, waiting
from lading.api.auth import DOWNLOADERS, OPERATORS, READERS, REQUESTERS, Caller, gate
from lading.api.problems import request_id_of
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.errors import InvalidInput
from lading.exports.listing import NEWEST, Filter, Sort
from lading.exports.model import Status
from lading.exports.service import MAX_PAGE
from lading.wire import exports as wire

router: Final = new_router("exports")
_BASE: Final = "/api/v1/exports"
_ONE: Final = f"{_BASE}/{{export_id}}"
_FILE: Final = f"{_ONE}/artifacts/{{name}}"
_READER: Final = gate(READERS)
_REQUESTER: Final = gate(REQUESTERS)
_OPERATOR: Final = gate(OPERATORS)
_DOWNLOADER: Final = gate(DOWNLOADERS)
_LARGEST_REVISION: Final = (1 << 31) - 1

_Services = Annotated[Services, Depends(services_of)]
_Reader = Annotated[Caller, Depends(_READER)]
_Requester = Annotated[Caller, Depends(_REQUESTER)]
_Downloader = Annotated[Caller, Depends(_DOWNLOADER)]
_Id = Annotated[str, Path(description="`exp_…`, as the answer to the request named it.")]
_IfNoneMatch = Annotated[str | None, Header(alias="If-None-Match", description="Entity tags the caller has already.")]
_Text = Annotated[str | None, Query(max_length=200)]
_LOOK_AGAIN: Final = {"Retry-After": documents.header("Seconds after which to look again.", "1")}
_ETAG: Final = {"ETag": documents.header("The version of the export.", '"v3"')}
_ACCEPTED: Final = {
    202: {
        "headers": {
            "Location": documents.header("Where the export is.", f"{_BASE}/exp_01kaxxxxxxxxxxxxxxxxxxxxxx"),
            "Idempotent-Replayed": documents.header("`true` when the key was seen before.", "true"),
            **_LOOK_AGAIN,
            **_ETAG,
        }
    }
}


@router.post(
    _BASE,
    name="createExport",
    status_code=202,
    response_model=wire.Export,
    responses={**_ACCEPTED, **documents.problems(404, 409, 429)},
)
async def create(
    body: wire.ExportRequest,
    caller: _Requester,
    services: _Services,
    idempotency_key: Annotated[
        str | None,
        Header(alias="Idempotency-Key", description="Same key and body: the same export. Same key, other body: 422."),
    ] = None,
) -> Response:
    """Ask for an export."""
    if body.revision is not None and not 0 < body.revision <= _LARGEST_REVISION:
        raise InvalidInput.field("revision", "is not the number of a revision; leave it out for the active one.")
    made, is_replayed = await services.exports.create(
        caller.principal, caller.tenant.id, body, idempotency_key=answers.idempotency_key(idempotency_key)
    )
    headers = {"Location": f"{_BASE}/{made.id}", "Retry-After": str(answers.POLL_SECONDS)}
    if is_replayed:
        headers["Idempotent-Replayed"] = "true"
    return answers.export(made, status=202, headers=headers)


@router.get(_BASE, name="listExports", response_model=wire.ExportPage, responses=documents.problems(404))
async def list_exports(
    *,
    caller: _Reader,
    services: _Services,
    status: Annotated[list[Status] | None, Query(description="One or more of the states.", max_length=10)] = None,
    profile: _Text = None,
    type: _Text = None,  # noqa: A002 - the field's own word
    format: _Text = None,  # noqa: A002 - the field's own word
    period_from: Annotated[date | None, Query(description="Exports whose period ends on this day or later.")] = None,
    period_to: Annotated[date | None, Query(description="Exports whose period begins on this day or earlier.")] = None,
    waiting_for: Annotated[
        Literal["approval"] | None, Query(description="Exports that wait for the word of a second person.")
    ] = None,
    q: Annotated[
        str | None,
        Query(
            max_length=200,
            description="Exports with this text in profile, type, format, destination, parameters or error; or an id.",
        ),
    ] = None,
    schedule: Annotated[
        str | None, Query(max_length=60, description="Exports that this schedule made: `sch_…`.")
    ] = None,
    destination: Annotated[str | None, Query(max_length=200, description="Exports that go, or went, there.")] = None,
    requested_by: Annotated[str | None, Query(max_length=100, description="`key_…` or `mem_…`.")] = None,
    held: Annotated[bool | None, Query(description="Exports that a legal hold keeps, or those that none does.")] = None,
    created_from: Annotated[AwareDatetime | None, Query(description="Asked for at this instant or later.")] = None,
    created_to: Annotated[AwareDatetime | None, Query(description="Asked for before this instant.")] = None,
    sort: Annotated[Sort, Query(description="Only by what never changes; `-` is downwards.")] = NEWEST,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    cursor: Annotated[str | None, Query(max_length=1000, description="`next_cursor` of the page before.")] = None,
) -> Response:
    """List exports; no page skips or repeats one, whatever happens between two pages."""
    wanted = Filter(
        status=tuple(status or ()),
        profile=profile,
        type=type,
        format=format,
        period_from=period_from,
        period_to=period_to,
        awaits_approval=waiting_for == "approval",
        text=q,
        schedule_id=None if schedule is None else ids.parse(ids.SCHEDULE, schedule),
        destination=destination,
        requested_by=requested_by,
        is_held=held,
        created_from=created_from,
        created_to=created_to,
        sort=sort,
    )
    page = await services.exports.list(caller.tenant.id, wanted, limit=limit, cursor=cursor)
    return answers.shown(page)


@router.get(
    _ONE,
    name="getExport",
    response_model=wire.Export,
    responses={
        200: {"headers": {**_ETAG, **_LOOK_AGAIN}},
        304: {"description": "Nothing changed.", "headers": {**_ETAG, **_LOOK_AGAIN}},
        **documents.problems(404),
    },
)
async def get(
    *,
    export_id: _Id,
    caller: _Reader,
    services: _Services,
    wait: Annotated[
        float | None, Query(ge=0, le=answers.MAX_WAIT_SECONDS, description="Seconds to wait for a change or the end.")
    ] = None,
    if_none_match: _IfNoneMatch = None,
    prefer: Annotated[str | None, Header(alias="Prefer", description="`wait=N`, as the parameter.")] = None,
) -> Response:
    """Tell how an export stands, at once or when it has changed."""
    wanted = answers.preferred_wait(prefer) if wait is None else wait
    found = await services.exports.get(caller.tenant.id, ids.parse(ids.EXPORT, export_id))
    is_known = answers.matches(if_none_match, answers.etag(found))
    if wanted and not answers.is_final(found) and (is_known or if_none_match is None):
        found = await waiting.change(
            services, caller.tenant.id, found, version=found.version if is_known else None, seconds=wanted
        )
    headers = {} if wait is not None or wanted is None else {"Preference-Applied": f"wait={wanted:g}"}
    if answers.matches(if_none_match, answers.etag(found)):
        return Response(status_code=304, headers={**answers.of_export(found), **headers})
    return answers.export(found, headers=headers)


@router.delete(_ONE, name="deleteExport", status_code=204, responses=documents.problems(404, 409))
async def delete(export_id: _Id, caller: Annotated[Caller, Depends(_OPERATOR)], services: _Services) -> Response:
    """Remove an export and its files from sight; the ledger keeps that it was."""
    await services.exports.delete(caller.principal, caller.tenant.id, ids.parse(ids.EXPORT, export_id))
    return Response(status_code=204)


@router.post(
    f"{_ONE}/cancel",
    name="cancelExport",
    response_model=wire.Export,
    responses={200: {"headers": {**_ETAG, **_LOOK_AGAIN}}, **documents.problems(404, 409)},
)
async def cancel(
    export_id: _Id, caller: _Requester, services: _Services, body: wire.CancelRequest | None = None
) -> Response:
    """Stop an export; a running one stops within seconds."""
    reason = "" if body is None else body.reason
    found = await services.exports.cancel(
        caller.principal, caller.tenant.id, ids.parse(ids.EXPORT, export_id), waiting.reason(reason)
    )
    return answers.export(found)


@router.post(
    f"{_ONE}/retry",
    name="retryExport",
    status_code=202,
    response_model=wire.Export,
    responses={**_ACCEPTED, **documents.problems(404, 409, 429)},
)
async def retry(export_id: _Id, caller: _Requester, services: _Services) -> Response:
    """Start a failed or cancelled export again where it stopped."""
    found = await services.exports.retry(caller.principal, caller.tenant.id, ids.parse(ids.EXPORT, export_id))
    return answers.export(found, status=202, headers={"Location": f"{_BASE}/{found.id}"})


@router.get(f"{_ONE}/history", name="getExportHistory", response_model=wire.History, responses=documents.problems(404))
async def history(export_id: _Id, caller: _Reader, services: _Services) -> Response:
    """Return what the ledger says about an export, oldest first."""
    found = await services.exports.history(caller.tenant.id, ids.parse(ids.EXPORT, export_id))
    return answers.shown(wire.History(list(found)))


@router.get(
    f"{_ONE}/artifacts", name="listArtifacts", response_model=wire.ArtifactList, responses=documents.problems(404)
)
async def list_artifacts(export_id: _Id, caller: _Reader, services: _Services) -> Response:
    """List the files of an export; there are none before it is completed."""
    found = await services.exports.get(caller.tenant.id, ids.parse(ids.EXPORT, export_id))
    return answers.shown(wire.ArtifactList(list(found.artifacts)))


@router.get(_FILE, name="downloadArtifact", response_class=Response, responses=downloads.DOCUMENT)
async def download(
    *,
    export_id: _Id,
    name: str,
    request: Request,
    caller: _Downloader,
    services: _Services,
    if_none_match: _IfNoneMatch = None,
    range: Annotated[str | None, Header(alias="Range", description="One range of bytes.")] = None,  # noqa: A002 - the header's name
    if_range: Annotated[str | None, Header(alias="If-Range", description="The entity tag the range continues.")] = None,
) -> Response:
    """Download a file, whole or one range of it; each download is counted and stands in the ledger."""
    identifier = ids.parse(ids.EXPORT, export_id)

    async def place() -> tuple[UUID, str]:
        return identifier, name

    order = downloads.Order(caller.principal, caller.tenant.id, place)
    given = downloads.Conditions(if_none_match, range, if_range)
    return await downloads.answer(services.exports, order, given, request_id_of(request))


@router.head(_FILE, name="headArtifact", response_class=Response, responses=downloads.DOCUMENT_HEAD)
async def head(
    export_id: _Id, name: str, caller: _Downloader, services: _Services, if_none_match: _IfNoneMatch = None
) -> Response:
    """Tell size, type and digest of a file; not counted as a download."""
    facts = await services.exports.artifact_facts(caller.tenant.id, ids.parse(ids.EXPORT, export_id), name)
    return downloads.head(facts, if_none_match=if_none_match)
