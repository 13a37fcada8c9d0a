"""Every error a client raises says how far the export came, whether asking again helps, and who at the server knows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from lading import errors
from lading.client import faults, polling
from lading.client.decode import decode
from lading.client.retries import Retries
from lading.client.sync.client import Client
from lading.errors import LadingError
from lading.wire.exports import Export

EXPORT: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "golden" / "client" / "export.json").read_text("utf-8")
)
ONCE = Retries(most=0)
CODES = {
    errors.WaitTimeout: "EXPORT_002", errors.ExportEndedBadly: "EXPORT_003", errors.DownloadFailed: "EXPORT_004",
    errors.ExtractionFailed: "EXPORT_005", errors.PackageInvalid: "EXPORT_006", errors.ServerUnreachable: "EXPORT_007",
    errors.Unauthenticated: "EXPORT_008",
}  # fmt: skip


def _refused(answer: httpx2.Response | Exception) -> LadingError:
    def handle(_: httpx2.Request) -> httpx2.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    with (
        Client("http://lading.test", transport=httpx2.MockTransport(handle), patience=ONCE) as client,
        pytest.raises(LadingError) as raised,
    ):
        client.exports.create("bufdir", period=("2025-01-01", "2025-12-31"))
    return raised.value


def _problem(status: int, code: str, **headers: str) -> httpx2.Response:
    body = {"status": status, "code": code, "detail": "Said so.", "request_id": "req_7", "more": [1]}
    return httpx2.Response(status, json=body, headers=headers)


@pytest.mark.parametrize(("kind", "code"), CODES.items())
def test_each_kind_of_error_has_its_code(kind: type[LadingError], code: str) -> None:  # C7
    assert kind("x").export_code == code


@pytest.mark.parametrize(
    ("answer", "code", "recoverable", "retryable"),
    [
        (_problem(422, "invalid-input"), "EXPORT_001", False, False),
        (_problem(403, "policy-denied"), "EXPORT_001", False, False),
        (_problem(429, "queue-full"), "EXPORT_001", True, True),
        (_problem(401, "unauthenticated"), "EXPORT_008", True, False),
        (httpx2.ConnectError("refused"), "EXPORT_007", True, True),
        (httpx2.Response(502, text="<html>"), "EXPORT_007", True, True),
        (_problem(503, "database-unavailable"), "EXPORT_001", True, True),
        (_problem(500, "internal-error"), "EXPORT_001", False, True),
    ],
)
def test_what_keeps_an_export_from_being_asked_for(  # C7
    answer: httpx2.Response | Exception, code: str, recoverable: bool, retryable: bool
) -> None:
    error = _refused(answer)

    assert (error.export_code, error.recoverable, error.retryable) == (code, recoverable, retryable)


def test_the_problem_and_who_knows_of_it_come_with_the_error() -> None:  # C7
    error = _refused(_problem(429, "queue-full", **{"Retry-After": "300"}))

    assert error.problem is not None
    assert (error.request_id, error.problem["more"]) == ("req_7", [1])
    assert isinstance(error, errors.QueueFull)
    assert error.retry_after_seconds == 300.0


def test_a_proxy_tells_the_request_id_in_a_header_only_and_without_control_characters() -> None:
    error = faults.of_answer(502, b"<html>", httpx2.Headers({"x-request-id": "abc\x1b[31m"}))

    assert (error.request_id, error.problem) == ("abc[31m", None)


def test_a_failed_export_says_what_the_server_says_of_trying_again() -> None:  # C7
    fault = {"code": "no-data", "message": "No rows.", "stage": "QUERYING", "attempt": 1, "retryable": True}
    export = decode(Export, EXPORT | {"status": "failed", "error": fault})

    with pytest.raises(errors.ExportEndedBadly) as raised:
        polling.completed(export)

    assert (raised.value.fault, raised.value.retryable, raised.value.recoverable) == ("no-data", True, True)


def test_an_error_of_a_failed_recovery_carries_every_cause() -> None:  # C7
    first, second = errors.ExportEndedBadly("failed"), OSError("the other way is closed")
    first.request_id = "req_1"
    error = errors.RecoveryFailed("Both ways failed.", [first, second])

    assert error.causes == (first, second)
    assert (error.export_code, error.request_id, error.recoverable) == ("EXPORT_003", "req_1", False)
