"""
A package brought to a destination on request: once more, or to one that was not thought of when it was asked for.

A destination that the export was not asked for is judged by policies as an export of now that goes there; an approval
that was given for other destinations does not count.
Takes `tx`, never commits.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from lading.canonical import Json
from lading.db.transaction import Transaction
from lading.errors import Conflict, DestinationRefused, PolicyDenied
from lading.exports import deliveries, destinations, policies, published, store
from lading.exports.deliveries import Delivery, Key
from lading.exports.model import Status, StoredExport
from lading.jobs import letters
from lading.ledger.entry import Actor, grounds
from lading.settings import Settings

_ENDED: Final = frozenset({"delivered", "failed", "cancelled"})


async def redeliver(
    tx: Transaction, key: Key, *, reason: str, ticket: str | None, settings: Settings, actor: Actor
) -> Delivery:
    """Put a delivery of a completed export in the queue; Conflict or PolicyDenied says why there can be none."""
    export = await store.find(tx, key.export_id)
    if export.status is not Status.COMPLETED:
        raise Conflict(f"{key.subject} is {export.status.value}; only the package of a completed one can be delivered.")
    destination = await destinations.get(tx, key.destination)
    try:
        destinations.require_readers(destination, export)
    except DestinationRefused as error:
        raise Conflict(error.message) from error
    package = (await published.of_exports(tx, [key.export_id]))[key.export_id][0]
    await _judge(tx, export, key.destination, package.size, actor=actor)
    former = await deliveries.find(tx, key)
    told: dict[str, Json] = grounds(reason, ticket)
    job_id = await deliveries.request(
        tx, key, size=package.size, sha256=package.sha256, settings=settings, actor=actor, told=told
    )
    if former is not None and former.status in _ENDED:
        await letters.supersede(tx, former.job_id, job_id, actor=actor)
    found = await deliveries.of_exports(tx, [key.export_id])
    return next(each for each in found[key.export_id] if each.destination == key.destination)


async def _judge(tx: Transaction, export: StoredExport, destination: str, size: int, *, actor: Actor) -> None:
    asked_for = export.plan.handover
    case = replace(export, plan=replace(export.plan, handover=replace(asked_for, destinations=(destination,))))
    if destination not in asked_for.destinations:
        case = replace(case, asked_role=actor.role, asked_at=tx.now, approval=None)
    try:
        await policies.recheck(tx, case, rows=(export.rows or {}).get("written"), size=size)
    except PolicyDenied as refusal:
        raise policies.Refused(refusal, tx.tenant, actor) from None
