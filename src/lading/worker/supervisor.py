"""
The worker: a supervisor process that claims jobs, keeps its lease alive and does none of the work itself.

Endings run in executor children (`executor.py`), so a handler that holds the interpreter, eats all memory or crashes
can't stop the heartbeat.  A child that dies is noticed at once and its crash is counted; a supervisor that dies is
noticed by whoever sweeps next, when its lease has run out.  A supervisor that can't renew its lease in time stops its
children before anybody else may take their jobs.
"""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import random
import time
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from lading import ids
from lading.db import notify
from lading.db.database import Database
from lading.errors import DatabaseBusy, DatabaseUnavailable, StaleLease
from lading.jobs import leases, store
from lading.jobs.model import Cancelled, Endings, State
from lading.settings import Settings
from lading.worker import execute
from lading.worker.slot import Slot, Work

_LOG: Final = logging.getLogger("lading.worker")
_POLL_SECONDS: Final = 1.0
_CANCEL_POLL_SECONDS: Final = 0.5
_CANCEL_GRACE_SECONDS: Final = 3.0


class Supervisor:
    """One worker process: `slots` executors under one lease."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        endings: Endings,
        *,
        executor: Sequence[str],
        environment: Mapping[str, str],
        slots: int = 1,
    ) -> None:
        self._settings: Final = settings
        self._database: Final = database
        self._endings: Final = endings
        self._sender: Final = notify.Sender(database)
        self._changed: Final = asyncio.Event()
        self._draining: Final = asyncio.Event()
        self._lease: UUID | None = None
        self._confirmed = 0.0
        self._hints: set[asyncio.Task[None]] = set()
        self._slots: Final = [
            Slot(executor, environment, on_change=self._changed.set, on_hint=self._hint) for _ in range(slots)
        ]

    def drain(self) -> None:
        """Stop claiming; `run` returns when the running jobs have ended or the drain time is over."""
        self._draining.set()
        self._changed.set()

    async def run(self) -> None:
        """Work until drained."""
        async with notify.Hearer(self._database.url, notify.JOBS) as hearer:
            await self._open_lease()
            for slot in self._slots:
                await slot.start()
            beats = asyncio.create_task(self._beat())
            cancels = asyncio.create_task(self._watch_cancels())
            try:
                while not self._draining.is_set():
                    await self._work(hearer)
            finally:
                await self._finish()
                beats.cancel()
                cancels.cancel()
                await asyncio.gather(beats, cancels, return_exceptions=True)
                await self._close_lease()

    # --- claiming ---------------------------------------------------------------------------------

    async def _work(self, hearer: notify.Hearer) -> None:
        """Mend dead slots, fill free ones, then wait for a reason to look again."""
        self._changed.clear()
        seen = hearer.generation(notify.JOBS)
        try:
            await self._bury()
            if await self._claim():
                return
        except DatabaseBusy:
            return  # another worker holds the turn; it is looked at again at once
        except DatabaseUnavailable as error:
            _LOG.warning("database.unavailable", extra={"reason": error.message})
        heard = asyncio.create_task(hearer.wait(notify.JOBS, seen, random.uniform(0.8, 1.2) * _POLL_SECONDS))  # noqa: S311 - jitter
        changed = asyncio.create_task(self._changed.wait())
        await asyncio.wait({heard, changed}, return_when=asyncio.FIRST_COMPLETED, timeout=_POLL_SECONDS)
        heard.cancel()
        changed.cancel()

    async def _claim(self) -> bool:
        free = [slot for slot in self._slots if slot.is_free]
        if not free or self._lease is None or self._draining.is_set():
            return False
        async with self._database.system() as tx:
            claims = await store.claim(tx, lease_id=self._lease, kinds=list(self._endings), limit=len(free))
        for slot, claimed in zip(free, claims, strict=False):
            slot.give(claimed)
        return bool(claims)

    async def _bury(self) -> None:
        """Settle what a dead child was doing, then start another in its place."""
        for slot in self._slots:
            if slot.is_dead:
                if slot.work is not None:
                    await self._settle_dead(slot.work)
                    slot.work = None
                if not self._draining.is_set():
                    await slot.start()

    async def _settle_dead(self, work: Work) -> None:
        fence = work.fence
        if fence is None:
            # It may have died between counting the attempt and saying so; the database knows.
            await self._settle_unannounced(work)
            return
        if work.cancel_reason is not None:
            cancelled = Cancelled(work.cancel_reason)
            await execute.settle(self._database, self._endings, fence, cancelled, kind=work.claim.kind)
            return
        try:
            async with self._database.tenant(fence.tenant_id) as tx:
                job = await store.crash(tx, fence)
                if job.state in {State.DEAD, State.CANCELLED}:
                    await self._endings[job.kind].ended(tx, job)
        except StaleLease:
            return  # it had settled before it died
        _LOG.warning("job.crashed", extra={"job": ids.show(ids.JOB, fence.job_id), "attempt": fence.attempt})

    async def _settle_unannounced(self, work: Work) -> None:
        claim = work.claim
        async with self._database.tenant(claim.tenant_id) as tx:
            job = await store.find(tx, claim.job_id)
            if job.lease_id != claim.lease_id:
                return
            if job.started_at is None:
                await store.release(tx, claim.job_id, lease_id=claim.lease_id)
                return
        work.attempt = job.attempt
        await self._settle_dead(work)

    # --- lease and cancellation -------------------------------------------------------------------

    async def _open_lease(self) -> None:
        lease = ids.new()
        name = f"{platform.node()}:{os.getpid()}"
        sent = time.monotonic()
        async with self._database.system() as tx:
            await leases.open_lease(tx, lease, worker=name, seconds=self._settings.lease_seconds)
        self._lease, self._confirmed = lease, sent

    async def _close_lease(self) -> None:
        if self._lease is not None:
            try:
                async with self._database.system() as tx:
                    await leases.close(tx, self._lease)
            except DatabaseUnavailable:
                return  # it runs out by itself
            await self._sender.send(notify.JOBS)

    async def _beat(self) -> None:
        """Renew the lease in time; stop everything that runs under it before anybody else may take it."""
        wait = self._settings.heartbeat_seconds
        while True:
            await asyncio.sleep(wait * random.uniform(0.9, 1.1))  # noqa: S311 - jitter
            wait = self._settings.heartbeat_seconds
            try:
                if not await self._renew():
                    await self._lose_lease()
            except DatabaseUnavailable:
                wait = min(1.0, wait)
                if time.monotonic() - self._confirmed > self._settings.self_fence_seconds:
                    await self._lose_lease()

    async def _renew(self) -> bool:
        if self._lease is None:
            await self._open_lease()
            self._changed.set()
            return True
        sent = time.monotonic()
        async with self._database.system() as tx:
            is_alive = await leases.renew(tx, self._lease, seconds=self._settings.lease_seconds)
        if is_alive:
            self._confirmed = sent
        return is_alive

    async def _lose_lease(self) -> None:
        if self._lease is None:
            return
        _LOG.error("lease.lost", extra={"lease": ids.show(ids.LEASE, self._lease)})
        self._lease = None
        for slot in self._slots:
            if slot.work is not None:
                slot.kill()

    async def _watch_cancels(self) -> None:
        while True:
            await asyncio.sleep(_CANCEL_POLL_SECONDS)
            busy = {slot.work.claim.job_id: slot for slot in self._slots if slot.work is not None}
            if not busy or self._lease is None:
                continue
            try:
                async with self._database.system() as tx:
                    requests = await leases.cancel_requests(tx, self._lease)
            except DatabaseUnavailable:
                continue
            for request in requests:
                if request.job_id in busy:
                    busy[request.job_id].cancel(request.reason)
            for slot in busy.values():
                work = slot.work
                if work is None or work.cancel_reason is None:
                    continue
                if time.monotonic() - work.cancelled_at > _CANCEL_GRACE_SECONDS:
                    slot.kill()

    # --- the end ----------------------------------------------------------------------------------

    async def _finish(self) -> None:
        """Let running jobs end or stop at a checkpoint, then release what is left without counting anything."""
        deadline = time.monotonic() + self._settings.drain_seconds
        for slot in self._slots:
            slot.drain()
        while any(slot.work is not None and not slot.is_dead for slot in self._slots):
            left = deadline - time.monotonic()
            if left <= 0:
                break
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), left)
            except TimeoutError:
                break
        for slot in self._slots:
            await slot.close()
            if slot.work is not None:
                await self._give_back(slot.work)

    async def _give_back(self, work: Work) -> None:
        claim = work.claim
        try:
            async with self._database.tenant(claim.tenant_id) as tx:
                job = await store.find(tx, claim.job_id)
                if job.lease_id != claim.lease_id:
                    return
                if work.attempt is None and job.started_at is None:
                    await store.release(tx, claim.job_id, lease_id=claim.lease_id)
                    return
                work.attempt = job.attempt
                fence = work.fence
                if fence is not None:
                    await store.snooze(tx, fence, 0.0, "drain")
        except (DatabaseUnavailable, StaleLease):
            return  # the lease is closed or runs out: it is rescued as an orphan

    def _hint(self, channel: str) -> None:
        task = asyncio.create_task(self._sender.send(channel))
        self._hints.add(task)
        task.add_done_callback(self._hints.discard)
