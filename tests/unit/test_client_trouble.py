"""What a hostile or broken server says, and how programs really use a client, does no harm."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.export_server import ExportServer

from lading.client import AsyncClient, cache, journal, journal_lines
from lading.client.aio import pools
from lading.client.batching import BatchItem
from lading.client.decode import decode
from lading.client.journal_lines import Plan
from lading.client.partial import Partial, Version
from lading.client.polling import Teller, Watcher
from lading.client.recovery import Recovery
from lading.client.retries import retry_after
from lading.client.sync import session
from lading.client.sync.client import Client
from lading.errors import (
    EnvironmentUnfit,
    InvalidInput,
    QueueFull,
    ServerUnreachable,
    StorageFailed,
    Unauthenticated,
    WaitTimeout,
)
from lading.wire.exports import Export, ExportRequest, Progress

ROOT = Path(__file__).parents[2]
EXPORT: dict[str, Any] = json.loads((ROOT / "tests" / "golden" / "client" / "export.json").read_text("utf-8"))
NOTHING = Recovery(extensions=0, tries=0)
REQUESTS = [ExportRequest(profile=f"p{number}") for number in range(4)]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _client(handle: Any, **options: Any) -> Client:
    return Client("http://lading.test", transport=httpx2.MockTransport(handle), journal=None, **options)


@pytest.mark.parametrize(
    "value",
    [
        "-5", "inf", "nan", "1e3", " ", ",,,,", "9" * 30, "Thu, 01 Jan 99999999999999999999 00:00:09 GMT",
        "Thu, 01 Jan 2026 99999999999999999999:00:09 GMT", "Thu, 01 Jan 2026 00:00:09 +99999999999999",
    ],
)  # fmt: skip
def test_a_retry_after_that_says_nothing_is_none(value: str) -> None:  # C2
    assert retry_after(value, NOW) is None


def test_a_redirect_is_told_without_what_may_let_somebody_in() -> None:
    def handle(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(302, headers={"Location": "https://login.test/begin?state=hidden"})

    with _client(handle) as client, pytest.raises(ServerUnreachable) as caught:
        client.exports.get("exp_1")
    assert "https://login.test/begin" in caught.value.message
    assert "hidden" not in caught.value.message


def test_a_refresh_that_fails_leaves_no_connection_open() -> None:  # C10
    class Body(httpx2.SyncByteStream):
        is_closed = False

        def __iter__(self) -> Any:
            yield b"{}"

        def close(self) -> None:
            self.is_closed = True

    def refresh() -> str:
        raise Unauthenticated("Nobody is there who could renew it.")

    body = Body()
    with _client(lambda _: httpx2.Response(401, stream=body), token="ldg_old", refresh=refresh) as client:
        with pytest.raises(Unauthenticated), client.session.stream("/x", headers={}, accept=frozenset({200})):
            pass
        assert body.is_closed


def test_progress_does_not_fall_from_one_wait_to_the_next() -> None:  # C3
    def at(percent: float, **more: Any) -> Export:
        return replace(decode(Export, EXPORT), status="running", progress=Progress(percent), **more)

    told: list[float] = []
    teller = Teller(Watcher(on_progress=lambda export: told.append(export.progress.percent)))
    for each in (at(60.0), at(50.0), at(10.0, attempt=9), at(5.0, id="exp_2")):
        teller.progress(each)

    assert told == [60.0, 60.0, 10.0, 5.0]


def test_who_waits_for_no_time_at_all_is_not_made_to_wait(tmp_path: Path) -> None:  # C7
    with (
        ExportServer(runs=lambda _: True) as server,
        Client(server.url, journal=tmp_path) as client,
        pytest.raises(WaitTimeout, match="within 0 seconds"),
    ):
        client.exports.run(ExportRequest(profile="p"), timeout=0.0)


def test_who_has_no_home_can_still_make_a_client(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nobody)
    monkeypatch.setattr(Path, "expanduser", lambda _: nobody())
    for name in ("LADING_STATE_DIR", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)

    with Client("http://lading.test"):
        assert not journal.folder_of().exists()
        assert not cache.folder_of().exists()


def test_to_look_into_a_full_journal_drops_nothing(tmp_path: Path) -> None:  # C1
    found = journal.Journal(tmp_path, most_entries=2)
    for key in ("one", "two"):
        found.begin(key, Plan(key, "http://lading.test", None, "", None, 1.0), [{"profile": "p"}]).close()

    assert [each.plan.key for each in found.open()] == ["one", "two"]
    with found.begin("one", Plan("other", "http://lading.test", None, "", None, 2.0), [{"profile": "p"}]) as entry:
        assert entry.plan.key == "one"


def test_a_request_with_tuples_goes_on_as_itself(tmp_path: Path) -> None:  # C1
    request = ExportRequest(profile="p", parameters={"kinds": ("a", "b")})
    with ExportServer(runs=lambda _: True) as server, Client(server.url, journal=tmp_path) as client:
        with pytest.raises(WaitTimeout):
            client.exports.run(request, timeout=0.0, recovery=NOTHING, idempotency_key="mine")
        server.runs = lambda _: False

        assert client.exports.run(request, idempotency_key="mine").export.id == "exp_1"
        assert len(server.requests) == 1


@pytest.mark.parametrize("value", [float("nan"), object()])
def test_what_json_can_not_say_is_refused_before_it_is_written(tmp_path: Path, value: Any) -> None:
    with ExportServer() as server, Client(server.url, journal=tmp_path / "journal") as client:
        with pytest.raises(InvalidInput, match="JSON"):
            client.exports.run(ExportRequest(profile="p", parameters={"a": value}))
        assert not (tmp_path / "journal").exists()


def test_the_unfinished_batch_of_one_tenant_does_not_keep_another_from_the_same(tmp_path: Path) -> None:  # C8
    requests = [ExportRequest(profile="p")]
    with ExportServer(runs=lambda _: True) as server, Client(server.url, journal=tmp_path) as client:
        assert client.exports.batch(requests, timeout=0.0, recovery=NOTHING).failed == 1
        server.runs, server.tenant = (lambda _: False), "fjord"

        assert client.exports.batch(requests).succeeded == 1
        server.tenant = "nordlys"
        assert client.exports.recover().succeeded == 1


@pytest.mark.parametrize("concurrency", [0, 11])
def test_a_recovery_is_bounded_like_a_batch(tmp_path: Path, concurrency: int) -> None:  # C8
    with Client("http://lading.test", journal=tmp_path) as client, pytest.raises(InvalidInput, match="from 1 to 10"):
        client.exports.recover(concurrency=concurrency)


@pytest.mark.parametrize("what", ["on_item", "on_progress"])
def test_what_a_callback_raises_comes_to_the_caller_of_both_colours(tmp_path: Path, what: str) -> None:  # C8
    def told(_: BatchItem) -> None:
        raise KeyError("of the caller")

    callbacks: dict[str, Any] = {what: told}

    async def go(url: str) -> None:
        async with AsyncClient(url, journal=tmp_path / "async") as client:
            await client.exports.batch(REQUESTS, **callbacks)

    with ExportServer() as server:
        with pytest.raises(KeyError, match="of the caller"), Client(server.url, journal=tmp_path / "sync") as client:
            client.exports.batch(REQUESTS, **callbacks)
        with pytest.raises(KeyError, match="of the caller"):
            asyncio.run(go(server.url))


def test_a_client_over_many_event_loops_keeps_the_connections_of_one(tmp_path: Path) -> None:  # C10
    with ExportServer() as server:
        client = AsyncClient(server.url, journal=tmp_path)
        for _ in range(4):
            asyncio.run(client.session.call("GET", "/api/v1/me"))
        kept = [each for each, found in vars(pools)["_state"].pools.items() if pools.origin_of(server.url) in found]

    assert len(kept) == 1


@pytest.mark.parametrize("what", ["exports", "jobs", "runs"])
def test_a_server_that_puts_off_does_not_put_off_the_deadline(what: str, monkeypatch: pytest.MonkeyPatch) -> None:  # C2
    rested: list[float] = []
    monkeypatch.setattr(session, "sleep", rested.append)
    limits: list[float] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        limits.append(request.extensions["timeout"]["read"])
        return httpx2.Response(503, headers={"Retry-After": "60"}, json={"code": "overloaded", "detail": "Later."})

    with _client(handle) as client, pytest.raises(QueueFull):
        getattr(client, what).wait("some_1", timeout=1.0)
    assert rested == []
    assert limits[0] < 10.0


@pytest.mark.parametrize(
    ("name", "value", "url"),
    [
        ("ALL_PROXY", "socks9://user:hidden@127.0.0.1:1", "http://lading.test"),
        ("SSL_CERT_FILE", "/nowhere/at/all", "https://lading.test"),
    ],
)
def test_a_proxy_or_certificate_that_can_not_be_used_is_told(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, url: str
) -> None:  # C10
    monkeypatch.setenv(name, value)

    with Client(url, journal=None) as client, pytest.raises(EnvironmentUnfit, match=name) as caught:
        client.exports.get("exp_1")
    assert "hidden" not in caught.value.message


def test_everything_is_recovered_however_much_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # C1
    monkeypatch.setattr(journal, "_MOST_HELD", 2)
    told: list[int] = []
    with ExportServer(runs=lambda _: True) as server, Client(server.url, journal=tmp_path) as client:
        for request in [*REQUESTS, ExportRequest(profile="last")]:
            with pytest.raises(WaitTimeout):
                client.exports.run(request, timeout=0.0, recovery=NOTHING)
        server.runs = lambda _: False

        found = client.exports.recover(on_item=lambda item: told.append(item.index))
        assert len(server.requests) == 5

    assert (found.total, found.succeeded, [each.index for each in found.items]) == (5, 5, [0, 1, 2, 3, 4])
    assert (sorted(told), list(tmp_path.glob("*"))) == ([0, 1, 2, 3, 4], [])


def test_an_entry_that_was_as_long_as_it_may_begin_is_still_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # C1
    plan, requests = Plan("idm_1", "http://lading.test", None, "", None, 1.0), [{"profile": "p"}]
    for module in (journal, journal_lines):
        monkeypatch.setattr(module, "MOST_BYTES", len(journal_lines.begun(plan, requests)))
    monkeypatch.setattr(journal, "_MOST_READ", 4 * journal.MOST_BYTES, raising=False)
    found = journal.Journal(tmp_path)
    with found.begin("one", plan, requests) as entry:
        entry.accepted(0, "exp_1")

    assert [each.items[0].export for each in found.open()] == ["exp_1"]


def test_a_part_that_is_a_link_leads_to_no_other_file(tmp_path: Path) -> None:  # C4
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "package.zip.part").symlink_to(victim)

    with pytest.raises(StorageFailed), Partial(tmp_path / "package.zip", Version()):
        pass
    assert victim.read_text() == "precious"
