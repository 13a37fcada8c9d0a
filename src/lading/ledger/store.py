"""
The ledger in the database: record entries, read them back, find the head and a receipt.

`record` only fills the outbox, in the transaction of the change it records; `integrator` moves it into the tree.
Every read is one statement, so that an entry on its way from outbox to tree is seen once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg.sql import SQL

from lading.db import notify
from lading.db.statements import Statements
from lading.db.transaction import Transaction
from lading.ledger import commitments
from lading.ledger.entry import Entry, line

_SQL: Final = Statements("lading.ledger")
_MOST_LINES: Final = 10_000
PAGE_LIMIT: Final = 4096


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """A leaf and its place in the tree."""

    index: int
    line: bytes


@dataclass(frozen=True, slots=True)
class SignedHead:
    """The newest signed size and root of a tree; `note` is the C2SP checkpoint."""

    size: int
    root: bytes
    note: str
    signed_at: datetime


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where an entry stands, and the first signed head that covers it; stays the same for ever."""

    entry: StoredEntry
    head: SignedHead


async def record(tx: Transaction, *entries: Entry, tenant: UUID | None = None) -> None:
    """
    Put `entries` in the outbox, in order; they commit with the change or not at all.

    Lock the row that changes before calling this: the order of outbox ids is the order of the tree.
    `tenant` is needed in a system transaction.
    """
    if entries:
        owner = tx.tenant if tenant is None else tenant
        await record_all(tx, ((owner, entry) for entry in entries))


async def record_all(tx: Transaction, entries: Iterable[tuple[UUID, Entry]]) -> None:
    """Put entries of several tenants in the outbox as `record` does, all at once."""
    for statement, given in _written(tx, entries):
        await tx.run(statement, **given)


def record_last(tx: Transaction, entries: Iterable[tuple[UUID, Entry]]) -> None:
    """Put entries in the outbox as `record_all` does, after all else and in one round trip with the commit."""
    for statement, given in _written(tx, entries):
        tx.defer(statement, **given)


def _written(tx: Transaction, entries: Iterable[tuple[UUID, Entry]]) -> list[tuple[SQL, dict[str, Any]]]:
    """Return what writes `entries`, and the words that they only commit to, if they have any."""
    told = [(tenant, entry, commitments.committed(entry)) for tenant, entry in entries]
    if not told:
        return []
    tx.hints.add(notify.LEDGER)
    lines = [
        line(entry, tenant=tenant, at=tx.now, commitments={each.path: each.commitment for each in words})
        for tenant, entry, words in told
    ]
    given = {
        "tenants": [tenant for tenant, _, _ in told],
        "at": tx.now,
        "subjects": [entry.subject for _, entry, _ in told],
        "types": [entry.type for _, entry, _ in told],
        # As one text, a line each: an array of lines as long as these takes the server long to read.
        "lines": b"\n".join(lines).decode(),
    }
    private = [(tenant, entry, each) for tenant, entry, words in told for each in words]
    return [(_SQL["record"], given), *([commitments.statement(private)] if private else [])]


async def entries(tx: Transaction, *, first: int, limit: int, subject: str | None = None) -> Sequence[StoredEntry]:
    """Return up to `limit` entries from index `first` on, in order, of one subject or of all."""
    rows = await tx.all(
        _SQL["entries"], tenant_id=tx.tenant, first=first, limit=min(limit, PAGE_LIMIT), subject=subject
    )
    return [StoredEntry(row["index"], row["line"]) for row in rows]


async def history(tx: Transaction, subject: str, *, limit: int = _MOST_LINES) -> Sequence[bytes]:
    """Return the latest lines about `subject`, those in the tree and those still in the outbox, oldest first."""
    rows = await tx.all(_SQL["history"], tenant_id=tx.tenant, subject=subject, limit=limit)
    return [row["line"] for row in reversed(rows)]


async def head(tx: Transaction, *, epoch: int | None = None) -> SignedHead | None:
    """Return the newest signed head of the tenant, or of an epoch of its ledger, None before the first."""
    if epoch is None:
        row = await tx.maybe(_SQL["head"], tenant_id=tx.tenant)
    else:
        row = await tx.maybe(_SQL["head_of_epoch"], tenant_id=tx.tenant, epoch=epoch)
    return None if row is None else SignedHead(row["size"], row["root"], row["note"], row["signed_at"])


async def receipt(tx: Transaction, subject: str, type: str) -> Receipt | None:  # noqa: A002 - the entry's own word
    """Return the place of the newest entry of that type about `subject`, None until a signed head covers it."""
    return (await receipts(tx, [subject], type)).get(subject)


async def receipts(tx: Transaction, subjects: Sequence[str], type: str) -> dict[str, Receipt]:  # noqa: A002 - likewise
    """Return the receipt of each subject that has one, in one question."""
    rows = await tx.all(_SQL["receipts"], tenant_id=tx.tenant, subjects=list(subjects), type=type)
    return {
        row["subject"]: Receipt(
            StoredEntry(row["index"], row["line"]), SignedHead(row["size"], row["root"], row["note"], row["signed_at"])
        )
        for row in rows
    }
