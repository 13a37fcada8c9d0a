"""A download that the server sends elsewhere arrives whole and checked, and whoever has it there learns of nobody."""

# E15, C4

from __future__ import annotations

import base64
import hashlib
import logging
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest

from lading.client.partial import Version
from lading.client.sync import download as downloading
from lading.client.sync import elsewhere
from lading.client.sync.download import download
from lading.client.sync.session import Session
from lading.client.target import Target
from lading.errors import DownloadFailed, LadingError

CONTENT = random.Random(3).randbytes(300_000)
SECRET = "X-Amz-Signature=0123456789abcdef%2F"


def tag(content: bytes) -> str:
    return f'"sha256-{hashlib.sha256(content).hexdigest()}"'


@dataclass
class Pair:
    """A server that sends on, and a bucket that keeps; what either was asked stands in order."""

    content: bytes = CONTENT
    published: bytes = CONTENT
    cut_after: list[int] = field(default_factory=list)
    refusals: int = 0
    etag: str = '"bucket-1"'
    location: str | None = None
    clicks: list[dict[str, str]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    server: str = ""
    bucket: str = ""

    def download(self, folder: Path) -> bytes:
        session = Session(Target(self.server, token="ldg_secret", tenant="nordlys"))
        try:
            return download(session, "/file", folder / "package.zip").read_bytes()
        finally:
            session.close()


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    pair: Pair

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def answer(self, status: int, headers: dict[str, str], content: bytes = b"", cut: int | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[:cut])
        if cut is not None:
            self.close_connection = True


class Server(Answering):
    def do_GET(self) -> None:
        pair = self.pair
        pair.clicks.append(dict(self.headers))
        digest = base64.b64encode(hashlib.sha256(pair.published).digest()).decode()
        url = f"{pair.bucket}/bucket/key?{SECRET}{len(pair.clicks)}"
        self.answer(
            307,
            {
                "Location": pair.location or url,
                "ETag": tag(pair.published),
                "Repr-Digest": f"sha-256=:{digest}:",
                "Cache-Control": "no-store",
            },
        )


class Bucket(Answering):
    def do_GET(self) -> None:
        pair = self.pair
        pair.asked.append((self.path, dict(self.headers)))
        if pair.refusals:
            pair.refusals -= 1
            self.answer(403, {}, b"<Error><Code>AccessDenied</Code></Error>")
            return
        whole, given = pair.content, self.headers.get("Range")
        cut = pair.cut_after.pop(0) if pair.cut_after else None
        same = self.headers.get("If-Range") in {None, pair.etag}
        if given is None or not same:
            self.answer(200, {"ETag": pair.etag}, whole, cut)
            return
        first = int(given.removeprefix("bytes=").rstrip("-"))
        span = f"bytes {first}-{len(whole) - 1}/{len(whole)}"
        self.answer(206, {"ETag": pair.etag, "Content-Range": span}, whole[first:], cut)


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    monkeypatch.setattr(downloading, "sleep", lambda _seconds: None)
    made, running = Pair(), list[ThreadingHTTPServer]()
    for kind in (Server, Bucket):
        handler: Any = type(kind.__name__, (kind,), {"pair": made})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        running.append(server)
    made.server, made.bucket = (f"http://127.0.0.1:{each.server_port}" for each in running)
    yield made
    for each in running:
        each.shutdown()
        each.server_close()


def test_the_file_arrives_and_the_other_host_learns_of_nobody(  # E15, A7
    pair: Pair, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    assert pair.download(tmp_path) == CONTENT

    ((path, headers),) = pair.asked
    assert path == f"/bucket/key?{SECRET}1"  # as it was signed, not written anew
    assert {"authorization", "lading-tenant", "cookie"} & {name.lower() for name in headers} == set()
    assert headers["Accept-Encoding"] == "identity"
    assert "Amz" not in caplog.text
    assert pair.clicks[0]["Authorization"] == "Bearer ldg_secret"


def test_a_broken_download_goes_on_there_by_a_fresh_address(pair: Pair, tmp_path: Path) -> None:  # C4
    pair.cut_after = [100_000, 50_000]

    assert pair.download(tmp_path) == CONTENT

    ranges = [(path[-1], headers.get("Range"), headers.get("If-Range")) for path, headers in pair.asked]
    assert ranges == [("1", None, None), ("2", "bytes=100000-", pair.etag), ("3", "bytes=150000-", pair.etag)]
    assert [each.get("If-Range") for each in pair.clicks] == [None, tag(CONTENT), tag(CONTENT)]


def broken(pair: Pair, folder: Path) -> None:
    """Let a download break and its process be gone: what it left is the part."""
    pair.cut_after, session = [100_000], Session(Target(pair.server))
    connect: Any = downloading.__dict__["_connection"]
    with downloading.Partial(folder / "package.zip", Version()) as partial:
        connect(session, "/file", partial, downloading.Seen())
    session.close()
    assert (folder / "package.zip.part").stat().st_size == 100_000


def test_another_process_goes_on_there_too(pair: Pair, tmp_path: Path) -> None:  # C4
    broken(pair, tmp_path)

    assert pair.download(tmp_path) == CONTENT

    assert pair.asked[-1][1]["Range"] == "bytes=100000-"
    assert "If-Range" not in pair.asked[-1][1]


def test_a_part_of_another_version_is_not_continued(pair: Pair, tmp_path: Path) -> None:  # C4
    broken(pair, tmp_path)
    pair.content = pair.published = CONTENT[::-1]

    assert pair.download(tmp_path) == CONTENT[::-1]

    assert "Range" not in pair.asked[-1][1]


def test_an_address_that_is_over_is_replaced_by_a_fresh_one(pair: Pair, tmp_path: Path) -> None:  # E15
    pair.refusals = 2

    assert pair.download(tmp_path) == CONTENT

    assert [path[-1] for path, _ in pair.asked] == ["1", "2", "3"]


def test_a_bucket_that_always_refuses_is_said_without_the_secret(pair: Pair, tmp_path: Path) -> None:  # E15
    pair.refusals = 99

    with pytest.raises(DownloadFailed, match="answered 403") as caught:
        pair.download(tmp_path)

    assert "Amz" not in str(caught.value)
    assert len(pair.asked) == downloading.TRIES


def test_other_bytes_than_the_server_named_are_never_kept(pair: Pair, tmp_path: Path) -> None:  # C4
    pair.content = CONTENT[::-1]

    with pytest.raises(DownloadFailed, match="do not have the digest"):
        pair.download(tmp_path)

    assert not (tmp_path / "package.zip").exists()


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "http://user:word@127.0.0.1/x", "", "gopher://x", "http://[::1", "//"]
)
def test_an_address_that_is_none_is_not_followed(pair: Pair, tmp_path: Path, location: str) -> None:  # C4
    pair.location = location or "http:"

    with pytest.raises(LadingError):
        pair.download(tmp_path)

    assert pair.asked == []


def test_who_is_reached_by_tls_sends_nobody_into_the_open(tmp_path: Path) -> None:  # A7
    session = Session(Target("https://lading.example.org"))
    moved = httpx2.Response(
        307,
        headers={"Location": "http://bucket.example.org/key"},
        request=httpx2.Request("GET", "https://lading.example.org/file"),
    )
    partial = downloading.Partial(tmp_path / "package.zip", Version())

    with pytest.raises(DownloadFailed, match="safe"), elsewhere.answered(session, moved, partial, downloading.Seen()):
        pass
    session.close()
