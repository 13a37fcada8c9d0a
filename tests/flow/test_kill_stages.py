"""A worker killed in any stage, before or after its commit: the export completes, once, and redoes nothing."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import pytest

from lading import ids
from lading.artifacts.verify import verify
from lading.ledger.trust import Trust
from lading.settings import Settings
from tests.flow.organisation import BAD, DUPLICATE, ROWS, Organisation, Worker

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]

STAGES = ("querying", "mapping", "generating", "bundling", "auditing")
POINTS = [f"{stage}.{moment}" for stage in STAGES[:-1] for moment in ("begun", "done", "checkpointed")]
POINTS += ["auditing.begun", "auditing.done", "artifacts.placed", "settling", "settled"]


async def events(acme: Organisation, export_id: str) -> Counter[tuple[str, str]]:
    history = await acme.service.history(acme.tenant_id, ids.parse(ids.EXPORT, export_id))
    assert [entry["rev"] for entry in history] == list(range(1, len(history) + 1))  # no gap, no repeat
    return Counter((entry["type"], entry["data"].get("stage", "")) for entry in history)


async def test_an_export_killed_at_every_point_completes_once(  # P1, P2, E2
    acme: Organisation, settings: Settings, database_url: str, tmp_path: Path
) -> None:
    failpoint = tmp_path / "failpoint"
    digests: set[str] = set()
    async with Worker(settings, database_url, LADING_FAILPOINT_FILE=str(failpoint)):
        for point in ["", *POINTS]:
            if point:
                failpoint.write_text(point)
            ended = await acme.end(await acme.submit(format="csv", include_attachments=True))

            assert not failpoint.exists(), f"{point} was not reached"
            assert (ended.status, ended.error) == ("completed", None), point
            happened = await events(acme, ended.id)
            killed, _, moment = point.partition(".")
            for stage in STAGES:
                again = stage == killed and moment in {"begun", "done"}
                redone = again or (stage == "auditing" and killed in {"artifacts", "settling"})
                assert happened["export.stage_started", stage] == (2 if redone else 1), (point, stage)
                assert happened["export.stage_completed", stage] == 1, (point, stage)
            assert happened["export.completed", ""] == 1, point
            report = verify(acme.package(ended), Trust.load(settings.trust_file))
            assert report.manifest["rows"] == {
                "read": ROWS + DUPLICATE,
                "written": ROWS - BAD,
                "quarantined": BAD,
                "duplicate": DUPLICATE,
            }
            digests.add(hashlib.sha256(acme.package(ended).read_bytes()).hexdigest())

    assert len(digests) == 1  # E12: the same bytes, however often it was killed


@pytest.mark.parametrize("stage", STAGES)
async def test_an_export_whose_whole_worker_is_killed_completes_once(  # O3, P1
    acme: Organisation, settings: Settings, database_url: str, tmp_path: Path, stage: str
) -> None:
    failpoint = tmp_path / "failpoint"
    failpoint.write_text(f"{stage}.done worker")
    async with Worker(settings, database_url, LADING_FAILPOINT_FILE=str(failpoint)) as worker:
        ended = await acme.end(await acme.submit(format="xlsx"))

    assert (ended.status, worker.starts >= 2) == ("completed", True)
    assert (await events(acme, ended.id))["export.completed", ""] == 1
