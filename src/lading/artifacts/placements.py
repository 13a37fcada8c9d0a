"""
Files on their way to the bucket, in the database: whose they are, and how far their uploads came.

A row is there before the first byte leaves and goes in the transaction that publishes the file, or when the job that
brings it has ended otherwise.  While it is there nobody takes the file away, and a later attempt of the job goes on
under the same name.  Takes `tx`, never commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from lading.artifacts import registry
from lading.artifacts.carrying import Part, Upload
from lading.artifacts.registry import Maker
from lading.db.statements import Statements
from lading.db.transaction import Transaction
from lading.errors import StorageFailed

_SQL: Final = Statements("lading.artifacts")


async def claim(tx: Transaction, sha256: str, maker: Maker) -> str:
    """Return the name under which the job brings that content: that of an earlier attempt if there was one."""
    row = await tx.one(
        _SQL["placement_claim"],
        tenant_id=tx.tenant,
        blob_key=registry.key_of(tx.tenant, sha256, maker, is_away=True),
        job_id=maker.job_id,
        digest=bytes.fromhex(sha256),
    )
    return str(row["blob_key"])


async def upload(tx: Transaction, blob_key: str, name: str) -> Upload | None:
    """Return the upload of the file `blob_key`, called `name` there, that an earlier attempt left."""
    row = await tx.maybe(_SQL["placement_find"], tenant_id=tx.tenant, blob_key=blob_key)
    if row is None:
        return None
    parts = await tx.all(_SQL["placement_parts"], tenant_id=tx.tenant, blob_key=blob_key)
    known = {
        each["number"]: Part(each["number"], each["size"], bytes(each["digest"]).hex(), each["etag"]) for each in parts
    }
    return Upload(name, row["upload_id"], bytes(row["digest"]).hex(), row["part_bytes"], known)


async def begin(tx: Transaction, blob_key: str, part_bytes: int) -> None:
    """Remember that an upload is about to be begun, instead of any other."""
    await _set(tx, blob_key, part_bytes)


async def began(tx: Transaction, blob_key: str, upload_id: str) -> None:
    """Remember the id that the bucket gave it."""
    row = await tx.maybe(_SQL["placement_began"], tenant_id=tx.tenant, blob_key=blob_key, upload_id=upload_id)
    _require(row, blob_key)


async def put_part(tx: Transaction, blob_key: str, part: Part) -> None:
    """Remember a part that the bucket has."""
    await tx.run(
        _SQL["placement_put_part"],
        tenant_id=tx.tenant,
        blob_key=blob_key,
        number=part.number,
        size=part.size,
        digest=bytes.fromhex(part.sha256),
        etag=part.etag,
    )


async def drop(tx: Transaction, blob_key: str) -> None:
    """Forget the upload: it is whole, or gone; the file stays claimed."""
    await _set(tx, blob_key, None)


async def settle(tx: Transaction, job_id: UUID, blob_keys: Sequence[str]) -> None:
    """Let go of files that this transaction publishes; StorageFailed when one was given up meanwhile."""
    rows = await tx.all(_SQL["placement_settle"], tenant_id=tx.tenant, job_id=job_id, blob_keys=sorted(set(blob_keys)))
    if lacking := set(blob_keys) - {row["blob_key"] for row in rows}:
        _require(None, min(lacking))


async def abandon(tx: Transaction) -> list[tuple[str, str | None]]:
    """Give up the files of jobs that have ended; return their names with the ids of uploads that may be open."""
    rows = await tx.all(_SQL["placement_abandon"], tenant_id=tx.tenant)
    return [(row["blob_key"], row["upload_id"]) for row in rows]


async def owners(tx: Transaction) -> list[UUID]:
    """Return the tenants that bring files; in a system transaction."""
    return [row["tenant_id"] for row in await tx.all(_SQL["placement_owners"])]


async def _set(tx: Transaction, blob_key: str, part_bytes: int | None) -> None:
    await tx.run(_SQL["placement_drop_parts"], tenant_id=tx.tenant, blob_key=blob_key)
    row = await tx.maybe(
        _SQL["placement_upload"], tenant_id=tx.tenant, blob_key=blob_key, part_bytes=part_bytes, upload_id=None
    )
    _require(row, blob_key)


def _require(row: object, blob_key: str) -> None:
    if row is None:
        raise StorageFailed(f"{blob_key} was given up while it was brought to the bucket; it is brought again.")
