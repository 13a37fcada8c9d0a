"""
Where a source is: its connection URL, checked and completed.

The URL must say everything itself, so that nothing is taken from the environment of the worker.  Addresses inside a
private network can be refused, and then the address that was checked is the one that is connected to.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from lading.db.database import describe
from lading.errors import SourceRefused
from lading.sources.faults import Place

_OPTIONS: Final = {
    "connect_timeout": 10,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "application_name": "lading",
    "client_encoding": "UTF8",
}


def locate(url: str, *, seconds: float, allow_private: bool) -> tuple[str, Place]:
    """Return the connection string to use, and the place for sentences; SourceRefused if the URL won't do."""
    if not url.startswith(("postgresql://", "postgres://")):
        raise SourceRefused(
            "The source's credentials must be a URL like postgresql://user:password@host/database; "
            "correct what is stored there."
        )
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # The driver's words may quote a piece of the password.
        raise SourceRefused(
            "The source's URL can't be read; percent-encode special characters in its user and password."
        ) from None
    missing = [name for name in ("host", "user", "dbname") if not parts.get(name)]
    if missing or "@" in str(parts["host"]) or not str(parts.get("port") or 5432).isdecimal():
        raise SourceRefused(
            "The source's URL must name user, host and database, and any port as a number, "
            "with special characters percent-encoded."
        )
    place = Place(describe(url), str(parts["user"]), seconds)
    pinned = (
        {}
        if allow_private
        else {"hostaddr": _public_address(str(parts["host"]), str(parts.get("port") or 5432), place)}
    )
    return make_conninfo(url, **_OPTIONS, **pinned), place


def _public_address(host: str, port: str, place: Place) -> str:
    try:
        found = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
    except (OSError, ValueError):
        raise SourceRefused(f"The host of the source at {place.where} has no address; correct it.") from None
    addresses = [str(address[0]) for *_, address in found]
    if not all(ipaddress.ip_address(address.partition("%")[0]).is_global for address in addresses):
        raise SourceRefused(
            f"The source at {place.where} lies in a private network, which this instance does not connect to; "
            "use a public host, or allow private sources."
        )
    return addresses[0]
