"""An installation in this process: what is asked for is worked off by the real handlers, and the ledger integrated."""

from __future__ import annotations

import io
import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from lading import ids
from lading.artifacts.verify import Report, check
from lading.exports import registry, salt
from lading.exports.model import JOB_KIND
from lading.exports.pipeline import ExportHandler
from lading.ledger import keys
from lading.ledger.entry import SYSTEM
from lading.ledger.integrator import integrate
from lading.sources import store as sources
from lading.worker import execute
from lading.worker.execute import Attempt
from serving import PROFILE, World

ROWS = 40
PERIOD = {"from": "2025-01-01", "to": "2025-12-31"}
ACTIVITIES: dict[str, Any] = {
    **PROFILE,
    "profile": "activities",
    "type": "activity_report",
    "source": {
        "name": "activities",
        "query": "SELECT id, kind, hours FROM activity WHERE held BETWEEN %(period_from)s AND %(period_to)s",
        "key": ["id"],
    },
    "parameters": {},
    "formats": ["csv", "xlsx", "ndjson", "json", "parquet", "xml", "tsv", "pdf"],
    "columns": [
        {"name": "Id", "from": "id", "type": "integer"},
        {"name": "Kind", "from": "kind", "type": "string"},
        {"name": "Hours", "from": "hours", "type": "decimal"},
    ],
}


@dataclass
class Works:
    """Asks the API as an admin does, and works off what waits."""

    world: World
    database_url: str
    folder: Path

    async def ready(self, *slugs: str) -> None:
        """Make a source with rows, and the profile `activities` that reads it, for these organisations."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS activity (id bigint PRIMARY KEY, kind text NOT NULL, held date NOT NULL, "
                "hours numeric(6, 2), note text, at timestamptz NOT NULL DEFAULT '2025-03-01 12:00+01')"
            )
            connection.execute(
                "INSERT INTO activity (id, kind, held, hours, note) "
                "SELECT n, 'kind ' || n %% 3, date '2025-02-01' + n, n * 0.25, "
                "CASE WHEN n %% 4 = 0 THEN NULL ELSE '=note ' || n END "
                "FROM generate_series(1, %(rows)s) AS n ON CONFLICT DO NOTHING",
                {"rows": ROWS},
            )
        login = self.folder / "source-url"
        login.write_text(self.database_url, "utf-8")
        login.chmod(0o600)
        for slug in slugs or ("nordlys",):
            async with self.world.services.database.tenant(self.world.organisations[slug].id) as tx:
                await sources.register(tx, "activities", credentials_ref=f"file:{login}", actor=SYSTEM)
                await registry.put(tx, ACTIVITIES, actor=SYSTEM, activate=True)

    def change(self, statement: str) -> None:
        """Change the source."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute(statement.encode())

    async def ask(self, slug: str = "nordlys", **fields: Any) -> dict[str, Any]:
        """Ask for an export and return the answer, which must be that it was accepted."""
        answer = await self.world.ask("POST", "/api/v1/exports", slug=slug, json=fields)
        assert answer.status_code == 202, answer.text
        return answer.json()

    async def refused(self, slug: str = "nordlys", **fields: Any) -> tuple[int, dict[str, Any]]:
        """Ask for an export that can't be; return status and problem."""
        answer = await self.world.ask("POST", "/api/v1/exports", slug=slug, json=fields)
        assert answer.status_code >= 400, answer.text
        return answer.status_code, answer.json()

    async def made(self, slug: str = "nordlys", **fields: Any) -> dict[str, Any]:
        """Ask for an export of the profile `activities`, or of another type, and work it off."""
        if "type" not in fields:
            fields = {"profile": "activities", "period": PERIOD, **fields}
        asked = await self.ask(slug, **fields)
        await self.work()
        return await self.get(asked["id"], slug)

    async def get(self, export_id: str, slug: str = "nordlys") -> dict[str, Any]:
        """Return an export."""
        return (await self.world.ask("GET", f"/api/v1/exports/{export_id}", slug=slug)).json()

    async def work(self) -> None:
        """Integrate the ledger and do every job that may run, once."""
        services = self.world.services
        await self.integrate()
        handlers = {JOB_KIND: self.handler()}
        for claimed in await self.world.claim():
            begun = await execute.begin(services.database, claimed)
            assert begun is not None
            job, fence = begun
            outcome = await execute.run(handlers, job, Attempt(fence))
            await execute.settle(services.database, services.endings, fence, outcome, kind=job.kind)
        await self.integrate()

    def handler(self) -> ExportHandler:
        """Return what does exports."""
        services = self.world.services
        settings = services.settings
        owned = keys.load_or_create(settings.keys_dir, settings.instance)
        salts = salt.load_or_create(settings.keys_dir)
        return ExportHandler(services.database, settings, services.exports.blobs, owned, salt=salts)

    async def integrate(self) -> None:
        """Bring what was recorded into the trees, under signed heads."""
        settings = self.world.services.settings
        owned = keys.load_or_create(settings.keys_dir, settings.instance)
        while await integrate(self.world.services.database, owned.log, origin_prefix=settings.instance):
            continue

    async def package(self, export: dict[str, Any], slug: str = "nordlys") -> bytes:
        """Download the package of an export."""
        assert export["status"] == "completed", export
        return await self.download(export, export["artifacts"][0]["name"], slug)

    async def download(self, export: dict[str, Any], name: str, slug: str = "nordlys") -> bytes:
        """Download a file of an export."""
        answer = await self.world.ask("GET", f"/api/v1/exports/{export['id']}/artifacts/{name}", slug=slug)
        assert answer.status_code == 200, answer.text
        return answer.content

    def verified(self, package: bytes) -> Report:
        """Return what was proved of a package by this installation's keys."""
        settings = self.world.services.settings
        owned = keys.load_or_create(settings.keys_dir, settings.instance)
        return check(io.BytesIO(package), owned.trust)

    async def age(self, export_id: str, slug: str = "nordlys") -> None:
        """Let the retention of an export be over."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute(
                "UPDATE exports SET expires_at = now() - interval '1 day' WHERE id = %s",
                [ids.parse(ids.EXPORT, export_id)],
            )


def contents(package: bytes) -> dict[str, bytes]:
    """Return the files of a package as any zip tool gives them."""
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def document(content: bytes) -> Any:
    """Return a JSON file's value."""
    return json.loads(content)


RENEW = os.environ.get("LADING_RENEW_GOLDEN") == "1"
