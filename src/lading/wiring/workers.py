"""A worker process put together: supervisor, upkeep and the handlers, on one database."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from lading.artifacts.blobs import BlobStore
from lading.db.database import Database
from lading.exports import salt
from lading.exports.model import JOB_KIND
from lading.exports.pipeline import ExportHandler
from lading.jobs.model import Handlers
from lading.ledger import keys
from lading.ledger.keys import Keys
from lading.settings import Settings, to_environment
from lading.telemetry import log
from lading.upkeep.sweeps import Upkeep
from lading.worker.executor import Executor
from lading.worker.supervisor import Supervisor

_EXECUTOR: Final = (sys.executable, "-m", "lading.wiring.executor")


async def run_worker(settings: Settings, url: str) -> None:
    """Work for the database at `url` until SIGTERM or SIGINT, then drain."""
    log.configure()
    async with _opened(url, size=5) as database:
        owned = keys.load_or_create(settings.keys_dir, settings.instance)
        handled = handlers(settings, database, owned)
        environment = {**os.environ, **to_environment(settings), "LADING_DATABASE_URL": url}
        worker = Supervisor(settings, database, handled, executor=_EXECUTOR, environment=environment)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, worker.drain)
        upkeep = Upkeep(settings, database, handled, owned.log, BlobStore(settings.blobs_dir))
        sweeping = asyncio.create_task(upkeep.run())
        try:
            await worker.run()
            # What this worker recorded last is under a signed head before it leaves.
            await upkeep.integrate()
        finally:
            sweeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sweeping


async def run_executor(settings: Settings, url: str) -> None:
    """Run the jobs that the supervisor on the other end of standard input sends."""
    log.configure()
    async with _opened(url, size=2) as database:
        owned = keys.load_or_create(settings.keys_dir, settings.instance)
        await Executor(database, handlers(settings, database, owned)).serve()


def handlers(settings: Settings, database: Database, owned: Keys) -> Handlers:
    """Return what a worker can do."""
    blobs, salts = BlobStore(settings.blobs_dir), salt.load_or_create(settings.keys_dir)
    return {JOB_KIND: ExportHandler(database, settings, blobs, owned, salt=salts)}


@asynccontextmanager
async def _opened(url: str, *, size: int) -> AsyncIterator[Database]:
    database = Database(url, size=size)
    await database.open()
    try:
        yield database
    finally:
        await database.close()
