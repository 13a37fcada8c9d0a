"""
Look at stored files: whether each published content is there, with the bytes of its digest.

Reads in bounded portions, so that a look at a large store is many short ones.  Changes nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from lading.artifacts.blobs import BlobStore
from lading.db.database import Database
from lading.exports import published
from lading.exports.published import Kept

Problem = Literal["missing", "damaged"]


@dataclass(frozen=True, slots=True)
class Fault:
    """Content that can't be handed out as it was published."""

    sha256: str
    size: int
    problem: Problem


@dataclass(frozen=True, slots=True)
class Looked:
    """What one portion found; `after` is where the next one begins, None at the end."""

    checked: int
    bytes: int
    faults: tuple[Fault, ...]
    after: str | None


async def look(
    database: Database, blobs: BlobStore, tenant_id: UUID, *, after: str, limit: int, most_bytes: int
) -> Looked:
    """Read up to `limit` contents above the digest `after`, and no more once `most_bytes` are read."""
    async with database.tenant(tenant_id) as tx:
        found = await published.kept(tx, after=after, limit=limit)
    faults: list[Fault] = []
    size = checked = 0
    for each in found:
        problem = await asyncio.to_thread(problem_of, blobs, each)
        if problem is not None and await _is_kept_still(database, tenant_id, each):
            faults.append(Fault(each.sha256, each.size, problem))
        checked, size = checked + 1, size + each.size * len(each.blob_keys)
        if size >= most_bytes:
            break
    is_last = checked == len(found) < limit
    return Looked(checked, size, tuple(faults), None if is_last else found[checked - 1].sha256)


def problem_of(blobs: BlobStore, content: Kept) -> Problem | None:
    """Return what is wrong with the files of some content, None when all are whole."""
    found: Problem | None = None
    for key in content.blob_keys:
        if not blobs.exists(key):
            return "missing"
        if not blobs.is_whole(key, size=content.size, sha256=content.sha256):
            found = "damaged"
    return found


async def _is_kept_still(database: Database, tenant_id: UUID, content: Kept) -> bool:
    # It may have been unpublished and collected while we looked.
    before = f"{int(content.sha256, 16) - 1:064x}" if int(content.sha256, 16) else ""
    async with database.tenant(tenant_id) as tx:
        return content in await published.kept(tx, after=before, limit=1)
