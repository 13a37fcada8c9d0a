"""Waiting sees the end as soon as it is there, tells each thing once, and gives up only when it was told to."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from lading.client.polling import Watcher
from lading.client.sync import session as shell
from lading.client.sync import waiting
from lading.client.sync.client import Client
from lading.errors import ExportEndedBadly, NotFound, ServerUnreachable, WaitTimeout
from lading.wire.exports import Export

EXPORT: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "golden" / "client" / "export.json").read_text("utf-8")
)


@dataclass
class Clock:
    """A clock that moves when somebody rests or a look is held."""

    now: float = 1000.0
    rests: list[float] = field(default_factory=list)

    def rest(self, seconds: float) -> None:
        self.rests.append(seconds)
        self.now += seconds


@dataclass
class Server:
    """Answers looks from a script of (version, state or fault, seconds until the answer)."""

    clock: Clock
    script: list[tuple[int, Any, float]]
    asked: list[tuple[str | None, str | None]] = field(default_factory=list)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append((request.url.params.get("wait"), request.headers.get("If-None-Match")))
        version, state, seconds = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        self.clock.now += seconds
        if isinstance(state, Exception):
            raise state
        if isinstance(state, int):
            return httpx2.Response(state)
        if request.headers.get("If-None-Match") == f'"v{version}"':
            return httpx2.Response(304)
        return httpx2.Response(200, json=EXPORT | {"version": version} | state)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(waiting, "clock", lambda: made.now)
    monkeypatch.setattr(shell, "sleep", made.rest)
    return made


def _running(percent: float, attempt: int = 1) -> dict[str, Any]:
    return {"status": "running", "progress": {"percent": percent, "rows": 0, "bytes": 0}, "attempt": attempt}


def _wait(server: Server, *, timeout: float | None = 120.0, watcher: Watcher | None = None) -> Export:
    with Client("http://lading.test", transport=httpx2.MockTransport(server)) as client:
        return client.exports.wait("exp_1", timeout=timeout, watcher=watcher)


def test_a_look_is_held_by_the_server_until_something_changes(clock: Clock) -> None:  # C2
    server = Server(clock, [(1, {}, 0.0), (1, {}, 20.0), (2, _running(5), 7.0), (3, {"status": "completed"}, 9.0)])

    export = _wait(server)

    assert export.status == "completed"
    assert server.asked == [(None, None), ("20.0", '"v1"'), ("20.0", '"v1"'), ("20.0", '"v2"')]
    assert sum(clock.rests) < 0.2


def test_a_server_that_holds_nothing_is_looked_at_less_often(clock: Clock) -> None:  # C2
    states = [(1, _running(10), 0.0)] * 9 + [(2, _running(95), 0.0)] * 2 + [(3, {"status": "completed"}, 0.0)]
    server = Server(clock, list(states))

    _wait(server)

    assert clock.rests[1:5] == [0.5] * 3 + [2.0]
    assert clock.rests[-1] == 0.5
    assert server.asked[-1] == (None, '"v2"')


def test_a_proxy_that_cuts_long_looks_is_asked_for_shorter_ones(clock: Clock) -> None:
    cut = httpx2.ReadError("cut")
    server = Server(
        clock, [(1, {}, 0.0), (1, cut, 10.0), (1, cut, 4.0), (1, {}, 0.0), (2, {"status": "completed"}, 0.0)]
    )

    _wait(server)

    assert [wait for wait, _ in server.asked] == [None, "20.0", "5.0", "2.0", None]


def test_the_deadline_is_kept_and_names_the_way_back(clock: Clock) -> None:
    server = Server(clock, [(1, {}, 0.0), (1, {}, 20.0), (1, {}, 10.0)])

    with pytest.raises(WaitTimeout, match="lading exports wait exp_1"):
        _wait(server, timeout=30.0)

    assert server.asked[-1][0] == "10.0"


def test_progress_never_falls_within_an_attempt(clock: Clock) -> None:  # C3
    told: list[tuple[int, float]] = []
    server = Server(
        clock,
        [
            (1, _running(40), 1),
            (2, _running(30), 1),
            (3, _running(60), 1),
            (4, _running(5, 2), 1),
            (5, {"status": "completed"}, 1),
        ],
    )

    _wait(server, watcher=Watcher(lambda export: told.append((export.attempt, export.progress.percent))))

    assert told[:4] == [(1, 40.0), (1, 40.0), (1, 60.0), (2, 5.0)]


def test_a_stall_and_the_end_are_told_once(clock: Clock) -> None:  # C3
    told: list[str] = []
    watcher = Watcher(
        on_stalled=lambda _: told.append("stalled"),
        on_complete=lambda _: told.append("complete"),
        on_error=lambda _: told.append("error"),
    )
    server = Server(clock, [(1, _running(1), 0.0), *[(1, {}, 20.0)] * 10, (2, {"status": "failed"}, 1.0)])

    _wait(server, timeout=None, watcher=watcher)

    assert told == ["stalled", "error"]


def test_an_outage_is_borne_for_a_minute_and_no_longer(clock: Clock) -> None:
    down = httpx2.ConnectError("refused")
    short = Server(clock, [(1, {}, 0.0), *[(1, down, 0.0)] * 30, (2, {"status": "completed"}, 0.0)])
    told: list[str] = []
    assert _wait(short, watcher=Watcher(on_outage=lambda export: told.append(export.id))).status == "completed"
    assert told == ["exp_1"]

    with pytest.raises(ServerUnreachable):
        _wait(Server(clock, [(1, {}, 0.0), (1, down, 0.0)]), timeout=None)


def test_an_export_that_is_not_there_is_not_waited_for(clock: Clock) -> None:
    with pytest.raises(NotFound):
        _wait(Server(clock, [(1, 404, 0.0)]))


def test_a_result_that_is_none_says_why(clock: Clock) -> None:
    fault = {"code": "no-data", "message": "No rows.", "stage": "QUERYING", "attempt": 1, "retryable": True}
    server = Server(clock, [(2, {"status": "failed", "error": fault}, 0.0)])

    client = Client("http://lading.test", transport=httpx2.MockTransport(server))

    with client, pytest.raises(ExportEndedBadly, match=r"exp_1 failed while querying: No rows\. .*exports retry exp_1"):
        client.exports.result("exp_1")
