"""All clients of an environment share its connections, and nothing else: no token, no cookie, no other's end."""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest
from tests.certificates import certificate

from lading.client import AsyncClient
from lading.client.retries import Retries
from lading.client.sync.client import Client
from lading.errors import ServerUnreachable, Unauthenticated

SOURCES = Path(__file__).parents[2] / "src"
WHO = json.dumps({"items": [], "next_cursor": None}).encode()


@dataclass
class Server:
    """A server that keeps connections alive and notes who asked for what, on which of them."""

    url: str
    connections: set[int] = field(default_factory=set)
    asked: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    good: set[str] | None = None
    gate: threading.Barrier | None = None


@contextmanager
def _serving(secured: ssl.SSLContext | None = None) -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            token = self.headers.get("Authorization")
            server.connections.add(self.client_address[1])
            server.asked.append((self.path, token, self.headers.get("Cookie")))
            if server.gate is not None:
                server.gate.wait(60)
            refused = server.good is not None and token not in server.good
            body = b'{"code": "unauthenticated", "detail": "No."}' if refused else WHO
            self.send_response(401 if refused else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Set-Cookie", "session=of-somebody; Path=/")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    if secured is not None:
        httpd.socket = secured.wrap_socket(httpd.socket, server_side=True)
    server = Server(f"{'https' if secured else 'http'}://127.0.0.1:{httpd.server_address[1]}")
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        httpd.shutdown()
        httpd.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    with _serving() as made:
        yield made


def _look(client: Client) -> None:
    client.exports.page()


def test_clients_of_one_server_share_connections_but_no_tokens_and_no_cookies(server: Server) -> None:  # C10
    one, other = Client(server.url, token="one"), Client(f"{server.url}/", token="other")

    for _ in range(3):
        _look(one)
        _look(other)
    one.close()
    _look(other)

    assert one.session is not other.session
    assert len(server.connections) == 1
    assert [token for _, token, _ in server.asked] == ["Bearer one", "Bearer other"] * 3 + ["Bearer other"]
    assert {cookie for _, _, cookie in server.asked} == {None}
    pool = other.session.pool
    other.close()
    assert pool.http.is_closed
    with pytest.raises(RuntimeError, match="closed"):
        _look(other)


def test_at_most_ten_connections_are_open_at_once(server: Server) -> None:  # C10
    server.gate = threading.Barrier(10)
    with Client(server.url) as client:
        threads = [threading.Thread(target=_look, args=(client,)) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

    assert len(server.asked) == 20
    assert len(server.connections) == 10


def test_connections_of_an_event_loop_are_not_used_in_another(server: Server) -> None:  # C10
    client = AsyncClient(server.url)
    other = AsyncClient(server.url)

    async def look() -> object:
        await asyncio.gather(client.exports.page(), other.exports.page())
        assert client.session.pool is other.session.pool
        return client.session.pool

    first, second = asyncio.run(look()), asyncio.run(look())

    assert first is not second


def test_a_child_makes_connections_of_its_own(server: Server) -> None:  # C10
    program = """
import os, sys
sys.path.insert(0, sys.argv[2])
from lading.client import Client
client = Client(sys.argv[1]); client.exports.page()
child = os.fork()
if child == 0:
    client.exports.page(); client.close(); os._exit(0)
assert os.waitpid(child, 0)[1] == 0
client.exports.page(); client.close()
"""
    done = subprocess.run([sys.executable, "-c", program, server.url, str(SOURCES)], check=False, capture_output=True)

    assert (done.returncode, done.stderr) == (0, b"")
    assert (len(server.asked), len(server.connections)) == (3, 2)


def test_a_client_that_brings_its_connections_keeps_them(server: Server) -> None:  # C10
    with httpx2.Client() as http:
        with Client(server.url, http_client=http, token="mine") as client:
            _look(client)
        assert not http.is_closed
        _look(Client(server.url, http_client=http, token="mine"))

    assert len(server.connections) == 1


def test_the_proxy_of_the_environment_is_asked(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:  # C10
    monkeypatch.setenv("HTTP_PROXY", server.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    with Client("http://lading.example.test") as client:
        _look(client)

    assert server.asked[0][0].startswith("http://lading.example.test/api/v1/exports")


def test_a_server_that_nobody_vouches_for_is_not_talked_to(tmp_path: Path) -> None:  # C10
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path / "own.pem", "127.0.0.1"))

    with _serving(context) as server, Client(server.url, token="secret", patience=Retries(most=0)) as client:
        with pytest.raises(ServerUnreachable):
            _look(client)
        assert server.asked == []


def test_a_refused_token_is_renewed_once_for_all_who_ask(server: Server) -> None:  # C7
    server.good, fresh = {"Bearer new"}, []
    errors: list[BaseException] = []

    def refresh() -> str:
        fresh.append("new")
        return "new"

    def look() -> None:
        try:
            _look(client)
        except BaseException as error:  # noqa: BLE001 - told below
            errors.append(error)

    with Client(server.url, token="old", refresh=refresh) as client:
        threads = [threading.Thread(target=look) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

    assert (errors, fresh) == ([], ["new"])


def test_a_token_that_is_refused_again_is_not_renewed_for_ever(server: Server) -> None:  # C7
    server.good, fresh = set(), []

    def refresh() -> str:
        fresh.append(f"t{len(fresh)}")
        return fresh[-1]

    with Client(server.url, token="old", refresh=refresh) as client, pytest.raises(Unauthenticated) as raised:
        _look(client)

    assert (len(fresh), len(server.asked), raised.value.export_code) == (1, 2, "EXPORT_008")


def test_a_token_that_is_none_is_told_and_not_sent(server: Server) -> None:
    server.good = set()

    with Client(server.url, token="old", refresh=lambda: None) as client, pytest.raises(Unauthenticated):
        _look(client)

    assert len(server.asked) == 1
