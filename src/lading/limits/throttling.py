"""
What a host's answers do to its bucket, breaker and retry budget, in the transaction that settles the attempt.

A 429 shrinks the bucket of its host and answers let it grow again; each change is in the ledger and wakes the tenant's
turn.  Rows are locked in the order turn, breaker, bucket, budget, the order of a claim.  Takes `tx`, never commits.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from lading.db.statements import Statements
from lading.db.transaction import Transaction
from lading.ledger.entry import Actor, Entry
from lading.ledger.store import record
from lading.limits import adaptation

_SQL: Final = Statements("lading.limits")
_SYSTEM: Final = Actor("system", "limits")
_LEAST_RATE: Final = 1.0
_MOST_RATE: Final = 1_000_000.0


async def shrink(
    tx: Transaction, host: str, *, retry_after_seconds: float | None, calls_per_second: float = 0.0
) -> None:
    """
    Call `host` less: it answered with a 429.  A host without a bucket learns one.

    `calls_per_second` is how often one job called it, where that is known; starts are counted here.
    """
    if not host:
        return
    await tx.run(_SQL["lock_turn"], tenant_id=tx.tenant)
    blocked = adaptation.blocked_for(retry_after_seconds)
    starts = (await tx.one(_SQL["starts_lately"], tenant_id=tx.tenant, host=host))["starts"]
    row = await tx.one(
        _SQL["shrink_bucket"],
        tenant_id=tx.tenant,
        host=host,
        rate=min(_MOST_RATE, max(_LEAST_RATE, starts / 60, calls_per_second)),
        shrink=adaptation.SHRINK,
        every=adaptation.SHRINK_EVERY_SECONDS,
        smallest=adaptation.SMALLEST_FACTOR,
        blocked_seconds=blocked,
    )
    if row["has_shrunk"]:
        await _adapted(tx, host, tx.tenant, row["factor"], cause="throttled", blocked_seconds=round(blocked or 0.0))
    else:
        await tx.run(_SQL["wake_turn"], tenant_id=tx.tenant)


async def grow(tx: Transaction, host: str, tenant: UUID) -> None:
    """Call `host` more: it answers again.  A learnt bucket goes when its rate is whole."""
    row = await tx.maybe(
        _SQL["grow_bucket"],
        tenant_id=tenant,
        host=host,
        grow=adaptation.GROW,
        every=adaptation.GROW_EVERY_SECONDS,
    )
    if row is None:
        return
    if row["is_learnt"] and row["factor"] >= 1:
        await tx.run(_SQL["drop_bucket"], tenant_id=tenant, host=host)
    await _adapted(tx, host, tenant, row["factor"], cause="answered", blocked_seconds=0)


async def _adapted(
    tx: Transaction, host: str, tenant: UUID, factor: float, *, cause: str, blocked_seconds: int
) -> None:
    await tx.run(_SQL["wake_turn"], tenant_id=tenant)
    data = {"factor": f"{factor:g}", "code": cause, "blocked_seconds": blocked_seconds}
    await record(tx, Entry("bucket.adapted", f"source:{host}", _SYSTEM, data), tenant=tenant)
