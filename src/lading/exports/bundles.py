"""
Audit bundles as a service: a bundle is an export of the tenant's own ledger, asked for and seen as what it is.

Everything else (queue, retries, retention, holds, deletion, downloads) is that of exports.  Wake-ups are sent after the
commit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final
from uuid import UUID

from lading import canonical, ids
from lading.db import notify
from lading.db.database import Database
from lading.db.transaction import Transaction
from lading.errors import InvalidInput, NotFound
from lading.exports import holds, listing, planning, policies, published, shapes, store
from lading.exports.handouts import Handout
from lading.exports.listing import Filter
from lading.exports.model import StoredArtifact, StoredExport
from lading.exports.types import bundle_requests
from lading.exports.types.bundle_requests import Wanted
from lading.exports.types.names import AUDIT_BUNDLE
from lading.jobs import keys
from lading.jobs import store as jobs
from lading.ledger.entry import Actor, Entry
from lading.ledger.store import record
from lading.limits import call_quotas
from lading.limits.calling import Calling
from lading.settings import Settings
from lading.tenants.model import Principal
from lading.wire import bundles as wire

BASE: Final = "/api/v1/bundles"


class BundleService:
    """The verbs of bundles."""

    def __init__(self, database: Database, settings: Settings, calls: Calling, hints: notify.Sender) -> None:
        self._database: Final = database
        self._settings: Final = settings
        self._calls: Final = calls
        self._admission: Final = calls.admission
        self._hints: Final = hints

    async def create(
        self, principal: Principal, tenant_id: UUID, request: wire.BundleRequest, *, idempotency_key: str | None
    ) -> tuple[wire.Bundle, bool]:
        """Fix the span and enqueue; return the bundle and whether the key had made it before."""
        export_id, job_id, actor = ids.new(), ids.new(), principal.actor
        refusal = await self._admission.refusal(tenant_id, count=1, priority=0)
        async with (
            self._admission.noting(tenant_id, actor),
            policies.recording(self._database, tenant_id, actor),
            self._database.tenant(tenant_id) as tx,
        ):
            if idempotency_key is not None:
                bound = await keys.bind(tx, idempotency_key, _digest(request), export_id)
                if bound is not None:
                    return await self._show(tx, bound), True
            if refusal is not None:
                raise refusal
            plan = await bundle_requests.admit(tx, request, principal)
            bundle_requests.permit_files(principal, plan)
            job = await planning.make(
                tx, plan, bundle_requests.HOST, self._settings, export_id=export_id, job_id=job_id, actor=actor
            )
            await jobs.enqueue(tx, job, actor=actor)
            await _note(tx, "bundle.requested", export_id, actor, Wanted.of(plan))
            shown = await self._show(tx, export_id)
            gauges = await call_quotas.take(tx, call_quotas.EXPORTS)
        self._calls.learn(tenant_id, gauges)
        await self._hints.send(notify.JOBS)
        return shown, False

    async def get(self, tenant_id: UUID, export_id: UUID) -> wire.Bundle:
        """Return the bundle."""
        async with self._database.tenant(tenant_id) as tx:
            return await self._show(tx, export_id)

    async def list(self, tenant_id: UUID, *, limit: int, cursor: str | None) -> wire.BundlePage:
        """Return one page, newest first."""
        wanted = Filter(type=AUDIT_BUNDLE)
        after = None if cursor is None else listing.parse(cursor, wanted)
        async with self._database.tenant(tenant_id) as tx:
            found = await listing.page(tx, wanted, after=after, limit=limit + 1)
            shown = await self._show_all(tx, found[:limit])
        last = listing.place_of(found[limit - 1], wanted) if len(found) > limit else None
        return wire.BundlePage(shown, None if last is None else listing.cursor(last, wanted))

    async def file(self, tenant_id: UUID, export_id: UUID) -> str:
        """Return the name of the bundle's file; NotFound until it is made."""
        async with self._database.tenant(tenant_id) as tx:
            stored = await _find(tx, export_id)
            files = (await published.of_exports(tx, [export_id]))[export_id]
        if not files:
            raise NotFound(f"The bundle {stored.subject} is {stored.status.value}; it has no file.")
        return files[0].name

    async def _show(self, tx: Transaction, export_id: UUID) -> wire.Bundle:
        return (await self._show_all(tx, [await _find(tx, export_id)]))[0]

    async def _show_all(self, tx: Transaction, found: Sequence[StoredExport]) -> list[wire.Bundle]:
        named = [stored.id for stored in found]
        files, kept = await published.of_exports(tx, named), await holds.on(tx, named)
        return [_shown(stored, files[stored.id], [each.shown for each in kept[stored.id]]) for stored in found]


async def note_download(tx: Transaction, stored: StoredExport, file: StoredArtifact, handout: Handout) -> None:
    """Record that a bundle is handed out, if it is one: who has seen which part of the ledger."""
    if stored.plan.type == AUDIT_BUNDLE:
        wanted = Wanted.of(stored.plan)
        data = {"start": wanted.start, "end": wanted.end, "sha256": file.sha256, "handout": handout.shown}
        await record(tx, Entry("bundle.downloaded", stored.subject, handout.actor, data))


def _digest(request: wire.BundleRequest) -> bytes:
    """Return what tells two requests under one idempotency key apart."""
    try:
        return hashlib.sha256(canonical.encode({"bundle": asdict(request)})).digest()
    except ValueError as error:
        raise InvalidInput(f"The request can't be read: {error}.") from error


async def _note(tx: Transaction, event: str, export_id: UUID, actor: Actor, wanted: Wanted) -> None:
    await record(tx, Entry(event, ids.show(ids.EXPORT, export_id), actor, wanted.to_json()))


async def _find(tx: Transaction, export_id: UUID) -> StoredExport:
    """Return the bundle; NotFound for another export, too."""
    stored = await store.find(tx, export_id)
    if stored.plan.type != AUDIT_BUNDLE:
        raise NotFound(f"There is no bundle {stored.subject} in this organisation; it is an export of another type.")
    return stored


def _shown(stored: StoredExport, files: Sequence[StoredArtifact], kept: Sequence[str]) -> wire.Bundle:
    wanted, seen = Wanted.of(stored.plan), shapes.export(stored, files, None)
    href = f"{BASE}/{stored.subject}/content"
    return wire.Bundle(
        id=stored.subject,
        tenant=stored.tenant_slug,
        status=seen.status,
        start=wanted.start,
        end=wanted.end,
        complete=wanted.subject is None,
        about=wanted.subject,
        with_artifacts=wanted.content is not None,
        with_disclosures=wanted.has_disclosures,
        progress=seen.progress,
        entries=None if seen.rows is None else seen.rows.written,
        file=wire.BundleFile(files[0].name, files[0].size, files[0].sha256, href) if files else None,
        error=seen.error,
        waiting_for=seen.waiting_for,
        requested_by=stored.requested_by,
        created_at=seen.created_at,
        ended_at=seen.ended_at,
        expires_at=seen.expires_at,
        holds=list(kept),
        version=seen.version,
    )
