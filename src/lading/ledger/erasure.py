"""
Erase words: of a subject, of or by a person, of one entry; at the ledger's lines and wherever else they are kept.

The lines stay as they are.  Words are kept a second time with the things themselves: every layer names the statement
that takes them away there (`Place`), and a thing shows `MARK` in their stead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias
from uuid import UUID

from psycopg.sql import SQL

from lading import ids
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.errors import NotFound
from lading.ledger import commitments, store
from lading.ledger.entry import Actor, Entry, grounds

Place: TypeAlias = SQL

MARK: Final = "(erased)"
_SQL: Final = Statements("lading.ledger")


@dataclass(frozen=True, slots=True)
class Erased:
    """How many openings were erased, and how many things showed such words."""

    openings: int
    copies: int


async def erase_about(
    tx: Transaction, about: str, *, places: Sequence[Place], actor: Actor, reason: str, ticket: str | None
) -> Erased:
    """Erase the words said of a subject, of a person or by a person, named by outer id, in the ledger and at places."""
    rows = await tx.all(_SQL["erase_about"], tenant_id=tx.tenant, about=about)
    copies = await _forget(tx, rows, places, about=about)
    return await _told(tx, about, Erased(len(rows), copies), actor=actor, reason=reason, ticket=ticket)


async def erase_entry(
    tx: Transaction, index: int, *, places: Sequence[Place], actor: Actor, reason: str, ticket: str | None
) -> Erased:
    """Erase the words of one entry, in the ledger and at places; NotFound if there is no such entry."""
    found = await store.entries(tx, first=index, limit=1)
    if not found or found[0].index != index:
        raise NotFound(f"The ledger has no entry {index}.")
    digests = list(commitments.in_line(found[0].line).values())
    rows = await tx.all(_SQL["erase_these"], tenant_id=tx.tenant, commitments=digests)
    copies = await _forget(tx, rows, places, about=None)
    return await _told(tx, f"entry:{index}", Erased(len(rows), copies), actor=actor, reason=reason, ticket=ticket)


async def _forget(tx: Transaction, erased: Sequence[Row], places: Sequence[Place], *, about: str | None) -> int:
    # By the words, as many things keep no more than them; by id and actor too, for what the ledger lost before.
    words = sorted({row["value"] for row in erased})
    given = {"words": words, "about": about, "id": about and _inner(about), "mark": MARK}
    # Twice: the first waits for whoever moves a row, such as a job that ends; where it went, the second statement sees.
    return sum([(await tx.one(place, tenant_id=tx.tenant, **given))["copies"] for place in (*places, *places)])


def _inner(about: str) -> UUID | None:
    prefix, _, rest = about.partition("_")
    try:
        return ids.parse(prefix, about) if rest else None
    except NotFound:
        return None


async def _told(
    tx: Transaction, subject: str, erased: Erased, *, actor: Actor, reason: str, ticket: str | None
) -> Erased:  # fmt: skip
    data = {"openings": erased.openings, "copies": erased.copies, **grounds(reason, ticket)}
    await store.record(tx, Entry("privacy.erased", subject, actor, data))
    return erased
