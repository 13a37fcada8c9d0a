"""
Proofs about a tenant's ledger and the instance's log over HTTP, and the ledger as C2SP tlog-tiles for standard clients.

What is proved from is read in a few places of the tree, whatever its size.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Final

from fastapi import Depends, Path, Query
from starlette.responses import Response

from lading import clock
from lading.api import answers, documents
from lading.api.auth import AUDITORS, Caller, gate
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.db.transaction import Transaction
from lading.errors import Gone, NotFound
from lading.ledger import instance, store, tiles, tlog
from lading.ledger.tiles import Tree
from lading.wire import proofs as wire

router: Final = new_router("proofs")
_AUDITOR: Final = gate(AUDITORS)
_FURTHEST: Final = (1 << 53) - 1
_TEXT: Final = "text/plain; charset=utf-8"
_BYTES: Final = "application/octet-stream"
_FOREVER: Final = {"Cache-Control": "private, max-age=31536000, immutable"}
_Auditor = Annotated[Caller, Depends(_AUDITOR)]
_Services = Annotated[Services, Depends(services_of)]
_Epoch = Annotated[int | None, Query(ge=1, le=1_000_000, description="Which tree; the one that grows now if none.")]
_Size = Annotated[int | None, Query(ge=1, le=_FURTHEST, description="Leaves of the tree; those of the newest head.")]
_From = Annotated[int, Query(alias="from", ge=0, le=_FURTHEST, description="Leaves of the older tree.")]
_To = Annotated[int, Query(alias="to", ge=0, le=_FURTHEST, description="Leaves of the newer tree.")]


def _content(media_type: str) -> dict[int | str, dict[str, Any]]:
    form = {"type": "string"} if media_type == _TEXT else {"type": "string", "format": "binary"}
    return {200: {"content": {media_type: {"schema": form}}}, **documents.problems(404)}


@router.get(
    "/api/v1/ledger/proofs/inclusion",
    name="getInclusionProof",
    response_model=wire.Inclusion,
    responses=documents.problems(404, 409),
)
async def inclusion(
    *,
    caller: _Auditor,
    services: _Services,
    index: Annotated[int, Query(ge=0, le=_FURTHEST, description="The place of the entry in the ledger.")],
    size: _Size = None,
) -> Response:
    """Prove that an entry stands at its place in the signed tree."""
    async with services.database.tenant(caller.tenant.id) as tx:
        log = await tiles.tree_at(tx, index)
        leaf = log.leaf(index)
        newest = await store.head(tx) if size is None else None
        newest = None if newest is None or newest.size > log.base + log.size else newest
        leaves = size or (log.size if newest is None else newest.size - log.base)
        path = await tiles.inclusion(tx, leaf, leaves, log=log)
        hashed = await tiles.leaf_hash_at(tx, leaf, log=log)
        note = await tiles.note_at(tx, log.base + leaves)
    return answers.shown(
        wire.Inclusion(log.origin, log.epoch, index, leaf, leaves, hashed.hex(), _hex(path), note)
    )  # fmt: skip


@router.get(
    "/api/v1/ledger/proofs/consistency",
    name="getConsistencyProof",
    response_model=wire.Consistency,
    responses=documents.problems(404, 409),
)
async def consistency(
    *, caller: _Auditor, services: _Services, old: _From, new: _To, epoch: _Epoch = None
) -> Response:  # fmt: skip
    """Prove that the tree at one size is the beginning of the tree at another: nothing was changed or taken out."""
    async with services.database.tenant(caller.tenant.id) as tx:
        log = await tiles.tree(tx, epoch=epoch)
        path = await tiles.consistency(tx, old, new, log=log)
    return answers.shown(wire.Consistency(log.origin, log.epoch, old, new, _hex(path)))


@router.get(
    "/api/v1/ledger/proofs/frontier",
    name="getFrontier",
    response_model=wire.FrontierHashes,
    responses=documents.problems(404, 409),
)
async def frontier(
    *,
    caller: _Auditor,
    services: _Services,
    size: Annotated[int, Query(ge=0, le=_FURTHEST, description="Leaves before the first that is read.")],
    epoch: _Epoch = None,
) -> Response:
    """Return what is to be known of the first leaves to recompute the tree from the others."""
    async with services.database.tenant(caller.tenant.id) as tx:
        log = await tiles.tree(tx, epoch=epoch)
        found = await tiles.frontier_at(tx, size, log=log)
    return answers.shown(wire.FrontierHashes(log.origin, log.epoch, size, _hex(found.hashes)))


@router.get(
    "/api/v1/ledger/log/checkpoint", name="getLogCheckpoint", response_class=Response, responses=_content(_TEXT)
)
async def checkpoint(caller: _Auditor, services: _Services, epoch: _Epoch = None) -> Response:
    """Return the newest signed head as C2SP tlog-tiles has it; of an earlier tree, if an epoch is named."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await store.head(tx, epoch=epoch)
    if found is None:
        raise NotFound("The ledger has no signed head yet; ask again in a few seconds.")
    return Response(found.note, media_type=_TEXT, headers={"Cache-Control": "no-store"})


@router.get(
    "/api/v1/ledger/log/tile/{tile:path}",
    name="getLogTile",
    response_class=Response,
    responses={**_content(_BYTES), **documents.problems(404, 409, 410)},
)
async def tile(
    caller: _Auditor,
    services: _Services,
    name: Annotated[str, Path(alias="tile", max_length=60, description="As C2SP tlog-tiles names it: `0/x001/234`.")],
    epoch: _Epoch = None,
) -> Response:
    """Return a tile of hashes, or of entries (`entries/…`), of the tree that grows now or of an earlier one."""
    wanted = tlog.tile_of(name)
    async with services.database.tenant(caller.tenant.id) as tx:
        log = await tiles.tree(tx, epoch=epoch)
        if wanted.level is None:
            found = await _entries(tx, log, wanted)
        else:
            found = await tiles.hashes(tx, wanted.level, wanted.n, wanted.width, log=log)
    return Response(found, media_type=_BYTES, headers=_FOREVER)


@router.get(
    "/api/v1/ledger/instance/head",
    name="getInstanceHead",
    response_model=wire.InstanceHead,
    responses=documents.problems(404),
)
async def instance_head(caller: _Auditor, services: _Services) -> Response:
    """Return the newest signed head of the log over all tenants."""
    async with services.database.tenant(caller.tenant.id) as tx:
        log, found = await instance.tree(tx), await instance.head(tx)
    return answers.shown(
        wire.InstanceHead(
            log.origin, found.size - log.base, found.root.hex(), found.note, clock.show(found.signed_at)
        )
    )  # fmt: skip


@router.get(
    "/api/v1/ledger/instance/consistency",
    name="getInstanceConsistency",
    response_model=wire.Consistency,
    responses=documents.problems(404),
)
async def instance_consistency(caller: _Auditor, services: _Services, old: _From, new: _To) -> Response:
    """Prove that the log over all tenants at one size is the beginning of the one at another."""
    async with services.database.tenant(caller.tenant.id) as tx:
        log = await instance.tree(tx)
        path = await tiles.consistency(tx, old, new, log=log)
    return answers.shown(wire.Consistency(log.origin, log.epoch, old, new, _hex(path)))


@router.get(
    "/api/v1/ledger/instance/inclusion",
    name="getInstanceInclusion",
    response_class=Response,
    responses={**_content(_TEXT), **documents.problems(404)},
)
async def instance_inclusion(caller: _Auditor, services: _Services, size: _Size = None) -> Response:
    """Prove (C2SP tlog-proof) that a signed head of the tenant, the newest if none is named, is in that log."""
    async with services.database.tenant(caller.tenant.id) as tx:
        log = await tiles.tree(tx)
        found = await instance.logged(tx, size=None if size is None else log.base + size)
    if found is None:
        raise NotFound("That head is not in the log of the instance; heads are put into it about once a minute.")
    headers = {"Lading-Head-Size": str(found.size - log.base)}
    return Response(found.proof, media_type=_TEXT, headers=headers)


async def _entries(tx: Transaction, log: Tree, wanted: tlog.Tile) -> bytes:
    first = wanted.n * 256
    if first + wanted.width > log.size:
        raise NotFound(f"A tree of {log.size} entries has no tile {wanted.path}.")
    found = await store.entries(tx, first=log.base + first, limit=wanted.width)
    if [each.index for each in found] != list(range(log.base + first, log.base + first + wanted.width)):
        raise Gone(f"Entries below {log.min_index} were pruned; what remains is proved without them.")
    return tlog.bundle(bytes(each.line) for each in found)


def _hex(hashes: Iterable[bytes]) -> list[str]:
    return [each.hex() for each in hashes]
