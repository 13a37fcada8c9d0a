"""
Move entries from the outbox into their tenants' trees, in causal order, and sign the new heads.

One batch is one transaction: it is all in the trees, or, if the process dies, all in the outbox still.  Any number of
integrators may run; a lock of the database lets one work at a time.

Order: a batch is all visible outbox rows by id.  If A committed before B was written then id(A) < id(B), and A is
visible whenever B is, so A comes first.  Rows leave the outbox instead of being passed by a cursor, so one that commits
late just lands in a later batch: nothing is lost and no long transaction holds the ledger up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from lading import failpoints
from lading.db.database import Database
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.ledger import heads, tiles
from lading.ledger.merkle import Frontier, leaf_hash
from lading.ledger.trust import Signing

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


async def integrate(database: Database, signer: Signing, *, origin_prefix: str, limit: int = 4096) -> int:
    """
    Integrate one batch of up to `limit` entries and return how many there were.

    0 means that nothing waits or that another integrator is at work; `limit` means that more may wait.
    `origin_prefix` names the instance; a tenant's log is `<origin_prefix>/t/<slug>`, fixed by its first entry.
    """
    async with database.ledger() as tx:
        if not (await tx.one(_SQL["lock"], key=LOCK))["held"]:
            return 0
        batch = await tx.all(_SQL["pending"], limit=limit)
        if batch:
            await _integrate(tx, batch, signer=signer, origin_prefix=origin_prefix)
    failpoints.reach("ledger.committed")
    return len(batch)


async def fill_tiles(database: Database) -> int:
    """Make some of the tiles that entries from before there were tiles lack; return how many entries got into some."""
    async with database.ledger() as tx:
        if not (await tx.one(_SQL["lock"], key=LOCK))["held"]:
            return 0
        return await tiles.fill(tx)


async def _integrate(tx: Transaction, batch: Sequence[Row], *, signer: Signing, origin_prefix: str) -> None:
    trees = await _trees(tx, {row["tenant_id"] for row in batch}, origin_prefix=origin_prefix)
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
