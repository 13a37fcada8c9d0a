"""
Call quotas: how many calls of the export API a tenant may make, and how many exports it may ask for.

Other quotas let jobs wait; over these the answer is QuotaExceeded (HTTP 429), before anything is stored.  An hour and a
day begin on the clock, in UTC.  `take` counts exactly, whatever the number of processes: it locks the quota until the
transaction ends, so it is the last statement of one that asks for an export.  Takes `tx`, never commits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lading import ids
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.errors import FieldError, InvalidInput, NotFound, QuotaExceeded
from lading.ledger.entry import Actor, Entry, grounds
from lading.ledger.store import record

_SQL: Final = Statements("lading.limits")
_MOST: Final = 1_000_000_000
_WAITING_SECONDS: Final = 30.0
CALLS: Final = "export-calls"
EXPORTS: Final = "exports"
NAMES: Final = (CALLS, EXPORTS)


@dataclass(frozen=True, slots=True)
class CallQuota:
    """What was set, and what is used of it; None is no limit."""

    name: str
    max_per_hour: int | None
    max_per_day: int | None
    max_waiting: int | None
    hour_used: int
    day_used: int
    waiting: int
    version: int
    reason: str | None
    ticket: str | None


@dataclass(frozen=True, slots=True)
class Gauge:
    """One limit as headers tell it: `left` of `most`, in `seconds` counted anew; without a window both are None."""

    name: str
    most: int
    left: int
    window: int | None
    seconds: float | None


async def take(tx: Transaction, name: str, *, count: int = 1) -> Sequence[Gauge]:
    """Count `count` more; QuotaExceeded when that is too many, and with its transaction none is counted."""
    found = await count_calls(tx, name, count)
    exceeded = [each for each in found if each.left < 0]
    if exceeded:
        raise refusal(exceeded)
    return found


async def count_calls(tx: Transaction, name: str, count: int) -> Sequence[Gauge]:
    """Count, and return how the quota stands then, also when it is exceeded."""
    row = await tx.maybe(_SQL["take_call_quota"], tenant_id=tx.tenant, name=name, wanted=count)
    return () if row is None else gauges(name, row)


def refusal(exceeded: Sequence[Gauge]) -> QuotaExceeded:
    """Return why no more is taken: as long as the last of the exceeded limits says."""
    seconds = max(_WAITING_SECONDS if each.seconds is None else each.seconds for each in exceeded)
    told = ", ".join(f"{each.name} ({each.most})" for each in exceeded)
    return QuotaExceeded(
        f"This organisation is over its call quota {told}; come back in {math.ceil(seconds)} s, or ask for more.",
        retry_after_seconds=max(1.0, seconds),
        violated=tuple(each.name for each in exceeded),
    )


async def every(tx: Transaction) -> Sequence[tuple[CallQuota, Sequence[Gauge]]]:
    """Return the quotas that were set, by name, each with its gauges."""
    rows = await tx.all(_SQL["call_quotas"], tenant_id=tx.tenant)
    return [(CallQuota(**{name: row[name] for name in CallQuota.__slots__}), gauges(row["name"], row)) for row in rows]


async def put(
    tx: Transaction,
    name: str,
    *,
    max_per_hour: int | None,
    max_per_day: int | None,
    max_waiting: int | None,
    reason: str,
    ticket: str | None,
    actor: Actor,
) -> CallQuota:
    """Set a quota; holds for exports at once, for calls within seconds."""
    limits = {"max_per_hour": max_per_hour, "max_per_day": max_per_day, "max_waiting": max_waiting}
    errors = [] if name in NAMES else [FieldError("/name", f"must be one of {', '.join(NAMES)}.")]
    errors += [
        FieldError(f"/{field}", f"must be between 0 and {_MOST}.")
        for field, value in limits.items()
        if value is not None and not 0 <= value <= _MOST
    ]
    if all(value is None for value in limits.values()):
        errors.append(FieldError("/max_per_hour", "or max_per_day or max_waiting must be given; delete it to lift it."))
    if max_waiting is not None and name != EXPORTS:
        errors.append(FieldError("/max_waiting", f"goes with {EXPORTS} alone; calls do not wait."))
    if errors:
        raise InvalidInput("; ".join(f"{each.pointer[1:]}: {each.detail}" for each in errors), tuple(errors))
    await tx.run(_SQL["set_call_quota"], tenant_id=tx.tenant, name=name, **limits, reason=reason or None, ticket=ticket)
    data = {"name": name, **limits, **grounds(reason, ticket)}
    await record(tx, Entry("call_quota.set", ids.show(ids.TENANT, tx.tenant), actor, data))
    return next(found for found, _ in await every(tx) if found.name == name)


async def drop(tx: Transaction, name: str, *, reason: str, ticket: str | None, actor: Actor) -> None:
    """Lift a quota."""
    if await tx.maybe(_SQL["drop_call_quota"], tenant_id=tx.tenant, name=name) is None:
        raise NotFound(f"There is no call quota {name[:60]!r}; there is nothing to lift.")
    data = {"name": name, **grounds(reason, ticket)}
    await record(tx, Entry("call_quota.dropped", ids.show(ids.TENANT, tx.tenant), actor, data))


def gauges(name: str, row: Row) -> Sequence[Gauge]:
    """Return the limits of a quota as headers tell them."""
    found: list[Gauge] = []
    if row["max_per_hour"] is not None:
        left = row["max_per_hour"] - row["hour_used"]
        found.append(Gauge(f"{name}-per-hour", row["max_per_hour"], left, 3600, row["hour_seconds"]))
    if row["max_per_day"] is not None:
        left = row["max_per_day"] - row["day_used"]
        found.append(Gauge(f"{name}-per-day", row["max_per_day"], left, 86_400, row["day_seconds"]))
    if row["max_waiting"] is not None:
        found.append(Gauge(f"{name}-waiting", row["max_waiting"], row["max_waiting"] - row["waiting"], None, None))
    return found
