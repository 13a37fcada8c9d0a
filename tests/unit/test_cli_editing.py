"""`edit` sends only what changes, under the version that was seen."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lading import cli
from lading.cli import exits

SOURCE = {
    "name": "members", "kind": "sqlite", "credentials_ref": None, "attachments_ref": None, "timeout_seconds": 90,
    "options": {"path": "/srv/x.db"}, "version": 4,
}  # fmt: skip


@dataclass
class Seen:
    """What the server was asked."""

    url: str = ""
    asked: list[tuple[str, str, str | None, Any]] = field(default_factory=list)
    status: int = 200


@pytest.fixture
def seen() -> Iterator[Seen]:
    made = Seen()

    class Handler(BaseHTTPRequestHandler):
        def do_PATCH(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            made.asked.append((self.command, self.path, self.headers["If-Match"], body))
            problem = {
                "type": "x", "title": "x", "status": 412, "code": "precondition-failed",
                "detail": "It is at version 5.", "request_id": "req_1",
            }  # fmt: skip
            answer = json.dumps(SOURCE if made.status == 200 else problem).encode()
            self.send_response(made.status)
            self.send_header("Content-Type", "application/json" if made.status == 200 else "application/problem+json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_arguments: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    yield made
    server.shutdown()
    server.server_close()


def test_only_what_was_named_is_sent_and_only_of_the_version_that_was_seen(
    seen: Seen, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--set", "timeout_seconds=90", "--set", "options.page_size=100", "--clear", "options.prefix"]

    code = cli.run(["sources", "edit", "members", *given, "--if-version", "3", "--json", "--url", seen.url])

    assert code == exits.OK
    changes = {"timeout_seconds": 90, "options": {"page_size": "100", "prefix": None}}
    assert seen.asked == [("PATCH", "/api/v1/sources/members", '"v3"', changes)]
    assert json.loads(capsys.readouterr().out)["version"] == 4


def test_without_a_version_whichever_stands_there_is_meant(seen: Seen, tmp_path: Path) -> None:
    file = tmp_path / "patch.json"
    file.write_text('{"options": {"path": "/a"}, "timeout_seconds": 1}', "utf-8")

    cli.run(["sources", "edit", "members", "--file", str(file), "--set", "options.path=/b", "--url", seen.url])

    assert seen.asked[0][2:] == ("*", {"options": {"path": "/b"}, "timeout_seconds": 1})


def test_a_change_that_somebody_else_made_first_is_not_overwritten(
    seen: Seen, capsys: pytest.CaptureFixture[str]
) -> None:
    seen.status = 412

    code = cli.run(
        ["sources", "edit", "members", "--set", "timeout_seconds=90", "--if-version", "3", "--url", seen.url]
    )

    assert code == exits.CONFLICT
    assert "It is at version 5." in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["sources", "destinations", "webhooks", "schedules"])
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "There is nothing to change"),
        (["--set", "timeout_seconds"], "must read FIELD=VALUE"),
        (["--set", ".x=1"], "is no name of a field"),
        (["--set", "a..b=1"], "is no name of a field"),
        (["--set", "a=1", "--set", "a.b=2"], "is set as a whole"),
        (["--clear", ""], "is no name of a field"),
    ],
)
def test_what_is_no_change_is_refused_before_anything_is_sent(
    kind: str, given: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = cli.run([kind, "edit", "x", *given, "--url", "http://127.0.0.1:9"])

    assert code == exits.USAGE
    assert said in capsys.readouterr().err
