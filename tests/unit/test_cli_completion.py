"""A shell completes commands, options and names; what is slow or broken offers nothing and says nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lading import cli

HEAVY = {"httpx2", "rich", "cryptography", "asyncio", "lading.client", "lading.cli.verify", "lading.cli.runs"}


def _offered(words: str, **environment: str) -> list[str]:
    line = words.split(" ")
    asked = {"COMP_WORDS": words, "COMP_CWORD": str(len(line) - 1), "_LADING_COMPLETE": "bash_complete"}
    ran = subprocess.run(
        [sys.executable, "-m", "lading.cli"], env={**os.environ, **asked, **environment},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert ran.stderr == ""
    return [each.partition(",")[2] for each in ran.stdout.splitlines() if each]


@pytest.mark.parametrize(
    ("words", "offers"),
    [
        ("lading exp", ["exports"]),
        ("lading exports wa", ["wait"]),
        ("lading jobs list --state pe", ["pending"]),
        ("lading exports wait --no", ["--no-color"]),
        ("lading completion ", ["bash", "zsh", "fish"]),
    ],
)
def test_commands_options_and_values_are_offered(words: str, offers: list[str]) -> None:
    assert _offered(words, LADING_URL="http://127.0.0.1:9") == offers


def test_a_word_that_is_no_command_says_nothing() -> None:
    _offered("lading nonsense ")


@pytest.fixture
def names() -> Iterator[str]:
    items = [{"name": name, "active_revision": 1, "latest_revision": 1} for name in ("bufdir", "budget", "other")]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"items": items}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_names_come_from_the_server_that_the_line_names(names: str) -> None:
    assert _offered(f"lading exports run --url {names} bu") == ["bufdir", "budget"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "ftp://x", "http://user:secret@x"])
def test_a_server_that_can_not_be_asked_offers_nothing(url: str) -> None:
    assert _offered("lading exports run b", LADING_URL=url) == []


def test_completing_a_command_imports_no_other() -> None:
    program = (
        "import sys, atexit\n"
        "atexit.register(lambda: print('\\n'.join(sys.modules), file=sys.stderr))\n"
        "from lading import cli\ncli.main([])"
    )
    asked = {"COMP_WORDS": "lading e", "COMP_CWORD": "1", "_LADING_COMPLETE": "bash_complete"}

    ran = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, **asked}, capture_output=True, text=True, check=False
    )

    assert "plain,exports" in ran.stdout
    assert set(ran.stderr.splitlines()) & HEAVY == set()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_takes_what_is_printed_for_it(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["completion", shell]) == 0

    text = capsys.readouterr().out
    assert f"_LADING_COMPLETE={shell}_complete" in text
    if (program := shutil.which(shell)) is not None:
        subprocess.run([program, "-n"], input=text, text=True, check=True, timeout=60)
