"""
Runs over HTTP: graphs of jobs; make one, follow it, see what decides its end, stop it, do a part of it again.

`?wait=` makes a GET a blocking read: it answers when the run has ended, else after so many seconds.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import Depends, Header, Path, Query
from starlette.responses import Response

from lading import ids
from lading.api import answers, cursors, documents, grounds, once, run_shapes, targets
from lading.api.auth import OPERATORS, READERS, REQUESTERS, Caller, gate
from lading.api.kinds import KINDS
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.canonical import Json
from lading.db import notify
from lading.db.transaction import Transaction
from lading.errors import InvalidInput
from lading.jobs import graph, keys, run_making, run_store, runs
from lading.jobs.graph import Node, OnFailure
from lading.jobs.run_making import Maker
from lading.wire import runs as wire
from lading.wire.jobs import Grounds

router: Final = new_router("runs")
_BASE: Final = "/api/v1/runs"
_ONE: Final = f"{_BASE}/{{run_id}}"
_MAX_PAGE: Final = 200
_MAX_NODE_PAGE: Final = 1000
_LOOK_SECONDS: Final = 0.5
_NAME: Final = re.compile(r"\S(?:.{0,98}\S)?")

_Services = Annotated[Services, Depends(services_of)]
_Reader = Annotated[Caller, Depends(gate(READERS))]
_Requester = Annotated[Caller, Depends(gate(REQUESTERS))]
_Operator = Annotated[Caller, Depends(gate(OPERATORS))]
_Id = Annotated[str, Path(description="`run_…`.")]
_Cursor = Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before.")]
_State = Literal["running", "completed", "failed", "cancelled"]
_NodeState = Literal[
    "blocked", "scheduled", "pending", "running", "completed", "dead", "cancelled", "skipped", "kept", "pruned"
]
_ETAG: Final = {"ETag": documents.header("Changes with anything that is shown.", '"9f86d081884c7d65"')}
_CREATED: Final = {
    201: {
        "headers": {
            "Location": documents.header("Where the run is.", f"{_BASE}/run_01kaxxxxxxxxxxxxxxxxxxxxxx"),
            "Idempotent-Replayed": documents.header("`true` when the key was seen before.", "true"),
        }
    },
    **documents.problems(429),
}


@dataclass(frozen=True, slots=True)
class _Asked:
    """A run that is asked for: who makes it, how many jobs it may have, what tells it apart under a key."""

    run_id: UUID
    make: Callable[[Transaction, Maker], Awaitable[None]]
    count: int
    priority: int
    key: str | None
    request: dict[str, Any]


@router.post(_BASE, name="createRun", status_code=201, response_model=wire.RunDetail, responses=_CREATED)
async def create(
    body: wire.RunRequest, caller: _Requester, services: _Services, idempotency_key: once.Key = None
) -> Response:
    """Make a run: its first nodes may start at once, the others when those before them are done."""
    policy, nodes = _policy("on_failure", body.on_failure), _nodes(body)
    if _NAME.fullmatch(body.name) is None or not body.name.isprintable():
        raise InvalidInput.field("name", "must be 1 to 100 printable characters.")
    graph.places(nodes)
    run_id = ids.new()

    async def make(tx: Transaction, maker: Maker) -> None:
        await run_making.create(
            tx, run_id, nodes, maker, name=body.name, on_failure=policy, actor=caller.principal.actor
        )

    priority = min(node.priority for node in nodes)
    return await _made(services, caller, _Asked(run_id, make, len(nodes), priority, idempotency_key, asdict(body)))


@router.get(_BASE, name="listRuns", response_model=wire.RunPage)
async def list_runs(
    *,
    caller: _Reader,
    services: _Services,
    state: Annotated[list[_State] | None, Query(description="One or more of the states.", max_length=10)] = None,
    name: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=_MAX_PAGE)] = 50,
    cursor: _Cursor = None,
) -> Response:
    """List runs, newest first."""
    filters: list[Json] = ["runs", sorted(state or ()), name]
    before = cursors.parse(cursor, ids.RUN, filters)
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await run_store.page(tx, states=state or (), name=name, before=before, limit=limit + 1)
    following = cursors.show(found[limit - 1].id, ids.RUN, filters) if len(found) > limit else None
    return answers.shown(wire.RunPage([run_shapes.run(each) for each in found[:limit]], following))


@router.get(
    _ONE,
    name="getRun",
    response_model=wire.RunDetail,
    responses={
        200: {"headers": _ETAG},
        304: {"description": "Nothing changed.", "headers": _ETAG},
        **documents.problems(404),
    },
)
async def get(
    *,
    run_id: _Id,
    caller: _Reader,
    services: _Services,
    wait: Annotated[
        float | None, Query(ge=0, le=answers.MAX_WAIT_SECONDS, description="Seconds to wait for the end.")
    ] = None,
    if_none_match: Annotated[str | None, Header(alias="If-None-Match")] = None,
) -> Response:
    """Tell how a run stands and how many of its nodes are in which state."""
    identifier = ids.parse(ids.RUN, run_id)
    if wait:
        await _ended(services, caller, identifier, wait)
    shown = answers.shown(await _detail(services, caller, identifier))
    tag = f'"{hashlib.sha256(shown.body).hexdigest()[:16]}"'
    if answers.matches(if_none_match, tag):
        return Response(status_code=304, headers={"ETag": tag})
    shown.headers["ETag"] = tag
    return shown


@router.get(f"{_ONE}/nodes", name="listRunNodes", response_model=wire.NodePage, responses=documents.problems(404))
async def list_nodes(
    *,
    run_id: _Id,
    caller: _Reader,
    services: _Services,
    state: Annotated[list[_NodeState] | None, Query(description="One or more of the states.", max_length=10)] = None,
    limit: Annotated[int, Query(ge=1, le=_MAX_NODE_PAGE)] = 200,
    cursor: _Cursor = None,
) -> Response:
    """List the nodes of a run, parents before children."""
    filters: list[Json] = ["nodes", run_id, sorted(state or ())]
    after = cursors.parse(cursor, ids.RUN, filters)
    async with services.database.tenant(caller.tenant.id) as tx:
        run = await run_store.find(tx, ids.parse(ids.RUN, run_id))
        place = -1 if after is None else after.int
        found = await run_store.nodes(tx, run, after=place, states=state or (), limit=limit + 1)
    following = cursors.show(UUID(int=found[limit - 1].place), ids.RUN, filters) if len(found) > limit else None
    return answers.shown(wire.NodePage([run_shapes.node(each) for each in found[:limit]], following))


@router.get(f"{_ONE}/dag", name="getRunDag", response_model=wire.Dag, responses=documents.problems(404))
async def dag(run_id: _Id, caller: _Reader, services: _Services) -> Response:
    """Return the whole graph of a run: up to 20,000 nodes and 100,000 edges."""
    async with services.database.tenant(caller.tenant.id) as tx:
        run = await run_store.find(tx, ids.parse(ids.RUN, run_id))
        nodes, edges = await run_store.nodes(tx, run), await run_store.edges(tx, run.id)
    return answers.shown(run_shapes.dag(run, nodes, edges))


@router.get(f"{_ONE}/gantt", name="getRunGantt", response_model=wire.Gantt, responses=documents.problems(404))
async def gantt(run_id: _Id, caller: _Reader, services: _Services) -> Response:
    """Tell when each node of a run ran, up to 20,000 of them."""
    async with services.database.tenant(caller.tenant.id) as tx:
        run = await run_store.find(tx, ids.parse(ids.RUN, run_id))
        nodes, edges, now = await run_store.nodes(tx, run), await run_store.edges(tx, run.id), tx.now
    return answers.shown(run_shapes.gantt(run, nodes, edges, now))


@router.get(
    f"{_ONE}/critical-path",
    name="getRunCriticalPath",
    response_model=wire.CriticalPath,
    responses=documents.problems(404),
)
async def critical_path(run_id: _Id, caller: _Reader, services: _Services) -> Response:
    """Name the chain of nodes that decides when the run ends."""
    async with services.database.tenant(caller.tenant.id) as tx:
        run = await run_store.find(tx, ids.parse(ids.RUN, run_id))
        nodes, edges, now = await run_store.nodes(tx, run), await run_store.edges(tx, run.id), tx.now
    return answers.shown(run_shapes.critical_path(run, nodes, edges, now))


@router.post(
    f"{_ONE}/cancel", name="cancelRun", response_model=wire.RunDetail, responses=documents.problems(400, 404, 409)
)
async def cancel(run_id: _Id, caller: _Operator, services: _Services, body: Grounds | None = None) -> Response:
    """Cancel what waits in a run and ask what runs to stop; the run ends when that has stopped."""
    given, identifier = grounds.of(body), ids.parse(ids.RUN, run_id)
    async with services.database.tenant(caller.tenant.id) as tx:
        await runs.cancel(tx, identifier, reason=given.reason, ticket=given.ticket, actor=caller.principal.actor)
    async with services.database.tenant(caller.tenant.id) as tx:
        # The first piece at once, so that a small run is cancelled when this returns; the sweep does the others.
        await runs.drop(tx, identifier, services.endings)
    await services.hints.send(notify.JOBS)
    await services.hints.send(notify.EXPORTS)
    return answers.shown(await _detail(services, caller, identifier))


@router.post(
    f"{_ONE}/replay",
    name="replayRun",
    status_code=201,
    response_model=wire.RunDetail,
    responses={**_CREATED, **documents.problems(400, 404, 409)},
)
async def replay(
    run_id: _Id, body: wire.ReplayRequest, caller: _Operator, services: _Services, idempotency_key: once.Key = None
) -> Response:
    """Do some nodes of a run that has ended, and all below them, once more in a new run; the others count as done."""
    given, old_id, new_id = grounds.admit(body.reason, body.ticket), ids.parse(ids.RUN, run_id), ids.new()
    chosen = body.from_ if isinstance(body.from_, list) else None
    if not body.from_ or (chosen is None and body.from_ != "failed"):
        raise InvalidInput.field("from", 'must be a list of keys, or "failed".')
    if chosen is not None and len(chosen) > graph.MAX_NODES:
        raise InvalidInput.field("from", f"names more than {graph.MAX_NODES} nodes.")
    async with services.database.tenant(caller.tenant.id) as tx:
        count = await run_making.count_again(tx, old_id, chosen)

    async def make(tx: Transaction, maker: Maker) -> None:
        await run_making.replay(
            tx,
            new_id,
            old_id,
            chosen,
            maker,
            reason=given.reason,
            ticket=given.ticket,
            actor=caller.principal.actor,
        )

    request = {"run": run_id, **asdict(body)}
    return await _made(services, caller, _Asked(new_id, make, count, 0, idempotency_key, request))


async def _made(services: Services, caller: Caller, asked: _Asked) -> Response:
    """Make a run, or find the one that the same key has made."""
    key, tenant = answers.idempotency_key(asked.key), caller.tenant.id
    digest, door, settings = once.digest("runs", asked.request), services.admission, services.settings
    refusal = await door.refusal(tenant, count=asked.count, priority=asked.priority)
    run_id, headers = asked.run_id, dict[str, str]()
    async with door.noting(tenant, caller.principal.actor), services.database.tenant(tenant) as tx:
        bound = None if key is None else await keys.bind(tx, key, digest, run_id)
        if bound is not None:
            run_id, headers = bound, {"Idempotent-Replayed": "true"}
        elif refusal is not None:
            raise refusal
        else:
            sources = await targets.sources_of(tx)
            maker = Maker(services.endings, KINDS, sources, settings.max_attempts, settings.max_crashes)
            await asked.make(tx, maker)
    await services.hints.send(notify.JOBS)
    shown = await _detail(services, caller, run_id)
    return answers.shown(shown, status=201, headers={"Location": f"{_BASE}/{shown.id}", **headers})


async def _ended(services: Services, caller: Caller, run_id: UUID, seconds: float) -> None:
    """Return when the run has ended, after `seconds`, or when the server stops."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0 and not services.stopping.is_set():
        async with services.database.tenant(caller.tenant.id) as tx:
            if (await run_store.find(tx, run_id)).state != "running":
                return
        try:
            async with asyncio.timeout(min(left, _LOOK_SECONDS)):
                await services.stopping.wait()
        except TimeoutError:
            continue


async def _detail(services: Services, caller: Caller, run_id: UUID) -> wire.RunDetail:
    async with services.database.tenant(caller.tenant.id) as tx:
        run = await run_store.find(tx, run_id)
        return run_shapes.detail(run, await run_store.counts(tx, run))


def _nodes(body: wire.RunRequest) -> list[Node]:
    default = _policy("on_failure", body.on_failure)
    return [
        Node(
            key=each.key,
            kind=each.kind,
            payload=each.payload,
            host=each.source,
            parents=tuple(each.parents),
            priority=each.priority,
            max_attempts=each.max_attempts,
            deadline_seconds=each.deadline_seconds,
            on_failure=default if each.on_failure is None else _policy(f"nodes.{number}.on_failure", each.on_failure),
            expected_seconds=each.expected_seconds,
        )
        for number, each in enumerate(body.nodes)
    ]


def _policy(field: str, text: str) -> OnFailure:
    try:
        return OnFailure(text)
    except ValueError:
        raise InvalidInput.field(field, f"{text[:40]!r} is none of: fail, skip, continue.", code="unknown") from None
