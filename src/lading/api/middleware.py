"""
What happens around every request: an id, limits on what comes in, headers on what goes out, an answer to what broke.

The body is read whole here, because nothing the API takes is large, and refused before any route sees it when it is
over the limit or not JSON that Lading can hold (`json_in`).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lading import ids
from lading.api import json_in, problems
from lading.errors import InvalidInput, LadingError, TooLarge, TooSlow

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# A graph of 20,000 nodes is large, nothing else is; it is read only for who shows what looks like a token.
_LARGE: Final = {("POST", "/api/v1/runs"): 16 << 20}
_JSON: Final = frozenset({"application/json"})
_MEDIA_TYPES: Final = {"PATCH": _JSON | {"application/merge-patch+json"}}
_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Door:
    """The outermost layer of the API."""

    def __init__(self, app: ASGIApp, *, body_limit_bytes: int, body_seconds: float) -> None:
        self._app: Final = app
        self._limit: Final = body_limit_bytes
        self._seconds: Final = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; raises only when an answer broke half-way, so that the connection is cut."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        request_id = _request_id(request)
        request.state.request_id = request_id
        answer = _Answer(send, request)
        try:
            _refuse_nul(scope)
            body = await self._body(request, receive)
            await self._app(scope, _replay(body, receive), answer.send)
        except LadingError as error:
            await _instead(problems.answer(error, request_id), scope, receive, answer)
        except _MediaType:
            sentence = "Send JSON, with Content-Type: application/json."
            await _instead(problems.problem("unsupported-media-type", sentence, request_id), scope, receive, answer)
        except Exception as error:  # noqa: BLE001 - the last one who can answer
            await _instead(problems.unforeseen(error, request_id), scope, receive, answer)

    async def _body(self, request: Request, receive: Receive) -> bytes:
        try:
            async with asyncio.timeout(self._seconds):
                return await _read(request, receive, limit=_limit(request, self._limit))
        except TimeoutError:
            raise TooSlow(f"The request body took longer than {self._seconds:g} s; send it again.") from None


class _MediaType(Exception):
    """The body is not declared as JSON."""


class _Answer:
    """Adds our headers to the first message of an answer, and knows whether it began."""

    def __init__(self, send: Send, request: Request) -> None:
        self._send: Final = send
        self._state: Final = request.state
        self._extra: Final = (*_HEADERS, (b"x-request-id", request.state.request_id.encode()))
        self.has_begun = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_begun = True
            headers: list[tuple[bytes, bytes]] = [*message.get("headers", ()), *self._extra]
            rate_limits: Callable[[], list[tuple[str, str]]] = getattr(self._state, "rate_limits", list)
            more: Sequence[tuple[str, str]] = getattr(self._state, "more_headers", ())
            headers += [(name.lower().encode(), value.encode()) for name, value in (*rate_limits(), *more)]
            if not any(name == b"cache-control" for name, _ in headers):
                headers.append((b"cache-control", b"no-store"))
            message = {**message, "headers": headers}
        await self._send(message)


async def _instead(response: Any, scope: Scope, receive: Receive, answer: _Answer) -> None:
    # An answer that has begun can't become another; closing the connection early tells the client it is cut.
    if answer.has_begun:
        raise ConnectionAbortedError("the answer broke after it had begun")
    await response(scope, receive, answer.send)


def _request_id(request: Request) -> str:
    given = request.headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else ids.show(ids.REQUEST, ids.new())


def _refuse_nul(scope: Scope) -> None:
    query: bytes = scope["query_string"]
    if "\x00" in scope["path"] or b"\x00" in query or b"%00" in query:
        raise InvalidInput("The URL holds a NUL character; remove it.")


def _limit(request: Request, limit: int) -> int:
    if not request.headers.get("authorization", "").startswith(("Bearer ldg_", "Bearer ey")):
        return limit
    return max(limit, _LARGE.get((request.method, request.url.path), limit))


async def _read(request: Request, receive: Receive, *, limit: int) -> bytes:
    declared = request.headers.get("content-length", "0")
    if not (declared.isascii() and declared.isdigit()) or len(declared) > 18 or int(declared) > limit:
        raise TooLarge(f"The request body is over {limit} bytes; send less.")
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            break
        chunks.append(message.get("body", b""))
        size, more = size + len(chunks[-1]), message.get("more_body", False)
        if size > limit:
            raise TooLarge(f"The request body is over {limit} bytes; send less.")
    body = b"".join(chunks)
    if body and request.method in _WITH_BODY:
        _check(request, body)
    return body


def _check(request: Request, body: bytes) -> None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in _MEDIA_TYPES.get(request.method, _JSON):
        raise _MediaType
    json_in.check(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    is_read = False

    async def replay() -> Message:
        nonlocal is_read
        if is_read:
            return await receive()
        is_read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
