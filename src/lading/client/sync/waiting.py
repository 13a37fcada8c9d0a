# Made from lading/client/aio/waiting.py by scripts/sync_client.py; change it there.
"""
Wait for the end of an export: by a stream first, by looks that the server holds next, by a look every second at last.

Measured with a clock that only goes forward.  An outage is borne for `OUTAGE_SECONDS`: the export goes on without us.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from lading.client import polling
from lading.client.polling import LOOK_SECONDS, OUTAGE_SECONDS, Teller
from lading.client.retries import Retries
from lading.client.sync.session import Session, clock
from lading.errors import LadingError, QueueFull, WaitTimeout
from lading.wire.exports import Export
from lading.wire.looks import interval

_BREATH_SECONDS: Final = 0.05
_SHORTEST_LOOK: Final = 2.0
_OBEYED_SECONDS: Final = Retries().obey_seconds


@dataclass(slots=True)
class Watch:
    """What one wait has seen so far."""

    teller: Teller
    until: float | None
    export: Export | None = None
    looks: int = 0
    hold_seconds: float = LOOK_SECONDS
    rest_seconds: float = 0.0
    changed_at: float = field(default_factory=clock)
    longest: float = 0.0
    down_since: float | None = None
    bears_until: float = 0.0

    @property
    def is_over(self) -> bool:
        """Whether the export has ended, or the time has."""
        return self.left() <= 0 or (self.export is not None and polling.has_ended(self.export))

    def left(self) -> float:
        """Return the seconds until the deadline."""
        return float("inf") if self.until is None else self.until - clock()

    def hold(self) -> float:
        """Return how long the server may hold the next look: not at all when it or a proxy does not."""
        if self.export is None or self.hold_seconds < _SHORTEST_LOOK:
            return 0.0
        return max(0.0, min(self.hold_seconds, self.left()))

    def pace(self) -> float:
        """Return the seconds until the next look that nobody holds."""
        return interval(self.looks, 0.0 if self.export is None else self.export.progress.percent)

    def saw(self, export: Export | None) -> None:
        """Note an answer: a new state, or None for "unchanged"."""
        self.looks += 1
        was_down, self.down_since = self.down_since is not None, None
        if export is None or (self.export is not None and export.version == self.export.version):
            self._stalled()
            if was_down and self.export is not None:
                self.teller.progress(self.export)
            return
        if self.export is not None and self.export.waiting_for in {None, "worker"}:
            self.longest = max(self.longest, clock() - self.changed_at)
        self.export = polling.forward(self.export, export)
        self.changed_at = clock()
        self.teller.progress(self.export)

    def failed(self, error: LadingError) -> None:
        """Note a look without an answer; raise it when another will have none either, or the outage lasts too long."""
        asked = error.retry_after_seconds if isinstance(error, QueueFull) else 0.0
        if not error.retryable or self.export is None or asked > _OBEYED_SECONDS:
            raise error
        now = clock()
        if self.down_since is None:
            self.down_since, self.bears_until = now, now + OUTAGE_SECONDS
            if not asked:
                self.teller.outage(self.export)
        elif now > self.bears_until:
            raise error
        self.bears_until += asked
        self.rest_seconds = max(1.0, asked)

    def _stalled(self) -> None:
        seconds = self.teller.watcher.stalled_seconds
        if self.export is None or clock() - self.changed_at < polling.patience(seconds, self.longest, self.export):
            return
        self.teller.stalled(self.export)


def hold_on(session: Session, path: str, watch: Watch) -> None:
    """Return once the export has ended or the time has, by looks that the server holds, or by many."""
    while not watch.is_over:
        session.rest(min(watch.rest_seconds, watch.left()))
        look(session, path, watch, hold=watch.hold())


def outcome(watch: Watch, export_id: str, timeout: float | None) -> Export:
    """Return the export that has ended; WaitTimeout if it has not."""
    if watch.export is not None and polling.has_ended(watch.export):
        return watch.export
    raise WaitTimeout(
        f"{export_id} did not end within {timeout or 0:g} seconds; it goes on. "
        f"Wait again with: lading exports wait {export_id}"
    )


def look(session: Session, path: str, watch: Watch, *, hold: float = 0.0) -> None:
    """Look once; the server may hold its answer for `hold` seconds."""
    began, before = clock(), watch.export
    headers = {"If-None-Match": f'"v{before.version}"'} if before else {}
    query = {"wait": f"{hold:.1f}"} if hold else None
    try:
        response = session.call(
            "GET", path, query=query, headers=headers, hold_seconds=hold, within=watch.left(),
            most_tries=None if before is None else 1,
        )  # fmt: skip
    except LadingError as error:
        # A proxy that cuts long requests looks like an outage: ask for less next time, in the end for no holding.
        if clock() - began >= _SHORTEST_LOOK:
            watch.hold_seconds = min(hold, clock() - began) / 2
        watch.failed(error)
        return
    is_same = response.status_code == 304
    watch.saw(None if is_same else session.read(Export, response))
    took, export = clock() - began, watch.export
    if hold and (is_same or export is before) and took < min(1.0, hold / 2):
        watch.hold_seconds = 0.0  # the server does not hold looks
    is_held = watch.hold_seconds >= _SHORTEST_LOOK
    watch.rest_seconds = max(0.0, _BREATH_SECONDS - took) if is_held else watch.pace()
