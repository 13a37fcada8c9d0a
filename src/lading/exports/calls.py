"""
The calls of an export to a source that is called more than once, page by page: each within the source's rate limit.

The claim took a token for the export; it pays for the first call.  Every other asks for one of its own, from the
thread that reads, in a transaction of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from lading.db.transaction import Transaction
from lading.limits import calls, throttling

Ask: TypeAlias = Callable[[Callable[[Transaction], Awaitable[float]]], float]
"""Answers a question to Lading's own database in a transaction of the tenant; waits for it."""


class ExportCalls:
    """Calls of one attempt (sources.outside.Calls)."""

    def __init__(self, ask: Ask, host: str) -> None:
        self._ask: Final = ask
        self._host: Final = host
        self._is_paid = True

    def take(self) -> float:
        """Take a token, or return the seconds to wait."""
        if self._is_paid:
            self._is_paid = False
            return 0.0
        return self._ask(lambda tx: calls.take(tx, self._host))

    def refused(self, retry_after_seconds: float | None) -> None:
        """Let the host be called less by everybody."""

        async def shrink(tx: Transaction) -> float:
            await throttling.shrink(tx, self._host, retry_after_seconds=retry_after_seconds)
            return 0.0

        self._ask(shrink)
