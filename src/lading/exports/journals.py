"""What a thread that brings a file remembers beyond its death: written by the loop, under the fence of its attempt."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

from lading.db.database import Database
from lading.db.transaction import Transaction
from lading.jobs import attempts
from lading.jobs.model import Fence

_SECONDS: Final = 60.0
_T = TypeVar("_T")


class FencedJournal:
    """What journals share (carrying.Journal); made in the loop, called in a thread."""

    def __init__(self, database: Database, fence: Fence) -> None:
        self._database: Final = database
        self._fence: Final = fence
        self._loop: Final = asyncio.get_running_loop()

    def confirm(self) -> None:
        """Return if the attempt still owns its job."""
        self.do(_nothing)

    def do(self, change: Callable[[Transaction], Awaitable[_T]]) -> _T:
        """Return what `change` returns, committed if the attempt still owns its job."""

        async def guarded() -> _T:
            async with self._database.tenant(self._fence.tenant_id) as tx:
                await attempts.guard(tx, self._fence)
                return await change(tx)

        work: Coroutine[Any, Any, _T] = guarded()
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_SECONDS)


async def _nothing(_tx: Transaction) -> None:
    """Change nothing: the guard is what was wanted."""
