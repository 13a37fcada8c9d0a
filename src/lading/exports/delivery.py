"""
One delivery: the handler of jobs of kind `delivery`.

A published package is carried to one destination in a thread, which has no connection: what must outlive it goes
through `_Journal` into the database, under the fence of the attempt.  An attempt that is killed anywhere is followed by
one that finds either nothing, or an upload to go on with, or the package there already.  What a delivery that ended
otherwise left half done is removed by a job of its own (`Key.is_abandoned`).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from lading import failpoints, ids
from lading.artifacts.blobs import BlobStore
from lading.artifacts.carrying import Carrier, Halted, Parcel, Part, Upload
from lading.db import notify
from lading.db.database import Database
from lading.db.transaction import Transaction
from lading.errors import DatabaseUnavailable, DestinationRefused, NotFound, StorageFailed
from lading.exports import carriers, deliveries, destinations, published, store
from lading.exports.deliveries import Key
from lading.exports.destinations import Destination
from lading.exports.journals import FencedJournal
from lading.exports.model import StoredArtifact, StoredExport
from lading.jobs import attempts
from lading.jobs.model import Cancelled, Context, Done, Fence, Job, Outcome
from lading.ledger.entry import Actor
from lading.settings import Settings

_SHOW_SECONDS: Final = 1.0
_STOP_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class _Order:
    """What is to be carried where."""

    export: StoredExport
    destination: Destination
    package: StoredArtifact
    key: Key
    at: datetime

    @property
    def name(self) -> str:
        """Return what the package is called there."""
        return destinations.object_name(self.destination.settings.object_name, self.export, self.package.name)


@dataclass(slots=True)
class _Position:
    """How far the thread is; written by it, read by the loop."""

    done: int = 0
    is_stopped: bool = False

    def advance(self, done: int) -> None:
        self.done = done
        if self.is_stopped:
            raise Halted


class DeliveryHandler:
    """Does jobs of kind `delivery` (jobs.model.Handler)."""

    def __init__(self, database: Database, settings: Settings, blobs: BlobStore) -> None:
        self._database: Final = database
        self._settings: Final = settings
        self._blobs: Final = blobs

    async def run(self, job: Job, context: Context) -> Outcome:
        """Carry the package, or remove what was left half done."""
        fence, key = context.fence, Key.of(job.payload)
        if key.is_abandoned:
            return await self._cleared(fence, key)
        order = await self._begin(fence, key)
        if order is None:
            return Cancelled("The export is not there any more.")
        carrier = await asyncio.to_thread(carriers.carrier_of, order.destination, self._settings, order.at)
        context.hint(notify.EXPORTS)
        failpoints.reach("delivery.begun")
        location = await self._carry(fence, order, carrier, context)
        failpoints.reach("delivery.carried")
        context.hint(notify.EXPORTS)

        async def commit(tx: Transaction) -> None:
            await deliveries.done(tx, key, fence.job_id, location, actor=_actor(fence))
            failpoints.reach("delivery.committing")

        return Done(commit)

    async def _begin(self, fence: Fence, key: Key) -> _Order | None:
        async with self._database.tenant(fence.tenant_id) as tx:
            await attempts.guard(tx, fence)
            try:
                export = await store.find(tx, key.export_id)
            except NotFound:
                return None
            files = (await published.of_exports(tx, [key.export_id]))[key.export_id]
            if not files or not await deliveries.begin(tx, key, fence.job_id):
                return None
            destination = await _destination(tx, key)
            # Keys that it was given after the export was asked for: what lacks them is not brought there.
            destinations.require_readers(destination, export)
            return _Order(export, destination, files[0], key, tx.now)

    async def _cleared(self, fence: Fence, key: Key) -> Outcome:
        """Remove what was left half done; the export may be gone, the journal has the name."""
        found = await self._abandoned(fence, key)
        if found is not None:
            destination, name, at = found
            carrier = await asyncio.to_thread(carriers.carrier_of, destination, self._settings, at)
            journal = _Journal(self._database, fence, key)
            await asyncio.to_thread(carrier.abandon, name, key.token, journal)
        return Done()

    async def _abandoned(self, fence: Fence, key: Key) -> tuple[Destination, str, datetime] | None:
        """Return where something is left, its name there, and when we look; None when nothing is, or it goes on."""
        async with self._database.tenant(fence.tenant_id) as tx:
            await attempts.guard(tx, fence)
            found = await deliveries.find(tx, key)
            if found is None or found.status not in {"failed", "cancelled"}:
                return None
            try:
                destination = await _destination(tx, key)
            except DestinationRefused:
                await deliveries.drop_upload(tx, key)
                return None
            upload = await deliveries.upload(tx, key)
            return None if upload is None else (destination, upload.name, tx.now)

    async def _carry(self, fence: Fence, order: _Order, carrier: Carrier, context: Context) -> str:
        """Carry in a thread; show how far it is; stop it when this task is cancelled."""
        journal = _Journal(self._database, fence, order.key)
        position = _Position()
        thread = asyncio.ensure_future(asyncio.to_thread(self._carried, fence, order, carrier, journal, position))
        shown = 0
        try:
            while not (await asyncio.wait({thread}, timeout=_SHOW_SECONDS))[0]:
                if position.done != shown:
                    shown = await self._show(fence, order.key, position.done, context)
            return thread.result()
        finally:
            if not thread.done():
                # A store that answers slowly can't be made to stop: what comes of it later finds the fence broken.
                position.is_stopped = True
                thread.add_done_callback(_unheard)
                await asyncio.wait({thread}, timeout=_STOP_SECONDS)

    def _carried(self, fence: Fence, order: _Order, carrier: Carrier, journal: _Journal, position: _Position) -> str:
        package = order.package
        with self._blobs.lent(
            package.blob_key, size=package.size, sha256=package.sha256, advance=position.advance
        ) as path:
            if path is None:
                raise StorageFailed(
                    f"The stored file of {package.name} is not what was published; it is not delivered."
                )
            return carrier.carry(_parcel(fence, order, path), journal, position.advance)

    async def _show(self, fence: Fence, key: Key, done: int, context: Context) -> int:
        try:
            async with self._database.tenant(fence.tenant_id) as tx:
                # The job first, as whoever ends it takes them: the other way round the two wait for each other.
                await attempts.progressed(tx, fence)
                await deliveries.progress(tx, key, fence.job_id, done)
        except DatabaseUnavailable:
            return done  # progress is a courtesy
        context.hint(notify.EXPORTS)
        return done


class _Journal(FencedJournal):
    """The journal of an attempt (carrying.Journal)."""

    def __init__(self, database: Database, fence: Fence, key: Key) -> None:
        super().__init__(database, fence)
        self._key: Final = key

    def upload(self) -> Upload | None:
        """Return the upload that an earlier attempt left."""
        return self.do(lambda tx: deliveries.upload(tx, self._key))

    def begin(self, name: str, sha256: str, part_bytes: int) -> None:
        """Remember that an upload is about to be begun, instead of any other."""
        self.do(lambda tx: deliveries.begin_upload(tx, self._key, name, sha256, part_bytes))
        failpoints.reach("delivery.upload_named")

    def began(self, upload_id: str) -> None:
        """Remember the id that the store gave it."""
        failpoints.reach("delivery.upload_begun")
        self.do(lambda tx: deliveries.began_upload(tx, self._key, upload_id))
        failpoints.reach("delivery.upload_known")

    def put(self, part: Part) -> None:
        """Remember a part that the store has."""
        failpoints.reach("delivery.part_sent")
        self.do(lambda tx: deliveries.put_part(tx, self._key, part))
        failpoints.reach("delivery.part_known")

    def drop(self) -> None:
        """Forget the upload."""
        self.do(lambda tx: deliveries.drop_upload(tx, self._key))


def _parcel(fence: Fence, order: _Order, path: Path) -> Parcel:
    return Parcel(
        path=path,
        size=order.package.size,
        sha256=order.package.sha256,
        name=order.name,
        media_type=order.package.media_type,
        overwrite=order.destination.settings.overwrite,
        token=order.key.token,
        stamp=f"{fence.lease_id.hex}-{fence.attempt}",
        id=order.key.id,
    )


def _unheard(thread: asyncio.Future[str]) -> None:
    """Take what a thread came to that nobody waits for any more."""
    if not thread.cancelled():
        thread.exception()


async def _destination(tx: Transaction, key: Key) -> Destination:
    try:
        return await destinations.get(tx, key.destination)
    except NotFound as error:
        raise DestinationRefused(error.message) from error


def _actor(fence: Fence) -> Actor:
    return Actor("worker", ids.show(ids.LEASE, fence.lease_id))
