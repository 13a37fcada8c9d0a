"""What becomes of a message whose job ended without having told it; apart from the handler, which is heavier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from lading.db.transaction import Transaction
from lading.errors import Conflict, InvalidInput
from lading.jobs.model import Job, NewJob, State
from lading.ledger.entry import Actor
from lading.webhooks import store


class WebhookEnding:
    """Follows up on jobs of kind `webhook` (jobs.model.Ending)."""

    async def ended(self, tx: Transaction, job: Job) -> None:
        """Note that the message failed, or was cancelled."""
        await store.ended(tx, UUID(job.payload["message"]), job.id, is_cancelled=job.state is State.CANCELLED)

    async def revived(self, tx: Transaction, job: Job, actor: Actor) -> None:  # noqa: ARG002 - the protocol's
        """Let the message wait for its requeued job."""
        if not await store.revive(tx, UUID(job.payload["message"]), job.id):
            raise Conflict("The webhook is gone, or its message was sent once more by another job.")

    async def cloned(self, tx: Transaction, job: Job, actor: Actor) -> NewJob:  # noqa: ARG002 - the protocol's
        """Refuse: a message is told once more by asking for it."""
        raise Conflict(f"Redeliver it instead: lading webhooks redeliver {job.subject} MESSAGE")

    async def planned(
        self,
        tx: Transaction,  # noqa: ARG002 - the protocol's
        payload: Mapping[str, Any],  # noqa: ARG002 - as above
        *,
        job_id: UUID,  # noqa: ARG002 - as above
        actor: Actor,  # noqa: ARG002 - as above
    ) -> NewJob:
        """Refuse: calls come from events."""
        raise InvalidInput.field("kind", "webhook calls are made by events; set a webhook.")
