"""
Somebody's receiver of packages: a real server that keeps what it is sent, and fails as it is told.

It does what the guide asks of receivers: it checks the signature before it reads, keeps nothing that is not whole, and
knows an id that it has taken.  Each fault is for the next request with its method.
"""

from __future__ import annotations

import base64
import hashlib
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook

KEY = "whsec_" + base64.b64encode(b"k" * 32).decode()


@dataclass
class Got:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    is_whole: bool


@dataclass
class Receiver:
    """The server; `kept` is what lies there by path, `got` every request in its turn."""

    key: str = KEY
    url: str = ""
    kept: dict[str, bytes] = field(default_factory=dict[str, bytes])
    taken: dict[str, str] = field(default_factory=dict[str, str])
    got: list[Got] = field(default_factory=list[Got])
    faults: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list[tuple[str, str, dict[str, Any]]])
    tells_digest: bool = True
    released: threading.Event = field(default_factory=threading.Event)

    def fail(self, kind: str = "answer", method: str = "PUT", times: int = 1, **more: Any) -> None:
        """Let the next requests go wrong: answer, early, cut, lose, stall or drip."""
        self.faults += [(method, kind, more)] * times

    def fault_of(self, method: str) -> tuple[str, dict[str, Any]]:
        for number, (each, kind, more) in enumerate(self.faults):
            if each == method:
                del self.faults[number]
                return kind, more
        return "", {}

    def requests(self, method: str) -> list[Got]:
        return [each for each in self.got if each.method == method]


@contextmanager
def receiving(secured: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Run a receiver."""
    made = Receiver()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(made))
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # pyright: ignore[reportAttributeAccessIssue]  # its way to be quiet
    if secured is not None:
        server.socket = secured.wrap_socket(server.socket, server_side=True)
    scheme, host = ("http", "127.0.0.1") if secured is None else ("https", "localhost")
    made.url = f"{scheme}://{host}:{server.server_port}/inbox"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(made: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def answer(self, status: int, headers: Mapping[str, str] | None = None, body: bytes = b"") -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            if "Content-Length" not in (headers or {}):
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def end(self) -> None:
            self.close_connection = True
            self.connection.close()

        def handle_any(self) -> None:
            kind, more = made.fault_of(self.command)
            headers = {name.lower(): value for name, value in self.headers.items()}
            length = int(headers.get("content-length", "0"))
            got = Got(self.command, self.path, headers, b"", is_whole=False)
            made.got.append(got)
            match kind:
                case "answer":
                    got.body = self.rfile.read(length)
                    return self.answer(more["status"], more.get("headers"), more.get("body", b""))
                case "early":
                    self.answer(more["status"])
                    return self.end()
                case "cut":
                    got.body = self.rfile.read(min(length, more["after"]))
                    return self.end()
                case "stall":
                    made.released.wait(120)
                    return self.end()
                case "drip":
                    got.body = self.rfile.read(length)
                    self.wfile.write(b"HTTP/1.1 204 No")
                    made.released.wait(120)
                    return self.end()
            return self.taken(got, length, is_lost=kind == "lose")

        def taken(self, got: Got, length: int, *, is_lost: bool) -> None:
            if not _is_signed(made.key, got.headers):
                return self.answer(401)
            got.body = self.rfile.read(length)
            if len(got.body) < length:
                return self.end()
            got.is_whole = True
            if got.method in {"HEAD", "GET"}:
                return self.shown(got.path)
            digest = _digest(got.body)
            if digest != got.headers["content-digest"]:
                return self.answer(400)
            if got.method == "PUT" and got.headers.get("if-none-match") == "*" and got.path in made.kept:
                return self.answer(412)
            known = made.taken.setdefault(got.headers["webhook-id"], digest)
            if got.method == "POST" and known != digest:
                return self.answer(409)
            made.kept[got.path] = got.body
            return self.end() if is_lost else self.answer(201)

        def shown(self, path: str) -> None:
            found = made.kept.get(path)
            if found is None:
                return self.answer(404)
            told = {"Repr-Digest": _digest(found)} if made.tells_digest else {}
            return self.answer(200, {**told, "Content-Length": str(len(found))}, found)

        do_PUT = do_POST = do_HEAD = do_GET = handle_any  # noqa: N815 - the names that are called

    return Handler


def _digest(body: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def _is_signed(key: str, headers: dict[str, str]) -> bool:
    """Tell as a receiver does: by the library, with the digest in the place of the body."""
    try:
        Webhook(key).verify(headers["content-digest"], headers, json_parse=False)
    except Exception:  # noqa: BLE001 - whatever is wrong with it
        return False
    return True
