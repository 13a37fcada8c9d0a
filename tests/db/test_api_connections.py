"""Nobody holds a connection of the API for nothing: bounds on how many, how long, how slow.  # O7"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import StreamingResponse
from tests.serving import World

from lading.api import server
from lading.api.connections import HEAD_BYTES, bounded
from lading.settings import Settings

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def served(world: World, **given: float) -> AsyncIterator[int]:
    """Serve the world on a port, with bounds of its own."""
    services = replace(world.services, settings=replace(world.services.settings, **given), stopping=asyncio.Event())
    stop = asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve(services, listener=listener, stop=stop))
        try:
            yield listener.getsockname()[1]
        finally:
            stop.set()
            await serving


async def asked(port: int, *pieces: bytes) -> bytes:
    """Send `pieces` and return all that comes until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(60):
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            return await reader.read()
        except ConnectionResetError:
            return b""
        finally:
            writer.close()


@pytest.mark.parametrize("begun", [b"", b"\r\n", b"GET /livez HTTP/1.1\r\nHost: x\r\n"])
async def test_a_head_that_does_not_come_in_time_is_cut(world: World, begun: bytes) -> None:
    async with served(world, request_head_seconds=0.2) as port:
        assert (await asked(port, begun)).startswith(b"HTTP/1.1 408 ")


async def test_the_second_head_of_a_connection_has_the_same_time(world: World) -> None:
    async with served(world, request_head_seconds=0.5) as port, asyncio.timeout(60):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200 ")
        writer.write(b"GET /livez HTTP/1.1\r\n")

        assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
        writer.close()


async def test_a_head_without_end_is_not_kept(world: World) -> None:
    async with served(world) as port:
        answer = await asked(port, b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Much: ", b"y" * (HEAD_BYTES + 1))

    assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")


async def test_a_body_that_does_not_come_in_time_is_answered_with_a_problem(world: World) -> None:
    async with served(world, request_body_seconds=0.2) as port:
        answer = await asked(
            port,
            b"POST /api/v1/exports HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n{",
        )

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert json.loads(body)["code"] == "request-timeout"


async def test_a_body_that_is_refused_early_may_go_on_for_a_while_and_is_no_head(world: World) -> None:
    size = 64 * HEAD_BYTES
    head = b"POST /api/v1/exports HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    async with served(world) as port, asyncio.timeout(60):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head % size)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 413 ")
        writer.write(b"x" * size + b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

        assert b"HTTP/1.1 200 " in await reader.read()
        writer.close()

    async with served(world, request_head_seconds=0.2) as port, asyncio.timeout(60):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head % size)
        assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 413 ")
        writer.write(b"x")

        assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
        writer.close()


async def test_one_connection_too_many_is_refused_and_the_others_go_on(world: World) -> None:
    async with served(world, connection_limit=2) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        for reader, writer in held:
            writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")

        assert (await asked(port)).startswith(b"HTTP/1.1 503 ")

        held[0][1].close()
        await held[0][1].wait_closed()
        async with asyncio.timeout(60):
            while not (await asked(port, b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).startswith(
                b"HTTP/1.1 200 "
            ):
                continue
        held[1][1].close()


async def test_a_client_that_takes_no_answer_is_cut() -> None:
    ended = asyncio.Event()

    async def endless(scope, receive, send) -> None:
        async def pieces() -> AsyncIterator[bytes]:
            while True:
                yield b"x" * (1 << 16)
                await asyncio.sleep(0)  # sending to a connection that is gone does not wait

        assert Request(scope, receive).method == "GET"
        try:
            await StreamingResponse(pieces())(scope, receive, send)
        finally:
            ended.set()

    config = uvicorn.Config(endless, http=bounded(Settings(answer_seconds=0.2)), ws="none", log_config=None)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = server._Server(config)
        serving = asyncio.create_task(running.serve([listener]))
        reader, writer = await asyncio.open_connection(*listener.getsockname()[:2], limit=1024)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(60):
            await ended.wait()
            with suppress(ConnectionResetError):
                while await reader.read(1 << 20):
                    continue
        writer.close()
        running.should_exit = True
        await serving
