"""
How far one thing is, or many at once, on a terminal that can be drawn over, or line by line where it can't.

`Bar` shows one, `Bars` many.  Both may be told things from any thread, write to their stream only, and leave nothing
behind on a terminal but the sentences that were said.  What is drawn, `cli.bar_drawing` decides; how long it still
takes, `cli.estimate`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Final, Self, TextIO

from lading.cli import bar_drawing, manner, output
from lading.cli.bar_drawing import COARSE, FINE, Count, Glyphs, Line, View
from lading.cli.estimate import Estimate

PAUSE_SECONDS: Final = 10.0
_A_SECOND: Final = 8
_MOST_LINES: Final = 12

Clock = Callable[[], float]


def glyphs_of(stream: TextIO) -> Glyphs:
    """Return the letters that `stream` can carry."""
    try:
        (FINE.done + FINE.half + FINE.rest + FINE.spinner + FINE.more + FINE.times).encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return COARSE
    return FINE


class Bar:
    """One thing on its way, drawn over and over while the `with` block lasts; for terminals only."""

    def __init__(self, stream: TextIO, what: str = "", *, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._glyphs = glyphs_of(stream)
        self._lock = threading.Lock()
        self._one = _One(View(what), Estimate(clock()), clock())
        self._canvas = _Canvas(stream, self._lines)

    def show(
        self,
        what: str,
        *,
        done: float | None = None,
        total: float | None = None,
        rows: int = 0,
        size: int = 0,
        is_bytes: bool = False,
    ) -> None:
        """Show `what` is done, and `done` of `total` if that is known; `is_bytes` if those are bytes."""
        with self._lock:
            self._one.saw(self._clock(), View(what, rows=rows, size=size), done=done, total=total, is_bytes=is_bytes)

    def rename(self, what: str) -> None:
        """Show another word; all else stays as it was told."""
        with self._lock:
            self._one.view = replace(self._one.view, what=what)

    def say(self, sentence: str, style: str = "") -> None:
        """Write a sentence above, which stays."""
        self._canvas.say(sentence, style)

    def _lines(self, width: int, _height: int, turn: int) -> list[Line]:
        with self._lock:
            view = self._one.at(self._clock())
        return [bar_drawing.line(view, width=width, turn=turn, glyphs=self._glyphs)]

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._canvas.begin()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        """Take away what was drawn, and show the cursor again."""
        self._canvas.end()


class Bars:
    """
    Many things on their way: a line over all of them and one for each that is under way, as far as there is room.

    `total` is how many there will be, if that is known.  What has failed is written above and stays; elsewhere than on
    a terminal each end is a line, and every ten seconds one that counts them.  With --quiet nothing is written.

    >>> import io
    >>> log = io.StringIO()
    >>> with Bars(log, total=2) as bars:
    ...     bars.show("exp_1", "bufdir 2025-01", "3/5 generating", done=61, total=100)
    ...     bars.end("exp_1", "bufdir 2025-01", "completed")
    ...     bars.end("exp_2", "bufdir 2025-02", "failed: no such column", is_good=False)
    >>> print(log.getvalue(), end="")
    1 of 2  bufdir 2025-01  completed
    2 of 2  bufdir 2025-02  failed: no such column
    """

    def __init__(self, stream: TextIO, *, total: int | None = None, clock: Clock = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._glyphs = glyphs_of(stream)
        self._lock = threading.Lock()
        self._began = self._wrote = clock()
        self._whole = Estimate(self._began)
        self._total = total
        self._ended = self._failed = 0
        self._active: dict[str, _One] = {}
        self._canvas = _Canvas(stream, self._lines) if manner.is_live(stream) else None

    def show(
        self,
        key: str,
        label: str,
        what: str,
        *,
        done: float | None = None,
        total: float | None = None,
        rows: int = 0,
        size: int = 0,
        is_bytes: bool = False,
    ) -> None:
        """Show how far the thing `key` is; `label` is what people call it."""
        with self._lock:
            now = self._clock()
            one = self._active.setdefault(key, _One(View(what, label=label), Estimate(now), now))
            view = View(what, rows=rows, size=size, label=label)
            one.saw(now, view, done=done, total=total, is_bytes=is_bytes)
            is_due = self._canvas is None and now - self._wrote >= PAUSE_SECONDS
        if is_due:
            self._write(bar_drawing.counted(self._count()))

    def end(self, key: str, label: str, said: str, *, is_good: bool = True) -> None:
        """Note that the thing `key` has ended, and say how."""
        with self._lock:
            self._active.pop(key, None)
            self._ended += 1
            self._failed += not is_good
            self._whole.saw(self._clock(), done=self._ended, total=self._total)
            place = f"{self._ended} of {self._total}" if self._total else str(self._ended)
        if self._canvas is None:
            self._write(f"{place}  {output.plain(label)}  {output.plain(said)}")
        elif not is_good:
            self._canvas.say(f"{self._glyphs.times} {output.plain(label)}  {output.plain(said)}", "red")

    def say(self, sentence: str) -> None:
        """Write a sentence that stays."""
        if self._canvas is None:
            self._write(sentence)
        else:
            self._canvas.say(sentence, "")

    def _count(self) -> Count:
        now = self._clock()
        left = self._whole.left(now)
        return Count(self._ended, self._total, len(self._active), self._failed, now - self._began, left)

    def _lines(self, width: int, height: int, turn: int) -> list[Line]:
        with self._lock:
            now = self._clock()
            views = [each.at(now) for each in self._active.values()]
            count = self._count()
        room = max(1, min(_MOST_LINES, height - 3))
        lines = [bar_drawing.total_line(count, width=width, turn=turn, glyphs=self._glyphs)]
        lines += [bar_drawing.line(view, width=width, turn=turn, glyphs=self._glyphs) for view in views[:room]]
        if len(views) > room:
            lines.append([(f"and {output.number(len(views) - room)} more"[:width], "dim")])
        return lines

    def _write(self, line: str) -> None:
        if manner.is_quiet():
            return
        with self._lock:
            self._wrote = self._clock()
            self._stream.write(line + "\n")
            self._stream.flush()

    def __enter__(self) -> Self:
        """Begin to draw."""
        if self._canvas is not None:
            self._canvas.begin()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        """Take away what was drawn, and show the cursor again."""
        if self._canvas is not None:
            self._canvas.end()


@dataclass(slots=True)
class _One:
    """One thing, as it was told last."""

    view: View
    estimate: Estimate
    began: float
    share: float | None = None
    is_bytes: bool = False

    def saw(self, now: float, view: View, *, done: float | None, total: float | None, is_bytes: bool) -> None:
        if done is not None:
            self.estimate.saw(now, done=done, total=total)
        self.share = done / total if done is not None and total else None
        self.is_bytes = is_bytes
        size = int(done) if is_bytes and done is not None else view.size
        self.view = replace(view, size=size, total=int(total) if is_bytes and total else None)

    def at(self, now: float) -> View:
        left, speed = self.estimate.left(now), self.estimate.speed(now) if self.is_bytes else None
        return replace(self.view, share=self.share, elapsed=now - self.began, left=left, speed=speed)


class _Canvas:
    """The last lines of a terminal, drawn anew eight times a second by a thread of rich's."""

    def __init__(self, stream: TextIO, lines: Callable[[int, int, int], list[Line]]) -> None:
        from rich.console import Console
        from rich.live import Live

        self._lines = lines
        self._turn = 0
        self._console = Console(file=stream, no_color=manner.is_colourless(), highlight=False, soft_wrap=True)
        # Standard output is somebody else's: what is printed there must not come out here.
        self._live = Live(
            get_renderable=self._drawn,
            console=self._console,
            refresh_per_second=_A_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def begin(self) -> None:
        self._live.start(refresh=True)

    def end(self) -> None:
        self._live.stop()

    def say(self, sentence: str, style: str) -> None:
        from rich.text import Text

        self._console.print(Text(output.plain(sentence), style=style))

    def _drawn(self) -> Any:
        from rich.text import Text

        self._turn += 1
        # The last column stays free: some terminals begin a new line when it is written.
        width, height = max(self._console.width - 1, 1), self._console.height
        lines = self._lines(width, height, self._turn)
        return Text("\n", no_wrap=True, end="").join(Text.assemble(*line) for line in lines)
