"""
A package brought to a destination on request: once more, or to one that was not thought of when it was asked for.

Takes `tx`, never commits.
"""

from __future__ import annotations

from typing import Final

from lading.canonical import Json
from lading.db.transaction import Transaction
from lading.errors import Conflict, DestinationRefused
from lading.exports import deliveries, destinations, published, store
from lading.exports.deliveries import Delivery, Key
from lading.exports.model import Status
from lading.jobs import letters
from lading.ledger.entry import Actor, grounds
from lading.settings import Settings

_ENDED: Final = frozenset({"delivered", "failed", "cancelled"})


async def redeliver(
    tx: Transaction, key: Key, *, reason: str, ticket: str | None, settings: Settings, actor: Actor
) -> Delivery:
    """Put a delivery of a completed export in the queue; Conflict says why there can be none."""
    export = await store.find(tx, key.export_id)
    if export.status is not Status.COMPLETED:
        raise Conflict(f"{key.subject} is {export.status.value}; only the package of a completed one can be delivered.")
    destination = await destinations.get(tx, key.destination)
    try:
        destinations.require_readers(destination, export)
    except DestinationRefused as error:
        raise Conflict(error.message) from error
    package = (await published.of_exports(tx, [key.export_id]))[key.export_id][0]
    former = await deliveries.find(tx, key)
    told: dict[str, Json] = grounds(reason, ticket)
    job_id = await deliveries.request(
        tx, key, size=package.size, sha256=package.sha256, settings=settings, actor=actor, told=told
    )
    if former is not None and former.status in _ENDED:
        await letters.supersede(tx, former.job_id, job_id, actor=actor)
    found = await deliveries.of_exports(tx, [key.export_id])
    return next(each for each in found[key.export_id] if each.destination == key.destination)
