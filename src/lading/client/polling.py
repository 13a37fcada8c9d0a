"""
Waiting for an export as pure rules: when it has ended, when to look again, what to tell whoever watches.

A stream says when something happened, else the server holds a look until something changes; the intervals are for
progress beside a stream, and for servers and proxies that do neither.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from lading.errors import ExportEndedBadly
from lading.wire.exports import Export

ENDED: Final = frozenset({"completed", "failed", "cancelled", "expired"})
DEADLINE_SECONDS: Final = 120.0
LOOK_SECONDS: Final = 20.0
STALLED_SECONDS: Final = 60.0
OUTAGE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Watcher:
    """
    Who is told what: progress never falls within an attempt; a stall comes at most once, and so does the end.

    It has stalled when nothing changed for twice as long as ever before, and for `stalled_seconds` at least, while it
    waits for nothing that is known.  An outage of the server is told each time it begins.
    """

    on_progress: Callable[[Export], None] | None = None
    on_stalled: Callable[[Export], None] | None = None
    on_complete: Callable[[Export], None] | None = None
    on_error: Callable[[Export], None] | None = None
    on_outage: Callable[[Export], None] | None = None
    stalled_seconds: float = STALLED_SECONDS


class Teller:
    """What one watcher has been told: over all looks, connections and waits for the same thing."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher: Final = watcher
        self._told: set[str] = set()
        self._last: Export | None = None

    def progress(self, export: Export) -> None:
        """Tell how far it is, no less far than an earlier wait has told."""
        last = self._last if self._last is not None and self._last.id == export.id else None
        self._last = forward(last, export)
        if self.watcher.on_progress is not None:
            self.watcher.on_progress(self._last)

    def outage(self, export: Export) -> None:
        """Tell that the server does not answer."""
        if self.watcher.on_outage is not None:
            self.watcher.on_outage(export)

    def stalled(self, export: Export) -> None:
        """Tell that nothing happens, once."""
        self._once("stalled", self.watcher.on_stalled, export)

    def ended(self, export: Export) -> None:
        """Tell how it ended, once."""
        self._once("end", self.watcher.on_complete if export.status == "completed" else self.watcher.on_error, export)

    def _once(self, what: str, tell: Callable[[Export], None] | None, export: Export) -> None:
        if what not in self._told:
            self._told.add(what)
            if tell is not None:
                tell(export)


def patience(stalled_seconds: float, longest: float, export: Export) -> float:
    """
    Return for how many seconds nothing may change before it is a stall, after a silence of `longest` at most so far.

    What waits for a time, a person or a limit has not stalled, however long that takes; for a worker it may have.
    """
    if export.waiting_for not in {None, "worker"}:
        return float("inf")
    return max(stalled_seconds, 2 * longest)


def has_ended(export: Export) -> bool:
    """Tell whether nothing more happens by itself; a status this client does not know goes on."""
    return export.status in ENDED


def completed(export: Export) -> Export:
    """Return `export` if it is completed; ExportEndedBadly says why it is not."""
    if export.status == "completed":
        return export
    if export.error is not None:
        where = f" while {export.error.stage.lower()}" if export.error.stage else ""
        hint = f" Try again with: lading exports retry {export.id}" if export.error.retryable else ""
        told = f"{export.id} {export.status}{where}: {export.error.message}{hint}"
        raise ExportEndedBadly(told, fault=export.error.code, retryable=export.error.retryable)
    raise ExportEndedBadly(f"{export.id} is {export.status}; it hands out no package.")


def forward(before: Export | None, now: Export) -> Export:
    """Return `now` with a percentage that does not fall behind `before` of the same attempt."""
    if before is None or (before.attempt, before.retry_count) != (now.attempt, now.retry_count):
        return now
    if now.progress.percent >= before.progress.percent:
        return now
    return replace(now, progress=replace(now.progress, percent=before.progress.percent))
