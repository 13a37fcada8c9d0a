"""
The calls of a job that runs: each takes a token of its host's bucket, as the start of a job does.

Turn first, then bucket, the order of a claim: two of them never spend the same token.  What a 429 in the middle of a
reading does to the bucket is `throttling.shrink`; that the host answers again shows in the next call.  Takes `tx`,
never commits.
"""

from __future__ import annotations

from typing import Final

from lading.db.statements import Statements
from lading.db.transaction import Transaction
from lading.limits import throttling

_SQL: Final = Statements("lading.limits")


async def take(tx: Transaction, host: str) -> float:
    """
    Take a token for one call to `host` and return 0, or the seconds after which to ask again.

    Whoever asks has had an answer since the last 429, or waited: a rate that it left grows again.
    """
    known = await tx.maybe(_SQL["is_limited"], tenant_id=tx.tenant, host=host)
    if known is None:
        return 0.0
    await tx.run(_SQL["lock_turn"], tenant_id=tx.tenant)
    if known["is_slowed"]:
        await throttling.grow(tx, host, tx.tenant)
    row = await tx.maybe(_SQL["take_call"], tenant_id=tx.tenant, host=host)
    return 0.0 if row is None else row["seconds"]
