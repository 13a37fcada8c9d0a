"""An API is called where it may be, tried before it is used, and registered with what it needs."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import polars as pl
import pytest

import certificates
from api_server import (
    GLANCE,
    HTML,
    PRIVATE,
    Api,
    Asked,
    Reply,
    by_cursor,
    by_number,
    ids,
    page,
    read,
    serving,
)
from lading.errors import InvalidInput, SourceError, SourceRefused, SourceUnreachable
from lading.sources import check
from lading.sources.guard import Resolver
from lading.sources.model import Source
from lading.sources.options import check_options
from lading.sources.outside import Outside

# --- where it may go --------------------------------------------------------------------------------


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


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a key and a certificate for api.example.org, which nobody but this file vouches for."""
    return certificates.certificate(tmp_path_factory.mktemp("tls") / "api.pem", "api.example.org")


@pytest.fixture
def secured(certificate: Path) -> Iterator[Api]:
    """An API with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serving(lambda _: page(ids(3)), context) as made:
        yield made


def by_name(api: Api, name: str) -> pl.DataFrame:
    """Read an API over TLS by a name that leads to the loopback."""
    outside = replace(GLANCE, resolve=resolving(["127.0.0.1"]))
    return read(api.source(url=f"https://{name}:{api.port}"), outside=outside)


def test_the_certificate_proves_the_name_though_an_address_is_called(
    secured: Api, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    assert by_name(secured, "api.example.org").height == 3


def test_a_certificate_of_another_name_is_refused(
    secured: Api, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    with pytest.raises(SourceRefused, match="does not prove its name"):
        by_name(secured, "other.example.org")
    assert secured.asked == []


def test_a_certificate_that_nobody_vouches_for_is_refused(secured: Api) -> None:
    with pytest.raises(SourceRefused, match="SSL_CERT_FILE"):
        by_name(secured, "api.example.org")
    assert secured.asked == []


# --- what is registered -----------------------------------------------------------------------------


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


# --- tried ------------------------------------------------------------------------------------------


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
