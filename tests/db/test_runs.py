"""A run does every node once its parents are done, and says at its end what became of each."""

# O8

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.sql import SQL

from lading import ids
from lading.db.database import Database
from lading.errors import Conflict, DatabaseUnavailable, InvalidInput, InvalidTransition, NotFound
from lading.jobs import attempts, batches, leases, run_making, run_store, runs, store
from lading.jobs.graph import Node, OnFailure
from lading.jobs.kinds import NOOP
from lading.jobs.model import Claim, Fault, Fence
from lading.jobs.run_making import Maker
from lading.jobs.run_store import NodeView, Run
from lading.ledger import store as ledger
from lading.ledger.entry import SYSTEM
from lading.tenants import store as tenants

pytestmark = pytest.mark.anyio

MAKER = Maker({}, {"noop": NOOP})
DEAD = Fault("source-refused", "No.")


@dataclass
class Desk:
    """One organisation, a lease, and what a worker does with both."""

    database: Database
    tenant: UUID
    lease: UUID

    async def create(self, *nodes: Node, on_failure: OnFailure = OnFailure.FAIL, name: str = "nightly") -> UUID:
        run_id = ids.new()
        async with self.database.tenant(self.tenant) as tx:
            await run_making.create(tx, run_id, nodes, MAKER, name=name, on_failure=on_failure, actor=SYSTEM)
        return run_id

    async def replay(self, run_id: UUID, *chosen: str) -> UUID:
        new_id = ids.new()
        async with self.database.tenant(self.tenant) as tx:
            await run_making.replay(
                tx, new_id, run_id, chosen or None, MAKER, reason="mended", ticket="OPS-1", actor=SYSTEM
            )
        return new_id

    async def cancel(self, run_id: UUID) -> Run:
        async with self.database.tenant(self.tenant) as tx:
            return await runs.cancel(tx, run_id, reason="not needed", ticket=None, actor=SYSTEM)

    async def find(self, run_id: UUID) -> Run:
        async with self.database.tenant(self.tenant) as tx:
            return await run_store.find(tx, run_id)

    async def nodes(self, run_id: UUID) -> dict[str, NodeView]:
        async with self.database.tenant(self.tenant) as tx:
            return {node.key: node for node in await run_store.nodes(tx, await run_store.find(tx, run_id))}

    async def states(self, run_id: UUID) -> dict[str, str]:
        return {key: node.state for key, node in (await self.nodes(run_id)).items()}

    async def start(self, run_id: UUID, *, limit: int = 1000) -> dict[str, Fence]:
        """Claim and start all that may run, at most so many; return the fences by key."""
        async with self.database.system() as tx:
            await store.wake_turns(tx)
            claims = await store.claim(tx, lease_id=self.lease, kinds=["noop"], limit=limit)
        keys = {node.job_id: key for key, node in (await self.nodes(run_id)).items()}
        return {keys[claim.job_id]: await self._start(claim) for claim in claims}

    async def complete(self, fence: Fence) -> None:
        async with self.database.tenant(self.tenant) as tx:
            await attempts.complete(tx, fence)

    async def kill(self, fence: Fence) -> None:
        async with self.database.tenant(self.tenant) as tx:
            await attempts.kill(tx, fence, DEAD)

    async def sweep(self) -> int:
        return await runs.sweep(self.database, {})

    async def play(self, run_id: UUID, *, dead: Sequence[str] = ()) -> list[list[str]]:
        """Let the run go on until nothing may run; the nodes in `dead` die.  Return the rounds."""
        rounds: list[list[str]] = []
        while fences := await self.start(run_id):
            rounds.append(sorted(fences))
            for key, fence in sorted(fences.items()):
                await (self.kill if key in dead else self.complete)(fence)
            await self.sweep()
        await self.sweep()
        return rounds

    async def events(self, subject: str) -> list[dict[str, Any]]:
        async with self.database.tenant(self.tenant) as tx:
            return [json.loads(line) for line in await ledger.history(tx, subject)]

    async def _start(self, claim: Claim) -> Fence:
        async with self.database.tenant(self.tenant) as tx:
            return (await attempts.start(tx, claim))[1]


@pytest.fixture
async def desk(database: Database) -> Desk:
    return await _desk(database, "acme")


async def _desk(database: Database, slug: str) -> Desk:
    lease = ids.new()
    async with database.system() as tx:
        tenant = (await tenants.create_tenant(tx, slug, name=slug, actor=SYSTEM)).id
        await leases.open_lease(tx, lease, worker="test", seconds=3600)
    return Desk(database, tenant, lease)


def node(key: str, *parents: str, on_failure: OnFailure = OnFailure.FAIL, **options: Any) -> Node:
    return Node(key, "noop", parents=parents, on_failure=on_failure, **options)


def diamond(on_failure: OnFailure = OnFailure.FAIL) -> list[Node]:
    return [node("d", "b", "c"), node("b", "a", on_failure=on_failure), node("c", "a"), node("a")]


# --- order -----------------------------------------------------------------------------------------


async def test_a_node_starts_when_its_last_parent_is_done_and_the_run_ends_with_its_last_node(desk: Desk) -> None:
    run_id = await desk.create(*diamond())
    assert await desk.states(run_id) == {"a": "pending", "b": "blocked", "c": "blocked", "d": "blocked"}
    assert (await desk.nodes(run_id))["d"].waiting_for == "parents"

    (first,) = (await desk.start(run_id)).values()
    await desk.complete(first)
    middle = await desk.start(run_id)
    await desk.complete(middle["b"])
    assert await desk.start(run_id) == {}
    await desk.complete(middle["c"])
    (last,) = (await desk.start(run_id)).values()
    await desk.complete(last)

    run = await desk.find(run_id)
    assert (run.state, run.counts, run.ended_at is not None) == ("completed", {"completed": 4}, True)
    told = [event["type"] for event in await desk.events(ids.show(ids.RUN, run_id))]
    assert told == ["run.created", "jobs.unblocked", "jobs.unblocked", "run.completed"]


async def test_the_order_is_kept_however_the_definition_is_written(desk: Desk) -> None:
    run_id = await desk.create(node("c", "b"), node("b", "a"), node("a"), node("x"))

    assert await desk.play(run_id) == [["a", "x"], ["b"], ["c"]]


async def test_what_is_created_stands_in_the_ledger_with_its_counts(desk: Desk) -> None:
    run_id = await desk.create(*diamond())

    created = (await desk.events(ids.show(ids.RUN, run_id)))[0]
    assert (created["type"], created["data"]) == ("run.created", {"nodes": 4, "edges": 4, "jobs": 4})


async def test_priority_deadline_and_attempts_of_a_node_are_those_of_its_job(desk: Desk) -> None:
    run_id = await desk.create(node("a", priority=7, max_attempts=2, deadline_seconds=60, host="archive"))

    job_id = (await desk.nodes(run_id))["a"].job_id
    assert job_id is not None
    async with desk.database.tenant(desk.tenant) as tx:
        job = await store.find(tx, job_id)
    assert (job.host, job.max_attempts, job.deadline_seconds, job.run_id) == ("archive", 2, 60, run_id)


async def test_a_node_that_is_tried_again_holds_its_children_until_it_is_done(desk: Desk) -> None:
    run_id = await desk.create(node("a"), node("b", "a"))
    (fence,) = (await desk.start(run_id)).values()
    async with desk.database.tenant(desk.tenant) as tx:
        await attempts.fail(tx, fence, Fault("source-timeout", "Slow."), after_seconds=0.0)

    assert (await desk.states(run_id))["b"] == "blocked"
    assert await desk.play(run_id) == [["a"], ["b"]]


# --- what is refused -------------------------------------------------------------------------------


async def test_a_refused_run_leaves_no_trace(desk: Desk) -> None:
    with pytest.raises(InvalidInput, match="a → b → a"):
        await desk.create(node("a", "b"), node("b", "a"))
    with pytest.raises(InvalidInput) as refused:
        await desk.create(node("a"), Node("b", "juggle"), Node("c", "noop", payload={"seconds": -1}))

    assert [error.pointer for error in refused.value.errors] == ["/nodes/1/kind", "/nodes/2/payload/seconds"]
    async with desk.database.tenant(desk.tenant) as tx:
        assert await run_store.page(tx, limit=10) == []
        assert await tx.all(SQL("SELECT id FROM jobs")) == []


# --- failure ---------------------------------------------------------------------------------------


async def test_with_fail_what_waits_is_cancelled_and_what_runs_is_asked_to_stop(desk: Desk) -> None:
    run_id = await desk.create(node("a"), node("b"), node("c", "a"), node("later", "b"))
    fences = await desk.start(run_id)

    await desk.kill(fences["a"])
    await desk.sweep()

    assert await desk.states(run_id) == {"a": "dead", "b": "running", "c": "cancelled", "later": "cancelled"}
    assert (await desk.nodes(run_id))["c"].error == {
        "code": "run-failed",
        "message": "Another node failed, which ended the run.",
    }
    async with desk.database.system() as tx:
        (asked,) = await leases.cancel_requests(tx, desk.lease)
    async with desk.database.tenant(desk.tenant) as tx:
        await attempts.cancel_running(tx, fences["b"], "run-failed")
    assert asked is not None
    run = await desk.find(run_id)
    assert (run.state, run.counts) == ("failed", {"dead": 1, "cancelled": 3})
    told = [event["type"] for event in await desk.events(ids.show(ids.RUN, run_id))]
    assert told == ["run.created", "run.failing", "run.failed"]


async def test_what_waits_is_not_started_after_a_failure_however_late_the_sweep(desk: Desk) -> None:
    run_id = await desk.create(node("a"), node("b"), *(node(f"w{number}") for number in range(5)), node("later", "b"))
    fences = await desk.start(run_id, limit=2)

    await desk.kill(fences["a"])
    await desk.complete(fences["b"])  # would let go what waits for it

    assert await desk.start(run_id) == {}
    assert set((await desk.states(run_id)).values()) == {"dead", "completed", "blocked"}
    await desk.sweep()
    run = await desk.find(run_id)
    assert (run.state, run.counts) == ("failed", {"dead": 1, "completed": 1, "cancelled": 6})
    assert (await desk.nodes(run_id))["w0"].error == {
        "code": "run-failed",
        "message": "Another node failed, which ended the run.",
    }


async def test_what_waits_is_not_started_after_its_run_was_cancelled_however_late_the_sweep(desk: Desk) -> None:
    run_id = await desk.create(node("a"), node("b"), node("c", "a"))
    fences = await desk.start(run_id, limit=1)

    await desk.cancel(run_id)
    await desk.complete(fences["a"])

    assert await desk.start(run_id) == {}


async def test_nodes_that_end_while_another_fails_start_nothing_and_nobody_waits_forever(desk: Desk) -> None:
    parents = [node(f"p{number}") for number in range(8)]
    children = [node(f"c{number}", f"p{number}") for number in range(8)]
    run_id = await desk.create(*parents, *children, *(node(f"w{number}") for number in range(8)))
    fences = await desk.start(run_id, limit=8)

    await asyncio.gather(desk.kill(fences["p3"]), *(desk.complete(fences[f"p{n}"]) for n in range(8) if n != 3))
    begun = await desk.start(run_id)

    assert begun == {}
    assert Counter((await desk.states(run_id)).values()) == {"dead": 1, "completed": 7, "blocked": 16}


async def test_with_skip_only_what_depends_on_the_failed_node_is_left_out(desk: Desk) -> None:
    run_id = await desk.create(
        node("bad", on_failure=OnFailure.SKIP),
        node("child", "bad"),
        node("grandchild", "child", "good"),
        node("good"),
        node("apart", "good"),
    )

    assert await desk.play(run_id, dead=["bad"]) == [["bad", "good"], ["apart"]]

    assert await desk.states(run_id) == {
        "bad": "dead", "good": "completed", "apart": "completed", "child": "skipped", "grandchild": "skipped",
    }  # fmt: skip
    run = await desk.find(run_id)
    assert (run.state, run.counts) == ("failed", {"dead": 1, "completed": 2, "skipped": 2})
    child = (await desk.nodes(run_id))["child"]
    assert child.error is not None
    assert child.error["code"] == "parent-failed"


async def test_with_continue_the_others_go_on_as_if_it_had_succeeded(desk: Desk) -> None:
    run_id = await desk.create(*diamond(OnFailure.CONTINUE))

    assert await desk.play(run_id, dead=["b"]) == [["a"], ["b", "c"], ["d"]]

    run = await desk.find(run_id)
    assert (run.state, run.counts) == ("completed", {"completed": 3, "dead": 1})


async def test_a_node_that_is_cancelled_counts_as_failed(desk: Desk) -> None:
    run_id = await desk.create(node("a", on_failure=OnFailure.SKIP), node("b", "a"), node("c"))
    job_id = (await desk.nodes(run_id))["a"].job_id
    assert job_id is not None
    async with desk.database.tenant(desk.tenant) as tx:
        await store.cancel(tx, job_id, reason="not this one", actor=SYSTEM)

    await desk.play(run_id)

    assert await desk.states(run_id) == {"a": "cancelled", "b": "skipped", "c": "completed"}
    assert (await desk.find(run_id)).state == "failed"


async def test_a_skipped_node_does_not_apply_its_own_policy(desk: Desk) -> None:
    run_id = await desk.create(
        node("bad", on_failure=OnFailure.SKIP),
        node("fails", "bad", on_failure=OnFailure.FAIL),
        node("continues", "bad", on_failure=OnFailure.CONTINUE),
        node("below", "continues"),
        node("good"),
    )

    await desk.play(run_id, dead=["bad"])

    assert await desk.states(run_id) == {
        "bad": "dead", "fails": "skipped", "continues": "skipped", "below": "skipped", "good": "completed",
    }  # fmt: skip


async def test_a_long_chain_behind_a_failed_node_is_skipped_in_pieces(desk: Desk) -> None:
    count = runs.PIECE * 2 + 10
    chain = [node("0", on_failure=OnFailure.SKIP)] + [node(str(each), str(each - 1)) for each in range(1, count)]
    run_id = await desk.create(*chain)
    (fence,) = (await desk.start(run_id)).values()
    await desk.kill(fence)

    async with desk.database.tenant(desk.tenant) as tx:
        assert await runs.drop(tx, run_id, {}) == runs.PIECE
    assert await desk.sweep() == count - 1 - runs.PIECE

    assert (await desk.find(run_id)).counts == {"dead": 1, "skipped": count - 1}


# --- dead letters ----------------------------------------------------------------------------------


async def revive(desk: Desk, job_id: UUID | None) -> None:
    assert job_id is not None
    async with desk.database.tenant(desk.tenant) as tx:
        await store.revive(tx, job_id, {}, reason="mended", ticket=None, actor=SYSTEM)


async def test_a_run_waits_for_a_node_that_was_requeued(desk: Desk) -> None:
    run_id = await desk.create(node("bad", on_failure=OnFailure.SKIP), node("good"))
    fences = await desk.start(run_id)
    await desk.kill(fences["bad"])

    await revive(desk, (await desk.nodes(run_id))["bad"].job_id)
    await desk.complete(fences["good"])
    assert (await desk.find(run_id)).state == "running"
    await desk.play(run_id)

    run = await desk.find(run_id)
    assert (run.state, run.counts) == ("completed", {"completed": 2})


async def test_a_node_that_went_wrong_and_was_requeued_lets_its_children_go_on_once(desk: Desk) -> None:
    run_id = await desk.create(node("bad", on_failure=OnFailure.CONTINUE), node("slow"), node("child", "bad", "slow"))
    fences = await desk.start(run_id)
    await desk.kill(fences["bad"])
    await revive(desk, (await desk.nodes(run_id))["bad"].job_id)

    (again,) = (await desk.start(run_id)).values()
    await desk.complete(again)

    assert (await desk.states(run_id))["child"] == "blocked"
    await desk.complete(fences["slow"])
    assert (await desk.states(run_id))["child"] == "pending"


async def test_a_dead_letter_of_a_run_that_ended_is_replayed_not_requeued(desk: Desk) -> None:
    run_id = await desk.create(node("bad"))
    await desk.play(run_id, dead=["bad"])

    with pytest.raises(Conflict, match="replay the run from this node"):
        await revive(desk, (await desk.nodes(run_id))["bad"].job_id)

    assert (await desk.states(run_id)) == {"bad": "dead"}


# --- cancel ----------------------------------------------------------------------------------------


async def test_who_stops_a_run_waits_for_nobody_who_comes_later(desk: Desk) -> None:
    run_id = await desk.create(node("p0"), node("p1"), node("c0", "p0"), node("c1", "p1"))
    fences = await desk.start(run_id)

    await between(desk, fences["p0"], fences["p1"], desk.cancel(run_id))

    assert (await desk.states(run_id))["c1"] == "blocked"


async def test_who_brings_a_job_back_waits_for_nobody_who_comes_later(desk: Desk) -> None:
    run_id = await desk.create(
        node("bad", on_failure=OnFailure.SKIP), node("p0"), node("p1"), node("c0", "p0"), node("c1", "p1")
    )
    fences = await desk.start(run_id)
    await desk.kill(fences["bad"])

    await between(desk, fences["p0"], fences["p1"], revive(desk, (await desk.nodes(run_id))["bad"].job_id))

    states = await desk.states(run_id)
    assert (states["bad"], states["c1"]) == ("pending", "pending")


async def between(desk: Desk, early: Fence, late: Fence, change: Coroutine[Any, Any, object]) -> None:
    """Complete two jobs of a run, the later one for as long as `change` takes, which began before it."""
    is_released, is_changed = asyncio.Event(), asyncio.Event()

    async def make() -> None:
        await change
        is_changed.set()

    async def complete_late() -> None:
        async with desk.database.tenant(desk.tenant) as tx:
            await attempts.complete(tx, late)
            is_released.set()
            await is_changed.wait()

    async with asyncio.timeout(120):
        async with desk.database.tenant(desk.tenant) as tx:
            await attempts.complete(tx, early)
            making = asyncio.create_task(make())
            await waits_for_a_lock(desk.database, is_changed, sessions=1)
            ending = asyncio.create_task(complete_late())
            await waits_for_a_lock(desk.database, is_released, sessions=2)
        await asyncio.gather(making, ending)


async def waits_for_a_lock(database: Database, event: asyncio.Event, *, sessions: int) -> None:
    """Return when so many wait for a lock, or when what they wait for has happened."""
    with psycopg.connect(database.url, autocommit=True) as connection:
        query = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        while not event.is_set() and connection.execute(query).rowcount < sessions:  # noqa: ASYNC110 - only PostgreSQL knows
            await asyncio.sleep(0)


async def test_a_cancelled_run_ends_when_what_ran_has_stopped(desk: Desk) -> None:
    run_id = await desk.create(*diamond())
    (fence,) = (await desk.start(run_id)).values()

    await desk.cancel(run_id)
    await desk.sweep()
    assert await desk.states(run_id) == {"a": "running", "b": "cancelled", "c": "cancelled", "d": "cancelled"}
    async with desk.database.tenant(desk.tenant) as tx:
        await attempts.cancel_running(tx, fence, "run-cancelled")

    run = await desk.find(run_id)
    assert (run.state, run.counts) == ("cancelled", {"cancelled": 4})
    with pytest.raises(InvalidTransition):
        await desk.cancel(run_id)


async def test_what_completes_while_its_run_is_cancelled_starts_nothing(desk: Desk) -> None:
    run_id = await desk.create(node("a"), node("b", "a"))
    (fence,) = (await desk.start(run_id)).values()
    await desk.cancel(run_id)

    await desk.complete(fence)
    await desk.sweep()

    run = await desk.find(run_id)
    assert (run.state, run.counts) == ("cancelled", {"completed": 1, "cancelled": 1})


# --- replay ----------------------------------------------------------------------------------------


async def test_a_replay_does_the_chosen_node_and_what_is_below_it(desk: Desk) -> None:
    first = await desk.create(*diamond())
    await desk.play(first)

    second = await desk.replay(first, "b")

    assert await desk.states(second) == {"a": "kept", "b": "pending", "c": "kept", "d": "blocked"}
    assert await desk.play(second) == [["b"], ["d"]]
    run, old, new = await desk.find(second), await desk.nodes(first), await desk.nodes(second)
    assert (run.state, run.replay_of, run.counts) == ("completed", first, {"completed": 2, "kept": 2})
    async with desk.database.tenant(desk.tenant) as tx:
        jobs = [await store.find(tx, each) for each in (old["b"].job_id, new["b"].job_id) if each is not None]
    assert (jobs[1].replay_of, jobs[1].payload_digest) == (jobs[0].id, jobs[0].payload_digest)


async def test_a_replay_of_what_failed_leaves_out_what_is_done(desk: Desk) -> None:
    first = await desk.create(*diamond())
    await desk.play(first, dead=["b"])

    second = await desk.replay(first)

    assert await desk.play(second) == [["b"], ["d"]] or (await desk.states(second))["c"] == "completed"
    assert (await desk.find(second)).state == "completed"
    with pytest.raises(InvalidInput, match="every node"):
        await desk.replay(second)


async def test_a_replay_names_nodes_of_a_run_that_has_ended(desk: Desk) -> None:
    run_id = await desk.create(node("a"))
    with pytest.raises(InvalidTransition):
        await desk.replay(run_id, "a")
    await desk.play(run_id)

    with pytest.raises(InvalidInput, match="no node"):
        await desk.replay(run_id, "b")


# --- many at once ----------------------------------------------------------------------------------


async def test_parents_that_end_at_the_same_moment_lose_no_child(desk: Desk) -> None:
    parents, children = 12, 20
    nodes = [node(f"p{each}") for each in range(parents)]
    nodes += [node(f"c{each}", *(f"p{parent}" for parent in range(parents))) for each in range(children)]
    for _ in range(3):
        run_id = await desk.create(*nodes)
        fences = await desk.start(run_id)

        await asyncio.gather(*(desk.complete(fence) for fence in fences.values()))

        last = await desk.start(run_id)
        assert len(last) == children
        await asyncio.gather(*(desk.complete(fence) for fence in last.values()))
        await desk.sweep()
        assert (await desk.find(run_id)).state == "completed"


async def test_a_run_of_ten_thousand_nodes_is_made_and_driven_to_its_end_in_batches(desk: Desk) -> None:
    layers, width = 100, 100
    nodes = [
        node(
            f"{layer}.{place}", *(() if layer == 0 else (f"{layer - 1}.{place}", f"{layer - 1}.{(place + 1) % width}"))
        )
        for layer in range(layers)
        for place in range(width)
    ]
    run_id = await desk.create(*nodes)

    ended: list[batches.Started] = []
    done = 0
    while True:
        batch_id = ids.new()
        try:
            async with desk.database.system() as tx:
                await store.wake_turns(tx)
                given = await batches.exchange(
                    tx, lease_id=desk.lease, kinds=["noop"], limit=1000, ended=ended, batch_id=batch_id
                )
        except DatabaseUnavailable:
            continue  # as a worker does: on a slow machine the server takes the turn away from who keeps it for long
        assert given.stale == frozenset()
        done, ended = done + len(ended), list(given.started)
        if not ended:
            break

    run = await desk.find(run_id)
    assert (run.state, run.counts, done) == ("completed", {"completed": 10_000}, 10_000)


# --- tenants ---------------------------------------------------------------------------------------


async def test_a_run_is_not_found_by_another_organisation(desk: Desk, database: Database) -> None:
    run_id = await desk.create(*diamond())
    other = await _desk(database, "other")

    with pytest.raises(NotFound):
        await other.find(run_id)
    with pytest.raises(NotFound):
        await other.cancel(run_id)
    with pytest.raises(NotFound):
        await other.replay(run_id, "a")
    async with database.tenant(other.tenant) as tx:
        assert await run_store.page(tx, limit=10) == []
        assert await run_store.edges(tx, run_id) == []
