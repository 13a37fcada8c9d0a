"""A real file server that cuts, truncates, lies and changes its mind as a test tells it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SIZE = 3_000_000
CONTENT = hashlib.shake_256(b"lading").digest(SIZE)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def _gzip(body: bytes) -> bytes:
    return gzip.compress(body, 1)


@dataclass
class Faulty:
    """A file server whose next answers are told: `cuts` bytes of body, then the connection is broken."""

    content: bytes = CONTENT
    etag: str | None = f'"sha256-{SHA256}"'
    digest: str | None = f"sha-256=:{base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()}:"
    cuts: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    has_ranges: bool = True
    has_length: bool = True
    lies_by: int = 0
    asked: list[str | None] = field(default_factory=list)
    body: Callable[[bytes], bytes] = bytes
    heads: list[dict[str, str]] = field(default_factory=list)
    """Further headers of the next answers."""
    heeds_if_range: bool = True
    is_compressing: bool = False
    encoding: str = "gzip"
    compress: Callable[[bytes], bytes] = _gzip
    is_chunked: bool = False
    gate: threading.Event | None = None
    gate_at: int = 0
    reached: threading.Event = field(default_factory=threading.Event)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range")
        self.asked.append(wanted)
        if self.statuses:
            request.send_response(self.statuses.pop(0))
            request.send_header("Content-Length", "0")
            for name, value in (self.heads.pop(0) if self.heads else {}).items():
                request.send_header(name, value)
            request.end_headers()
            return
        fresh = not self.heeds_if_range or request.headers.get("If-Range") in (None, self.etag)
        first = int(wanted[6:-1]) if wanted and self.has_ranges and fresh else 0
        if first > len(self.content):
            request.send_response(416)
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        body = self.body(self.content[first:])
        if self.is_compressing:
            body = self.compress(body)
        self._head(request, first, len(body))
        self._send(request, body)

    def _head(self, request: BaseHTTPRequestHandler, first: int, size: int) -> None:
        request.send_response(206 if first else 200)
        if first:
            request.send_header("Content-Range", f"bytes {first}-{len(self.content) - 1}/{len(self.content)}")
        if self.is_compressing:
            request.send_header("Content-Encoding", self.encoding)
        if self.is_chunked:
            request.send_header("Transfer-Encoding", "chunked")
        elif self.has_length:
            whole = size if self.is_compressing else len(self.content) - first
            request.send_header("Content-Length", str(whole + self.lies_by))
        for name, value in (("ETag", self.etag), ("Repr-Digest", self.digest)):
            if value is not None:
                request.send_header(name, value)
        request.send_header("Connection", "close")
        request.end_headers()

    def _send(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        if self.gate is not None:
            request.wfile.write(body[: self.gate_at])
            request.wfile.flush()
            self.reached.set()
            self.gate.wait(120)
            body = body[self.gate_at :]
        is_cut = bool(self.cuts)
        sent = body[: self.cuts.pop(0)] if is_cut else body
        if self.is_chunked:
            parts = (sent[at : at + 50_000] for at in range(0, len(sent), 50_000))
            sent = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + (b"" if is_cut else b"0\r\n\r\n")
        request.wfile.write(sent)


@contextmanager
def serving(faulty: Faulty) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1" if faulty.is_chunked else "HTTP/1.0"

        def do_GET(self) -> None:
            try:
                faulty.answer(self)
            except OSError:
                self.close_connection = True

        def log_message(self, *_arguments: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
