"""
Runs in the database: what the end of a job means to its run, when a run ends, and runs as people look at them.

`jobs_ended` is called in the transaction that ends jobs, whoever ends them; it names every tenant, so that it works in
tenant and system transactions alike.  It touches what an end touches directly: the children, and what could still
start of a run that is stopped by it.  All that is not wanted any more is ended in pieces by the sweep in `runs.py`.
Takes `tx`, never commits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb

from lading import ids
from lading.canonical import Json
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.errors import Conflict, NotFound
from lading.jobs.graph import MAX_NODES, OnFailure
from lading.jobs.rules import sleeping_for
from lading.ledger.entry import Actor, Entry
from lading.ledger.store import record

_SQL: Final = Statements(__package__ or "lading.jobs")
_SYSTEM: Final = Actor("system", "runs")
_IDS_PER_LINE: Final = 1000  # what a ledger line holds for sure
FAILED: Final = "run-failed"
CANCELLED: Final = "run-cancelled"


@dataclass(frozen=True, slots=True)
class End:
    """A job that has just ended; `state` is completed, dead or cancelled, `run_id` None for one of no run."""

    tenant_id: UUID
    job_id: UUID
    run_id: UUID | None
    state: str


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a graph of jobs; `counts` are there once it has ended, `stop_code` says why that is early."""

    tenant_id: UUID
    id: UUID
    name: str
    state: str
    on_failure: OnFailure
    replay_of: UUID | None
    requested_by: str
    cancel_requested_at: datetime | None
    stop_code: str | None
    nodes: int
    counts: Mapping[str, int] | None
    rev: int
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class NodeView:
    """A node and how its job stands; `kept` counts as done, `skipped` was not started because a parent failed."""

    key: str
    place: int
    kind: str
    host: str
    on_failure: OnFailure
    job_id: UUID | None
    definition: Mapping[str, Any]
    state: str
    waiting_for: str | None
    attempt: int
    error: Mapping[str, Any] | None
    started_at: datetime | None
    ended_at: datetime | None


async def jobs_ended(tx: Transaction, ends: Iterable[End]) -> None:
    """Let the children of ended jobs go on or not, and end the runs in which nothing is left to do."""
    mine = [end for end in ends if end.run_id is not None]
    if not mine:
        return
    passed = [(end.tenant_id, end.job_id) for end in mine if end.state == "completed"]
    failed = [(end.tenant_id, end.job_id) for end in mine if end.state != "completed"]
    doomed: list[tuple[UUID, UUID]] = []
    stopped: set[tuple[UUID, UUID]] = set()
    for row in await tx.all(_SQL["run_policies"], **_pairs(failed)) if failed else ():
        match OnFailure(row["on_failure"]):
            case _ if row["stop_code"] is not None:
                continue  # everything that waits is ended anyway
            case OnFailure.CONTINUE:
                passed.append((row["tenant_id"], row["job_id"]))
            case OnFailure.SKIP:
                doomed.append((row["tenant_id"], row["job_id"]))
            case OnFailure.FAIL:
                stopped.add((row["tenant_id"], row["run_id"]))
    going = await _release(tx, passed) if passed else set[tuple[UUID, UUID]]()
    if doomed:
        going |= {(row["tenant_id"], row["run_id"]) for row in await tx.all(_SQL["run_doom"], **_pairs(doomed))}
    for tenant_id, run_id in sorted(stopped):
        await stop(tx, tenant_id, run_id, FAILED, entry="run.failing", actor=_SYSTEM)
    await end_idle(tx, {(end.tenant_id, end.run_id) for end in mine if end.run_id is not None} - going)


async def stop(
    tx: Transaction,
    tenant_id: UUID,
    run_id: UUID,
    stop_code: str,
    *,
    entry: str,
    actor: Actor,
    reason: str | None = None,
    ticket: str | None = None,
    data: Mapping[str, Any] | None = None,
) -> bool:
    """Let nothing of the run start any more; return False when it was so already."""
    await tx.run(_SQL["run_bar"], id=run_id)
    row = await tx.maybe(
        _SQL["run_stop"], tenant_id=tenant_id, id=run_id, stop_code=stop_code, reason=reason, ticket=ticket
    )
    if row is not None:
        await tx.run(_SQL["run_hold"], tenant_id=tenant_id, run_id=run_id, stop_code=stop_code)
        told = Entry(entry, ids.show(ids.RUN, run_id), actor, dict(data or {}), rev=row["rev"])
        await record(tx, told, tenant=tenant_id)
    return row is not None


async def end_idle(tx: Transaction, runs: Iterable[tuple[UUID, UUID]]) -> None:
    """End those of `runs` ({tenant, run}) that have no live job; who is faster does no harm."""
    named = sorted(runs)
    if not named:
        return
    tenants, run_ids = [tenant for tenant, _ in named], [run_id for _, run_id in named]
    for row in await tx.all(_SQL["run_idle"], tenant_ids=tenants, run_ids=run_ids):
        await _end(tx, row["tenant_id"], row["id"])


async def due(tx: Transaction, *, limit: int) -> list[tuple[UUID, UUID]]:
    """Return {tenant, run} of running runs that a sweep has to look at."""
    return [(row["tenant_id"], row["id"]) for row in await tx.all(_SQL["run_due"], limit=limit)]


async def admit_revival(tx: Transaction, job_id: UUID, run_id: UUID) -> None:
    """Hold the run of a dead job until it is back; Conflict when the run does not wait for it."""
    await tx.run(_SQL["run_bar"], id=run_id)
    row = await tx.maybe(_SQL["run_lock"], tenant_id=tx.tenant, id=run_id)
    if row is None:
        return
    shown = ids.show(ids.RUN, run_id)
    if row["state"] != "running":
        raise Conflict(f"{shown} is {row['state']}; replay the run from this node instead.")
    if row["stop_code"] is not None:
        raise Conflict(f"{shown} is being stopped; replay the run from this node when it has ended.")
    failed = await tx.all(_SQL["run_policies"], tenant_ids=[tx.tenant], job_ids=[job_id])
    if failed and failed[0]["on_failure"] == OnFailure.CONTINUE:
        await tx.run(_SQL["run_detach"], tenant_id=tx.tenant, job_id=job_id)


async def find(tx: Transaction, run_id: UUID) -> Run:
    """Return the run."""
    row = await tx.maybe(_SQL["run_find"], tenant_id=tx.tenant, id=run_id)
    if row is None:
        raise NotFound(f"There is no run {ids.show(ids.RUN, run_id)}; list the runs to find it.")
    return run_of(row)


async def page(
    tx: Transaction, *, states: Sequence[str] = (), name: str | None = None, before: UUID | None = None, limit: int
) -> list[Run]:
    """Return up to `limit` runs, newest first; no state and None mean any."""
    rows = await tx.all(
        _SQL["run_page"], tenant_id=tx.tenant, states=list(states) or None, name=name, before=before, limit=limit
    )
    return [run_of(row) for row in rows]


async def counts(tx: Transaction, run: Run) -> Mapping[str, int]:
    """Return how many nodes are in which state."""
    if run.counts is not None:
        return run.counts
    return {row["state"]: row["count"] for row in await _counted(tx, run.tenant_id, run.id, run.created_at)}


async def nodes(
    tx: Transaction, run: Run, *, after: int = -1, states: Sequence[str] = (), limit: int = MAX_NODES
) -> list[NodeView]:
    """Return up to `limit` nodes behind the place `after`, in an order in which parents come first."""
    rows = await tx.all(
        _SQL["run_nodes"],
        tenant_id=tx.tenant,
        run_id=run.id,
        since=run.created_at,
        after=after,
        states=list(states) or None,
        limit=limit,
    )
    return [_node(row) for row in rows]


async def edges(tx: Transaction, run_id: UUID) -> list[tuple[str, str]]:
    """Return {parent, child} of every edge."""
    return [
        (row["parent"], row["child"]) for row in await tx.all(_SQL["run_edges"], tenant_id=tx.tenant, run_id=run_id)
    ]


def run_of(row: Row) -> Run:
    """Return the run of a row of `runs`."""
    told: dict[str, Any] = {name: row[name] for name in Run.__slots__}
    told["on_failure"] = OnFailure(row["on_failure"])
    return Run(**told)


async def _release(tx: Transaction, passed: Sequence[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
    """Let the children of these jobs wait for one parent less; return the runs that go on by that."""
    rows = await tx.all(_SQL["run_release"], **_pairs(passed))
    due: dict[tuple[UUID, UUID], list[tuple[UUID, str]]] = {}
    for row in rows:
        if row["state"] != "blocked":
            due.setdefault((row["tenant_id"], row["run_id"]), []).append((row["id"], row["state"]))
    for (tenant_id, run_id), jobs in sorted(due.items()):
        subject, shown = ids.show(ids.RUN, run_id), sorted(jobs)
        lines = [
            Entry("jobs.unblocked", subject, _SYSTEM, _unblocked(shown[first : first + _IDS_PER_LINE]))
            for first in range(0, len(shown), _IDS_PER_LINE)
        ]
        await record(tx, *lines, tenant=tenant_id)
    return {(row["tenant_id"], row["run_id"]) for row in rows}


def _unblocked(jobs: Sequence[tuple[UUID, str]]) -> dict[str, Json]:
    told: dict[str, Json] = {"jobs": [ids.show(ids.JOB, job_id) for job_id, _ in jobs]}
    later = [place for place, (_, state) in enumerate(jobs) if state == "scheduled"]
    return {**told, "scheduled": later} if later else told


async def _end(tx: Transaction, tenant_id: UUID, run_id: UUID) -> None:
    # The lock first: the counts are then seen as they are after whoever brought a job back, or ended the run.
    row = await tx.maybe(_SQL["run_lock"], tenant_id=tenant_id, id=run_id)
    if row is None or row["state"] != "running":
        return
    counted = await _counted(tx, tenant_id, run_id, row["created_at"])
    found = {each["state"]: int(each["count"]) for each in counted}
    if found.keys() & {"blocked", "scheduled", "pending", "running"}:
        return
    state = _state(row["stop_code"], any(each["is_failure"] for each in counted))
    ended = await tx.one(_SQL["run_end"], tenant_id=tenant_id, id=run_id, state=state, counts=Jsonb(found))
    entry = Entry(f"run.{state}", ids.show(ids.RUN, run_id), _SYSTEM, dict(found), rev=ended["rev"])
    await record(tx, entry, tenant=tenant_id)


def _state(stop_code: str | None, has_failed: bool) -> str:  # noqa: FBT001 - a fact, no switch
    match stop_code:
        case "run-cancelled":
            return "cancelled"
        case None if not has_failed:
            return "completed"
        case _:
            return "failed"


async def _counted(tx: Transaction, tenant_id: UUID, run_id: UUID, since: datetime) -> Sequence[Row]:
    return await tx.all(_SQL["run_counts"], tenant_id=tenant_id, run_id=run_id, since=since)


def _pairs(jobs: Sequence[tuple[UUID, UUID]]) -> dict[str, object]:
    return {"tenant_ids": [tenant for tenant, _ in jobs], "job_ids": [job for _, job in jobs]}


def _node(row: Row) -> NodeView:
    return NodeView(
        key=row["key"],
        place=row["place"],
        kind=row["kind"],
        host=row["host"],
        on_failure=OnFailure(row["on_failure"]),
        job_id=row["job_id"],
        definition=row["definition"],
        state=row["state"],
        waiting_for=_waiting(row),
        attempt=row["attempt"],
        error=row["error"],
        started_at=row["started_at"],
        ended_at=row["finished_at"],
    )


def _waiting(row: Row) -> str | None:
    match row["state"]:
        case "blocked":
            return "approval" if row["awaits_approval"] else "parents"
        case "scheduled":
            return sleeping_for(row["failures"], row["error"])
        case "pending":
            return row["lane_waiting_for"] or "worker"
        case _:
            return None
