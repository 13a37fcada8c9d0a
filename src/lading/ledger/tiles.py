"""
Proofs about a tree of any size from a few reads: what the integrator keeps beside the entries.

Full tiles are rows that never change; hashes of the leaves behind the last full tile are those of their entries.  A
proof is one statement that reads as many slices of tiles as the tree is high.  `grow` is the integrator's half;
`fill` makes the tiles of entries from before there were any, a bounded part at a time.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias
from uuid import UUID

from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.errors import Conflict, Gone, NotFound
from lading.ledger import spans
from lading.ledger.merkle import TILE_HEIGHT, TILE_WIDTH, Frontier, Full, split, subtree_root
from lading.ledger.spans import Slice, Span
from lading_verify.merkle import HASH_BYTES

_SQL: Final = Statements("lading.ledger")
_FILLED: Final = 64


class Log(Protocol):
    """A tree whose hashes can be read."""

    @property
    def size(self) -> int:
        """Return how many leaves it has."""
        ...

    async def read(self, tx: Transaction, slices: Sequence[Slice]) -> Sequence[bytes]:
        """Return the hashes of each slice, one after the other; what is not there is missing at the end."""
        ...


@dataclass(frozen=True, slots=True)
class Tree:
    """One epoch of a tenant's tree: its first leaf has the place `base`, the entries below `min_index` may be gone."""

    tenant: UUID
    epoch: int
    origin: str
    base: int
    size: int
    min_index: int

    async def read(self, tx: Transaction, slices: Sequence[Slice]) -> Sequence[bytes]:
        """Return the hashes of each slice."""
        rows = await tx.all(_SQL["slices"], tenant_id=self.tenant, epoch=self.epoch, base=self.base, **asked(slices))
        return [row["hashes"] or b"" for row in rows]

    def leaf(self, index: int) -> int:
        """Return which leaf the entry at the place `index` is; NotFound if it is none of this tree."""
        if not self.base <= index < self.base + self.size:
            raise NotFound(f"The tree {self.origin} has no entry {index}.")
        return index - self.base


async def tree(tx: Transaction, *, tenant: UUID | None = None, epoch: int | None = None) -> Tree:
    """Return the tree of the tenant's ledger, of an `epoch` or as it grows now; NotFound when there is none."""
    row = await tx.maybe(_SQL["tree"], tenant_id=tx.tenant if tenant is None else tenant, epoch=epoch)
    if row is None:
        raise NotFound("The ledger has no such tree; ask again in a few seconds if it has just begun.")
    return _of(row)


async def tree_at(tx: Transaction, index: int) -> Tree:
    """Return the tree that the entry at a place is in: the one that grows now, or that of an earlier epoch."""
    row = await tx.maybe(_SQL["tree_at"], tenant_id=tx.tenant, index=index)
    if row is None:
        raise NotFound(f"The ledger has no entry {index}.")
    return _of(row)


async def frontier_at(tx: Transaction, size: int, *, log: Log | None = None) -> Frontier:
    """Return the frontier of the tenant's tree (or of `log`) as it was at `size` leaves."""
    log = log or await tree(tx)
    _within(log, size)
    slices = spans.perfect((0, size))
    return Frontier(size, tuple(await _nodes(tx, log, slices)))


async def root_at(tx: Transaction, size: int, *, log: Log | None = None) -> bytes:
    """Return the root as it was at `size` leaves."""
    return (await frontier_at(tx, size, log=log)).root()


async def inclusion(tx: Transaction, index: int, size: int, *, log: Log | None = None) -> list[bytes]:
    """Return the path of RFC 6962 from the leaf `index` to the root at `size`, from the leaf upwards."""
    log = log or await tree(tx)
    _within(log, size)
    if not 0 <= index < size:
        raise NotFound(f"A tree of {size} entries has none at {index}.")
    return await _roots(tx, log, spans.inclusion(index, size))


async def consistency(tx: Transaction, old: int, new: int, *, log: Log | None = None) -> list[bytes]:
    """Return the proof of RFC 6962 that the tree at `old` leaves is the beginning of that at `new`."""
    log = log or await tree(tx)
    _within(log, new)
    if not 0 <= old <= new:
        raise NotFound(f"A tree of {old} entries is not the beginning of one of {new}.")
    return await _roots(tx, log, spans.consistency(old, new))


async def hashes(tx: Transaction, level: int, n: int, width: int, *, log: Log) -> bytes:
    """Return the first `width` hashes of a tile; NotFound if the tree is too small."""
    if not 1 <= width <= TILE_WIDTH or (n * TILE_WIDTH + width) << (level * TILE_HEIGHT) > log.size:
        raise NotFound(f"A tree of {log.size} entries has no tile {level}/{n} of {width} hashes.")
    (found,) = await _read(tx, log, [Slice(level, n * TILE_WIDTH, width)])
    return found


async def leaf_hash_at(tx: Transaction, leaf: int, *, log: Log) -> bytes:
    """Return the hash of a leaf; it outlives the entry."""
    (found,) = await _read(tx, log, [Slice(0, leaf, 1)])
    return found


async def note_at(tx: Transaction, size: int) -> str | None:
    """Return the head that was signed at exactly that size, in places, None if none was."""
    row = await tx.maybe(_SQL["note_at"], tenant_id=tx.tenant, size=size)
    return None if row is None else row["note"]


def _within(log: Log, size: int) -> None:
    if not 0 <= size <= log.size:
        raise NotFound(f"The tree has {log.size} entries, not {size}; ask again when it has grown.")


async def _roots(tx: Transaction, log: Log, wanted: Sequence[Span]) -> list[bytes]:
    parts = [spans.perfect(span) for span in wanted]
    nodes = iter(await _nodes(tx, log, [each for part in parts for each in part]))
    return [spans.joined(list(itertools.islice(nodes, len(part)))) for part in parts]


async def _nodes(tx: Transaction, log: Log, slices: Sequence[Slice]) -> list[bytes]:
    return [subtree_root(split(found)) for found in await _read(tx, log, slices)]


async def _read(tx: Transaction, log: Log, slices: Sequence[Slice]) -> Sequence[bytes]:
    if not slices:
        return []
    found = await log.read(tx, slices)
    if any(len(each) != wanted.count * HASH_BYTES for each, wanted in zip(found, slices, strict=True)):
        raise Conflict("The tiles of this tree are still being made; ask again in a minute.")
    return found


def asked(slices: Sequence[Slice]) -> dict[str, list[int]]:
    """Return the parameters of a statement that reads slices."""
    return {
        "levels": [each.level for each in slices],
        "firsts": [each.first for each in slices],
        "counts": [each.count for each in slices],
    }


@dataclass(frozen=True, slots=True)
class Growth:
    """What a batch added to a tree: the hashes of its leaves from `first` on, and the tiles that they made full."""

    epoch: int
    base: int
    tiled: int
    first: int
    leaves: Sequence[bytes]
    full: Sequence[Full]

    @property
    def is_behind(self) -> bool:
        """Whether entries from before there were tiles are in none yet: `fill` makes them, and these with them."""
        return self.tiled != self.first - self.first % TILE_WIDTH

    @property
    def tiled_now(self) -> int:
        """Return how many leaves are in tiles with the batch."""
        if self.is_behind:
            return self.tiled
        size = self.first + len(self.leaves)
        return size - size % TILE_WIDTH


async def grow(tx: Transaction, grown: Mapping[UUID, Growth]) -> None:
    """Store the tiles that a batch made full, once its entries are in their places."""
    fuller = {tenant: each for tenant, each in grown.items() if each.full and not each.is_behind}
    if not fuller:
        return
    begun = {tenant: each for tenant, each in fuller.items() if each.first > each.tiled}
    tails = await tx.all(
        _SQL["tails"],
        tenants=list(begun),
        firsts=[each.base + each.tiled for each in begun.values()],
        ends=[each.base + each.first for each in begun.values()],
    )
    heads = {row["tenant_id"]: bytes(row["hashes"]) for row in tails}
    rows = [(tenant, *each) for tenant, growth in fuller.items() for each in stored(growth, heads.get(tenant, b""))]
    await tx.run(_SQL["tile"], **columns("tenants", *COLUMNS, rows=rows))


COLUMNS: Final = ("epochs", "levels", "numbers", "roots", "hashes")
Stored: TypeAlias = tuple[int, int, int, bytes, bytes | None]


def stored(growth: Growth, head: bytes) -> list[Stored]:
    """Return the rows of the tiles that became full; `head` has the hashes of the leaves between tiles and batch."""
    if len(head) != (growth.first - growth.tiled) * HASH_BYTES:
        raise RuntimeError("entries behind the last tile are missing; run `lading ledger selfcheck`")
    packed = head + b"".join(growth.leaves)
    size = TILE_WIDTH * HASH_BYTES
    begin = growth.tiled // TILE_WIDTH
    return [
        (
            growth.epoch,
            each.level,
            each.n,
            each.root,
            packed[(each.n - begin) * size : (each.n - begin + 1) * size] if each.level == 0 else None,
        )
        for each in growth.full
    ]


def columns(*names: str, rows: Sequence[Sequence[object]]) -> dict[str, list[object]]:
    """Return the columns of `rows` by their names."""
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


async def fill(tx: Transaction, *, limit: int = _FILLED) -> int:
    """
    Make up to `limit` tiles of entries that are in none yet, of one tree; return how many leaves got into tiles.

    For who holds the integrator's lock.  0 means that no tree is behind.
    """
    behind = await tx.maybe(_SQL["untiled"])
    if behind is None:
        return 0
    tenant, epoch, first = behind["tenant_id"], behind["epoch"], behind["tiled"]
    leaves = min(limit * TILE_WIDTH, behind["leaves"] - behind["leaves"] % TILE_WIDTH - first)
    rows = await tx.all(
        _SQL["unpacked"], tenant_id=tenant, first=behind["base"] + first, end=behind["base"] + first + leaves
    )
    packed = _packed(tenant, rows, leaves)
    start = Frontier(first, tuple(await _nodes(tx, _of(behind), spans.perfect((0, first)))))
    _, full = start.grown(split(packed))
    growth = Growth(epoch, behind["base"], first, first, split(packed), full)
    await tx.run(_SQL["tile"], **columns("tenants", *COLUMNS, rows=[(tenant, *each) for each in stored(growth, b"")]))
    await tx.run(_SQL["tiled"], tenant_id=tenant, epoch=epoch, tiled=first + leaves)
    return leaves


def _packed(tenant: UUID, rows: Sequence[Row], leaves: int) -> bytes:
    packed = b"".join(bytes(row["hashes"]) for row in rows)
    if len(packed) != leaves * HASH_BYTES:
        raise Gone(f"Entries of {tenant} that are in no tile yet are missing; run `lading ledger selfcheck`.")
    return packed


def _of(row: Row) -> Tree:
    return Tree(row["tenant_id"], row["epoch"], row["origin"], row["base"], row["leaves"], row["min_index"])
