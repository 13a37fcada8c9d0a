"""The ledger over HTTP: the signed head and the exact lines.  The keys to check them with are in `signing_keys`."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, Query
from pydantic import AwareDatetime
from starlette.responses import Response, StreamingResponse

from lading import clock
from lading.api import answers, documents
from lading.api.auth import AUDITORS, Caller, gate
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.db.database import Database
from lading.errors import Gone, NotFound
from lading.ledger import extracts, store, tiles
from lading.ledger.store import SignedHead
from lading.wire import ledger as wire

router: Final = new_router("ledger")
_AUDITOR: Final = gate(AUDITORS)
_NDJSON: Final = "application/x-ndjson"
_FURTHEST: Final = (1 << 53) - 1
_NO_HEAD: Final = "The ledger has no signed head yet; ask again in a few seconds."
_Services = Annotated[Services, Depends(services_of)]
_From = Annotated[AwareDatetime, Query(alias="from", description="Entries of this instant or later.")]
_To = Annotated[AwareDatetime, Query(alias="to", description="Entries before this instant, a minute ago at least.")]
_Format = Annotated[extracts.Format, Query(description="`ndjson` has the exact lines that were hashed.")]


@router.get("/api/v1/ledger/head", name="getLedgerHead", response_model=wire.Head, responses=documents.problems(404))
async def head(caller: Annotated[Caller, Depends(_AUDITOR)], services: _Services) -> Response:
    """Return the newest signed head of the tenant's ledger."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found, log = await store.head(tx), await tiles.tree(tx)
    if found is None:
        raise NotFound(_NO_HEAD)
    return answers.shown(
        wire.Head(
            found.size - log.base,
            found.root.hex(),
            found.note,
            clock.show(found.signed_at),
            log.epoch,
            log.base,
            log.min_index,
        )
    )


@router.get(
    "/api/v1/ledger/entries",
    name="listLedgerEntries",
    response_class=Response,
    responses={
        200: {
            "description": "The exact lines that were hashed, one a line.",
            "content": {_NDJSON: {"schema": {"type": "string"}}},
        },
        **documents.problems(410),
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
        if found and found[0].index != first and first < (log := await tiles.tree(tx)).min_index:
            raise Gone(f"Entries below {log.min_index} were removed when their time was over; begin there.")
    return Response(b"".join(each.line + b"\n" for each in found), media_type=_NDJSON)


@router.get(
    "/api/v1/ledger/extract",
    name="extractLedger",
    response_class=Response,
    responses={
        200: {
            "description": "The entries of the span, by instant, by what they are about, by index.",
            "content": {
                _NDJSON: {"schema": {"type": "string"}},
                "application/json": {"schema": {"type": "array", "items": {"type": "object"}}},
                "text/csv": {"schema": {"type": "string"}},
            },
        },
        **documents.problems(409, 410),
    },
)
async def extract(
    *,
    caller: Annotated[Caller, Depends(_AUDITOR)],
    services: _Services,
    start: _From,
    end: _To,
    format: _Format = "ndjson",  # noqa: A002 - the word of the API
) -> Response:
    """Stream exactly the entries of a span of time; who took them stands in the ledger."""
    span, database = extracts.Span(start, end), services.database
    await extracts.admit(database, caller.tenant.id, span)
    await extracts.note(database, caller.tenant.id, span, format, actor=caller.principal.actor)
    name = f'attachment; filename="ledger-{caller.tenant.slug}.{format}"'
    body = extracts.chunks(database, caller.tenant.id, span, format)
    return StreamingResponse(body, headers={"Content-Disposition": name}, media_type=extracts.MEDIA_TYPES[format])


@router.get(
    "/api/v1/ledger/extract/manifest",
    name="getLedgerExtractManifest",
    response_model=wire.ExtractManifest,
    responses=documents.problems(404, 409, 410),
)
async def manifest(
    *,
    caller: Annotated[Caller, Depends(_AUDITOR)],
    services: _Services,
    start: _From,
    end: _To,
    format: _Format = "ndjson",  # noqa: A002 - the word of the API
) -> Response:
    """Count and hash the entries of a span of time, as its extract has them."""
    span, database = extracts.Span(start, end), services.database
    await extracts.admit(database, caller.tenant.id, span)
    covering = await _head(database, caller)
    made = await extracts.manifest(database, caller.tenant.id, span, format)
    return answers.shown(
        wire.ExtractManifest(
            tenant=caller.tenant.slug,
            start=clock.show(start),
            end=clock.show(end),
            format=format,
            entries=made.entries,
            bytes=made.bytes,
            sha256=made.sha256,
            tree_size=covering.size,
            root_sha256=covering.root.hex(),
        )
    )


async def _head(database: Database, caller: Caller) -> SignedHead:
    async with database.tenant(caller.tenant.id) as tx:
        found = await store.head(tx)
    if found is None:
        raise NotFound(_NO_HEAD)
    return found
