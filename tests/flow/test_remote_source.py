"""An export of a remote server's configuration: one job there, however often the worker dies; its package in ours."""

# C12, P14, P1

from __future__ import annotations

import threading
import zipfile
from pathlib import Path
from typing import Any

import anyio
import pytest

from lading import ids
from lading.artifacts import sharedo as packages
from lading.exports import registry
from lading.ledger.entry import SYSTEM
from lading.settings import Settings
from lading.sources import store as sources
from tests.flow.organisation import Organisation, Worker
from tests.sharedo_server import CLIENT, SECRET, ShareDo, sharedo

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]

PROFILE: dict[str, Any] = {
    "profile": "setup",
    "type": "setup",
    "title": "Configuration",
    "source": {
        "name": "uat",
        "remote": {"kind": "worktype", "name": {"parameter": "thing"}, "include_dependencies": True},
        "key": ["provider", "system_name"],
        "attachments": {"remote": {"files": "package"}},
    },
    "parameters": {"thing": {"type": "string", "required": True}},
    "formats": ["csv"],
    "columns": [
        {"name": "Provider", "from": "provider", "type": "string"},
        {"name": "Name", "from": "system_name", "type": "string"},
        {"name": "Sha256", "from": "sha256", "type": "string"},
        {"name": "Unresolved", "from": "unresolved", "type": "integer"},
    ],
}
ASKED: dict[str, Any] = {
    "profile": "setup", "format": "csv", "parameters": {"thing": "matter"}, "include_attachments": True,
}  # fmt: skip


async def ready(acme: Organisation, server: ShareDo) -> None:
    credentials = acme.settings.data_dir / "remote"
    credentials.touch(mode=0o600)
    credentials.write_text(f"{CLIENT}:{SECRET}")
    options = {"url": server.url, "identity_url": server.identity}
    async with acme.database.tenant(acme.tenant_id) as tx:
        await sources.register(
            tx, "uat", kind="remote", credentials_ref=f"file:{credentials}", options=options, actor=SYSTEM
        )
        await registry.put(tx, PROFILE, actor=SYSTEM, activate=True)


async def test_an_export_that_is_killed_goes_on_with_the_same_remote_job(
    acme: Organisation, settings: Settings, database_url: str, tmp_path: Path
) -> None:
    failpoint = tmp_path / "failpoint"
    allowed = {"LADING_FAILPOINT_FILE": str(failpoint), "LADING_ALLOWED_NETWORKS": "127.0.0.1/32"}
    with sharedo() as server:
        await ready(acme, server)
        async with Worker(settings, database_url, **allowed):
            for point in ("remote.kept", "remote.fetched"):
                server.jobs.clear()
                await anyio.Path(failpoint).write_text(point)
                ended = await acme.end(await acme.submit(**ASKED))
                assert ended.status == "completed", ended.error
                assert not await anyio.Path(failpoint).exists(), point
                assert len(server.jobs) == 1, point
                (job,) = server.jobs.values()
                with zipfile.ZipFile(acme.package(ended)) as archive:
                    report = next(name for name in archive.namelist() if name.endswith(".csv"))
                    lines = archive.read(report).decode("utf-8-sig").splitlines()
                    (name,) = [name for name in archive.namelist() if name.startswith("attachments/")]
                    given = archive.read(name)
                # The package lies in ours as it came, and the rows are what it holds.
                assert given == job.package, point
                assert name == "attachments/undated/remote/worktype-matter.zip"
                (tmp_path / "given.zip").write_bytes(given)
                held = {step.sha256 for step in packages.inspect(tmp_path / "given.zip").steps}
                assert len(lines) == 6, lines
                assert all(any(digest in line for line in lines) for digest in held)


async def test_cancelling_an_export_cancels_the_remote_job(
    acme: Organisation, settings: Settings, database_url: str
) -> None:
    looked = threading.Event()
    with sharedo(looks=1_000_000) as server:
        server.on_call = lambda _method, path: looked.set() if path.endswith("/progress/") else None
        await ready(acme, server)
        async with Worker(settings, database_url, LADING_ALLOWED_NETWORKS="127.0.0.1/32"):
            export = await acme.submit(**ASKED)
            assert await anyio.to_thread.run_sync(looked.wait, 120)
            await acme.service.cancel(
                acme.principal, acme.tenant_id, ids.parse(ids.EXPORT, export.id), reason="not needed"
            )
            ended = await acme.end(export)

    assert ended.status == "cancelled"
    assert [job.is_cancelled for job in server.jobs.values()] == [True]
