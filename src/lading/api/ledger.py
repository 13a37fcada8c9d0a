"""The ledger over HTTP: the signed head, the exact lines, and the public keys an auditor pins."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

from fastapi import Depends, Query
from starlette.responses import Response

from lading import clock
from lading.api import answers, documents
from lading.api.auth import ANYBODY, AUDITORS, Caller, OwnGate, gate
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.errors import NotFound
from lading.ledger import store
from lading.wire import ledger as wire

router: Final = new_router("ledger")
_AUDITOR: Final = gate(AUDITORS)
_ANYBODY: Final = OwnGate(ANYBODY)
_NDJSON: Final = "application/x-ndjson"
_FURTHEST: Final = (1 << 53) - 1
_Services = Annotated[Services, Depends(services_of)]


@router.get("/api/v1/ledger/head", name="getLedgerHead", response_model=wire.Head, responses=documents.problems(404))
async def head(caller: Annotated[Caller, Depends(_AUDITOR)], services: _Services) -> Response:
    """Return the newest signed head of the tenant's ledger."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await store.head(tx)
    if found is None:
        raise NotFound("The ledger has no signed head yet; ask again in a few seconds.")
    return answers.shown(wire.Head(found.size, found.root.hex(), found.note, clock.show(found.signed_at)))


@router.get(
    "/api/v1/ledger/entries",
    name="listLedgerEntries",
    response_class=Response,
    responses={
        200: {
            "description": "The exact lines that were hashed, one a line.",
            "content": {_NDJSON: {"schema": {"type": "string"}}},
        }
    },
)
async def entries(
    caller: Annotated[Caller, Depends(_AUDITOR)],
    services: _Services,
    first: Annotated[int, Query(ge=0, le=_FURTHEST, description="Index of the first entry.")] = 0,
    limit: Annotated[int, Query(ge=1, le=store.PAGE_LIMIT)] = 1000,
) -> Response:
    """Return entries of the tenant's ledger in order; fewer than `limit` means that there are no more yet."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await store.entries(tx, first=first, limit=limit)
    return Response(b"".join(each.line + b"\n" for each in found), media_type=_NDJSON)


@router.get(
    "/api/v1/keys/trust",
    name="getTrust",
    dependencies=[Depends(_ANYBODY)],
    response_class=Response,
    responses={200: {"content": {"application/json": {"schema": {"type": "object"}}}}, **documents.problems(404)},
)
async def trust(services: _Services) -> Response:
    """Return the public keys of this installation; pin them from a second source before you trust them."""
    try:
        found = await asyncio.to_thread(services.settings.trust_file.read_bytes)
    except OSError:
        raise NotFound("This installation has no trust file yet; it is made when the first worker starts.") from None
    return Response(found, media_type="application/json")
