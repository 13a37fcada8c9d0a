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

from lading.db.database import Database
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.ledger import heads
from lading.ledger.merkle import Frontier
from lading.ledger.trust import Signing

_SQL: Final = Statements("lading.ledger")
_LOCK: Final = 0x1AD1_46E0  # any number that nothing else here locks on


@dataclass(frozen=True, slots=True)
class _Tree:
    origin: str
    frontier: Frontier


async def integrate(database: Database, signer: Signing, *, origin_prefix: str, limit: int = 4096) -> int:
    """
    Integrate one batch of up to `limit` entries and return how many there were.

    0 means that nothing waits or that another integrator is at work; `limit` means that more may wait.
    `origin_prefix` names the instance; a tenant's log is `<origin_prefix>/t/<slug>`, fixed by its first entry.
    """
    async with database.ledger() as tx:
        if not (await tx.one(_SQL["lock"], key=_LOCK))["held"]:
            return 0
        batch = await tx.all(_SQL["pending"], limit=limit)
        if batch:
            await _integrate(tx, batch, signer=signer, origin_prefix=origin_prefix)
        return len(batch)


async def _integrate(tx: Transaction, batch: Sequence[Row], *, signer: Signing, origin_prefix: str) -> None:
    trees = await _trees(tx, {row["tenant_id"] for row in batch}, origin_prefix=origin_prefix)
    lines: dict[UUID, list[bytes]] = defaultdict(list)
    indexes: list[int] = []
    for row in batch:
        mine = lines[row["tenant_id"]]
        indexes.append(trees[row["tenant_id"]].frontier.size + len(mine))
        mine.append(row["line"])
    moved = await tx.run(_SQL["move"], ids=[row["id"] for row in batch], indexes=indexes)
    if moved != len(batch):
        raise RuntimeError(f"{moved} of {len(batch)} entries could be moved; another program writes to the outbox")
    grown = {tenant: _Tree(trees[tenant].origin, trees[tenant].frontier.extended(lines[tenant])) for tenant in lines}
    await _sign(tx, grown, signer=signer)


async def _trees(tx: Transaction, tenants: set[UUID], *, origin_prefix: str) -> Mapping[UUID, _Tree]:
    rows = await tx.all(_SQL["trees"], tenants=list(tenants), origin_prefix=origin_prefix)
    return {row["tenant_id"]: _Tree(row["origin"], Frontier.unpack(row["size"], row["frontier"])) for row in rows}


async def _sign(tx: Transaction, trees: Mapping[UUID, _Tree], *, signer: Signing) -> None:
    tenants = list(trees)
    roots = [trees[tenant].frontier.root() for tenant in tenants]
    sizes = [trees[tenant].frontier.size for tenant in tenants]
    grown = await tx.run(
        _SQL["grow"],
        tenants=tenants,
        origins=[trees[tenant].origin for tenant in tenants],
        sizes=sizes,
        frontiers=[trees[tenant].frontier.pack() for tenant in tenants],
        roots=roots,
    )
    if grown != len(tenants):
        raise RuntimeError(f"{grown} of {len(tenants)} trees could be extended; another program writes to the ledger")
    notes = [
        heads.sign(trees[tenant].origin, size, root, signer)
        for tenant, size, root in zip(tenants, sizes, roots, strict=True)
    ]
    await tx.run(_SQL["sign"], tenants=tenants, sizes=sizes, roots=roots, notes=notes, signed_at=tx.now)
