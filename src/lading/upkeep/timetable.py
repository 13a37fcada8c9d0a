"""
Schedules fired: asleep until the next slot is due, by the database's clock, in every worker at once.

Whoever wakes first decides a slot, the others find it decided; workers wake a little apart, so that they rarely meet.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from typing import Final

from lading.db import notify
from lading.db.database import Database
from lading.errors import LadingError
from lading.exports import scheduled
from lading.jobs.kinds import DIRECT
from lading.jobs.model import Endings
from lading.limits.admission import Admission
from lading.schedules.making import Maker
from lading.schedules.sweep import LONGEST_SECONDS, Sweep
from lading.settings import Settings

_LOG: Final = logging.getLogger("lading.upkeep")
_APART_SECONDS: Final = 0.2
_AGAIN_SECONDS: Final = 0.5


class Timetable:
    """The schedules of all tenants, as one process looks after them."""

    def __init__(self, settings: Settings, database: Database, endings: Endings) -> None:
        self._days: Final = settings.history_days
        self._sender: Final = notify.Sender(database)
        self._sweep: Final = Sweep(
            database,
            Maker(endings, DIRECT, scheduled.tie, settings.max_attempts, settings.max_crashes, scheduled.refused),
            Admission(
                database,
                queue_limit=settings.queue_limit,
                tenant_queue_limit=settings.tenant_queue_limit,
                clock=time.monotonic,
            ),
        )

    async def run(self) -> None:
        """Fire what is due, again and again, until cancelled."""
        while True:
            seconds = await self.tick()
            await asyncio.sleep(seconds + random.uniform(0.0, _APART_SECONDS))  # noqa: S311 - to spread processes out

    async def tick(self) -> float:
        """Fire what is due; return in how many seconds to come again."""
        try:
            done = await self._sweep.run()
            if done:
                await self._sender.send(notify.JOBS)
            # What is due and was not decided is in somebody else's hands, or can't be decided now.
            return max(await self._sweep.pause(), 0.0 if done else _AGAIN_SECONDS)
        except LadingError as error:
            _LOG.warning("sweep.failed", extra={"sweep": "schedules", "reason": error.message})
        except Exception:  # noqa: BLE001 - one broken round must not end this sweep, and with it all the others
            _LOG.exception("sweep.failed", extra={"sweep": "schedules"})
        return LONGEST_SECONDS

    async def prune(self) -> None:
        """Forget what became of slots longer ago than the history is kept."""
        await self._sweep.prune(days=self._days)
