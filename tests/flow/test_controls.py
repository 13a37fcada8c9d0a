"""docs/how-to/operate.md is true: jobs are made, slowed down, replayed and steered in bulk on a running Lading."""

from __future__ import annotations

import itertools
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lading.cli import exits
from tests.flow.conftest import Up, start
from tests.flow.desks import WHY, Desk, look, opened, told

pytestmark = pytest.mark.timeout(600)

_NUMBERS = itertools.count(1)
_LOOKS = 60


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    tree = start(data_dir=tmp_path_factory.mktemp("up") / "data")
    yield tree
    tree.stop(signal.SIGTERM)


@pytest.fixture
def desk(tree: Up, lading: Desk, tmp_path: Path) -> Desk:
    """The command line of a tenant with a source."""
    desk = opened(tree, lading, slug=f"drill-{next(_NUMBERS)}", folder=tmp_path)
    told(desk("sources", "put", "spare", "--credentials", "env:SPARE_URL"))
    return desk


def until(desk: Desk, job_id: str, **wanted: Any) -> dict[str, Any]:
    """Return the job when it is as wanted: nobody sends a signal to the command line when a job goes on."""
    job: dict[str, Any] = {}
    for _ in range(_LOOKS):
        job = look(desk, "jobs", "get", job_id)
        if all(job[name] == value for name, value in wanted.items()):
            return job
    raise AssertionError(f"{job['state']}, waiting for {job['waiting_for']}, not {wanted}")


def test_a_job_runs_dies_and_is_replayed(desk: Desk) -> None:  # O1, O11, O12
    job = look(desk, "jobs", "create", "noop", "--payload", '{"fail": "drill"}', "--max-attempts", "1")
    until(desk, job["id"], state="dead")
    stats = look(desk, "deadletters", "stats")

    copy = look(desk, "jobs", "replay", job["id"], *WHY)
    until(desk, copy["id"], state="dead")

    assert (stats["open"], stats["by_code"]) == (1, [{"name": "drill", "count": 1}])
    assert (copy["replay_of"], copy["priority"], copy["payload_digest"]) == (job["id"], 100, job["payload_digest"])
    types = [event["type"] for event in look(desk, "jobs", "history", job["id"])]
    assert types[0] == "jobs.enqueued"
    assert types[-2:] == ["job.dead", "job.replayed"]
    assert look(desk, "deadletters", "health")["open"] == 2


def test_many_jobs_are_held_back_counted_and_let_go(desk: Desk, tmp_path: Path) -> None:  # O10
    told(desk("throttle", "tenant", "--max-active", "0", *WHY))
    lines = [json.dumps({"kind": "noop", "source": "spare", "subject": "drill:7"})] * 5
    (tmp_path / "jobs.ndjson").write_text("\n".join(lines))
    made = [each["id"] for each in look(desk, "jobs", "create-batch", str(tmp_path / "jobs.ndjson"))]
    until(desk, made[0], waiting_for="quota")
    which = ("--subject", "drill:7")

    counted = look(desk, "jobs", "bulk", "pause", *which, *WHY, "--dry-run")
    paused = look(desk, "jobs", "bulk", "pause", *which, *WHY, "--yes")
    told(desk("throttle", "tenant", "--lift", *WHY))
    held = until(desk, made[0], waiting_for="pause")
    resumed = look(desk, "jobs", "bulk", "resume", *which, *WHY, "--yes")
    for _ in range(_LOOKS):
        if len(done := look(desk, "jobs", "list", *which, "--state", "completed")) == len(made):
            break

    assert sorted(job["id"] for job in done) == made
    assert (counted["matched"], counted["done"], paused["done"], resumed["done"]) == (5, 0, 5, 5)
    assert (held["state"], look(desk, "throttles", "slowed")) == ("pending", [])
    over = look(desk, "pauses", "--over", "--limit", "200")
    assert {(each["reason"], each["lift_reason"]) for each in over} == {("a drill", "a drill")}
    assert desk("jobs", "bulk", "retry", "--state", "completed", *which, *WHY, "--yes").returncode == exits.CONFLICT


def test_a_source_is_deleted_when_nothing_calls_it(desk: Desk) -> None:  # O1
    job = look(desk, "jobs", "create", "noop", "--source", "spare", "--in", "2h")
    busy = desk("sources", "delete", "spare", *WHY, "--yes")
    told(desk("jobs", "cancel", job["id"], *WHY))
    told(desk("sources", "delete", "spare", *WHY, "--yes"))

    assert (busy.returncode, job["id"] in busy.stderr) == (exits.CONFLICT, True)
    assert desk("sources", "get", "spare").returncode == exits.NOT_FOUND
    slip = desk("pause", "source", "sapre", *WHY)
    assert (slip.returncode, "known are: spare" in slip.stderr) == (exits.NOT_FOUND, True)
