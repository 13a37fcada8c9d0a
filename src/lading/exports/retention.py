"""
Retention: files go when their time is over or their export is; the record and the ledger stay.

The database decides first (the tombstone is committed), files are removed after it; what a crash leaves between the two
is found by the next round, which compares the folders with what is published.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Final
from uuid import UUID

from lading.artifacts.blobs import BlobStore
from lading.db.database import Database
from lading.exports import store
from lading.exports.service import blob_prefix
from lading.ledger.entry import Actor
from lading.tenants import store as tenants

_ACTOR: Final = Actor("system", "retention")
_TEMPORARY_SECONDS: Final = 24 * 3600.0


async def expire(database: Database, blobs: BlobStore) -> int:
    """Expire every completed export whose retention is over; return how many."""
    count = 0
    for tenant_id in await _tenants(database):
        async with database.tenant(tenant_id) as tx:
            due = await store.expired(tx)
            for export_id in due:
                await store.expire(tx, export_id, actor=_ACTOR)
        for export_id in due:
            await asyncio.to_thread(blobs.delete_prefix, blob_prefix(tenant_id, export_id))
        count += len(due)
    return count


async def collect(database: Database, blobs: BlobStore) -> int:
    """Remove the working files of exports that are over, and what crashed writers left; return how many folders."""
    removed = 0
    for tenant_id in await _tenants(database):
        folders = await asyncio.to_thread(_folders, blobs.root / "exports" / str(tenant_id))
        if not folders:
            continue
        async with database.tenant(tenant_id) as tx:
            over = await store.settled(tx, list(folders))
            published = await store.artifacts(tx, list(over))
        for export_id in over:
            keep = {blobs.path(item.blob_key) for item in published[export_id]}
            removed += await asyncio.to_thread(_remove_all_but, folders[export_id], keep)
    await asyncio.to_thread(blobs.clear_temporary, older_than_seconds=_TEMPORARY_SECONDS)
    return removed


async def _tenants(database: Database) -> list[UUID]:
    async with database.system() as tx:
        return [tenant.id for tenant in await tenants.list_tenants(tx)]


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
