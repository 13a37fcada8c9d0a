# Made from lading/client/aio/pools.py by scripts/sync_client.py; change it there.
"""
One pool of connections for each environment, that is for each origin: all clients of it in this process share one.

At most `CONNECTIONS` at once, kept alive; TLS is verified, proxies come from the environment, cookies are not kept: two
clients that share a pool may be two principals.  A pool belongs to its event loop, and to its process: what a fork
inherits is neither used nor closed there, its connections are the parent's.
"""

from __future__ import annotations

import os
import ssl
import threading
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import httpx2

from lading.client.sync.ground import home, is_gone, moved
from lading.errors import EnvironmentUnfit

CONNECTIONS: Final = 10
_STREAMS: Final = CONNECTIONS // 2
_NOT_PROXIED: Final = ("all://127.0.0.1", "all://localhost", "all://[::1]")


class Pool:
    """The connections to one origin; `streams` are the ones that may be held by streams, so that calls find some."""

    def __init__(self, http: httpx2.Client, place: object = None, origin: str = "") -> None:
        self.http: Final = http
        self.place: Final = place
        self.origin: Final = origin
        self.streams: Final = threading.BoundedSemaphore(_STREAMS)
        self.lets_streams_through = True
        """Whether streams come through as they are sent; a proxy that holds them back is found out once."""
        self.users = 0


def made(origin: str, transport: httpx2.BaseTransport | None = None) -> httpx2.Client:
    """Return fresh connections to `origin`; `transport` replaces the network."""
    try:
        return httpx2.Client(
            limits=httpx2.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
            # A context that trusts nobody costs 1 ms, reading the system's certificates 100: plain HTTP needs none.
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if origin.startswith("http://") else True,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            mounts=None if transport else dict.fromkeys(_NOT_PROXIED),
            transport=transport,
        )
    except (ImportError, OSError, ValueError, httpx2.InvalidURL) as error:
        # What is wrong is not shown: the address of a proxy may hold a password.
        raise EnvironmentUnfit(
            f"What the environment says of proxies and certificates can't be used ({type(error).__name__}). Correct "
            "HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE and SSL_CERT_DIR; SOCKS takes the package `socksio`."
        ) from None


def origin_of(url: str) -> str:
    """
    Return what two addresses of one environment have in common.

    >>> origin_of("https://Lading.example.org/base"), origin_of("http://[::1]:8080")
    ('https://lading.example.org', 'http://[::1]:8080')
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.lower()}"


def take(origin: str) -> Pool:
    """Return the pool of `origin` for this event loop and process; to be handed back."""
    place = home()
    with _state.lock:
        # Nobody could close these any more: what they hold open goes with them.
        for gone in [each for each in _state.pools if is_gone(each)]:
            del _state.pools[gone]
        pools = _state.pools.setdefault(place, {})
        pool = pools.get(origin)
        if pool is None:
            pool = pools[origin] = Pool(made(origin), place, origin)
        pool.users += 1
        return pool


def hand_back(pool: Pool) -> None:
    """Take note that a client needs the pool no more; the last one closes it, unless it is not of this place."""
    with _state.lock:
        pool.users -= 1
        pools = _state.pools.get(pool.place, {})
        if pool.users > 0 or pools.get(pool.origin) is not pool:
            return
        del pools[pool.origin]
    if pool.place is home():
        pool.http.close()


class _State:
    """All pools of this process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pools: WeakKeyDictionary[object, dict[str, Pool]] = WeakKeyDictionary()


def _forked() -> None:
    # Kept, so that no finaliser closes what belongs to the parent; the lock may have been held by another thread.
    global _state  # noqa: PLW0603 - what a fork takes over can't be an argument
    _PARENTS.append(_state)
    _state = _State()
    moved()


_PARENTS: Final[list[_State]] = []
_state = _State()
os.register_at_fork(after_in_child=_forked)
