"""
Bring the files of a sealed export to their place before the transaction that publishes them.

A file gets a second name under its digest, so its bytes are stored once and a retry still finds the first one.  Content
that is there already is read again: where it is missing or damaged, the new file takes its place.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID

from lading.artifacts import registry
from lading.artifacts.blobs import BlobStore
from lading.artifacts.registry import Maker, StoredObject
from lading.db.database import Database
from lading.exports.model import NewArtifact, Sealed


async def place(database: Database, blobs: BlobStore, tenant_id: UUID, sealed: Sealed, maker: Maker) -> Sealed:
    """Return `sealed` with its files under their digests, durable; doing it again changes nothing."""
    async with database.tenant(tenant_id) as tx:
        known = await registry.find(tx, [artifact.sha256 for artifact in sealed.artifacts])
    placed = [
        await asyncio.to_thread(_place, blobs, tenant_id, artifact, maker, known.get(artifact.sha256))
        for artifact in sealed.artifacts
    ]
    return replace(sealed, artifacts=placed)


def _place(
    blobs: BlobStore, tenant_id: UUID, artifact: NewArtifact, maker: Maker, known: StoredObject | None
) -> NewArtifact:
    key = registry.key_of(tenant_id, artifact.sha256, maker)
    blobs.link(artifact.blob_key, key)
    damaged = None
    if known is not None and not blobs.is_whole(known.blob_key, size=known.size, sha256=known.sha256):
        damaged = known.blob_key
    return replace(artifact, blob_key=key, damaged_key=damaged)
