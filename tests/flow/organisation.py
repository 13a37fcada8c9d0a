"""
A small organisation for flow tests: a source database of its own, a profile, a tenant, and a worker.

Not the example data: small enough that an export takes a second, with every kind of row that the pipeline treats.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import psycopg

from lading import ids
from lading.artifacts.blobs import BlobStore
from lading.db import notify
from lading.db.database import Database
from lading.exports import registry
from lading.exports.service import ExportService
from lading.ledger.entry import SYSTEM
from lading.settings import Settings
from lading.sources import store as sources
from lading.tenants import store as tenants
from lading.tenants.model import Principal, Role
from lading.wire.exports import Export, ExportRequest

ROWS = 4000
BAD = ROWS // 50
DUPLICATE = ROWS // 40

PROFILE: dict[str, Any] = {
    "profile": "visits",
    "type": "visit_report",
    "title": "Visits",
    "language": "en",
    "source": {
        "name": "visits",
        "query": "SELECT id, day, person, kind, minutes FROM visits "
        "WHERE day BETWEEN %(period_from)s AND %(period_to)s OR day IS NULL",
        "key": ["id"],
        "attachments": {
            "query": "SELECT id AS attachment_id, path, file_name, day AS date, kind AS type FROM papers "
            "WHERE day BETWEEN %(period_from)s AND %(period_to)s"
        },
    },
    "formats": ["csv", "xlsx"],
    "deduplicate": {"fingerprint": ["person", "day", "kind"], "keep": ["id"]},
    "columns": [
        {"name": "Day", "from": "day", "type": "date", "required": True},
        {"name": "Person", "from": "person", "type": "string", "required": True},
        {"name": "Kind", "from": "kind", "type": "string", "values": {"home": "At home"}, "fallback": "Other"},
        {"name": "Minutes", "from": "minutes", "type": "integer", "minimum": 0, "maximum": 600},
    ],
}


@dataclass(frozen=True, slots=True)
class Organisation:
    """A tenant that can export, and the service to ask."""

    tenant_id: UUID
    principal: Principal
    service: ExportService
    database: Database
    settings: Settings
    blobs: BlobStore
    hearer: notify.Hearer

    async def submit(self, **changes: Any) -> Export:
        """Ask for the export of 2025."""
        values: dict[str, Any] = {"profile": "visits", "period": {"from": "2025-01-01", "to": "2025-12-31"}, **changes}
        shown, _ = await self.service.create(
            self.principal, self.tenant_id, ExportRequest(**values), idempotency_key=None
        )
        return shown

    async def end(self, export: Export, seconds: float = 200.0) -> Export:
        """Return the export when it has ended."""
        return await self.service.wait(
            self.tenant_id, ids.parse(ids.EXPORT, export.id), version=None, seconds=seconds, hearer=self.hearer
        )

    def package(self, export: Export) -> Path:
        """Return where the package of a completed export lies."""
        digest = export.artifacts[0].sha256
        return next(self.settings.blobs_dir.glob(f"objects/*/{digest[:2]}/{digest[2:]}.*"))


def make_source(admin_url: str, folder: Path) -> Path:
    """Fill tables that stand for the customer's system and return the directory of its papers."""
    papers = folder / "papers"
    papers.mkdir()
    (papers / "a.txt").write_text("first")
    (papers / "b.txt").write_text("second")
    with psycopg.connect(admin_url) as connection:
        connection.execute("CREATE TABLE visits (id bigint PRIMARY KEY, day date, person text, kind text, minutes int)")
        connection.execute(
            "INSERT INTO visits SELECT n, "
            "CASE WHEN n %% 50 = 0 THEN NULL ELSE date '2025-01-01' + (n %% 360)::int END, "
            "'person ' || n, CASE n %% 3 WHEN 0 THEN 'home' ELSE 'office' END, (n %% 120)::int "
            "FROM generate_series(1, %(rows)s) AS n",
            {"rows": ROWS},
        )
        connection.execute(
            "INSERT INTO visits SELECT id + 1000000, day, person, kind, minutes FROM visits WHERE id %% 40 = 1",
            {},
        )
        connection.execute("CREATE TABLE papers (id bigint, path text, file_name text, day date, kind text)")
        connection.execute(
            "INSERT INTO papers VALUES (1, 'a.txt', 'note.txt', '2025-02-01', 'home'), "
            "(2, 'b.txt', 'note.txt', '2025-02-02', 'home'), (3, 'gone.txt', 'gone.txt', '2025-03-01', 'home'), "
            "(4, '../outside.txt', 'outside.txt', '2025-03-01', 'home')"
        )
    return papers


@asynccontextmanager
async def organisation(database: Database, settings: Settings) -> AsyncIterator[Organisation]:
    """Set up source, tenant and profile in `database`, which is source and store at once."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    papers = make_source(database.url, settings.data_dir)
    credentials = settings.data_dir / "credentials"
    credentials.touch(mode=0o600)
    credentials.write_text(database.url)
    async with database.system() as tx:
        tenant = await tenants.create_tenant(tx, "acme", name="Acme", actor=SYSTEM)
        key = (await tenants.mint_key(tx, tenant.id, name="test", role=Role.REQUESTER, actor=SYSTEM)).key
    async with database.tenant(tenant.id) as tx:
        await sources.register(
            tx, "visits", credentials_ref=f"file:{credentials}", attachments_ref=f"file:{papers}", actor=SYSTEM
        )
        await registry.put(tx, PROFILE, actor=SYSTEM, activate=True)
    principal = Principal(key.id, key.name, key.role, tenant.id, is_instance=False)
    blobs = BlobStore(settings.blobs_dir)
    async with notify.Hearer(database.url, notify.EXPORTS) as hearer:
        service = ExportService(database, settings, blobs, notify.Sender(database))
        yield Organisation(tenant.id, principal, service, database, settings, blobs, hearer)


class Worker:
    """A real `lading worker` process that is brought back when it dies."""

    def __init__(self, settings: Settings, url: str, **environment: str) -> None:
        self._environment = {
            **os.environ,
            "LADING_DATABASE_URL": url,
            "LADING_DATA_DIR": str(settings.data_dir),
            "LADING_LEASE_SECONDS": str(settings.lease_seconds),
            "LADING_HEARTBEAT_SECONDS": str(settings.heartbeat_seconds),
            "LADING_SWEEP_SECONDS": str(settings.sweep_seconds),
            "LADING_SELF_FENCE_SECONDS": str(settings.self_fence_seconds),
            **environment,
        }
        self._log = settings.data_dir / "worker.log"
        self._keeper: asyncio.Task[None] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self.starts = 0

    async def __aenter__(self) -> Self:
        self._start()
        self._keeper = asyncio.create_task(self._keep())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(self._process.wait, 120)

    async def run_once(self) -> None:
        """Run one process until it dies by itself."""
        self._start()
        assert self._process is not None
        await asyncio.to_thread(self._process.wait)

    def _start(self) -> None:
        self.starts += 1
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "lading.cli", "worker"], env=self._environment, stdout=log, stderr=log
            )

    async def _keep(self) -> None:
        while True:
            assert self._process is not None
            await asyncio.to_thread(self._process.wait)
            self._start()
