"""
Runs that begin: a graph of nodes becomes a run with its jobs, whole or, in a replay, the part that is done again.

Everything is stored in a handful of statements, whatever the number of nodes; only nodes of kinds that make something
of their own (an export) take statements each, so that there may be MOST_PLANNED of them.  Takes `tx`, never commits.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb

from lading import ids
from lading.db.statements import Statements
from lading.db.transaction import Transaction
from lading.errors import FieldError, InvalidInput, InvalidTransition, NotFound
from lading.jobs import batches, graph, run_store, store
from lading.jobs.graph import Node, OnFailure
from lading.jobs.kinds import Kinds
from lading.jobs.model import Endings, NewJob
from lading.jobs.run_store import NodeView, Run
from lading.ledger.entry import Actor, Entry, grounds
from lading.ledger.store import record

_SQL: Final = Statements(__package__ or "lading.jobs")
_MOST_FAULTS: Final = 100
_DONE: Final = frozenset({"completed", "kept"})
MOST_PLANNED: Final = 1000


@dataclass(frozen=True, slots=True)
class Maker:
    """
    What turns nodes into jobs: the kinds that are known, and the budgets of a node that names none.

    A node may name one of `hosts` as its source; None means any.
    """

    endings: Endings
    kinds: Kinds
    hosts: Collection[str] | None = None
    max_attempts: int = 8
    max_crashes: int = 3


@dataclass(frozen=True, slots=True)
class _Draft:
    """
    A run to be stored; `nodes` come in the order of their places.

    `numbers` tells where a node stood in the request.  In a replay of the run `old`, `former` names the nodes that are
    done again, with the job that each had.
    """

    run_id: UUID
    name: str
    on_failure: OnFailure
    nodes: Sequence[Node]
    numbers: Mapping[str, int] = field(default_factory=dict[str, int])
    old: Run | None = None
    former: Mapping[str, UUID | None] = field(default_factory=dict[str, UUID | None])

    @property
    def doing(self) -> Sequence[Node]:
        """Return the nodes that get a job."""
        return self.nodes if self.old is None else [node for node in self.nodes if node.key in self.former]


async def create(
    tx: Transaction,
    run_id: UUID,
    nodes: Sequence[Node],
    maker: Maker,
    *,
    name: str,
    on_failure: OnFailure,
    actor: Actor,
) -> Run:
    """Store the run and enqueue its jobs, those with parents blocked; InvalidInput names the nodes that are wrong."""
    placed = sorted(zip(graph.places(nodes), range(len(nodes)), strict=True))
    ordered = [nodes[number] for _, number in placed]
    draft = _Draft(run_id, name, on_failure, ordered, {node.key: number for number, node in enumerate(nodes)})
    return await _store(tx, draft, maker, {}, actor=actor)


async def replay(
    tx: Transaction,
    run_id: UUID,
    old_id: UUID,
    chosen: Sequence[str] | None,
    maker: Maker,
    *,
    reason: str,
    ticket: str | None,
    actor: Actor,
) -> Run:
    """
    Make a run of the same graph in which all but the chosen nodes, and what is below them, counts as done.

    `chosen` None means every node that is not done.
    """
    old = await run_store.find(tx, old_id)
    if old.state == "running":
        raise InvalidTransition(f"{ids.show(ids.RUN, old_id)} is running; wait for its end, or cancel it first.")
    views, edges = await run_store.nodes(tx, old), await run_store.edges(tx, old_id)
    again = _again(old, views, edges, chosen)
    parents: dict[str, list[str]] = {}
    for parent, child in edges:
        parents.setdefault(child, []).append(parent)
    draft = _Draft(
        run_id,
        old.name,
        old.on_failure,
        [_node(view, tuple(parents.get(view.key, ()))) for view in views],
        old=old,
        former={view.key: view.job_id for view in views if view.key in again},
    )
    return await _store(tx, draft, maker, grounds(reason, ticket), actor=actor)


async def count_again(tx: Transaction, old_id: UUID, chosen: Sequence[str] | None) -> int:
    """Return how many jobs a replay of these nodes makes."""
    old = await run_store.find(tx, old_id)
    return len(_again(old, await run_store.nodes(tx, old), await run_store.edges(tx, old_id), chosen))


def _again(
    old: Run, views: Sequence[NodeView], edges: Sequence[tuple[str, str]], chosen: Sequence[str] | None
) -> set[str]:
    """Return the keys of the nodes that are done again."""
    return graph.below(edges, _chosen(old, views, chosen))


def _chosen(old: Run, views: Sequence[NodeView], chosen: Sequence[str] | None) -> Sequence[str]:
    shown = ids.show(ids.RUN, old.id)
    if chosen is None:
        found = [view.key for view in views if view.state not in _DONE]
        if not found:
            raise InvalidInput.field("from", f"finds nothing: every node of {shown} is done; name nodes instead.")
        return found
    known = {view.key for view in views}
    unknown = next((key for key in chosen if key not in known), None)
    if unknown is not None:
        raise InvalidInput.field("from", f"{unknown[:100]!r} is no node of {shown}.", code="unknown")
    return chosen


async def _store(tx: Transaction, draft: _Draft, maker: Maker, told: Mapping[str, Any], *, actor: Actor) -> Run:
    row = await tx.one(
        _SQL["run_create"],
        tenant_id=tx.tenant,
        id=draft.run_id,
        name=draft.name,
        on_failure=draft.on_failure.value,
        replay_of=None if draft.old is None else draft.old.id,
        requested_by=actor.id,
        nodes=len(draft.nodes),
    )
    jobs = await _jobs(tx, draft, maker, actor=actor)
    edges = await _store_graph(tx, draft, jobs)
    data = {"nodes": len(draft.nodes), "edges": edges, "jobs": len(jobs), **told}
    if draft.old is not None:
        data["replay_of"] = ids.show(ids.RUN, draft.old.id)
    await record(tx, Entry("run.created", ids.show(ids.RUN, draft.run_id), actor, data, rev=row["rev"]))
    await batches.enqueue_many(tx, jobs.values(), actor=actor)
    return run_store.run_of(row)


async def _store_graph(tx: Transaction, draft: _Draft, jobs: Mapping[str, NewJob]) -> int:
    nodes = draft.nodes
    job_ids = {key: job.id for key, job in jobs.items()}
    await tx.run(
        _SQL["run_add_nodes"],
        tenant_id=tx.tenant,
        run_id=draft.run_id,
        keys=[node.key for node in nodes],
        places=list(range(len(nodes))),
        job_ids=[job_ids.get(node.key) for node in nodes],
        kinds=[node.kind for node in nodes],
        hosts=[jobs[node.key].host if node.key in jobs else node.host for node in nodes],
        policies=[node.on_failure.value for node in nodes],
        definitions=[Jsonb(_definition(node)) for node in nodes],
    )
    edges = [(parent, node.key) for node in nodes for parent in node.parents]
    if edges:
        await tx.run(
            _SQL["run_add_edges"],
            tenant_id=tx.tenant,
            run_id=draft.run_id,
            parents=[parent for parent, _ in edges],
            children=[child for _, child in edges],
            parent_jobs=[job_ids.get(parent) for parent, _ in edges],
            child_jobs=[job_ids.get(child) for _, child in edges],
        )
    return len(edges)


async def _jobs(tx: Transaction, draft: _Draft, maker: Maker, *, actor: Actor) -> dict[str, NewJob]:
    """Return the job of each node that gets one, along the graph; InvalidInput names every node that can't have one."""
    doing = draft.doing
    if sum(node.kind in maker.endings for node in doing) > MOST_PLANNED:
        raise InvalidInput.field("nodes", f"have more than {MOST_PLANNED} exports; split the run.", code="too-many")
    made: dict[str, NewJob] = {}
    faults: list[FieldError] = []
    last = UUID(int=0)
    for node in doing:
        former = draft.former.get(node.key)
        try:
            # Ids grow along the graph, so that whoever locks a job's children goes in one direction.
            job = await _job(tx, node, _above(last), former, maker, actor=actor)
        except InvalidInput as error:
            faults += _inside(error, draft.numbers.get(node.key))
            if len(faults) >= _MOST_FAULTS:
                break
            continue
        last = max(last, job.id)
        pending = sum(parent in made for parent in node.parents)
        made[node.key] = replace(
            job, run_id=draft.run_id, pending_parents=job.pending_parents + pending, replay_of=former
        )
    if faults:
        first = faults[0]
        raise InvalidInput(f"{first.pointer[1:].replace('/', '.')}: {first.detail}", tuple(faults[:_MOST_FAULTS]))
    return made


async def _job(tx: Transaction, node: Node, job_id: UUID, former: UUID | None, maker: Maker, *, actor: Actor) -> NewJob:
    if node.kind in maker.endings:
        job = await _planned(tx, node, job_id, former, maker.endings, actor=actor)
        if node.host not in {"", job.host}:
            raise InvalidInput.field("source", f"is {job.host!r} here, not {node.host[:60]!r}; leave it out.")
    else:
        kind = maker.kinds.get(node.kind)
        if kind is None or kind.check is None:
            known = sorted({*maker.endings, *(each.name for each in maker.kinds.values() if each.check is not None)})
            raise InvalidInput.field("kind", f"{node.kind[:60]!r} is none of: {', '.join(known)}.", code="unknown")
        if node.host and maker.hosts is not None and node.host not in maker.hosts:
            raise InvalidInput.field("source", f"{node.host[:60]!r} is no source that is known here.", code="unknown")
        kind.check(node.payload)
        job = NewJob(
            id=job_id,
            kind=node.kind,
            host=node.host,
            subject=ids.show(ids.JOB, job_id),
            payload=node.payload,
            max_attempts=maker.max_attempts,
            max_crashes=maker.max_crashes,
        )
    return replace(
        job,
        priority=node.priority,
        max_attempts=node.max_attempts or job.max_attempts,
        deadline_seconds=node.deadline_seconds or job.deadline_seconds,
    )


async def _planned(
    tx: Transaction, node: Node, job_id: UUID, former: UUID | None, endings: Endings, *, actor: Actor
) -> NewJob:
    """Make what the node works for: anew, or once more when it was made before and is still known."""
    ending = endings[node.kind]
    if former is not None:
        try:
            old = await store.find(tx, former)
        except NotFound:
            old = None  # pruned
        if old is not None:
            return await ending.cloned(tx, old, actor)
    try:
        return await ending.planned(tx, node.payload, job_id=job_id, actor=actor)
    except InvalidInput as error:
        faults = tuple(replace(each, pointer=f"/payload{each.pointer}") for each in error.errors)
        raise InvalidInput(error.message, faults) from error


def _above(last: UUID) -> UUID:
    fresh = ids.new()
    return fresh if fresh > last else UUID(int=last.int + 1)


def _inside(error: InvalidInput, number: int | None) -> list[FieldError]:
    where = "" if number is None else f"/nodes/{number}"
    return [replace(each, pointer=f"{where}{each.pointer}") for each in error.errors]


def _definition(node: Node) -> dict[str, Any]:
    return {
        "payload": dict(node.payload),
        "host": node.host,
        "priority": node.priority,
        "max_attempts": node.max_attempts,
        "deadline_seconds": node.deadline_seconds,
        "expected_seconds": node.expected_seconds,
    }


def _node(view: NodeView, parents: tuple[str, ...]) -> Node:
    told = view.definition
    return Node(
        key=view.key,
        kind=view.kind,
        payload=told["payload"],
        host=told["host"],
        parents=parents,
        priority=told["priority"],
        max_attempts=told["max_attempts"],
        deadline_seconds=told["deadline_seconds"],
        on_failure=view.on_failure,
        expected_seconds=told["expected_seconds"],
    )
