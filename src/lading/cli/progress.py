"""
An export, followed live: a bar on a terminal; elsewhere a line per change of stage, and one every ten seconds.

`follow` and `fetch` write to `stream` only, never to standard output.  For whoever asked for JSON the lines are JSON.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

from lading.cli import bar_drawing, manner, output
from lading.cli.bars import PAUSE_SECONDS, Bar, Clock
from lading.cli.estimate import Estimate

if TYPE_CHECKING:
    from lading.client import Client
    from lading.client.polling import Watcher
    from lading.wire.exports import Export

STAGES: Final = ("querying", "mapping", "generating", "bundling", "auditing")
_ENDS: Final = frozenset({"completed", "failed", "cancelled", "expired"})
_WAITS: Final = {
    "worker": "waits for a free worker",
    "approval": "waits for a second person to approve it",
    "retry": "waits to try again",
    "time": "is not due yet",
    "pause": "is paused",
    "quota": "waits for its quota",
    "rate": "waits for the rate limit of its source",
    "breaker": "waits for its source to answer again",
}


def follow(client: Client, export_id: str, *, timeout: float | None, stream: TextIO, is_json: bool = False) -> Export:
    """
    Return the export once it has ended, showing how far it is on `stream`.

    WaitTimeout after `timeout` seconds (None: never); the export goes on at the server then, as it does on Ctrl-C.
    """
    if not manner.is_live(stream):
        lines = Lines(stream, is_json=is_json)
        return client.exports.wait(export_id, timeout=timeout, watcher=lines.watcher())
    with Bar(stream, "asks the server") as bar:
        return client.exports.wait(export_id, timeout=timeout, watcher=_shown(bar))


def fetch(
    client: Client,
    export: Export,
    folder: Path,
    *,
    stream: TextIO,
    name: str | None = None,
    is_json: bool = False,
) -> Path:
    """Return the path of the export's package, or of its file `name`, downloaded to `folder` and checked."""
    with downloading(export.id, stream=stream, is_json=is_json) as arrived:
        return client.exports.download(export, folder, name=name, on_bytes=arrived)


@contextmanager
def downloading(what: str, *, stream: TextIO, is_json: bool = False) -> Generator[Callable[[int, int | None], None]]:
    """Yield who is told how many bytes of how many are here, and show it; `what` is named in lines of a log."""
    if not manner.is_live(stream):
        yield Lines(stream, is_json=is_json).arrived(what)
        return
    with Bar(stream, "downloading") as bar:

        def arrived(count: int, total: int | None) -> None:
            is_whole = total is not None and count >= total
            bar.show("checking" if is_whole else "downloading", done=count, total=total, is_bytes=True)

        yield arrived


@contextmanager
def waiting(what: str, *, stream: TextIO) -> Generator[None]:
    """Show that `what` is waited for, on a terminal; elsewhere say nothing."""
    with Bar(stream, what) if manner.is_live(stream) else nullcontext():
        yield


def _shown(bar: Bar) -> Watcher:
    from lading.client.polling import Watcher

    said = ""

    def saw(export: Export) -> None:
        nonlocal said
        if (why := trouble(export)) and why != said:
            said = why
            bar.say(why, "yellow")
        if export.status not in _ENDS:
            show(bar, export)

    def stalled(export: Export) -> None:
        bar.rename(f"{state(export)}, no change for a minute")

    def lost(_export: Export) -> None:
        bar.rename("no answer from the server")

    return Watcher(saw, stalled, on_outage=lost)


def show(bar: Bar, export: Export) -> None:
    """Let `bar` show how far `export` is: of one that does not run yet nothing is known."""
    far = export.progress
    if export.status != "running" and not far.percent:
        bar.show(state(export))
        return
    bar.show(state(export), done=far.percent, total=100.0, rows=far.rows, size=far.bytes)


def state(export: Export) -> str:
    """
    Return what the export is doing, in few words.

    A running one names its stage and how many there are; one that waits says for what.
    """
    stage = (export.stage or "").lower()
    if export.waiting_for is not None:
        return _WAITS.get(export.waiting_for, f"waits for {output.plain(export.waiting_for)}")
    if stage in STAGES:
        return f"{STAGES.index(stage) + 1}/{len(STAGES)} {stage}"
    return output.plain(stage if export.status == "running" and stage else export.status)


def trouble(export: Export) -> str:
    """Return why the export has to be tried again, or its source left alone, while it waits for that; else nothing."""
    if export.waiting_for not in {"retry", "rate"} or export.error is None:
        return ""
    return output.plain(export.error.message)


class Lines:
    """
    A line per change of stage, for logs and pipes, and one every ten seconds while something moves.

    With `is_json` each is an object with the id, status, stage, percent, rows, bytes and seconds.
    """

    def __init__(self, stream: TextIO, *, is_json: bool = False, clock: Clock = time.monotonic) -> None:
        self._stream = stream
        self._is_json = is_json
        self._clock = clock
        self._began = self._wrote = clock()
        self._estimate = Estimate(self._began)
        self._last = ""

    def watcher(self) -> Watcher:
        """Return who is told of an export."""
        from lading.client.polling import Watcher

        return Watcher(self.saw, self.stalled, on_outage=self.lost)

    def saw(self, export: Export) -> None:
        """Write a line if the stage is another one, or the last line is ten seconds old."""
        why = trouble(export)
        now = export.status if export.status in _ENDS else state(export) + (f": {why}" if why else "")
        if export.status == "running":
            self._estimate.saw(self._clock(), done=export.progress.percent, total=100.0)
        is_due = export.status == "running" and self._clock() - self._wrote >= PAUSE_SECONDS
        if now != self._last or is_due:
            self._write(export, now + (self._far(export) if now == self._last else ""))
            self._last = now

    def stalled(self, export: Export) -> None:
        """Write that nothing has happened for a while."""
        self._write(export, f"no change for a minute; still {state(export)}")

    def lost(self, export: Export) -> None:
        """Write that the server does not answer; `saw` writes when it does again."""
        self._last = ""
        self._write(export, "no answer from the server; waiting for it")

    def arrived(self, export_id: str) -> Callable[[int, int | None], None]:
        """Return what a download tells of its bytes: a line every ten seconds."""
        self._estimate = Estimate(self._clock())

        def arrived(count: int, total: int | None) -> None:
            now = self._clock()
            self._estimate.saw(now, done=count, total=total)
            if now - self._wrote < PAUSE_SECONDS:
                return
            of = f" of {output.size(total)}" if total else ""
            said = f"downloading  {output.size(count)}{of}{self._left()}"
            self._line(f"{export_id}  {said}", {"id": export_id, "said": said, "bytes": count, "total": total})

        return arrived

    def _far(self, export: Export) -> str:
        far = export.progress
        rows = f"  {output.number(far.rows)} rows" if far.rows else ""
        size = f"  {output.size(far.bytes)}" if far.bytes else ""
        return f"  {int(far.percent)}%{rows}{size}{self._left()}"

    def _left(self) -> str:
        left = self._estimate.left(self._clock())
        return "" if left is None else f"  about {bar_drawing.clock(left)} left"

    def _write(self, export: Export, said: str) -> None:
        far = export.progress
        facts = {"id": export.id, "status": export.status, "stage": export.stage, "said": said}
        self._line(
            f"{export.id}  {said}",
            {**facts, "percent": far.percent, "rows": far.rows, "bytes": far.bytes},
        )

    def _line(self, text: str, facts: dict[str, Any]) -> None:
        if manner.is_quiet():
            return
        now = self._clock()
        self._wrote = now
        left = self._estimate.left(now)
        if self._is_json:
            spans = {"elapsed_seconds": now - self._began, "seconds_left": left}
            text = json.dumps(
                {**facts, **{each: None if found is None else round(found, 1) for each, found in spans.items()}}
            )
        self._stream.write(text + "\n")
        self._stream.flush()
