"""
What evidence packs and audit reports read of Lading's own records; one statement each.

Takes `tx`, never commits, changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.ledger.store import SignedHead, StoredEntry

_SQL: Final = Statements("lading.exports.types")
PAGE: Final = 2_000
LEAVES: Final = 20_000


@dataclass(frozen=True, slots=True)
class Chosen:
    """An export that an evidence pack is about; `state` is its status, or deleted."""

    id: UUID
    type: str
    profile: str
    revision: int
    format: str
    period_from: date
    period_to: date
    parameters: Mapping[str, Any]
    selector: Mapping[str, Any]
    status: str
    state: str
    requested_by: str
    created_at: datetime
    ended_at: datetime | None
    rows_read: int | None
    rows_written: int | None
    warnings: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` to `end`, which is not included, as far as it was recorded by `as_of`."""

    start: datetime
    end: datetime
    as_of: datetime

    @property
    def known_until(self) -> datetime:
        """Return the instant after which nothing is looked at."""
        return min(self.end, self.as_of)


async def named(tx: Transaction, export_ids: Sequence[UUID]) -> list[Chosen]:
    """Return the tenant's exports of those ids, deleted ones too."""
    return [_chosen(row) for row in await tx.all(_SQL["named"], tenant_id=tx.tenant, ids=list(export_ids))]


async def matching(
    tx: Transaction, profile: str | None, period: tuple[date, date] | None, *, as_of: datetime, limit: int
) -> list[Chosen]:
    """Return the exports of a profile, within a period, that were completed by `as_of`."""
    rows = await tx.all(
        _SQL["matching"],
        tenant_id=tx.tenant,
        profile=profile,
        period_from=None if period is None else period[0],
        period_to=None if period is None else period[1],
        as_of=as_of,
        limit=limit,
    )
    return [_chosen(row) for row in rows]


async def extract(tx: Transaction, subjects: Sequence[str], *, as_of: datetime, first: int) -> list[StoredEntry]:
    """Return one page of the entries about `subjects` from index `first` on."""
    rows = await tx.all(
        _SQL["extract"], tenant_id=tx.tenant, subjects=list(subjects), as_of=as_of, first=first, limit=PAGE
    )
    return [StoredEntry(row["index"], bytes(row["line"])) for row in rows]


async def recorded(tx: Transaction, span: Span, *, first: int) -> list[StoredEntry]:
    """Return one page of the entries of a span of time from index `first` on."""
    rows = await tx.all(
        _SQL["recorded"],
        tenant_id=tx.tenant,
        start=span.start,
        end=span.end,
        as_of=span.as_of,
        first=first,
        limit=PAGE,
    )
    return [StoredEntry(row["index"], bytes(row["line"])) for row in rows]


async def last_before(tx: Transaction, span: Span) -> int | None:
    """Return the place of the last entry before the end of a span of time, None where there is none."""
    row = await tx.one(_SQL["last_before"], tenant_id=tx.tenant, end=span.end, as_of=span.as_of)
    return None if row["index"] is None else int(row["index"])


async def is_told(tx: Transaction, subjects: Sequence[str], *, as_of: datetime) -> bool:
    """Return whether all that was recorded by `as_of` about `subjects`, or about anything, is in the tree."""
    row = await tx.one(_SQL["untold"], tenant_id=tx.tenant, subjects=list(subjects), as_of=as_of)
    return not row["found"]


async def leaves(tx: Transaction, *, first: int, size: int) -> list[bytes]:
    """Return one page of the hashes of the leaves below `size` from index `first` on."""
    rows = await tx.all(_SQL["leaves"], tenant_id=tx.tenant, first=first, size=size, limit=LEAVES)
    return [bytes(row["hash"]) for row in rows]


async def covering_head(tx: Transaction, index: int) -> SignedHead | None:
    """Return the first signed head over the entry at `index`, None while there is none."""
    row = await tx.maybe(_SQL["covering_head"], tenant_id=tx.tenant, index=index)
    return None if row is None else SignedHead(row["size"], bytes(row["root"]), row["note"], row["signed_at"])


def _chosen(row: Row) -> Chosen:
    return Chosen(
        id=row["id"],
        type=row["type"],
        profile=row["profile"],
        revision=row["revision"] or 0,
        format=row["format"],
        period_from=row["period_from"],
        period_to=row["period_to"],
        parameters=row["parameters"],
        selector=row["selector"],
        status=row["status"],
        state="deleted" if row["deleted_at"] is not None else row["status"],
        requested_by=row["requested_by"],
        created_at=row["created_at"],
        ended_at=row["ended_at"],
        rows_read=row["rows_read"],
        rows_written=row["rows_written"],
        warnings=row["warnings"],
    )
