"""
An export, followed live: a bar on a terminal, a line per change of stage elsewhere.

`follow` and `fetch` write to `stream` only, never to standard output.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

from lading.cli import output

if TYPE_CHECKING:
    from lading.client import Client
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


def follow(client: Client, export_id: str, *, timeout: float | None, stream: TextIO) -> Export:
    """
    Return the export once it has ended, showing how far it is on `stream`.

    WaitTimeout after `timeout` seconds (None: never); the export goes on at the server then, as it does on Ctrl-C.
    """
    from lading.client.polling import Watcher

    if not _is_live(stream):
        lines = _Lines(stream)
        return client.exports.wait(
            export_id, timeout=timeout, watcher=Watcher(lines.saw, lines.stalled, on_outage=lines.lost)
        )
    with _bar(stream, _columns(is_download=False)) as bar:
        task = bar.add_task("waiting", total=100.0, rows="")

        said = ""

        def saw(export: Export) -> None:
            nonlocal said
            if (why := trouble(export)) and why != said:
                said = why
                bar.console.print(why, markup=False, style="yellow")
            if export.status not in _ENDS:
                count = f"{output.number(export.progress.rows)} rows" if export.progress.rows else ""
                bar.update(task, completed=export.progress.percent, description=state(export), rows=count)

        def lost(_export: Export) -> None:
            bar.update(task, description="no answer from the server")

        return client.exports.wait(export_id, timeout=timeout, watcher=Watcher(saw, on_outage=lost))


def fetch(client: Client, export: Export, folder: Path, *, stream: TextIO, name: str | None = None) -> Path:
    """Return the path of the export's package, or of its file `name`, downloaded to `folder` and checked."""
    if not _is_live(stream):
        return client.exports.download(export, folder, name=name)
    with _bar(stream, _columns(is_download=True)) as bar:
        task = bar.add_task("downloading", total=None, rows="")

        def arrived(count: int, total: int | None) -> None:
            bar.update(task, completed=count, total=total, rows=output.size(count))

        return client.exports.download(export, folder, name=name, on_bytes=arrived)


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


class _Lines:
    """One line per change of stage, for logs and pipes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last = ""

    def saw(self, export: Export) -> None:
        """Write a line if the stage is another one."""
        why = trouble(export)
        now = export.status if export.status in _ENDS else state(export) + (f": {why}" if why else "")
        if now != self._last:
            self._last = now
            self._write(f"{export.id}  {now}")

    def stalled(self, export: Export) -> None:
        """Write that nothing has happened for a while."""
        self._write(f"{export.id}  no change for a minute; still {state(export)}")

    def lost(self, export: Export) -> None:
        """Write that the server does not answer; `saw` writes when it does again."""
        self._last = ""
        self._write(f"{export.id}  no answer from the server; waiting for it")

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()


def _is_live(stream: TextIO) -> bool:
    return stream.isatty() and os.environ.get("TERM") != "dumb"


@contextmanager
def _bar(stream: TextIO, columns: list[Any]) -> Generator[Any]:
    from rich.console import Console
    from rich.progress import Progress

    console = Console(file=stream, no_color=bool(os.environ.get("NO_COLOR")), highlight=False)
    with Progress(*columns, console=console, transient=True, expand=False) as bar:
        yield bar


def _columns(*, is_download: bool) -> list[Any]:
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.table import Column

    width = shutil.get_terminal_size().columns
    columns: list[Any] = [TextColumn("{task.description}", table_column=Column(min_width=14, no_wrap=True))]
    if width >= 44:
        length = min(40, width - 60) if width >= 72 else 10
        columns.append(BarColumn(length, complete_style="cyan", finished_style="green", pulse_style="cyan"))
    columns.append(TaskProgressColumn())
    if width >= 60:
        columns.append(
            TextColumn("{task.fields[rows]}", table_column=Column(min_width=12, justify="right", no_wrap=True))
        )
    if width >= 72:
        columns.append(TimeRemainingColumn(compact=True) if is_download else TimeElapsedColumn())
    return columns
