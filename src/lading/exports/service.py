"""
Exports as a service: what the API offers, one method per verb, each one transaction.

Admission happens before anything is stored; a refusal leaves no trace but the answer.  Wake-ups are sent after the
commit, never inside it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final
from uuid import UUID

from lading import canonical, failpoints, ids
from lading.artifacts import collector
from lading.artifacts.blobs import BlobStore
from lading.artifacts.registry import is_away
from lading.db import notify
from lading.db.database import Database
from lading.db.transaction import Transaction
from lading.errors import Conflict, Held, InUse, InvalidInput, InvalidTransition, NotFound
from lading.exports import (
    approvals,
    bundles,
    deliveries,
    handouts,
    holds,
    keeping,
    listing,
    part_store,
    planning,
    policies,
    published,
    shapes,
    store,
)
from lading.exports.handouts import Handout, Span
from lading.exports.listing import Filter
from lading.exports.model import Status, StoredArtifact, StoredExport
from lading.exports.types import requests
from lading.jobs import keys, letters
from lading.jobs import store as jobs
from lading.ledger import store as ledger
from lading.limits import call_quotas
from lading.limits.admission import Admission
from lading.limits.calling import Calling
from lading.settings import Settings
from lading.tenants.model import Principal
from lading.wire import exports as wire

_POLL_SECONDS: Final = 2.0
MAX_PAGE: Final = 200
EVERYTHING: Final = Filter()


@dataclass(frozen=True, slots=True)
class ArtifactFile:
    """A published file and where its bytes lie."""

    name: str
    media_type: str
    size: int
    sha256: str
    blob_key: str

    @property
    def is_away(self) -> bool:
        """Whether its bytes are in the bucket."""
        return is_away(self.blob_key)


class ExportService:
    """The verbs of exports."""

    def __init__(self, database: Database, settings: Settings, blobs: BlobStore, hints: notify.Sender) -> None:
        self._database: Final = database
        self._settings: Final = settings
        self.blobs: Final = blobs
        self._hints: Final = hints
        self.admission: Final = Admission(
            database,
            queue_limit=settings.queue_limit,
            tenant_queue_limit=settings.tenant_queue_limit,
            clock=time.monotonic,
        )
        self.calls: Final = Calling(database, self.admission, time.monotonic)
        self.crowd: Final = handouts.Crowd(settings.download_limit, settings.tenant_download_limit)
        self.download_seconds: Final = settings.download_seconds
        self.url_seconds: Final = settings.artifact_url_seconds if settings.artifact_downloads == "redirect" else None

    async def create(
        self, principal: Principal, tenant_id: UUID, request: wire.ExportRequest, *, idempotency_key: str | None
    ) -> tuple[wire.Export, bool]:
        """Admit and enqueue; return the export and whether the key had made it before."""
        requests.permit(principal, request)
        export_id, job_id = ids.new(), ids.new()
        refusal = await self.admission.refusal(tenant_id, count=1, priority=0)
        async with (
            self.admission.noting(tenant_id, principal.actor),
            policies.recording(self._database, tenant_id, principal.actor),
            self._database.tenant(tenant_id) as tx,
        ):
            if idempotency_key is not None:
                bound = await keys.bind(tx, idempotency_key, _digest(request), export_id)
                if bound is not None:
                    return await self._show(tx, bound), True
            if refusal is not None:
                raise refusal
            plan, source = await planning.admit(tx, request)
            requests.permit_files(principal, plan)
            job = await planning.make(
                tx, plan, source, self._settings, export_id=export_id, job_id=job_id, actor=principal.actor
            )
            await jobs.enqueue(tx, job, actor=principal.actor)
            shown = await self._show(tx, export_id)
            gauges = await call_quotas.take(tx, call_quotas.EXPORTS)
        self.calls.learn(tenant_id, gauges)
        await self._hints.send(notify.JOBS)
        return shown, False

    async def get(self, tenant_id: UUID, export_id: UUID) -> wire.Export:
        """Return the export."""
        async with self._database.tenant(tenant_id) as tx:
            return await self._show(tx, export_id)

    async def wait(
        self, tenant_id: UUID, export_id: UUID, *, version: int | None, seconds: float, hearer: notify.Hearer
    ) -> wire.Export:
        """Return the export when its version is not `version` (None: when it has ended), or after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            seen = hearer.generation(notify.EXPORTS)
            shown = await self.get(tenant_id, export_id)
            has_ended = Status(shown.status).is_final
            left = deadline - time.monotonic()
            if left <= 0 or (shown.version != version if version is not None else has_ended):
                return shown
            await hearer.wait(notify.EXPORTS, seen, min(left, _POLL_SECONDS))

    async def list(
        self,
        tenant_id: UUID,
        wanted: Filter = EVERYTHING,
        *,
        limit: int = 50,
        cursor: str | None = None,
    ) -> wire.ExportPage:
        """Return one page in the order that is wanted, newest first if none is."""
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidInput.field("limit", f"must be between 1 and {MAX_PAGE}")
        after = None if cursor is None else listing.parse(cursor, wanted)
        async with self._database.tenant(tenant_id) as tx:
            found = await listing.page(tx, wanted, after=after, limit=limit + 1)
            shown = await self._show_all(tx, found[:limit])
        last = listing.place_of(found[limit - 1], wanted) if len(found) > limit else None
        following = None if last is None else listing.cursor(last, wanted)
        return wire.ExportPage(shown, following)

    async def count(self, tenant_id: UUID, *, status: Sequence[str] = (), profile: str | None = None) -> int:
        """Return how many exports there are."""
        async with self._database.tenant(tenant_id) as tx:
            return await listing.count(tx, status=status, profile=profile)

    async def cancel(
        self, principal: Principal, tenant_id: UUID, export_id: UUID, reason: str, *, ticket: str | None = None
    ) -> wire.Export:
        """Cancel what waits, ask what runs to stop; InvalidTransition for what has ended."""
        while (shown := await self._cancel(principal, tenant_id, export_id, reason, ticket)) is None:
            continue  # a retry gave it a new job between our two looks
        await self._hints.send(notify.JOBS)
        await self._hints.send(notify.EXPORTS)
        return shown

    async def _cancel(
        self, principal: Principal, tenant_id: UUID, export_id: UUID, reason: str, ticket: str | None
    ) -> wire.Export | None:
        async with self._database.tenant(tenant_id) as tx:
            stored = await store.find(tx, export_id)
            # The job's row is locked before the export's, the order in which its worker takes them.
            job = await jobs.cancel(tx, stored.job_id, reason=reason, actor=principal.actor, ticket=ticket)
            locked = await store.lock(tx, export_id)
            if locked.job_id != stored.job_id:
                return None  # the job we looked at had ended, so that nothing was changed
            if locked.status.is_final:
                raise InvalidTransition(
                    f"{stored.subject} is {locked.status.value}; only a pending or running export can be cancelled."
                )
            if job.state == "running":
                await store.request_cancel(tx, export_id, actor=principal.actor)
            else:
                await store.end(
                    tx,
                    export_id,
                    Status.CANCELLED,
                    actor=principal.actor,
                    attempt=job.attempt,
                    error=None,
                    code="cancelled",
                )
            return await self._show(tx, export_id)

    async def retry(self, principal: Principal, tenant_id: UUID, export_id: UUID) -> wire.Export:
        """Start a failed or cancelled export again; completed stages are kept."""
        job_id = ids.new()
        await self.admission.admit(tenant_id, count=1, priority=0, actor=principal.actor)
        async with (
            self.admission.noting(tenant_id, principal.actor),
            policies.recording(self._database, tenant_id, principal.actor),
            self._database.tenant(tenant_id) as tx,
        ):
            locked = await store.lock(tx, export_id)
            stored = await store.find(tx, export_id)
            plan = stored.plan
            requests.permit_files(principal, plan)
            if locked.status not in {Status.FAILED, Status.CANCELLED}:
                raise InvalidTransition(
                    f"{ids.show(ids.EXPORT, export_id)} is {locked.status.value}; "
                    "only a failed or cancelled export can be retried."
                )
            verdict = await policies.admit_again(tx, stored, actor=principal.actor)
            await store.retry(tx, export_id, job_id, actor=principal.actor)
            former = await jobs.find(tx, locked.job_id)
            await letters.supersede(tx, locked.job_id, job_id, actor=principal.actor)
            job = planning.job_of(plan, former.host, self._settings, export_id=export_id, job_id=job_id)
            job = await approvals.ask(tx, export_id, verdict, job, actor=principal.actor)
            await jobs.enqueue(tx, job, actor=principal.actor)
            shown = await self._show(tx, export_id)
            gauges = await call_quotas.take(tx, call_quotas.EXPORTS)
        self.calls.learn(tenant_id, gauges)
        await self._hints.send(notify.JOBS)
        return shown

    async def delete(self, principal: Principal, tenant_id: UUID, export_id: UUID) -> None:
        """Hide an export that has ended and remove its files."""
        try:
            dropped = await self._unpublish(principal, tenant_id, export_id)
        except (Held, InUse) as refusal:
            async with self._database.tenant(tenant_id) as tx:
                await keeping.note_refusal(tx, export_id, refusal, actor=principal.actor)
            raise
        failpoints.reach("export.deleted")
        await asyncio.to_thread(self.blobs.delete_prefix, blob_prefix(tenant_id, export_id))
        await collector.collect(
            self._database, self.blobs, tenant_id, grace_seconds=0.0, actor=principal.actor, digests=dropped
        )

    async def _unpublish(self, principal: Principal, tenant_id: UUID, export_id: UUID) -> list[str]:
        async with self._database.tenant(tenant_id) as tx:
            await holds.settle(tx)
            locked = await store.lock(tx, export_id)
            if not locked.status.is_final:
                raise Conflict(
                    f"{ids.show(ids.EXPORT, export_id)} is {locked.status.value}; cancel it before deleting it."
                )
            if kept := await keeping.of(tx, export_id):
                raise kept.refusal(export_id)
            dropped = await store.delete(tx, export_id, actor=principal.actor)
            await part_store.drop(tx, [export_id])
            return dropped

    async def history(self, tenant_id: UUID, export_id: UUID) -> list[dict[str, Any]]:
        """Return the ledger entries of the export, in order."""
        async with self._database.tenant(tenant_id) as tx:
            stored = await store.find(tx, export_id)
            return [json.loads(line) for line in await ledger.history(tx, stored.subject)]

    async def hand_out(
        self,
        principal: Principal,
        tenant_id: UUID,
        export_id: UUID,
        name: str,
        span: Span,
        *,
        link: UUID | None = None,
        url_seconds: int | None = None,
    ) -> Handout:
        """Begin to hand out these bytes of a published file: counted, recorded, and kept until it is ended."""
        async with self._database.tenant(tenant_id) as tx:
            stored = await store.find(tx, export_id)
            requests.permit_files(principal, stored.plan)
            found = await self._published(tx, export_id, name)
            begun = await handouts.begin(
                tx, export_id, found, span, actor=principal.actor, link=link, url_seconds=url_seconds
            )
            if begun is None:
                raise _no_file(export_id, name)
            await bundles.note_download(tx, stored, found, begun)
            return begun

    async def renew(self, handout: Handout) -> None:
        """Keep the export of a file on its way for another while."""
        await handouts.renew(self._database, handout)

    async def end(self, handout: Handout, *, sent: int, is_whole: bool) -> None:
        """Tell that a file has arrived, or how far it came."""
        await handouts.end(self._database, handout, sent=sent, is_whole=is_whole)

    async def artifact_facts(self, tenant_id: UUID, export_id: UUID, name: str) -> ArtifactFile:
        """Return a published file for looking at its facts (HEAD, 304); nothing is counted."""
        async with self._database.tenant(tenant_id) as tx:
            return self._file(await self._published(tx, export_id, name))

    async def _published(self, tx: Transaction, export_id: UUID, name: str) -> StoredArtifact:
        await store.find(tx, export_id)
        for found in (await published.of_exports(tx, [export_id]))[export_id]:
            if found.name == name:
                return found
        raise _no_file(export_id, name)

    @staticmethod
    def _file(found: StoredArtifact) -> ArtifactFile:
        return ArtifactFile(found.name, found.media_type, found.size, found.sha256, found.blob_key)

    async def _show(self, tx: Transaction, export_id: UUID) -> wire.Export:
        return (await self._show_all(tx, [await store.find(tx, export_id)]))[0]

    async def _show_all(self, tx: Transaction, found: Sequence[StoredExport]) -> list[wire.Export]:
        files = await published.of_exports(tx, [stored.id for stored in found])
        sealed = [stored.subject for stored in found if stored.status in {Status.COMPLETED, Status.EXPIRED}]
        receipts = await ledger.receipts(tx, sealed, "export.completed") if sealed else {}
        carried = await deliveries.of_exports(tx, [stored.id for stored in found])
        asked = await approvals.of_exports(tx, found)
        kept = await holds.on(tx, [stored.id for stored in found])
        return [
            shapes.export(
                stored,
                files[stored.id],
                receipts.get(stored.subject),
                carried[stored.id],
                kept=kept[stored.id],
                asked=asked.get(stored.id),
            )
            for stored in found
        ]


def _no_file(export_id: UUID, name: str) -> NotFound:
    return NotFound(
        f"{ids.show(ids.EXPORT, export_id)} has no file {name[:80]!r}; list its artifacts to see what there is."
    )


def blob_prefix(tenant_id: UUID, export_id: UUID) -> str:
    """Return the key below which everything of one export lies."""
    return f"exports/{tenant_id}/{export_id}"


def _digest(request: wire.ExportRequest) -> bytes:
    """Return what tells two requests under one idempotency key apart; floats in parameters have no canonical form."""
    try:
        return hashlib.sha256(canonical.encode(asdict(request))).digest()
    except ValueError as error:
        raise InvalidInput.field("parameters", f"can't be read: {error}") from error
