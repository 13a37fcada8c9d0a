"""
Put new events on their way to the webhooks that want them.

A webhook has a place in the tenant's ledger.  Moving it on and enqueueing a call for each event it passes is one
transaction: whatever dies in between, each event is told once.  A webhook with many calls waiting stands still until
they have ended, so that one that hangs fills no queue.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from lading.db.database import Database
from lading.db.pruning import prune
from lading.db.statements import Statements
from lading.ledger.entry import SYSTEM
from lading.webhooks import store
from lading.webhooks.rules import wanted

_SQL: Final = Statements("lading.webhooks")
_LEDGER: Final = Statements("lading.ledger")
_WEBHOOKS: Final = 500
_PAGE: Final = 200
_MOST_PENDING: Final = 1000
_ROUNDS: Final = 50
_NONE: Final = (UUID(int=0), UUID(int=0))


async def spread(database: Database) -> int:
    """Put on their way what happened since the last time; return how many calls there are to make."""
    count, last = 0, _NONE
    while True:
        # Page by page: those that stand still are always due, and must not keep the ones behind them waiting.
        async with database.ledger() as tx:
            due = await tx.all(_SQL["due"], tenant_id=last[0], id=last[1], limit=_WEBHOOKS)
        for row in due:
            last = row["tenant_id"], row["id"]
            count += await _move_on(database, *last)
        if len(due) < _WEBHOOKS:
            return count


async def forget(database: Database, *, days: int) -> int:
    """Forget the messages that ended so many days ago; return how many."""
    return await prune(database, _SQL["messages_prune"], days=days)


async def _move_on(database: Database, tenant: UUID, webhook_id: UUID) -> int:
    count = 0
    for _ in range(_ROUNDS):
        told = await _pass(database, tenant, webhook_id)
        if told is None:
            break
        count += told
    return count


async def _pass(database: Database, tenant: UUID, webhook_id: UUID) -> int | None:
    """Move one webhook on by a page and return what was enqueued; None when it stands where it may."""
    async with database.tenant(tenant) as tx:
        held = await tx.maybe(_SQL["take"], tenant_id=tenant, id=webhook_id)
        if held is None or held["place"] >= held["size"] or held["pending"] >= _MOST_PENDING:
            return None
        rows = await tx.all(
            _LEDGER["events"],
            tenant_id=tenant,
            first=held["place"],
            end=held["size"],
            types=sorted(wanted(held["topics"], held["types"])),
            subject=None,
            limit=_PAGE,
        )
        for row in rows:
            await store.tell(
                tx, webhook_id, event_id=row["index"] + 1, type=row["type"], subject=row["subject"], actor=SYSTEM
            )
        place = rows[-1]["index"] + 1 if len(rows) == _PAGE else held["size"]
        await tx.run(_SQL["move"], tenant_id=tenant, id=webhook_id, place=place)
        return len(rows)
