"""
Allocations in the database: what part of the installation a tenant has, and how many jobs it may have waiting.

The claim enforces them (jobs/queries/take_turns.sql, claim.sql), admission the `max_queued`; here they are set and
shown.  Takes `tx`, never commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from lading import ids
from lading.canonical import Json
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.errors import FieldError, InvalidInput, NotFound
from lading.ledger.entry import Actor, Entry, grounds
from lading.ledger.store import record

_SQL: Final = Statements("lading.limits")
_MOST: Final = 1_000_000


class Strategy(StrEnum):
    """How a tenant's part is told from the others'."""

    UNLIMITED = "unlimited"
    PROPORTIONAL = "proportional"
    PRIORITY = "priority"
    RESERVED = "reserved"
    MAX_LIMIT = "max_limit"


@dataclass(frozen=True, slots=True)
class Allocation:
    """
    The part of one tenant; `value` belongs to the strategy.

    unlimited: equal turns, no value · proportional: weight of its share (1 to 1000) · priority: served before (above 0)
    or after (below 0) the others (-100 to 100) · reserved: jobs that can always run at once, as far as living workers
    have slots for them (`granted`) · max_limit: jobs that run at once at most.  At most `max_queued` of its jobs may
    not have ended; None is the installation's limit.
    """

    slug: str
    strategy: Strategy
    value: int | None
    max_queued: int | None
    reason: str | None
    ticket: str | None
    version: int
    granted: int | None


_BOUNDS: Final = {
    Strategy.PROPORTIONAL: (1, 1000),
    Strategy.PRIORITY: (-100, 100),
    Strategy.RESERVED: (0, _MOST),
    Strategy.MAX_LIMIT: (0, _MOST),
}


async def put(
    tx: Transaction,
    strategy: str,
    *,
    value: int | None,
    max_queued: int | None,
    reason: str,
    ticket: str | None,
    actor: Actor,
) -> None:
    """Set the part of the transaction's tenant; holds from the next claim on, for the queue within a second."""
    chosen = _admit(strategy, value, max_queued)
    await tx.run(
        _SQL["put_allocation"],
        tenant_id=tx.tenant,
        strategy=chosen.value,
        weight=value if chosen is Strategy.PROPORTIONAL else 1,
        priority=value if chosen is Strategy.PRIORITY else 0,
        reserved=value if chosen is Strategy.RESERVED else 0,
        max_active=value if chosen is Strategy.MAX_LIMIT else None,
        max_queued=max_queued,
        reason=reason,
        ticket=ticket,
    )
    data: dict[str, Json] = {
        "strategy": chosen.value,
        "value": value,
        "max_queued": max_queued,
        **grounds(reason, ticket),
    }
    await _changed(tx, "allocation.set", data, actor)


async def reset(tx: Transaction, *, reason: str, ticket: str | None, actor: Actor) -> None:
    """Give the tenant equal turns and no limit again."""
    if await tx.maybe(_SQL["drop_allocation"], tenant_id=tx.tenant) is None:
        raise NotFound("This organisation has no allocation of its own; there is nothing to reset.")
    await _changed(tx, "allocation.reset", grounds(reason, ticket), actor)


async def page(tx: Transaction, *, tenant_slug: str | None, after: str | None, limit: int) -> Sequence[Allocation]:
    """Return up to `limit` allocations that were set, by slug: of one tenant or of all; takes a system transaction."""
    rows = await tx.all(_SQL["allocations"], slug=tenant_slug, after=after, limit=limit)
    return [_allocation(row) for row in rows]


def _admit(strategy: str, value: int | None, max_queued: int | None) -> Strategy:
    errors: list[FieldError] = []
    chosen = next((each for each in Strategy if each.value == strategy), None)
    if chosen is None:
        errors.append(FieldError("/strategy", f"must be one of {', '.join(Strategy)}."))
    elif chosen is Strategy.UNLIMITED and value is not None:
        errors.append(FieldError("/value", "goes with another strategy than unlimited; leave it out."))
    elif chosen in _BOUNDS and (value is None or not _BOUNDS[chosen][0] <= value <= _BOUNDS[chosen][1]):
        least, most = _BOUNDS[chosen]
        errors.append(FieldError("/value", f"must be between {least} and {most} for the strategy {chosen.value}."))
    if max_queued is not None and not 0 <= max_queued <= _MOST:
        errors.append(FieldError("/max_queued", f"must be between 0 and {_MOST}."))
    if chosen is None or errors:
        raise InvalidInput("; ".join(f"{each.pointer[1:]}: {each.detail}" for each in errors), tuple(errors))
    return chosen


async def _changed(tx: Transaction, event: str, data: dict[str, Json], actor: Actor) -> None:
    await tx.run(_SQL["wake_turn"], tenant_id=tx.tenant)
    await record(tx, Entry(event, ids.show(ids.TENANT, tx.tenant), actor, data))


def _allocation(row: Row) -> Allocation:
    strategy = Strategy(row["strategy"])
    values = {
        Strategy.UNLIMITED: None,
        Strategy.PROPORTIONAL: row["weight"],
        Strategy.PRIORITY: row["priority"],
        Strategy.RESERVED: row["reserved"],
        Strategy.MAX_LIMIT: row["max_active"],
    }
    return Allocation(
        row["slug"],
        strategy,
        values[strategy],
        row["max_queued"],
        row["reason"],
        row["ticket"],
        row["version"],
        row["granted"],
    )
