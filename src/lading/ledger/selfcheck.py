"""
Recompute a tenant's ledger from its rows and compare it with everything that was derived from them.

Entries against their own text, the tree, its tiles, every signed head, and the log of the instance; places have no gap
and nothing is behind the end.  Reads page by page in bounded memory, and repairs nothing.  What a fault is about is in
its text; who changed a row can't be told from rows.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from lading import clock, ids
from lading.db.database import Database
from lading.db.statements import Statements
from lading.db.transaction import Row
from lading.errors import LadingError, PackageInvalid
from lading.ledger import heads
from lading.ledger.entry import INSTANCE
from lading.ledger.merkle import TILE_WIDTH, Frontier, Full, split, subtree_root
from lading.ledger.trust import Trust
from lading_verify.merkle import EMPTY_ROOT, HASH_BYTES, leaf_hash

_SQL: Final = Statements("lading.ledger")
_PAGE: Final = 2000
_TILES: Final = 128


class Fault(LadingError):
    """A row that does not say what the others say."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check of one tenant's ledger found; `fault` is None when all of it fits together."""

    tenant_id: UUID
    slug: str
    size: int
    entries: int
    fault: str | None


async def check_all(database: Database, trust: Trust, *, slug: str | None = None) -> AsyncIterator[Checked]:
    """Yield what the check of each tenant's ledger finds, or of that of the tenant `slug`."""
    last: UUID | None = None
    while True:
        async with database.ledger() as tx:
            page = await tx.all(_SQL["checkable"], slug=slug, after=last, limit=100)
        for row in page:
            yield await check(database, row["tenant_id"], row["slug"], trust)
        if not page:
            return
        last = page[-1]["tenant_id"]


async def check(database: Database, tenant: UUID, slug: str, trust: Trust) -> Checked:
    """Check the ledger of one tenant, all its epochs, and note what came of it."""
    checker = _Check(database, tenant, trust)
    fault: str | None = None
    try:
        await checker.run()
        if tenant == INSTANCE:  # with its ledger the log over all tenants
            await _Instance(database, trust).run()
    except (Fault, PackageInvalid) as error:
        fault = error.message[:500]
    async with database.ledger() as tx:
        await tx.run(_SQL["checked"], tenant_id=tenant, size=checker.size, fault=fault)
    return Checked(tenant, slug, checker.size, checker.entries, fault)


async def check_due(database: Database, trust: Trust, *, hours: int) -> Checked | None:
    """Check the ledger that was not checked for the longest, None when all were within so many hours."""
    async with database.ledger() as tx:
        row = await tx.maybe(_SQL["due_check"], hours=hours)
    return None if row is None else await check(database, row["tenant_id"], row["slug"], trust)


async def faults(database: Database) -> Sequence[Row]:
    """Return what the last check of each ledger found wrong."""
    async with database.ledger() as tx:
        return await tx.all(_SQL["faults"])


async def check_instance(database: Database, trust: Trust) -> str | None:
    """Recompute the log of the instance; return what is wrong with it, None if nothing."""
    try:
        await _Instance(database, trust).run()
    except (Fault, PackageInvalid) as error:
        return error.message[:500]
    return None


@dataclass(frozen=True, slots=True)
class _Epoch:
    """A tree as its row says it; `end` is the place behind its last leaf."""

    epoch: int
    origin: str
    base: int
    end: int
    tiled: int
    frontier: bytes
    root: bytes
    min_index: int

    @property
    def leaves(self) -> int:
        return self.end - self.base


class _Check:
    """The ledger of one tenant, from its first place on."""

    def __init__(self, database: Database, tenant: UUID, trust: Trust) -> None:
        self.size = 0
        self.entries = 0
        self._database: Final = database
        self._tenant: Final = tenant
        self._shown: Final = ids.show(ids.TENANT, tenant)
        self._trust: Final = trust

    async def run(self) -> None:
        """Raise Fault for the first thing that does not fit."""
        async with self._database.ledger() as tx:
            rows = await tx.all(_SQL["epochs"], tenant_id=self._tenant)
            stray = await tx.one(_SQL["stray"], tenant_id=self._tenant)
        epochs = [_epoch(row) for row in rows]
        for kind in ("entries", "heads", "tiles", "logged"):
            if stray[kind]:
                raise Fault(f"{stray[kind]} rows of {kind} belong to no tree of this ledger: {_HINTS[kind]}.")
        for each in epochs:
            self.size = each.end
            await self._tree(each)

    async def _tree(self, tree: _Epoch) -> None:
        pruned = max(0, tree.min_index - tree.base)
        if pruned % TILE_WIDTH:
            raise Fault(f"{tree.origin}: it is said to be pruned below {tree.min_index}, which is in a tile.")
        if pruned:
            async with self._database.ledger() as tx:
                row = await tx.one(_SQL["pruned_told"], tenant_id=self._tenant, end=tree.min_index)
            if not row["is_told"]:
                raise Fault(f"{tree.origin}: it is said to be pruned below {tree.min_index}, which no entry tells.")
        walk = _Walk(tree, self._trust)
        # What was pruned is known by its tiles, and those by the heads above them.
        while walk.size < pruned:
            walk.add([leaf for row in await self._tiles(tree, walk.size) for leaf in walk.kept(row)])
            await self._heads(walk, tree)
        place = tree.base + pruned
        while place < tree.end:
            page = await self._page(tree, place)
            if not page:
                raise Fault(f"{tree.origin}: entries from {place} on are missing; the tree has {tree.end}.")
            walk.add([self._leaf(row, place + offset) for offset, row in enumerate(page)])
            place, self.entries = place + len(page), self.entries + len(page)
            await self._compare_tiles(walk, tree)
            await self._heads(walk, tree)
        walk.end()
        await self._counts(tree)

    async def _page(self, tree: _Epoch, place: int) -> Sequence[Row]:
        async with self._database.ledger() as tx:
            return await tx.all(
                _SQL["rows"], tenant_id=self._tenant, first=place, end=tree.end, limit=_PAGE
            )  # fmt: skip

    async def _tiles(self, tree: _Epoch, leaf: int) -> Sequence[Row]:
        async with self._database.ledger() as tx:
            rows = await tx.all(
                _SQL["full_tiles"], tenant_id=self._tenant, epoch=tree.epoch, level=0, first=leaf // TILE_WIDTH,
                limit=min(_TILES, (tree.min_index - tree.base - leaf) // TILE_WIDTH),
            )  # fmt: skip
        if not rows:
            raise Fault(f"{tree.origin}: tiles of pruned entries are missing from leaf {leaf} on.")
        return rows

    def _leaf(self, row: Row, place: int) -> bytes:
        """Return the hash of an entry whose columns say what its line says."""
        if row["index"] != place:
            raise Fault(f"Entry {place} is missing.")
        line = bytes(row["line"])
        try:
            told: Mapping[str, Any] = json.loads(line)
            same = (told["subject"], told["type"], told["at"]) == (row["subject"], row["type"], clock.show(row["at"]))
            same = same and told["tenant"] == self._shown
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise Fault(f"Entry {place} can't be read: it was changed.") from error
        if not same:
            raise Fault(f"The columns of entry {place} do not say what its line says: it was changed.")
        return leaf_hash(line)

    async def _compare_tiles(self, walk: _Walk, tree: _Epoch) -> None:
        full = [each for each in walk.taken() if (each.n + 1) * TILE_WIDTH ** (each.level + 1) <= tree.tiled]
        if not full:
            return
        async with self._database.ledger() as tx:
            rows = await tx.all(
                _SQL["some_tiles"], tenant_id=self._tenant, epoch=tree.epoch, levels=[each.level for each in full],
                numbers=[each.n for each in full],
            )  # fmt: skip
        found = {(row["level"], row["n"]): row for row in rows}
        for each in full:
            row = found.get((each.level, each.n))
            if row is None:
                raise Fault(f"{tree.origin}: tile {each.level}/{each.n} is missing.")
            packed = row["hashes"]
            if bytes(row["root"]) != each.root or (packed is not None and _root(packed) != each.root):
                raise Fault(f"{tree.origin}: tile {each.level}/{each.n} is not that of the entries: one was changed.")

    async def _heads(self, walk: _Walk, tree: _Epoch) -> None:
        """Compare what was signed and logged of the sizes that were just passed."""
        async with self._database.ledger() as tx:
            rows = await tx.all(
                _SQL["heads_between"], tenant_id=self._tenant, first=tree.base + walk.checked, end=tree.base + walk.size
            )  # fmt: skip
        walk.compare(rows)

    async def _counts(self, tree: _Epoch) -> None:
        async with self._database.ledger() as tx:
            row = await tx.one(_SQL["last_head"], tenant_id=self._tenant, first=tree.base, end=tree.end)
        if tree.leaves and row["size"] != tree.end:
            raise Fault(
                f"{tree.origin}: no head is there of its {tree.leaves} entries: taken away, or the signer is late."
            )


_HINTS: Final = {
    "entries": "they were put in, or the tree was cut",
    "heads": "they were put in, or the tree was cut",
    "tiles": "they were put in, or the tree was cut",
    "logged": "the instance's log knows of more than the tree has; it was cut",
}


class _Walk:
    """A tree that grows again, leaf by leaf, and what it should be at the sizes that were signed."""

    def __init__(self, tree: _Epoch, trust: Trust) -> None:
        self._tree: Final = tree
        self._trust: Final = trust
        self._before = Frontier()
        self._leaves: list[bytes] = []
        self._full: list[Full] = []
        self.frontier = Frontier()
        self.checked = 0

    @property
    def size(self) -> int:
        return self.frontier.size

    def add(self, leaves: list[bytes]) -> None:
        """Take the hashes of the next leaves."""
        self._before, self._leaves = self.frontier, leaves
        self.checked = self.frontier.size
        self.frontier, full = self.frontier.grown(leaves)
        self._full += full

    def kept(self, row: Row) -> list[bytes]:
        """Return the leaves of a tile whose root is its own."""
        leaves = split(bytes(row["hashes"]))
        if subtree_root(leaves) != bytes(row["root"]):
            raise Fault(f"{self._tree.origin}: tile 0/{row['n']} was changed.")
        return leaves

    def taken(self) -> list[Full]:
        """Return the tiles that became full since the last time."""
        full, self._full = self._full, []
        return full

    def compare(self, rows: Iterable[Row]) -> None:
        """Raise Fault for a head of these sizes that is not the tree's."""
        frontier = self._before
        for row in rows:
            leaves = row["size"] - self._tree.base
            frontier, _ = frontier.grown(self._leaves[frontier.size - self._before.size : leaves - self._before.size])
            root = frontier.root()
            head = heads.verify(row["note"], self._trust)
            if (head.origin, head.size, head.root) != (self._tree.origin, leaves, root) or bytes(row["root"]) != root:
                raise Fault(f"{self._tree.origin}: the head at {leaves} is not that of the entries: one was changed.")
            logged = row["logged"]
            if logged is not None and bytes(logged) != heads.signed_text(head).encode():
                raise Fault(f"{self._tree.origin}: the instance's log has another head at {leaves}.")

    def end(self) -> None:
        """Raise Fault unless the tree's row says what its entries say."""
        tree, frontier = self._tree, self.frontier
        if (frontier.size, frontier.root(), frontier.pack()) != (tree.leaves, tree.root, tree.frontier):
            raise Fault(f"{tree.origin}: its entries do not have the root that its row says: one was changed.")
        if tree.tiled > frontier.size - frontier.size % TILE_WIDTH:
            raise Fault(f"{tree.origin}: more is said to be in tiles than there is.")


class _Instance:
    """The log over all tenants."""

    def __init__(self, database: Database, trust: Trust) -> None:
        self._database: Final = database
        self._trust: Final = trust

    async def run(self) -> None:
        async with self._database.ledger() as tx:
            rows = await tx.all(_SQL["instance_trees"])
            stray = await tx.one(_SQL["instance_stray"])
        if stray["rows"]:
            raise Fault(f"{stray['rows']} rows of the instance's log belong to no tree of it.")
        for row in rows:
            await self._tree(_epoch(row))

    async def _tree(self, tree: _Epoch) -> None:
        walk, place = _Walk(tree, self._trust), tree.base
        while place < tree.end:
            async with self._database.ledger() as tx:
                page = await tx.all(_SQL["instance_rows"], first=place, end=tree.end, limit=_PAGE)
            if not page:
                raise Fault(f"{tree.origin}: leaves from {place} on are missing.")
            walk.add([self._leaf(row, place + offset) for offset, row in enumerate(page)])
            place += len(page)
            async with self._database.ledger() as tx:
                signed = await tx.all(
                    _SQL["instance_heads_between"], first=tree.base + walk.checked, end=tree.base + walk.size
                )  # fmt: skip
                full = [each for each in walk.taken() if (each.n + 1) * TILE_WIDTH ** (each.level + 1) <= tree.tiled]
                tiles = await tx.all(
                    _SQL["instance_some_tiles"], epoch=tree.epoch, levels=[each.level for each in full],
                    numbers=[each.n for each in full],
                )  # fmt: skip
            walk.compare(signed)
            _same(tree, full, tiles)
        walk.end()

    def _leaf(self, row: Row, place: int) -> bytes:
        line = bytes(row["line"])
        hashed = leaf_hash(line)
        if row["index"] != place or hashed != bytes(row["hash"]):
            raise Fault(f"Leaf {place} of the instance's log is missing or was changed.")
        return hashed


def _same(tree: _Epoch, full: Sequence[Full], rows: Sequence[Row]) -> None:
    found = {(row["level"], row["n"]): row for row in rows}
    for each in full:
        row = found.get((each.level, each.n))
        if (
            row is None
            or bytes(row["root"]) != each.root
            or (row["hashes"] is not None and _root(row["hashes"]) != each.root)
        ):
            raise Fault(f"{tree.origin}: tile {each.level}/{each.n} is missing or not that of the leaves.")


def _root(packed: bytes) -> bytes:
    leaves = split(bytes(packed))
    return subtree_root(leaves) if len(packed) == TILE_WIDTH * HASH_BYTES else EMPTY_ROOT


def _epoch(row: Row) -> _Epoch:
    return _Epoch(
        row["epoch"], row["origin"], row["base"], row["size"], row["tiled"], bytes(row["frontier"]), bytes(row["root"]),
        row["min_index"],
    )  # fmt: skip
