"""
The log of the instance: one tree whose leaves are the heads of all tenants, so that one small value anchors them all.

A leaf is the signed text of a tenant's head, byte for byte (origin, size, root).  Once in a while the heads that grew
are appended and the log's own head is signed.  A tenant sees hashes and heads of it, never another's leaf.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from lading.db.database import Database
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.errors import NotFound
from lading.ledger import heads, tiles
from lading.ledger.integrator import LOCK, Guard
from lading.ledger.marks import INSTANCE_LOG, Mark
from lading.ledger.merkle import Frontier
from lading.ledger.spans import Slice
from lading.ledger.store import SignedHead
from lading.ledger.trust import Signing
from lading_verify import layout, notes
from lading_verify.merkle import EMPTY_ROOT, leaf_hash

_SQL: Final = Statements("lading.ledger")
_LEAVES: Final = 4096


@dataclass(frozen=True, slots=True)
class InstanceTree:
    """One epoch of the instance's log; its first leaf has the place `base`."""

    epoch: int
    origin: str
    base: int
    size: int

    async def read(self, tx: Transaction, slices: Sequence[Slice]) -> Sequence[bytes]:
        """Return the hashes of each slice."""
        rows = await tx.all(_SQL["instance_slices"], epoch=self.epoch, base=self.base, **tiles.asked(slices))
        return [row["hashes"] or b"" for row in rows]


@dataclass(frozen=True, slots=True)
class Logged:
    """That a head of a tenant stands in the log: the proof (C2SP tlog-proof) and the head of the log it leads to."""

    size: int
    index: int
    proof: bytes
    head: SignedHead


async def append(
    database: Database, signer: Signing, *, origin_prefix: str, seconds: float, guard: Guard | None = None
) -> int:
    """
    Append the heads of tenants that grew, unless that was done less than `seconds` ago; return how many.

    Any number of processes may call this.
    """
    async with database.ledger() as tx:
        if not (await tx.one(_SQL["lock"], key=LOCK))["held"]:
            return 0
        state = await tx.maybe(_SQL["instance_state"])
        if state is not None and tx.now - state["grown_at"] < timedelta(seconds=seconds):
            return 0
        if guard is not None and not guard.admits(INSTANCE_LOG, _mark(state)):
            return 0
        grown = await tx.all(_SQL["unlogged"], limit=_LEAVES)
        mark = (
            await _append(tx, state, grown, signer=signer, origin=f"{origin_prefix}/instance") if grown else None
        )  # fmt: skip
    if guard is not None and mark is not None:
        await guard.note({INSTANCE_LOG: mark})
    return len(grown)


def _mark(state: Row | None) -> Mark:
    return Mark(1, 0, EMPTY_ROOT) if state is None else Mark(state["epoch"], state["size"], bytes(state["root"]))


async def _append(tx: Transaction, state: Row | None, grown: Sequence[Row], *, signer: Signing, origin: str) -> Mark:
    epoch, base, tiled, before = 1, 0, 0, Frontier()
    if state is not None:
        epoch, base, tiled, origin = state["epoch"], state["base"], state["tiled"], state["origin"]
        before = Frontier.unpack(state["size"] - base, state["frontier"])
    lines = [leaf_of(row["note"]) for row in grown]
    leaves = [leaf_hash(line) for line in lines]
    frontier, full = before.grown(leaves)
    growth = tiles.Growth(epoch, base, tiled, before.size, leaves, full)
    first = base + before.size
    await tx.run(
        _SQL["instance_leaf"],
        tenants=[row["tenant_id"] for row in grown],
        sizes=[row["size"] for row in grown],
        indexes=list(range(first, first + len(lines))),
        hashes=leaves,
        lines=lines,
    )
    if full:
        await _keep_tiles(tx, growth)
    root, size = frontier.root(), base + frontier.size
    await tx.run(
        _SQL["instance_grow"],
        origin=origin, size=size, tiled=growth.tiled_now, frontier=frontier.pack(), root=root, grown_at=tx.now,
    )  # fmt: skip
    if not signer.is_local:
        return Mark(epoch, size, root)  # as in `integrator`
    note = heads.sign(origin, frontier.size, root, signer)
    await tx.run(_SQL["instance_sign"], size=size, root=root, note=note, signed_at=tx.now)
    return Mark(epoch, size, root)


async def _keep_tiles(tx: Transaction, growth: tiles.Growth) -> None:
    row = await tx.one(
        _SQL["instance_tail"], first=growth.base + growth.tiled, end=growth.base + growth.first
    )  # fmt: skip
    rows = tiles.stored(growth, row["hashes"] or b"")
    await tx.run(_SQL["instance_tile"], **tiles.columns(*tiles.COLUMNS, rows=rows))


def leaf_of(note: str) -> bytes:
    """Return the leaf for a tenant's head: what its signatures sign."""
    return heads.signed_text(heads.read(note)).encode()


async def tree(tx: Transaction) -> InstanceTree:
    """Return the instance's log as it grows now; NotFound before its first leaf."""
    row = await tx.maybe(_SQL["instance_tree"])
    if row is None:
        raise NotFound("The log of the instance is empty still; ask again in a minute.")
    return InstanceTree(row["epoch"], row["origin"], row["base"], row["leaves"])


async def head(tx: Transaction) -> SignedHead:
    """Return the newest signed head of the instance's log; NotFound before its first."""
    row = await tx.maybe(_SQL["instance_head"], above=None)
    if row is None:
        raise NotFound("The log of the instance has no signed head yet; ask again in a minute.")
    return _head(row)


async def logged(tx: Transaction, *, size: int | None = None) -> Logged | None:
    """
    Return where a head of the tenant stands in the log: the one at `size` places, else the newest that is there.

    The proof leads to the first head of the log above it, so that it is the same whenever it is asked for.
    """
    row = await tx.maybe(_SQL["logged"], tenant_id=tx.tenant, size=size)
    if row is None:
        return None
    covering = await tx.maybe(_SQL["instance_head"], above=row["index"])
    log = await tree(tx)
    if covering is None or row["index"] < log.base:
        return None
    signed = _head(covering)
    leaf, leaves = row["index"] - log.base, signed.size - log.base
    path = await tiles.inclusion(tx, leaf, leaves, log=log)
    return Logged(row["size"], row["index"], notes.write_proof(leaf, path, signed.note.encode()), signed)


async def proof_of(tx: Transaction, size: int) -> Mapping[str, bytes] | None:
    """
    Return the files of a bundle that prove the tenant's head at `size` leaves, None if that head is not in the log.

    `newest_size` names one that is.
    """
    base = (await tiles.tree(tx)).base
    found = await logged(tx, size=base + size)
    if found is None:
        return None
    return {layout.INSTANCE_PROOF: found.proof, layout.INSTANCE_HEAD: found.head.note.encode()}


async def newest_size(tx: Transaction, *, most: int | None = None) -> int | None:
    """Return the size, in leaves, of the newest head of the tenant in the log (of at most `most`), None if none is."""
    base = (await tiles.tree(tx)).base
    row = await tx.one(
        _SQL["newest_logged"], tenant_id=tx.tenant, base=base, most=None if most is None else base + most
    )
    return None if row["size"] is None else row["size"] - base


def _head(row: Row) -> SignedHead:
    return SignedHead(row["size"], row["root"], row["note"], row["signed_at"])
