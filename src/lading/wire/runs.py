"""JSON shapes of runs in API v1: graphs of jobs, each of which starts when those before it are done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from lading.wire.exports import STRICT
from lading.wire.jobs import JobFault


def _outer(name: str) -> str:
    return name.rstrip("_")


@dataclass(frozen=True, slots=True)
class RunNode:
    """
    One node of a run: `payload` is what its kind takes, `parents` are the keys of the nodes it waits for.

    `on_failure` is what becomes of the rest when it fails (fail, skip or continue; the run's own if none is given).
    `expected_seconds` stands in for its duration until it has one.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    key: str
    kind: str
    payload: dict[str, Any] = field(default_factory=dict[str, Any])
    source: str = ""
    parents: list[str] = field(default_factory=list[str])
    priority: int = 0
    max_attempts: int | None = None
    deadline_seconds: int | None = None
    on_failure: str | None = None
    expected_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Body of `POST /api/v1/runs`: up to 20,000 nodes with up to 100,000 parents in all, without a cycle."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    name: str
    nodes: list[RunNode]
    on_failure: str = "fail"


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """
    Body of `POST /api/v1/runs/{id}/replay`.

    `from` is a list of keys, or "failed" for every node that is not done; those and what is below them are done again.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {**STRICT, "alias_generator": _outer}

    from_: list[str] | str
    reason: str = ""
    ticket: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One run; `state` is running, completed, failed or cancelled, `nodes` how many there are."""

    id: str
    name: str
    state: str
    on_failure: str
    nodes: int
    replay_of: str | None
    requested_by: str
    cancel_requested_at: str | None
    created_at: str
    ended_at: str | None


@dataclass(frozen=True, slots=True)
class RunDetail(Run):
    """
    One run with how many of its nodes are in which state, and how many of a hundred have ended.

    States are those of jobs, `skipped` (a parent failed), `kept` (done in the run that this one replays) and `pruned`
    (its job is not in the history any more).
    """

    counts: dict[str, int]
    percent: float


@dataclass(frozen=True, slots=True)
class RunPage:
    """One page of a list; `next_cursor` is absent at the end."""

    items: list[Run]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class NodeState:
    """A node and how it stands; `job` is null when the node was done in the run that this one replays."""

    key: str
    place: int
    kind: str
    source: str
    on_failure: str
    state: str
    job: str | None
    waiting_for: str | None
    attempt: int
    error: JobFault | None
    started_at: str | None
    ended_at: str | None


@dataclass(frozen=True, slots=True)
class NodePage:
    """One page of the nodes of a run, parents before children; `next_cursor` is absent at the end."""

    items: list[NodeState]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class DagNode:
    """A node of the graph."""

    key: str
    place: int
    kind: str
    state: str
    on_failure: str
    job: str | None


@dataclass(frozen=True, slots=True)
class DagEdge:
    """`child` waits for `parent`."""

    parent: str
    child: str


@dataclass(frozen=True, slots=True)
class Dag:
    """The whole graph of a run; nodes come in an order in which parents are before children."""

    run: str
    state: str
    nodes: list[DagNode]
    edges: list[DagEdge]


@dataclass(frozen=True, slots=True)
class Bar:
    """When a node ran, in seconds from the beginning of its run; null until it starts, and until it ends."""

    key: str
    kind: str
    state: str
    started_at: str | None
    ended_at: str | None
    start_seconds: float | None
    end_seconds: float | None
    is_critical: bool


@dataclass(frozen=True, slots=True)
class Gantt:
    """When each node of a run ran; `now_seconds` is where a bar without an end is now."""

    run: str
    state: str
    now_seconds: float
    bars: list[Bar]


@dataclass(frozen=True, slots=True)
class CriticalNode:
    """A node of the critical path; `basis` says what `seconds` is: real, elapsed or expected."""

    key: str
    state: str
    seconds: float
    basis: str


@dataclass(frozen=True, slots=True)
class CriticalPath:
    """The chain of nodes that decides when the run ends; `seconds` is the sum of what they take or took."""

    run: str
    state: str
    seconds: float
    nodes: list[CriticalNode]
