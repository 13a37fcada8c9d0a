"""
Take away the objects that nothing points at: tombstone, delete the file, forget the row.

Each step is durable before the next begins, none needs the one that began it: whatever a crash leaves is tombstoned,
and the next sweep goes on with it.  Sweeps don't wait for publishers or for one another.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from lading import failpoints
from lading.artifacts import registry
from lading.artifacts.blobs import BlobStore
from lading.artifacts.registry import StoredObject
from lading.canonical import Json
from lading.db.database import Database
from lading.errors import StorageFailed
from lading.ledger.entry import Actor

_LOG: Final = logging.getLogger("lading.artifacts")
_BATCH: Final = 100


@dataclass(frozen=True, slots=True)
class Collected:
    """What a collection did: rows tombstoned, objects gone, their bytes."""

    tombstoned: int = 0
    objects: int = 0
    bytes: int = 0


async def collect(
    database: Database,
    blobs: BlobStore,
    tenant_id: UUID,
    *,
    grace_seconds: float,
    actor: Actor,
    digests: Sequence[str] | None = None,
    grounds: Mapping[str, Json] | None = None,
) -> Collected:
    """Take away what nothing points at and is older than the grace, of all or of `digests`; return what went."""
    marked, full = 0, True
    while full:
        async with database.tenant(tenant_id) as tx:
            locked = await registry.lock_unreferenced(tx, grace_seconds=grace_seconds, limit=_BATCH, digests=digests)
            marked += await registry.tombstone(tx, locked, actor=actor, grounds=grounds)
        full = len(locked) == _BATCH
    failpoints.reach("artifacts.tombstoned")
    gone = [
        each async for each in _doomed(database, tenant_id) if await _remove(database, blobs, tenant_id, each, actor)
    ]
    return Collected(marked, len(gone), sum(each.size for each in gone))


async def _doomed(database: Database, tenant_id: UUID) -> AsyncIterator[StoredObject]:
    """Yield what is tombstoned, whoever did that."""
    after, full = "", True
    while full:
        async with database.tenant(tenant_id) as tx:
            found = await registry.tombstoned(tx, after=after, limit=_BATCH)
        for each in found:
            yield each
        full = len(found) == _BATCH
        after = found[-1].sha256 if found else after


async def _remove(database: Database, blobs: BlobStore, tenant_id: UUID, doomed: StoredObject, actor: Actor) -> bool:
    """Delete the file, then the row; False when another was faster, or when the file can't be deleted now."""
    if not await asyncio.to_thread(delete, blobs, doomed):
        return False
    failpoints.reach("artifacts.deleted")
    async with database.tenant(tenant_id) as tx:
        return await registry.forget(tx, doomed, actor=actor)


def delete(blobs: BlobStore, doomed: StoredObject) -> bool:
    """Delete the file of a tombstoned object, which is harmless however late; False when the disk refuses."""
    try:
        blobs.delete(doomed.blob_key)
    except StorageFailed as error:
        _LOG.warning("artifact.not_deleted", extra={"digest": doomed.sha256, "reason": error.message})
        return False
    return True
