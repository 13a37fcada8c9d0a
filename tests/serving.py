"""What tests of the API share: the app in this process on a real database, and keys of two organisations."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI
from psycopg.sql import SQL

from lading import ids
from lading.api.app import create_app
from lading.api.kinds import KINDS
from lading.api.services import Services
from lading.artifacts.blobs import BlobStore
from lading.artifacts.registry import Maker, key_of
from lading.db import notify
from lading.db.database import Database
from lading.exports import registry
from lading.exports import store as exports
from lading.exports.deliveries import JOB_KIND as DELIVERY
from lading.exports.delivery_endings import DeliveryEnding
from lading.exports.endings import ExportEnding
from lading.exports.model import JOB_KIND, NewArtifact, Sealed
from lading.exports.service import ExportService
from lading.jobs import attempts, leases
from lading.jobs import store as jobs
from lading.jobs.endings import follow_up
from lading.jobs.model import Claim, Fault
from lading.ledger import store as ledger
from lading.ledger.entry import SYSTEM
from lading.ledger.feed import Feed
from lading.settings import Settings
from lading.tenants import store as tenants
from lading.tenants.model import INSTANCE_ID, Role, Tenant
from lading.webhooks.endings import WebhookEnding
from lading.webhooks.store import JOB_KIND as WEBHOOK

YEAR = {"from": "2024-01-01", "to": "2024-12-31"}
REQUEST = {"profile": "bufdir", "period": YEAR}
PROFILE: dict[str, Any] = {
    "profile": "bufdir",
    "type": "activity_report",
    "title": "A report",
    "schema_version": "1",
    "source": {
        "name": "activities",
        "query": "SELECT id, kind FROM activity WHERE held BETWEEN %(period_from)s AND %(period_to)s",
        "key": ["id"],
    },
    "parameters": {"activity_types": {"type": "string_list", "values": ["group_session", "home_visit"]}},
    "formats": ["csv", "xlsx", "pdf"],
    "default_format": "csv",
    "columns": [{"name": "Id", "from": "id", "type": "string"}, {"name": "Kind", "from": "kind", "type": "string"}],
}


@dataclass
class World:
    """The app, and everybody who may ask it."""

    services: Services
    http: httpx2.AsyncClient
    organisations: dict[str, Tenant] = field(default_factory=dict)
    keys: dict[tuple[str, Role], str] = field(default_factory=dict)

    async def headers(self, slug: str = "nordlys", role: Role = Role.ADMIN) -> dict[str, str]:
        """Return the headers of a key of that tenant and role."""
        if (slug, role) not in self.keys:
            async with self.services.database.system() as tx:
                minted = await tenants.mint_key(tx, await self._id(tx, slug), name=role.value, role=role, actor=SYSTEM)
            self.keys[slug, role] = minted.token
        return {"Authorization": f"Bearer {self.keys[slug, role]}"}

    async def ask(
        self, method: str, path: str, *, slug: str = "nordlys", role: Role = Role.ADMIN, **options: Any
    ) -> httpx2.Response:
        """Send a request with a key."""
        given = options.pop("headers", {})
        headers = {**await self.headers(slug, role), **given}
        return await self.http.request(method, path, headers=headers, **options)

    async def over(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Send a change, over whatever stands there, as the client does."""
        answer = await self.ask(method, path, **options)
        if answer.status_code != 428:
            return answer
        headers = {**options.pop("headers", {}), "If-Match": "*"}
        return await self.ask(method, path, headers=headers, **options)

    async def export(self, **fields: Any) -> dict[str, Any]:
        """Ask for an export."""
        answer = await self.ask("POST", "/api/v1/exports", json={**REQUEST, **fields})
        assert answer.status_code == 202, answer.text
        return answer.json()

    async def run(self, export_id: str) -> None:
        """Let an export run, without a worker."""
        async with self.services.database.tenant(self.organisations["nordlys"].id) as tx:
            await tx.run(
                SQL("UPDATE exports SET status = 'running', version = version + 1 WHERE id = %(id)s"),
                id=_inner(export_id),
            )

    async def complete(self, export_id: str, content: bytes = b"PK package", name: str = "report.zip") -> str:
        """Let an export complete with one file, without a worker; return the path of the file."""
        tenant, identifier = self.organisations["nordlys"].id, _inner(export_id)
        digest, maker = hashlib.sha256(content).hexdigest(), Maker(ids.new(), ids.new(), 1, "activities")
        file = NewArtifact(name, key_of(tenant, digest, maker), "application/zip", len(content), digest)
        with BlobStore(self.services.settings.blobs_dir).writer(file.blob_key) as sink:
            sink.write(content)
        rows = {"read": 4, "written": 2, "quarantined": 1, "duplicate": 1}
        sealed = Sealed([file], rows=rows, warnings=[], package_sha256=file.sha256, facts={})
        await self.run(export_id)
        async with self.services.database.tenant(tenant) as tx:
            await exports.complete(tx, identifier, sealed, actor=SYSTEM, maker=maker, retention_days=30)
        await notify.Sender(self.services.database).send(notify.EXPORTS)
        return f"/api/v1/exports/{export_id}/artifacts/{name}"

    async def fail(self, export_id: str) -> None:
        """Let an export fail, without a worker."""
        await self.run(export_id)
        error = {"code": "source-refused", "message": "No.", "stage": "QUERYING", "attempt": 1, "retryable": False}
        async with self.services.database.tenant(self.organisations["nordlys"].id) as tx:
            await exports.end(
                tx,
                _inner(export_id),
                exports.Status.FAILED,
                actor=SYSTEM,
                attempt=1,
                error=error,
                code="source-refused",
            )
        await notify.Sender(self.services.database).send(notify.EXPORTS)

    async def claim(self, limit: int = 1000) -> list[Claim]:
        """Claim the jobs that may run, as a worker does."""
        lease = ids.new()
        async with self.services.database.system() as tx:
            await leases.open_lease(tx, lease, worker="test", seconds=3600)
        async with self.services.database.system() as tx:
            await jobs.wake_turns(tx)
            return await jobs.claim(tx, lease_id=lease, kinds=list(KINDS), limit=limit)

    async def job(self, **fields: Any) -> dict[str, Any]:
        """Make a job that does nothing."""
        answer = await self.ask("POST", "/api/v1/jobs", json={"kind": "noop", **fields})
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def finish(self, *job_ids: str) -> None:
        """Let jobs complete, without a worker; all that may be claimed is claimed."""
        for claimed in await self.claim():
            if ids.show(ids.JOB, claimed.job_id) in job_ids:
                async with self.services.database.tenant(claimed.tenant_id) as tx:
                    _, fence = await attempts.start(tx, claimed)
                    await attempts.complete(tx, fence)

    async def bury(self, claimed: Claim, message: str = "No login for 17.") -> str:
        """Let the first attempt at a claimed job kill it; return its id."""
        async with self.services.database.tenant(claimed.tenant_id) as tx:
            _, fence = await attempts.start(tx, claimed)
            await follow_up(tx, self.services.endings, await attempts.kill(tx, fence, Fault("source-refused", message)))
        return ids.show(ids.JOB, claimed.job_id)

    async def dead(self, count: int = 1, **fields: Any) -> list[str]:
        """Ask for exports and let their jobs die; return the jobs' ids, oldest first."""
        for _ in range(count):
            await self.export(**fields)
        claims = sorted(await self.claim(), key=lambda claimed: claimed.job_id)
        return [await self.bury(claimed, f"No login for {number}.") for number, claimed in enumerate(claims)]

    async def age(self, job_id: str, *, days: int) -> None:
        """Let a dead letter be so many days older."""
        async with self.services.database.tenant(self.organisations["nordlys"].id) as tx:
            await tx.run(
                SQL(
                    "UPDATE dead_letters SET died_at = died_at - make_interval(days => %(days)s) WHERE job_id = %(id)s"
                ),
                days=days,
                id=ids.parse(ids.JOB, job_id),
            )

    async def events(self, subject: str, slug: str = "nordlys") -> list[dict[str, Any]]:
        """Return what the ledger holds about `subject`, oldest first."""
        async with self.services.database.tenant(self.organisations[slug].id) as tx:
            return [json.loads(line) for line in await ledger.history(tx, subject)]

    async def _id(self, tx: Any, slug: str) -> UUID:
        return INSTANCE_ID if slug == "instance" else self.organisations[slug].id


@pytest.fixture
async def services(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Services]:
    """The parts of a server on a fresh database."""
    settings = Settings(data_dir=tmp_path, database_url=database_url)
    blobs = BlobStore(settings.blobs_dir)
    hints = notify.Sender(database)
    exporting = ExportService(database, settings, blobs, hints)
    async with notify.Hearer(database_url, notify.EXPORTS, notify.EVENTS) as hearer, Feed(database, hearer) as feed:
        endings = {JOB_KIND: ExportEnding(settings), DELIVERY: DeliveryEnding(settings), WEBHOOK: WebhookEnding()}
        yield Services(settings, database, exporting, hearer, hints, endings, feed)


_apps: list[FastAPI] = []


def app_for(services: Services) -> FastAPI:
    """Return the app, which is made once: its document alone takes as long as a test."""
    if not _apps:
        _apps.append(create_app(services))
    _apps[0].state.services = services
    return _apps[0]


@pytest.fixture
async def world(services: Services) -> AsyncIterator[World]:
    """Two organisations with the profile `bufdir`, and an HTTP client."""
    transport = httpx2.ASGITransport(app=app_for(services))
    async with httpx2.AsyncClient(transport=transport, base_url="http://lading.test") as http:
        made = World(services, http)
        for slug in ("nordlys", "fjord"):
            async with services.database.system() as tx:
                made.organisations[slug] = await tenants.create_tenant(tx, slug, name=slug, actor=SYSTEM)
            async with services.database.tenant(made.organisations[slug].id) as tx:
                await registry.put(tx, PROFILE, actor=SYSTEM, activate=True)
        yield made


def _inner(export_id: str) -> UUID:
    return ids.parse(ids.EXPORT, export_id)
