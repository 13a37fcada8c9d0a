"""Whatever an API answers, the way to its next page is a place of the same API or a sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lading.errors import SourceRefused
from lading.sources import exact_json, http_site
from lading.sources.guard import origin_of
from lading.sources.http_calls import retry_after
from lading.sources.http_pages import Turner, at, next_link

SITE = "https://api.example.org/v1"
WORDS = st.sampled_from(["next", "rows", "a", ""])
JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
PIECES = st.sampled_from(
    ["https://api.example.org", "https://", "//", "/", "@", ":", "evil.example", "api.example.org", "?", "#", "..",
     "\\", "%2f", "\t", "\n", "[", "]", "443", "80", "http:", "file:", "a", "é", "\0"]
)  # fmt: skip
LINKS = st.lists(PIECES, max_size=8).map("".join)


def turner(**options: str) -> Turner:
    return Turner(http_site.parse({"url": SITE, **options}), "/items?day=1")


@example(body=None, link="https://api.example.org?page=2", style="link")
@given(JSON, LINKS, st.sampled_from(["cursor", "next_url", "link"]))
def test_the_next_page_lies_at_the_same_origin_or_is_refused(body: Any, link: str, style: str) -> None:
    pages = turner(pages=style, **({} if style == "link" else {"next": "next"}))
    pages.first()
    given_body = {"next": link} if style == "next_url" else body
    try:
        target = pages.next(given_body, {"link": f"<{link}>; rel=next"}, rows=[{}], digest=b"")
    except SourceRefused:
        return

    if target is not None:
        assert target.startswith("/")
        assert target.isascii()
        assert str(origin_of(f"https://api.example.org{target}")) == "https://api.example.org"


@given(JSON, st.lists(WORDS, max_size=4).map(".".join))
def test_a_path_leads_to_a_part_or_nowhere(body: Any, path: str) -> None:
    at(body, path)


@given(st.text(max_size=200))
def test_no_header_is_too_odd_to_look_for_a_link(header: str) -> None:
    found = next_link(header)

    assert found is None or f"<{found}>" in " ".join(header.split())


@pytest.mark.parametrize(
    ("header", "link"),
    [
        ("</2>; rel=next", "/2"),
        ('</2>;rel="next"', "/2"),
        ('</1>; rel="prev", </2>; title="a;b,c\\"<x>"; REL="Last NEXT"', "/2"),
        ('<https://a.example/?a=1,2;3>; rel="next"', "https://a.example/?a=1,2;3"),
        ('</2>; rel="nextish"', None),
        ('</2>; rev="next"', None),
        ("", None),
    ],
)
def test_a_link_is_read_as_its_standard_says(header: str, link: str | None) -> None:
    assert next_link(header) == link


def test_a_long_header_of_spaces_and_semicolons_is_read_at_once() -> None:
    assert next_link("<a>" + " ;" * 200_000) is None
    assert next_link("<a>; x" + " " * 200_000) is None


@example(given_text="0\x1f", date="")
@given(st.text(max_size=60), st.text(max_size=60))
def test_no_retry_after_is_too_odd_to_be_read(given_text: str, date: str) -> None:
    seconds = retry_after(given_text, date)

    assert seconds is None or 0 <= seconds <= 86_400


@given(JSON)
def test_a_json_value_becomes_text_that_is_the_same_value(value: Any) -> None:
    once = exact_json.text(exact_json.decode(json.dumps({"value": value})))

    assert once is not None
    assert exact_json.text(exact_json.decode(once)) == once
    assert json.loads(once) == {"value": value}
