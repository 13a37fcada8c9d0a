"""
Bring the files of a sealed export to their place before the transaction that publishes them.

On disk a file gets a second name under its digest, so its bytes are stored once and a retry still finds the first one.
Content that is there already is read again: where it is missing or damaged, the new file takes its place.  To a bucket
a file is brought in parts that an attempt after a kill need not send again; what is there already is not brought.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

from lading import failpoints
from lading.artifacts import placements, registry
from lading.artifacts.blobs import BlobStore
from lading.artifacts.carrying import Parcel, Part, Upload
from lading.artifacts.registry import Maker, StoredObject
from lading.db.database import Database
from lading.db.transaction import Transaction
from lading.exports.journals import FencedJournal
from lading.exports.model import NewArtifact, Sealed
from lading.exports.threads import in_thread
from lading.jobs import attempts
from lading.jobs.model import Fence

if TYPE_CHECKING:
    from lading.artifacts.bucket import Bucket


async def place(database: Database, blobs: BlobStore, tenant_id: UUID, sealed: Sealed, maker: Maker) -> Sealed:
    """Return `sealed` with its files under their digests, durable; doing it again changes nothing."""
    async with database.tenant(tenant_id) as tx:
        known = await registry.find(tx, [artifact.sha256 for artifact in sealed.artifacts])
    bucket, placed = blobs.publishes_to, list[NewArtifact]()
    for artifact in sealed.artifacts:
        there = known.get(artifact.sha256)
        if bucket is None:
            placed.append(await asyncio.to_thread(_link, blobs, tenant_id, artifact, maker, there))
        elif there is not None and there.state == "live" and await asyncio.to_thread(_is_whole, blobs, there):
            placed.append(replace(artifact, blob_key=there.blob_key, is_borrowed=True))
        else:
            fence = Fence(tenant_id, maker.job_id, UUID(str(maker.lease_id)), maker.attempt)
            damaged = None if there is None or there.state != "live" else there.blob_key
            path = blobs.path(artifact.blob_key)
            key = await _bring(database, bucket, path, artifact, fence, maker)
            placed.append(replace(artifact, blob_key=key, damaged_key=damaged))
    return replace(sealed, artifacts=placed)


async def settle(tx: Transaction, job_id: UUID, artifacts: Sequence[NewArtifact]) -> None:
    """Let go of what was brought to the bucket, in the transaction that publishes it."""
    brought = [each.blob_key for each in artifacts if registry.is_away(each.blob_key) and not each.is_borrowed]
    if brought:
        await placements.settle(tx, job_id, brought)


def _link(
    blobs: BlobStore, tenant_id: UUID, artifact: NewArtifact, maker: Maker, known: StoredObject | None
) -> NewArtifact:
    key = registry.key_of(tenant_id, artifact.sha256, maker)
    blobs.link(artifact.blob_key, key)
    damaged = None if known is None or _is_whole(blobs, known) else known.blob_key
    return replace(artifact, blob_key=key, damaged_key=damaged)


def _is_whole(blobs: BlobStore, known: StoredObject) -> bool:
    return blobs.seems_whole(known.blob_key, size=known.size, sha256=known.sha256)


async def _bring(  # noqa: PLR0917 - what is brought where, and for whom
    database: Database, bucket: Bucket, path: Path, artifact: NewArtifact, fence: Fence, maker: Maker
) -> str:
    """Return the key under which the bucket has the file at `path`; an upload of an earlier attempt goes on."""
    async with database.tenant(fence.tenant_id) as tx:
        await attempts.guard(tx, fence)
        key = await placements.claim(tx, artifact.sha256, maker)
    failpoints.reach("artifacts.claimed")
    parcel = Parcel(
        path=path,
        size=artifact.size,
        sha256=artifact.sha256,
        name=key,
        media_type=artifact.media_type,
        overwrite=False,
        token="",
        stamp="",
        id=key,
    )
    journal = _Journal(database, fence, key, bucket.name_of(key))
    await in_thread(lambda advance: bucket.bring(parcel, journal, lambda done: advance(done, parcel.size)))
    failpoints.reach("artifacts.brought")
    return key


class _Journal(FencedJournal):
    """The journal of one file on its way to the bucket (carrying.Journal)."""

    def __init__(self, database: Database, fence: Fence, key: str, name: str) -> None:
        super().__init__(database, fence)
        self._key: Final = key
        self._name: Final = name

    def upload(self) -> Upload | None:
        """Return the upload that an earlier attempt left."""
        return self.do(lambda tx: placements.upload(tx, self._key, self._name))

    def begin(self, name: str, sha256: str, part_bytes: int) -> None:  # noqa: ARG002 - the row has both
        """Remember that an upload is about to be begun, instead of any other."""
        self.do(lambda tx: placements.begin(tx, self._key, part_bytes))
        failpoints.reach("artifacts.upload_named")

    def began(self, upload_id: str) -> None:
        """Remember the id that the bucket gave it."""
        failpoints.reach("artifacts.upload_begun")
        self.do(lambda tx: placements.began(tx, self._key, upload_id))

    def put(self, part: Part) -> None:
        """Remember a part that the bucket has."""
        self.do(lambda tx: placements.put_part(tx, self._key, part))
        failpoints.reach("artifacts.part_known")

    def drop(self) -> None:
        """Forget the upload."""
        self.do(lambda tx: placements.drop(tx, self._key))
