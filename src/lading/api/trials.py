"""
Trials of sources, apart from everything else the server does in threads.

A source that does not answer holds its thread for many seconds.  In the threads that downloads are read in, one
organisation could so stop all the others; here it can only wait for itself, one trial at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final
from uuid import UUID

from lading.errors import Conflict
from lading.sources import check
from lading.sources.model import Check, Source
from lading.sources.outside import Outside

_AT_ONCE: Final = 8


class Trials:
    """The trials that run in this process: one for each tenant, eight in all; more wait."""

    def __init__(self) -> None:
        self._threads: Final = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="trial")
        self._tenants: Final[set[UUID]] = set()

    async def run(self, source: Source, outside: Outside) -> Sequence[Check]:
        """Return what was found when `source` was tried; Conflict while its tenant tries one already."""
        tenant = source.tenant_id
        if tenant in self._tenants:
            raise Conflict(
                "A source of this organisation is being tried already; wait for that answer, then try again."
            )
        self._tenants.add(tenant)
        loop = asyncio.get_running_loop()
        trial = self._threads.submit(check.test, source, outside)

        def ended(_: Future[list[Check]]) -> None:
            # Not when the request ends: who hangs up leaves the thread behind.
            loop.call_soon_threadsafe(self._tenants.discard, tenant)

        trial.add_done_callback(ended)
        return await asyncio.wrap_future(trial)
