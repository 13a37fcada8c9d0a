"""
One connection pool to one server: sends, tries again, turns problem documents into errors.

What may be repeated is decided in `client.retries`.  Nothing is served from a cache.  The token stays with the server
it is meant for: redirects are followed for downloads only, and lose it on another host.  An answer that is read whole
has a limit in bytes, unpacked, and in time.
"""

from __future__ import annotations

import random
import ssl
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import httpx2

import lading
from lading.client import faults, retries
from lading.client.aio.ground import sleep
from lading.client.conditions import if_match
from lading.client.decode import decode
from lading.client.retries import Retries
from lading.client.target import Target
from lading.errors import InvalidInput, LadingError, PreconditionRequired

T = TypeVar("T")

TIMEOUT_SECONDS: Final = 30.0
CONNECT_SECONDS: Final = 5.0
_CONNECTIONS: Final = 10
_PROBLEM_BYTES: Final = 1 << 20
ANSWER_BYTES: Final = 64 << 20
_ANSWER_SECONDS: Final = 300.0  # the timeouts of the network begin anew with every byte
_NOT_PROXIED: Final = ("all://127.0.0.1", "all://localhost", "all://[::1]")
_NEVER_SENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
_OF_THE_WIRE: Final = frozenset({"content-encoding", "content-length", "transfer-encoding"})
_SAFE: Final = frozenset({"GET", "HEAD", "PUT", "DELETE"})


class Session:
    """The pool, its target and its patience; `transport` replaces the network, for tests and special networks."""

    def __init__(
        self,
        target: Target,
        *,
        patience: Retries | None = None,
        timeout: float = TIMEOUT_SECONDS,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self.target = target
        self._patience = patience or Retries()
        self._timeout = timeout
        self._http = httpx2.AsyncClient(
            headers={"User-Agent": f"lading/{lading.__version__}", **target.headers()},
            limits=httpx2.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS),
            # A context that trusts nobody costs 1 ms, reading the system's certificates 100: plain HTTP needs none.
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if target.is_plain else True,
            mounts=None if transport else dict.fromkeys(_NOT_PROXIED),
            transport=transport,
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    def pause(self, tried: int) -> float | None:
        """Return the seconds before the next try after `tried` failed ones in a row, None to give up."""
        return retries.pause(self._patience, tried, retry_after=None, chance=random.random())  # noqa: S311 - jitter

    async def rest(self, seconds: float) -> None:
        """Return after `seconds`."""
        await sleep(seconds)

    async def fetch(self, shape: type[T], method: str, path: str, **options: Any) -> T:
        """Return the answer to one call as `shape`."""
        return self.read(shape, await self.call(method, path, **options))

    async def put(
        self, shape: type[T], path: str, body: Any, *, version: int | None, query: Mapping[str, Any] | None = None
    ) -> T:
        """
        Return what stands after `body` was put there: over `version`, or, without one, over whatever there is.

        What is not there yet is made by the first call; the second is needed only where something is.
        """
        if version is None:
            try:
                return await self.fetch(shape, "PUT", path, body=body, query=query)
            except PreconditionRequired:
                pass
        return await self.fetch(shape, "PUT", path, body=body, query=query, headers=if_match(version))

    def read(self, shape: type[T], response: httpx2.Response) -> T:
        """Return the body of `response` as `shape`."""
        try:
            return decode(shape, response.json())
        except (ValueError, RecursionError) as error:
            raise self.unreadable(error) from error

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        form: bytes | None = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        hold_seconds: float = 0.0,
        most_tries: int | None = None,
        changes_nothing: bool = False,
    ) -> httpx2.Response:
        """
        Return the answer of the server, tried as often as it may be; an answer of 400 or more is raised.

        `hold_seconds` is how long the server was asked to hold its answer back.  304 is an answer like any other.
        `form` is sent instead of a JSON body; a POST that `changes_nothing` may be repeated like a GET.
        """
        sent = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        sent |= {"Content-Type": "application/x-www-form-urlencoded"} if form is not None else {}
        try:
            request = self._http.build_request(
                method,
                f"{self.target.url}{path}",
                json=body,
                content=form,
                params={name: value for name, value in (query or {}).items() if value not in (None, [], ())},
                headers={"Accept": "application/json", **sent, **(headers or {})},
                timeout=httpx2.Timeout(self._timeout + hold_seconds, connect=CONNECT_SECONDS),
            )
        except ValueError as error:  # NaN, an infinity, half of a surrogate pair
            raise InvalidInput("The request holds what JSON has no way to write, such as NaN; correct it.") from error
        is_idempotent = changes_nothing or method in _SAFE or idempotency_key is not None
        most = self._patience.most if most_tries is None else most_tries - 1
        tried = 0
        while True:
            tried += 1
            answer = await self._try(request, is_idempotent=is_idempotent)
            if isinstance(answer, httpx2.Response) and not (
                answer.status_code >= 400 and retries.may_repeat(answer.status_code, is_idempotent=is_idempotent)
            ):
                return self._admit(answer)
            seconds = self._pause(tried, answer) if tried <= most else None
            if seconds is None:
                raise self._error(answer)
            await sleep(seconds)

    @asynccontextmanager
    async def stream(
        self, path: str, *, headers: Mapping[str, str], accept: frozenset[int]
    ) -> AsyncGenerator[httpx2.Response]:
        """Give an answer to GET whose body is not read yet; a status outside `accept` is raised. Tried once."""
        request = self._http.build_request(
            "GET",
            f"{self.target.url}{path}",
            headers={"Accept-Encoding": "identity", **headers},
            timeout=httpx2.Timeout(self._timeout, connect=CONNECT_SECONDS),
        )
        # A redirect away from plain HTTP would meet a context that trusts nobody; it is refused with its status.
        response = await self._http.send(request, stream=True, follow_redirects=not self.target.is_plain)
        try:
            if response.status_code not in accept:
                raise await self.refusal(response)
            yield response
        finally:
            await response.aclose()

    async def refusal(self, response: httpx2.Response) -> LadingError:
        """Return the error that a streamed answer reports."""
        body = b""
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > _PROBLEM_BYTES:
                break
        return self.refused(response.status_code, body, response.headers)

    def refused(self, status: int, body: bytes, headers: Mapping[str, str]) -> LadingError:
        """Return the error that an answer reports."""
        return faults.of_answer(status, body, headers)

    def unreachable(self, reason: Exception) -> LadingError:
        """Return the error of a server that gave no answer."""
        return faults.unreachable(self.target.url, reason)

    def unreadable(self, reason: Exception) -> LadingError:
        """Return the error of an answer that is not what this kind of server answers."""
        return faults.unreadable(self.target.url, reason)

    async def _try(self, request: httpx2.Request, *, is_idempotent: bool) -> httpx2.Response | httpx2.TransportError:
        try:
            return await self._whole(await self._http.send(request, stream=True))
        except httpx2.TransportError as error:
            if not is_idempotent and not isinstance(error, _NEVER_SENT):
                raise self.unreachable(error) from error
            return error

    async def _whole(self, response: httpx2.Response) -> httpx2.Response:
        """Return the answer with its body, read and unpacked within the limits."""
        body, began = bytearray(), clock()
        try:
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > ANSWER_BYTES or clock() - began > _ANSWER_SECONDS:
                    raise self.unreadable(ValueError("its answer does not end"))
        except httpx2.DecodingError as error:
            raise self.unreadable(error) from error
        finally:
            await response.aclose()
        kept = {name: value for name, value in response.headers.items() if name not in _OF_THE_WIRE}
        return httpx2.Response(response.status_code, headers=kept, content=bytes(body), request=response.request)

    def _pause(self, tried: int, answer: httpx2.Response | httpx2.TransportError) -> float | None:
        header = answer.headers.get("Retry-After") if isinstance(answer, httpx2.Response) else None
        asked = retries.retry_after(header, datetime.now(UTC))
        return retries.pause(self._patience, tried, retry_after=asked, chance=random.random())  # noqa: S311 - jitter

    def _error(self, answer: httpx2.Response | httpx2.TransportError) -> LadingError:
        if isinstance(answer, httpx2.Response):
            return self.refused(answer.status_code, answer.content, answer.headers)
        return self.unreachable(answer)

    def _admit(self, answer: httpx2.Response) -> httpx2.Response:
        if answer.status_code >= 400:
            raise self.refused(answer.status_code, answer.content, answer.headers)
        if 300 <= answer.status_code != 304:
            elsewhere = faults.plain(answer.headers.get("Location", "nowhere"))
            raise self.unreadable(ValueError(f"it redirects to {elsewhere}"))
        return answer


def clock() -> float:
    """Return seconds that only go forward; deadlines are measured with them."""
    return time.monotonic()
