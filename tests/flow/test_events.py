"""A follower of events gets each once, also when the API process is killed and started again while they happen."""

# O15

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

from lading.client import Client
from lading.client.retries import Retries
from lading.wire.events import Event
from lading.wire.jobs import JobRequest
from tests.flow.conftest import environment
from tests.flow.test_up import family


def test_nothing_is_lost_or_repeated_when_the_api_is_killed_in_the_middle(up, tmp_path: Path) -> None:
    tree = up()
    patience = Retries(most=200, first_seconds=0.1, longest_seconds=0.5)
    heard: list[Event] = []
    done = threading.Event()

    with Client(tree.url, token=tree.token, tenant="instance", patience=patience, timeout=20) as client:
        start = client.events.page().next

        def follow() -> None:
            for event in client.events(after=start):
                heard.append(event)
                if event.subject == last and event.type in {"job.completed", "jobs.completed"}:
                    break
                if event.type == "jobs.completed" and any(each.startswith(last) for each in event.data["jobs"]):
                    break
            done.set()

        last = "not yet known"
        follower = threading.Thread(target=follow, daemon=True)
        follower.start()
        for number in range(30):
            made = client.jobs.create(JobRequest(kind="noop", payload={"seconds": 0.2}), idempotency_key=f"n{number}")
            last = made.id
            if number in {8, 18}:
                family(tree.process.pid)["api"].kill()
        assert done.wait(240)

        missed = client.events.page(after=start, limit=500).items[: len(heard)]
    assert [event.id for event in heard] == [*range(start + 1, start + 1 + len(heard))]
    assert [event.id for event in missed] == [event.id for event in heard]


def test_the_command_line_follows_events(up, tmp_path: Path) -> None:
    tree = up()
    given = {"LADING_URL": tree.url, "LADING_TOKEN": tree.token, "LADING_TENANT": "instance"}
    process = subprocess.Popen(
        [sys.executable, "-m", "lading.cli", "events", "tail", "--topic=jobs", "--after=0", "--limit=1", "--json"],
        env=environment(tmp_path / "none", given),
        stdout=subprocess.PIPE,
        text=True,
    )

    with Client(tree.url, token=tree.token, tenant="instance") as client:
        client.jobs.create(JobRequest(kind="noop"))
    out, _ = process.communicate(timeout=200)

    assert json.loads(out)["type"] == "jobs.enqueued"
    assert process.returncode == 0
    assert tree.stop(signal.SIGTERM) == 0
