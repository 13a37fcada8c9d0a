"""
The pipeline: stage after stage, each persisted before it begins and checkpointed when it is done.

It is the handler of jobs of kind `export`.  Every write is guarded by the job's fence in the same transaction; stages
themselves have no connection and run in a thread.  An attempt finds the checkpoints of earlier ones and skips what is
done, if its files are still whole.  The last stage's result is published by `Done.commit`, with the job's completion.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from lading import failpoints, ids
from lading.artifacts.blobs import BlobStore
from lading.artifacts.registry import Maker
from lading.db import notify
from lading.db.database import Database
from lading.db.transaction import Transaction
from lading.errors import DatabaseUnavailable
from lading.exports import deliveries, part_store, placing, policies, rules, store
from lading.exports.model import Sealed, Stage, StoredExport
from lading.exports.opening import Desk
from lading.exports.parted import Parts
from lading.exports.stages import auditing, bundling, generating, mapping, querying
from lading.exports.stages.flow import Flow
from lading.exports.stages.work import Result, Work, is_intact
from lading.exports.threads import in_thread
from lading.exports.types import stages as types
from lading.jobs import attempts
from lading.jobs.model import Context, Done, Fence, Job, Outcome, Snooze
from lading.ledger.entry import Actor
from lading.ledger.keys import Keys
from lading.settings import Settings

STAGES: Final[Mapping[Stage, Callable[[Work], Result]]] = {
    Stage.QUERYING: querying.run,
    Stage.MAPPING: mapping.run,
    Stage.GENERATING: generating.run,
    Stage.BUNDLING: bundling.run,
    Stage.AUDITING: auditing.run,
}


class ExportHandler:
    """Does jobs of kind `export` (jobs.model.Handler)."""

    def __init__(
        self, database: Database, settings: Settings, blobs: BlobStore, keys: Keys, *, salt: Callable[[UUID], bytes]
    ) -> None:
        self._database: Final = database
        self._settings: Final = settings
        self._blobs: Final = blobs
        self._desk: Final = Desk(database, settings, blobs, keys, salt)
        self._parts: Final = Parts(database, settings, blobs)

    async def run(self, job: Job, context: Context) -> Outcome:
        """Run what is left of the export."""
        fence, export_id = context.fence, UUID(job.payload["export"])
        work, done = await self._open(fence, export_id)
        flow = Flow(types.stages(work.export.plan, STAGES))
        try:
            return await self._run(job, context, work, done, flow)
        finally:
            # Whatever ended the attempt: nothing may go on writing after it.
            await in_thread(lambda _: flow.abandon())

    async def _run(self, job: Job, context: Context, work: Work, done: dict[Stage, Result], flow: Flow) -> Outcome:
        fence, export_id = context.fence, work.export.id
        for stage in STAGES:
            if stage in done:
                continue
            if context.is_draining:
                return Snooze(0.0, "drain")
            await self._begin_stage(fence, export_id, stage)
            context.hint(notify.EXPORTS)
            failpoints.reach(f"{stage.value}.begun")
            if stage is Stage.QUERYING and work.profile.parts is not None:
                result = await self._parts.query(job, context, work)
                if not isinstance(result, Mapping):
                    return result
            else:
                result = await self._stage(fence, replace(work, results=dict(done)), stage, flow, context)
            failpoints.reach(f"{stage.value}.done")
            done[stage] = result
            if stage is not Stage.AUDITING:
                await self._checkpoint(fence, export_id, stage, result)
                failpoints.reach(f"{stage.value}.checkpointed")
                context.hint(notify.EXPORTS)
        maker = Maker(fence.job_id, fence.lease_id, fence.attempt, work.profile.source)
        await self._recheck(fence, work.export, auditing.sealed(done))
        sealed = await placing.place(self._database, self._blobs, fence.tenant_id, auditing.sealed(done), maker)
        failpoints.reach("artifacts.placed")
        context.hint(notify.EXPORTS)
        if work.export.plan.handover.destinations:
            context.hint(notify.JOBS)
        return Done(self._publish(fence, work.export, sealed, done[Stage.AUDITING], maker))

    # --- transactions -----------------------------------------------------------------------------

    async def _open(self, fence: Fence, export_id: UUID) -> tuple[Work, dict[Stage, Result]]:
        async with self._recording(fence, export_id), self._database.tenant(fence.tenant_id) as tx:
            await attempts.guard(tx, fence)
            await store.begin(tx, export_id, actor=_actor(fence), attempt=fence.attempt)
            stored = await store.find(tx, export_id)
            await policies.recheck(tx, stored)
            work = await self._desk.work(tx, fence, stored)
            done = await store.checkpoints(tx, export_id)
        return work, await self._intact(fence, export_id, done)

    async def _intact(self, fence: Fence, export_id: UUID, done: Mapping[Stage, Result]) -> dict[Stage, Result]:
        """Return the checkpoints up to the first whose files are gone or changed; forget the rest."""
        kept: dict[Stage, Result] = {}
        for stage in STAGES:
            files = done[stage].get("files", {}) if stage in done else None
            if files is None or not await asyncio.to_thread(_are_intact, self._blobs, files):
                break
            kept[stage] = done[stage]
        if lost := [stage for stage in done if stage not in kept]:
            async with self._database.tenant(fence.tenant_id) as tx:
                await attempts.guard(tx, fence)
                await store.drop_checkpoints(tx, export_id, lost)
        return kept

    async def _recheck(self, fence: Fence, export: StoredExport, sealed: Sealed) -> None:
        """Raise PolicyDenied unless the policies of now allow what is about to be published."""
        async with self._recording(fence, export.id), self._database.tenant(fence.tenant_id) as tx:
            await policies.recheck(tx, export, **_size(sealed))

    def _recording(self, fence: Fence, export_id: UUID) -> AbstractAsyncContextManager[None]:
        subject = ids.show(ids.EXPORT, export_id)
        return policies.recording(self._database, fence.tenant_id, _actor(fence), subject=subject)

    async def _begin_stage(self, fence: Fence, export_id: UUID, stage: Stage) -> None:
        async with self._database.tenant(fence.tenant_id) as tx:
            await attempts.guard(tx, fence)
            await attempts.progressed(tx, fence)
            await store.begin_stage(
                tx,
                export_id,
                stage,
                actor=_actor(fence),
                attempt=fence.attempt,
                percent=rules.percent(stage, 0, None),
            )
            if stage is Stage.QUERYING:
                await part_store.show(tx, export_id)

    async def _checkpoint(self, fence: Fence, export_id: UUID, stage: Stage, result: Result) -> None:
        async with self._database.tenant(fence.tenant_id) as tx:
            await attempts.guard(tx, fence)
            await attempts.progressed(tx, fence)
            await store.checkpoint(tx, export_id, stage, result, actor=_actor(fence), attempt=fence.attempt)

    def _publish(
        self, fence: Fence, export: StoredExport, sealed: Sealed, result: Result, maker: Maker
    ) -> Callable[[Transaction], Awaitable[None]]:
        actor, settings, destinations = _actor(fence), self._settings, export.plan.handover.destinations

        async def commit(tx: Transaction) -> None:
            await policies.recheck(tx, export, **_size(sealed))
            await store.checkpoint(tx, export.id, Stage.AUDITING, result, actor=actor, attempt=fence.attempt)
            await placing.settle(tx, fence.job_id, sealed.artifacts)
            await store.complete(
                tx, export.id, sealed, actor=actor, maker=maker, retention_days=settings.retention_days
            )
            await deliveries.publish(tx, export.id, sealed, destinations, settings=settings, actor=actor)

        return commit

    # --- running one stage ------------------------------------------------------------------------

    async def _stage(self, fence: Fence, work: Work, stage: Stage, flow: Flow, context: Context) -> Result:
        """Run the stage in a thread; show its progress; stop it when this task is cancelled."""
        shown: dict[str, Any] = {}

        async def show(done: int, total: int | None) -> None:
            nonlocal shown
            shown = await self._show(fence, work.export, rules.percent(stage, done, total), done, shown, context)

        return await in_thread(lambda advance: flow.run(stage, replace(work, advance=advance)), show)

    async def _show(  # noqa: PLR0917 - what is shown of what
        self, fence: Fence, export: StoredExport, percent: float, rows: int, shown: dict[str, Any], context: Context
    ) -> dict[str, Any]:
        values: dict[str, Any] = {"percent": percent, "rows": rows}
        if values == shown:
            return shown
        try:
            async with self._database.tenant(fence.tenant_id) as tx:
                await store.progress(tx, export.id, fence, values)
                await attempts.progressed(tx, fence)
        except DatabaseUnavailable:
            return shown  # progress is a courtesy; the next checkpoint decides
        context.hint(notify.EXPORTS)
        return values


def _are_intact(blobs: BlobStore, files: Mapping[str, Mapping[str, Any]]) -> bool:
    return all(is_intact(blobs, facts) for facts in files.values())


def _size(sealed: Sealed) -> dict[str, int]:
    """Return what policies may limit of a result."""
    return {"rows": sealed.rows["written"], "size": sealed.artifacts[0].size}


def _actor(fence: Fence) -> Actor:
    return Actor("worker", ids.show(ids.LEASE, fence.lease_id))
