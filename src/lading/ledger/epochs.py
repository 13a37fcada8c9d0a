"""
What becomes of a ledger whose database was taken back: it is refused, until somebody says that it is to go on.

A tree behind its mark, or beside it, would sign a fork of what was signed before.  `examine` finds such trees; the
integrator leaves them alone.  `adopt` closes them and opens the next epoch: another tree with a name of its own, whose
first leaf says what was known and which places are lost.  Places go on behind the lost ones and are never used twice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from lading.canonical import Json
from lading.db.database import Database
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.errors import Conflict
from lading.ledger import heads, instance, store, tiles
from lading.ledger.entry import INSTANCE, SYSTEM, Actor, Entry, grounds, is_ticket, line
from lading.ledger.integrator import LOCK
from lading.ledger.marks import INSTANCE_LOG, Mark, Marks
from lading.ledger.merkle import Frontier
from lading.ledger.trust import Signing
from lading_verify.merkle import EMPTY_ROOT

_SQL: Final = Statements("lading.ledger")
_EPOCH: Final = re.compile(r"/e[0-9]+\Z")
OPENED: Final = "ledger.epoch_opened"


@dataclass(frozen=True, slots=True)
class TakenBack:
    """
    A tree that does not continue its mark; `tree` is its tenant.

    `is_forked` means that it grew on as another than was signed; `is_known` that the database knows the tenant.
    """

    tree: UUID
    name: str
    epoch: int
    origin: str
    base: int
    size: int
    mark: Mark
    is_forked: bool
    is_known: bool

    @property
    def sentence(self) -> str:
        """Return what is the matter."""
        if not self.is_known:
            return f"a tenant with {self.mark.size} entries is not in the database any more ({self.tree})"
        if self.is_forked:
            return f"{self.origin} is another tree than the one that was signed at {self.mark.size}"
        return f"{self.origin} has {self.size} entries, and {self.mark.size} were signed"


async def examine(database: Database, marks: Mapping[UUID, Mark]) -> list[TakenBack]:
    """Return the trees that do not continue their marks."""
    async with database.ledger() as tx:
        return await _examine(tx, marks)


async def _examine(tx: Transaction, marks: Mapping[UUID, Mark]) -> list[TakenBack]:
    rows = {row["tree"]: row for row in await tx.all(_SQL["marked"], trees=list(marks))}
    return [found for tree, mark in marks.items() if (found := await _look(tx, tree, mark, rows.get(tree))) is not None]


async def _look(tx: Transaction, tree: UUID, mark: Mark, row: Row | None) -> TakenBack | None:
    if row is None:
        return TakenBack(tree, "?", 0, "?", 0, 0, mark, is_forked=False, is_known=False) if mark.size else None
    epoch, base, size = row["epoch"], row["base"], row["size"]
    if epoch > mark.epoch or mark.size <= base:
        return None  # somebody has opened an epoch since, which the log of the tree tells
    is_behind = epoch < mark.epoch or size < mark.size
    if not is_behind and await _root(tx, tree, row, mark.size) in {mark.root, None}:
        return None
    return TakenBack(
        tree, row["name"], epoch, row["origin"], base, size, mark, is_forked=not is_behind, is_known=True
    )  # fmt: skip


async def _root(tx: Transaction, tree: UUID, row: Row, size: int) -> bytes | None:
    """Return the root of a tree at so many places, None while its tiles are being made."""
    if size == row["size"]:
        return bytes(row["root"])
    log: tiles.Log = (
        instance.InstanceTree(row["epoch"], row["origin"], row["base"], row["size"] - row["base"])
        if tree == INSTANCE_LOG
        else tiles.Tree(tree, row["epoch"], row["origin"], row["base"], row["size"] - row["base"], 0)
    )
    try:
        return await tiles.root_at(tx, size - row["base"], log=log)
    except Conflict:
        return None


async def adopt(
    database: Database, signer: Signing, marks: Marks, *, origin_prefix: str, reason: str, ticket: str | None = None,
    actor: Actor = SYSTEM,
) -> Sequence[TakenBack]:  # fmt: skip
    """Open the next epoch of every tree that was taken back; return them as they were found."""
    opened: dict[UUID, Mark] = {}
    async with database.ledger() as tx:
        await tx.one(_SQL["wait"], key=LOCK)
        # Behind the lock: another may have adopted the restore meanwhile, or a tree may have grown.
        found = await _examine(tx, marks.read())
        for each in found:
            if not each.is_known:
                opened[each.tree] = Mark(each.mark.epoch + 1, 0, EMPTY_ROOT)
            elif each.tree == INSTANCE_LOG:
                opened[each.tree] = await _open_log(tx, each, prefix=origin_prefix)
            else:
                opened[each.tree] = await _open(tx, each, signer, ticket=ticket, prefix=origin_prefix, actor=actor)
    marks.note(opened)
    if found:
        told: dict[str, Json] = {"trees": len(found), **grounds(reason, ticket)}
        async with database.system() as tx:
            await store.record(tx, Entry("ledger.restore_adopted", "ledger:tree", actor, told), tenant=INSTANCE)
    return found


async def _open(
    tx: Transaction, found: TakenBack, signer: Signing, *, ticket: str | None, prefix: str, actor: Actor
) -> Mark:
    origin, epoch, base = _next(found, f"{prefix}/t/{found.name}")
    await tx.run(_SQL["close_epoch"], tenant_id=found.tree, known_size=found.mark.size, known_root=found.mark.root)
    first = _first(found, ticket, tenant=found.tree, at=tx.now, actor=actor, epoch=epoch)
    frontier = Frontier().extended([first])
    await tx.run(
        _SQL["open_epoch"],
        tenant_id=found.tree, epoch=epoch, origin=origin, base=base, size=base + 1, frontier=frontier.pack(),
        root=frontier.root(),
    )  # fmt: skip
    await tx.run(_SQL["first_leaf"], tenant_id=found.tree, index=base, type=OPENED, at=tx.now, line=first)
    if signer.is_local:  # a signer elsewhere is asked when this is committed: `publishing`
        note, root = heads.sign(origin, 1, frontier.root(), signer), frontier.root()
        await tx.run(_SQL["sign"], tenants=[found.tree], sizes=[base + 1], roots=[root], notes=[note], signed_at=tx.now)
    return Mark(epoch, base + 1, frontier.root())


async def _open_log(tx: Transaction, found: TakenBack, *, prefix: str) -> Mark:
    origin, epoch, base = _next(found, f"{prefix}/instance")
    await tx.run(_SQL["close_instance_epoch"], known_size=found.mark.size, known_root=found.mark.root)
    await tx.run(_SQL["open_instance_epoch"], epoch=epoch, origin=origin, base=base, root=EMPTY_ROOT)
    return Mark(epoch, base, EMPTY_ROOT)


def _next(found: TakenBack, first: str) -> tuple[str, int, int]:
    """Return origin, epoch and base of the next tree; `first` is the name of the tree where there is none."""
    epoch = max(found.epoch, found.mark.epoch) + 1
    # In the first epoch there is nothing to cut off, not of a tenant called `e2` either.
    origin = first if found.origin == "?" else _EPOCH.sub("", found.origin) if found.epoch > 1 else found.origin
    return f"{origin}/e{epoch}", epoch, max(found.size, found.mark.size)


def _first(found: TakenBack, ticket: str | None, *, tenant: UUID, at: datetime, actor: Actor, epoch: int) -> bytes:
    data: dict[str, Json] = {
        "epoch": epoch,
        "previous": found.origin,
        "kept": found.size,
        "known_size": found.mark.size,
        "known_root": found.mark.root.hex(),
        "known_epoch": found.mark.epoch,
        "lost_from": min(found.size, found.mark.size),
        "lost_to": found.mark.size,
        "forked": found.is_forked,
        "ticket": ticket if ticket is not None and is_ticket(ticket) else None,
    }
    return line(Entry(OPENED, "ledger:tree", actor, data), tenant=tenant, at=at)
