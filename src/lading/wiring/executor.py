"""The program of an executor child, started by a worker's supervisor: `python -m lading.wiring.executor`."""

from __future__ import annotations

import asyncio
import os
import sys

from lading import settings as configuration
from lading.errors import LadingError
from lading.wiring.workers import run_executor


def main() -> None:
    """Serve until standard input ends."""
    try:
        asyncio.run(run_executor(configuration.from_environment(), os.environ["LADING_DATABASE_URL"]))
    except LadingError as error:
        sys.exit(error.message)


if __name__ == "__main__":
    main()
