"""Whoever writes a URL makes this machine connect, and only to where it may: judged once, however it is written."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.sources.guard import Barred, Origin, bar, judged, origin_of

INSIDE = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.255.255.254", "169.254.0.1",
    "169.254.169.254", "172.16.0.1", "172.31.255.254", "192.0.0.1", "192.0.2.1", "192.168.0.1", "198.18.0.1",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16",
    "100.100.100.200", "192.0.0.192", "::", "::1", "::ffff:8.8.8.8", "::ffff:127.0.0.1", "::127.0.0.1",
    "64:ff9b::8.8.8.8", "64:ff9b::10.0.0.1", "64:ff9b:1::10.0.0.1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::",
    "2002:808:808::1", "fc00::1", "fd00:ec2::254", "fd20:ce::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
    "no address", "",
]  # fmt: skip
OUTSIDE = ["8.8.8.8", "93.184.215.14", "172.15.255.255", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"]
EVERYTHING = (ip_network("0.0.0.0/0"), ip_network("::/0"))


@pytest.mark.parametrize("address", INSIDE)
def test_what_is_not_public_is_barred(address: str) -> None:
    assert bar(address, ()) is not None


@pytest.mark.parametrize("address", OUTSIDE)
def test_what_is_public_is_not(address: str) -> None:
    assert bar(address, ()) is None


@pytest.mark.parametrize("address", ["169.254.169.254", "169.254.170.2", "fd00:ec2::254", "100.100.100.200"])
def test_metadata_is_opened_by_its_own_address_alone(address: str) -> None:
    assert bar(address, EVERYTHING) == "the metadata of a machine"
    assert bar(address, (ip_network(address),)) is None


@pytest.mark.parametrize("address", ["::ffff:169.254.169.254", "64:ff9b::169.254.169.254", "2002:a9fe:a9fe::1"])
def test_metadata_is_not_reached_through_a_wrapper(address: str) -> None:
    assert bar(address, EVERYTHING) is not None


@given(st.ip_addresses(v=4).filter(lambda each: int(each) > 1))  # ::0.0.0.1 is the loopback itself
def test_an_ipv4_address_is_never_freer_when_it_is_wrapped(address: IPv4Address) -> None:
    for wrapper in ("::ffff:", "::", "64:ff9b::"):
        allowed = (ip_network("::/0"),)

        assert bar(f"{wrapper}{address}", ()) is not None
        assert (bar(f"{wrapper}{address}", allowed) is None) <= (bar(str(address), ()) is None)


@given(st.ip_addresses())
def test_only_what_is_global_and_one_machine_is_called(address: IPv4Address | IPv6Address) -> None:
    if bar(str(address), ()) is None:
        assert address.is_global
        assert not address.is_multicast
        assert not address.is_private


@pytest.mark.parametrize(
    "url",
    [
        "", "api.example.org", "//api.example.org", "ftp://a.example", "file:///etc/passwd", "https://", "https:///x",
        "https://a@b.example", "https://a:b@c.example/", "https://a.example:0", "https://a.example:65536",
        "https://a b",
        "https://a.example/\nX: 1", "https://exämple.org", "https://a.example\\@b.example", "https://a.example#@b",
        "https://[fe80::1%25eth0]/", "https://a.example:80:90/", "HTTPS://a.example", " https://a.example",
        "https://a.example\n", "https://a_b.example",
    ],
)  # fmt: skip
def test_what_is_no_plain_url_leads_nowhere(url: str) -> None:
    assert origin_of(url) is None


def test_a_port_and_the_letters_of_a_name_make_no_other_origin() -> None:
    assert (
        origin_of("https://A.example") == origin_of("https://a.example:443/x?y#z") == Origin("https", "a.example", 443)
    )
    assert origin_of("http://a.example") != origin_of("https://a.example")


def test_every_address_of_a_name_is_judged() -> None:
    origin = Origin("https", "a.example", 443)

    assert judged(origin, (), lambda _h, _p: ["8.8.8.8", "2606:4700::1111"]) == ["8.8.8.8", "2606:4700::1111"]
    with pytest.raises(Barred, match="a private address"):
        judged(origin, (), lambda _h, _p: ["8.8.8.8", "10.0.0.1"])


def test_without_encryption_only_allowed_networks_are_called() -> None:
    origin = Origin("http", "a.example", 80)

    with pytest.raises(Barred, match="without encryption"):
        judged(origin, (), lambda _h, _p: ["8.8.8.8"])
    assert judged(origin, (ip_network("8.8.8.0/24"),), lambda _h, _p: ["8.8.8.8"]) == ["8.8.8.8"]


def test_a_name_without_address_is_an_error_of_the_system() -> None:
    with pytest.raises(OSError, match="no address"):
        judged(Origin("https", "a.example", 443), (), lambda _h, _p: [])
