"""An API that means harm is found out: loops, floods, drips, bombs, and pages that lead elsewhere."""

from __future__ import annotations

import gzip
import itertools
import json
import threading
from pathlib import Path
from typing import Any, Final

import pytest

from api_server import (
    GLANCE,
    LOOPBACK,
    PRIVATE,
    Asked,
    Reply,
    ids,
    page,
    read,
    refused,
    request,
    secret,
    serving,
)
from lading.errors import SourceRefused, SourceUnreachable
from lading.sources import check
from lading.sources.connectors import connect

SILENT: Final = 3600


# --- hostile ----------------------------------------------------------------------------------------


def test_an_api_that_does_not_know_the_page_parameter_is_found_out() -> None:
    words = refused(lambda _: page(ids(10)), pages="page", page_parameter="seite")

    assert "does not know the parameter 'seite'" in words
    assert "(page 2)" in words


@pytest.mark.parametrize("cursors", [["a"], ["a", "b"], ["a", "b", "c", "b"]])
def test_a_loop_of_cursors_ends(cursors: list[str]) -> None:
    following = itertools.chain(cursors, itertools.cycle(cursors[-1:]))

    words = refused(
        lambda asked: page({"rows": ids(1, start=asked.number), "next": next(following)}),
        pages="cursor", rows="rows", next="next",
    )  # fmt: skip

    assert "read before, so it never ends" in words


def test_endless_pages_end_at_the_limit() -> None:
    words = refused(
        lambda asked: page({"rows": [], "next": str(asked.number)}),
        pages="cursor", rows="rows", next="next", max_pages="20",
    )  # fmt: skip

    assert "over 20 pages" in words
    assert "max_pages" in words


def test_endless_rows_end_at_the_limit() -> None:
    words = refused(
        lambda asked: page({"rows": ids(10, start=10 * asked.number), "next": str(asked.number)}),
        pages="cursor", rows="rows", next="next", max_rows="95",
    )  # fmt: skip

    assert "over 95 rows" in words


@pytest.mark.parametrize(
    "elsewhere",
    [
        "http://169.254.169.254/latest/meta-data/", "//127.0.0.1:1/items", "https://127.0.0.1/items", "file:///etc/passwd",
        "http://127.0.0.1:{port}@evil.example/", "http://evil.example\\@127.0.0.1:{port}/", "http://user@127.0.0.1:{port}/",
        "http://127.0.0.1:{port}/\r\nX: 1", "http://[::1", "javascript:alert(1)",
    ],
)  # fmt: skip
@pytest.mark.parametrize("way", ["link", "next_url"])
def test_a_next_page_elsewhere_is_never_asked_for(elsewhere: str, way: str, tmp_path: Path) -> None:
    with serving(lambda _: page([])) as api:
        link = elsewhere.format(port=api.port)
        shown = " ".join(link.split())
        api.answer = lambda _: page({"rows": ids(1), "next": link}, Link=f'<{shown}>; rel="next"')
        options = {"next": "next"} if way == "next_url" else {}
        if way == "link" and shown != link:
            pytest.skip("a header has no line ends")
        with pytest.raises(SourceRefused, match="points to a next page") as error:
            read(api.source(secret(tmp_path, PRIVATE), pages=way, rows="rows", **options))

    assert len(api.asked) == 1
    assert PRIVATE not in error.value.message


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_never_followed(status: int, tmp_path: Path) -> None:
    with (
        serving(lambda _: page([])) as other,
        serving(lambda _: Reply(b"", status, {"Location": f"{other.url}/?{PRIVATE}"})) as api,
        pytest.raises(SourceRefused, match="redirects are not followed") as error,
    ):
        read(api.source(secret(tmp_path, PRIVATE)))

    assert other.asked == []
    assert PRIVATE not in error.value.message


def test_a_redirect_to_the_metadata_of_the_machine_is_never_followed() -> None:
    words = refused(lambda _: Reply(b"", 302, {"Location": "http://169.254.169.254/latest/meta-data/"}))

    assert "169.254" not in words


def test_a_body_over_the_limit_is_refused_before_it_is_read() -> None:
    body = json.dumps(ids(1000)).encode()

    words = refused(lambda _: Reply(body), max_page_bytes="9999")

    assert "over 9999 bytes" in words
    assert "page_size" in words


def test_a_body_without_length_is_refused_at_the_limit() -> None:
    def endless(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[")
        while True:
            handler.wfile.write(b"0," * 5000)

    words = refused(lambda _: Reply(write=endless), max_page_bytes="100000")

    assert "over 100000 bytes" in words


def packed(body: bytes) -> Reply:
    return Reply(body, headers={"Content-Type": "application/json", "Content-Encoding": "gzip"})


def test_a_packed_page_is_read() -> None:
    with serving(lambda _: packed(gzip.compress(json.dumps(ids(3)).encode()))) as api:
        assert read(api.source()).height == 3


def test_a_body_of_several_packed_members_is_read_whole() -> None:
    text = json.dumps(ids(3)).encode()
    with serving(lambda _: packed(gzip.compress(text[:20]) + gzip.compress(b"") + gzip.compress(text[20:]))) as api:
        assert read(api.source()).height == 3


def test_a_bomb_does_not_unfold() -> None:
    bomb = gzip.compress(b"[" + b" " * (64 << 20) + b"]", 9)

    words = refused(lambda _: packed(bomb), max_page_bytes="1000000")

    assert len(bomb) < 100_000
    assert "over 1000000 bytes" in words


@pytest.mark.parametrize(
    "reply",
    [
        packed(gzip.compress(b"[]")[:-4]),
        packed(b"no gzip"),
        packed(gzip.compress(b"[]") + b"x" * 100_000),
        Reply(b"[]", headers={"Content-Encoding": "br"}),
        Reply(b'[{"id": 1}, {"id"', headers={"Content-Length": "500", "Connection": "close"}),
        Reply(write=lambda handler: handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n[{")),
        Reply(write=lambda handler: handler.wfile.write(b"HTTP/9 nonsense\r\n\r\n")),
        Reply(write=lambda handler: handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000)),
        Reply(write=lambda _: None),
    ],
    ids=["cut-gzip", "no-gzip", "more-than-gzip", "unasked", "short", "cut-json", "no-http", "headers", "nothing"],
)
def test_what_breaks_off_may_be_tried_again(reply: Reply) -> None:
    words = refused(lambda _: reply, SourceUnreachable, outside=GLANCE)

    assert "page 1" in words.lower()


def dripping(handler: Any, *, head: bytes, over: threading.Event) -> None:
    handler.wfile.write(head)
    while not over.wait(0.05):
        handler.wfile.write(b" ")


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n["]
)
def test_a_slow_drip_ends_with_the_time_of_the_call(head: bytes) -> None:
    with serving(lambda _: page([])) as api:
        api.answer = lambda _: Reply(write=lambda handler: dripping(handler, head=head, over=api.is_over))
        found = check.test(api.source(test_path="/items", request_seconds="1"), GLANCE)

    assert [each.is_ok for each in found] == [False]
    assert "no whole answer within 1 s" in found[0].detail


def test_a_reading_that_is_left_ends_the_call_that_hangs() -> None:
    with serving(lambda _: page([])) as api:
        is_asked = threading.Event()

        def hang(_: Asked) -> Reply:
            is_asked.set()
            api.is_over.wait(SILENT)
            return page([])

        api.answer = hang
        before = set(threading.enumerate())
        with connect(api.source(), outside=LOOPBACK).open() as reading:
            stream: Any = reading.batches(request(), {}, key=["id"])
            next(stream)
            assert is_asked.wait(60)
            stream.close()
        left = [each for each in threading.enumerate() if each.name == "source" and each not in before]
        for thread in left:
            thread.join(60)

    assert not any(thread.is_alive() for thread in left)
