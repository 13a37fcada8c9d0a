"""
The small jobs that keep the engine going: promote, fire schedules, rescue, integrate, expire and collect files.

Any number of processes run them at the same time; every statement is guarded, so that two do no more than one.
A sweep that meets an absent database or a job it can't rescue logs it and comes again.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

from lading.artifacts.blobs import BlobStore
from lading.db import notify
from lading.db.database import Database
from lading.errors import LadingError, StaleLease
from lading.exports import approvals, retention
from lading.jobs import history, leases, runs, store
from lading.jobs.endings import follow_up
from lading.jobs.model import Endings
from lading.ledger import publishing, signing_keys
from lading.ledger.integrator import integrate
from lading.ledger.keys import Rotating
from lading.ledger.trust import Signing
from lading.settings import Settings
from lading.tenants import refusals
from lading.upkeep.proving import Proving
from lading.upkeep.timetable import Timetable
from lading.webhooks import fanout

_LOG: Final = logging.getLogger("lading.upkeep")
_PROMOTE_SECONDS: Final = 0.5
_INTEGRATE_SECONDS: Final = 0.5
# A head for each batch: the more comes, the larger the batches.
_REST_SECONDS: Final = 0.02
_TELL_SECONDS: Final = 5.0
_PROVE_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 30.0
_CHECK_SECONDS: Final = 600.0
_RESTING_ENTRIES: Final = 2000
_RETENTION_SECONDS: Final = 60.0
_KEYS_SECONDS: Final = 60.0
_BUCKET_SECONDS: Final = 3600.0
_HISTORY_SECONDS: Final = 3600.0
_RESCUE_ROUNDS: Final = 50
_PROMOTED: Final = 1000
_PROMOTE_ROUNDS: Final = 50


class Upkeep:
    """The sweeps of one process."""

    def __init__(
        self, settings: Settings, database: Database, endings: Endings, signer: Signing, blobs: BlobStore
    ) -> None:
        self._settings: Final = settings
        self._database: Final = database
        self._endings: Final = endings
        self._signer: Final = signer
        self._blobs: Final = blobs
        self._sender: Final = notify.Sender(database)
        self._timetable: Final = Timetable(settings, database, endings)
        self._proving: Final = Proving(settings, database, signer)
        self._integrated = 0

    async def run(self) -> None:
        """Sweep until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(_every(_PROMOTE_SECONDS, self.promote))
            group.create_task(self._integrating())
            group.create_task(_every(_TELL_SECONDS, self.tell))
            group.create_task(_every(_PROVE_SECONDS, self._proving.fill_tiles))
            group.create_task(_every(_PROVE_SECONDS, self._proving.anchor))
            group.create_task(_every(_LOOK_SECONDS, self._proving.look))
            group.create_task(_every(_CHECK_SECONDS, self._proving.check))
            group.create_task(_every(self._settings.sweep_seconds, self.rescue))
            group.create_task(self._timetable.run())
            group.create_task(_every(_RETENTION_SECONDS, self.retain))
            group.create_task(_every(_KEYS_SECONDS, self.tell_of_keys))
            group.create_task(_every(_KEYS_SECONDS, self._proving.stamp))
            group.create_task(_every(_BUCKET_SECONDS, self.tidy_bucket))
            await _once(self._have_history)  # before anything has ended, rather than an hour later
            group.create_task(_every(_HISTORY_SECONDS, self.keep_history))

    async def promote(self) -> None:
        """Scheduled jobs whose time has come are pending, and workers know; runs with nothing left have ended."""
        for _ in range(_PROMOTE_ROUNDS):  # what an outage has put off is due all at once
            async with self._database.system() as tx:
                promoted = await store.promote(tx, limit=_PROMOTED)
            if promoted:
                await self._sender.send(notify.JOBS)
            if promoted < _PROMOTED:
                break
        async with self._database.system() as tx:
            count = await store.wake_turns(tx)
        await runs.sweep(self._database, self._endings)
        if count:
            await self._sender.send(notify.JOBS)

    async def rescue(self) -> None:
        """No job runs on a lease that has run out, or far beyond its deadline."""
        tried: set[UUID] = set()  # so that those that can't be rescued are in nobody's way
        for _ in range(_RESCUE_ROUNDS):  # a batch leaves many orphans at once
            if not await self._rescue_some(tried):
                return

    async def _rescue_some(self, tried: set[UUID]) -> bool:
        """Take some back that were not tried yet; return whether there were any."""
        async with self._database.system() as tx:
            await leases.expire(tx, seconds=self._settings.lease_seconds)
            found = [(orphan, leases.rescue) for orphan in await leases.orphans(tx, without=tried)]
            # A worker stops its jobs at their deadline; this is for one that lives and does not.
            late = await leases.overdue(tx, grace_seconds=self._settings.lease_seconds, without=tried)
            found += [(orphan, leases.fence_out) for orphan in late]
        for orphan, take_back in found:
            tried.add(orphan.job_id)
            try:
                async with self._database.tenant(orphan.tenant_id) as tx:
                    await follow_up(tx, self._endings, await take_back(tx, orphan))
            except StaleLease:
                continue  # its worker or another sweep was faster
            except Exception:  # noqa: BLE001 - whatever it is, it must not keep the other orphans waiting
                _LOG.exception("job.rescue_failed", extra={"job": str(orphan.job_id)})
        if found:
            await self._sender.send(notify.JOBS)
        return bool(found)

    async def integrate(self) -> None:
        """Bring what was recorded into its tenant's tree, under a signed head; who follows events looks then."""
        self._integrated = 0
        guard, prefix = await self._proving.guard(), self._settings.instance
        while count := await integrate(self._database, self._signer, origin_prefix=prefix, guard=guard):
            self._integrated += count
            await self._sender.send(notify.EVENTS)
        if not self._signer.is_local:
            await publishing.publish_unsigned(self._database, self._signer)

    async def tell(self) -> None:
        """Webhooks are on their way to hear what has happened."""
        if await fanout.spread(self._database):
            await self._sender.send(notify.JOBS)

    async def tell_of_keys(self) -> None:
        """Every ledger knows what became of the signing keys, also where whoever changed them died meanwhile."""
        if isinstance(self._signer, Rotating):
            await signing_keys.announce_late(self._database, self._signer.store)

    async def _integrating(self) -> None:
        """Integrate as soon as something is recorded; behind a pooler that swallows hints, twice a second."""
        async with notify.Hearer(self._database.url, notify.LEDGER) as hearer:
            while True:
                seen = hearer.generation(notify.LEDGER)
                await _once(self.integrate)
                if self._integrated:
                    await _once(self.tell)
                await asyncio.sleep(min(_INTEGRATE_SECONDS, _REST_SECONDS + self._integrated / _RESTING_ENTRIES))
                spread = random.uniform(0.8, 1.2)  # noqa: S311 - so that processes spread out
                await hearer.wait(notify.LEDGER, seen, _INTEGRATE_SECONDS * spread)

    async def retain(self) -> None:
        """
        Files whose time is over are gone, and so are the working files of exports that are.

        What waited too long for a second person is cancelled.
        """
        await approvals.sweep(self._database)
        await retention.expire(self._database, self._blobs)
        await retention.collect(self._database, self._blobs, grace_seconds=self._settings.artifact_grace_seconds)

    async def tidy_bucket(self) -> None:
        """Nothing is in the bucket that nobody needs; seldom, because each object there is listed."""
        await retention.collect_away(self._database, self._blobs, grace_seconds=self._settings.artifact_grace_seconds)

    async def keep_history(self) -> None:
        """Keep a partition ready for the coming months, and nothing that ended too long ago."""
        await history.make_ahead(self._database)
        days = self._settings.history_days
        await history.prune(self._database, days=days)
        await self._timetable.prune()
        await fanout.forget(self._database, days=days)
        await refusals.forget(self._database)
        await self._proving.prune()

    async def _have_history(self) -> None:
        """Make the first partitions."""
        await history.make_ahead(self._database)


async def _every(seconds: float, sweep: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(seconds * random.uniform(0.8, 1.2))  # noqa: S311 - so that processes spread out
        await _once(sweep)


async def _once(sweep: Callable[[], Awaitable[None]]) -> None:
    try:
        await sweep()
    except LadingError as error:
        _LOG.warning("sweep.failed", extra={"sweep": getattr(sweep, "__name__", "?"), "reason": error.message})
    except Exception:  # noqa: BLE001 - one broken round must not end this sweep, and with it all the others
        _LOG.exception("sweep.failed", extra={"sweep": getattr(sweep, "__name__", "?")})
    # A database that goes away while a statement is being cancelled fails it, and the cancellation is no longer seen.
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
