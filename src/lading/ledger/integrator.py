"""
Move entries from the outbox into their tenants' trees, in causal order, and sign the new heads.

One batch is one transaction: it is all in the trees, or, if the process dies, all in the outbox still.  Any number of
integrators may run; a lock of the database lets one work at a time.

Order: a batch is all visible outbox rows by id.  If A committed before B was written then id(A) < id(B), and A is
visible whenever B is, so A comes first.  Rows leave the outbox instead of being passed by a cursor, so one that commits
late just lands in a later batch: nothing is lost and no long transaction holds the ledger up.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from lading import failpoints
from lading.db.database import Database
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.ledger import heads, tiles
from lading.ledger.marks import Mark, Marks
from lading.ledger.merkle import Frontier
from lading.ledger.trust import Signing
from lading_verify.merkle import leaf_hash

_SQL: Final = Statements("lading.ledger")
LOCK: Final = 0x1AD1_46E0  # any number that nothing else here locks on


@dataclass(frozen=True, slots=True)
class _Tree:
    """A tree before a batch; its first leaf has the place `base`, and its tiles hold `tiled` leaves."""

    origin: str
    epoch: int
    base: int
    tiled: int
    frontier: Frontier

    @property
    def mark(self) -> Mark:
        return Mark(self.epoch, self.base + self.frontier.size, self.frontier.root())

    def grown(self, lines: Sequence[bytes]) -> _Grown:
        leaves = [leaf_hash(line) for line in lines]
        frontier, full = self.frontier.grown(leaves)
        growth = tiles.Growth(self.epoch, self.base, self.tiled, self.frontier.size, leaves, full)
        return _Grown(self.origin, self.base + frontier.size, frontier, growth)


@dataclass(frozen=True, slots=True)
class _Grown:
    """A tree after a batch; `size` is the place of the entry that comes next."""

    origin: str
    size: int
    frontier: Frontier
    growth: tiles.Growth


class Guard:
    """
    What one process knows of the marks: which trees it may extend, and how far they have come.

    `refused` are trees that were taken back; their entries stay in the outbox until somebody adopts the restore.
    """

    def __init__(self, marks: Marks) -> None:
        self.marks: Final = marks
        self.refused: set[UUID] = set()
        self._known: dict[UUID, Mark] = {}

    def learn(self, known: Mapping[UUID, Mark], refused: Iterable[UUID]) -> None:
        """Take what the marks say, and which trees were found behind or beside theirs."""
        self._known = dict(known)
        self.refused = set(refused)

    def admits(self, tree: UUID, mark: Mark) -> bool:
        """Return whether a tree that stands like this continues what was signed; if not, it is refused from now on."""
        known = self._known.get(tree)
        is_good = known is None or mark.epoch > known.epoch or mark == known or mark > known
        if is_good and known is not None and (mark.epoch, mark.size) == (known.epoch, known.size):
            is_good = mark.root == known.root
        if not is_good:
            self.refused.add(tree)
        return is_good

    async def note(self, grown: Mapping[UUID, Mark]) -> None:
        """Keep how far trees have grown, on disk."""
        self._known.update(grown)
        await asyncio.to_thread(self.marks.note, grown)


async def integrate(
    database: Database, signer: Signing, *, origin_prefix: str, limit: int = 4096, guard: Guard | None = None
) -> int:
    """
    Integrate one batch of up to `limit` entries and return how many there were.

    0 means that nothing waits or that another integrator is at work; `limit` means that more may wait.
    `origin_prefix` names the instance; a tenant's log is `<origin_prefix>/t/<slug>`, fixed by its first entry.
    A tree that `guard` refuses is left as it is.
    """
    grown: Mapping[UUID, _Grown] = {}
    async with database.ledger() as tx:
        if not (await tx.one(_SQL["lock"], key=LOCK))["held"]:
            return 0
        batch = await tx.all(_SQL["pending"], limit=limit, without=list(guard.refused) if guard else [])
        if batch:
            grown = await _integrate(tx, batch, signer=signer, origin_prefix=origin_prefix, guard=guard)
    failpoints.reach("ledger.committed")
    if guard is not None and grown:
        await guard.note({
            tenant: Mark(each.growth.epoch, each.size, each.frontier.root()) for tenant, each in grown.items()
        })  # fmt: skip
    return sum(len(each.growth.leaves) for each in grown.values())


async def fill_tiles(database: Database) -> int:
    """Make some of the tiles that entries from before there were tiles lack; return how many entries got into some."""
    async with database.ledger() as tx:
        if not (await tx.one(_SQL["lock"], key=LOCK))["held"]:
            return 0
        return await tiles.fill(tx)


async def _integrate(
    tx: Transaction, batch: Sequence[Row], *, signer: Signing, origin_prefix: str, guard: Guard | None
) -> Mapping[UUID, _Grown]:
    trees = await _trees(tx, {row["tenant_id"] for row in batch}, origin_prefix=origin_prefix)
    if guard is not None:
        refused = {tenant for tenant, tree in trees.items() if not guard.admits(tenant, tree.mark)}
        batch = [row for row in batch if row["tenant_id"] not in refused]
        if not batch:
            return {}
    lines: dict[UUID, list[bytes]] = defaultdict(list)
    indexes: list[int] = []
    for row in batch:
        mine, tree = lines[row["tenant_id"]], trees[row["tenant_id"]]
        indexes.append(tree.base + tree.frontier.size + len(mine))
        mine.append(row["line"])
    moved = await tx.run(_SQL["move"], ids=[row["id"] for row in batch], indexes=indexes)
    if moved != len(batch):
        raise RuntimeError(f"{moved} of {len(batch)} entries could be moved; another program writes to the outbox")
    failpoints.reach("ledger.moved")
    grown = {tenant: trees[tenant].grown(mine) for tenant, mine in lines.items()}
    await tiles.grow(tx, {tenant: each.growth for tenant, each in grown.items()})
    failpoints.reach("ledger.tiled")
    await _sign(tx, grown, signer=signer)
    failpoints.reach("ledger.signed")
    return grown


async def _trees(tx: Transaction, tenants: set[UUID], *, origin_prefix: str) -> Mapping[UUID, _Tree]:
    rows = await tx.all(_SQL["trees"], tenants=list(tenants), origin_prefix=origin_prefix)
    return {
        row["tenant_id"]: _Tree(
            row["origin"],
            row["epoch"],
            row["base"],
            row["tiled"],
            Frontier.unpack(row["size"] - row["base"], row["frontier"]),
        )
        for row in rows
    }


async def _sign(tx: Transaction, trees: Mapping[UUID, _Grown], *, signer: Signing) -> None:
    tenants, grown = list(trees), list(trees.values())
    roots, sizes = [each.frontier.root() for each in grown], [each.size for each in grown]
    kept = await tx.run(
        _SQL["grow"],
        tenants=tenants,
        origins=[each.origin for each in grown],
        sizes=sizes,
        tiled=[each.growth.tiled_now for each in grown],
        frontiers=[each.frontier.pack() for each in grown],
        roots=roots,
    )
    if kept != len(tenants):
        raise RuntimeError(f"{kept} of {len(tenants)} trees could be extended; another program writes to the ledger")
    failpoints.reach("ledger.grown")
    if not signer.is_local:
        return  # a signer elsewhere is asked when the trees are committed: `publishing`
    notes = [heads.sign(each.origin, each.frontier.size, root, signer) for each, root in zip(grown, roots, strict=True)]
    await tx.run(_SQL["sign"], tenants=tenants, sizes=sizes, roots=roots, notes=notes, signed_at=tx.now)
