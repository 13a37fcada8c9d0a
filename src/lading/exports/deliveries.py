"""
Deliveries in the database: each is one package on its way to one destination, done by a job of its own.

Every change of state records its ledger entry, under the export.  What is written for an attempt is guarded by the
job's fence, which the caller takes in the same transaction.  Takes `tx`, never commits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb

from lading import ids
from lading.artifacts.carrying import Part, Upload
from lading.canonical import Json
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.errors import Conflict, NotFound
from lading.exports.destinations import host_of
from lading.exports.model import Sealed
from lading.jobs import store as jobs
from lading.jobs.model import NewJob
from lading.ledger.entry import Actor, Entry
from lading.ledger.store import record
from lading.settings import Settings

_SQL: Final = Statements("lading.exports")
JOB_KIND: Final = "delivery"
_KEPT: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Key:
    """Which delivery; `is_abandoned` means that only what it left half done is to be removed."""

    export_id: UUID
    destination: str
    is_abandoned: bool = False

    @classmethod
    def of(cls, payload: Mapping[str, Any]) -> Key:
        """Return the key that the payload of a job holds."""
        return cls(UUID(payload["export"]), payload["destination"], payload.get("abandon") is True)

    @property
    def subject(self) -> str:
        """Return the outer id of the export."""
        return ids.show(ids.EXPORT, self.export_id)

    @property
    def id(self) -> str:
        """Return what tells this delivery from every other, to whoever receives it."""
        return f"{self.subject}:{self.destination}"

    @property
    def token(self) -> str:
        """Return what the names of unfinished files of this delivery begin with, and of no other."""
        return f".lading-{self.export_id.hex}-{self.destination}."

    @property
    def payload(self) -> dict[str, Any]:
        """Return what a job is given."""
        named: dict[str, Any] = {"export": str(self.export_id), "destination": self.destination}
        return {**named, "abandon": True} if self.is_abandoned else named


@dataclass(frozen=True, slots=True)
class Delivery:
    """A row of `deliveries`, with when its job is tried again."""

    export_id: UUID
    destination: str
    job_id: UUID
    status: str
    size: int
    sha256: str
    bytes: int
    attempts: int
    location: str | None
    error: Mapping[str, Any] | None
    created_at: datetime
    delivered_at: datetime | None
    due_at: datetime | None


async def request(
    tx: Transaction, key: Key, *, size: int, sha256: str, settings: Settings, actor: Actor, told: Mapping[str, Json]
) -> UUID:
    """Put a delivery in the queue, for the first time or once more, and return its job; Conflict while one goes on."""
    job_id = ids.new()
    row = await tx.maybe(
        _SQL["delivery_put"],
        **_named(tx, key),
        job_id=job_id,
        size=size,
        digest=bytes.fromhex(sha256),
    )
    if row is None:
        raise Conflict(f"{key.subject} is on its way to {key.destination} already; let that end or cancel its job.")
    await _note(tx, "delivery.requested", key, actor, job=ids.show(ids.JOB, job_id), **told)
    await jobs.enqueue(tx, _job(key, job_id, settings), actor=actor)
    return job_id


async def publish(
    tx: Transaction, export_id: UUID, sealed: Sealed, destinations: Sequence[str], *, settings: Settings, actor: Actor
) -> None:
    """Keep the digest of the plain package and put a delivery to each destination in the queue."""
    await tx.run(_SQL["sealed_package"], tenant_id=tx.tenant, id=export_id, digest=bytes.fromhex(sealed.package_sha256))
    package = sealed.artifacts[0]
    for name in sorted(destinations):
        key = Key(export_id, name)
        await request(tx, key, size=package.size, sha256=package.sha256, settings=settings, actor=actor, told={})


async def begin(tx: Transaction, key: Key, job_id: UUID) -> bool:
    """Mark the delivery as running and count the attempt; False when this job has no delivery to do any more."""
    row = await tx.maybe(_SQL["delivery_begin"], **_named(tx, key), job_id=job_id)
    await _show(tx, key)
    return row is not None


async def progress(tx: Transaction, key: Key, job_id: UUID, done: int) -> None:
    """Show how much of the package is there."""
    await tx.run(_SQL["delivery_progress"], **_named(tx, key), job_id=job_id, bytes=done)
    await _show(tx, key)


async def done(tx: Transaction, key: Key, job_id: UUID, location: str, *, actor: Actor) -> None:
    """Mark the delivery as delivered; nothing happens when another job has it."""
    row = await tx.maybe(_SQL["delivery_done"], **_named(tx, key), job_id=job_id, location=location)
    if row is not None:
        digest = bytes(row["digest"]).hex()
        await _note(tx, "delivery.delivered", key, actor, digest=digest, size=row["size"])


async def end(
    tx: Transaction, key: Key, job_id: UUID, status: str, *, error: Mapping[str, Any] | None, actor: Actor
) -> None:
    """Mark the delivery as failed or cancelled."""
    fault = None if error is None else Jsonb({"code": error["code"], "message": error["message"]})
    row = await tx.maybe(_SQL["delivery_end"], **_named(tx, key), job_id=job_id, status=status, error=fault)
    if row is not None:
        code = "cancelled" if error is None else str(error["code"])
        await _note(tx, f"delivery.{status}", key, actor, code=code)


async def revive(tx: Transaction, key: Key, job_id: UUID, *, actor: Actor) -> None:
    """Let a failed delivery wait for its own job again, which was requeued."""
    row = await tx.maybe(_SQL["delivery_revive"], **_named(tx, key), job_id=job_id)
    if row is None:
        raise Conflict(f"{key.subject} goes to {key.destination} by another job; there is nothing to requeue.")
    await _note(tx, "delivery.requested", key, actor, job=ids.show(ids.JOB, job_id))


async def abandon(tx: Transaction, key: Key, *, is_soon: bool, settings: Settings, actor: Actor) -> None:
    """Let what an ended delivery left half done be removed: soon, or in a day, until when it may be gone on with."""
    job = _job(Key(key.export_id, key.destination, is_abandoned=True), ids.new(), settings)
    await jobs.enqueue(tx, replace(job, due_at=None if is_soon else tx.now + _KEPT), actor=actor)


async def find(tx: Transaction, key: Key) -> Delivery | None:
    """Lock and return the delivery, None when there is none."""
    row = await tx.maybe(_SQL["delivery_find"], **_named(tx, key))
    return None if row is None else _delivery(row)


async def of_exports(tx: Transaction, export_ids: Sequence[UUID]) -> dict[UUID, list[Delivery]]:
    """Return the deliveries of each export, by destination."""
    found: dict[UUID, list[Delivery]] = {export_id: [] for export_id in export_ids}
    for row in await tx.all(_SQL["deliveries"], tenant_id=tx.tenant, export_ids=list(export_ids)):
        found[row["export_id"]].append(_delivery(row))
    return found


# --- uploads in parts ----------------------------------------------------------------------------


async def upload(tx: Transaction, key: Key) -> Upload | None:
    """Return the upload that an earlier attempt left."""
    row = await tx.maybe(_SQL["upload"], **_named(tx, key))
    if row is None:
        return None
    parts = {
        each["number"]: Part(each["number"], each["size"], bytes(each["digest"]).hex(), each["etag"])
        for each in await tx.all(_SQL["upload_parts"], **_named(tx, key))
    }
    return Upload(row["object_name"], row["upload_id"], bytes(row["digest"]).hex(), row["part_bytes"], parts)


async def begin_upload(tx: Transaction, key: Key, name: str, sha256: str, part_bytes: int) -> None:
    """Remember that an upload is about to be begun, instead of any other."""
    await drop_upload(tx, key)
    await tx.run(
        _SQL["upload_begin"],
        **_named(tx, key),
        object_name=name,
        digest=bytes.fromhex(sha256),
        part_bytes=part_bytes,
    )


async def began_upload(tx: Transaction, key: Key, upload_id: str) -> None:
    """Remember the id that the store gave the upload."""
    await tx.run(_SQL["upload_began"], **_named(tx, key), upload_id=upload_id)


async def put_part(tx: Transaction, key: Key, part: Part) -> None:
    """Remember a part that the store has."""
    await tx.run(
        _SQL["upload_part"],
        **_named(tx, key),
        number=part.number,
        size=part.size,
        digest=bytes.fromhex(part.sha256),
        etag=part.etag,
    )


async def drop_upload(tx: Transaction, key: Key) -> None:
    """Forget the upload and its parts."""
    await tx.run(_SQL["upload_drop"], **_named(tx, key))


# --- private -------------------------------------------------------------------------------------


def unknown(key: Key) -> NotFound:
    """Return the error for a delivery that there is not."""
    return NotFound(f"{key.subject} was not delivered to {key.destination[:60]!r}; list its deliveries.")


def _named(tx: Transaction, key: Key) -> dict[str, Any]:
    return {"tenant_id": tx.tenant, "export_id": key.export_id, "destination": key.destination}


def _job(key: Key, job_id: UUID, settings: Settings) -> NewJob:
    return NewJob(
        id=job_id,
        kind=JOB_KIND,
        host=host_of(key.destination),
        subject=key.subject,
        payload=key.payload,
        max_attempts=settings.max_attempts,
        max_crashes=settings.max_crashes,
        deadline_seconds=settings.export_deadline_seconds or None,
    )


async def _note(tx: Transaction, event: str, key: Key, actor: Actor, **data: Json) -> None:
    await _show(tx, key)
    await record(tx, Entry(event, key.subject, actor, {"destination": key.destination, **data}))


async def _show(tx: Transaction, key: Key) -> None:
    await tx.run(_SQL["delivery_shown"], tenant_id=tx.tenant, id=key.export_id)


def _delivery(row: Row) -> Delivery:
    return Delivery(
        export_id=row["export_id"],
        destination=row["destination"],
        job_id=row["job_id"],
        status=row["status"],
        size=row["size"],
        sha256=bytes(row["digest"]).hex(),
        bytes=row["bytes"],
        attempts=row["attempts"],
        location=row["location"],
        error=row["error"],
        created_at=row["created_at"],
        delivered_at=row["delivered_at"],
        due_at=row.get("due_at"),
    )
