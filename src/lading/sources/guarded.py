"""
Calls over HTTP to one origin, through the guard: the address that was judged is the one that is connected to.

Nothing is taken from the environment (no proxy, no .netrc), no redirect is followed, no cookie is kept.  A whole call
has a deadline, however slowly its bytes come, and its body a limit, packed or not.  TLS proves the name of the host.
`stop` ends a call from another thread.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import httpcore2

from lading.sources.guard import Network, Origin, Resolver, judged

_CONNECT_SECONDS: Final = 10.0
_MEMBER_BYTES: Final = 1024
_TRUSTED_SECONDS: Final = 60.0
_WRITE_BYTES: Final = 64 << 10
_PACKED: Final = {"", "identity", "gzip", "x-gzip"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; names of headers in lower case, the body unpacked."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Opened:
    """An answer whose body is still on its way, as it comes: nothing is unpacked."""

    status: int
    headers: Mapping[str, str]
    chunks: Iterator[bytes]


class NoAnswer(Exception):
    """The call was not answered whole; the text says how, and trying again may help."""


class TooSlow(NoAnswer):
    """The call was not answered in time."""


class TooMuch(Exception):
    """The body is over its limit."""


class Distrusted(Exception):
    """The certificate does not prove the name."""


@dataclass(frozen=True, slots=True)
class _Trust:
    """Whom TLS trusts, as it was read at that time from the places that were named."""

    context: ssl.SSLContext
    at: float
    named: tuple[str | None, str | None]


_trust: _Trust | None = None


def _trusted() -> ssl.SSLContext:
    """Return whom TLS trusts: read again every minute, because reading takes longer than most calls."""
    global _trust  # noqa: PLW0603 - one for all doors; who comes between reads once more
    held, now = _trust, time.monotonic()
    named = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if held is None or held.named != named or now - held.at > _TRUSTED_SECONDS:
        _trust = held = _Trust(ssl.create_default_context(), now, named)
    return held.context


class Door:
    """The way to one origin; one call at a time."""

    def __init__(self, origin: Origin, allowed: Sequence[Network], resolve: Resolver) -> None:
        self._origin: Final = origin
        self._backend: Final = _Backend(origin, allowed, resolve)
        self._pool: Final = httpcore2.ConnectionPool(
            ssl_context=_trusted(), max_connections=1, network_backend=self._backend
        )

    def call(
        self,
        method: str,
        target: str,
        *,
        headers: Sequence[tuple[str, str]],
        seconds: float,
        most_bytes: int,
        content: bytes | None = None,
    ) -> Answer:
        """
        Return what `target` (path and query) answers within `seconds`, with a body of at most `most_bytes`.

        Raises guard.Barred, Distrusted, TooMuch or NoAnswer.
        """
        given = [*headers, ("Accept-Encoding", "gzip")]
        with self.opened(method, target, headers=given, seconds=seconds, content=content) as answer:
            return _read(answer, most_bytes)

    @contextmanager
    def opened(
        self,
        method: str,
        target: str,
        *,
        headers: Sequence[tuple[str, str]],
        seconds: float,
        content: bytes | Iterator[bytes] | None = None,
    ) -> Generator[Opened]:
        """
        Give what `target` answers before its body has come; the call ends in `seconds`, counted anew by `renew`.

        Content in pieces needs a Content-Length among `headers`.  Raises what `call` does, and what `content` raises.
        """
        self.renew(seconds)
        try:
            with self._pool.stream(
                method,
                httpcore2.URL(
                    scheme=self._origin.scheme.encode(),
                    host=self._origin.host.removeprefix("[").removesuffix("]").encode(),
                    port=self._origin.port,
                    target=target.encode("ascii"),
                ),
                headers=[(name.encode("ascii"), value.encode("latin-1")) for name, value in headers],
                content=content,
                extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), seconds)},
            ) as response:
                yield Opened(response.status, _headers(response), response.iter_stream())
        except httpcore2.TimeoutException:
            raise TooSlow(f"no whole answer within {seconds:g} s") from None
        except httpcore2.ConnectError as error:
            if isinstance(error.__cause__ or error.__context__, ssl.SSLCertVerificationError):
                raise Distrusted from None
            raise NoAnswer("no connection") from None
        except (httpcore2.NetworkError, httpcore2.ProtocolError):
            raise NoAnswer("the connection broke off, or what came is no HTTP") from None

    def renew(self, seconds: float) -> None:
        """Let the call take `seconds` from now."""
        self._backend.until = time.monotonic() + seconds

    def stop(self) -> None:
        """End the call that another thread waits for, and every later one."""
        self._backend.stop()

    def close(self) -> None:
        """Close the connection."""
        with suppress(OSError, RuntimeError):
            self._pool.close()


def _headers(response: httpcore2.Response) -> Mapping[str, str]:
    headers: dict[str, str] = {}
    for name, value in response.headers:
        text = name.decode("latin-1").lower()
        shown = value.decode("latin-1")
        headers[text] = f"{headers[text]}, {shown}" if text in headers else shown
    return headers


def _read(answer: Opened, most: int) -> Answer:
    headers = answer.headers
    packing = headers.get("content-encoding", "").strip().lower()
    if packing not in _PACKED:
        raise NoAnswer("the body is packed in a way that was not asked for")
    if headers.get("content-length", "").isdecimal() and int(headers["content-length"]) > most:
        raise TooMuch
    unpacker = _Gzip() if packing.endswith("gzip") else None
    body, size = bytearray(), 0
    for chunk in answer.chunks:
        size += len(chunk)
        # One byte more than wanted is enough to know; what is packed never unfolds whole.
        body += chunk if unpacker is None else unpacker.unpacked(chunk, most + 1 - len(body))
        # Packing what can't be made smaller adds a little; much of it that unfolds to nothing never ends.
        if len(body) > most or size > most + (most >> 8) + _MEMBER_BYTES:
            raise TooMuch
    if unpacker is not None and not unpacker.is_whole:
        raise NoAnswer("the packed body is not whole")
    return Answer(answer.status, headers, bytes(body))


class _Gzip:
    """A body of gzip members, one after the other: all of them are the body (RFC 1952)."""

    def __init__(self) -> None:
        self._member: Any = zlib.decompressobj(16 + zlib.MAX_WBITS)

    @property
    def is_whole(self) -> bool:
        """Tell whether the last member has ended."""
        return self._member.eof

    def unpacked(self, chunk: bytes, most: int) -> bytes:
        """Return what `chunk` adds, at most so many bytes; NoAnswer when it is no gzip."""
        found = bytearray()
        try:
            while chunk and len(found) < most:
                if self._member.eof:
                    self._member = zlib.decompressobj(16 + zlib.MAX_WBITS)
                found += self._member.decompress(chunk, most - len(found))
                chunk = self._member.unused_data
        except zlib.error:
            raise NoAnswer("the packed body is damaged") from None
        return bytes(found)


class _Backend(httpcore2.NetworkBackend):
    """Connects to judged addresses alone; hands out streams that know the deadline of the call."""

    def __init__(self, origin: Origin, allowed: Sequence[Network], resolve: Resolver) -> None:
        self._origin: Final = origin
        self._allowed: Final = allowed
        self._resolve: Final = resolve
        self._system: Final = httpcore2.SyncBackend()
        self._is_stopped: Final = threading.Event()
        self._held: _Stream | None = None
        self.until = 0.0

    def connect_tcp(
        self,
        host: str,  # noqa: ARG002 - the origin that was registered is judged and called, nothing else
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        try:
            addresses = judged(self._origin, self._allowed, self._resolve)
        except (OSError, UnicodeError):
            raise httpcore2.ConnectError("no address") from None
        failure: Exception = httpcore2.ConnectError("no address")
        for address in addresses:
            try:
                # Text of an address: nothing is looked up a second time.
                stream = self._system.connect_tcp(
                    address, port, self.left(min(_CONNECT_SECONDS, timeout or _CONNECT_SECONDS)), local_address,
                    socket_options,
                )  # fmt: skip
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
                continue
            self._held = _Stream(stream, self)
            return self._held
        raise failure

    def left(self, seconds: float | None) -> float:
        """Return how long a step may take, of the seconds given for it and those left of the call."""
        rest = self.until - time.monotonic()
        if rest <= 0 or self._is_stopped.is_set():
            raise httpcore2.ReadTimeout("the call's time is over")
        return rest if seconds is None else min(rest, seconds)

    def hold(self, stream: _Stream) -> None:
        """Remember the stream that `stop` ends."""
        self._held = stream

    def stop(self) -> None:
        """Wake whoever waits for the stream."""
        self._is_stopped.set()
        if self._held is not None:
            self._held.shut()


class _Stream(httpcore2.NetworkStream):
    """A stream whose every wait ends with the call."""

    def __init__(self, inner: httpcore2.NetworkStream, backend: _Backend) -> None:
        self._inner: Final = inner
        self._backend: Final = backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._backend.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # In slices: whoever takes a few bytes now and then does not stretch the deadline with each of them.
        for start in range(0, len(buffer), _WRITE_BYTES):
            self._inner.write(buffer[start : start + _WRITE_BYTES], self._backend.left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        secured = _Stream(
            self._inner.start_tls(ssl_context, server_hostname, self._backend.left(timeout)), self._backend
        )
        self._backend.hold(secured)
        return secured

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)

    def shut(self) -> None:
        """End what is read and written, from any thread."""
        held = self._inner.get_extra_info("socket")
        if isinstance(held, socket.socket):
            with suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)
