"""What an attempt works with: the export's profile and source as they are now, and files of its own to write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from lading.artifacts.blobs import BlobStore
from lading.db.database import Database
from lading.db.transaction import Transaction
from lading.exports.model import StoredExport
from lading.exports.service import blob_prefix
from lading.exports.stages.work import Work
from lading.exports.types import stages as types
from lading.jobs.model import Fence
from lading.ledger.keys import Keys
from lading.settings import Settings


@dataclass(frozen=True, slots=True)
class Desk:
    """What every attempt at an export, or at a part of one, finds."""

    database: Database
    settings: Settings
    blobs: BlobStore
    keys: Keys
    salt: Callable[[UUID], bytes]

    async def work(self, tx: Transaction, fence: Fence, stored: StoredExport) -> Work:
        """Return the input of the first stage; files lie below a name with the job and the attempt."""
        subject = await types.subject(tx, stored.plan)
        return Work(
            export=stored,
            profile=subject.profile,
            profile_digest=subject.digest,
            source=subject.source,
            blobs=self.blobs,
            prefix=f"{blob_prefix(fence.tenant_id, stored.id)}/{fence.job_id}-{fence.attempt}",
            salt=self.salt(fence.tenant_id),
            signer=self.keys.package,
            trust_file=self.settings.trust_file,
            results={},
            advance=lambda _done, _total: None,
            ask=types.asking(self.database, fence.tenant_id),
            fence=fence,
            networks=self.settings.networks,
        )
