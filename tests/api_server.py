"""An API over HTTP that a test answers for: a real server on the loopback, good or hostile."""

from __future__ import annotations

import json
import socket
import ssl
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

import polars as pl
import pyarrow as pa
import pytest

from lading.errors import SourceError, SourceRefused
from lading.sources.connectors import connect
from lading.sources.model import Selection, Source
from lading.sources.outside import Outside

TENANT: Final = UUID("00000000-0000-7000-8000-000000000000")
LOOPBACK: Final = Outside(networks=(ip_network("127.0.0.1/32"), ip_network("::1/128")))
GLANCE: Final = replace(LOOPBACK, is_glance=True)
PRIVATE: Final = "hunter2-what-nobody-may-see"


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

    def __init__(self, answer: Callable[[Asked], Reply], secured: ssl.SSLContext | None = None) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self.is_over = threading.Event()
        self._held: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        if secured is not None:
            self._server.socket = secured.wrap_socket(self._server.socket, server_side=True)
        self._server.handle_error = lambda *_: None  # pyright: ignore[reportAttributeAccessIssue]  # its way to be quiet
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
            if api.is_over.is_set():
                self.close_connection = True  # whoever comes while it ends is not answered any more
                return
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
def serving(answer: Callable[[Asked], Reply], secured: ssl.SSLContext | None = None) -> Iterator[Api]:
    """Run an API until the end of the block."""
    api = Api(answer, secured)
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


def read(
    source: Source,
    selection: Selection | None = None,
    *,
    parameters: Mapping[str, Any] | None = None,
    outside: Outside = LOOPBACK,
    key: Sequence[str] = ("id",),
) -> pl.DataFrame:
    """Return all rows of a source."""
    with connect(source, outside=outside).open() as reading:
        batches = list(reading.batches(selection or request(), parameters or {}, key=key))
    return pl.DataFrame(pa.Table.from_batches(batches))


def ids(count: int, *, start: int = 1) -> list[dict[str, Any]]:
    return [{"id": number, "name": f"n{number}"} for number in range(start, start + count)]


def refused(
    answer: Callable[[Asked], Reply],
    kind: type[SourceError] = SourceRefused,
    *,
    outside: Outside = LOOPBACK,
    **options: str,
) -> str:
    """Return the sentence that ends the reading of an API that answers so; it quotes nothing of what came."""
    with serving(answer) as api, pytest.raises(SourceError) as error:
        read(api.source(**options), outside=outside)
    assert type(error.value) is kind, error.value
    assert PRIVATE not in error.value.message
    assert error.value.message.endswith(".")
    return error.value.message


def by_number(asked: Asked) -> Reply:
    start = (int(asked.one("page", "1")) - 1) * 10
    return page([row for row in ids(25) if start < row["id"] <= start + 10])


def by_offset(asked: Asked) -> Reply:
    # Asked for 20, it gives 10 at most, as many do.
    start = int(asked.one("offset"))
    return page([row for row in ids(25) if start < row["id"] <= start + min(10, int(asked.one("limit")))])


def by_cursor(asked: Asked) -> Reply:
    start = int(asked.one("cursor", "0"))
    return page({"rows": ids(25)[start : start + 10], "meta": {"next": start + 10 if start < 20 else None}})


def by_link(asked: Asked) -> Reply:
    start = int(asked.one("from", "0"))
    further = f'<?from={start + 10}>; rel="next", </items>; rel="first"' if start < 20 else '</items>; rel="first"'
    return page(ids(25)[start : start + 10], Link=further)


def by_url(asked: Asked) -> Reply:
    start = int(asked.one("from", "0"))
    return page({"rows": ids(25)[start : start + 10], "next": f"/items?from={start + 10}" if start < 20 else ""})


HTML: Final = Reply(f"<h1>{PRIVATE}</h1>".encode(), headers={"Content-Type": "text/html"})
