"""
Remove the oldest entries of ledgers, by the only way there is.

What is removed is a prefix of whole tiles; tiles and signed heads stay, so that every proof about what remains, and
every proof given out before, stays valid.  First it is said how far (`min_index`, and an entry in the same
transaction), then rows below are deleted, a part at a time: the database refuses to delete any other.

Kept are entries younger than asked for, those since the oldest export that has its files or runs, what a webhook was
not told yet, the whole ledger of a tenant with a hold, and of one whose ledger was restored.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from lading.db.database import Database
from lading.db.statements import Statements
from lading.ledger import store, tiles
from lading.ledger.entry import SYSTEM, Entry
from lading.ledger.merkle import TILE_WIDTH

_SQL: Final = Statements("lading.ledger")
_PART: Final = 10_000


async def prune(database: Database, *, days: int) -> int:
    """Remove what is older than so many days (0: nothing) and not needed; return how many entries are gone."""
    if days > 0:
        async with database.ledger() as tx:
            found = await tx.all(_SQL["prunable"], days=days)
        for row in found:
            await _lower(database, row["tenant_id"], days)
    return await _delete(database)


async def _lower(database: Database, tenant: UUID, days: int) -> None:
    async with database.ledger() as tx:
        await tx.one(_SQL["hold_gate"], tenant_id=tenant)  # nobody places a hold meanwhile
        row = await tx.maybe(_SQL["needed"], tenant_id=tenant, days=days)
        if row is None:
            return
        end = row["needed"] - row["needed"] % TILE_WIDTH
        if end <= row["min_index"]:
            return
        log = await tiles.tree(tx, tenant=tenant)
        root = await tiles.root_at(tx, end, log=log)
        await tx.run(_SQL["prune_to"], tenant_id=tenant, min_index=end)
        told = {"from": row["min_index"], "to": end, "root": root.hex(), "days": days}
        await store.record(tx, Entry("ledger.pruned", "ledger:entries", SYSTEM, told), tenant=tenant)


async def _delete(database: Database) -> int:
    count, part = 0, _PART
    while part == _PART:
        async with database.ledger() as tx:
            part = await tx.run(_SQL["prune"], limit=_PART)
        count += part
    return count
