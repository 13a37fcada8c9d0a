"""
The registry of stored files: one object per tenant and content, where it lies, and who may take it away when.

A file lies under its digest, in a name that is used once: the name holds job and attempt, which never come again.  It
is there before the row that points at it (`hold`, in the transaction that publishes) and goes in three steps, each
harmless if it is the last one taken: tombstone the row, delete the file, delete the row.  Who publishes tombstoned
content gives the row a file of his own, so that nobody waits and a deletion that comes late hits nothing that counts.
Takes `tx`, never commits; `collector` takes the steps.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from lading.canonical import Json
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.ledger.entry import Actor, Entry
from lading.ledger.store import record

_SQL: Final = Statements("lading.artifacts")
ROOT: Final = "objects"
_AWAY: Final = "bucket"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_NAME: Final = re.compile(r"[0-9a-f]{62}\.([0-9a-f]{32})-(\d{1,9})")


@dataclass(frozen=True, slots=True)
class StoredObject:
    """The bytes of a digest and where they lie; `state` is live or tombstoned."""

    sha256: str
    size: int
    blob_key: str
    state: str
    created_at: datetime
    tombstoned_at: datetime | None


@dataclass(frozen=True, slots=True)
class Maker:
    """Who makes a file: the attempt of a job under a lease, and the source of the rows."""

    job_id: UUID
    lease_id: UUID | None
    attempt: int
    source: str | None


def folder_of(tenant_id: UUID) -> str:
    """Return the key below which the files of a tenant lie."""
    return f"{ROOT}/{tenant_id}"


def key_of(tenant_id: UUID, sha256: str, maker: Maker, *, is_away: bool = False) -> str:
    """
    Return the name under which `maker` stores that content, on disk or `is_away`, in the bucket.

    >>> key_of(UUID(int=1), "ab" * 32, Maker(UUID(int=2), None, 3, None))[:50]
    'objects/00000000-0000-0000-0000-000000000001/ab/ab'
    >>> key_of(UUID(int=1), "ab" * 32, Maker(UUID(int=2), None, 3, None), is_away=True)[:56]
    'objects/00000000-0000-0000-0000-000000000001/bucket/ab/a'
    """
    folder = away_folder_of(tenant_id) if is_away else folder_of(tenant_id)
    return f"{folder}/{sha256[:2]}/{sha256[2:]}.{maker.job_id.hex}-{maker.attempt}"


def away_folder_of(tenant_id: UUID) -> str:
    """Return what the names of a tenant's files in the bucket begin with."""
    return f"{folder_of(tenant_id)}/{_AWAY}"


def is_away(key: str) -> bool:
    """
    Tell whether the file of that name lies in the bucket: the name alone says so, whichever process reads it.

    >>> is_away("objects/1/bucket/ab/cd"), is_away("objects/1/ab/cd"), is_away("exports/1/bucket/x")
    (True, False, False)
    """
    parts = key.split("/", 3)
    return len(parts) == 4 and parts[0] == ROOT and parts[2] == _AWAY


def attempt_of(key: str) -> tuple[UUID, int] | None:
    """
    Return job and attempt that stored the file `key`, None if it is no name of ours.

    >>> attempt_of(key_of(UUID(int=1), "ab" * 32, Maker(UUID(int=2), None, 3, None)))
    (UUID('00000000-0000-0000-0000-000000000002'), 3)
    """
    found = _NAME.fullmatch(key.rpartition("/")[2])
    return None if found is None else (UUID(hex=found[1]), int(found[2]))


def subject_of(sha256: str) -> str:
    """Return what the ledger calls that content."""
    return f"artifact:{sha256}"


def is_digest(text: str) -> bool:
    """Tell whether `text` is a SHA-256 in lower-case hex."""
    return _DIGEST.fullmatch(text) is not None


async def find(tx: Transaction, digests: Sequence[str]) -> dict[str, StoredObject]:
    """Return the objects of those digests that there are."""
    rows = await tx.all(_SQL["find_objects"], tenant_id=tx.tenant, digests=[bytes.fromhex(each) for each in digests])
    return {found.sha256: found for found in map(_object, rows)}


async def hold(tx: Transaction, *, sha256: str, size: int, blob_key: str, damaged_key: str | None) -> str:
    """
    Make the content live and locked until the end of the transaction; return the key of its file.

    The file at `blob_key` must be there already.  `damaged_key` is a file that the caller found missing or damaged.
    """
    row = await tx.one(
        _SQL["hold_object"],
        tenant_id=tx.tenant,
        digest=bytes.fromhex(sha256),
        size=size,
        blob_key=blob_key,
        damaged_key=damaged_key,
    )
    return str(row["blob_key"])


async def borrow(tx: Transaction, *, sha256: str, blob_key: str) -> bool:
    """Lock content that is there already until the transaction ends; False when it is not live there any more."""
    row = await tx.maybe(_SQL["borrow_object"], tenant_id=tx.tenant, digest=bytes.fromhex(sha256), blob_key=blob_key)
    return row is not None


async def lock_unreferenced(
    tx: Transaction, *, grace_seconds: float, limit: int, digests: Sequence[str] | None = None
) -> list[bytes]:
    """Lock up to `limit` objects older than the grace that no artifact points at, of all or of `digests`."""
    wanted = None if digests is None else [bytes.fromhex(each) for each in digests]
    rows = await tx.all(
        _SQL["lock_unreferenced"], tenant_id=tx.tenant, grace_seconds=grace_seconds, digests=wanted, limit=limit
    )
    return [bytes(row["digest"]) for row in rows]


async def tombstone(
    tx: Transaction, locked: Sequence[bytes], *, actor: Actor, grounds: Mapping[str, Json] | None = None
) -> int:
    """Tombstone what `lock_unreferenced` locked, but for what is pointed at by now; return how many."""
    rows = await tx.all(_SQL["tombstone"], tenant_id=tx.tenant, digests=list(locked))
    told = [
        _entry("artifact.tombstoned", bytes(row["digest"]).hex(), row["size"], actor, grounds or {}) for row in rows
    ]
    await record(tx, *told)
    return len(rows)


async def tombstoned(tx: Transaction, *, after: str, limit: int) -> list[StoredObject]:
    """Return up to `limit` tombstoned objects with a digest above `after`, whoever tombstoned them."""
    rows = await tx.all(_SQL["tombstoned"], tenant_id=tx.tenant, after=bytes.fromhex(after), limit=limit)
    return [_object(row) for row in rows]


async def forget(tx: Transaction, gone: StoredObject, *, actor: Actor) -> bool:
    """Delete the row of a tombstoned object whose file is gone; False when it was forgotten or published again."""
    touched = await tx.run(
        _SQL["forget_object"], tenant_id=tx.tenant, digest=bytes.fromhex(gone.sha256), blob_key=gone.blob_key
    )
    if touched:
        await record(tx, _entry("artifact.collected", gone.sha256, gone.size, actor, {}))
    return bool(touched)


async def collectable(tx: Transaction, *, grace_seconds: float) -> tuple[int, int]:
    """Return how many objects a collection would take now, and their bytes."""
    row = await tx.one(_SQL["collectable"], tenant_id=tx.tenant, grace_seconds=grace_seconds)
    return int(row["objects"]), int(row["bytes"])


async def owners(tx: Transaction) -> list[UUID]:
    """Return the tenants that have objects; in a system transaction."""
    return [row["tenant_id"] for row in await tx.all(_SQL["owners"])]


def _entry(event: str, sha256: str, size: int, actor: Actor, more: Mapping[str, Json]) -> Entry:
    return Entry(event, subject_of(sha256), actor, {"digest": sha256, "size": size, **more})


def _object(row: Row) -> StoredObject:
    return StoredObject(
        bytes(row["digest"]).hex(), row["size"], row["blob_key"], row["state"], row["created_at"], row["tombstoned_at"]
    )
