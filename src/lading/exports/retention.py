"""
Retention: files go when their time is over or their export is; the record and the ledger stay.

What is held, downloaded, delivered or read stays however old it is (`keeping`).

The database decides first (the tombstone is committed), files are removed after it; what a crash leaves between the two
is found by the next round, which compares the folders with what is published.  An upload about to be committed is
safe: its attempt is running, and the name of its file holds the attempt.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

from lading import failpoints
from lading.artifacts import collector, placements, registry
from lading.artifacts.blobs import BlobStore
from lading.artifacts.collector import Collected
from lading.canonical import Json
from lading.db.database import Database
from lading.errors import StorageFailed
from lading.exports import handouts, holds, keeping, part_store, published, store
from lading.exports.service import blob_prefix
from lading.ledger.entry import Actor
from lading.tenants import store as tenants

if TYPE_CHECKING:
    from lading.artifacts.bucket import Bucket

_LOG: Final = logging.getLogger("lading.artifacts")
_ACTOR: Final = Actor("system", "retention")
_TEMPORARY_SECONDS: Final = 24 * 3600.0
_BATCH: Final = 1000
_DUE: Final = 100


@dataclass(frozen=True, slots=True)
class Due:
    """What a collection would take now: objects and their bytes, and files that no row knows."""

    objects: int
    bytes: int
    files: int


async def expire(database: Database, blobs: BlobStore) -> int:
    """Expire every completed export whose retention is over and that nothing keeps; return how many."""
    count = 0
    for tenant_id in await _tenants(database):
        async with database.tenant(tenant_id) as tx:
            await handouts.lapse(tx, actor=_ACTOR)
        async for due in _due(database, tenant_id):
            count += await _expire_some(database, blobs, tenant_id, due)
    return count


async def _expire_some(database: Database, blobs: BlobStore, tenant_id: UUID, due: Sequence[UUID]) -> int:
    """Expire each in a transaction of its own, so that one that can't be holds up no other; then remove the files."""
    dropped: set[str] = set()
    count = 0
    for export_id in due:
        async with database.tenant(tenant_id) as tx:
            await holds.settle(tx)
            if not await store.lock_due(tx, export_id) or await keeping.of(tx, export_id):
                continue
            dropped.update(await store.expire(tx, export_id, actor=_ACTOR))
            await part_store.drop(tx, [export_id])
        failpoints.reach("retention.expired")
        await asyncio.to_thread(blobs.delete_prefix, blob_prefix(tenant_id, export_id))
        failpoints.reach("retention.cleared")
        count += 1
    if dropped:
        await collector.collect(database, blobs, tenant_id, grace_seconds=0.0, actor=_ACTOR, digests=sorted(dropped))
    return count


async def _due(database: Database, tenant_id: UUID) -> AsyncIterator[list[UUID]]:
    """Yield the exports whose retention is over, each once, whatever becomes of them."""
    after: tuple[datetime, UUID] | None = None
    full = True
    while full:
        async with database.tenant(tenant_id) as tx:
            found = await store.expired(tx, after=after, limit=_DUE)
        yield [export_id for _, export_id in found]
        full = len(found) == _DUE
        after = found[-1] if found else after


async def collect(database: Database, blobs: BlobStore, *, grace_seconds: float) -> int:
    """
    Remove what nothing needs any more; return how many working folders went.

    That is the working files of exports that are over, what crashed writers left, objects that no artifact points at
    and their files.
    """
    removed = 0
    for tenant_id in await _tenants(database):
        removed += await _clear_working(database, blobs, tenant_id)
    async with database.system() as tx:
        owners = await registry.owners(tx)
    for tenant_id in owners:
        await collector.collect(database, blobs, tenant_id, grace_seconds=grace_seconds, actor=_ACTOR)
    await _clear_given_up(database, blobs)
    for tenant_id in await asyncio.to_thread(_folders, blobs.path(registry.ROOT)):
        await clear_unclaimed(database, blobs, tenant_id, grace_seconds=grace_seconds)
    await asyncio.to_thread(blobs.clear_temporary, older_than_seconds=_TEMPORARY_SECONDS)
    return removed


async def collect_away(database: Database, blobs: BlobStore, *, grace_seconds: float) -> int:
    """Delete what nothing needs of every tenant in the bucket; return how many files. Lists the whole bucket."""
    if blobs.bucket is None:
        return 0
    tenants = frozenset(await _tenants(database))
    return await _clear_away(database, blobs.bucket, registry.ROOT, tenants, grace_seconds=grace_seconds)


async def _clear_away(
    database: Database, bucket: Bucket, folder: str, tenants: AbstractSet[UUID], *, grace_seconds: float
) -> int:
    """Delete files below `folder` in the bucket that nobody needs, and abort uploads that nobody goes on with."""
    removed = 0
    async for keys in _unclaimed_away(database, bucket, folder, tenants, grace_seconds=grace_seconds):
        for key in keys:
            await asyncio.to_thread(bucket.delete, key)
        removed += len(keys)
    begun = dict(await asyncio.to_thread(bucket.uploads, folder, older_than_seconds=grace_seconds))
    async for keys in _of_nobody_away(database, tenants, list(begun)):
        for key in keys:
            await asyncio.to_thread(bucket.abort, key, begun[key])
    return removed


async def _clear_given_up(database: Database, blobs: BlobStore) -> None:
    """Remove what jobs that have ended otherwise were bringing to the bucket."""
    bucket = blobs.bucket
    if bucket is None:
        return
    async with database.system() as tx:
        owners = await placements.owners(tx)
    for tenant_id in owners:
        async with database.tenant(tenant_id) as tx:
            given_up = await placements.abandon(tx)
        failpoints.reach("artifacts.given_up")
        for key, upload_id in given_up:
            try:
                await asyncio.to_thread(bucket.forget, key, upload_id)
            except StorageFailed as error:  # it has no row any more: who lists the bucket finds it
                _LOG.warning("artifact.not_deleted", extra={"digest": key, "reason": error.message})


async def clear_unclaimed(database: Database, blobs: BlobStore, tenant_id: UUID, *, grace_seconds: float) -> int:
    """Delete the tenant's files below `objects` that no row knows and no attempt can publish; return how many."""
    removed = 0
    async for keys in _unclaimed(database, blobs, tenant_id, grace_seconds):
        for key in keys:
            await asyncio.to_thread(blobs.delete, key)
        removed += len(keys)
    return removed


async def collectable(database: Database, blobs: BlobStore, tenant_id: UUID, *, grace_seconds: float) -> Due:
    """Return what a collection would take now, and take nothing."""
    async with database.tenant(tenant_id) as tx:
        objects, size = await registry.collectable(tx, grace_seconds=grace_seconds)
    files = 0
    async for keys in _unclaimed(database, blobs, tenant_id, grace_seconds):
        files += len(keys)
    if blobs.bucket is not None:
        folder, own = registry.away_folder_of(tenant_id), {tenant_id}
        async for keys in _unclaimed_away(database, blobs.bucket, folder, own, grace_seconds=grace_seconds):
            files += len(keys)
    return Due(objects, size, files)


async def collect_tenant(
    database: Database,
    blobs: BlobStore,
    tenant_id: UUID,
    *,
    grace_seconds: float,
    actor: Actor,
    grounds: Mapping[str, Json],
) -> tuple[Collected, int]:
    """Do now for one tenant what the sweep does for all; return what went, and how many files that no row knew."""
    gone = await collector.collect(
        database, blobs, tenant_id, grace_seconds=grace_seconds, actor=actor, grounds=grounds
    )
    files = await clear_unclaimed(database, blobs, tenant_id, grace_seconds=grace_seconds)
    if blobs.bucket is not None:
        folder, own = registry.away_folder_of(tenant_id), {tenant_id}
        files += await _clear_away(database, blobs.bucket, folder, own, grace_seconds=grace_seconds)
    return gone, files


async def _unclaimed(
    database: Database, blobs: BlobStore, tenant_id: UUID, grace_seconds: float
) -> AsyncIterator[list[str]]:
    folder = registry.folder_of(tenant_id)
    keys = await asyncio.to_thread(lambda: list(blobs.aged(folder, older_than_seconds=grace_seconds)))
    async for found in _of_nobody(database, tenant_id, keys):
        yield found


async def _unclaimed_away(
    database: Database, bucket: Bucket, folder: str, tenants: AbstractSet[UUID], *, grace_seconds: float
) -> AsyncIterator[list[str]]:
    aged = bucket.aged(folder, older_than_seconds=grace_seconds)
    while keys := await asyncio.to_thread(lambda: list(itertools.islice(aged, _BATCH))):
        async for found in _of_nobody_away(database, tenants, keys):
            yield found


async def _of_nobody_away(
    database: Database, tenants: AbstractSet[UUID], keys: Sequence[str]
) -> AsyncIterator[list[str]]:
    """Yield what nobody needs of each of `tenants`; what lies there of others, or of unknown jobs, is none of ours."""
    for owner, own in itertools.groupby(sorted(filter(registry.is_away, keys)), _tenant_of):
        if owner is not None and owner in tenants:
            async for found in _of_nobody(database, owner, list(own)):
                async with database.tenant(owner) as tx:
                    made = await published.made_here(tx, found)
                yield made


def _tenant_of(key: str) -> UUID | None:
    try:
        return UUID(key.split("/")[1])
    except ValueError:
        return None


async def _of_nobody(database: Database, tenant_id: UUID, keys: Sequence[str]) -> AsyncIterator[list[str]]:
    for first in range(0, len(keys), _BATCH):
        async with database.tenant(tenant_id) as tx:
            found = await published.unclaimed(tx, keys[first : first + _BATCH])
        yield found


async def _clear_working(database: Database, blobs: BlobStore, tenant_id: UUID) -> int:
    """Remove the working files of the tenant's exports that are over; return how many folders."""
    folders = await asyncio.to_thread(_folders, blobs.root / "exports" / str(tenant_id))
    if not folders:
        return 0
    removed = 0
    async with database.tenant(tenant_id) as tx:
        over = await store.settled(tx, list(folders))
        await part_store.drop(tx, list(over))
        keep = {blobs.path(key) for key in await published.own_files(tx, list(over))}
    for export_id in over:
        removed += await asyncio.to_thread(_remove_all_but, folders[export_id], keep)
    return removed


async def _tenants(database: Database) -> Sequence[UUID]:
    async with database.system() as tx:
        return await tenants.tenant_ids(tx)


def _folders(root: Path) -> dict[UUID, Path]:
    found: dict[UUID, Path] = {}
    if root.is_dir():
        for folder in root.iterdir():
            try:
                found[UUID(folder.name)] = folder
            except ValueError:
                continue  # nothing of ours
    return found


def _remove_all_but(folder: Path, keep: set[Path]) -> int:
    removed = 0
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            with contextlib.suppress(OSError):  # not empty, or the round of another worker was faster
                path.rmdir()
                removed += 1
        elif path not in keep:
            path.unlink(missing_ok=True)
    return removed
