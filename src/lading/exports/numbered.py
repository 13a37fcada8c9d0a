"""
What a face with numbered pages and time estimates needs to know beyond the export service.

Pages by number repeat or skip when rows are added meanwhile; only a promised contract (B1) is answered this way.
"""

from __future__ import annotations

import math
from typing import Final

from lading.db.statements import Statements
from lading.db.transaction import Transaction
from lading.exports import listing
from lading.exports.listing import Filter, Place

_SQL: Final = Statements("lading.exports")
_UNKNOWN_SECONDS: Final = 30


async def cursor(tx: Transaction, profile: str, *, skipped: int) -> str | None:
    """Return the cursor of the list of `profile` behind its `skipped` newest exports; None when it ends before."""
    row = await tx.maybe(_SQL["boundary"], tenant_id=tx.tenant, profile=profile, skipped=skipped)
    return None if row is None else listing.cursor(Place("", row["id"]), Filter(profile=profile))


async def usual_seconds(tx: Transaction, profile: str, format: str) -> int:  # noqa: A002 - the field's own word
    """Return how long such an export takes as a rule, whole seconds upward; a guess before the first one."""
    row = await tx.one(_SQL["usual_seconds"], tenant_id=tx.tenant, profile=profile, format=format)
    return _UNKNOWN_SECONDS if row["seconds"] is None else max(1, math.ceil(row["seconds"]))
