"""Exports read in parts, shared or not, killed or not: the same bytes, every row once."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lading import ids
from lading.artifacts.verify import verify
from lading.exports import registry
from lading.ledger.entry import SYSTEM
from lading.ledger.trust import Trust
from lading.settings import Settings
from lading.wire.exports import Export
from tests.flow.organisation import BAD, DUPLICATE, PROFILE, ROWS, Organisation, Worker

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]

FORMATS = ["csv", "tsv", "xlsx", "json", "ndjson", "parquet", "xml", "pdf"]
TOTALS = {"label": "Total", "label_column": "Kind", "columns": {"Minutes": "sum"}}
COUNTS = {"read": ROWS + DUPLICATE, "written": ROWS - BAD, "quarantined": BAD, "duplicate": DUPLICATE}


async def revision(acme: Organisation, parts: Mapping[str, int] | None, **changes: Any) -> int:
    """Store a revision of the profile that is read in parts; None: at once."""
    source = {**PROFILE["source"], **({} if parts is None else {"parts": dict(parts)})}
    document = {**PROFILE, "formats": FORMATS, "totals": TOTALS, **changes, "source": source}
    given = {key: value for key, value in document.items() if value is not None}
    async with acme.database.tenant(acme.tenant_id) as tx:
        return (await registry.put(tx, given, actor=SYSTEM, activate=True)).revision


async def events(acme: Organisation, export: Export) -> Counter[str]:
    history = await acme.service.history(acme.tenant_id, ids.parse(ids.EXPORT, export.id))
    return Counter(entry["type"] for entry in history)


def digests(acme: Organisation, export: Export) -> list[str]:
    """Return the digests of package and reports."""
    assert (export.status, export.error) == ("completed", None)
    return [hashlib.sha256(acme.package(export).read_bytes()).hexdigest(), *(each.sha256 for each in export.artifacts)]


@pytest.mark.parametrize(
    ("form", "deduplicate"), [("parquet", PROFILE["deduplicate"]), ("csv", None)], ids=["deduplicated", "joined"]
)
async def test_shared_parts_make_the_package_that_one_worker_makes_alone(  # P16, P8, E12
    acme: Organisation, settings: Settings, database_url: str, form: str, deduplicate: Mapping[str, Any] | None
) -> None:
    at_once = await revision(acme, None, deduplicate=deduplicate)
    in_parts = await revision(acme, {"rows": 700}, deduplicate=deduplicate)
    async with Worker(settings, database_url, LADING_SPLIT_PARTS="0"):
        whole = await acme.end(await acme.submit(revision=at_once, format=form, include_attachments=True))
        alone = await acme.end(await acme.submit(revision=in_parts, format=form, include_attachments=True))
    async with Worker(settings, database_url), Worker(settings, database_url):
        shared = await acme.end(await acme.submit(revision=in_parts, format=form, include_attachments=True))

    assert digests(acme, shared) == digests(acme, alone)
    assert [each.sha256 for each in shared.artifacts[1:]] == [each.sha256 for each in whole.artifacts[1:]]
    assert shared.rows == whole.rows
    manifest = verify(acme.package(shared), Trust.load(settings.trust_file)).manifest
    assert (manifest["consistency"], manifest["parts"]) == ("parts", 6)
    assert ((await events(acme, alone))["export.split"], (await events(acme, shared))["export.split"]) == (0, 1)


POINTS = ["parts.planned", "part.begun", "part.done", "part.checkpointed"]


async def test_killed_at_every_point_of_a_part_it_goes_on_after_the_last_durable_one(  # P1, P2
    acme: Organisation, settings: Settings, database_url: str, tmp_path: Path
) -> None:
    failpoint = tmp_path / "failpoint"
    await revision(acme, {"rows": 1100})
    made: dict[str, Export] = {}
    async with Worker(settings, database_url, LADING_FAILPOINT_FILE=str(failpoint), LADING_SPLIT_PARTS="0"):
        for point in ["", *POINTS]:
            if point:
                failpoint.write_text(point)
            made[point] = await acme.end(await acme.submit(format="csv"), 200)

            assert not failpoint.exists(), f"{point} was not reached"

    for point, export in made.items():
        assert digests(acme, export) == digests(acme, made[""]), point
        assert (await attempts_of_parts(acme, export)) == (
            {1: 1, 2: 3} if point == "part.checkpointed" else {2 if point else 1: 4}
        ), point


async def test_a_worker_killed_among_two_that_share_an_export_loses_nothing(  # P1, P16, O3
    acme: Organisation, settings: Settings, database_url: str, tmp_path: Path
) -> None:
    failpoint = tmp_path / "failpoint"
    await revision(acme, {"rows": 1100})
    made: dict[str, Export] = {}
    environment = {"LADING_FAILPOINT_FILE": str(failpoint)}
    async with Worker(settings, database_url, **environment), Worker(settings, database_url, **environment):
        for point in ["", "parts.planned", "part.done", "part.done worker", "mapping.done"]:
            if point:
                failpoint.write_text(point)
            made[point] = await acme.end(await acme.submit(format="csv"), 200)

            assert not failpoint.exists(), f"{point} was not reached"

    for point, export in made.items():
        assert digests(acme, export) == digests(acme, made[""]), point
        assert sum((await attempts_of_parts(acme, export)).values()) == 4, point


async def attempts_of_parts(acme: Organisation, export: Export) -> Counter[int]:
    """Return how many parts which attempt has done."""
    history = await acme.service.history(acme.tenant_id, ids.parse(ids.EXPORT, export.id))
    revs = [entry["rev"] for entry in history]
    assert revs == list(range(1, len(revs) + 1))
    return Counter(entry["data"]["attempt"] for entry in history if entry["type"] == "export.part_completed")
