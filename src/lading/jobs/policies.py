"""
Retry policies in the database: what a tenant set for a class of faults, over what is shipped.

A policy is for one kind of job or for all (`*`); the one of the kind goes before the one for all.  Takes `tx`, never
commits; what a policy decides is in `retries`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.errors import FieldError, InvalidInput, NotFound
from lading.jobs.retries import EVERY_KIND, SHIPPED, FaultClass, Policy
from lading.ledger.entry import Actor, Entry, grounds
from lading.ledger.store import record

_SQL: Final = Statements("lading.jobs")
_KIND: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
_MOST_ATTEMPTS: Final = 1000
_MOST_SECONDS: Final = 7 * 24 * 3600.0
_MOST_SET: Final = 1000


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The policy of a class for a kind; `is_shipped` when nobody set it, and then without reason."""

    kind: str
    fault_class: FaultClass
    policy: Policy
    is_shipped: bool = True
    reason: str | None = None
    ticket: str | None = None


async def of(tx: Transaction, kind: str, fault_class: FaultClass) -> Policy:
    """Return the policy that holds for a failure."""
    row = await tx.maybe(_SQL["retry_policy"], tenant_id=tx.tenant, kind=kind, fault_class=fault_class.value)
    return SHIPPED[fault_class] if row is None else _policy(row)


async def every(tx: Transaction) -> Sequence[RetryPolicy]:
    """Return the shipped policies and those the tenant set, by kind (`*` first) and class."""
    rows = await tx.all(_SQL["retry_policies"], tenant_id=tx.tenant, limit=_MOST_SET)
    own = {(row["kind"], row["class"]): _retry_policy(row) for row in rows}
    for fault_class, policy in SHIPPED.items():
        own.setdefault((EVERY_KIND, fault_class.value), RetryPolicy(EVERY_KIND, fault_class, policy))
    return [own[key] for key in sorted(own)]


async def put(
    tx: Transaction, kind: str, fault_class: str, policy: Policy, *, reason: str, ticket: str | None, actor: Actor
) -> RetryPolicy:
    """Set the policy of a class for a kind of job, or for all (`*`); holds for the next failure on."""
    known, errors = _class(fault_class), [*_faults(policy)]
    if kind != EVERY_KIND and not _KIND.fullmatch(kind):
        errors.insert(0, FieldError("/kind", "is no name of a job kind, nor * for all of them."))
    if known is None:
        settable = ", ".join(SHIPPED)
        errors.insert(0, FieldError("/class", f"must be one of {settable}; the others are not tried by a policy."))
    if known is None or errors:
        raise InvalidInput("; ".join(f"{each.pointer[1:]}: {each.detail}" for each in errors), tuple(errors))
    row = await tx.maybe(
        _SQL["put_retry_policy"],
        tenant_id=tx.tenant,
        kind=kind,
        fault_class=known.value,
        max_attempts=policy.max_attempts,
        base_seconds=policy.base_seconds,
        cap_seconds=policy.cap_seconds,
        reason=reason,
        ticket=ticket,
        limit=_MOST_SET,
    )
    if row is None:
        raise InvalidInput.field("kind", f"would be more than {_MOST_SET} policies; reset some first.")
    data = {
        "class": known.value,
        "max_attempts": policy.max_attempts,
        "base_seconds": f"{policy.base_seconds:g}",
        "cap_seconds": f"{policy.cap_seconds:g}",
        **grounds(reason, ticket),
    }
    await record(tx, Entry("retry_policy.set", f"kind:{kind}", actor, data))
    return _retry_policy(row)


async def reset(tx: Transaction, kind: str, fault_class: str, *, reason: str, ticket: str | None, actor: Actor) -> None:
    """Forget what was set for a class and a kind; what is shipped, or set for all kinds, holds again."""
    dropped = await tx.maybe(_SQL["drop_retry_policy"], tenant_id=tx.tenant, kind=kind, fault_class=fault_class)
    if dropped is None:
        raise NotFound(
            f"No retry policy was set for {kind[:60]!r} and the class {fault_class[:60]!r}; list them to see which are."
        )
    data = {"class": dropped["class"], **grounds(reason, ticket)}
    await record(tx, Entry("retry_policy.reset", f"kind:{dropped['kind']}", actor, data))


def _class(text: str) -> FaultClass | None:
    return next((each for each in SHIPPED if each.value == text), None)


def _faults(policy: Policy) -> Sequence[FieldError]:
    found: list[FieldError] = []
    if not 1 <= policy.max_attempts <= _MOST_ATTEMPTS:
        found.append(FieldError("/max_attempts", f"must be between 1 and {_MOST_ATTEMPTS}."))
    for name, value in (("base_seconds", policy.base_seconds), ("cap_seconds", policy.cap_seconds)):
        if not (math.isfinite(value) and 0 < value <= _MOST_SECONDS):
            found.append(FieldError(f"/{name}", f"must be above 0 and at most {_MOST_SECONDS:.0f} seconds."))
    if not found and policy.cap_seconds < policy.base_seconds:
        found.append(FieldError("/cap_seconds", "must not be below base_seconds."))
    return found


def _policy(row: Row) -> Policy:
    return Policy(row["max_attempts"], row["base_seconds"], row["cap_seconds"])


def _retry_policy(row: Row) -> RetryPolicy:
    return RetryPolicy(
        row["kind"],
        FaultClass(row["class"]),
        _policy(row),
        is_shipped=False,
        reason=row["reason"],
        ticket=row["ticket"],
    )
