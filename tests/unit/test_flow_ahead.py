"""A stage that runs ahead is seen to come forward, and nothing of it is left when the attempt ends."""

from __future__ import annotations

import os
import threading
import uuid
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from lading.artifacts.blobs import BlobStore
from lading.exports.model import Plan, Stage, Status, StoredExport
from lading.exports.pipeline import STAGES
from lading.exports.profile import parse
from lading.exports.stages.flow import Flow
from lading.exports.stages.querying import spool
from lading.exports.stages.work import Stopped, Work
from lading.ledger.keys import Signer
from lading.sources.model import Source

ROWS = 20_000
_TRIES = 600  # a tenth of a second each


def seen(_done: int, _total: int | None) -> None:
    """Look at nothing."""


@pytest.fixture
def work(tmp_path: Path) -> Work:
    """The input of a stage of an export whose rows lie in its spool."""
    document: dict[str, Any] = {
        "profile": "p",
        "type": "t",
        "title": "T",
        "source": {"name": "s", "query": "SELECT 1", "key": ["n"]},
        "formats": ["csv"],
        "columns": [
            {"name": "N", "from": "n", "type": "integer"},
            {"name": "Text", "from": "text", "type": "string"},
        ],
    }
    day, now = date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC)
    plan = Plan("p", 1, "t", "csv", day, day, {}, include_attachments=False)
    export = StoredExport(
        *(uuid.uuid4(), "t", "T", uuid.uuid4(), uuid.uuid4(), plan, Status.RUNNING, None, 0, {}, [], None, None, 1, 1),
        *(now, None, None, None, None, "p"),
    )
    made = Work(
        export=export,
        profile=parse(document),
        profile_digest="",
        source=Source(export.tenant_id, "s", "sqlite"),
        blobs=BlobStore(tmp_path / "blobs"),
        prefix="attempt",
        salt=b"0" * 32,
        signer=Signer.generate("package"),
        trust_file=tmp_path / "trust",
        results={},
        advance=seen,
    )
    batch = pa.RecordBatch.from_pydict({"n": list(range(ROWS)), "text": [f"{n:060}" for n in range(ROWS)]})
    count, file = spool(made, "rows.arrow", iter([batch.slice(0, 10_000), batch.slice(10_000)]), base=0)
    return replace(made, results={Stage.QUERYING: {"rows": count, "attachments": 0, "files": {"rows": file}}})


def test_who_waits_for_a_stage_that_runs_ahead_sees_how_far_it_is(work: Work) -> None:
    day = work.export.plan.period_from
    report = work.folder("out") / f"{work.profile.file_stem(day, day)}.csv"
    os.mkfifo(report)  # whoever writes the report waits for us
    is_seen = threading.Event()

    def read() -> None:
        with report.open("rb") as file:
            file.read(ROWS * 45)  # the first half and some of the second
            is_seen.wait()
            while file.read(1 << 20):
                pass

    tries = iter(range(_TRIES))

    def watch(done: int, _total: int | None) -> None:
        if done or next(tries, None) is None:
            raise Stopped(done)

    reader = threading.Thread(target=read)
    reader.start()
    flow = Flow(STAGES)
    mapped = flow.run(Stage.MAPPING, work)
    with pytest.raises(Stopped) as stopped:
        flow.run(Stage.GENERATING, replace(work, results={**work.results, Stage.MAPPING: mapped}, advance=watch))
    is_seen.set()
    flow.abandon()
    reader.join()

    assert 0 < stopped.value.args[0] < ROWS


def test_a_text_that_was_deflated_and_not_used_is_removed(work: Work) -> None:
    flow = Flow(STAGES)
    results = {**work.results, Stage.MAPPING: flow.run(Stage.MAPPING, work)}
    flow.run(Stage.GENERATING, replace(work, results=results))

    flow.abandon()

    assert {path.name for path in work.folder("out").parent.iterdir() if path.is_dir()} == {"mapping", "out"}


@pytest.mark.parametrize("started", [0, 1])
def test_what_ran_ahead_ends_when_a_thread_for_the_rest_can_not_be_had(
    work: Work, started: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, start = set(threading.enumerate()), threading.Thread.start
    left = iter([True] * started)

    def scarce(thread: threading.Thread) -> None:
        if thread.name == "ahead" and not next(left, False):
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", scarce)
    flow = Flow(STAGES)
    with pytest.raises(RuntimeError, match="can't start"):
        flow.run(Stage.MAPPING, work)
    ending = threading.Thread(target=flow.abandon, daemon=True)
    ending.start()
    ending.join(60)

    assert not ending.is_alive()
    assert not [each for each in threading.enumerate() if each not in before]
