"""An API over HTTP that a test answers for: a real server on the loopback, good or hostile."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from lading.sources.model import Selection, Source
from lading.sources.outside import Outside

TENANT: Final = UUID("00000000-0000-7000-8000-000000000000")
LOOPBACK: Final = Outside(networks=(ip_network("127.0.0.1/32"), ip_network("::1/128")))
GLANCE: Final = replace(LOOPBACK, is_glance=True)


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    path: str
    query: Mapping[str, Sequence[str]]
    headers: Mapping[str, str]
    number: int

    def one(self, name: str, default: str = "") -> str:
        """Return the value of a query parameter."""
        return self.query.get(name, [default])[0]


@dataclass(frozen=True)
class Reply:
    """What is answered; with `write` the body is written by hand, and no Content-Length told."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    write: Callable[[Any], None] | None = None


def page(value: Any, **headers: str) -> Reply:
    """Return the reply that carries a JSON value."""
    return Reply(
        json.dumps(value, ensure_ascii=False).encode(), headers={"Content-Type": "application/json", **headers}
    )


class Api:
    """A running server; `asked` holds every request, `answer` says what each gets."""

    def __init__(self, answer: Callable[[Asked], Reply]) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self.is_over = threading.Event()
        self._held: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="api", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Return where it is."""
        return f"http://127.0.0.1:{self.port}"

    def source(self, reference: str | None = None, *, seconds: int = 60, **options: str) -> Source:
        """Return the source that is this API."""
        return Source(TENANT, "api", "http", reference, None, seconds, options={"url": self.url, **options})

    def hold(self, connection: socket.socket) -> None:
        """Remember a connection that `close` ends."""
        with self._lock:
            self._held.add(connection)

    def note(self, path: str, query: str, headers: Mapping[str, str]) -> Asked:
        """Remember a request."""
        with self._lock:
            asked = Asked(path, parse_qs(query, keep_blank_values=True), dict(headers), len(self.asked) + 1)
            self.asked.append(asked)
        return asked

    def close(self) -> None:
        """End the server and every connection to it."""
        self.is_over.set()
        self._server.shutdown()
        self._server.server_close()
        for connection in self._held:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def _handler(api: Api) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            api.hold(self.connection)
            parts = urlsplit(self.path)
            asked = api.note(parts.path, parts.query, dict(self.headers.items()))
            reply = api.answer(asked)
            if reply.write is not None:
                self.close_connection = True
                with suppress(OSError):
                    reply.write(self)
                return
            (self.send_response_only if "Date" in reply.headers else self.send_response)(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if "Content-Length" not in reply.headers and reply.status != 204:
                self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


@contextmanager
def serving(answer: Callable[[Asked], Reply]) -> Iterator[Api]:
    """Run an API until the end of the block."""
    api = Api(answer)
    try:
        yield api
    finally:
        api.close()


def request(columns: Mapping[str, str] | None = None, **given: Any) -> Selection:
    """Return what asks for `/items`."""
    return Selection(request={"path": "/items", "columns": columns or {"id": "integer", "name": "string"}, **given})


class Table:
    """Rows that an API gives by cursor, as a good one does."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.api: Api | None = None

    def fill(self, columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> None:
        """Hold these rows."""
        self.rows = [
            {
                name: each.isoformat() if hasattr(each, "isoformat") else each
                for name, each in zip(columns, row, strict=True)
            }
            for row in rows
        ]

    def answer(self, asked: Asked) -> Reply:
        """Return a page; `/stall` never answers."""
        if asked.path.endswith("/stall"):
            assert self.api is not None
            self.api.is_over.wait()
        wanted = asked.query.get("name")
        rows = [row for row in self.rows if wanted is None or row["name"] == wanted[0]]
        start, size = int(asked.one("after", "0")), int(asked.one("limit", "100"))
        more = start + size < len(rows)
        return page({"data": {"items": rows[start : start + size]}, "next": str(start + size) if more else None})


def secret(folder: Path, text: str) -> str:
    """Return a credentials reference to `text`."""
    path = folder / "api-secret"
    path.write_text(text)
    path.chmod(0o600)
    return f"file:{path}"
