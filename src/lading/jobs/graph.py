"""
The graph of a run, decided from values alone: no database, no clock.

An edge goes from a parent to a child that waits for it.  `places` refuses what is no graph without cycles, naming the
fault; the rest reads a graph that was let in: what lies below a node, and which path decides when the run ends.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from lading.errors import FieldError, InvalidInput

MAX_NODES: Final = 20_000
MAX_EDGES: Final = 100_000
_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,99}")
_MOST_FAULTS: Final = 100
_LONGEST_NAME: Final = 100
_URGENT: Final = 100
_MOST_ATTEMPTS: Final = 1000
_YEAR: Final = 365 * 86_400
_SHOWN: Final = 12


class OnFailure(StrEnum):
    """What becomes of the rest of a run when a node fails."""

    FAIL = "fail"
    SKIP = "skip"
    CONTINUE = "continue"


@dataclass(frozen=True, slots=True)
class Node:
    """One job of a run: what to do, after which others; `host` is the source it calls, '' if none."""

    key: str
    kind: str
    payload: Mapping[str, Any] = field(default_factory=dict[str, Any])
    host: str = ""
    parents: tuple[str, ...] = ()
    priority: int = 0
    max_attempts: int | None = None
    deadline_seconds: int | None = None
    on_failure: OnFailure = OnFailure.FAIL
    expected_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Timed:
    """A node with how long it takes, or took."""

    key: str
    parents: Sequence[str]
    seconds: float


@dataclass(frozen=True, slots=True)
class CriticalPath:
    """The chain of nodes that decides when a run ends, from its first node to its last."""

    keys: tuple[str, ...]
    seconds: float


def places(nodes: Sequence[Node]) -> list[int]:
    """
    Return the place of each node in an order in which every parent comes before its children.

    InvalidInput names every node at fault, or one cycle:

    >>> places([Node("b", "noop", parents=("a",)), Node("a", "noop")])
    [1, 0]
    >>> places([Node("a", "noop", parents=("b",)), Node("b", "noop", parents=("a",))])
    Traceback (most recent call last):
    lading.errors.InvalidInput: nodes: have a cycle: a → b → a; remove one of these edges.
    """
    _check(nodes)
    numbers = {node.key: number for number, node in enumerate(nodes)}
    children: list[list[int]] = [[] for _ in nodes]
    waiting = [len(node.parents) for node in nodes]
    for number, node in enumerate(nodes):
        for parent in node.parents:
            children[numbers[parent]].append(number)
    found, ready = [-1] * len(nodes), deque(number for number, count in enumerate(waiting) if not count)
    place = 0
    while ready:
        number = ready.popleft()
        found[number], place = place, place + 1
        for child in children[number]:
            waiting[child] -= 1
            if not waiting[child]:
                ready.append(child)
    if place < len(nodes):
        cycle = _cycle(nodes, {node.key for number, node in enumerate(nodes) if found[number] < 0})
        raise InvalidInput.field("nodes", f"have a cycle: {_shown(cycle)}; remove one of these edges.", code="cycle")
    return found


def below(edges: Iterable[tuple[str, str]], chosen: Iterable[str]) -> set[str]:
    """
    Return `chosen` and everything that can be reached from it.

    >>> sorted(below([("a", "b"), ("b", "c"), ("x", "c")], ["b"]))
    ['b', 'c']
    """
    children: dict[str, list[str]] = {}
    for parent, child in edges:
        children.setdefault(parent, []).append(child)
    found = set(chosen)
    ahead = list(found)
    while ahead:
        for child in children.get(ahead.pop(), ()):
            if child not in found:
                found.add(child)
                ahead.append(child)
    return found


def critical_path(nodes: Sequence[Timed]) -> CriticalPath:
    """
    Return the path that takes longest; `nodes` come in the order of their places, none is no path.

    >>> start, slow, quick = Timed("a", (), 1.0), Timed("b", ("a",), 5.0), Timed("c", ("a",), 2.0)
    >>> critical_path([start, slow, quick, Timed("d", ("b", "c"), 1.0)])
    CriticalPath(keys=('a', 'b', 'd'), seconds=7.0)
    """
    ends: dict[str, float] = {}
    before: dict[str, str | None] = {}
    for node in nodes:
        slowest = max(node.parents, key=lambda parent: ends[parent], default=None)
        before[node.key] = slowest
        ends[node.key] = node.seconds + (0.0 if slowest is None else ends[slowest])
    # Of equals the one that comes last: the path goes on to the end, through nodes that take no time.
    last = max(reversed(ends), key=lambda key: ends[key], default=None)
    if last is None:
        return CriticalPath((), 0.0)
    keys, at = [last], before[last]
    while at is not None:
        keys.append(at)
        at = before[at]
    return CriticalPath(tuple(reversed(keys)), ends[last])


def _check(nodes: Sequence[Node]) -> None:
    if not nodes:
        raise InvalidInput.field("nodes", "are missing; a run has at least one.")
    if len(nodes) > MAX_NODES:
        raise InvalidInput.field("nodes", f"are more than {MAX_NODES}; split the run.", code="too-many")
    if sum(len(node.parents) for node in nodes) > MAX_EDGES:
        raise InvalidInput.field("nodes", f"have more than {MAX_EDGES} parents in all; split the run.", code="too-many")
    known: set[str] = set()
    faults: list[FieldError] = []
    for number, node in enumerate(nodes):
        if _KEY.fullmatch(node.key) is None:
            detail = f"{node.key[:40]!r} is no key; use up to 100 of A-Z a-z 0-9 . _ : / @ -, first a letter or digit."
            faults.append(FieldError(f"/nodes/{number}/key", detail))
        elif node.key in known:
            faults.append(FieldError(f"/nodes/{number}/key", f"{node.key!r} is there twice; rename one.", "duplicate"))
        known.add(node.key)
    for number, node in enumerate(nodes):
        faults += _parent_faults(number, node, known)
        faults += _value_faults(number, node)
        if len(faults) > _MOST_FAULTS:
            break
    if faults:
        first = faults[0]
        raise InvalidInput(f"{first.pointer[1:].replace('/', '.')}: {first.detail}", tuple(faults[:_MOST_FAULTS]))


def _value_faults(number: int, node: Node) -> list[FieldError]:
    where = f"/nodes/{number}"
    named = (
        ("kind", 1 <= len(node.kind) <= _LONGEST_NAME, f"must be 1 to {_LONGEST_NAME} characters long."),
        ("source", len(node.host) <= _LONGEST_NAME, f"is longer than {_LONGEST_NAME} characters; no source is."),
        ("priority", -_URGENT <= node.priority <= _URGENT, f"must be between -{_URGENT} and {_URGENT}."),
        ("max_attempts", _is_within(node.max_attempts, 1, _MOST_ATTEMPTS), f"must be between 1 and {_MOST_ATTEMPTS}."),
        ("deadline_seconds", _is_within(node.deadline_seconds, 1, _YEAR), f"must be between 1 and {_YEAR}."),
        ("expected_seconds", _is_within(node.expected_seconds, 0, _YEAR), f"must be between 0 and {_YEAR}."),
    )
    return [FieldError(f"{where}/{name}", detail) for name, is_fit, detail in named if not is_fit]


def _is_within(value: int | None, least: int, most: int) -> bool:
    return value is None or least <= value <= most


def _parent_faults(number: int, node: Node, known: set[str]) -> list[FieldError]:
    where = f"/nodes/{number}/parents"
    faults = [
        FieldError(f"{where}/{index}", f"{parent[:100]!r} is no node of this run; add it or remove it here.", "unknown")
        for index, parent in enumerate(node.parents)
        if parent not in known
    ]
    if len(set(node.parents)) < len(node.parents):
        faults.append(FieldError(where, "name a parent twice; name it once.", "duplicate"))
    return faults


def _cycle(nodes: Sequence[Node], stuck: set[str]) -> list[str]:
    """Return the keys around one cycle among `stuck`, each of which has a parent there; the first is also the last."""
    upwards = {node.key: next(each for each in node.parents if each in stuck) for node in nodes if node.key in stuck}
    at, seen = min(stuck), dict[str, int]()
    while at not in seen:
        seen[at] = len(seen)
        at = upwards[at]
    around = [key for key, number in seen.items() if number >= seen[at]]
    first = around.index(min(around))
    turned = [around[first], *reversed(around[:first]), *reversed(around[first + 1 :])]
    return [*turned, turned[0]]


def _shown(cycle: Sequence[str]) -> str:
    if len(cycle) <= _SHOWN:
        return " → ".join(cycle)
    return " → ".join([*cycle[: _SHOWN - 2], f"… {len(cycle) - _SHOWN + 1} more …", cycle[-1]])
