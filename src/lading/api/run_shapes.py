"""Runs as the wire has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Final

from lading import clock, ids
from lading.jobs import run_times
from lading.jobs.run_store import NodeView, Run
from lading.wire import runs as wire
from lading.wire.jobs import JobFault

_GOING_ON: Final = frozenset({"blocked", "scheduled", "pending", "running"})


def run(found: Run) -> wire.Run:
    """Return the run as a list shows it."""
    return wire.Run(
        id=ids.show(ids.RUN, found.id),
        name=found.name,
        state=found.state,
        on_failure=found.on_failure.value,
        nodes=found.nodes,
        replay_of=None if found.replay_of is None else ids.show(ids.RUN, found.replay_of),
        requested_by=found.requested_by,
        cancel_requested_at=clock.shown(found.cancel_requested_at),
        created_at=clock.show(found.created_at),
        ended_at=clock.shown(found.ended_at),
    )


def detail(found: Run, counts: Mapping[str, int]) -> wire.RunDetail:
    """Return the run with its counts."""
    left = sum(count for state, count in counts.items() if state in _GOING_ON)
    percent = 100.0 if found.ended_at is not None else round(100.0 * (found.nodes - left) / found.nodes, 1)
    return wire.RunDetail(**asdict(run(found)), counts=dict(sorted(counts.items())), percent=percent)


def node(found: NodeView) -> wire.NodeState:
    """Return the node as a list shows it."""
    error = found.error
    return wire.NodeState(
        key=found.key,
        place=found.place,
        kind=found.kind,
        source=found.host,
        on_failure=found.on_failure.value,
        state=found.state,
        job=_job(found),
        waiting_for=found.waiting_for,
        attempt=found.attempt,
        error=None if error is None else JobFault(str(error.get("code", "")), str(error.get("message", ""))),
        started_at=clock.shown(found.started_at),
        ended_at=clock.shown(found.ended_at),
    )


def dag(found: Run, nodes: Sequence[NodeView], edges: Sequence[tuple[str, str]]) -> wire.Dag:
    """Return the graph."""
    drawn = [
        wire.DagNode(each.key, each.place, each.kind, each.state, each.on_failure.value, _job(each)) for each in nodes
    ]
    return wire.Dag(ids.show(ids.RUN, found.id), found.state, drawn, [wire.DagEdge(*edge) for edge in edges])


def gantt(found: Run, nodes: Sequence[NodeView], edges: Sequence[tuple[str, str]], now: datetime) -> wire.Gantt:
    """Return a bar for each node; those of the critical path are marked."""
    decisive = set(run_times.critical(nodes, edges, now).keys)
    until = now if found.ended_at is None else found.ended_at
    bars = [
        wire.Bar(
            key=each.key,
            kind=each.kind,
            state=each.state,
            started_at=clock.shown(each.started_at),
            ended_at=None if each.started_at is None else clock.shown(each.ended_at),
            start_seconds=_since(found, each.started_at),
            end_seconds=None if each.started_at is None else _since(found, each.ended_at),
            is_critical=each.key in decisive,
        )
        for each in nodes
    ]
    return wire.Gantt(ids.show(ids.RUN, found.id), found.state, _since(found, until) or 0.0, bars)


def critical_path(
    found: Run, nodes: Sequence[NodeView], edges: Sequence[tuple[str, str]], now: datetime
) -> wire.CriticalPath:
    """Return the path that decides when the run ends."""
    path, by_key = run_times.critical(nodes, edges, now), {each.key: each for each in nodes}
    steps = [(by_key[key], run_times.duration(by_key[key], now)) for key in path.keys]
    drawn = [
        wire.CriticalNode(each.key, each.state, round(takes.seconds, 3), takes.basis.value) for each, takes in steps
    ]
    return wire.CriticalPath(ids.show(ids.RUN, found.id), found.state, round(path.seconds, 3), drawn)


def _job(found: NodeView) -> str | None:
    return None if found.job_id is None else ids.show(ids.JOB, found.job_id)


def _since(found: Run, at: datetime | None) -> float | None:
    return None if at is None else round(max(0.0, (at - found.created_at).total_seconds()), 3)
