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
from collections.abc import AsyncIterator, Mapping, Sequence
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
from lading.exports import handouts, holds, keeping, part_store, published, store
from lading.exports.service import blob_prefix
from lading.ledger.entry import Actor
from lading.tenants import store as tenants

if TYPE_CHECKING:
    from lading.artifacts.bucket import Bucket

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
    """Delete the files of every tenant in the bucket that nothing needs; return how many. Lists the whole bucket."""
    removed = 0
    if blobs.bucket is not None:
        for tenant_id in await _tenants(database):
            removed += await clear_unclaimed_away(database, blobs, tenant_id, grace_seconds=grace_seconds)
    return removed


async def clear_unclaimed_away(database: Database, blobs: BlobStore, tenant_id: UUID, *, grace_seconds: float) -> int:
    """Do what `clear_unclaimed` does in the bucket, and abort uploads that nobody goes on with."""
    bucket, removed = blobs.bucket, 0
    if bucket is None:
        return 0
    async for keys in _unclaimed_away(database, bucket, tenant_id, grace_seconds):
        for key in keys:
            await asyncio.to_thread(bucket.delete, key)
        removed += len(keys)
    folder = registry.away_folder_of(tenant_id)
    begun = await asyncio.to_thread(bucket.uploads, folder, older_than_seconds=grace_seconds)
    async with database.tenant(tenant_id) as tx:
        nobodys = set(await published.unclaimed(tx, [key for key, _ in begun]))
    for key, upload_id in begun:
        if key in nobodys:
            await asyncio.to_thread(bucket.abort, key, upload_id)
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
            await asyncio.to_thread(bucket.forget, key, upload_id)


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
        async for keys in _unclaimed_away(database, blobs.bucket, tenant_id, grace_seconds):
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
    return gone, files + await clear_unclaimed_away(database, blobs, tenant_id, grace_seconds=grace_seconds)


async def _unclaimed(
    database: Database, blobs: BlobStore, tenant_id: UUID, grace_seconds: float
) -> AsyncIterator[list[str]]:
    folder = registry.folder_of(tenant_id)
    keys = await asyncio.to_thread(lambda: list(blobs.aged(folder, older_than_seconds=grace_seconds)))
    async for found in _of_nobody(database, tenant_id, keys):
        yield found


async def _unclaimed_away(
    database: Database, bucket: Bucket, tenant_id: UUID, grace_seconds: float
) -> AsyncIterator[list[str]]:
    folder = registry.away_folder_of(tenant_id)
    aged = bucket.aged(folder, older_than_seconds=grace_seconds)
    while keys := await asyncio.to_thread(lambda: list(itertools.islice(aged, _BATCH))):
        async for found in _of_nobody(database, tenant_id, keys):
            yield found


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
