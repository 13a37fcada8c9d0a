"""
The process tree of `lading up`: this supervisor, the embedded PostgreSQL, one API process, N workers.

The order of starting is the order of refusing: port, data directory, database, schema; nothing runs before all of them
are right.  What dies is started again.  At the end workers finish or checkpoint, then the API closes, then the
database stops; a second signal kills.  When the supervisor itself is killed, the kernel ends all the others.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import httpx2

from lading.db.directory import DataDirectory, owner
from lading.errors import DataDirectoryUnusable, EnvironmentUnfit, PortInUse
from lading.settings import Settings, to_environment
from lading.wiring import budget, database, listening, self_test, signing
from lading.wiring.children import Child, open_log

_API_CLOSE_SECONDS: Final = 15.0
_DRAIN_MARGIN_SECONDS: Final = 10.0
_START_FAILURES: Final = 3
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# A person's token for the client is no business of the server's processes.
_NOT_INHERITED: Final = ("LADING_TOKEN", "LADING_TENANT", "LADING_URL")


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree that answers at `url`; `settings` are those of its children, with the database they use."""

    url: str
    settings: Settings

    @property
    def database_url(self) -> str:
        """Return the URL of the database; it holds a password."""
        return database.url_of_running(self.settings)


@asynccontextmanager
async def running(settings: Settings, *, say: Callable[[str], None], log: Path | None = None) -> AsyncIterator[Tree]:
    """
    Run a tree around the body and stop all of it at the end.

    The first SIGINT, SIGTERM or SIGHUP cancels the body.  `log` takes what the children write; else standard error.
    """
    at_once = asyncio.Event()
    with _listener(settings) as listener, DataDirectory(settings.data_dir) as directory:
        _watch_signals(at_once, say)
        async with AsyncExitStack() as stack:
            settings = replace(settings, port=listener.getsockname()[1])
            if settings.database_url is None:
                server = database.OwnServer(database.embedded(settings), say)
                stack.push_async_callback(server.leave, at_once=at_once)
                await server.start()
                settings = replace(settings, database_url=server.server.url())
            url = database.url_of_running(settings)
            await database.bring_forward(url)
            left = (await self_test.condition(url)).connections_left
            if (short := budget.shortage(budget.of_tree(settings.workers, settings.worker_slots), left)) is not None:
                say(short)
            signing.opened(settings)
            api, workers = _start(settings, listener, say=say, log=log)
            stack.push_async_callback(api.leave, _API_CLOSE_SECONDS, at_once=at_once)
            stack.push_async_callback(_drain, workers, settings, at_once)
            url = listening.address(listener)
            await _until_ready(url, [api, *workers])
            directory.announce(url)
            yield Tree(url, settings)


def _listener(settings: Settings) -> socket.socket:
    try:
        return listening.listen(settings.host, settings.port)
    except PortInUse:
        held = owner(settings.data_dir)
        if held is not None:
            raise DataDirectoryUnusable(
                f"Lading runs already on {settings.data_dir} (process {held.pid}, {held.url}); "
                "use that one, or choose other LADING_DATA_DIR and LADING_PORT."
            ) from None
        raise


def _watch_signals(at_once: asyncio.Event, say: Callable[[str], None]) -> None:
    """Cancel the current task on the first signal, set `at_once` on the second."""
    task = asyncio.current_task()
    assert task is not None
    seen: list[signal.Signals] = []

    def hear(number: signal.Signals) -> None:
        if seen:
            at_once.set()
        else:
            say("Stopping: running exports reach a checkpoint first; Ctrl-C again kills.")
            task.cancel()
        seen.append(number)

    for number in _SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, hear, number)


def _start(
    settings: Settings, listener: socket.socket, *, say: Callable[[str], None], log: Path | None
) -> tuple[Child, list[Child]]:
    inherited = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
    environment = {**inherited, **to_environment(settings)}
    output = sys.stderr.fileno() if log is None else open_log(log)
    descriptor = listener.fileno()
    api = Child(
        "The API server",
        ["server", "--fd", str(descriptor)],
        environment=environment,
        output=output,
        say=say,
        descriptors=[descriptor],
    )
    workers = [
        Child(f"Worker {number}", ["worker"], environment=environment, output=output, say=say)
        for number in range(1, settings.workers + 1)
    ]
    return api, workers


async def _drain(workers: list[Child], settings: Settings, at_once: asyncio.Event) -> None:
    seconds = settings.drain_seconds + _DRAIN_MARGIN_SECONDS
    await asyncio.gather(*(worker.leave(seconds, at_once=at_once) for worker in workers))


async def _until_ready(url: str, children: list[Child]) -> None:
    async with httpx2.AsyncClient(trust_env=False, timeout=5.0) as client:
        while True:
            for child in children:
                if child.failures >= _START_FAILURES:
                    raise EnvironmentUnfit(f"{child.name} does not start; its own message says why.")
            try:
                answer = await client.get(f"{url}/readyz")
            except httpx2.HTTPError:
                await asyncio.sleep(0.05)
                continue
            if answer.status_code == 200:
                return
            await asyncio.sleep(0.05)
