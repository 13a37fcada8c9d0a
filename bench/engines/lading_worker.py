"""
The worker's programs as the product starts them, with a handler that counts for the kind `noop`.

Supervisor, light executor, upkeep, integrator, leases and fences are those of `lading worker`; only what the wiring
hands in is changed: the command of the light child (this folder's program) and the handler of one kind.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from slots import Slots

from lading import settings as configuration
from lading.jobs.kinds import NOOP_KIND
from lading.jobs.model import Context, Done, Job, Outcome
from lading.wiring import light, workers

_PROGRAM = Path(__file__).with_name("lading_.py")
_DONE = Done()


class Counting:
    """The handler: nothing but the counter."""

    is_light = True

    def __init__(self, slots: Slots) -> None:
        self._slots = slots

    async def run(self, job: Job, context: Context) -> Outcome:
        del context
        self._slots.bump(job.payload["n"])
        return _DONE


async def work() -> None:
    """Be `lading worker`."""
    workers._LIGHT = (sys.executable, str(_PROGRAM), "light")  # noqa: SLF001 - the one thing that is ours
    await workers.run_worker(configuration.from_environment(), os.environ["BENCH_URL"])


def execute(slots: Slots) -> None:
    """Be its light child."""
    handlers = light.handlers
    light.handlers = lambda settings, database: {**handlers(settings, database), NOOP_KIND: Counting(slots)}
    light.main()
