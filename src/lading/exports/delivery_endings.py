"""
What becomes of a delivery whose job ended without having brought the package: failed, or cancelled.

Apart from the handler, so that supervisors and sweeps, which do none of the work, load none of its libraries.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from lading.db.transaction import Transaction
from lading.errors import Conflict, InvalidInput
from lading.exports import deliveries
from lading.exports.deliveries import Key
from lading.jobs.model import Job, NewJob, State
from lading.ledger.entry import Actor
from lading.settings import Settings

_ACTOR: Final = Actor("system", "jobs")


class DeliveryEnding:
    """Follows up on jobs of kind `delivery` (jobs.model.Ending)."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings: Final = settings or Settings()

    async def ended(self, tx: Transaction, job: Job) -> None:
        """Fail or cancel the delivery, in the same transaction, and let what it left half done be removed."""
        key, is_cancelled = Key.of(job.payload), job.state is State.CANCELLED
        if key.is_abandoned:
            return
        fault = job.error or {"code": "internal-error", "message": "The attempt ended without a word."}
        status, error = ("cancelled", None) if is_cancelled else ("failed", fault)
        await deliveries.end(tx, key, job.id, status, error=error, actor=_ACTOR)
        if job.attempt:
            await deliveries.abandon(tx, key, is_soon=is_cancelled, settings=self._settings, actor=_ACTOR)

    async def revived(self, tx: Transaction, job: Job, actor: Actor) -> None:
        """Let the failed delivery of a requeued job wait for it again; one that went on otherwise is left alone."""
        key = Key.of(job.payload)
        if not key.is_abandoned:
            await deliveries.revive(tx, key, job.id, actor=actor)

    async def cloned(self, tx: Transaction, job: Job, actor: Actor) -> NewJob:  # noqa: ARG002 - the protocol's
        """Refuse: a delivery is done once more by asking for it."""
        key = Key.of(job.payload)
        raise Conflict(f"Deliver it once more instead: lading exports redeliver {key.subject} {key.destination}")

    async def planned(
        self,
        tx: Transaction,  # noqa: ARG002 - the protocol's
        payload: Mapping[str, Any],  # noqa: ARG002 - as above
        *,
        job_id: UUID,  # noqa: ARG002 - as above
        actor: Actor,  # noqa: ARG002 - as above
    ) -> NewJob:
        """Refuse: deliveries come from exports."""
        raise InvalidInput.field("kind", "delivery is made by an export; give the node's export its destinations.")
