"""`lading server`: one API process, until SIGTERM."""

from __future__ import annotations

import asyncio
import signal
from socket import socket

import click

from lading import settings as configuration
from lading.settings import Settings


@click.command()
@click.option("--fd", type=int, hidden=True, help="Serve on this inherited listening socket.")
def command(fd: int | None) -> None:
    """
    Run one API process.

    It serves the database in LADING_DATABASE_URL, or the Lading that runs on LADING_DATA_DIR, on LADING_HOST and
    LADING_PORT.  SIGTERM or Ctrl-C answers what is waiting, then ends.

    Example: lading server
    """
    from lading.telemetry import log
    from lading.wiring import listening

    log.configure()
    settings = configuration.from_environment()
    with listening.listen(settings.host, settings.port) if fd is None else socket(fileno=fd) as listener:
        asyncio.run(_serve(settings, listener))


async def _serve(settings: Settings, listener: socket) -> None:
    from lading.api import server
    from lading.wiring import budget, database, self_test, services

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    url = database.url_for_another_process(settings)
    await self_test.require(url, connections=budget.of_server())
    async with services.opened(settings, url) as parts:
        await server.serve(parts, listener=listener, stop=stop)
