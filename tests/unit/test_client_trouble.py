"""What a hostile or broken server says, and how programs really use a client, does no harm."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.export_server import ExportServer

from lading.client.polling import Teller, Watcher
from lading.client.retries import retry_after
from lading.client.sync.client import Client
from lading.errors import ServerUnreachable, Unauthenticated, WaitTimeout
from lading.wire.exports import Export, ExportRequest, Progress

ROOT = Path(__file__).parents[2]
EXPORT: dict[str, Any] = json.loads((ROOT / "tests" / "golden" / "client" / "export.json").read_text("utf-8"))
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
        facts = {**EXPORT, "status": "running", "progress": Progress(percent), **more}
        return Export(**{name: facts.get(name) for name in Export.__slots__})

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
