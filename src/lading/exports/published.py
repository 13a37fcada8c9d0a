"""
Published files over all exports: put, drop, find, list, and where their bytes lie.

An artifact is a name in an export; its bytes are the object of its digest (`artifacts.registry`), which other exports
may share.  What was published before there were objects has a file of its own below its export's folder, and keeps it
until its export goes; nothing is moved.  Takes `tx`, never commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from psycopg.types.json import Jsonb

from lading import ids
from lading.artifacts import registry
from lading.artifacts.registry import Maker
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.errors import StorageFailed
from lading.exports.model import NewArtifact, Published, StoredArtifact
from lading.ledger.entry import Actor, Entry
from lading.ledger.store import record

_SQL: Final = Statements("lading.exports")


@dataclass(frozen=True, slots=True)
class PublishedFilter:
    """What a list shows; None means everything. `created_to` is not included."""

    digest: str | None = None
    export_id: UUID | None = None
    media_type: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """Published content and the files that hold it: one, or more where older exports have one each."""

    sha256: str
    size: int
    blob_keys: Sequence[str]


async def put(tx: Transaction, export_id: UUID, artifact: NewArtifact, *, actor: Actor, maker: Maker) -> None:
    """Publish one file, which is in its place already; StorageFailed when what it borrows is not there any more."""
    if not artifact.is_borrowed:
        await registry.hold(
            tx,
            sha256=artifact.sha256,
            size=artifact.size,
            blob_key=artifact.blob_key,
            damaged_key=artifact.damaged_key,
        )
    elif not await registry.borrow(tx, sha256=artifact.sha256, blob_key=artifact.blob_key):
        raise StorageFailed(f"{artifact.name} was collected while it was published once more; it is tried again.")
    await tx.run(
        _SQL["put_artifact"],
        tenant_id=tx.tenant,
        export_id=export_id,
        name=artifact.name,
        media_type=artifact.media_type,
        size=artifact.size,
        digest=bytes.fromhex(artifact.sha256),
        attempt=maker.attempt,
        job_id=maker.job_id,
        lease_id=maker.lease_id,
        source=maker.source,
        inputs=Jsonb([dict(each) for each in artifact.inputs]),
    )
    data = {
        "digest": artifact.sha256,
        "size": artifact.size,
        "media": artifact.media_type,
        "export": ids.show(ids.EXPORT, export_id),
        "job": ids.show(ids.JOB, maker.job_id),
        "attempt": maker.attempt,
        # What is in a package its manifest tells; what it was made from, nobody else will once the row is gone.
        "inputs": [dict(each) for each in artifact.inputs if each["kind"] != "file"],
    }
    await record(tx, Entry("artifact.published", registry.subject_of(artifact.sha256), actor, data))


async def drop(tx: Transaction, export_id: UUID) -> list[str]:
    """Unpublish the files of an export and return their digests."""
    rows = await tx.all(_SQL["drop_artifacts"], tenant_id=tx.tenant, export_id=export_id)
    return sorted({bytes(row["digest"]).hex() for row in rows})


async def of_exports(tx: Transaction, export_ids: Sequence[UUID]) -> dict[UUID, list[StoredArtifact]]:
    """Return the published files of each export, the package first."""
    found: dict[UUID, list[StoredArtifact]] = {export_id: [] for export_id in export_ids}
    for row in await tx.all(_SQL["artifacts"], tenant_id=tx.tenant, export_ids=list(export_ids)):
        found[row["export_id"]].append(
            StoredArtifact(
                row["name"], row["blob_key"], row["media_type"], row["size"], bytes(row["digest"]).hex(), row["attempt"]
            )
        )
    return found


async def own_files(tx: Transaction, export_ids: Sequence[UUID]) -> list[str]:
    """Return the published files that lie below the folders of these exports."""
    rows = await tx.all(_SQL["own_files"], tenant_id=tx.tenant, export_ids=list(export_ids))
    return [row["blob_key"] for row in rows]


async def unclaimed(tx: Transaction, blob_keys: Sequence[str]) -> list[str]:
    """Return those files below the tenant's objects that no object has and nobody can publish any more."""
    makers = [registry.attempt_of(key) for key in blob_keys]
    rows = await tx.all(
        _SQL["unclaimed_files"],
        tenant_id=tx.tenant,
        blob_keys=list(blob_keys),
        job_ids=[None if each is None else each[0] for each in makers],
        attempts=[None if each is None else each[1] for each in makers],
    )
    return [row["blob_key"] for row in rows]


async def made_here(tx: Transaction, blob_keys: Sequence[str]) -> list[str]:
    """Return those files that jobs of this database made; others are of another copy of it that has the same bucket."""
    makers = {key: found[0] for key in blob_keys if (found := registry.attempt_of(key)) is not None}
    rows = await tx.all(
        _SQL["made_here"],
        tenant_id=tx.tenant,
        blob_keys=list(makers),
        job_ids=list(makers.values()),
        begun=[ids.seconds_of(each) for each in makers.values()],
    )
    return [row["blob_key"] for row in rows]


async def page(
    tx: Transaction, wanted: PublishedFilter, *, before: tuple[UUID, str] | None, limit: int
) -> list[Published]:
    """Return up to `limit` published files that come after the export and name `before`, newest export first."""
    rows = await tx.all(
        _SQL["published_list"],
        tenant_id=tx.tenant,
        digest=None if wanted.digest is None else bytes.fromhex(wanted.digest),
        export_id=wanted.export_id,
        media_type=wanted.media_type,
        created_from=wanted.created_from,
        created_to=wanted.created_to,
        before_export=None if before is None else before[0],
        before_name=None if before is None else before[1],
        limit=limit,
    )
    return [_published(row) for row in rows]


async def kept(tx: Transaction, *, after: str, limit: int) -> list[Kept]:
    """Return up to `limit` published contents with a digest above `after`, in order."""
    rows = await tx.all(_SQL["published_files"], tenant_id=tx.tenant, after=bytes.fromhex(after), limit=limit)
    return [Kept(bytes(row["digest"]).hex(), row["size"], row["blob_keys"]) for row in rows]


def _published(row: Row) -> Published:
    return Published(
        export_id=row["export_id"],
        name=row["name"],
        media_type=row["media_type"],
        size=row["size"],
        sha256=bytes(row["digest"]).hex(),
        attempt=row["attempt"],
        job_id=row["job_id"],
        lease_id=row["lease_id"],
        source=row["source"],
        inputs=row["inputs"],
        profile=row["profile"],
        revision=row["revision"] or 0,
        profile_digest=bytes(row["profile_digest"] or b"").hex(),
        downloads=row["download_count"],
        created_at=row["created_at"],
    )
