"""
Wait for the end of an export: a look that the server holds until something changes, else a look every second or so.

Measured with a clock that only goes forward.  An outage is borne for `OUTAGE_SECONDS`: the export goes on without us.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from lading.client import polling
from lading.client.aio.session import Session, clock
from lading.client.polling import LOOK_SECONDS, OUTAGE_SECONDS, Watcher
from lading.errors import DatabaseUnavailable, ServerUnreachable, WaitTimeout
from lading.wire.exports import Export

_BREATH_SECONDS: Final = 0.05
_SHORTEST_LOOK: Final = 2.0


async def wait(session: Session, path: str, export_id: str, *, timeout: float | None, watcher: Watcher) -> Export:
    """Return the export once it has ended; WaitTimeout after `timeout` seconds. It goes on at the server then."""
    watch = _Watch(watcher, until=None if timeout is None else clock() + timeout)
    while True:
        await _look(session, path, watch)
        export = watch.export
        if export is not None and polling.has_ended(export):
            watch.ended(export)
            return export
        if watch.left() <= 0:
            raise WaitTimeout(
                f"{export_id} did not end within {timeout:g} seconds; it goes on. "
                f"Wait again with: lading exports wait {export_id}"
            )
        await session.rest(min(watch.rest_seconds, watch.left()))


@dataclass(slots=True)
class _Watch:
    """What one wait has seen so far."""

    watcher: Watcher
    until: float | None
    export: Export | None = None
    looks: int = 0
    hold_seconds: float = LOOK_SECONDS
    rest_seconds: float = 0.0
    changed_at: float = field(default_factory=clock)
    down_since: float | None = None
    has_stalled: bool = False

    def left(self) -> float:
        """Return the seconds until the deadline."""
        return float("inf") if self.until is None else self.until - clock()

    def hold(self) -> float:
        """Return how long the server may hold the next look: not at all when it or a proxy does not."""
        if self.export is None or self.hold_seconds < _SHORTEST_LOOK:
            return 0.0
        return max(0.0, min(self.hold_seconds, self.left()))

    def saw(self, export: Export | None) -> None:
        """Note an answer: a new state, or None for "unchanged"."""
        self.looks += 1
        was_down, self.down_since = self.down_since is not None, None
        if export is None or (self.export is not None and export.version == self.export.version):
            self._stalled()
            if was_down:
                self._tell()
            return
        self.export = polling.forward(self.export, export)
        self.changed_at, self.has_stalled = clock(), False
        self._tell()

    def ended(self, export: Export) -> None:
        """Tell the watcher how it ended."""
        tell = self.watcher.on_complete if export.status == "completed" else self.watcher.on_error
        if tell is not None:
            tell(export)

    def failed(self, error: ServerUnreachable | DatabaseUnavailable) -> None:
        """Note a look without an answer; raise it when the export was never seen or the outage lasts too long."""
        now, is_new = clock(), self.down_since is None
        self.down_since = now if self.down_since is None else self.down_since
        if self.export is None or now - self.down_since > OUTAGE_SECONDS:
            raise error
        if is_new and self.watcher.on_outage is not None:
            self.watcher.on_outage(self.export)
        self.rest_seconds = 1.0

    def _tell(self) -> None:
        if self.watcher.on_progress is not None and self.export is not None:
            self.watcher.on_progress(self.export)

    def _stalled(self) -> None:
        if self.has_stalled or self.export is None or clock() - self.changed_at < self.watcher.stalled_seconds:
            return
        self.has_stalled = True
        if self.watcher.on_stalled is not None:
            self.watcher.on_stalled(self.export)


async def _look(session: Session, path: str, watch: _Watch) -> None:
    hold, began, before = watch.hold(), clock(), watch.export
    headers = {"If-None-Match": f'"v{before.version}"'} if before else {}
    query = {"wait": f"{hold:.1f}"} if hold else None
    try:
        response = await session.call(
            "GET", path, query=query, headers=headers, hold_seconds=hold, most_tries=None if before is None else 1
        )
    except (ServerUnreachable, DatabaseUnavailable) as error:
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
    percent = 0.0 if export is None else export.progress.percent
    watch.rest_seconds = max(0.0, _BREATH_SECONDS - took) if is_held else polling.interval(watch.looks, percent)
