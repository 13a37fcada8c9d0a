"""
Circuit breakers in the database: one row per {tenant, host}, shared by every worker.

Called in the transaction that settles an attempt, so a breaker and the outcome that moved it commit together.  The
claim enforces it: nothing while open, one probe when the wait is over.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from lading.db.statements import Statements
from lading.db.transaction import Transaction
from lading.ledger.entry import Actor, Entry
from lading.ledger.store import record
from lading.limits import budgets, throttling
from lading.limits.adaptation import CAP, GROW_EVERY_SECONDS, TRICKLE_PER_SECOND
from lading.limits.model import Breaker
from lading.limits.rules import COOLDOWN_SECONDS, State, after_fault

_SQL: Final = Statements("lading.limits")
_SYSTEM: Final = Actor("system", "limits")


async def note_fault(tx: Transaction, host: str) -> None:
    """Count a fault of `host`; enough of them open its breaker."""
    if not host:
        return
    row = await tx.one(_SQL["lock_breaker"], tenant_id=tx.tenant, host=host)
    before = State(row["state"], row["failures"], row["cooldown_seconds"])
    after = after_fault(before)
    await tx.run(
        _SQL["set_breaker"],
        tenant_id=tx.tenant,
        host=host,
        state=after.name,
        failures=after.failures,
        cooldown_seconds=after.cooldown_seconds,
        wait_seconds=after.cooldown_seconds * random.uniform(0.8, 1.2),  # noqa: S311 - jitter
    )
    if after.name != before.name:
        await record(tx, Entry("breaker.opened", f"source:{host}", _SYSTEM, {"failures": after.failures}))


async def note_answer(tx: Transaction, host: str, *, tenant: UUID | None = None, answers: int = 1) -> None:
    """
    Let a host that answered have its due: its breaker closes, its rate grows again, retries are earned.

    `tenant` is needed in a system transaction.  For a host that is well this reads, and writes nothing.
    """
    if not host:
        return
    owner = tx.tenant if tenant is None else tenant
    row = await tx.one(
        _SQL["answered"],
        tenant_id=owner,
        host=host,
        every=GROW_EVERY_SECONDS,
        trickle=TRICKLE_PER_SECOND,
        cap=CAP,
    )
    if row["is_closing"] or row["may_grow"]:
        await tx.run(_SQL["lock_turn"], tenant_id=owner)
    if row["is_closing"] or row["has_failures"]:
        await _close(tx, host, owner)
    if row["may_grow"]:
        await throttling.grow(tx, host, owner)
    if row["may_earn"]:
        await budgets.earn(tx, host, owner, answers=answers)


async def _close(tx: Transaction, host: str, owner: UUID) -> None:
    row = await tx.maybe(_SQL["close_breaker"], tenant_id=owner, host=host, cooldown_seconds=COOLDOWN_SECONDS)
    if row is not None and row["has_changed"]:
        await tx.run(_SQL["wake_turn"], tenant_id=owner)
        await record(tx, Entry("breaker.closed", f"source:{host}", _SYSTEM), tenant=owner)


async def breakers(tx: Transaction) -> Sequence[Breaker]:
    """Return every breaker of the tenant."""
    rows = await tx.all(_SQL["breakers"], tenant_id=tx.tenant)
    return [Breaker(row["host"], row["state"], row["failures"], row["retry_at"], row["changed_at"]) for row in rows]
