"""The command line over the client over the app, with nothing in between but memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx2
from click.testing import CliRunner, Result

from lading import cli
from serving import World, app_for

Desk = Callable[..., Awaitable[Result]]


class Bridge(httpx2.BaseTransport):
    """Leads the requests of a thread to the app in the test's event loop."""

    def __init__(self, world: World) -> None:
        self._loop = asyncio.get_running_loop()
        self._inner = httpx2.ASGITransport(app=app_for(world.services))

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        return asyncio.run_coroutine_threadsafe(self._answer(request), self._loop).result(60)

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        inner = httpx2.Request(request.method, request.url, headers=request.headers, content=request.read())
        answer = await self._inner.handle_async_request(inner)
        return httpx2.Response(answer.status_code, headers=answer.headers, content=await answer.aread())


async def typed(*arguments: str | Path) -> Result:
    """Run a command in a thread of its own: it waits for what the loop answers."""
    return await asyncio.to_thread(
        CliRunner().invoke, cli.root, [str(each) for each in arguments], prog_name="lading", standalone_mode=False
    )
