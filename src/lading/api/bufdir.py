"""
The face that a reporting organisation's own systems speak: `/api/v1/bufdir-exports` (B1).

Six calls with shapes and words of their own, each a thin translation to the export service and the profile `bufdir`
of the organisation.  Nothing is sent to Bufdir: there is no public interface to send it to.
"""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, Header, Path, Query, Request
from starlette.responses import Response

from lading import clock, ids
from lading.api import answers, documents, waiting
from lading.api.auth import OPERATORS, READERS, REQUESTERS, Caller, OwnGate, acting_for, count, gate
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.errors import FieldError, InvalidInput, NotFound
from lading.exports import numbered
from lading.exports.listing import Filter
from lading.wire import bufdir as wire
from lading.wire.exports import CancelRequest, Export, ExportRequest

router: Final = new_router("bufdir")
PROFILE: Final = "bufdir"
_BASE: Final = "/api/v1/bufdir-exports"
_ONE: Final = f"{_BASE}/{{export_id}}"
_FORMATS: Final = {"excel": "xlsx", "csv": "csv", "pdf": "pdf"}
_SHOWN_FORMATS: Final = {ours: theirs for theirs, ours in _FORMATS.items()}
_SHOWN_STATUS: Final = {"pending": "queued", "expired": "completed"}
_LARGEST_PAGE: Final = 1_000_000
_CANCEL_SECONDS: Final = 5.0
_FIELDS: Final = {
    "/period/from": "/period_from",
    "/period/to": "/period_to",
    "/period": "/period_to",
    "/parameters/activity_types": "/activity_types",
    "/profile": "/org_id",
}
_Services = Annotated[Services, Depends(services_of)]
_Id = Annotated[str, Path(description="`export_id` of the answer to the request.")]
_READER: Final = gate(READERS)
_REQUESTER: Final = gate(REQUESTERS)
_OPERATOR: Final = gate(OPERATORS)
_ANY_ORGANISATION: Final = OwnGate(REQUESTERS)


@router.post(
    _BASE,
    name="createBufdirExport",
    status_code=202,
    response_model=wire.BufdirCreated,
    responses={
        202: {"headers": {"Location": documents.header("Where the export is.", f"{_BASE}/exp_…")}},
        **documents.problems(429),
    },
)
async def create(
    body: wire.BufdirRequest,
    request: Request,
    caller: Annotated[Caller, Depends(_ANY_ORGANISATION)],
    services: _Services,
    idempotency_key: Annotated[
        str | None,
        Header(alias="Idempotency-Key", description="Same key and body: the same export. Same key, other body: 422."),
    ] = None,
) -> Response:
    """Ask for the report of an organisation."""
    _admit(body)
    caller = await acting_for(services, caller, body.org_id, field="org_id")
    await count(request, services, caller)
    try:
        made, is_replayed = await services.exports.create(
            caller.principal, caller.tenant.id, _request(body), idempotency_key=answers.idempotency_key(idempotency_key)
        )
    except InvalidInput as error:
        raise _translated(error) from error
    async with services.database.tenant(caller.tenant.id) as tx:
        seconds = await numbered.usual_seconds(tx, PROFILE, made.format)
    headers = {"Location": f"{_BASE}/{made.id}", "Retry-After": str(answers.POLL_SECONDS)}
    if is_replayed:
        headers["Idempotent-Replayed"] = "true"
    return answers.shown(
        wire.BufdirCreated(made.id, _status(made), seconds, made.created_at, list(made.warnings)),
        status=202,
        headers=headers,
    )


@router.get(_BASE, name="listBufdirExports", response_model=wire.BufdirPage)
async def list_exports(
    caller: Annotated[Caller, Depends(_READER)],
    services: _Services,
    page: Annotated[int, Query(ge=1, le=_LARGEST_PAGE)] = 1,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Response:
    """List the reports of an organisation, newest first."""
    total = await services.exports.count(caller.tenant.id, profile=PROFILE)
    place = None
    if page > 1:
        async with services.database.tenant(caller.tenant.id) as tx:
            place = await numbered.cursor(tx, PROFILE, skipped=(page - 1) * limit)
    found: list[Export] = []
    if page == 1 or place is not None:
        listed = await services.exports.list(caller.tenant.id, Filter(profile=PROFILE), limit=limit, cursor=place)
        found = listed.items
    return answers.shown(wire.BufdirPage([_summary(each) for each in found], wire.Pagination(page, limit, total)))


@router.get(_ONE, name="getBufdirExport", response_model=wire.BufdirExport, responses=documents.problems(404))
async def get(
    export_id: _Id, request: Request, caller: Annotated[Caller, Depends(_READER)], services: _Services
) -> Response:
    """Tell how a report stands, and where its file is."""
    found = await _find(services, caller, export_id)
    headers = {} if answers.is_final(found) else {"Retry-After": str(answers.POLL_SECONDS)}
    return answers.shown(_detail(found, str(request.base_url).rstrip("/")), headers=headers)


@router.put(
    f"{_ONE}/cancel",
    name="cancelBufdirExport",
    response_model=wire.BufdirCancelled,
    responses=documents.problems(404, 409),
)
async def cancel(
    export_id: _Id,
    caller: Annotated[Caller, Depends(_REQUESTER)],
    services: _Services,
    body: CancelRequest | None = None,
) -> Response:
    """Stop a report and tell when it has stopped."""
    found = await _find(services, caller, export_id)
    reason = waiting.reason("" if body is None else body.reason)
    asked = await services.exports.cancel(caller.principal, caller.tenant.id, ids.parse(ids.EXPORT, found.id), reason)
    if not answers.is_final(asked):
        asked = await waiting.change(services, caller.tenant.id, asked, version=None, seconds=_CANCEL_SECONDS)
    at = asked.ended_at if asked.status == "cancelled" else None
    return answers.shown(wire.BufdirCancelled(asked.id, _status(asked), at))


@router.post(
    f"{_ONE}/retry",
    name="retryBufdirExport",
    status_code=202,
    response_model=wire.BufdirRetried,
    responses=documents.problems(404, 409, 429),
)
async def retry(export_id: _Id, caller: Annotated[Caller, Depends(_REQUESTER)], services: _Services) -> Response:
    """Start a failed or cancelled report again where it stopped."""
    found = await _find(services, caller, export_id)
    async with services.database.tenant(caller.tenant.id) as tx:
        queued_at = clock.show(tx.now)
    again = await services.exports.retry(caller.principal, caller.tenant.id, ids.parse(ids.EXPORT, found.id))
    return answers.shown(wire.BufdirRetried(again.id, _status(again), again.retry_count, queued_at), status=202)


@router.delete(_ONE, name="deleteBufdirExport", status_code=204, responses=documents.problems(404, 409))
async def delete(export_id: _Id, caller: Annotated[Caller, Depends(_OPERATOR)], services: _Services) -> Response:
    """Remove a report and its files from sight; the ledger keeps that it was."""
    found = await _find(services, caller, export_id)
    await services.exports.delete(caller.principal, caller.tenant.id, ids.parse(ids.EXPORT, found.id))
    return Response(status_code=204)


async def _find(services: Services, caller: Caller, export_id: str) -> Export:
    found = await services.exports.get(caller.tenant.id, ids.parse(ids.EXPORT, export_id))
    if found.profile != PROFILE:
        raise NotFound("That export is of another profile; this face shows the Bufdir reports alone.")
    return found


def _admit(body: wire.BufdirRequest) -> None:
    if body.format not in _FORMATS:
        raise InvalidInput.field("format", "choose excel, csv or pdf.", code="unknown")
    if body.submit_to_bufdir_api:
        raise InvalidInput.field(
            "submit_to_bufdir_api", "must be false: Bufdir has no public interface; download the file and send it."
        )


def _request(body: wire.BufdirRequest) -> ExportRequest:
    parameters = {"activity_types": body.activity_types} if body.activity_types else {}
    return ExportRequest(
        profile=PROFILE,
        period={"from": body.period_from, "to": body.period_to},
        format=_FORMATS[body.format],
        parameters=parameters,
        include_attachments=body.include_attachments,
    )


def _translated(error: InvalidInput) -> InvalidInput:
    fields = tuple(FieldError(_pointer(each.pointer), each.detail, each.code) for each in error.errors)
    if fields == error.errors:
        return error
    sentence = "; ".join(f"{each.pointer[1:].replace('/', '.')}: {each.detail}" for each in fields)
    return InvalidInput(sentence, fields, code=error.code)


def _pointer(pointer: str) -> str:
    for ours, theirs in _FIELDS.items():
        if pointer == ours or pointer.startswith(f"{ours}/"):
            return theirs + pointer.removeprefix(ours)
    return pointer


def _status(export: Export) -> str:
    return _SHOWN_STATUS.get(export.status, export.status)


def _summary(export: Export) -> wire.BufdirSummary:
    return wire.BufdirSummary(
        export_id=export.id,
        org_id=export.tenant,
        status=_status(export),
        format=_SHOWN_FORMATS.get(export.format, export.format),
        period_from=export.period["from"],
        period_to=export.period["to"],
        created_at=export.created_at,
        completed_at=export.ended_at if _status(export) == "completed" else None,
    )


def _detail(export: Export, base: str) -> wire.BufdirExport:
    summary = _summary(export)
    return wire.BufdirExport(
        **{name: getattr(summary, name) for name in wire.BufdirSummary.__slots__},
        activity_types=list(export.parameters.get("activity_types") or ()),
        file_url=base + export.artifacts[0].href if export.artifacts else None,
        file_expires_at=export.expires_at if export.artifacts else None,
        error_message=None if export.error is None else export.error.message,
        warnings=list(export.warnings),
    )
