"""
Limits in the database: buckets, quotas, pauses, blackouts, and what they hold back.

The claim enforces them (jobs/queries/claim.sql); here they are set and shown.  Every change is in the ledger, with its
actor, and wakes the tenant's turn, so that it takes effect at the next claim.  Takes `tx`, never commits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from lading import ids
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.errors import FieldError, InvalidInput, NotFound
from lading.ledger.entry import Actor, Entry, grounds
from lading.ledger.store import record
from lading.limits.model import Bucket, Pause, Quota, Scope, Throttle, WaitingFor

_SQL: Final = Statements("lading.limits")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
_MOST: Final = 1_000_000
MOST_PAUSES: Final = 1000
_TICKET: Final = 200
_REASON: Final = 2000
EVERY: Final = "*"


# --- buckets and quotas ---------------------------------------------------------------------------


async def set_bucket(
    tx: Transaction,
    host: str,
    *,
    rate: float,
    burst: float,
    actor: Actor,
    reason: str = "",
    ticket: str | None = None,
) -> Bucket:
    """Let jobs on `host` start at most `rate` times a second, `burst` at once."""
    errors = [FieldError("/host", "is no name of a source")] if not _NAME.fullmatch(host) else []
    if not 0 < rate <= _MOST:
        errors.append(FieldError("/rate", f"must be above 0 and at most {_MOST} starts a second"))
    if not 1 <= burst <= _MOST:
        errors.append(FieldError("/burst", f"must be between 1 and {_MOST}"))
    _refuse(errors)
    row = await tx.one(
        _SQL["set_bucket"],
        tenant_id=tx.tenant,
        host=host,
        rate=rate,
        burst=burst,
        reason=reason or None,
        ticket=ticket,
    )
    # Text: a float has no canonical form.
    data = {"rate": f"{rate:g}", "burst": f"{burst:g}", **grounds(reason, ticket)}
    await _changed(tx, Entry("bucket.set", f"source:{host}", actor, data))
    return _bucket(row)


async def drop_bucket(tx: Transaction, host: str, *, actor: Actor, reason: str = "", ticket: str | None = None) -> None:
    """Lift the limit of `host`."""
    if await tx.maybe(_SQL["drop_bucket"], tenant_id=tx.tenant, host=host) is None:
        raise NotFound(f"Source {host[:60]!r} has no rate limit; there is nothing to lift.")
    await _changed(tx, Entry("bucket.dropped", f"source:{host}", actor, grounds(reason, ticket)))


async def buckets(tx: Transaction) -> Sequence[Bucket]:
    """Return every bucket as it stands now."""
    rows = await tx.all(_SQL["buckets"], tenant_id=tx.tenant)
    return [_bucket(row) for row in rows]


async def set_quota(
    tx: Transaction,
    kind: str,
    *,
    max_active: int | None,
    max_per_hour: int | None,
    burst: int | None,
    actor: Actor,
    reason: str = "",
    ticket: str | None = None,
) -> Quota:
    """
    Limit how many jobs of `kind` run at once and start per hour; without `burst` an hour's may come at once.

    The kind `*` is every job of the tenant, whatever its kind.
    """
    errors = [FieldError("/kind", "is no name of a job kind")] if kind != EVERY and not _NAME.fullmatch(kind) else []
    if max_active is None and max_per_hour is None:
        errors.append(FieldError("/max_active", "or max_per_hour must be given; drop the quota to lift it"))
    if max_active is not None and not 0 <= max_active <= _MOST:
        errors.append(FieldError("/max_active", f"must be between 0 and {_MOST}"))
    if max_per_hour is not None and not 1 <= max_per_hour <= _MOST:
        errors.append(FieldError("/max_per_hour", f"must be between 1 and {_MOST}"))
    if burst is not None and (max_per_hour is None or not 1 <= burst <= _MOST):
        errors.append(FieldError("/burst", f"goes with max_per_hour and must be between 1 and {_MOST}"))
    _refuse(errors)
    most_at_once = burst if burst is not None else max_per_hour
    row = await tx.one(
        _SQL["set_quota"],
        tenant_id=tx.tenant,
        kind=kind,
        max_active=max_active,
        max_per_hour=max_per_hour,
        burst=most_at_once,
        reason=reason or None,
        ticket=ticket,
    )
    data = {"max_active": max_active, "max_per_hour": max_per_hour, "burst": most_at_once, **grounds(reason, ticket)}
    await _changed(tx, Entry("quota.set", _about(tx, kind), actor, data))
    return next(quota for quota in await quotas(tx) if quota.kind == row["kind"])


async def drop_quota(tx: Transaction, kind: str, *, actor: Actor, reason: str = "", ticket: str | None = None) -> None:
    """Lift the limits of `kind`."""
    if await tx.maybe(_SQL["drop_quota"], tenant_id=tx.tenant, kind=kind) is None:
        raise NotFound(f"Jobs of kind {kind[:60]!r} have no quota; there is nothing to lift.")
    await _changed(tx, Entry("quota.dropped", _about(tx, kind), actor, grounds(reason, ticket)))


async def quotas(tx: Transaction) -> Sequence[Quota]:
    """Return every quota and what runs under it now."""
    rows = await tx.all(_SQL["quotas"], tenant_id=tx.tenant)
    return [Quota(**{name: row[name] for name in Quota.__slots__}) for row in rows]


# --- pauses and blackouts -------------------------------------------------------------------------


async def pause(
    tx: Transaction,
    scope: Scope,
    target: str,
    *,
    reason: str,
    ticket: str | None,
    starts_at: datetime | None,
    ends_at: datetime | None,
    actor: Actor,
) -> Pause:
    """Stop claiming for a tenant (`target` is ''), a source, a kind or a job, now or in the window given."""
    errors: list[FieldError] = []
    if not reason.strip() or len(reason) > _REASON:
        errors.append(FieldError("/reason", f"is required: say why, in at most {_REASON} characters", "required"))
    if ticket is not None and not 0 < len(ticket) <= _TICKET:
        errors.append(FieldError("/ticket", f"must have 1 to {_TICKET} characters"))
    if ends_at is not None and ends_at <= (starts_at or tx.now):
        errors.append(FieldError("/ends_at", "must be after the start"))
    if starts_at is not None and ends_at is None:
        errors.append(FieldError("/ends_at", "is required with starts_at; a pause without an end begins now"))
    if fault := _target_fault(scope, target):
        errors.append(FieldError("/target", fault))
    _refuse(errors)
    kept = str(ids.parse(ids.JOB, target)) if scope is Scope.JOB else target
    row = await tx.one(
        _SQL["pause"],
        tenant_id=tx.tenant,
        id=ids.new(),
        scope=scope.value,
        target=kept,
        reason=reason,
        ticket=ticket,
        created_by=actor.id,
        starts_at=starts_at,
        ends_at=ends_at,
    )
    paused = _pause(row)
    event = "pause.set" if ends_at is None else "blackout.set"
    data = {"scope": scope.value, "on": paused.target, **grounds(reason, ticket)}
    await _changed(tx, Entry(event, ids.show(ids.PAUSE, paused.id), actor, data))
    return paused


async def resume(tx: Transaction, pause_id: UUID, *, actor: Actor, reason: str = "", ticket: str | None = None) -> None:
    """Lift one pause or blackout; it stays as one that is over, with who lifted it and why."""
    row = await tx.maybe(
        _SQL["resume"], tenant_id=tx.tenant, id=pause_id, lifted_by=actor.id, reason=reason or None, ticket=ticket
    )
    if row is None:
        raise NotFound(
            f"There is no pause {ids.show(ids.PAUSE, pause_id)} that is not over; "
            "list the pauses to see what is stopped."
        )
    data = {"scope": row["scope"], **grounds(reason, ticket)}
    await _changed(tx, Entry("pause.lifted", ids.show(ids.PAUSE, pause_id), actor, data))


async def resume_target(
    tx: Transaction, scope: Scope, target: str, *, actor: Actor, reason: str, ticket: str | None
) -> int:
    """Lift every pause and blackout of one thing; return how many there were."""
    kept = str(ids.parse(ids.JOB, target)) if scope is Scope.JOB else target
    rows = await tx.all(_SQL["pauses_on"], tenant_id=tx.tenant, scope=scope.value, target=kept)
    for row in rows:
        await resume(tx, row["id"], actor=actor, reason=reason, ticket=ticket)
    return len(rows)


async def pauses(
    tx: Transaction, *scopes: Scope, after: UUID | None = None, limit: int = MOST_PAUSES
) -> Sequence[Pause]:
    """Return up to `limit` stops that are not over, oldest first: of these scopes, or of all if none is named."""
    wanted = [scope.value for scope in scopes] or None
    rows = await tx.all(_SQL["pauses"], tenant_id=tx.tenant, scopes=wanted, after=after, limit=limit)
    return [_pause(row) for row in rows]


async def past_pauses(tx: Transaction, *, before: UUID | None, limit: int) -> Sequence[Pause]:
    """Return up to `limit` stops that are over, newest first."""
    return [_pause(row) for row in await tx.all(_SQL["past_pauses"], tenant_id=tx.tenant, before=before, limit=limit)]


async def lanes(tx: Transaction) -> Sequence[tuple[str, str]]:
    """Return {kind, host} of every lane there ever was; at most 1000."""
    return [(row["kind"], row["host"]) for row in await tx.all(_SQL["lanes"], tenant_id=tx.tenant)]


async def throttles(tx: Transaction) -> Sequence[Throttle]:
    """Return the lanes that are held back while jobs wait in them."""
    rows = await tx.all(_SQL["throttles"], tenant_id=tx.tenant)
    return [
        Throttle(
            row["kind"],
            row["host"],
            WaitingFor(row["waiting_for"]),
            row["eligible_at"],
            row["since"],
            row["pending"],
        )
        for row in rows
    ]


def _about(tx: Transaction, kind: str) -> str:
    return ids.show(ids.TENANT, tx.tenant) if kind == EVERY else f"kind:{kind}"


async def _changed(tx: Transaction, entry: Entry) -> None:
    await tx.run(_SQL["wake_turn"], tenant_id=tx.tenant)
    await record(tx, entry)


def _target_fault(scope: Scope, target: str) -> str | None:
    match scope:
        case Scope.TENANT:
            return "must be empty: the tenant is the one that asks" if target else None
        case Scope.SOURCE | Scope.KIND:
            return None if _NAME.fullmatch(target) else f"is no name of a {scope.value}"
        case Scope.JOB:
            try:
                ids.parse(ids.JOB, target)
            except NotFound as error:
                return error.message
            return None


def _bucket(row: Row) -> Bucket:
    return Bucket(**{name: row[name] for name in Bucket.__slots__})


def _pause(row: Row) -> Pause:
    job = row["scope"] == Scope.JOB
    return Pause(
        id=row["id"],
        scope=Scope(row["scope"]),
        target=ids.show(ids.JOB, UUID(row["target"])) if job else row["target"],
        reason=row["reason"],
        ticket=row["ticket"],
        created_by=row["created_by"],
        created_at=row["created_at"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        lifted_at=row["lifted_at"],
        lifted_by=row["lifted_by"],
        lift_reason=row["lift_reason"],
        lift_ticket=row["lift_ticket"],
    )


def _refuse(errors: list[FieldError]) -> None:
    if errors:
        raise InvalidInput("; ".join(f"{error.pointer[1:]}: {error.detail}" for error in errors), tuple(errors))
