"""
Connections that can't be held for nothing: bounds on how many there are and on how slow their clients may be.

uvicorn's own timeout is for the pause between two requests; it waits for ever for a head that never ends, keeps one of
any length, and waits for ever for a client that takes no answer.  Slow bodies are the Door's (`middleware`).
"""

from __future__ import annotations

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from lading.settings import Settings

HEAD_BYTES: Final = 1 << 16
_FULL: Final = b"503 Service Unavailable\r\nretry-after: 1"
_SLOW: Final = b"408 Request Timeout"
_LONG: Final = b"431 Request Header Fields Too Large"


class Connection(HttpToolsProtocol):
    """
    One connection: what is over the bounds gets one line of an answer, where one is possible, and is closed.

    `most` connections at once; a head of HEAD_BYTES within `head_seconds`, from the first moment on; a client that
    leaves its answer lying for `answer_seconds` is cut.
    """

    most: int
    head_seconds: float
    answer_seconds: float
    _head_timer: asyncio.TimerHandle | None = None
    _answer_timer: asyncio.TimerHandle | None = None
    _head_bytes: int = 0
    _is_answered: bool = True
    _is_in_body: bool = False

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin to wait for a head, or refuse."""
        super().connection_made(transport)
        if len(self.connections) > self.most:
            self._refuse(_FULL)
        else:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clocks."""
        self._stop_head()
        self._stop_answer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, as long as the head stays within its bounds."""
        if self._head_timer is None and self._is_answered:
            self._await_head()
        if not self._is_in_body:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._head_timer is not None and self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
            self._refuse(_LONG)

    def on_headers_complete(self) -> None:
        """Stop the head's clock: from here on the request is the application's."""
        self._stop_head()
        self._head_bytes = 0
        self._is_answered, self._is_in_body = False, True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Count what comes from here on as the next head; the rest of a body that was answered early is none."""
        self._is_in_body = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Let the next head have its time, unless it is there already."""
        self._is_answered = not self.pipeline
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Give the client its time to take what lies there."""
        super().pause_writing()
        self._stop_answer()
        self._answer_timer = self.loop.call_later(self.answer_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop the answer's clock."""
        self._stop_answer()
        super().resume_writing()

    def _await_head(self) -> None:
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(self.head_seconds, self._refuse, _SLOW)

    def _stop_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _stop_answer(self) -> None:
        if self._answer_timer is not None:
            self._answer_timer.cancel()
            self._answer_timer = None

    def _refuse(self, status: bytes) -> None:
        self._stop_head()
        if not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            self.transport.close()


def bounded(settings: Settings) -> type[Connection]:
    """Return the protocol with the bounds of `settings`, for uvicorn."""

    class Bounded(Connection):
        most = settings.connection_limit
        head_seconds = settings.request_head_seconds
        answer_seconds = settings.answer_seconds

    return Bounded
