"""
Lines that show how far something is, in as much room as there is.

Pure: what is known, a width and a turn of the spinner in; pieces of text with their styles out.  The styles name
colours of the terminal's own palette, so that they fit a light one and a dark one; done and not done differ without
colour too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lading.cli import output

Piece = tuple[str, str]
Line = list[Piece]

_GAP: Final = 2
_LEAST_BAR: Final = 6
_FAIR_BAR: Final = 12
_MOST_BAR: Final = 40
_WHAT: Final = 14
_DISPENSABLE: Final = 3
_DONE: Final = "cyan"
_QUIET: Final = "dim"


@dataclass(frozen=True, slots=True)
class Glyphs:
    """What a bar and a spinner are made of."""

    done: str
    half: str
    rest: str
    spinner: str
    more: str
    times: str


FINE: Final = Glyphs("━", "╸", "─", "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "…", "✗")
COARSE: Final = Glyphs("#", "#", "-", "|/-\\", ".", "x")


@dataclass(frozen=True, slots=True)
class View:
    """
    One thing on its way.

    `share` is how much is done, 0 to 1, None while nothing is known of that.  `size` and `total` are bytes, `speed`
    bytes in a second.
    """

    what: str
    share: float | None = None
    rows: int = 0
    size: int = 0
    total: int | None = None
    speed: float | None = None
    elapsed: float = 0.0
    left: float | None = None
    label: str = ""


@dataclass(frozen=True, slots=True)
class Count:
    """How many of many things are in which state."""

    ended: int
    total: int | None
    active: int
    failed: int
    elapsed: float
    left: float | None


def line(view: View, *, width: int, turn: int = 0, glyphs: Glyphs = FINE) -> Line:
    """
    Return one line of at most `width` letters: what matters less is left out where there is no room.

    >>> plain(line(View("3/5 generating", 0.5, elapsed=7.0, left=9.0), width=40))
    '3/5 generating  ━━━╸───   50%  0:09 left'
    """
    view_room = max(width, 1)
    spin = glyphs.spinner[turn % len(glyphs.spinner)]
    if view.share is None:
        return _spinning(view, spin, width=view_room, glyphs=glyphs)
    head = _fit(view.label, _label_room(view_room), glyphs) + "  " if view.label else ""
    room = view_room - len(head)
    what = _fit(view.what, max(_WHAT, room - 42), glyphs).ljust(_WHAT)
    percent = f"{int(min(max(view.share, 0.0), 1.0) * 100):>3}%"
    shown = _chosen(_parts(view), room - len(what) - _GAP - _LEAST_BAR - _GAP - len(percent))
    if shown and not any(text for _, text, _ in shown):
        # Room for one of the two: how long it takes when that is known, until then how long it took.
        shown = [(0, clock(view.elapsed), shown[-1][2])]
    tail = "".join(f"{'':{_GAP}}{text:>{size}}" for _, text, size in shown)
    length = min(_MOST_BAR, room - len(what) - _GAP - _GAP - len(percent) - len(tail))
    if length < _LEAST_BAR:
        short = _fit(view.what, max(room - 6, 1), glyphs)
        return _cut([(head, _QUIET), (f"{short:<{min(_WHAT, max(room - 6, 1))}}  ", ""), (percent, "bold")], view_room)
    drawn = bar(view.share, length, glyphs)
    return [(head, _QUIET), (f"{what}  ", ""), *drawn, (f"  {percent}", "bold"), (tail, _QUIET)]


def total_line(count: Count, *, width: int, turn: int = 0, glyphs: Glyphs = FINE) -> Line:
    """Return the line over many things: how many have ended, and how they did."""
    share = count.ended / count.total if count.total else None
    words: Line = [(_ended(count), "bold")]
    if count.failed:
        words.append((f"  {output.number(count.failed)} failed", "red"))
    if width >= 60:
        words.append((f"  {output.number(count.active)} running", ""))
    if width >= 50:
        words.append((f"  {clock(count.elapsed):>5}", _QUIET))
    if width >= 40:
        words.append((f"  {'' if count.left is None else f'{clock(count.left)} left':>10}", _QUIET))
    length = min(_MOST_BAR, width - sum(len(text) for text, _ in words) - _GAP)
    if share is None or length < _LEAST_BAR:
        return _cut([(f"{glyphs.spinner[turn % len(glyphs.spinner)]} ", _DONE), *words], width)
    return [*bar(share, length, glyphs), ("  ", ""), *words]


def counted(count: Count) -> str:
    """
    Return the same as a line for a log.

    >>> counted(Count(12, 200, 5, 1, 40.0, 620.0))
    '12 of 200 ended, 1 failed, 5 running, 0:40, about 10:20 left'
    """
    words = [_ended(count) + " ended" if count.total else _ended(count)]
    words += [f"{output.number(count.failed)} failed"] if count.failed else []
    words += [f"{output.number(count.active)} running", clock(count.elapsed)]
    words += [f"about {clock(count.left)} left"] if count.left is not None else []
    return ", ".join(words)


def bar(share: float, length: int, glyphs: Glyphs = FINE) -> Line:
    """
    Return a bar of `length` letters; it is full only when all is done.

    >>> plain(bar(0.999, 4)), plain(bar(1.0, 4)), plain(bar(0.0, 4))
    ('━━━╸', '━━━━', '────')
    """
    halves = int(min(max(share, 0.0), 1.0) * 2 * length)
    full, is_half = divmod(halves, 2)
    done = glyphs.done * full + (glyphs.half if is_half else "")
    return [(done, _DONE), (glyphs.rest * (length - len(done)), _QUIET)]


def clock(seconds: float) -> str:
    """
    Return a span of time, short.

    >>> clock(0.4), clock(72), clock(3723), clock(90_000)
    ('0:00', '1:12', '1:02:03', '25:00:00')
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def plain(pieces: Line) -> str:
    """Return the text alone."""
    return "".join(text for text, _ in pieces).rstrip()


def _ended(count: Count) -> str:
    if not count.total:
        return f"{output.number(count.ended)} ended"
    return f"{output.number(count.ended)} of {output.number(count.total)}"


def _spinning(view: View, spin: str, *, width: int, glyphs: Glyphs) -> Line:
    head = f"{_fit(view.label, _label_room(width), glyphs)}  " if view.label else ""
    words = [(name, text) for name, text, _ in _parts(view)]
    room = width - len(head) - 2 - len(view.what)
    tail = ""
    for _, text in words:
        if text and len(tail) + _GAP + len(text) <= room:
            tail += f"  {text}"
    what = _fit(view.what, width - len(head) - 2 - len(tail), glyphs)
    return _cut([(head, _QUIET), (f"{spin} ", _DONE), (what, ""), (tail, _QUIET)], width)


def _parts(view: View) -> list[tuple[int, str, int]]:
    """Return what stands behind the bar, in its order: how much it matters, its text, the room it is kept."""
    is_download = view.total is not None or view.speed is not None
    size = output.size(view.size) if view.size else ""
    # Places are kept while there is nothing to say there, so that nothing moves when there is.
    if is_download:
        found = [
            (1, f"{size or '0 B'} of {output.size(view.total)}" if view.total else size, 20),
            (3, "" if view.speed is None else f"{output.size(int(view.speed))}/s", 10),
            (4, clock(view.elapsed), 5),
        ]
    else:
        rows = f"{output.number(view.rows)} rows" if view.rows else ""
        found = [(3, rows, 14), (4, size, 8), (2, clock(view.elapsed), 5)]
    return [*found, (0, "" if view.left is None else f"{clock(view.left)} left", 9)]


def _chosen(parts: Sequence[tuple[int, str, int]], room: int) -> list[tuple[int, str, int]]:
    """Return those that fit, the most important first chosen, in the order they stand."""
    kept: list[tuple[int, str, int]] = []
    for part in sorted(parts, key=lambda each: each[0]):
        needed = _GAP + max(part[2], len(part[1]))
        if needed <= room - (_FAIR_BAR - _LEAST_BAR if part[0] >= _DISPENSABLE else 0):
            kept.append(part)
            room -= needed
    return [part for part in parts if part in kept]


def _label_room(width: int) -> int:
    return max(8, min(36, width // 3))


def _fit(text: str, room: int, glyphs: Glyphs) -> str:
    text = output.plain(text)
    return text if len(text) <= room else text[: max(room - 1, 0)] + glyphs.more


def _cut(pieces: Line, width: int) -> Line:
    kept: Line = []
    for text, style in pieces:
        kept.append((text[:width], style))
        width -= len(kept[-1][0])
    return kept
