"""The program of a light executor child, started by a worker's supervisor: `python -m lading.wiring.light`."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Final

from lading import settings as configuration
from lading.errors import LadingError
from lading.settings import Settings
from lading.telemetry import log
from lading.wiring.workers import ENDINGS, LIGHT, opened
from lading.worker.light import LightExecutor

# Every row that an exchange touches is known by its key.  A plan made while the table was small must not scan it when
# it has grown, and compiling one takes longer than running it.
_OPTIONS: Final = "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off"


def main() -> None:
    """Serve until standard input ends."""
    log.configure()
    try:
        asyncio.run(_run(configuration.from_environment(), os.environ["LADING_DATABASE_URL"]))
    except LadingError as error:
        sys.exit(error.message)


async def _run(settings: Settings, url: str) -> None:
    async with opened(url, size=4, options=_OPTIONS) as database:
        await LightExecutor(database, LIGHT, ENDINGS, most=settings.light_batch).serve()


if __name__ == "__main__":
    main()
