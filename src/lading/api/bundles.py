"""
Audit bundles over HTTP: ask for a span of the ledger as one signed file, follow it, fetch it.

A bundle has the id of an export and is kept, held, cancelled and deleted as one; only who may audit sees what it holds.
"""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Header, Path, Query, Request
from starlette.responses import Response

from lading import ids
from lading.api import answers, documents, downloads, waiting
from lading.api.auth import AUDITORS, Caller, gate
from lading.api.problems import request_id_of
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.exports.service import MAX_PAGE
from lading.wire import bundles as wire

router: Final = new_router("bundles")
_BASE: Final = "/api/v1/bundles"
_ONE: Final = f"{_BASE}/{{export_id}}"
_CONTENT: Final = f"{_ONE}/content"
_AUDITOR: Final = gate(AUDITORS)

_Services = Annotated[Services, Depends(services_of)]
_Auditor = Annotated[Caller, Depends(_AUDITOR)]
_Id = Annotated[str, Path(description="`exp_…`, as the answer to the request named it.")]
_IfNoneMatch = Annotated[str | None, Header(alias="If-None-Match", description="Entity tags the caller has already.")]
_LOOK_AGAIN: Final = {"Retry-After": documents.header("Seconds after which to look again.", "1")}


@router.post(
    _BASE,
    name="createBundle",
    status_code=202,
    response_model=wire.Bundle,
    responses={
        202: {
            "headers": {
                "Location": documents.header("Where the bundle is.", f"{_BASE}/exp_01kaxxxxxxxxxxxxxxxxxxxxxx"),
                "Idempotent-Replayed": documents.header("`true` when the key was seen before.", "true"),
                **_LOOK_AGAIN,
            }
        },
        **documents.problems(409, 429),
    },
)
async def create(
    body: wire.BundleRequest,
    caller: _Auditor,
    services: _Services,
    idempotency_key: Annotated[
        str | None,
        Header(alias="Idempotency-Key", description="Same key and body: the same bundle. Same key, other body: 422."),
    ] = None,
) -> Response:
    """Ask for a bundle; its span is fixed at once, at signed heads of the ledger."""
    made, is_replayed = await services.bundles.create(
        caller.principal, caller.tenant.id, body, idempotency_key=answers.idempotency_key(idempotency_key)
    )
    headers = {"Location": f"{_BASE}/{made.id}", "Retry-After": str(answers.POLL_SECONDS)}
    if is_replayed:
        headers["Idempotent-Replayed"] = "true"
    return answers.shown(made, status=202, headers=headers)


@router.get(_BASE, name="listBundles", response_model=wire.BundlePage)
async def list_bundles(
    *,
    caller: _Auditor,
    services: _Services,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    cursor: Annotated[str | None, Query(max_length=1000, description="`next_cursor` of the page before.")] = None,
) -> Response:
    """List bundles, newest first."""
    return answers.shown(await services.bundles.list(caller.tenant.id, limit=limit, cursor=cursor))


@router.get(_ONE, name="getBundle", response_model=wire.Bundle, responses=documents.problems(404))
async def get(
    *,
    export_id: _Id,
    caller: _Auditor,
    services: _Services,
    wait: Annotated[
        float | None, Query(ge=0, le=answers.MAX_WAIT_SECONDS, description="Seconds to wait for its end.")
    ] = None,
) -> Response:
    """Tell how a bundle stands, at once or when it has ended."""
    identifier = ids.parse(ids.EXPORT, export_id)
    found = await services.bundles.get(caller.tenant.id, identifier)
    if wait and found.status not in answers.FINAL:
        export = await services.exports.get(caller.tenant.id, identifier)
        await waiting.change(services, caller.tenant.id, export, version=None, seconds=wait)
        found = await services.bundles.get(caller.tenant.id, identifier)
    again = {} if found.status in answers.FINAL else {"Retry-After": str(answers.POLL_SECONDS)}
    return answers.shown(found, headers=again)


@router.get(_CONTENT, name="downloadBundle", response_class=Response, responses=downloads.DOCUMENT)
async def download(
    *,
    export_id: _Id,
    request: Request,
    caller: _Auditor,
    services: _Services,
    if_none_match: _IfNoneMatch = None,
    range: Annotated[str | None, Header(alias="Range", description="One range of bytes.")] = None,  # noqa: A002 - the header's name
    if_range: Annotated[str | None, Header(alias="If-Range", description="The entity tag the range continues.")] = None,
) -> Response:
    """Download a bundle, whole or one range of it; each download stands in the ledger."""
    identifier = ids.parse(ids.EXPORT, export_id)

    async def place() -> tuple[UUID, str]:
        return identifier, await services.bundles.file(caller.tenant.id, identifier)

    order = downloads.Order(caller.principal, caller.tenant.id, place)
    given = downloads.Conditions(if_none_match, range, if_range)
    return await downloads.answer(services.exports, order, given, request_id_of(request))


@router.head(_CONTENT, name="headBundle", response_class=Response, responses=downloads.DOCUMENT_HEAD)
async def head(export_id: _Id, caller: _Auditor, services: _Services, if_none_match: _IfNoneMatch = None) -> Response:
    """Tell size and digest of a bundle; not counted as a download."""
    identifier = ids.parse(ids.EXPORT, export_id)
    name = await services.bundles.file(caller.tenant.id, identifier)
    facts = await services.exports.artifact_facts(caller.tenant.id, identifier, name)
    return downloads.head(facts, if_none_match=if_none_match)
