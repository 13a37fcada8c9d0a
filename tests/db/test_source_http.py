"""An API is read whole or told about: whatever it answers, one sentence with page and mend, and nothing leaks."""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow as pa
import pytest

from api_server import GLANCE, LOOPBACK, Api, Asked, Reply, page, request, secret, serving
from lading.errors import InvalidInput, SourceError, SourceRefused, SourceThrottled, SourceUnreachable
from lading.sources import check
from lading.sources.connectors import connect
from lading.sources.guard import Resolver
from lading.sources.model import Selection, Source
from lading.sources.options import check_options
from lading.sources.outside import Outside

PRIVATE: Final = "hunter2-what-nobody-may-see"
SILENT: Final = 3600


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


# --- pages ----------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("answer", "options", "requests"),
    [
        (by_number, {"pages": "page"}, 4),
        (by_offset, {"pages": "offset", "size_parameter": "limit", "page_size": "20"}, 4),
        (by_cursor, {"pages": "cursor", "rows": "rows", "next": "meta.next"}, 3),
        (by_link, {"pages": "link"}, 3),
        (by_url, {"pages": "next_url", "rows": "rows", "next": "next"}, 3),
        (lambda _: page(ids(25)), {}, 1),
    ],
)
def test_every_way_of_paging_reads_every_row_once(
    answer: Callable[[Asked], Reply], options: dict[str, str], requests: int
) -> None:
    with serving(answer) as api:
        found = read(api.source(**options))

    assert found["id"].to_list() == list(range(1, 26))
    assert len(api.asked) == requests


def test_rows_come_in_the_order_of_the_key_however_pages_are_cut() -> None:
    def served(size: int, rows: list[dict[str, Any]]) -> pl.DataFrame:
        def answer(asked: Asked) -> Reply:
            start = int(asked.one("offset"))
            return page(rows[start : start + size])

        with serving(answer) as api:
            return read(api.source(pages="offset"))

    rows = ids(100)

    assert served(7, rows).equals(served(50, rows[::-1]))


def test_numbers_keep_their_digits_and_objects_become_text() -> None:
    body = b'[{"id": 1, "amount": 12345678901234567.890, "who": {"name": "\xc3\x85se", "n": 0.10}, "is": true}]'
    columns = {"id": "integer", "amount": "decimal", "who": "string", "is": "boolean", "absent": "date"}
    with serving(lambda _: Reply(body)) as api:
        found = read(api.source(), request(columns))

    assert found.rows() == [(1, "12345678901234567.890", '{"name":"Åse","n":0.10}', True, None)]


def test_parameters_are_values_and_never_another_path_or_parameter() -> None:
    hostile = "a/../b?x=1&y=#z %00;é"
    selection = Selection(
        request={
            "path": "/of/{unit}/items", "columns": {"id": "integer"},
            "query": {"unit": {"parameter": "unit"}, "kind": {"parameter": "kinds"}, "fixed": True,
                      "joined": {"parameter": "kinds", "join": ","}, "absent": {"parameter": "nothing"}},
        }
    )  # fmt: skip
    parameters = {"unit": hostile, "kinds": ["a", "b&c"], "nothing": None}
    with serving(lambda _: page([])) as api:
        read(api.source(), selection, parameters=parameters)

    [asked] = api.asked
    assert asked.path.count("/") == 3
    assert asked.query == {"unit": [hostile], "kind": ["a", "b&c"], "fixed": ["true"], "joined": ["a,b&c"]}


@pytest.mark.parametrize("value", [None, "", ".", ".."])
def test_a_path_that_lacks_its_value_is_not_asked_for(value: str | None) -> None:
    selection = Selection(request={"path": "/of/{unit}/items", "columns": {"id": "integer"}})
    with serving(lambda _: page([])) as api, pytest.raises(SourceRefused, match="'unit'"):
        read(api.source(), selection, parameters={"unit": value})

    assert api.asked == []


def test_rows_are_filtered_as_those_of_files_are() -> None:
    with serving(lambda _: page(ids(9))) as api:
        found = read(api.source(), request(filter=[{"from": "id", "at_least": {"parameter": "low"}}]),
                     parameters={"low": 8})  # fmt: skip

    assert found["id"].to_list() == [8, 9]


def test_the_profile_may_say_where_its_rows_are() -> None:
    with serving(lambda _: page({"a": {"b": ids(2)}})) as api:
        assert read(api.source(rows="items"), request(rows="a.b")).height == 2


def test_no_content_is_no_row() -> None:
    with serving(lambda _: Reply(status=204, headers={})) as api:
        assert read(api.source(pages="page")).height == 0


def test_many_small_pages_are_read() -> None:
    with serving(lambda asked: page(ids(1, start=asked.number) if asked.number <= 100 else [])) as api:
        assert read(api.source(pages="page")).height == 100


# --- who asks -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "options", "name", "value"),
    [
        (PRIVATE, {}, "Authorization", f"Bearer {PRIVATE}"),
        (f"me:{PRIVATE}", {"auth": "basic"}, "Authorization",
         "Basic " + base64.b64encode(f"me:{PRIVATE}".encode()).decode()),
        (PRIVATE, {"auth": "header:X-Api-Key"}, "X-Api-Key", PRIVATE),
    ],
)  # fmt: skip
def test_the_secret_is_shown_as_the_source_says(
    tmp_path: Path, text: str, options: dict[str, str], name: str, value: str
) -> None:
    with serving(lambda _: page([])) as api:
        read(api.source(secret(tmp_path, text), headers="X-Who: lading\nAccept-Language: nb", **options))

    [asked] = api.asked
    assert asked.headers[name] == value
    assert (asked.headers["X-Who"], asked.headers["Accept-Language"]) == ("lading", "nb")


@pytest.mark.parametrize(
    ("text", "auth"), [("no colon", "basic"), ("line\x1bend", "bearer"), ("Ångström", "header:X-Key")]
)
def test_a_secret_that_can_not_be_shown_is_a_sentence(tmp_path: Path, text: str, auth: str) -> None:
    with serving(lambda _: page([])) as api, pytest.raises(SourceRefused, match="correct what is stored") as error:
        read(api.source(secret(tmp_path, text), auth=auth))

    assert text not in error.value.message
    assert api.asked == []


def test_nothing_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    (tmp_path / ".netrc").write_text(f"machine 127.0.0.1 login me password {PRIVATE}")
    monkeypatch.setenv("HOME", str(tmp_path))
    with serving(lambda _: page(ids(1))) as api:
        assert read(api.source()).height == 1

    assert "Authorization" not in api.asked[0].headers


# --- what it may answer ---------------------------------------------------------------------------

HTML: Final = Reply(f"<h1>{PRIVATE}</h1>".encode(), headers={"Content-Type": "text/html"})


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(PRIVATE.encode(), 401), r"refuses the credentials \(401, page 1\)"),
        (Reply(PRIVATE.encode(), 403), r"refuses the credentials \(403"),
        (Reply(PRIVATE.encode(), 404), r"nothing at this path \(404"),
        (Reply(PRIVATE.encode(), 422), r"refuses the request \(422"),
        (HTML, "is text/html and no JSON"),
        (Reply(b"[{]" + PRIVATE.encode()), "is no JSON"),
        (Reply(b'[{"id": NaN}]'), "is no JSON"),
        (Reply(b'[{"id": ' + b"9" * 5000 + b"}]"), "is no JSON"),
        (Reply(b"[" * 100_000), "is no JSON"),
        (Reply(b'[{"id": "\xff"}]'), "is not utf-8"),
        (page({"rows": PRIVATE}), "no list of rows as its whole body"),
        (page([{"id": 1}, PRIVATE]), "something else than an object as row 2"),
        (page([{"id": 1}, {"id": PRIVATE}]), "Page 1 of the API at .*, row 2: column 'id' holds no integer"),
    ],
)
def test_what_is_no_page_is_one_sentence_about_it(reply: Reply, words: str) -> None:
    with serving(lambda _: reply) as api, pytest.raises(SourceRefused, match=words) as error:
        read(api.source())

    assert PRIVATE not in error.value.message
    assert len(api.asked) == 1


def test_what_is_wrong_on_a_later_page_names_that_page() -> None:
    words = refused(lambda asked: by_number(asked) if asked.number < 3 else Reply(b"nonsense"), pages="page")

    assert words.startswith("Page 3 of the API")


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_what_passes_is_tried_again(status: int) -> None:
    with serving(lambda asked: Reply(b"", status) if asked.number < 3 else page(ids(3))) as api:
        found = read(api.source())

    assert found.height == 3
    assert len(api.asked) == 3


def test_what_does_not_pass_ends_after_four_tries() -> None:
    with (
        serving(lambda _: Reply(PRIVATE.encode(), 502)) as api,
        pytest.raises(SourceUnreachable, match=r"\(page 1\): it answered 502") as error,
    ):
        read(api.source())

    assert PRIVATE not in error.value.message
    assert len(api.asked) == 4


# --- called less ----------------------------------------------------------------------------------


class Counted:
    """Calls that are counted; each that is refused waits its turn once."""

    def __init__(self, *, waits: int = 0) -> None:
        self.taken = 0
        self.waits = waits
        self.told: list[float | None] = []

    def take(self) -> float:
        """Wait `waits` times before each call."""
        self._turns = getattr(self, "_turns", 0) + 1
        if self._turns % (self.waits + 1):
            return 0.01
        self.taken += 1
        return 0.0

    def refused(self, retry_after_seconds: float | None) -> None:
        """Note it."""
        self.told.append(retry_after_seconds)


def test_no_request_goes_out_without_its_turn() -> None:
    calls = Counted(waits=2)
    with serving(lambda asked: Reply(b"", 500) if asked.number == 2 else by_number(asked)) as api:
        found = read(api.source(pages="page"), outside=replace(LOOPBACK, calls=calls))

    assert found.height == 25
    assert calls.taken == len(api.asked) == 5


@pytest.mark.parametrize("status", [429, 503])
def test_a_short_wait_is_waited_for_and_told(status: int) -> None:
    calls = Counted()
    wait = Reply(b"", status, {"Retry-After": "0"})
    with serving(lambda asked: wait if asked.number == 2 else by_number(asked)) as api:
        found = read(api.source(pages="page"), outside=replace(LOOPBACK, calls=calls))

    assert found.height == 25
    assert calls.told == [0.0]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "120"}, 120.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:30:00 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 120.0),
        ({"Retry-After": "99999999999999999999"}, None),
    ],
)
def test_a_long_wait_gives_the_job_back(headers: dict[str, str], seconds: float | None) -> None:
    calls = Counted()
    reply = Reply(PRIVATE.encode(), 429, headers)
    with serving(lambda _: reply) as api, pytest.raises(SourceThrottled) as error:
        read(api.source(), outside=replace(LOOPBACK, calls=calls, is_glance=seconds is None))

    assert error.value.retry_after_seconds == seconds
    assert calls.told == []
    assert len(api.asked) == 1


def test_who_asks_to_wait_again_and_again_gets_the_job_back() -> None:
    with serving(lambda _: Reply(b"", 429, {"Retry-After": "0"})) as api, pytest.raises(SourceThrottled):
        read(api.source())

    assert len(api.asked) == 6


# --- pages that do not agree ----------------------------------------------------------------------


def test_a_row_on_two_pages_tells_that_rows_moved() -> None:
    def answer(asked: Asked) -> Reply:
        number = int(asked.one("page"))
        return page(ids(10, start=1 if number == 1 else 10) if number < 3 else [])

    words = refused(answer, SourceUnreachable, pages="page")

    assert "the same in two rows of two pages" in words
    assert "by what does not change" in words


def test_two_rows_of_one_key_on_one_page_are_a_key_that_is_none() -> None:
    words = refused(lambda _: page([{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]))

    assert "Correct source.key" in words


def test_a_total_that_is_not_reached_tells_that_rows_moved() -> None:
    def answer(asked: Asked) -> Reply:
        rows = ids(10) if asked.one("page") == "1" else []
        return page({"total": 11, "rows": rows})

    words = refused(answer, SourceUnreachable, pages="page", rows="rows", total="total")

    assert "told of 11 rows and gave 10" in words


def test_a_total_that_is_reached_is_fine() -> None:
    def answer(asked: Asked) -> Reply:
        return page({"total": 10, "rows": ids(10) if asked.one("page") == "1" else []})

    with serving(answer) as api:
        assert read(api.source(pages="page", rows="rows", total="total")).height == 10


# --- hostile --------------------------------------------------------------------------------------


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


# --- where it may go ------------------------------------------------------------------------------


@pytest.fixture
def api() -> Iterator[Api]:
    """An API that must not be reached."""
    with serving(lambda _: page(ids(1))) as made:
        yield made


def resolving(*answers: Sequence[str]) -> Resolver:
    """Return a resolver that gives these answers, one after the other, and the last one from then on."""
    left = list(answers)

    def resolve(_host: str, _port: int) -> Sequence[str]:
        return left.pop(0) if len(left) > 1 else left[0]

    return resolve


def named(api: Api, **options: str) -> Source:
    """Return the API by a name that only the test's resolver knows."""
    return api.source(**{"url": f"http://api.example.org:{api.port}", **options})


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("127.0.0.1", "a loopback address"), ("10.1.2.3", "a private address"), ("::1", "a loopback address"),
        ("169.254.169.254", "the metadata of a machine"), ("::ffff:127.0.0.1", "an address that wraps another"),
        ("64:ff9b::7f00:1", "an address that wraps another"), ("100.64.0.1", "an address shared by a carrier"),
        ("0.0.0.0", "an unspecified address"), ("224.0.0.1", "a multicast address"),
        ("fe80::1", "a link-local address"),
    ],
)  # fmt: skip
def test_a_name_that_leads_inside_is_not_called(api: Api, address: str, words: str) -> None:
    for url in (f"http://api.example.org:{api.port}", f"https://api.example.org:{api.port}"):
        with pytest.raises(SourceRefused, match=words) as error:
            read(named(api, url=url), outside=Outside(resolve=resolving([address])))
        assert "LADING_ALLOWED_NETWORKS" in error.value.message
        assert address not in error.value.message

    assert api.asked == []


def test_a_name_that_leads_inside_and_outside_is_not_called(api: Api) -> None:
    outside = Outside(networks=(ip_network("127.0.0.1/32"),), resolve=resolving(["127.0.0.1", "10.0.0.1"]))

    with pytest.raises(SourceRefused, match="a private address"):
        read(named(api), outside=outside)

    assert api.asked == []


def test_the_address_that_was_judged_is_the_one_that_is_called(api: Api) -> None:
    # A name that is rebound: the first look finds what may be called, every later one what may not.
    outside = Outside(networks=(ip_network("127.0.0.1/32"),), resolve=resolving(["127.0.0.1"], ["169.254.169.254"]))

    assert read(named(api), outside=outside).height == 1
    assert api.asked[0].headers["Host"] == f"api.example.org:{api.port}"


def test_a_name_that_is_rebound_between_pages_is_not_followed() -> None:
    def answer(asked: Asked) -> Reply:
        return replace(by_number(asked), headers={"Content-Type": "application/json", "Connection": "close"})

    with serving(answer) as api:
        outside = Outside(networks=(ip_network("127.0.0.1/32"),), resolve=resolving(["127.0.0.1"], ["10.0.0.1"]))
        with pytest.raises(SourceRefused, match="a private address"):
            read(named(api, pages="page"), outside=outside)

    assert len(api.asked) == 1


def test_plain_http_is_for_allowed_networks_alone(api: Api) -> None:
    with pytest.raises(SourceRefused, match="without encryption"):
        read(named(api), outside=Outside(resolve=resolving(["93.184.215.14"])))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "[::1]", "[::ffff:7f00:1]"]
)
def test_no_way_of_writing_it_leads_inside(api: Api, host: str) -> None:
    with pytest.raises(SourceError):
        read(api.source(url=f"https://{host}:{api.port}"), outside=Outside(is_glance=True))

    assert api.asked == []


def test_a_host_without_address_is_a_sentence(api: Api) -> None:
    def nobody(_host: str, _port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, PRIVATE)

    with pytest.raises(SourceUnreachable) as error:
        read(named(api), outside=Outside(resolve=nobody, is_glance=True))

    assert PRIVATE not in error.value.message


def test_an_api_that_speaks_no_tls_is_a_sentence() -> None:
    with serving(lambda _: page([])) as api, pytest.raises(SourceError) as error:
        read(api.source(url=f"https://127.0.0.1:{api.port}"), outside=GLANCE)  # which answers without TLS

    assert "http" in error.value.message


# --- what is registered ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "url must be a URL"),
        ({"url": "https://user:hunter2@api.example.org/"}, "without user"),
        ({"url": "https://api.example.org/v1?key=hunter2"}, "without user, query"),
        ({"url": "ftp://api.example.org"}, "must be a URL"),
        ({"url": "https://api.example.org/a/../b"}, "no .. in its path"),
        ({"url": "https://api.example.org:99999"}, "must be a URL"),
        ({"url": "https://a.example", "pages": "cursor"}, "next is needed"),
        ({"url": "https://a.example", "pages": "page", "next": "x"}, "next goes with"),
        ({"url": "https://a.example", "page_size": "10"}, "go together"),
        ({"url": "https://a.example", "headers": "Authorization: hunter2"}, "belongs to the credentials"),
        ({"url": "https://a.example", "headers": "X: a\r\nY: b"}, "must be lines"),
        ({"url": "https://a.example", "auth": "header:Host"}, "can't be shown"),
        ({"url": "https://a.example", "max_page_bytes": "99999999"}, "held in memory"),
        ({"url": "https://a.example", "max_pages": "0"}, "whole number from 1"),
        ({"url": "https://a.example", "proxy": "x"}, "has no 'proxy'"),
    ],
)
def test_odd_options_are_refused_with_the_mend(options: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as error:
        check_options("http", options)

    assert "hunter2" not in error.value.message


# --- tried ----------------------------------------------------------------------------------------


def test_a_trial_asks_for_one_page_and_tells_of_it() -> None:
    with serving(by_cursor) as api:
        found = check.test(api.source(pages="cursor", rows="rows", next="meta.next", test_path="/items"), GLANCE)

    assert [(each.name, each.is_ok) for each in found] == [("connection", True), ("page", True)]
    assert "10 rows and tells where the next is" in found[1].detail
    assert len(api.asked) == 1


def test_a_trial_without_a_path_tells_how_to_try_a_page() -> None:
    with serving(lambda _: Reply(b"", 404)) as api:
        found = check.test(api.source(), GLANCE)

    assert all(each.is_ok for each in found)
    assert "test_path" in found[1].detail


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(PRIVATE.encode(), 401), "Correct what the source refers to"),
        (Reply(PRIVATE.encode(), 429, {"Retry-After": "9"}), "asks to be called less"),
        (Reply(PRIVATE.encode(), 500), "it answered 500"),
        (HTML, "is text/html"),
        (page({"x": PRIVATE}), "Correct the option rows"),
    ],
)
def test_a_trial_tells_what_is_wrong_and_the_mend(reply: Reply, words: str) -> None:
    with serving(lambda _: reply) as api:
        found = check.test(api.source(test_path="/items"), GLANCE)

    assert not found[-1].is_ok
    assert words in found[-1].detail
    assert PRIVATE not in found[-1].detail
    assert len(api.asked) == 1


def test_who_only_looks_reads_the_first_page_alone() -> None:
    with serving(by_number) as api:
        found = read(api.source(pages="page"), outside=GLANCE)

    assert found.height == 10
    assert len(api.asked) == 1
