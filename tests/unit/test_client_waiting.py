"""Waiting sees the end as soon as it is there, tells each thing once, and gives up only when it was told to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from lading.client.polling import Watcher
from lading.client.sync import following, waiting
from lading.client.sync import session as shell
from lading.client.sync.client import Client
from lading.errors import ExportEndedBadly, LadingError, NotFound, QueueFull, ServerUnreachable, WaitTimeout
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
    """Answers looks from a script of (version, state or fault, seconds until the answer); `stream` tells of events."""

    clock: Clock
    script: list[tuple[int, Any, float]]
    asked: list[tuple[str | None, str | None]] = field(default_factory=list)
    stream: list[Callable[[], Iterator[bytes]] | httpx2.Response | Exception] = field(default_factory=list)
    places: list[str | None] = field(default_factory=list)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("/events"):
            return self._streamed(request)
        self.asked.append((request.url.params.get("wait"), request.headers.get("If-None-Match")))
        version, state, seconds = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        self.clock.now += seconds
        if isinstance(state, Exception):
            raise state
        if isinstance(state, int):
            return httpx2.Response(state)
        if isinstance(state, httpx2.Response):
            return state
        if request.headers.get("If-None-Match") == f'"v{version}"':
            return httpx2.Response(304)
        return httpx2.Response(200, json=EXPORT | {"version": version} | state)

    def _streamed(self, request: httpx2.Request) -> httpx2.Response:
        self.places.append(request.headers.get("Last-Event-ID"))
        found = self.stream.pop(0) if self.stream else httpx2.Response(404)
        if isinstance(found, Exception):
            raise found
        if isinstance(found, httpx2.Response):
            return found
        return httpx2.Response(200, headers={"Content-Type": "text/event-stream"}, content=found())


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(waiting, "clock", lambda: made.now)
    monkeypatch.setattr(following, "clock", lambda: made.now)
    monkeypatch.setattr(shell, "sleep", made.rest)
    return made


def _running(percent: float, attempt: int = 1) -> dict[str, Any]:
    return {"status": "running", "progress": {"percent": percent, "rows": 0, "bytes": 0}, "attempt": attempt}


def _wait(server: Server, *, timeout: float | None = 120.0, watcher: Watcher | None = None) -> Export:
    with Client("http://lading.test", transport=httpx2.MockTransport(server)) as client:
        return client.exports.wait("exp_1", timeout=timeout, watcher=watcher)


BEGIN = b"retry: 2000\nid: 7\n\n"


def _event(place: int, kind: str = "export.completed") -> bytes:
    return f"id: {place}\nevent: {kind}\ndata: {{}}\n\n".encode()


def test_an_event_says_when_to_look(clock: Clock) -> None:  # C2
    def stream() -> Iterator[bytes]:
        clock.now += 1
        yield BEGIN
        clock.now += 30
        yield b": beat\nid: 8\n\n"
        clock.now += 9
        yield _event(9)

    server = Server(clock, [(1, {}, 0.0), (1, {}, 0.0), (2, {"status": "completed"}, 0.0)], stream=[stream])

    assert _wait(server).status == "completed"
    assert server.asked == [(None, None), (None, '"v1"'), (None, '"v1"')]
    assert clock.rests == []


def test_what_happened_before_the_stream_began_is_seen(clock: Clock) -> None:  # C2
    def stream() -> Iterator[bytes]:
        yield BEGIN
        raise AssertionError("nothing more is to be heard")

    server = Server(clock, [(1, {}, 0.0), (2, {"status": "completed"}, 0.0)], stream=[stream])

    assert _wait(server).status == "completed"


def test_a_stream_that_is_cut_goes_on_where_it_was(clock: Clock) -> None:  # C2
    told: list[str] = []

    def cut() -> Iterator[bytes]:
        yield BEGIN
        clock.now += 20
        yield _event(11, "export.started")
        raise httpx2.ReadError("cut")

    def again() -> Iterator[bytes]:
        yield BEGIN
        yield _event(12)

    states = [(1, {}, 0.0), (1, {}, 0.0), (2, _running(5), 0.0), (2, _running(5), 0.0), (3, {"status": "completed"}, 0)]
    server = Server(clock, list(states), stream=[cut, again])
    watcher = Watcher(on_complete=lambda _: told.append("complete"), on_stalled=lambda _: told.append("stalled"))

    _wait(server, watcher=watcher)

    assert server.places == [None, "11"]
    assert told == ["complete"]


@pytest.mark.parametrize(
    "refused",
    [
        httpx2.Response(404),
        httpx2.Response(429, json={"code": "too-many-streams", "detail": "No."}),
        httpx2.Response(200, json={"items": [], "next": 7}),
        httpx2.ReadTimeout("a proxy holds it back"),
    ],
)
def test_where_no_stream_comes_through_looks_are_held(  # C2
    clock: Clock, refused: httpx2.Response | Exception
) -> None:
    server = Server(clock, [(1, {}, 0.0), (2, {"status": "completed"}, 7.0)], stream=[refused, refused])

    assert _wait(server).status == "completed"
    assert server.asked == [(None, None), ("20.0", '"v1"')]


def test_a_stream_that_ends_at_once_again_and_again_is_given_up(clock: Clock) -> None:  # C2
    server = Server(clock, [(1, {}, 0.0)] * 3 + [(2, {"status": "completed"}, 7.0)], stream=[lambda: iter([BEGIN])] * 9)

    _wait(server)

    assert len(server.places) == 2
    assert server.asked[-1][0] == "20.0"


def test_a_stream_that_is_no_use_is_remembered_for_the_environment(clock: Clock) -> None:
    page = httpx2.Response(200, json={"items": [], "next": 7})
    server = Server(clock, [(1, {}, 0.0), (2, {"status": "completed"}, 1.0)] * 2, stream=[page] * 9)

    with Client("http://lading.test", transport=httpx2.MockTransport(server)) as client:
        client.exports.wait("exp_1")
        server.script[:] = [(1, {}, 0.0), (2, {"status": "completed"}, 1.0)]
        client.exports.wait("exp_1")

    assert len(server.places) == 1


def test_a_look_that_is_put_off_is_made_when_the_server_said(clock: Clock) -> None:  # C2
    full = httpx2.Response(429, json={"code": "quota-exceeded", "detail": "No."}, headers={"Retry-After": "40"})
    server = Server(clock, [(1, {}, 0.0), (1, full, 0.0), (1, full, 0.0), (2, {"status": "completed"}, 0.0)])

    assert _wait(server).status == "completed"
    assert [seconds for seconds in clock.rests if seconds > 1] == [40.0, 40.0]


def test_a_server_that_always_puts_off_is_left(clock: Clock) -> None:  # C2
    full = httpx2.Response(429, json={"code": "quota-exceeded", "detail": "No."}, headers={"Retry-After": "121"})
    broken = httpx2.Response(500, json={"code": "internal-error", "detail": "Oh."})

    with pytest.raises(QueueFull):
        _wait(Server(clock, [(1, {}, 0.0), (1, full, 0.0)]), timeout=None)
    with pytest.raises(LadingError, match="Oh"):
        _wait(Server(clock, [(1, {}, 0.0), (1, broken, 0.0)]), timeout=None)


def test_who_waits_for_a_person_or_a_time_has_not_stalled(clock: Clock) -> None:  # C3
    told: list[str] = []
    held = _running(0) | {"status": "pending", "waiting_for": "approval"}
    server = Server(clock, [(1, held, 0.0), *[(1, {}, 20.0)] * 50, (2, {"status": "completed"}, 1.0)])

    _wait(server, timeout=None, watcher=Watcher(on_stalled=lambda _: told.append("stalled")))

    assert told == []


def test_one_that_is_slow_has_stalled_later_than_one_that_is_quick(clock: Clock) -> None:  # C3
    slow, at = [(n, _running(n), 50.0) for n in range(1, 4)], []
    server = Server(clock, [*slow, *[(3, {}, 20.0)] * 9, (4, {"status": "completed"}, 1.0)])

    _wait(server, timeout=None, watcher=Watcher(on_stalled=lambda _: at.append(clock.now)))

    assert len(at) == 1
    assert at[0] >= 1000 + 150 + 100


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
