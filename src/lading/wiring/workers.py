"""A worker process put together: supervisor and upkeep on one database.  Its executors are in `executor.py`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from lading.db import notify
from lading.db.database import Database
from lading.db.transaction import Role
from lading.exports.deliveries import JOB_KIND as DELIVERY
from lading.exports.delivery_endings import DeliveryEnding
from lading.exports.endings import ExportEnding, PartEnding
from lading.exports.model import JOB_KIND
from lading.exports.parts import JOB_KIND as PART
from lading.jobs.kinds import NOOP_KIND
from lading.jobs.model import Endings
from lading.settings import Settings, to_environment
from lading.telemetry import log
from lading.tenants import configuration
from lading.upkeep.sweeps import Upkeep
from lading.webhooks.endings import WebhookEnding
from lading.webhooks.store import JOB_KIND as WEBHOOK
from lading.wiring import budget, depots, self_test, signing
from lading.worker.supervisor import Supervisor

ENDINGS: Final[Endings] = {
    JOB_KIND: ExportEnding(),
    PART: PartEnding(),
    DELIVERY: DeliveryEnding(),
    WEBHOOK: WebhookEnding(),
}
LIGHT: Final = (NOOP_KIND, WEBHOOK)
"""Light kinds, whose handlers `light.py` has: they import little, and many jobs run side by side in one child."""
_EXECUTOR: Final = (sys.executable, "-m", "lading.wiring.executor")
_LIGHT: Final = (sys.executable, "-m", "lading.wiring.light")
# Arrow's own pool, an arena for each thread, and columns of a batch among small things keep a fifth of an executor's
# memory for nothing, and more with every export.
_FRUGAL: Final = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "1048576",
}


async def run_worker(settings: Settings, url: str) -> None:
    """Work for the database at `url` until SIGTERM or SIGINT, then drain."""
    log.configure()
    await self_test.require(url, connections=budget.of_worker(settings.worker_slots))
    async with opened(url, size=budget.WORKER) as database:
        owned = signing.opened(settings)
        await configuration.note(database, settings)
        environment = {**_FRUGAL, **os.environ, **to_environment(settings), "LADING_DATABASE_URL": url}
        worker = Supervisor(
            settings,
            database,
            ENDINGS,
            kinds=list(dict.fromkeys([*ENDINGS, *LIGHT])),
            executor=_EXECUTOR,
            light=(list(LIGHT), _LIGHT),
            environment=environment,
            slots=None if settings.worker_slots == "auto" else int(settings.worker_slots),
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, worker.drain)
        upkeep = Upkeep(settings, database, ENDINGS, owned.log, depots.opened(settings))
        sweeping = asyncio.create_task(upkeep.run())
        try:
            await worker.run()
            # What this worker recorded last is under a signed head before it leaves.
            await upkeep.integrate()
        finally:
            sweeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sweeping


@asynccontextmanager
async def opened(url: str, *, size: int, options: str = "", role: Role | None = None) -> AsyncIterator[Database]:
    """Open the database and close it at the end."""
    database = Database(url, size=size, options=options, role=role)
    await database.open()
    hints = notify.Sender(database)
    database.tell = hints.soon
    try:
        yield database
    finally:
        await hints.close()
        await database.close()
