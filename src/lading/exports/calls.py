"""
The calls of an export to a source that is called more than once, page by page: each within the source's rate limit.

The claim took a token for the export; it pays for the first call.  Every other asks for one of its own, from the
thread that reads, in a transaction of its own.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

from lading.db.transaction import Transaction
from lading.errors import DatabaseUnavailable, StaleLease
from lading.exports.page_book import PageBook
from lading.exports.stages.work import Asking, Work
from lading.jobs import attempts
from lading.limits import calls, throttling
from lading.sources.connector import Connector
from lading.sources.connectors import connect
from lading.sources.outside import Outside

FETCHED: Final = "fetched"
"""The folder of an attempt for files that a source hands out to go into the package."""
# A database that is busy or away is asked again, within the time limit of the reading.
_AGAIN_SECONDS: Final = 0.5


def reached(work: Work, *, scratch: Path) -> Connector:
    """Return the connector of the source that is worked on, as an export may call it."""
    calls_ = ExportCalls(work.ask, work.source.name)
    outside = Outside(
        networks=work.networks,
        calls=calls_,
        book=None if work.fence is None else PageBook(work),
        folder=work.blobs.path(work.key(FETCHED)),
        is_cancelled=lambda: _is_cancelled(work),
    )
    return connect(work.source, scratch=scratch, outside=outside)


def _is_cancelled(work: Work) -> bool:
    """Tell whether somebody has cancelled the export; not where that can't be known now."""
    fence = work.fence
    if fence is None:
        return False

    async def find(tx: Transaction) -> bool:
        return (await attempts.guard(tx, fence)).cancel_requested_at is not None

    try:
        return work.ask(find)
    except (DatabaseUnavailable, StaleLease):
        return False


class ExportCalls:
    """Calls of one attempt (sources.outside.Calls)."""

    def __init__(self, ask: Asking, host: str) -> None:
        self._ask: Final = ask
        self._host: Final = host
        self._is_paid = True

    def take(self) -> float:
        """Take a token, or return the seconds to wait."""
        if self._is_paid:
            self._is_paid = False
            return 0.0
        try:
            return self._ask(lambda tx: calls.take(tx, self._host))
        except DatabaseUnavailable:
            return _AGAIN_SECONDS

    def refused(self, retry_after_seconds: float | None, *, calls_per_second: float) -> None:
        """Let the host be called less by everybody."""

        async def shrink(tx: Transaction) -> float:
            await throttling.shrink(
                tx, self._host, retry_after_seconds=retry_after_seconds, calls_per_second=calls_per_second
            )
            return 0.0

        with suppress(DatabaseUnavailable):  # the next 429 tells again
            self._ask(shrink)
