"""
What keeps an export from being removed: a legal hold, a download or delivery on its way, an export that reads it.

Asked under the lock of the export and after `holds.settle`, so that the answer stands until the transaction ends.
Takes `tx`, never commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from lading import ids
from lading.db.statements import Statements
from lading.db.transaction import Transaction
from lading.errors import Held, InUse
from lading.exports import holds
from lading.ledger.entry import Actor, Entry
from lading.ledger.store import record

_SQL: Final = Statements("lading.exports")
_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Kept:
    """Why an export stays; nothing of it means that it may go."""

    holds: Sequence[holds.Held]
    handouts: int
    destinations: Sequence[str]
    readers: Sequence[UUID]

    def __bool__(self) -> bool:
        """Tell whether it stays."""
        return bool(self.holds or self.handouts or self.destinations or self.readers)

    def refusal(self, export_id: UUID) -> Held | InUse:
        """Return what to tell who wants to remove it."""
        name = ids.show(ids.EXPORT, export_id)
        if self.holds:
            shown = ", ".join(each.shown + (f" ({each.ticket})" if each.ticket else "") for each in self.holds[:_NAMED])
            return Held(f"{name} is kept by {shown}; an auditor can lift it.", [each.shown for each in self.holds])
        if self.handouts:
            return InUse(f"{name} is being downloaded; delete it when that is over.")
        if self.destinations:
            places = ", ".join(self.destinations[:_NAMED])
            return InUse(f"{name} is on its way to {places}; wait for that, or cancel the job of the delivery.")
        readers = ", ".join(ids.show(ids.EXPORT, each) for each in self.readers[:_NAMED])
        return InUse(f"{name} is read by {readers}; wait for that, or cancel it.")


async def of(tx: Transaction, export_id: UUID) -> Kept:
    """Return what keeps the export now."""
    found = await holds.on(tx, [export_id])
    row = await tx.one(_SQL["in_use"], tenant_id=tx.tenant, export_id=export_id, shown=ids.show(ids.EXPORT, export_id))
    return Kept(found[export_id], int(row["handouts"]), row["destinations"] or (), row["readers"] or ())


async def note_refusal(tx: Transaction, export_id: UUID, refusal: Held | InUse, *, actor: Actor) -> None:
    """Record that somebody wanted to remove the export and was refused."""
    names = list(refusal.holds[:_NAMED]) if isinstance(refusal, Held) else []
    data = {"code": refusal.code, **({"holds": names} if names else {})}
    await record(tx, Entry("export.delete_refused", ids.show(ids.EXPORT, export_id), actor, data))
