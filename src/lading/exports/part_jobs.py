"""Jobs of kind `part`: one part of an export that is shared among workers, read, mapped and recorded."""

from __future__ import annotations

import asyncio
from typing import Final
from uuid import UUID

from lading import failpoints, ids
from lading.db import notify
from lading.db.transaction import Transaction
from lading.exports import part_store, store
from lading.exports.model import Status
from lading.exports.opening import Desk
from lading.exports.parted import Parts
from lading.exports.stages import parting
from lading.jobs import attempts
from lading.jobs.model import Cancelled, Context, Done, Job, Outcome
from lading.ledger.entry import Actor


class PartHandler:
    """Does jobs of kind `part` (jobs.model.Handler)."""

    def __init__(self, desk: Desk) -> None:
        self._desk: Final = desk
        self._parts: Final = Parts(desk.database, desk.settings, desk.blobs)

    async def run(self, job: Job, context: Context) -> Outcome:
        """Do the part, if nobody has done it and the export still wants it."""
        fence, export_id, number = context.fence, UUID(job.payload["export"]), int(job.payload["part"])
        async with self._desk.database.tenant(fence.tenant_id) as tx:
            await attempts.guard(tx, fence)
            stored = await store.find(tx, export_id)
            if stored.status is not Status.RUNNING:
                return Cancelled("the export is over")
            parts = await part_store.find(tx, export_id)
            part = parts[number]
            work = await self._desk.work(tx, fence, stored)
        if part.result is not None and await asyncio.to_thread(self._parts.is_intact, part.result):
            return Done()
        parting.require_place(work, parts)
        failpoints.reach("part.begun")
        result = await self._parts.read(fence, work, part)
        failpoints.reach("part.done")
        actor = Actor("worker", ids.show(ids.LEASE, fence.lease_id))

        async def commit(tx: Transaction) -> None:
            await part_store.complete(tx, export_id, number, result, fence, actor=actor)

        # Whoever waits for the last part waits for a hint.
        context.hint(notify.JOBS)
        context.hint(notify.EXPORTS)
        return Done(commit)
