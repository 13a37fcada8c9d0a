"""
Events over HTTP: what happens in a tenant, as a stream (`Accept: text/event-stream`) or in pages that wait.

Both read the tenant's ledger from the place that the client names, the id of the last event it has seen.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Path, Query
from starlette.responses import Response

from lading import ids
from lading.api import answers, documents
from lading.api.auth import AUDITORS, INSPECTORS, READERS, Caller, gate
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.api.streams import Stream
from lading.errors import Forbidden, InvalidInput
from lading.ledger.entry import EVENT_TYPES
from lading.ledger.events import TOPICS, Wish, topic_of, types_of
from lading.ledger.feed import Feed, Lost
from lading.tenants.model import Principal
from lading.wire import events as wire

router: Final = new_router("events")
_PATH: Final = "/api/v1/events"
_MAX_PAGE: Final = 500
_FURTHEST: Final = (1 << 53) - 1
_READER: Final = gate(READERS)
_Reader = Annotated[Caller, Depends(_READER)]
_Services = Annotated[Services, Depends(services_of)]
_After = Annotated[
    int | None,
    Query(ge=0, le=_FURTHEST, description="Id of the last event that was seen; 0 for all, left out for what comes."),
]
_Wait = Annotated[
    float, Query(ge=0, le=answers.MAX_WAIT_SECONDS, description="Seconds to wait for an event; not for streams.")
]
_Limit = Annotated[int, Query(ge=1, le=_MAX_PAGE, description="Events in an answer; not for streams.")]
_Types = Annotated[list[str] | None, Query(max_length=50, description="One or more types, such as `export.completed`.")]
_Accept = Annotated[str | None, Header(description="`text/event-stream` for a stream.")]
_LastEventId = Annotated[
    str | None, Header(alias="Last-Event-ID", description="Of a stream: the id of the last event; counts over `after`.")
]
_STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "A page, or a stream that goes on.",
        "content": {wire.MEDIA_TYPE: {"schema": {"type": "string"}}},
    },
    **documents.problems(429),
}


@router.get(_PATH, name="listEvents", response_model=wire.EventPage, responses=_STREAM)
async def list_events(
    *,
    caller: _Reader,
    services: _Services,
    topic: Annotated[list[str] | None, Query(max_length=20, description=f"One or more of {', '.join(TOPICS)}.")] = None,
    type: _Types = None,  # noqa: A002 - the field's own word
    subject: Annotated[str | None, Query(max_length=200, description="Only about this, such as `exp_…`.")] = None,
    after: _After = None,
    wait: _Wait = 0.0,
    limit: _Limit = 100,
    accept: _Accept = None,
    last_event_id: _LastEventId = None,
) -> Response:
    """
    Follow what happens in a tenant.

    With `Accept: text/event-stream` the answer is a stream of server-sent events: it begins where `Last-Event-ID` or
    `after` says, and tells `reset` when that is too far back.  Else it is a page, held back for `wait` seconds until
    there is something to tell.
    """
    wish = Wish(_types(caller.principal, topic, type), subject)
    seen = _seen(last_event_id, after)
    if _is_stream(accept):
        return Stream(services.feed, caller, wish, after=seen)
    return await _page(services.feed, caller, wish, after=seen, wait=wait, limit=limit)


@router.get(
    "/api/v1/exports/{export_id}/events",
    name="listExportEvents",
    response_model=wire.EventPage,
    responses={**_STREAM, **documents.problems(404)},
)
async def list_export_events(
    *,
    export_id: Annotated[str, Path(description="`exp_…`, as the answer to the request named it.")],
    caller: _Reader,
    services: _Services,
    after: _After = None,
    wait: _Wait = 0.0,
    limit: _Limit = 100,
    accept: _Accept = None,
    last_event_id: _LastEventId = None,
) -> Response:
    """Follow what happens to one export, as a stream or in pages like all events."""
    found = await services.exports.get(caller.tenant.id, ids.parse(ids.EXPORT, export_id))
    wish = Wish(types_of(TOPICS), found.id)
    seen = _seen(last_event_id, after)
    if _is_stream(accept):
        return Stream(services.feed, caller, wish, after=seen)
    return await _page(services.feed, caller, wish, after=seen, wait=wait, limit=limit)


def may_follow(principal: Principal) -> frozenset[str]:
    """Return the topics that a principal may follow."""
    heard = {"readers"}
    heard |= {"inspectors"} if principal.scopes & INSPECTORS else set()
    heard |= {"auditors"} if principal.scopes & AUDITORS else set()
    return frozenset(name for name, topic in TOPICS.items() if topic.audience in heard)


def _types(principal: Principal, topics: list[str] | None, types: list[str] | None) -> frozenset[str]:
    """Return the types of entries to tell of; raise for what is unknown or not for this one."""
    allowed = may_follow(principal)
    for name in topics or ():
        if name not in TOPICS:
            raise InvalidInput.field("topic", f"{name[:40]!r} is none; known are {', '.join(TOPICS)}.")
        _refuse(principal, name, allowed)
    for each in types or ():
        if each not in EVENT_TYPES:
            raise InvalidInput.field("type", f"{each[:60]!r} is none; docs/how-to/events.md says which there are.")
        _refuse(principal, topic_of(each), allowed)
    found = types_of(topics or allowed)
    return found & frozenset(types) if types else found


def _refuse(principal: Principal, topic: str, allowed: frozenset[str]) -> None:
    if topic not in allowed:
        raise Forbidden(
            f"A key with the role {principal.role} may not follow {topic}; it may follow {', '.join(sorted(allowed))}."
        )


def _seen(last_event_id: str | None, after: int | None) -> int | None:
    if last_event_id is None or last_event_id == "":
        return after
    if not (last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) < 16):
        raise InvalidInput.field("Last-Event-ID", "is not the id of an event; leave it out to begin with what comes.")
    return int(last_event_id)


def _is_stream(accept: str | None) -> bool:
    return wire.MEDIA_TYPE in (accept or "").lower()


async def _page(feed: Feed, caller: Caller, wish: Wish, *, after: int | None, wait: float, limit: int) -> Response:
    clock = asyncio.get_running_loop().time
    until = clock() + wait
    async with feed.follow(caller.tenant.id) as ring:
        place = await feed.find(ring, after)
        while not isinstance(place, Lost):
            batch = await feed.after(ring, place, wish, limit=limit)
            if isinstance(batch, Lost):
                place = batch
                break
            place = batch.place
            if batch.events or feed.is_over or not await ring.grown(place, until - clock()):
                return _shown([event.json for event in batch.events], place)
    return _shown([], place.place, reset=True)


def _shown(items: list[bytes], place: int, *, reset: bool = False) -> Response:
    body = b'{"items":[%b],"next":%d,"reset":%b}' % (b",".join(items), place, b"true" if reset else b"false")
    return Response(body, headers={"Cache-Control": "no-store"}, media_type="application/json")
