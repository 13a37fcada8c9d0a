"""
How long the nodes of a run take or took, as values: what bars and the critical path are drawn from.  Pure.

A node that ended took as long as it ran; one that runs takes at least as long as it has run, and as is expected of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from lading.jobs.graph import CriticalPath, Timed, critical_path
from lading.jobs.run_store import NodeView

_WAITING: Final = frozenset({"blocked", "scheduled", "pending"})


class Basis(StrEnum):
    """What a duration is."""

    REAL = "real"
    ELAPSED = "elapsed"
    EXPECTED = "expected"


@dataclass(frozen=True, slots=True)
class Duration:
    """How long a node takes, and how that is known."""

    seconds: float
    basis: Basis


def duration(node: NodeView, now: datetime) -> Duration:
    """Return how long the node takes, as far as is known at `now`."""
    expected = float(node.definition.get("expected_seconds") or 0)
    if node.state in _WAITING:
        return Duration(expected, Basis.EXPECTED)
    if node.started_at is None:
        return Duration(0.0, Basis.REAL)
    end = now if node.ended_at is None else node.ended_at
    seconds = max(0.0, (end - node.started_at).total_seconds())
    if node.ended_at is not None:
        return Duration(seconds, Basis.REAL)
    return Duration(seconds, Basis.ELAPSED) if seconds >= expected else Duration(expected, Basis.EXPECTED)


def critical(nodes: Sequence[NodeView], edges: Iterable[tuple[str, str]], now: datetime) -> CriticalPath:
    """Return the path that decides when the run ends; `nodes` come in the order of their places."""
    parents: dict[str, list[str]] = {}
    for parent, child in edges:
        parents.setdefault(child, []).append(parent)
    return critical_path([Timed(node.key, parents.get(node.key, ()), duration(node, now).seconds) for node in nodes])
