"""
A server that takes exports and hands out packages, as tests of the client want it: real HTTP, no database.

What it answers is checked against the shapes of `lading.wire` by the client that reads it; how the product answers is
tested in tests/flow.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

EXPORT: dict[str, Any] = json.loads((Path(__file__).parent / "golden" / "client" / "export.json").read_text("utf-8"))
FAULT = {"code": "no-data", "message": "No rows.", "stage": "QUERYING", "attempt": 1, "retryable": False}


@dataclass
class ExportServer:
    """Exports by idempotency key; `fails` says of a request whether its export fails, `runs` whether it never ends."""

    package: bytes = b"package" * 1000
    fails: Callable[[dict[str, Any]], bool] = lambda _: False
    runs: Callable[[dict[str, Any]], bool] = lambda _: False
    refuses: Callable[[dict[str, Any]], int] = lambda _: 0
    swallow_answers: int = 0
    cut_after: int | None = None
    on_post: Callable[[], None] = lambda: None
    on_cut: Callable[[], None] = lambda: None
    tenant: str = "nordlys"
    keys: dict[str, str] = field(default_factory=dict)
    requests: dict[str, dict[str, Any]] = field(default_factory=dict)
    posts: Counter[str] = field(default_factory=Counter)
    downloaded: list[tuple[str, str | None]] = field(default_factory=list)
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    _running: int = 0

    @property
    def url(self) -> str:
        """Return where it is."""
        return f"http://127.0.0.1:{self._httpd.server_address[1]}"

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._httpd = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._httpd.daemon_threads = True
        self._httpd.handle_error = lambda *_: None  # type: ignore[method-assign] - clients are killed here
        threading.Thread(target=self._httpd.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        """Stop."""
        self._httpd.shutdown()
        self._httpd.server_close()

    def export(self, export_id: str) -> dict[str, Any]:
        """Return one as it is now."""
        request = self.requests[export_id]
        status = "failed" if self.fails(request) else "running" if self.runs(request) else "completed"
        file = {
            "name": "package.zip", "media_type": "application/zip", "size": len(self.package),
            "sha256": hashlib.sha256(self.package).hexdigest(), "href": "/",
        }  # fmt: skip
        done = status == "completed"
        return EXPORT | {
            "id": export_id, "status": status, "error": FAULT if status == "failed" else None,
            "artifacts": [file] if done else [], "version": 9,
        }  # fmt: skip


def _handler(server: ExportServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def answer(self, status: int, body: Any) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            key = self.headers["Idempotency-Key"]
            server.on_post()
            with server.lock:
                server.posts[key] += 1
                if status := server.refuses(request):
                    self.answer(status, {"code": "", "detail": "Refused."})
                    return
                if key not in server.keys:
                    server.keys[key] = f"exp_{len(server.keys) + 1}"
                    server.requests[server.keys[key]] = request
                if server.swallow_answers:
                    server.swallow_answers -= 1
                    self.close_connection = True
                    return
            self.answer(202, server.export(server.keys[key]))

        def do_GET(self) -> None:
            parts = self.path.split("?")[0].split("/")
            if self.path == "/api/v1/me":
                me = {"id": "key_1", "kind": "key", "name": "k", "role": "admin", "scopes": [], "is_instance": False}
                self.answer(200, me | {"tenant": server.tenant, "expires_at": None})
            elif parts[-1] == "events" or parts[4] not in server.requests:
                self.answer(404, {"code": "not-found", "detail": "None."})
            elif "artifacts" in parts:
                with server.lock:
                    server._running += 1
                    server.most_at_once = max(server.most_at_once, server._running)
                try:
                    self.package(parts[4])
                finally:
                    with server.lock:
                        server._running -= 1
            else:
                self.answer(200, server.export(parts[4]))

        def package(self, export_id: str) -> None:
            asked = self.headers.get("Range")
            server.downloaded.append((export_id, asked))
            start = int(asked[6:-1]) if asked else 0
            data = server.package[start:]
            digest = hashlib.sha256(server.package).hexdigest()
            self.send_response(206 if asked else 200)
            self.send_header("ETag", f'"sha256-{digest}"')
            if asked:
                self.send_header("Content-Range", f"bytes {start}-{len(server.package) - 1}/{len(server.package)}")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if server.cut_after is None:
                self.wfile.write(data)
                return
            self.wfile.write(data[: server.cut_after])
            self.wfile.flush()
            server.cut_after = None
            server.on_cut()
            self.close_connection = True

    return Handler
