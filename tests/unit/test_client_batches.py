"""A run or a batch is never asked for twice, goes on after every kill, and one failure takes no other with it."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.export_server import ExportServer

from lading.client import AsyncClient
from lading.client.batching import BatchItem, BatchResult
from lading.client.journal import Journal
from lading.client.polling import Watcher
from lading.client.recovery import Recovery
from lading.client.retries import Retries
from lading.client.sync import running
from lading.client.sync import session as shell
from lading.client.sync.client import Client
from lading.errors import Conflict, ExportEndedBadly, InvalidInput, NotFound, RecoveryFailed, WaitTimeout
from lading.wire.exports import ExportRequest

SOURCES = str(Path(__file__).parents[2] / "src")
REQUEST = ExportRequest(profile="bufdir", period={"from": "2025-01-01", "to": "2025-12-31"})
REQUESTS = [ExportRequest(profile=f"p{number}") for number in range(12)]
NOTHING = Recovery(extensions=0, tries=0)
PROGRAM = """
import sys; sys.path.insert(0, sys.argv[1])
from pathlib import Path
from lading.client import Client
from lading.wire.exports import ExportRequest
journal, out, url, count = Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4], int(sys.argv[5])
with Client(url, journal=journal) as client:
    if count == 1:
        client.exports.run(ExportRequest(profile="p0"), out)
    else:
        client.exports.batch([ExportRequest(profile=f"p{n}") for n in range(count)], folder=out)
"""


@pytest.fixture
def server() -> Iterator[ExportServer]:
    with ExportServer() as made:
        yield made


@pytest.fixture
def client(server: ExportServer, tmp_path: Path) -> Iterator[Client]:
    with Client(server.url, journal=tmp_path / "journal", patience=Retries(most=0)) as made:
        yield made


def _left(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "journal").glob("*"))


def _start(server: ExportServer, tmp_path: Path, count: int = 1) -> subprocess.Popen[bytes]:
    arguments = [SOURCES, str(tmp_path / "journal"), str(tmp_path / "out"), server.url, str(count)]
    return subprocess.Popen([sys.executable, "-c", PROGRAM, *arguments], stderr=subprocess.DEVNULL)


def test_a_run_brings_the_package_and_leaves_nothing_behind(
    server: ExportServer, client: Client, tmp_path: Path
) -> None:  # C1
    told: list[str] = []
    watcher = Watcher(on_complete=lambda export: told.append(export.status))

    found = client.exports.run(REQUEST, tmp_path / "out", watcher=watcher)

    assert found.path == tmp_path / "out" / "exp_1" / "package.zip"
    assert found.path.read_bytes() == server.package
    assert (told, _left(tmp_path)) == (["completed"], [])


@pytest.mark.parametrize("when", ["before the answer", "at half of the download"])
def test_a_killed_run_goes_on_and_is_not_asked_for_twice(server: ExportServer, tmp_path: Path, when: str) -> None:  # C1
    reached, hold = threading.Event(), threading.Event()

    def stop() -> None:
        reached.set()
        assert hold.wait(60)

    if when == "before the answer":
        server.on_post = stop
    else:
        server.cut_after, server.on_cut = len(server.package) // 2, stop
    program = _start(server, tmp_path)
    assert reached.wait(60)
    program.send_signal(signal.SIGKILL)
    program.wait(60)
    server.on_post = server.on_cut = lambda: None
    hold.set()

    with Client(server.url, journal=tmp_path / "journal") as client:
        [item] = client.exports.recover().items
        again = client.exports.recover()

    assert (item.state, item.is_resumed, again.total) == ("completed", when != "before the answer", 0)
    assert item.path is not None
    assert item.path.read_bytes() == server.package
    assert len(server.requests) == 1
    assert _left(tmp_path) == []


def test_a_killed_batch_goes_on_where_it_was(server: ExportServer, tmp_path: Path) -> None:  # C1, C8
    hold = threading.Event()
    reached = threading.Semaphore(0)
    done = 0

    def stop() -> None:
        nonlocal done
        with server.lock:
            done += 1
            is_late = done > 6
        if is_late:
            reached.release()
            assert hold.wait(60)

    server.on_post = stop
    program = _start(server, tmp_path, 12)
    assert reached.acquire(timeout=60)
    program.send_signal(signal.SIGKILL)
    program.wait(60)
    server.on_post = lambda: None
    hold.set()

    with Client(server.url, journal=tmp_path / "journal") as client:
        result = client.exports.batch(REQUESTS, folder=tmp_path / "out")

    assert (result.total, result.succeeded, len(server.requests)) == (12, 12, 12)
    assert {each["profile"] for each in server.requests.values()} == {f"p{n}" for n in range(12)}
    assert _left(tmp_path) == []


def test_an_answer_that_is_lost_is_not_asked_for_twice(server: ExportServer, client: Client, tmp_path: Path) -> None:
    server.swallow_answers = 1
    pauses: list[float] = []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "sleep", pauses.append)
        found = client.exports.run(REQUEST, tmp_path / "out")

    assert (found.export.id, len(server.requests), len(pauses)) == ("exp_1", 1, 1)


def test_two_processes_do_not_work_on_one_run(server: ExportServer, client: Client, tmp_path: Path) -> None:  # C1
    reached, hold = threading.Event(), threading.Event()

    def stop() -> None:
        reached.set()
        assert hold.wait(60)

    server.on_post = stop
    program = _start(server, tmp_path, 2)
    assert reached.wait(60)

    assert client.exports.recover().total == 0
    with pytest.raises(Conflict, match="Another process"):
        client.exports.batch(REQUESTS[:2], folder=tmp_path / "out")

    hold.set()
    assert program.wait(60) == 0
    assert len(server.requests) == 2


def test_nothing_of_another_tenant_or_server_is_taken_up(server: ExportServer, client: Client, tmp_path: Path) -> None:
    server.runs = lambda _: True
    with pytest.raises(WaitTimeout):
        client.exports.run(REQUEST, tmp_path / "out", timeout=0.1, recovery=NOTHING)
    server.runs, server.tenant = (lambda _: False), "fjord"

    assert client.exports.recover().total == 0
    with ExportServer() as other, Client(other.url, journal=tmp_path / "journal") as elsewhere:
        assert elsewhere.exports.recover().total == 0

    server.tenant = "nordlys"
    assert client.exports.recover().succeeded == 1


def test_a_batch_tells_every_item_in_order_and_stops_at_no_failure(
    server: ExportServer, client: Client, tmp_path: Path
) -> None:  # C8
    server.fails = lambda request: request["profile"] in {"p3", "p7"}
    server.refuses = lambda request: 422 if request["profile"] == "p5" else 0
    told: list[BatchItem] = []

    result = client.exports.batch(REQUESTS, folder=tmp_path / "out", on_item=told.append)

    assert [each.request.profile for each in result.items] == [each.profile for each in REQUESTS]
    assert (result.total, result.succeeded, result.failed) == (12, 9, 3)
    codes = {each.index: each.error.export_code for each in result.items if each.error is not None}
    assert codes == {3: "EXPORT_003", 5: "EXPORT_001", 7: "EXPORT_003"}
    assert sorted(each.index for each in told) == list(range(12))
    assert all(each.path is not None for each in result.items if each.error is None)
    assert 1 <= server.most_at_once <= 5


def test_a_batch_begun_again_asks_anew_only_for_what_failed(
    server: ExportServer, client: Client, tmp_path: Path
) -> None:  # C8
    server.fails = lambda request: request["profile"] == "p3"
    client.exports.batch(REQUESTS, folder=tmp_path / "out")
    server.fails = lambda _: False
    assert client.exports.recover().total == 0

    result = client.exports.batch(REQUESTS, folder=tmp_path / "out")

    assert (result.succeeded, len(server.requests)) == (12, 13)
    assert _left(tmp_path) == []


def test_a_batch_that_is_to_fail_fast_asks_for_nothing_more(server: ExportServer, client: Client) -> None:  # C8
    server.fails = lambda request: request["profile"] == "p1"

    result = client.exports.batch(REQUESTS, concurrency=1, fail_fast=True)

    assert [each.state for each in result.items] == ["completed", "failed", *["skipped"] * 10]
    assert len(server.requests) == 2


def test_both_colours_come_to_the_same(server: ExportServer, tmp_path: Path) -> None:  # C8
    server.fails = lambda request: request["profile"] == "p3"

    async def many() -> BatchResult:
        async with AsyncClient(server.url, journal=None) as client:
            return await client.exports.batch(REQUESTS, folder=tmp_path / "out", on_item=told.append)

    told: list[BatchItem] = []
    result = asyncio.run(many())

    assert (result.succeeded, result.failed, len(told)) == (11, 1, 12)
    assert 1 <= server.most_at_once <= 5


def test_what_a_callback_raises_comes_to_the_caller(server: ExportServer, client: Client) -> None:
    def broken(_: BatchItem) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        client.exports.batch(REQUESTS[:3], on_item=broken)


@pytest.mark.parametrize("concurrency", [0, 11])
def test_a_batch_is_bounded(client: Client, concurrency: int) -> None:
    with pytest.raises(InvalidInput, match="1 to 10"):
        client.exports.batch(REQUESTS, concurrency=concurrency)
    assert client.exports.batch([]).total == 0


def test_a_late_export_is_waited_for_twice_as_long_once(server: ExportServer, client: Client, tmp_path: Path) -> None:
    asked: list[float | None] = []
    real = client.exports.wait

    def wait(export_id: str, **options: Any) -> Any:
        asked.append(options["timeout"])
        return real(export_id, **{**options, "timeout": 0.0})

    client.exports.wait = wait  # type: ignore[method-assign] - only the deadlines are looked at
    server.runs = lambda _: True

    with pytest.raises(WaitTimeout) as raised:
        client.exports.run(REQUEST, tmp_path / "out")

    assert asked == [120.0, 240.0]
    assert len(raised.value.causes) == 2
    assert len(_left(tmp_path)) == 1


def test_an_alternative_is_asked_for_when_the_export_failed(
    server: ExportServer, client: Client, tmp_path: Path
) -> None:  # C7
    server.fails = lambda request: request["profile"] == "bufdir"
    told: list[str] = []
    watcher = Watcher(on_complete=lambda e: told.append(e.id), on_error=lambda e: told.append(f"failed {e.id}"))

    found = client.exports.run(REQUEST, watcher=watcher, alternative=lambda *_: ExportRequest(profile="plan-b"))

    assert (found.export.id, told) == ("exp_2", ["exp_2"])
    assert _left(tmp_path) == []


def test_when_both_ways_fail_the_error_says_both(server: ExportServer, client: Client, tmp_path: Path) -> None:  # C7
    server.fails = lambda _: True
    told: list[str] = []

    with pytest.raises(RecoveryFailed) as raised:
        client.exports.run(
            REQUEST,
            watcher=Watcher(on_error=lambda export: told.append(export.id)),
            alternative=lambda *_: ExportRequest(profile="plan-b"),
        )

    assert [type(each) for each in raised.value.causes] == [ExportEndedBadly] * 2
    assert all(name in raised.value.message for name in ("exp_1", "exp_2"))
    assert (raised.value.export_code, told, _left(tmp_path)) == ("EXPORT_003", ["exp_2"], [])


def test_a_failed_export_without_another_way_is_its_own_error(server: ExportServer, client: Client) -> None:  # C7
    server.fails = lambda _: True

    with pytest.raises(ExportEndedBadly):
        client.exports.run(REQUEST)
    with pytest.raises(ExportEndedBadly):
        client.exports.run(REQUEST, alternative=lambda *_: None)


def test_the_same_key_with_another_request_is_refused(server: ExportServer, client: Client) -> None:
    server.runs = lambda _: True
    with pytest.raises(WaitTimeout):
        client.exports.run(REQUEST, timeout=0.0, recovery=NOTHING, idempotency_key="mine")

    with pytest.raises(InvalidInput, match="Another request"):
        client.exports.run(REQUESTS[0], idempotency_key="mine")


def test_an_id_that_is_a_path_leads_nowhere(server: ExportServer, client: Client, tmp_path: Path) -> None:
    server.keys["mine"] = ".hidden"
    server.requests[".hidden"] = {}

    with pytest.raises(NotFound):
        client.exports.run(REQUEST, tmp_path / "out", idempotency_key="mine")
    assert not (tmp_path / "out" / ".hidden").exists()


def test_a_damaged_request_is_told_as_its_item(server: ExportServer, client: Client, tmp_path: Path) -> None:  # C1
    server.runs = lambda _: True
    with pytest.raises(WaitTimeout):
        client.exports.run(REQUEST, timeout=0.0, recovery=NOTHING)
    server.runs = lambda _: False
    [path] = _left(tmp_path)
    head, request, *_ = path.read_bytes().split(b"\n")
    path.write_bytes(head + b"\n" + request[:-3] + b"\n")

    [item] = client.exports.recover().items

    assert (item.state, len(server.requests)) == ("failed", 1)
    assert item.error is not None
    assert "damaged" in item.error.message
    assert list(Journal(tmp_path / "journal").open()) == []


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "sleep", lambda _: None)
