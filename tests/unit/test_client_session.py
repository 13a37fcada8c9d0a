"""A client repeats what may be repeated, says what the server meant, and keeps the token where it belongs."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from lading import errors
from lading.client import AsyncClient, decode, faults, target
from lading.client.retries import Retries, pause
from lading.client.sync import session as shell
from lading.client.sync.client import Client
from lading.wire.exports import Export, ExportRequest, Progress
from lading.wire.problems import STATUS

ROOT = Path(__file__).parents[2]
EXPORT: dict[str, Any] = json.loads((ROOT / "tests" / "golden" / "client" / "export.json").read_text("utf-8"))
REQUEST = ExportRequest(profile="bufdir", period={"from": "2025-01-01", "to": "2025-12-31"})

Answer = httpx2.Response | Exception


def _client(answers: list[Answer], seen: list[httpx2.Request], **options: Any) -> Client:
    def handle(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return Client("http://lading.test", transport=httpx2.MockTransport(handle), **options)


def _problem(status: int, code: str, **more: Any) -> httpx2.Response:
    headers = {"Content-Type": "application/problem+json", **more.pop("headers", {})}
    body = {"type": "urn:x", "title": "x", "status": status, "code": code, "detail": "Said so.", **more}
    return httpx2.Response(status, headers=headers, content=json.dumps(body))


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr(shell, "sleep", found.append)
    monkeypatch.delenv("LADING_TOKEN", raising=False)
    monkeypatch.delenv("LADING_TENANT", raising=False)
    return found


def test_every_code_of_the_wire_is_raised_as_its_error() -> None:
    kinds = {
        code: type(faults.of_answer(status, json.dumps({"code": code}).encode())) for code, status in STATUS.items()
    }

    assert kinds["invalid-transition"] is errors.InvalidTransition
    assert kinds["idempotency-key-reused"] is errors.InvalidInput
    assert kinds["profile-invalid"] is errors.ProfileInvalid
    assert kinds["storage-full"] is errors.StorageFull
    assert [code for code, kind in kinds.items() if kind is errors.LadingError] == [
        "method-not-allowed", "unsupported-media-type", "range-not-satisfiable", "internal-error",
    ]  # fmt: skip


def test_a_problem_keeps_its_fields_its_code_and_the_request_id() -> None:
    body = {"code": "invalid-input", "detail": "No.", "errors": [{"pointer": "/a", "detail": "b", "code": "c"}, 7]}
    refused = faults.of_answer(422, json.dumps(body).encode())
    broken = faults.of_answer(500, b'{"code": "internal-error", "detail": "Oh.", "request_id": "req_1"}')

    assert isinstance(refused, errors.InvalidInput)
    assert refused.errors == (errors.FieldError("/a", "b", "c"),)
    assert broken.message == "Oh. Request id: req_1."


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'{"code": 1, "errors": {}}', b"[" * 100_000])
def test_an_answer_that_is_no_problem_is_told_by_its_status(body: bytes) -> None:
    assert type(faults.of_answer(404, body)) is errors.NotFound
    assert type(faults.of_answer(502, body)) is errors.ServerUnreachable


def test_an_idempotency_key_is_made_and_is_the_same_on_every_try(pauses: list[float]) -> None:
    seen: list[httpx2.Request] = []
    answers: list[Answer] = [httpx2.ReadError("cut"), httpx2.Response(502), httpx2.Response(202, json=EXPORT)]

    with _client(answers, seen) as client:
        submission = client.exports.submit(REQUEST)

    assert {request.headers["Idempotency-Key"] for request in seen} == {submission.idempotency_key}
    assert len(seen) == 3
    assert len(pauses) == 2


def test_a_replay_is_told() -> None:
    answer = httpx2.Response(202, json=EXPORT, headers={"Idempotent-Replayed": "true"})

    with _client([answer], []) as client:
        assert client.exports.submit(REQUEST, idempotency_key="mine").is_replay


def test_retry_after_is_obeyed_with_jitter_on_top(pauses: list[float]) -> None:
    answers: list[Answer] = [httpx2.Response(429, headers={"Retry-After": "3"}), httpx2.Response(200, json=EXPORT)]

    with _client(answers, []) as client:
        client.exports.get("exp_1")

    assert len(pauses) == 1
    assert 3.0 <= pauses[0] <= 3.75


def test_a_server_that_asks_for_more_than_two_minutes_is_not_waited_for(pauses: list[float]) -> None:
    answer = _problem(503, "database-unavailable", headers={"Retry-After": "600"})

    with _client([answer], []) as client, pytest.raises(errors.DatabaseUnavailable):
        client.exports.get("exp_1")

    assert pauses == []


def test_a_call_of_unknown_fate_is_not_repeated_when_repeating_may_do_harm(pauses: list[float]) -> None:
    seen: list[httpx2.Request] = []

    with _client([httpx2.ReadError("cut")], seen) as client, pytest.raises(errors.ServerUnreachable):
        client.exports.retry("exp_1")

    assert len(seen) == 1


def test_a_call_that_was_never_sent_is_repeated_and_then_given_up(pauses: list[float]) -> None:
    seen: list[httpx2.Request] = []

    with _client([httpx2.ConnectError("refused")], seen) as client, pytest.raises(errors.ServerUnreachable):
        client.exports.retry("exp_1")

    assert len(seen) == 5


def test_what_is_not_a_lading_server_is_said_to_be_none() -> None:
    for answer in (httpx2.Response(200, text="<html>"), httpx2.Response(200, json={"id": 1}), httpx2.Response(302)):
        answer.headers.setdefault("Location", "http://elsewhere.test/")
        with _client([answer], []) as client, pytest.raises(errors.ServerUnreachable, match="LADING_URL"):
            client.exports.get("exp_1")


def test_token_and_tenant_travel_in_headers_only() -> None:
    seen: list[httpx2.Request] = []

    with _client([httpx2.Response(200, json=EXPORT)], seen, token="ldg_secret", tenant="nordlys") as client:
        client.exports.get("exp_1")

    assert seen[0].headers["Authorization"] == "Bearer ldg_secret"
    assert seen[0].headers["Lading-Tenant"] == "nordlys"
    assert "secret" not in str(seen[0].url)
    assert "secret" not in repr(client.session.target)


@pytest.mark.parametrize(
    "url", ["ftp://x", "x", "http://", "https://user:pw@x", "http://x?token=1", "http://[", "http://x:99999"]
)
def test_a_url_that_is_no_server_is_refused_without_showing_a_login(url: str) -> None:
    with pytest.raises(errors.InvalidInput) as caught:
        target.find(url=url, environment={})

    assert "pw" not in caught.value.message


def test_an_id_can_not_leave_its_path() -> None:
    seen: list[httpx2.Request] = []

    with _client([httpx2.Response(200, json=EXPORT)], seen) as client:
        client.exports.get("../../tenants?x#y")

    assert seen[0].url.raw_path == b"/api/v1/exports/..%2F..%2Ftenants%3Fx%23y"


def test_lists_go_on_page_after_page() -> None:
    seen: list[httpx2.Request] = []
    answers: list[Answer] = [
        httpx2.Response(200, json={"items": [EXPORT, EXPORT], "next_cursor": "abc"}),
        httpx2.Response(200, json={"items": [EXPORT], "next_cursor": None}),
    ]

    with _client(answers, seen) as client:
        found = list(client.exports.list(status=["failed", "pending"]))

    assert len(found) == 3
    assert seen[0].url.params.multi_items() == [("status", "failed"), ("status", "pending"), ("limit", "50")]
    assert seen[1].url.params["cursor"] == "abc"


def test_ledger_lines_are_the_bytes_of_the_server() -> None:
    answers: list[Answer] = [httpx2.Response(200, content=b'{"a":1}\n{"b":"\xc3\xa6"}\n'), httpx2.Response(200)]

    with _client(answers, []) as client:
        assert list(client.ledger.lines()) == [b'{"a":1}', b'{"b":"\xc3\xa6"}']


def test_a_ledger_line_that_was_cut_is_noticed() -> None:
    client = _client([httpx2.Response(200, content=b'{"a":1}\n{"b"')], [])

    with client, pytest.raises(errors.ServerUnreachable, match="cut"):
        list(client.ledger.lines())


def test_unknown_fields_are_ignored_and_missing_or_wrong_ones_are_named() -> None:
    assert decode.decode(Export, EXPORT).progress == Progress(0.0, 0, 0)
    for change, message in (({"version": True}, "version"), ({"period": {"from": 1}}, "period.from")):
        with pytest.raises(ValueError, match=message):
            decode.decode(Export, EXPORT | change)
    with pytest.raises(ValueError, match="id is missing"):
        decode.decode(Export, {})


@pytest.mark.anyio
async def test_the_async_client_speaks_the_same() -> None:
    def handle(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json=EXPORT)

    async with AsyncClient("http://lading.test", transport=httpx2.MockTransport(handle)) as client:
        assert (await client.exports.get("exp_1")).id == "exp_1"
        assert (await client.exports.create("bufdir", period=("2025-01-01", "2025-12-31"))).status == "pending"


def test_the_sync_half_is_made_from_the_async_half() -> None:  # C1
    checked = subprocess.run(
        [sys.executable, ROOT / "scripts" / "sync_client.py", "--check"], capture_output=True, text=True, check=False
    )

    assert (checked.returncode, checked.stdout) == (0, "")


def test_patience_grows_and_is_bounded() -> None:
    found = [pause(Retries(most=9), tried, retry_after=None, chance=1.0) for tried in range(1, 11)]

    assert found == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0, None]


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_an_answer_that_does_not_end_is_given_up(encoding: str) -> None:  # C5: limits on what a server sends
    squeezed = gzip.compress(bytes(shell.ANSWER_BYTES * 2), 1)
    passed = 0

    def flood() -> Iterator[bytes]:
        nonlocal passed
        for _ in range(4096):
            passed += 1 << 20
            yield bytes(1 << 20)

    content = flood() if encoding == "identity" else iter([squeezed])
    answer = httpx2.Response(200, headers={"Content-Encoding": encoding}, content=content)
    with _client([answer], []) as client, pytest.raises(errors.ServerUnreachable, match="does not end"):
        client.exports.get("exp_1")

    assert passed <= shell.ANSWER_BYTES * 2


def test_an_answer_that_can_not_be_unpacked_is_told_in_one_sentence() -> None:
    stream = httpx2.ByteStream(b"no gzip")
    answer = httpx2.Response(200, headers={"Content-Encoding": "gzip"}, stream=stream)

    with _client([answer], []) as client, pytest.raises(errors.ServerUnreachable, match="LADING_URL"):
        client.exports.get("exp_1")
