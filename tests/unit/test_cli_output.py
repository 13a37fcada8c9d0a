"""What is printed fits its reader: tables for a person, tabs for a program, nobody's control characters."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import click
import httpx2
import pytest

from lading.cli import checking, output, progress, summary
from lading.client.decode import decode
from lading.client.sync import session as shell
from lading.client.sync.client import Client
from lading.wire.exports import Artifact, Export, Notice, Receipt, Rows

GOLDEN = Path(__file__).parents[1] / "golden"
EXPORT = decode(Export, json.loads((GOLDEN / "client" / "export.json").read_text("utf-8")))
DONE = replace(
    EXPORT,
    status="completed",
    rows=Rows(17221, 16337, 489, 395),
    warnings=[Notice("rows_quarantined", "Bad rows were left out; the package lists them in quarantine.jsonl.", 489)],
    artifacts=[Artifact("nordlys_2025.zip", "application/zip", 1_632_932, "ab" * 32, "/x")],
    receipt=Receipt(25, "cd" * 32, 27, "ef" * 32, "note"),
)


@dataclass(frozen=True, slots=True)
class Thing:
    name: str
    count: int | None
    inside: dict[str, Any]


THINGS = [Thing("a\x1b[31m\nb", 12, {"at": "x"}), Thing("long name", None, {"at": "y" * 40})]
COLUMNS = {"name": "name", "count": "count", "at": "inside.at"}


def test_a_program_gets_tabs_without_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    output.rows("table", COLUMNS, THINGS)

    assert capsys.readouterr().out == f"name\tcount\tat\na [31m b\t12\tx\nlong name\t\t{'y' * 40}\n"


def test_json_holds_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    output.rows("json", COLUMNS, THINGS[1:])

    assert json.loads(capsys.readouterr().out) == [{"name": "long name", "count": None, "inside": {"at": "y" * 40}}]


@pytest.mark.parametrize("width", [24, 40, 60, 80, 120])
def test_a_table_is_never_wider_than_the_terminal(width: int) -> None:
    cells = [["exp_01m7z18n9p", "completed", "a text that is rather long for a column"], ["exp_1", "failed", ""]]

    lines = [click.unstyle(line) for line in output.table(["id", "status", "data"], cells, width=width)]

    assert max(len(line) for line in lines) <= width
    assert "".join("".join(lines).split()).count("ratherlongforacolumn") == 1


@pytest.mark.parametrize("width", [46, 80, 140])
def test_the_summary_is_the_golden_one(width: int, tmp_path: Path) -> None:
    lines = [click.unstyle(line) for line in summary.summary(DONE, tmp_path / "none.zip", 3.24, width=width)]
    found = "\n".join(lines) + "\n"
    golden = GOLDEN / "cli" / f"summary-{width}.txt"
    if os.environ.get("LADING_RENEW_GOLDEN"):
        golden.write_text(found, "utf-8")

    assert found == golden.read_text("utf-8")
    assert max(len(line) for line in lines) <= width


def test_the_path_is_the_last_line_and_the_only_one_on_standard_output(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    summary.print_summary(DONE, tmp_path / "package.zip", 1.0)

    said = capsys.readouterr()
    assert said.out == f"{tmp_path / 'package.zip'}\n"
    assert "ab" * 32 in said.err


def test_a_log_gets_one_line_per_change_of_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    states: list[dict[str, Any]] = [
        {"version": 1},
        {"version": 2, "status": "running", "stage": "QUERYING", "waiting_for": None},
        {"version": 3, "status": "running", "stage": "QUERYING", "waiting_for": None},
        {"version": 4, "status": "running", "stage": "MAPPING", "waiting_for": None},
        {"version": 5, "status": "completed", "stage": "COMPLETE", "waiting_for": None},
    ]
    shape = json.loads((GOLDEN / "client" / "export.json").read_text("utf-8"))
    monkeypatch.setattr(shell, "sleep", lambda _seconds: None)
    transport = httpx2.MockTransport(lambda _request: httpx2.Response(200, json=shape | states.pop(0)))
    stream = io.StringIO()

    with Client("http://lading.test", transport=transport) as client:
        progress.follow(client, "exp_1", timeout=60.0, stream=stream)

    assert stream.getvalue().splitlines() == [
        "exp_1  waits for a free worker",
        "exp_1  1/5 querying",
        "exp_1  2/5 mapping",
        "exp_1  completed",
    ]


def test_a_state_that_this_program_does_not_know_is_shown_as_it_is() -> None:
    later = replace(EXPORT, status="running", stage="NOTARISING\x07", waiting_for=None)

    assert progress.state(later) == "notarising"
    assert progress.state(replace(EXPORT, waiting_for="blackout")) == "waits for blackout"


def test_the_trust_file_is_the_named_one_else_that_of_the_instance_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LADING_TRUST", raising=False)
    monkeypatch.setenv("LADING_DATA_DIR", str(tmp_path))
    assert checking.default_trust_file() is None
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "trust.json").touch()

    assert checking.default_trust_file() == tmp_path / "keys" / "trust.json"
    monkeypatch.setenv("LADING_TRUST", "elsewhere.json")
    assert checking.default_trust_file() == Path("elsewhere.json")


def _pending_for_ever(asked: threading.Event, released: threading.Event) -> type[BaseHTTPRequestHandler]:
    body = (GOLDEN / "client" / "export.json").read_bytes()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if "wait=" in self.path:
                asked.set()
                released.wait(120)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            return

    return Handler


def test_ctrl_c_detaches_and_says_how_to_go_on() -> None:
    asked, released = threading.Event(), threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _pending_for_ever(asked, released))
    serving: Callable[[], None] = server.serve_forever
    threading.Thread(target=serving, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    program = [sys.executable, "-m", "lading.cli", "exports", "wait", "exp_1", "--url", url]

    process = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert asked.wait(120)
    process.send_signal(signal.SIGINT)
    out, said = process.communicate(timeout=120)
    released.set()
    server.shutdown()
    server.server_close()

    assert process.returncode == 130
    assert out == ""
    assert said.endswith("Detached; exp_1 goes on. Follow it again: lading exports wait exp_1\n")
    assert "Traceback" not in said


def test_no_colour_is_written_where_it_is_not_wanted() -> None:
    environment = {**os.environ, "NO_COLOR": "1", "LADING_URL": "ftp://x"}
    script = shutil.which("script")
    assert script is not None

    ran = subprocess.run(
        [script, "-qec", f"{sys.executable} -m lading.cli exports get exp_1", "/dev/null"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert ran.returncode == 2
    assert ran.stdout.startswith("error: url:")
    assert "\x1b[" not in ran.stdout
