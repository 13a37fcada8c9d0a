"""
QUERYING of an export that is read in parts: done one after the other here, or shared as jobs among all workers.

Each part that is done is recorded with its files in one transaction under the fence of who did it; an attempt finds
what earlier ones have done and does the rest.  Shared, the parts are a run: a job of kind `part` for each that is
missing, and behind them the job that puts them together, which is the export's job from then on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from lading import failpoints, ids
from lading.artifacts.blobs import BlobStore
from lading.db import notify
from lading.db.database import Database
from lading.db.transaction import Transaction
from lading.errors import DatabaseUnavailable, SourceRefused
from lading.exports import part_store, planning, store
from lading.exports.endings import PartEnding
from lading.exports.model import JOB_KIND, Status
from lading.exports.parts import JOB_KIND as PART_KIND
from lading.exports.parts import Part
from lading.exports.stages import parting
from lading.exports.stages.work import Result, Work, is_intact
from lading.exports.threads import in_thread
from lading.jobs import attempts, run_making, views
from lading.jobs.graph import Node, OnFailure
from lading.jobs.model import Context, Done, Fence, Job, NewJob, Outcome, Snooze
from lading.jobs.run_making import Maker
from lading.ledger.entry import Actor
from lading.limits.admission import Admission
from lading.settings import Settings

_ASSEMBLE: Final = "assemble"


class Parts:
    """Does QUERYING in parts."""

    def __init__(self, database: Database, settings: Settings, blobs: BlobStore) -> None:
        self._database: Final = database
        self._settings: Final = settings
        self._blobs: Final = blobs

    async def query(self, job: Job, context: Context, work: Work) -> Result | Outcome:
        """Return what the stage leaves, or, when others are to do parts or the worker drains, how the attempt ends."""
        fence = context.fence
        parts = await self._planned(fence, work)
        missing = await self._missing(fence, work, parts)
        least = self._settings.split_parts
        # A node of somebody's run stays one job: what waits for it waits for the whole export.
        if 0 < least <= len(missing) and job.run_id is None and await self._has_room(job, missing):
            context.hint(notify.JOBS)
            return Done(self._handing_on(job, fence, work, missing))
        for part in missing:
            if context.is_draining:
                return Snooze(0.0, "drain")
            failpoints.reach("part.begun")
            result = await self.read(fence, work, part)
            failpoints.reach("part.done")
            async with self._database.tenant(fence.tenant_id) as tx:
                await attempts.guard(tx, fence)
                await attempts.progressed(tx, fence)
                await part_store.complete(tx, work.export.id, part.number, result, fence, actor=_actor(fence))
            failpoints.reach("part.checkpointed")
            context.hint(notify.EXPORTS)
        return await self._gathered(fence, work)

    async def read(self, fence: Fence, work: Work, part: Part) -> Result:
        """Read one part; its progress keeps the attempt from being taken for stuck."""
        shown = -1

        async def show(done: int, _total: int | None) -> None:
            nonlocal shown
            if done == shown:
                return
            try:
                async with self._database.tenant(fence.tenant_id) as tx:
                    await attempts.progressed(tx, fence)
            except DatabaseUnavailable:
                return  # the next commit decides
            shown = done

        return await in_thread(lambda advance: parting.read(replace(work, advance=advance), part), show)

    async def _planned(self, fence: Fence, work: Work) -> Sequence[Part]:
        async with self._database.tenant(fence.tenant_id) as tx:
            parts = await part_store.find(tx, work.export.id)
        if parts:
            return parts
        planned = await in_thread(lambda advance: parting.plan(replace(work, advance=advance)))
        async with self._database.tenant(fence.tenant_id) as tx:
            await attempts.guard(tx, fence)
            await attempts.progressed(tx, fence)
            parts = await part_store.plan(tx, work.export.id, planned, actor=_actor(fence))
        failpoints.reach("parts.planned")
        return parts

    async def _missing(self, fence: Fence, work: Work, parts: Sequence[Part]) -> Sequence[Part]:
        """Return the parts that are to be done, with those whose files are gone or changed, or came from elsewhere."""
        here = parting.place_of(work.source)
        lost = [
            part
            for part in parts
            if (result := part.result)
            and (result.get("source") != here or not await asyncio.to_thread(self.is_intact, result))
        ]
        if lost:
            await self._reopen(fence, work, lost)
        return [part for part in parts if part.result is None or part in lost]

    async def _gathered(self, fence: Fence, work: Work) -> Result:
        async with self._database.tenant(fence.tenant_id) as tx:
            parts = await part_store.find(tx, work.export.id)
        parting.require_place(work, parts)
        if len({result["mapped"]["columns"] for part in parts if (result := part.result)}) > 1:
            await self._reopen(fence, work, parts)
            raise SourceRefused("The source's columns changed while its parts were read; retry the export.")
        return await in_thread(lambda advance: parting.gather(replace(work, advance=advance), parts))

    async def _reopen(self, fence: Fence, work: Work, parts: Sequence[Part]) -> None:
        async with self._database.tenant(fence.tenant_id) as tx:
            await attempts.guard(tx, fence)
            await part_store.reopen(tx, work.export.id, [part.number for part in parts], actor=_actor(fence))

    def is_intact(self, result: Mapping[str, Any]) -> bool:
        """Return whether the files of a part are there with the bytes they had."""
        return all(is_intact(self._blobs, facts) for facts in result["files"].values())

    # --- sharing ----------------------------------------------------------------------------------

    async def _has_room(self, job: Job, missing: Sequence[Part]) -> bool:
        """Tell whether the queue takes a job for each part and one behind them; else they are done here."""
        async with self._database.tenant(job.tenant_id) as tx:
            priority = (await views.look(tx, job.id)).priority
        # A door of its own, whose clock stands: an export is split once, so nothing is remembered.
        door = Admission(
            self._database,
            queue_limit=self._settings.queue_limit,
            tenant_queue_limit=self._settings.tenant_queue_limit,
            clock=float,
        )
        return not await door.refusal(job.tenant_id, count=len(missing) + 1, priority=priority)

    def _handing_on(self, job: Job, fence: Fence, work: Work, missing: Sequence[Part]) -> Any:
        export, actor = work.export, _actor(fence)

        async def commit(tx: Transaction) -> None:
            run_id = ids.new()
            planner = _Planner(work, self._settings)
            priority = (await views.look(tx, job.id)).priority
            keys = [f"part-{part.number:03}" for part in missing]
            nodes = [
                Node(key=key, kind=PART_KIND, payload={"part": part.number}, priority=priority)
                for key, part in zip(keys, missing, strict=True)
            ]
            assemble = Node(key=_ASSEMBLE, kind=JOB_KIND, payload={}, parents=tuple(keys), priority=priority)
            locked = await store.lock(tx, export.id)
            if locked.status is not Status.RUNNING or locked.job_id != job.id:
                return
            if (await store.find(tx, export.id)).cancel_requested_at is not None:
                await store.end(
                    tx, export.id, Status.CANCELLED, actor=actor, attempt=fence.attempt, error=None, code="cancelled"
                )
                return
            await run_making.create(
                tx,
                run_id,
                [*nodes, assemble],
                Maker({PART_KIND: planner, JOB_KIND: planner}, {}),
                name=f"parts of {export.subject}",
                on_failure=OnFailure.FAIL,
                actor=actor,
            )
            assert planner.assembling is not None
            await part_store.hand_on(
                tx,
                export.id,
                former_id=job.id,
                job_id=planner.assembling,
                run_id=run_id,
                parts=len(missing),
                actor=actor,
            )

        return commit


class _Planner(PartEnding):
    """Makes the jobs of a run of parts."""

    def __init__(self, work: Work, settings: Settings) -> None:
        super().__init__(settings)
        self._work: Final = work
        self.assembling: UUID | None = None

    async def planned(self, tx: Transaction, payload: Mapping[str, Any], *, job_id: UUID, actor: Actor) -> NewJob:  # noqa: ARG002 - as every ending's
        """Return the job of a part, or the one that puts them together."""
        export = self._work.export
        job = planning.job_of(
            export.plan, self._work.profile.source, self._settings, export_id=export.id, job_id=job_id
        )
        if "part" not in payload:
            self.assembling = job_id
            return job
        return replace(job, kind=PART_KIND, payload={**job.payload, **payload}, payload_digest=None)


def _actor(fence: Fence) -> Actor:
    return Actor("worker", ids.show(ids.LEASE, fence.lease_id))
