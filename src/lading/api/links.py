"""
Links to files over HTTP: made at a click by who may download, used without a key until they run out.

The token is a secret: it stands in the answer that makes it and in the path that uses it, and in no log.
"""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Header, Path, Request
from starlette.responses import Response

from lading import clock, ids
from lading.api import answers, documents, downloads, grounds
from lading.api.auth import ADMINS, DOWNLOADERS, Caller, Open, OwnGate, gate
from lading.api.problems import request_id_of
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.exports.links import Links
from lading.wire import exports as wire
from lading.wire.jobs import Grounds

router: Final = new_router("links")
_MAKE: Final = "/api/v1/exports/{export_id}/links"
_USE: Final = "/api/v1/links/{token}"
_ANYBODY: Final = Open()
_INSTANCE: Final = OwnGate(ADMINS, only_instance=True)
_Services = Annotated[Services, Depends(services_of)]
_Token = Annotated[str, Path(description="What the answer that made the link gave.", max_length=400)]
_IfNoneMatch = Annotated[str | None, Header(alias="If-None-Match", description="Entity tags the caller has already.")]


@router.post(_MAKE, name="createLink", status_code=201, response_model=wire.Link, responses=documents.problems(404))
async def create(
    export_id: Annotated[str, Path(description="`exp_…`.")],
    request: Request,
    caller: Annotated[Caller, Depends(gate(DOWNLOADERS))],
    services: _Services,
    body: wire.LinkRequest | None = None,
) -> Response:
    """Make a link by which anybody can have one file of an export for a while, in the name of who asks."""
    wanted = body or wire.LinkRequest()
    made = await _links(services).make(
        caller.principal,
        caller.tenant.id,
        ids.parse(ids.EXPORT, export_id),
        name=wanted.artifact,
        seconds=wanted.expires_in_seconds,
    )
    href = _USE.format(token=made.token)
    shown = wire.Link(
        id=ids.show(ids.LINK, made.id),
        artifact=made.artifact.name,
        size=made.artifact.size,
        sha256=made.artifact.sha256,
        href=href,
        url=str(request.base_url).rstrip("/") + href,
        expires_at=clock.show(made.expires_at),
    )
    return answers.shown(shown, status=201)


@router.post(
    "/api/v1/links/revoke",
    name="revokeLinks",
    status_code=204,
    responses=documents.problems(400),
)
async def revoke(
    caller: Annotated[Caller, Depends(_INSTANCE)], services: _Services, body: Grounds | None = None
) -> Response:
    """Make every link of this installation useless at once; for its admins."""
    given = grounds.of(body)
    await _links(services).revoke_all(reason=given.reason, ticket=given.ticket, actor=caller.principal.actor)
    return Response(status_code=204)


@router.get(
    _USE,
    name="followLink",
    dependencies=[Depends(_ANYBODY)],
    response_class=Response,
    responses={**downloads.DOCUMENT, **documents.problems(403, 410)},
)
async def follow(
    *,
    token: _Token,
    request: Request,
    services: _Services,
    if_none_match: _IfNoneMatch = None,
    range: Annotated[str | None, Header(alias="Range", description="One range of bytes.")] = None,  # noqa: A002 - the header's name
    if_range: Annotated[str | None, Header(alias="If-Range", description="The entity tag the range continues.")] = None,
) -> Response:
    """Download what a link is for; counted and recorded in the name of who made it."""
    links = _links(services)
    opened = await links.open(token)

    async def place() -> tuple[UUID, str]:
        return opened.claims.export_id, await links.name_of(opened.claims)

    order = downloads.Order(opened.principal, opened.claims.tenant_id, place, opened.claims.link_id)
    given = downloads.Conditions(if_none_match, range, if_range)
    return await downloads.answer(services.exports, order, given, request_id_of(request))


@router.head(
    _USE,
    name="headLink",
    dependencies=[Depends(_ANYBODY)],
    response_class=Response,
    responses={**downloads.DOCUMENT_HEAD, **documents.problems(410)},
)
async def head(token: _Token, services: _Services, if_none_match: _IfNoneMatch = None) -> Response:
    """Tell size, type and digest of what a link is for; not counted as a download."""
    links = _links(services)
    claims = (await links.open(token)).claims
    facts = await services.exports.artifact_facts(claims.tenant_id, claims.export_id, await links.name_of(claims))
    return downloads.head(facts, if_none_match=if_none_match)


def _links(services: Services) -> Links:
    return Links(services.database, services.settings.keys_dir)
