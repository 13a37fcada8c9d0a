"""An API is read whole or told about: whatever it answers, one sentence with page and mend, and nothing leaks."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from api_server import (
    HTML,
    LOOPBACK,
    PRIVATE,
    Asked,
    Reply,
    by_cursor,
    by_link,
    by_number,
    by_offset,
    by_url,
    ids,
    page,
    read,
    refused,
    request,
    secret,
    serving,
)
from lading.errors import SourceRefused, SourceThrottled, SourceUnreachable
from lading.sources import prefetch, turns
from lading.sources.model import Selection

# --- pages ------------------------------------------------------------------------------------------


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


# --- who asks ---------------------------------------------------------------------------------------


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


# --- what it may answer -----------------------------------------------------------------------------


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


# --- called less ------------------------------------------------------------------------------------


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

    def refused(self, retry_after_seconds: float | None, *, calls_per_second: float) -> None:
        """Note it."""
        assert 0 < calls_per_second < 1000
        self.told.append(retry_after_seconds)


def test_no_request_goes_out_without_its_turn() -> None:
    calls = Counted(waits=2)
    with serving(lambda asked: Reply(b"", 500) if asked.number == 2 else by_number(asked)) as api:
        found = read(api.source(pages="page"), outside=replace(LOOPBACK, calls=calls))

    assert found.height == 25
    assert calls.taken == len(api.asked) == 5


class Slowed(Counted):
    """Turns that come only after two of the clock's hours."""

    def __init__(self) -> None:
        super().__init__(waits=2)
        self.gone = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.gone

    def take(self) -> float:
        seconds = super().take()
        self.gone += 3600.0 if seconds else 0.0
        return seconds


def test_waiting_for_a_turn_is_not_the_time_of_the_api(monkeypatch: pytest.MonkeyPatch) -> None:  # O5
    calls = Slowed()
    monkeypatch.setattr(turns, "time", calls)
    monkeypatch.setattr(prefetch, "time", calls)
    with serving(by_number) as api:
        found = read(api.source(pages="page"), outside=replace(LOOPBACK, calls=calls))

    assert found.height == 25
    assert calls.gone > 7 * 3600


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
    assert calls.told == ([] if seconds is None else [seconds])
    assert len(api.asked) == 1


def test_who_asks_to_wait_again_and_again_gets_the_job_back() -> None:
    with serving(lambda _: Reply(b"", 429, {"Retry-After": "0"})) as api, pytest.raises(SourceThrottled):
        read(api.source())

    assert len(api.asked) == 6


# --- pages that do not agree ------------------------------------------------------------------------


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
