"""
The worker: a supervisor process that claims jobs, keeps its lease alive and does none of the work itself.

Handlers run in executor children, so one that holds the interpreter, eats all memory or crashes can't stop the
heartbeat.  A child that dies is noticed at once; a supervisor that dies is noticed by whoever sweeps next.  One that
can't renew its lease in time stops its children before anybody else may take their jobs.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import platform
import random
import time
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from lading import failpoints, ids
from lading.db import notify
from lading.db.database import Database
from lading.db.transaction import Transaction
from lading.errors import DatabaseBusy, DatabaseUnavailable, StaleLease
from lading.jobs import attempts, batches, leases, store
from lading.jobs.endings import follow_up
from lading.jobs.marks import Marks
from lading.jobs.model import Endings, Job
from lading.settings import Settings
from lading.worker import room
from lading.worker.beside import LightSide
from lading.worker.slot import Slot, Work

_LOG: Final = logging.getLogger("lading.worker")
_POLL_SECONDS: Final = 1.0
_WATCH_SECONDS: Final = 0.5
_STOP_GRACE_SECONDS: Final = 3.0


class Supervisor:
    """One worker process: `slots` executors under one lease."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        endings: Endings,
        *,
        kinds: Sequence[str] | None = None,
        executor: Sequence[str],
        environment: Mapping[str, str],
        light: tuple[Sequence[str], Sequence[str]] | None = None,
        slots: int | None = 1,
    ) -> None:
        """
        Take the command of an executor and, with its kinds, that of a light one.

        `slots` executors run; None: as many as there is work for and the machine has room for.
        """
        self._settings: Final = settings
        self._database: Final = database
        self._endings: Final = endings
        self._kinds: Final = tuple(endings) if kinds is None else tuple(kinds)
        self._sender: Final = notify.Sender(database)
        self._changed: Final = asyncio.Event()
        self._draining: Final = asyncio.Event()
        self._lease: UUID | None = None
        self._confirmed = 0.0
        self._recall_at = 0.0
        self._marks: Final = Marks(time.monotonic)
        self._hints: set[asyncio.Task[None]] = set()
        self._has_executors = False
        self._is_away = False
        self._is_growing: Final = slots is None
        self._new_slot: Final = lambda: Slot(executor, environment, on_change=self._changed.set, on_hint=self._hint)
        self._slots: Final = [self._new_slot() for _ in range(slots or 1)]
        self._light: Final = (
            LightSide(
                database,
                light[0],
                light[1],
                environment,
                settle=self._settle_dead,
                again_seconds=settings.heartbeat_seconds,
                on_change=self._changed.set,
                on_hint=self._hint,
            )
            if light is not None
            else None
        )

    def drain(self) -> None:
        """Stop claiming; `run` returns when the running jobs have ended or the drain time is over."""
        self._draining.set()
        self._changed.set()

    async def run(self) -> None:
        """Work until drained."""
        async with notify.Hearer(self._database.url, notify.JOBS) as hearer:
            await self._open_lease()
            watching = (self._beat, self._watch_lease, self._watch_jobs, self._watch_slots)
            watches = [asyncio.create_task(watch()) for watch in watching]
            try:
                while not self._draining.is_set():
                    await self._work(hearer)
                    for watch in watches:
                        if watch.done():
                            watch.result()  # a worker whose heart stopped must not look alive
            finally:
                await self._finish()
                for watch in watches:
                    watch.cancel()
                await asyncio.gather(*watches, return_exceptions=True)
                await self._close_lease()

    # --- claiming ---------------------------------------------------------------------------------

    async def _work(self, hearer: notify.Hearer) -> None:
        """Mend dead slots, fill free ones, then wait for a reason to look again."""
        self._changed.clear()
        seen = hearer.generation(notify.JOBS)
        try:
            await self._bury()
            await self._recall()
            if await self._claim():
                return
            self._is_away = False
        except DatabaseBusy:
            return  # another worker holds the turn; it is looked at again at once
        except DatabaseUnavailable as error:
            if not self._is_away:
                _LOG.warning("database.unavailable", extra={"reason": error.message})
            self._is_away = True
        heard = asyncio.create_task(hearer.wait(notify.JOBS, seen, random.uniform(0.8, 1.2) * _POLL_SECONDS))  # noqa: S311 - jitter
        changed = asyncio.create_task(self._changed.wait())
        await asyncio.wait({heard, changed}, return_when=asyncio.FIRST_COMPLETED, timeout=_POLL_SECONDS)
        heard.cancel()
        changed.cancel()

    async def _claim(self) -> bool:
        lease, free = self._lease, [slot for slot in self._slots if slot.is_free]
        if not free or lease is None or self._draining.is_set():
            return False
        recall_at, self._recall_at = self._recall_at, 0.0  # without the answer we don't know what we hold
        async with self._database.system() as tx:
            claims = await store.claim(
                tx, lease_id=lease, kinds=await self._heavy(tx), limit=len(free), marks=self._marks
            )
            if claims:
                failpoints.reach("claiming")
        self._recall_at = recall_at
        if lease != self._lease:
            return False  # it was lost meanwhile; what it claimed is an orphan that never started
        for slot, claimed in zip(free, claims, strict=False):
            slot.give(claimed)
        return bool(claims)

    async def _heavy(self, tx: Transaction) -> list[str]:
        """Return the kinds that run one by one; the light ones, too, while one of them must run alone."""
        if self._light is None:
            return list(self._kinds)
        light = self._light.kinds
        return [kind for kind in self._kinds if kind not in light or await batches.has_alone(tx, light)]

    async def _recall(self) -> None:
        """Settle what the database says we hold and no slot works on: an answer was lost, or a settlement failed."""
        if self._lease is None or time.monotonic() < self._recall_at:
            return
        async with self._database.system() as tx:
            held = await leases.held(tx, self._lease)
        busy = {slot.work.claim.job_id for slot in self._slots if slot.work is not None}
        for claimed in held:
            if claimed.job_id not in busy:
                await self._settle_dead(Work(claimed))
        self._recall_at = time.monotonic() + self._settings.heartbeat_seconds

    async def _bury(self) -> None:
        """Settle what a dead child was doing, then start another in its place."""
        if self._light is not None:
            await self._light.look_after(self._lease, is_draining=self._draining.is_set())
        is_due = self._lease is not None and not self._draining.is_set()
        for slot in self._slots:
            if slot.is_dead:
                if slot.work is not None:
                    await self._settle_dead(slot.work)
                    slot.work = None
                if is_due and slot.may_start and await self._is_wanted():
                    await slot.start()

    async def _is_wanted(self) -> bool:
        """Tell whether executors are worth their start: not while light jobs are worked off and nothing else waits."""
        if self._light is None or self._light.is_idle:
            self._has_executors = True
        if not self._has_executors:
            async with self._database.system() as tx:
                self._has_executors = await store.has_waiting(tx, await self._heavy(tx))
        return self._has_executors

    async def _settle_dead(self, work: Work) -> bool:
        """Settle what nobody works on any more, as far as the database knows it came; False: it is still to be done."""
        claim = work.claim
        try:
            async with self._database.tenant(claim.tenant_id) as tx:
                await follow_up(tx, self._endings, await _let_go(tx, work))
        except StaleLease:
            return True  # it had settled before it died, or somebody rescued it
        except DatabaseUnavailable:
            raise
        except Exception:  # noqa: BLE001 - whatever it is: it stays ours and is tried again, the other jobs go on
            _LOG.exception("job.not_settled", extra={"job": ids.show(ids.JOB, claim.job_id)})
            return False
        if work.excuse is None and work.stopped_at is None:
            _LOG.warning("job.crashed", extra={"job": ids.show(ids.JOB, claim.job_id), "attempt": work.attempt})
        return True

    # --- lease and cancellation -------------------------------------------------------------------

    async def _open_lease(self) -> None:
        lease = ids.new()
        name = f"{platform.node()}:{os.getpid()}"
        sent = time.monotonic()
        async with self._database.system() as tx:
            await leases.open_lease(tx, lease, worker=name, seconds=self._settings.lease_seconds)
            await leases.resize(tx, lease, slots=self._capacity)
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
        """Renew the lease in time; a lease that somebody has taken is lost."""
        wait = self._settings.heartbeat_seconds
        while True:
            await asyncio.sleep(wait * random.uniform(0.9, 1.1))  # noqa: S311 - jitter
            wait = self._settings.heartbeat_seconds
            try:
                if not await self._renew():
                    self._lose_lease()
            except DatabaseUnavailable:
                wait = min(1.0, wait)

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

    async def _watch_lease(self) -> None:
        """Stop everything under a lease not confirmed in time, before anybody else may take it."""
        # Apart from the heartbeat, which may hang: a database that does not answer is no error for a long time.
        while True:
            await asyncio.sleep(min(0.25, self._settings.self_fence_seconds / 8))
            if time.monotonic() - self._confirmed > self._settings.self_fence_seconds:
                self._lose_lease()

    def _lose_lease(self) -> None:
        if self._lease is None:
            return
        _LOG.error("lease.lost", extra={"lease": ids.show(ids.LEASE, self._lease)})
        self._lease = None
        if self._light is not None:
            self._light.kill()
        for slot in self._slots:
            if slot.work is not None:
                slot.work.excuse = "lease-lost"
                slot.kill()

    async def _watch_jobs(self) -> None:
        """Stop the jobs that somebody cancelled or that are beyond their deadline: first ask, then kill."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            with contextlib.suppress(DatabaseUnavailable):
                await self._hear_cancels()
            if self._light is not None:
                self._light.watch()
            for slot in self._slots:
                if slot.mind_deadline() and slot.work is not None:
                    _LOG.warning("job.overdue", extra={"job": ids.show(ids.JOB, slot.work.claim.job_id)})
                since = None if slot.work is None else slot.work.stopped_at
                if since is not None and time.monotonic() - since > _STOP_GRACE_SECONDS:
                    slot.kill()

    async def _hear_cancels(self) -> None:
        busy = {slot.work.claim.job_id: slot for slot in self._slots if slot.work is not None}
        if not (busy or self._light) or self._lease is None:
            return
        async with self._database.system() as tx:
            requests = await leases.cancel_requests(tx, self._lease)
        for request in requests:
            if request.job_id in busy:
                busy[request.job_id].cancel(request.reason)
            elif self._light is not None:
                self._light.cancel(request)

    # --- how many at once -------------------------------------------------------------------------

    @property
    def _capacity(self) -> int:
        return len(self._slots) + (self._settings.light_batch if self._light is not None else 0)

    async def _watch_slots(self) -> None:
        """Start another executor while all are busy and more waits; stop one that has been idle for long."""
        while self._is_growing:
            await asyncio.sleep(_WATCH_SECONDS * 2)
            if self._draining.is_set() or self._lease is None:
                continue
            with contextlib.suppress(DatabaseUnavailable, DatabaseBusy):
                if await self._grow() or await self._shrink():
                    async with self._database.system() as tx:
                        await leases.resize(tx, self._lease, slots=self._capacity)

    async def _grow(self) -> bool:
        is_busy = all(slot.work is not None for slot in self._slots)
        if not is_busy or not room.may_grow(room.look(), slots=len(self._slots)):
            return False
        async with self._database.system() as tx:
            if not await store.has_waiting(tx, await self._heavy(tx)):
                return False
        slot = self._new_slot()
        await slot.start()
        self._slots.append(slot)
        return True

    async def _shrink(self) -> bool:
        idle = [slot for slot in self._slots if slot.is_free and slot.idle_seconds > room.IDLE_SECONDS]
        if not idle or len(self._slots) == 1:
            return False
        self._slots.remove(idle[-1])
        await idle[-1].close()
        return True

    # --- the end ----------------------------------------------------------------------------------

    async def _finish(self) -> None:
        """Let running jobs end or stop at a checkpoint, then release what is left without counting anything."""
        deadline = time.monotonic() + self._settings.drain_seconds
        for slot in self._slots:
            slot.drain()
        if self._light is not None:
            self._light.drain()
        while any(slot.work is not None and not slot.is_dead for slot in self._slots):
            left = deadline - time.monotonic()
            if left <= 0:
                break
            self._changed.clear()
            try:
                async with asyncio.timeout(left):
                    await self._changed.wait()
            except TimeoutError:
                break
        if self._light is not None:
            with contextlib.suppress(DatabaseUnavailable):
                await self._light.finish(deadline - time.monotonic())
        for slot in self._slots:
            await slot.close()
            if slot.work is not None:
                slot.work.excuse = slot.work.excuse or "drain"
                # Away: the lease is closed or runs out, and the job is rescued as an orphan.
                with contextlib.suppress(DatabaseUnavailable):
                    await self._settle_dead(slot.work)

    def _hint(self, channel: str) -> None:
        task = asyncio.create_task(self._sender.send(channel))
        self._hints.add(task)
        task.add_done_callback(self._hints.discard)


async def _let_go(tx: Transaction, work: Work) -> Job | None:
    """Give the job back, or end it: cancelled or overdue if it was stopped, else a crash unless it is excused."""
    known = await attempts.started(tx, work.claim)
    if known is None:
        return await attempts.release(tx, work.claim.job_id, lease_id=work.claim.lease_id)
    _, fence = known
    if work.attempt not in {None, fence.attempt}:
        raise StaleLease(f"Another attempt at {ids.show(ids.JOB, fence.job_id)} runs on the lease.")
    work.attempt = fence.attempt
    if work.cancel_reason is not None:
        return await attempts.cancel_running(tx, fence, work.cancel_reason)
    if work.is_overdue:
        return await attempts.time_out(tx, fence)
    if work.excuse is not None:
        return await attempts.snooze(tx, fence, 0.0, work.excuse)
    return await attempts.crash(tx, fence)
