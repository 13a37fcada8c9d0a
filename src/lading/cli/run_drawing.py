"""Runs as text: bars over time; the graph as lines, Mermaid or DOT.  Pure; control characters don't come through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from lading.cli.output import plain
from lading.wire.runs import Bar, Dag, Gantt

_LONGEST_KEY: Final = 32
_SHORTEST_BAR: Final = 10
_COLOURS: Final[Mapping[str, str]] = {
    "completed": "#2e7d32",
    "running": "#1565c0",
    "dead": "#c62828",
    "cancelled": "#757575",
    "skipped": "#9e9e9e",
}


def bars(gantt: Gantt, shown: Sequence[Bar], *, width: int) -> list[str]:
    """
    Return a line per bar, no wider than `width`: key, state, when it ran.

    >>> one = Bar("a", "noop", "completed", "", "", 0.0, 5.0, is_critical=True)
    >>> two = Bar("b", "noop", "running", "", None, 5.0, None, is_critical=False)
    >>> for line in bars(Gantt("run_x", "running", 10.0, [one, two]), [one, two], width=40):
    ...     print(line)
    a  completed  ██████████             5 s
    b  running              ▒▒▒▒▒▒▒▒▒▒>  5 s
    """
    keys = [_short(bar.key) for bar in shown]
    left = max(map(len, keys), default=0)
    middle = max((len(bar.state) for bar in shown), default=0)
    times = [_time(gantt, bar) for bar in shown]
    right = max(map(len, times), default=0)
    room = max(_SHORTEST_BAR, width - left - middle - right - 6)
    told = zip(keys, shown, times, strict=True)
    return [
        "  ".join(
            (key.ljust(left), bar.state.ljust(middle), _bar(gantt, bar, room).ljust(room), time.rjust(right))
        ).rstrip()
        for key, bar, time in told
    ]


def lines(dag: Dag) -> list[str]:
    """
    Return a line per node, parents before children: its state, its key, and what it waits for.

    >>> from lading.wire.runs import DagEdge, DagNode
    >>> nodes = [DagNode(key, 0, "noop", "completed", "fail", None) for key in "ab"]
    >>> lines(Dag("run_x", "completed", nodes, [DagEdge("a", "b")]))
    ['completed  a', 'completed  b  ← a']
    """
    parents: dict[str, list[str]] = {}
    for edge in dag.edges:
        parents.setdefault(edge.child, []).append(plain(edge.parent))
    width = max((len(node.state) for node in dag.nodes), default=0)
    return [
        f"{node.state.ljust(width)}  {plain(node.key)}" + (f"  ← {', '.join(found)}" if found else "")
        for node in dag.nodes
        for found in [parents.get(node.key, [])]
    ]


def mermaid(dag: Dag) -> str:
    """Return the graph as a Mermaid flowchart, coloured by state."""
    numbers = {node.key: f"n{place}" for place, node in enumerate(dag.nodes)}
    text = ["flowchart LR"]
    text += [f'    {numbers[node.key]}["{_quoted(node.key)}"]:::{node.state}' for node in dag.nodes]
    text += [f"    {numbers[edge.parent]} --> {numbers[edge.child]}" for edge in dag.edges]
    states = sorted({node.state for node in dag.nodes} & set(_COLOURS))
    text += [f"    classDef {state} stroke:{_COLOURS[state]},stroke-width:2px" for state in states]
    return "\n".join(text)


def dot(dag: Dag) -> str:
    """Return the graph in the language of Graphviz, coloured by state."""
    text = ["digraph run {", "    rankdir=LR;", "    node [shape=box];"]
    text += [
        f'    "{_quoted(node.key)}" [color="{_COLOURS.get(node.state, "#000000")}", tooltip="{node.state}"];'
        for node in dag.nodes
    ]
    text += [f'    "{_quoted(edge.parent)}" -> "{_quoted(edge.child)}";' for edge in dag.edges]
    return "\n".join([*text, "}"])


def seconds(value: float) -> str:
    """
    Return a duration as people read it.

    >>> seconds(0.25), seconds(5.0), seconds(75), seconds(7322)
    ('0.2 s', '5 s', '1 min 15 s', '2 h 2 min')
    """
    if value < 60:
        return f"{value:.1f} s" if value < 9.95 and value != int(value) else f"{value:.0f} s"
    whole = round(value)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _bar(gantt: Gantt, bar: Bar, room: int) -> str:
    if bar.start_seconds is None or gantt.now_seconds <= 0:
        return ""
    scale = room / gantt.now_seconds
    end = gantt.now_seconds if bar.end_seconds is None else bar.end_seconds
    first = min(room - 1, int(bar.start_seconds * scale))
    length = max(1, min(room - first, round(end * scale) - first))
    if bar.end_seconds is None:
        return " " * first + "▒" * (length - 1) + ">"
    return " " * first + ("█" if bar.is_critical else "▒") * length


def _time(gantt: Gantt, bar: Bar) -> str:
    if bar.start_seconds is None:
        return ""
    return seconds((gantt.now_seconds if bar.end_seconds is None else bar.end_seconds) - bar.start_seconds)


def _short(key: str) -> str:
    shown = plain(key)
    return shown if len(shown) <= _LONGEST_KEY else f"{shown[: _LONGEST_KEY - 1]}…"


def _quoted(key: str) -> str:
    return plain(key).replace("\\", "").replace('"', "'")
