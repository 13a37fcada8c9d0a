"""Erase the words that ledger lines commit to: of a subject, of or by a person, of one entry.  The lines stay."""

from __future__ import annotations

from typing import Final

from lading.db.statements import Statements
from lading.db.transaction import Transaction
from lading.errors import NotFound
from lading.ledger import commitments, store
from lading.ledger.entry import Actor, Entry, grounds

_SQL: Final = Statements("lading.ledger")


async def erase_about(tx: Transaction, about: str, *, actor: Actor, reason: str, ticket: str | None) -> int:
    """Erase the words said of a subject, of a person or by a person, named by outer id; return how many there were."""
    count = await tx.run(_SQL["erase_about"], tenant_id=tx.tenant, about=about)
    await _told(tx, about, count, actor=actor, reason=reason, ticket=ticket)
    return count


async def erase_entry(tx: Transaction, index: int, *, actor: Actor, reason: str, ticket: str | None) -> int:
    """Erase the words of one entry; return how many there were; NotFound if there is no such entry."""
    found = await store.entries(tx, first=index, limit=1)
    if not found or found[0].index != index:
        raise NotFound(f"The ledger has no entry {index}.")
    digests = list(commitments.in_line(found[0].line).values())
    count = await tx.run(_SQL["erase_these"], tenant_id=tx.tenant, commitments=digests)
    await _told(tx, f"entry:{index}", count, actor=actor, reason=reason, ticket=ticket)
    return count


async def _told(
    tx: Transaction, subject: str, count: int, *, actor: Actor, reason: str, ticket: str | None
) -> None:  # fmt: skip
    data = {"openings": count, **grounds(reason, ticket)}
    await store.record(tx, Entry("privacy.erased", subject, actor, data))
