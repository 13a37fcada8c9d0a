"""The program of an executor child, started by a worker's supervisor: `python -m lading.wiring.executor`."""

from __future__ import annotations

import asyncio
import os
import sys

from lading import settings as configuration
from lading.db.database import Database
from lading.errors import LadingError
from lading.exports import salt
from lading.exports.deliveries import JOB_KIND as DELIVERY
from lading.exports.delivery import DeliveryHandler
from lading.exports.model import JOB_KIND
from lading.exports.opening import Desk
from lading.exports.part_jobs import PartHandler
from lading.exports.parts import JOB_KIND as PART
from lading.exports.pipeline import ExportHandler
from lading.jobs.model import Handlers
from lading.settings import Settings
from lading.telemetry import log
from lading.wiring import budget, depots, light, signing
from lading.wiring.workers import ENDINGS, opened
from lading.worker.executor import Executor


def main() -> None:
    """Serve until standard input ends."""
    log.configure()
    try:
        asyncio.run(_run(configuration.from_environment(), os.environ["LADING_DATABASE_URL"]))
    except LadingError as error:
        sys.exit(error.message)


async def _run(settings: Settings, url: str) -> None:
    async with opened(url, size=budget.EXECUTOR) as database:
        await Executor(database, _handlers(settings, database), ENDINGS).serve()


def _handlers(settings: Settings, database: Database) -> Handlers:
    owned = signing.opened(settings)
    blobs, salts = depots.opened(settings), salt.load_or_create(settings.keys_dir)
    return {
        JOB_KIND: ExportHandler(database, settings, blobs, owned, salt=salts),
        PART: PartHandler(Desk(database, settings, blobs, owned, salts)),
        DELIVERY: DeliveryHandler(database, settings, blobs),
        **light.handlers(settings, database),
    }


if __name__ == "__main__":
    main()
