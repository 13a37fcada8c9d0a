# Made from lading/client/aio/session.py by scripts/sync_client.py; change it there.
"""
Calls to one server as one principal: sends, tries again, turns problem documents into errors.

What may be repeated is decided in `client.retries`.  Nothing is served from a cache.  The token stays with the server
it is meant for: redirects are followed for downloads only (`elsewhere`).  An answer that is read whole
has a limit in bytes, unpacked, and in time.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import httpx2

import lading
from lading.client import faults, retries
from lading.client.conditions import if_match
from lading.client.decode import decode
from lading.client.retries import Retries
from lading.client.sync import pools
from lading.client.sync.ground import home, in_thread, sleep
from lading.client.sync.pools import Pool
from lading.client.target import Target, with_token
from lading.errors import InvalidInput, LadingError, PreconditionRequired

T = TypeVar("T")

TIMEOUT_SECONDS: Final = 30.0
CONNECT_SECONDS: Final = 5.0
_PROBLEM_BYTES: Final = 1 << 20
ANSWER_BYTES: Final = 64 << 20
_ANSWER_SECONDS: Final = 300.0  # the timeouts of the network begin anew with every byte
_NEVER_SENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
_OF_THE_WIRE: Final = frozenset({"content-encoding", "content-length", "transfer-encoding"})
_SAFE: Final = frozenset({"GET", "HEAD", "PUT", "DELETE"})


class Session:
    """
    A target, the pool of its environment and some patience.

    `transport` replaces the network, for tests and special networks; `http_client` brings connections of the caller's
    own, who closes them.  `refresh` returns a fresh token when the server says that this one is none any more.
    """

    def __init__(
        self,
        target: Target,
        *,
        patience: Retries | None = None,
        timeout: float = TIMEOUT_SECONDS,
        transport: httpx2.BaseTransport | None = None,
        http_client: httpx2.Client | None = None,
        refresh: Callable[[], str | None] | None = None,
    ) -> None:
        self.target = target
        self._patience = patience or Retries()
        self._timeout = timeout
        self._refresh = refresh
        self._refreshing = threading.Lock()
        self._taking = threading.Lock()
        self._own = None if transport is None else pools.made(pools.origin_of(target.url), transport)
        given = http_client or self._own
        self._pool = None if given is None else Pool(given)
        self._is_shared = given is None
        self._is_closed = False

    @property
    def pool(self) -> Pool:
        """Return the connections: those of the environment, in this event loop and process, or the caller's own."""
        with self._taking:
            if self._is_closed:
                raise RuntimeError("This client is closed; make another one.")
            if self._pool is None or (self._is_shared and self._pool.place is not home()):
                self._pool = pools.take(pools.origin_of(self.target.url))
            return self._pool

    def close(self) -> None:
        """Close the connections, if nobody else uses them."""
        with self._taking:
            is_over, self._is_closed = self._is_closed, True
        if self._own is not None:
            self._own.close()
        elif self._is_shared and self._pool is not None and not is_over:
            pools.hand_back(self._pool)

    def pause(self, tried: int) -> float | None:
        """Return the seconds before the next try after `tried` failed ones in a row, None to give up."""
        return retries.pause(self._patience, tried, retry_after=None, chance=random.random())  # noqa: S311 - jitter

    def rest(self, seconds: float) -> None:
        """Return after `seconds`."""
        sleep(seconds)

    def fetch(self, shape: type[T], method: str, path: str, **options: Any) -> T:
        """Return the answer to one call as `shape`."""
        return self.read(shape, self.call(method, path, **options))

    def put(
        self, shape: type[T], path: str, body: Any, *, version: int | None, query: Mapping[str, Any] | None = None
    ) -> T:
        """
        Return what stands after `body` was put there: over `version`, or, without one, over whatever there is.

        What is not there yet is made by the first call; the second is needed only where something is.
        """
        if version is None:
            try:
                return self.fetch(shape, "PUT", path, body=body, query=query)
            except PreconditionRequired:
                pass
        return self.fetch(shape, "PUT", path, body=body, query=query, headers=if_match(version))

    def read(self, shape: type[T], response: httpx2.Response) -> T:
        """Return the body of `response` as `shape`."""
        try:
            return decode(shape, response.json())
        except (ValueError, RecursionError) as error:
            raise self.unreadable(error) from error

    def call(
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
        within: float = float("inf"),
        changes_nothing: bool = False,
    ) -> httpx2.Response:
        """
        Return the answer of the server, tried as often as it may be; an answer of 400 or more is raised.

        `hold_seconds` is how long the server was asked to hold its answer back.  304 is an answer like any other.
        No further try begins later than `within` seconds from now, and none lasts much longer.
        `form` is sent instead of a JSON body; a POST that `changes_nothing` may be repeated like a GET.
        """
        sent = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        sent |= {"Content-Type": "application/x-www-form-urlencoded"} if form is not None else {}
        try:
            request = self.pool.http.build_request(
                method,
                f"{self.target.url}{path}",
                json=body,
                content=form,
                params={name: value for name, value in (query or {}).items() if value not in (None, [], ())},
                headers={"Accept": "application/json", **self._headers(), **sent, **(headers or {})},
                timeout=httpx2.Timeout(
                    min(self._timeout + hold_seconds, max(0.0, within) + CONNECT_SECONDS), connect=CONNECT_SECONDS
                ),
            )
        except ValueError as error:  # NaN, an infinity, half of a surrogate pair
            raise InvalidInput("The request holds what JSON has no way to write, such as NaN; correct it.") from error
        is_idempotent = changes_nothing or method in _SAFE or idempotency_key is not None
        most = self._patience.most if most_tries is None else most_tries - 1
        tried, asked_as, until = 0, self.target, clock() + within
        while True:
            tried += 1
            answer = self._try(request, is_idempotent=is_idempotent)
            if _is_refused_token(answer) and asked_as is not None and in_thread(self._renewed, asked_as):
                request.headers.update(self.target.headers())
                tried, asked_as = tried - 1, None
                continue
            if isinstance(answer, httpx2.Response) and not (
                answer.status_code >= 400 and retries.may_repeat(answer.status_code, is_idempotent=is_idempotent)
            ):
                return self._admit(answer)
            seconds = self._pause(tried, answer) if tried <= most else None
            if seconds is None or clock() + seconds > until:
                raise self._error(answer)
            sleep(seconds)

    @contextmanager
    def stream(
        self, path: str, *, headers: Mapping[str, str], accept: frozenset[int], timeout: float | None = None
    ) -> Generator[httpx2.Response]:
        """Give an answer to GET whose body is not read yet; a status outside `accept` is raised. Tried once."""
        http, asked_as = self.pool.http, self.target
        request = http.build_request(
            "GET",
            f"{self.target.url}{path}",
            headers={"Accept-Encoding": "identity", **self._headers(), **headers},
            timeout=httpx2.Timeout(timeout or self._timeout, connect=CONNECT_SECONDS),
        )
        response = http.send(request, stream=True, follow_redirects=False)
        try:
            if _is_refused_token(response) and in_thread(self._renewed, asked_as):
                response.close()
                request.headers.update(self.target.headers())
                response = http.send(request, stream=True, follow_redirects=False)
            if response.status_code not in accept:
                raise self.refusal(response)
            yield response
        finally:
            response.close()

    def refusal(self, response: httpx2.Response) -> LadingError:
        """Return the error that a streamed answer reports."""
        body = b""
        for chunk in response.iter_bytes():
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

    def _headers(self) -> dict[str, str]:
        return {"User-Agent": f"lading/{lading.__version__}", **self.target.headers()}

    def _renewed(self, asked_as: Target) -> bool:
        """Tell whether there is another token than the one that was refused; many who ask at once get the same one."""
        with self._refreshing:
            if self.target is asked_as and self._refresh is not None:
                self.target = with_token(asked_as, self._refresh())
            return self.target.token != asked_as.token

    def _try(self, request: httpx2.Request, *, is_idempotent: bool) -> httpx2.Response | httpx2.TransportError:
        try:
            return self._whole(self.pool.http.send(request, stream=True))
        except httpx2.TransportError as error:
            if not is_idempotent and not isinstance(error, _NEVER_SENT):
                raise self.unreachable(error) from error
            return error

    def _whole(self, response: httpx2.Response) -> httpx2.Response:
        """Return the answer with its body, read and unpacked within the limits."""
        body, began = bytearray(), clock()
        try:
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > ANSWER_BYTES or clock() - began > _ANSWER_SECONDS:
                    raise self.unreadable(ValueError("its answer does not end"))
        except httpx2.DecodingError as error:
            raise self.unreadable(error) from error
        finally:
            response.close()
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
            # What stands behind the question mark may let somebody in.
            elsewhere = faults.plain(answer.headers.get("Location", "nowhere").partition("?")[0])
            raise self.unreadable(ValueError(f"it redirects to {elsewhere}"))
        return answer


def _is_refused_token(answer: httpx2.Response | httpx2.TransportError) -> bool:
    return isinstance(answer, httpx2.Response) and answer.status_code == 401


def clock() -> float:
    """Return seconds that only go forward; deadlines are measured with them."""
    return time.monotonic()
