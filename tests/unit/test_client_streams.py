"""Over real connections, both colours hear an end through a stream, and find out by themselves what holds one back."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lading.client import AsyncClient
from lading.client.aio import following as aio_following
from lading.client.polling import Watcher
from lading.client.sync import following
from lading.client.sync.client import Client
from lading.wire.exports import Export

EXPORT: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "golden" / "client" / "export.json").read_text("utf-8")
)
PERSON = Watcher(on_progress=lambda _: None)


class Server:
    """One export; its stream is as the test wants it, and ends the export once somebody listens."""

    def __init__(self, *, is_silent: bool) -> None:
        self.is_silent = is_silent
        self.ended = threading.Event()
        self.looks = 0
        self.held = 0
        self.streams = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                if "/events" in self.path:
                    self.streamed()
                    return
                server.looks += 1
                if "wait=" in self.path:
                    server.held += 1
                    server.ended.set()
                is_over = server.ended.is_set()
                body = EXPORT | {"version": 2 if is_over else 1, "status": "completed" if is_over else "running"}
                self.answer(json.dumps(body).encode())

            def answer(self, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def streamed(self) -> None:
                server.streams += 1
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream; charset=utf-8")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                if not server.is_silent:
                    self.chunk(b"retry: 2000\nid: 7\n\n")
                    self.chunk(b": beat\nid: 8\n\n")
                    server.ended.set()
                    self.chunk(b"id: 9\nevent: export.completed\ndata: {}\n\n")
                self.rfile.read(1)  # until the client has gone

            def chunk(self, data: bytes) -> None:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

        self.httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.httpd.daemon_threads = True
        self.httpd.handle_error = lambda *_: None  # type: ignore[method-assign] - clients may leave
        self.url = f"http://127.0.0.1:{self.httpd.server_address[1]}"
        threading.Thread(target=self.httpd.serve_forever, daemon=True).start()


@pytest.fixture(params=[False, True], ids=["streaming", "silent"])
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(following, "_OPEN_SECONDS", 0.2 if request.param else 60.0)
    monkeypatch.setattr(aio_following, "_OPEN_SECONDS", 0.2 if request.param else 60.0)
    made = Server(is_silent=request.param)
    yield made
    made.httpd.shutdown()
    made.httpd.server_close()


def _with_thread(server: Server) -> Export:
    with Client(server.url) as client:
        return client.exports.wait("exp_1", watcher=PERSON)


def _with_loop(server: Server) -> Export:
    async def follow() -> Export:
        async with AsyncClient(server.url) as client:
            return await client.exports.wait("exp_1", watcher=PERSON)

    return asyncio.run(follow())


@pytest.mark.parametrize("follow", [_with_thread, _with_loop], ids=["sync", "async"])
def test_the_end_is_heard_or_waited_for(server: Server, follow: Any) -> None:  # C2
    export = follow(server)

    assert (export.status, server.streams) == ("completed", 1)
    assert server.held == (1 if server.is_silent else 0)
