"""
A store in front of a store: passes requests on to a real server, and fails as it is told.

Each fault is for the next requests that match: an answer of its own, a connection cut before the request is passed on
or after it was (the answer is lost), a wrong ETag or MD5, a body that changes on the way, or a request that is held
until the test releases it.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Fault:
    """What happens to the next `times` requests whose method and path begin and contain so."""

    method: str
    part: str
    kind: str
    times: int = 1
    status: int = 503
    code: str = "InternalError"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Store:
    """The faulty store; `url` leads to it, `seen` is what it was asked."""

    url: str
    upstream: str
    faults: list[Fault] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def fail(self, method: str, part: str = "", kind: str = "answer", **more: Any) -> None:
        self.faults.append(Fault(method, part, kind, **more))

    def count(self, method: str, part: str) -> int:
        return sum(1 for each in self.seen if each.startswith(method) and part in each)

    def fault_of(self, line: str) -> Fault | None:
        for fault in self.faults:
            if fault.times and line.startswith(fault.method) and fault.part in line:
                fault.times -= 1
                return fault
        return None


@contextmanager
def faulty(upstream: str) -> Iterator[Store]:
    """Run a store in front of the server at `upstream`."""
    store = Store("", upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            line = f"{self.command} {self.path}"
            store.seen.append(line)
            fault = store.fault_of(line)
            if fault is not None and fault.kind == "answer":
                content = f"<Error><Code>{fault.code}</Code><Message>No.</Message></Error>".encode()
                self.answer(fault.status, fault.headers, content)
                return
            if fault is not None and fault.kind == "hold":
                store.held.set()
                store.released.wait(60)
            if fault is not None and fault.kind == "cut":
                self.close_connection = True
                self.connection.close()
                return
            if fault is not None and fault.kind == "spoil":
                body = bytes([body[0] ^ 1]) + body[1:]
            place = urlsplit(store.upstream)
            link = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
            link.request(self.command, self.path, body, dict(self.headers))
            found = link.getresponse()
            content, headers = found.read(), dict(found.getheaders())
            link.close()
            if fault is not None and fault.kind == "lose":
                self.close_connection = True
                self.connection.close()
                return
            if fault is not None and fault.kind == "etag":
                headers = {name: value for name, value in headers.items() if name.lower() != "etag"}
                headers["ETag"] = '"00000000000000000000000000000000"'
            if fault is not None and fault.kind == "md5":
                headers = {name: value for name, value in headers.items() if name.lower() != "content-md5"}
                headers["Content-MD5"] = "AAAAAAAAAAAAAAAAAAAAAA=="
            self.answer(found.status, headers, content)

        def answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
            self.send_response_only(status)
            for name, value in headers.items():
                if name.lower() not in {"content-length", "transfer-encoding", "connection"}:
                    self.send_header(name, value)
            length = next((v for n, v in headers.items() if n.lower() == "content-length"), str(len(content)))
            self.send_header("Content-Length", length if self.command == "HEAD" else str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any  # noqa: N815 - the names that are called

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    store.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
