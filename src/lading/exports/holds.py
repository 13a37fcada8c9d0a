"""
Legal holds: what may be removed neither by retention nor by anybody until the hold is lifted.

A hold names one export, or says which by a filter (profile, type, who asked, period), and then keeps those to come too.
Who places one waits for removals that have begun (`place`), who removes something keeps others from placing one until
his transaction ends (`settle`): a hold that was answered keeps all that was there.  Takes `tx`, never commits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from lading import ids
from lading.canonical import Json
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.errors import Conflict, FieldError, InvalidInput, InvalidTransition, NotFound
from lading.exports import store
from lading.exports.model import Status
from lading.ledger.entry import Actor, Entry, grounds
from lading.ledger.store import record

_SQL: Final = Statements("lading.exports")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class Scope:
    """What a hold keeps: one export, or all that match everything that is given; periods match when they overlap."""

    export_id: UUID | None = None
    profile: str | None = None
    type: str | None = None
    requested_by: str | None = None
    period_from: date | None = None
    period_to: date | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """One hold; `exports` is how many it keeps now, where that was counted."""

    id: UUID
    scope: Scope
    reason: str
    ticket: str | None
    placed_at: datetime
    placed_by: str
    lifted_at: datetime | None
    lifted_by: str | None
    lift_reason: str | None
    lift_ticket: str | None
    exports: int | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A hold as an export shows it."""

    id: UUID
    ticket: str | None

    @property
    def shown(self) -> str:
        """Return its id."""
        return ids.show(ids.HOLD, self.id)


async def place(tx: Transaction, hold_id: UUID, scope: Scope, *, reason: str, ticket: str | None, actor: Actor) -> Hold:
    """Keep what `scope` says from now on; InvalidInput when it says nothing, or an export and a filter."""
    _check(scope)
    await tx.all(_SQL["hold_gate"], tenant_id=tx.tenant)
    if scope.export_id is not None:
        await _touch(tx, scope.export_id)
    row = await tx.one(
        _SQL["hold_place"],
        tenant_id=tx.tenant,
        id=hold_id,
        export_id=scope.export_id,
        profile=scope.profile,
        type=scope.type,
        requested_by=scope.requested_by,
        period_from=scope.period_from,
        period_to=scope.period_to,
        reason=reason,
        ticket=ticket,
        placed_by=actor.id,
    )
    await _note(tx, "hold.placed", hold_id, actor, {**_told(scope), **grounds(reason, ticket)})
    return _hold(row)


async def lift(tx: Transaction, hold_id: UUID, *, reason: str, ticket: str | None, actor: Actor) -> Hold:
    """Let go what the hold kept; InvalidTransition when it is lifted already."""
    row = await tx.maybe(
        _SQL["hold_lift"], tenant_id=tx.tenant, id=hold_id, lifted_by=actor.id, reason=reason, ticket=ticket
    )
    if row is None:
        await find(tx, hold_id)
        raise InvalidTransition(f"{ids.show(ids.HOLD, hold_id)} is lifted already; there is nothing to do.")
    lifted = _hold(row)
    if lifted.scope.export_id is not None:
        await tx.run(_SQL["touch"], tenant_id=tx.tenant, id=lifted.scope.export_id)
    await _note(tx, "hold.lifted", hold_id, actor, grounds(reason, ticket))
    return lifted


async def find(tx: Transaction, hold_id: UUID) -> Hold:
    """Return the hold with how many exports it keeps."""
    row = await tx.maybe(_SQL["hold_find"], tenant_id=tx.tenant, id=hold_id)
    if row is None:
        raise NotFound(f"There is no hold {ids.show(ids.HOLD, hold_id)} in this organisation.")
    return _hold(row)


async def page(tx: Transaction, *, lifted: bool, export_id: UUID | None, before: UUID | None, limit: int) -> list[Hold]:
    """Return up to `limit` holds older than `before`, newest first."""
    rows = await tx.all(
        _SQL["hold_list"], tenant_id=tx.tenant, lifted=lifted, export_id=export_id, before=before, limit=limit
    )
    return [_hold(row) for row in rows]


async def settle(tx: Transaction) -> None:
    """Let nobody place a hold until this transaction ends; taken before the export is locked."""
    await tx.all(_SQL["hold_pass"], tenant_id=tx.tenant)


async def on(tx: Transaction, export_ids: Sequence[UUID]) -> dict[UUID, list[Held]]:
    """Return the holds that keep each of these exports now."""
    found: dict[UUID, list[Held]] = {export_id: [] for export_id in export_ids}
    for row in await tx.all(_SQL["held"], tenant_id=tx.tenant, export_ids=list(export_ids)):
        found[row["export_id"]].append(Held(row["hold_id"], row["ticket"]))
    return found


def _check(scope: Scope) -> None:
    names = ("profile", "type", "requested_by", "period_from", "period_to")
    given = [name for name in names if getattr(scope, name) is not None]
    if scope.export_id is None and not given:
        raise InvalidInput.field(
            "export", "is required, or a filter; period_from 0001-01-01 keeps everything", code="required"
        )
    if scope.export_id is not None and given:
        raise InvalidInput.field(given[0], "does not go with an export; name the export, or a filter.")
    for name, text in (("profile", scope.profile), ("type", scope.type), ("requested_by", scope.requested_by)):
        # No prose: it goes into the ledger, which can't forget it.
        if text is not None and _NAME.fullmatch(text) is None:
            raise InvalidInput.field(name, "is no name or id; use up to 100 of A-Z a-z 0-9 . _ -.")
    if scope.period_from is not None and scope.period_to is not None and scope.period_from > scope.period_to:
        detail = "is before period_from; swap them."
        raise InvalidInput(f"period_to: {detail}", (FieldError("/period_to", detail),))


async def _touch(tx: Transaction, export_id: UUID) -> None:
    locked = await store.lock(tx, export_id)
    if locked.status is Status.EXPIRED:
        raise Conflict(f"The files of {ids.show(ids.EXPORT, export_id)} are gone already; nothing is left to hold.")
    await tx.run(_SQL["touch"], tenant_id=tx.tenant, id=export_id)


async def _note(tx: Transaction, event: str, hold_id: UUID, actor: Actor, data: dict[str, Json]) -> None:
    await record(tx, Entry(event, ids.show(ids.HOLD, hold_id), actor, data))


def _told(scope: Scope) -> dict[str, Json]:
    told: dict[str, Json | None] = {
        "export": None if scope.export_id is None else ids.show(ids.EXPORT, scope.export_id),
        "profile": scope.profile,
        "type": scope.type,
        "requested_by": scope.requested_by,
        "period_from": None if scope.period_from is None else scope.period_from.isoformat(),
        "period_to": None if scope.period_to is None else scope.period_to.isoformat(),
    }
    return {name: value for name, value in told.items() if value is not None}


def _hold(row: Row) -> Hold:
    return Hold(
        id=row["id"],
        scope=Scope(
            row["export_id"],
            row["profile"],
            row["type"],
            row["requested_by"],
            row["period_from"],
            row["period_to"],
        ),
        reason=row["reason"],
        ticket=row["ticket"],
        placed_at=row["placed_at"],
        placed_by=row["placed_by"],
        lifted_at=row["lifted_at"],
        lifted_by=row["lifted_by"],
        lift_reason=row["lift_reason"],
        lift_ticket=row["lift_ticket"],
        exports=row.get("exports"),
    )
