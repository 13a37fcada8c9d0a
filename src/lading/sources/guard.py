"""
Where this machine may be sent to: public addresses, and the networks that its operator allows.

Whoever writes a URL makes us connect.  So that nobody reads a neighbour of the machine through us (its metadata, a
database, another organisation's service), a name is looked up once, every address that it leads to is judged, and the
one that was judged is connected to: `guarded` does, for sources and whatever else calls out.  Pure but for `look_up`.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import urlsplit

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver: TypeAlias = Callable[[str, int], Sequence[str]]
"""Host and port to the addresses of the host, as text; OSError when there is none."""

# What tells a machine its own secrets: opened by naming the very address, never by a network around it.
_METADATA: Final = frozenset(
    map(
        ipaddress.ip_address,
        (
            "169.254.169.254", "169.254.170.2", "169.254.170.23", "100.100.100.200", "168.63.129.16", "192.0.0.192",
            "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254",
        ),
    )
)  # fmt: skip
_KINDS: Final[Sequence[tuple[str, Sequence[Network]]]] = [
    (kind, [ipaddress.ip_network(network) for network in networks])
    for kind, networks in (
        ("an unspecified address", ("0.0.0.0/8", "::/128")),
        ("a loopback address", ("127.0.0.0/8", "::1/128")),
        ("a link-local address", ("169.254.0.0/16", "fe80::/10")),
        ("a private address", ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10")),
        ("an address shared by a carrier", ("100.64.0.0/10",)),
        ("a multicast address", ("224.0.0.0/4", "ff00::/8")),
    )
]
# An IPv4 address in the last 32 bits of another: mapped, compatible, NAT64 of two kinds.
_WRAPPED: Final = [
    ipaddress.IPv6Network(each)
    for each in ("::ffff:0:0/96", "::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48")
]
_URL: Final = re.compile(
    r"(https?)://([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?(/[!-~]*|\?[!-~]*)?"
)
_PORTS: Final = {"http": 80, "https": 443}


class Barred(Exception):
    """We do not connect there; the text says what it is, without the address."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port: what credentials are for."""

    scheme: str
    host: str
    port: int

    @property
    def is_plain(self) -> bool:
        """Tell whether nothing is encrypted on the way."""
        return self.scheme == "http"

    def __str__(self) -> str:
        """Return it as a URL begins."""
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}"


def origin_of(url: str) -> Origin | None:
    """
    Return where `url` leads, None when it is no plain URL: other schemes, a user in it, anything but ASCII.

    >>> str(origin_of("https://API.example.org/v1")), str(origin_of("http://[::1]:8080"))
    ('https://api.example.org', 'http://[::1]:8080')
    >>> origin_of("https://user:secret@api.example.org/"), origin_of("file:///etc/passwd")
    (None, None)
    """
    found = _URL.fullmatch(url)
    if found is None:
        return None
    scheme, host, port, _ = found.groups()
    try:
        number = urlsplit(url).port
    except ValueError:
        return None
    if number == 0 or (port and number is None):
        return None
    return Origin(scheme, host.lower(), number or _PORTS[scheme])


def target_of(url: str) -> str:
    """
    Return what a request for `url` names at its origin.

    >>> target_of("https://api.example.org/v1?page=2#top"), target_of("https://api.example.org")
    ('/v1?page=2', '/')
    """
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def judged(origin: Origin, allowed: Sequence[Network], resolve: Resolver) -> Sequence[str]:
    """
    Return the addresses of `origin` that may be connected to, after one look; Barred when one of them may not.

    One that may not bars them all: a name that leads to both is a trick.  Without encryption only networks that the
    operator allows are called.  OSError when the host has no address.
    """
    host = origin.host.removeprefix("[").removesuffix("]")
    found = list(dict.fromkeys(resolve(host, origin.port)))
    if not found:
        raise OSError("no address")
    for text in found:
        reason = bar(text, allowed)
        if reason is not None:
            raise Barred(reason)
        if origin.is_plain and not _is_within(ipaddress.ip_address(text), allowed):
            raise Barred("a public address without encryption")
    return found


def bar(text: str, allowed: Sequence[Network]) -> str | None:
    """
    Return why the address `text` is not connected to, None when it may be.

    >>> bar("93.184.215.14", ()), bar("127.0.0.1", ()), bar("127.0.0.1", [ipaddress.ip_network("127.0.0.0/8")])
    (None, 'a loopback address', None)
    >>> bar("::ffff:10.0.0.1", ()), bar("169.254.169.254", [ipaddress.ip_network("169.254.0.0/16")])
    ('an address that wraps another', 'the metadata of a machine')
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return "no address"
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
        return "a link-local address"
    if address in _METADATA:
        is_named = any(network.num_addresses == 1 and address in network for network in allowed)
        return None if is_named else "the metadata of a machine"
    inner = _wrapped(address)
    if inner is not None:
        is_fine = _is_within(address, allowed) and bar(str(inner), allowed) is None
        return None if is_fine else "an address that wraps another"
    if _is_within(address, allowed):
        return None
    for kind, held in _KINDS:
        if _is_within(address, held):
            return kind
    return None if address.is_global and not address.is_reserved else "an address that is not public"


def look_up(host: str, port: int) -> Sequence[str]:
    """Return the addresses of `host` as the system finds them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def _is_within(address: Address, held: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in held)


def _wrapped(address: Address) -> Address | None:
    """Return the IPv4 address that an IPv6 address leads to."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    # The first addresses of ::/96 are themselves: unspecified and loopback.
    if int(address) > 1 and any(address in network for network in _WRAPPED):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None
