"""
The HTTP server: one uvicorn in this event loop, on a socket that somebody bound, stopped by an event.

Signals are the caller's.  On stop, requests that wait for a change are answered first, downloads may finish for a few
seconds, and what is left then is cut.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import uvicorn

from lading.api.app import create_app
from lading.api.connections import bounded
from lading.api.services import Services

_GRACE_SECONDS: Final = 10


async def serve(services: Services, *, listener: socket.socket, stop: asyncio.Event) -> None:
    """Answer requests on `listener` until `stop` is set; returns when everything is answered or cut."""
    config = uvicorn.Config(
        create_app(services),
        http=bounded(services.settings),
        ws="none",
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = _Server(config)
    serving, stopping = asyncio.create_task(server.serve([listener])), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        services.stopping.set()
        services.feed.end()
        server.should_exit = True
        await serving


class _Server(uvicorn.Server):
    """uvicorn without hands on the process's signals."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave them alone."""
        yield
