"""
What a bundle reads of the ledger: heads, places, lines.

Every answer is the same whenever it is asked, as far as a signed head reaches: heads and entries never change.  Takes
`tx`, never commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.ledger.store import SignedHead, StoredEntry

_SQL: Final = Statements("lading.bundles")
PAGE: Final = 5_000
_MOST: Final = (1 << 63) - 1
# An entry may be signed by an integrator whose transaction began before the entry's own did.
_SLACK: Final = timedelta(minutes=5)


async def head_from(tx: Transaction, size: int) -> SignedHead | None:
    """Return the first signed head over at least `size` entries, None while there is none."""
    return _head(await tx.maybe(_SQL["head_from"], tenant_id=tx.tenant, size=size))


async def head_until(tx: Transaction, size: int = _MOST, *, by: datetime | None = None) -> SignedHead | None:
    """Return the last signed head over at most `size` entries, of those signed before `by`."""
    return _head(await tx.maybe(_SQL["head_until"], tenant_id=tx.tenant, size=size, by=by))


async def first_since(tx: Transaction, instant: datetime) -> int | None:
    """Return the place of the first entry of `instant` or later, None where there is none."""
    before = await head_until(tx, by=instant - _SLACK)
    row = await tx.maybe(
        _SQL["first_since"], tenant_id=tx.tenant, first=0 if before is None else before.size, since=instant
    )
    return None if row is None else int(row["index"])


async def last_before(tx: Transaction, instant: datetime) -> int | None:
    """Return the place of the last entry before `instant`, None where there is none."""
    row = await tx.maybe(_SQL["last_before"], tenant_id=tx.tenant, until=instant)
    return None if row is None else int(row["index"])


async def days(tx: Transaction, start: int, end: int) -> tuple[datetime, datetime]:
    """Return the instants of the first and the last entry of a span, the earlier one first."""
    row = await tx.one(_SQL["days"], tenant_id=tx.tenant, start=start, end=end)
    return row["first"], row["last"]


async def lines(tx: Transaction, first: int, end: int, *, limit: int = PAGE) -> list[StoredEntry]:
    """Return one page of the entries from `first` to before `end`."""
    rows = await tx.all(_SQL["lines"], tenant_id=tx.tenant, first=first, end=end, limit=limit)
    return [StoredEntry(row["index"], bytes(row["line"])) for row in rows]


async def asked(tx: Transaction, exports: Sequence[str], *, end: int) -> dict[str, bytes]:
    """Return the line that says what was asked for, of those of `exports` that have one before `end`."""
    rows = await tx.all(_SQL["asked"], tenant_id=tx.tenant, subjects=list(exports), end=end)
    return {row["subject"]: bytes(row["line"]) for row in rows}


async def stamp(tx: Transaction, size: int) -> bytes | None:
    """Return the time stamp of the head of the instance's log at `size` places, None if it has none."""
    # As `ledger.timestamps.token` does, whose libraries are not for the API.
    row = await tx.maybe(_SQL["stamp"], size=size)
    return None if row is None else bytes(row["token"])


def _head(row: Row | None) -> SignedHead | None:
    return None if row is None else SignedHead(row["size"], bytes(row["root"]), row["note"], row["signed_at"])
