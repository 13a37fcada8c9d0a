"""
What a person sees of an export on its way, in a real terminal: C9.

The server answers from a script and holds a look until the test lets it go, so nothing here depends on time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

import screen
from screen import Screen

SHAPE = json.loads((Path(__file__).parents[1] / "golden" / "client" / "export.json").read_text("utf-8"))
LADING = [sys.executable, "-m", "lading.cli"]
RUNNING = {"status": "running", "waiting_for": None}
FILE = b"package" * 10_000
ARTIFACT = {
    "name": "nordlys.csv", "media_type": "text/csv", "size": len(FILE), "sha256": hashlib.sha256(FILE).hexdigest(),
    "href": "/x",
}  # fmt: skip
DONE = {"status": "completed", "stage": "COMPLETE", "waiting_for": None, "artifacts": [ARTIFACT]}
FAILED = {
    "status": "failed", "stage": "FAILED", "waiting_for": None,
    "error": {
        "code": "source-refused", "message": "No such column.", "stage": "QUERYING", "attempt": 1, "retryable": False,
    },
}  # fmt: skip


@dataclass
class Script:
    """A server with one export: each look is answered with the next of `states`, the last one for ever."""

    url: str = ""
    states: queue.Queue[dict[str, Any]] = field(default_factory=queue.Queue)
    now: dict[str, Any] = field(default_factory=lambda: SHAPE | {"version": 1})
    half: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    asked: threading.Event = field(default_factory=threading.Event)

    def goes_on(self, **changes: Any) -> None:
        self.states.put(changes)


def _handler(script: Script) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if "/artifacts/" in self.path:
                self._file()
                return
            if "wait=" in self.path:
                script.asked.set()
                held = time.monotonic() + float(parse_qs(urlsplit(self.path).query)["wait"][0])
                while not script.over.is_set() and time.monotonic() < held:
                    try:
                        script.now = (
                            script.now | {"version": script.now["version"] + 1} | script.states.get(timeout=0.1)
                        )
                        break
                    except queue.Empty:
                        continue
            body = json.dumps(script.now).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _file(self) -> None:
            digest = hashlib.sha256(FILE).hexdigest()
            self.send_response(200)
            for name, value in (
                ("Content-Type", "text/csv"), ("Content-Length", str(len(FILE))), ("ETag", f'"{digest}"'),
            ):  # fmt: skip
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(FILE[: len(FILE) // 2])
            self.wfile.flush()
            script.half.wait(60)
            self.wfile.write(FILE[len(FILE) // 2 :])

        def log_message(self, *_arguments: object) -> None:
            return

        def handle(self) -> None:
            with contextlib.suppress(ConnectionError):  # who detaches hangs up
                super().handle()

    return Handler


@pytest.fixture
def script() -> Iterator[Script]:
    made = Script()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(made))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    yield made
    made.over.set()
    made.half.set()
    server.shutdown()
    server.server_close()


def _wait(script: Script, *more: str, **options: Any) -> screen.Terminal:
    return screen.start([*LADING, "exports", "wait", "exp_1", "--url", script.url, *more], **options)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_terminal_shows_stage_share_rows_and_bytes_in_the_room_it_has(script: Script, width: int) -> None:
    terminal = _wait(script, width=width)

    terminal.until(lambda now: "waits for a free worker" in now.text())
    far = {"percent": 61.0, "rows": 184_000, "bytes": 9_100_000}
    script.goes_on(**RUNNING, stage="GENERATING", progress=far)
    wanted = r"61% +\d:\d\d" if width == 40 else r"61% +184,000 rows +9\.1 MB +\d:\d\d"
    line = terminal.until(lambda now: bool(re.search(wanted, now.text()))).text()
    script.goes_on(**DONE)
    code = terminal.end()

    assert code == 0
    assert line.startswith("3/5 generating  ━")
    assert terminal.screen.widest <= max(width - 1, len("max"))
    assert terminal.screen.is_cursor_shown
    assert "61%" not in terminal.screen.text()


def test_a_spinner_turns_while_nothing_is_known(script: Script) -> None:
    terminal = _wait(script)

    seen: set[str] = set()

    def turned(now: Screen) -> bool:
        seen.update(re.findall(r"^([⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]) waits for", now.text(), re.MULTILINE))
        return len(seen) > 2

    terminal.until(turned)
    script.goes_on(**DONE)

    assert terminal.end() == 0
    assert not any("%" in line for line in terminal.screen.seen)


def test_a_failed_export_ends_with_20_and_a_deadline_with_21(script: Script) -> None:
    failing = _wait(script)
    failing.until(lambda now: "waits" in now.text())
    script.goes_on(**FAILED)
    assert failing.end() == 20
    assert "No such column." in failing.screen.text()

    script.now = SHAPE | {"version": 1}
    late = _wait(script, "--timeout", "0.2")
    assert late.end() == 21
    assert "lading exports wait exp_1" in late.screen.text().replace("\n", "")


def test_why_an_export_is_tried_again_is_said_once_and_stays(script: Script) -> None:
    terminal = _wait(script)

    terminal.until(lambda now: "waits for a free worker" in now.text())
    fault = {
        "code": "source-unreachable",
        "message": "The source is away.",
        "stage": "QUERYING",
        "attempt": 1,
        "retryable": True,
    }
    for version in range(3):
        script.goes_on(status="pending", waiting_for="retry", error=fault, eligible_at=f"2026-01-01T00:00:0{version}Z")
    script.goes_on(**RUNNING, stage="MAPPING", progress={"percent": 30.0, "rows": 0, "bytes": 0}, error=None)
    terminal.until(lambda now: "2/5 mapping" in now.text())
    script.goes_on(**DONE)

    assert terminal.end() == 0
    assert terminal.screen.text().count("The source is away.") == 1
    assert "33" in terminal.screen.styles


@pytest.mark.parametrize(
    "asked", [{"NO_COLOR": "1"}, ["--no-color"], {"TERM": "dumb"}], ids=["NO_COLOR", "option", "dumb"]
)
def test_no_colour_is_written_where_it_is_not_wanted(script: Script, asked: Any) -> None:
    more, environment = (asked, {}) if isinstance(asked, list) else ([], asked)
    terminal = _wait(script, *more, environment=environment)

    terminal.until(lambda now: "waits for a free worker" in now.text())
    script.goes_on(**RUNNING, stage="GENERATING", progress={"percent": 61.0, "rows": 1, "bytes": 1})
    terminal.until(lambda now: "3/5 generating" in now.text())
    script.goes_on(**FAILED)

    assert terminal.end() == 20
    colours = {each for style in terminal.screen.styles for each in style.split(";")} & {str(n) for n in range(30, 108)}
    assert colours == set()
    if "TERM" in environment:
        assert terminal.screen.styles == set()


def test_a_terminal_without_these_letters_gets_plain_ones(script: Script) -> None:
    terminal = _wait(script, environment={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LANG": "C"})

    terminal.until(lambda now: "waits for a free worker" in now.text())
    script.goes_on(**RUNNING, stage="GENERATING", progress={"percent": 50.0, "rows": 1, "bytes": 1})
    line = terminal.until(lambda now: "50%" in now.text()).text()
    script.goes_on(**DONE)

    assert terminal.end() == 0
    assert "####" in line
    assert "----" in line


def test_quiet_says_nothing_but_the_answer(script: Script) -> None:
    script.goes_on(**RUNNING, stage="GENERATING", progress={"percent": 50.0, "rows": 1, "bytes": 1})
    script.goes_on(**DONE)
    terminal = _wait(script, "--quiet", is_piped=True)

    assert terminal.end() == 0
    assert terminal.screen.seen == []
    assert b"completed" in terminal.out


def test_what_is_no_terminal_gets_lines_and_who_asked_for_json_gets_them_as_json(script: Script) -> None:
    states: list[dict[str, Any]] = [
        RUNNING | {"stage": "QUERYING", "progress": {"percent": 1.0, "rows": 5, "bytes": 0}},
        RUNNING | {"stage": "QUERYING", "progress": {"percent": 9.0, "rows": 9, "bytes": 0}},
        RUNNING | {"stage": "MAPPING", "progress": {"percent": 30.0, "rows": 9, "bytes": 7}},
        DONE,
    ]
    for more in ([], ["--json"]):
        script.now = SHAPE | {"version": 1}
        for each in states:
            script.goes_on(**each)
        ran = subprocess.run(
            [*LADING, "exports", "wait", "exp_1", "--url", script.url, *more],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert ran.returncode == 0
        lines = ran.stderr.splitlines()
        if not more:
            assert [line.split("  ")[1] for line in lines] == [
                "waits for a free worker", "1/5 querying", "2/5 mapping", "completed",
            ]  # fmt: skip
            continue
        told = [json.loads(line) for line in lines]
        assert [each["stage"] for each in told][1:] == ["QUERYING", "MAPPING", "COMPLETE"]
        assert (told[2]["percent"], told[2]["rows"], told[2]["bytes"]) == (30.0, 9, 7)
        assert {"elapsed_seconds", "seconds_left", "id", "status"} <= set(told[2])
        assert json.loads(ran.stdout)["status"] == "completed"


def test_ctrl_c_detaches_and_leaves_the_terminal_as_it_was(script: Script) -> None:
    terminal = _wait(script)
    terminal.until(lambda now: "waits for a free worker" in now.text())

    terminal.type("\x03")

    assert terminal.end() == 130
    assert "Detached; exp_1 goes on. Follow it again: lading exports wait exp_1" in terminal.screen.text()
    assert "Traceback" not in terminal.screen.text()
    assert terminal.screen.is_cursor_shown


HANGS = """
import sys, time
from lading import cli
from lading.cli import progress
from lading.client.sync.exports import Exports
def wait(*_arguments, **_options):
    try:
        print("begun", file=sys.stderr, flush=True)
        time.sleep(600)
    finally:
        while True:
            try:
                print("hangs", file=sys.stderr, flush=True)
                time.sleep(600)
            except KeyboardInterrupt:
                pass
Exports.wait = wait
sys.exit(cli.run(["exports", "wait", "exp_1", "--url", "http://127.0.0.1:9"]))
"""


def test_a_second_ctrl_c_quits_whatever_hangs(script: Script) -> None:
    terminal = screen.start([sys.executable, "-c", HANGS])
    terminal.until(lambda now: "begun" in now.text())

    terminal.type("\x03")
    terminal.until(lambda now: "hangs" in now.text())
    terminal.type("\x03")

    assert terminal.end() == 130
    assert "Detached" not in terminal.screen.text()
    assert "Traceback" not in terminal.screen.text()
    assert terminal.screen.is_cursor_shown


def test_what_ignores_ctrl_c_goes_on_ignoring_it(script: Script) -> None:
    # As `nohup` and the shell's background jobs have it.
    program = [*LADING, "exports", "wait", "exp_1", "--url", script.url]
    ignoring = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", *program]
    process = subprocess.Popen(ignoring, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert script.asked.wait(60)
    process.send_signal(signal.SIGINT)
    script.goes_on(**DONE)
    process.communicate(timeout=60)

    assert process.returncode == 0


def test_a_download_shows_how_much_of_it_is_there(script: Script, tmp_path: Path) -> None:
    script.now = SHAPE | {"version": 1} | DONE
    program = [*LADING, "exports", "download", "exp_1", "--file", "nordlys.csv", "--url", script.url]
    terminal = screen.start([*program, "--output", str(tmp_path)], is_piped=True)

    line = terminal.until(lambda now: "50%" in now.text() and "70.0 kB" in now.text()).text()
    script.half.set()

    assert terminal.end() == 0
    assert line.startswith("downloading")
    assert "35.0 kB of 70.0 kB" in line
    assert terminal.out.decode().strip() == str(tmp_path / "exp_1" / "nordlys.csv")
    assert (tmp_path / "exp_1" / "nordlys.csv").read_bytes() == FILE


MANY = """
import sys
from lading.cli.bars import Bars
with Bars(sys.stderr, total=30) as bars:
    for index in range(30):
        bars.show(f"exp_{index}", f"bufdir 2025-{index:02}", "3/5 generating", done=index, total=30)
    bars.end("exp_0", "bufdir 2025-00", "completed")
    bars.end("exp_1", "bufdir 2025-01", "failed: no such column", is_good=False)
    sys.stdin.readline()
"""


@pytest.mark.parametrize(("width", "height"), [(40, 24), (80, 10), (200, 60)])
def test_many_exports_are_shown_as_far_as_there_is_room(width: int, height: int) -> None:
    terminal = screen.start([sys.executable, "-c", MANY], width=width, height=height)

    text = terminal.until(lambda now: "2 of 30" in now.text() and "more" in now.text()).text()
    terminal.type("\n")
    code = terminal.end()

    shown = text.splitlines()
    assert code == 0
    assert "✗ bufdir 2025-01 failed: no such column"[: width - 1] in "\n".join(shown)
    assert len([line for line in shown if "3/5 generating" in line]) <= min(12, height - 3)
    assert any(re.fullmatch(r"and \d+ more", line) for line in shown)
    assert terminal.screen.widest < width
    assert "3/5" not in terminal.screen.text()


def test_this_file_reads_what_rich_writes() -> None:
    # A guard of the terminal above: an order that it does not know is an error, not a blank.
    with pytest.raises(AssertionError, match="does not know"):
        Screen(80).feed("\x1b[5X")
