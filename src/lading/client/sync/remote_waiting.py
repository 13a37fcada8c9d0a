# Made from lading/client/aio/remote_waiting.py by scripts/sync_client.py; change it there.
"""
Wait for the end of a remote job: looks of C2's pace, a deadline by a clock that only goes forward, outages bounded.

Every look counts, also one without an answer; a job that failed is never taken for an error of the network.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from lading.client.dialects.asking import Watching
from lading.client.polling import OUTAGE_SECONDS
from lading.client.sync.remote_calls import Calls
from lading.client.sync.session import clock
from lading.errors import ExportEndedBadly, LadingError, QueueFull, ServerUnreachable, TooSlow, WaitTimeout
from lading.wire import sharedo
from lading.wire.looks import interval
from lading.wire.sharedo import Progress

_PASSING: Final = (ServerUnreachable, QueueFull, TooSlow)


def wait(calls: Calls, job: str, *, timeout: float, watching: Watching) -> Progress:
    """Return the progress of a job that is done; WaitTimeout after `timeout` seconds, ExportEndedBadly if it failed."""
    until, watch = clock() + timeout, _Watch(watching)
    while True:
        seconds = _look(calls, job, watch)
        if watch.is_done:
            return watch.progress
        left = until - clock()
        if left <= 0:
            raise WaitTimeout(
                f"Remote job {job} did not end within {timeout:g} seconds (last seen: {watch.progress.word}); it may "
                f"go on there. Wait again with: lading remote wait {job}"
            )
        calls.session.rest(min(seconds, left))


@dataclass(slots=True)
class _Watch:
    """What one wait has seen so far."""

    watching: Watching
    progress: Progress = field(default_factory=lambda: sharedo.parse_progress({}))
    looks: int = 0
    is_done: bool = False
    changed_at: float = field(default_factory=clock)
    down_since: float | None = None
    has_stalled: bool = False

    def saw(self, found: Progress) -> None:
        """Note an answer; the percentage does not fall behind what was told."""
        now, self.down_since = clock(), None
        found = replace(found, percent=max(found.percent, self.progress.percent))
        is_new, self.progress = found != self.progress, found
        if is_new or self.looks == 1:
            self.changed_at, self.has_stalled = now, False
            if self.watching.on_progress is not None:
                self.watching.on_progress(found)
        elif not self.has_stalled and now - self.changed_at >= self.watching.stalled_seconds:
            self.has_stalled = True
            if self.watching.on_stalled is not None:
                self.watching.on_stalled(found)

    def failed(self, error: LadingError) -> None:
        """Note a look without an answer; raise it when the outage lasts too long."""
        now = clock()
        self.down_since = now if self.down_since is None else self.down_since
        if now - self.down_since > OUTAGE_SECONDS:
            raise error


def _look(calls: Calls, job: str, watch: _Watch) -> float:
    """Look once; return the seconds until the next look."""
    watch.looks += 1
    pace = interval(watch.looks, watch.progress.percent)
    try:
        found = calls.fetch(sharedo.parse_progress, "GET", sharedo.progress_path(job), most_tries=1)
    except _PASSING as error:
        watch.failed(error)
        return max(pace, error.retry_after_seconds) if isinstance(error, QueueFull) else pace
    watch.saw(found)
    match found.outcome:
        case "done":
            watch.is_done = True
        case "failed":
            why = f": {found.error}" if found.error else ""
            raise ExportEndedBadly(f"Remote job {job} ended as {found.state or 'failed'}{why}.", fault=found.state)
        case "goes_on":
            pass
    return interval(watch.looks, found.percent)
