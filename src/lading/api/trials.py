"""
Trials of sources, apart from everything else the server does in threads.

A source that does not answer holds its thread for many seconds.  In the threads that downloads are read in, one
organisation could so stop all the others; here it can only wait for itself, one trial at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
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
        return await self.run_for(source.tenant_id, partial(check.test, source, outside))

    async def run_for(self, tenant: UUID, test: Callable[[], Sequence[Check]]) -> Sequence[Check]:
        """Return what `test` found; Conflict while the tenant tries something already."""
        if tenant in self._tenants:
            raise Conflict(
                "This organisation is trying a source or destination already; wait for that answer, then try again."
            )
        self._tenants.add(tenant)
        loop = asyncio.get_running_loop()
        trial = self._threads.submit(test)

        def ended(_: Future[Sequence[Check]]) -> None:
            # Not when the request ends: who hangs up leaves the thread behind.
            loop.call_soon_threadsafe(self._tenants.discard, tenant)

        trial.add_done_callback(ended)
        return await asyncio.wrap_future(trial)
