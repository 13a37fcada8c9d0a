"""
A state machine over the real SQL of the job engine, on a virtual clock.

Hypothesis plays workers that claim, start, finish, fail, freeze and die, sweeps, people who cancel and pause, and time
that passes, and compares the database after every step with a model that knows only what was promised.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import psycopg
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from psycopg.sql import SQL, Identifier

from lading import ids
from lading.db.database import Database
from lading.db.transaction import Transaction
from lading.errors import StaleLease
from lading.jobs import attempts, leases, store
from lading.jobs.model import Claim, Fault, Fence, Job, NewJob, State
from lading.ledger.entry import SYSTEM
from lading.limits import store as limits
from lading.limits.model import Scope
from lading.tenants import store as tenants

T = TypeVar("T")

LEASE_SECONDS = 30.0
MAX_ATTEMPTS = 3
MAX_CRASHES = 2
WORKERS = 3
MAX_ACTIVE = 4
CLOCK = SQL("SELECT set_config('lading.now', %(now)s, true)")
COUNT = SQL(
    "SELECT (SELECT count(*) FROM jobs WHERE tenant_id = %(tenant)s) AS live, "
    "(SELECT count(*) FROM finished_jobs WHERE tenant_id = %(tenant)s) AS ended, "
    "(SELECT count(*) FROM jobs WHERE tenant_id = %(tenant)s AND state = 'running') AS running, "
    "(SELECT count(*) FROM attempts WHERE tenant_id = %(tenant)s AND outcome = 'completed') AS completed"
)
HOW = ("complete", "fail", "fail", "snooze", "kill", "crash")
_names = itertools.count()


@dataclass
class Known:
    """What the model knows of a job."""

    holder: UUID | None = None
    attempt: int = 0
    is_started: bool = False
    failures: int = 0
    crashes: int = 0
    due_at: datetime | None = None
    ended: State | None = None
    is_cancel_asked: bool = False


@dataclass
class Worker:
    """A worker's own view: what it believes it holds, which may be long out of date."""

    lease: UUID
    expires_at: datetime
    is_expired: bool = False
    claims: list[Claim] = field(default_factory=list)
    fences: list[Fence] = field(default_factory=list)


class JobsMachine(RuleBasedStateMachine):
    """The rules; set `url` to a migrated database before running it."""

    url: ClassVar[str] = ""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.database = Database(self.url, size=2)
        self.runner.run(self.database.open())
        self.kind = f"kind-{next(_names)}"
        self.now = datetime(2030, 1, 1, tzinfo=UTC)
        self.jobs: dict[UUID, Known] = {}
        self.workers: list[Worker] = []
        self.zombies: list[Worker] = []
        self.spent: list[tuple[Worker, Fence]] = []
        self.started: list[tuple[Worker, Claim]] = []
        self.pause: UUID | None = None
        self.quota: int | None = None

    def teardown(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            for table in ("jobs", "turns", "lanes"):  # what is left must not take turns from the next example
                connection.execute(SQL("DELETE FROM {}").format(Identifier(table)))
        self.runner.run(self.database.close())
        self.runner.close()

    # --- plumbing ---------------------------------------------------------------------------------

    def system(self, body: Callable[[Transaction], Awaitable[T]]) -> T:
        async def run() -> T:
            async with self.database.system() as tx:
                await tx.run(CLOCK, now=self.now.isoformat())
                return await body(tx)

        return self.runner.run(run())

    def tenant(self, body: Callable[[Transaction], Awaitable[T]]) -> T:
        async def run() -> T:
            async with self.database.tenant(self.tenant_id) as tx:
                await tx.run(CLOCK, now=self.now.isoformat())
                return await body(tx)

        return self.runner.run(run())

    def holds(self, fence: Fence) -> bool:
        known = self.jobs[fence.job_id]
        return known.ended is None and known.holder == fence.lease_id and known.attempt == fence.attempt

    def settle(self, worker: Worker, fence: Fence, body: Callable[[Transaction], Awaitable[Job]]) -> Job | None:
        """Let the worker write under its fence; it must be refused exactly when it holds the job no more."""
        if fence in worker.fences:
            worker.fences.remove(fence)
            self.spent.append((worker, fence))
        holds = self.holds(fence)
        try:
            job = self.tenant(body)
        except StaleLease:
            assert not holds, "the rightful holder was refused"
            return None
        assert holds, "somebody who lost the lease could write"
        return job

    def put_back(self, known: Known, job: Job) -> None:
        known.holder, known.is_started = None, False
        known.due_at = job.due_at if job.state is State.SCHEDULED else None

    # --- the rules --------------------------------------------------------------------------------

    @initialize()
    def begin(self) -> None:
        made = self.system(lambda tx: tenants.create_tenant(tx, self.kind, name="x", actor=SYSTEM))
        self.tenant_id = made.id
        for _ in range(WORKERS):
            self.open_worker()

    def open_worker(self) -> None:
        lease = ids.new()
        self.system(lambda tx: leases.open_lease(tx, lease, worker="test", seconds=LEASE_SECONDS))
        self.workers.append(Worker(lease, self.now + timedelta(seconds=LEASE_SECONDS)))

    @rule(count=st.integers(1, 3), delay=st.sampled_from([0, 0, 20]), priority=st.integers(0, 2))
    def enqueue(self, count: int, delay: int, priority: int) -> None:
        due = self.now + timedelta(seconds=delay) if delay else None
        for _ in range(count):
            job = NewJob(
                ids.new(),
                self.kind,
                "exp_x",
                due_at=due,
                priority=priority,
                max_attempts=MAX_ATTEMPTS,
                max_crashes=MAX_CRASHES,
            )
            self.tenant(lambda tx, job=job: store.enqueue(tx, job, actor=SYSTEM))
            self.jobs[job.id] = Known(due_at=due)

    @rule(index=st.integers(0, WORKERS - 1), limit=st.integers(1, 5))
    def claim(self, index: int, limit: int) -> None:
        worker = self.workers[index]
        waiting = [known for known in self.jobs.values() if known.ended is None and known.holder is None]
        pending = sum(known.due_at is None for known in waiting)
        running = sum(known.holder is not None and known.ended is None for known in self.jobs.values())

        async def body(tx: Transaction) -> list[Claim]:
            await store.wake_turns(tx)
            return await store.claim(tx, lease_id=worker.lease, kinds=[self.kind], limit=limit)

        claimed = self.system(body)
        room = limit if self.quota is None else min(limit, max(0, self.quota - running))
        alive = not worker.is_expired and self.now < worker.expires_at
        expected = 0 if not alive or self.pause is not None else min(pending, room)
        assert len(claimed) == expected, f"{len(claimed)} claimed, {expected} expected"
        for item in claimed:
            known = self.jobs[item.job_id]
            assert known.ended is None, "a job that had ended was claimed"
            assert known.holder is None, "a job that somebody holds was claimed"
            assert known.due_at is None, "a job was claimed before it was promoted"
            known.holder = worker.lease
            worker.claims.append(item)

    def everybody(self) -> list[Worker]:
        """Those who are believed to live, and those who do not know that they are dead."""
        return [*self.workers, *self.zombies]

    @precondition(lambda self: any(worker.claims for worker in self.everybody()))
    @rule(data=st.data())
    def start(self, data: Any) -> None:
        worker = data.draw(st.sampled_from([worker for worker in self.everybody() if worker.claims]))
        item = worker.claims.pop(data.draw(st.integers(0, len(worker.claims) - 1)))
        self.started.append((worker, item))
        self.try_start(worker, item)

    @precondition(lambda self: bool(self.started))
    @rule(data=st.data())
    def start_again(self, data: Any) -> None:
        # Those first that could do harm: the job runs already, or waits for its start by somebody else.
        held = [entry for entry in self.started if self.jobs[entry[1].job_id].holder is not None]
        self.try_start(*data.draw(st.sampled_from(held or self.started)))

    def try_start(self, worker: Worker, item: Claim) -> None:
        known = self.jobs[item.job_id]
        rightful = known.ended is None and known.holder == worker.lease and not known.is_started
        try:
            _, fence = self.tenant(lambda tx: attempts.start(tx, item))
        except StaleLease:
            assert not rightful, "the rightful holder could not start"
            return
        assert rightful, "somebody who lost the lease could start"
        assert fence.attempt == known.attempt + 1, "attempts must grow by one"
        known.attempt, known.is_started = fence.attempt, True
        worker.fences.append(fence)

    @precondition(lambda self: any(worker.fences for worker in self.everybody()))
    @rule(data=st.data(), how=st.sampled_from(HOW))
    def settle_one(self, data: Any, how: str) -> None:
        worker = data.draw(st.sampled_from([worker for worker in (*self.zombies, *self.workers) if worker.fences]))
        # Those first whose job somebody else holds by now: only the fence keeps them out.
        taken = [fence for fence in worker.fences if self.jobs[fence.job_id].holder not in {None, worker.lease}]
        self.try_settle(worker, data.draw(st.sampled_from(taken or worker.fences)), how)

    @precondition(lambda self: bool(self.spent))
    @rule(data=st.data(), how=st.sampled_from(HOW))
    def settle_again(self, data: Any, how: str) -> None:
        # Those first that could do harm: the job is held again, by this worker or another.
        held = [entry for entry in self.spent if self.jobs[entry[1].job_id].holder is not None]
        self.try_settle(*data.draw(st.sampled_from(held or self.spent)), how)

    @rule(index=st.integers(0, WORKERS - 1), how=st.sampled_from(HOW), times=st.integers(1, 3))
    def work(self, index: int, how: str, times: int) -> None:
        """Go the whole way with one job after another, so that jobs see many attempts."""
        for _ in range(times):
            for other in range(WORKERS):
                self.beat(other)
            if not any(known.ended is None and known.due_at is None for known in self.jobs.values()):
                self.pass_time(16)
            self.promote()
            self.claim(index, 1)
            worker = self.workers[index]
            while worker.claims:
                item = worker.claims.pop()
                self.started.append((worker, item))
                self.try_start(worker, item)
            if worker.fences:
                self.try_settle(worker, worker.fences[-1], how)

    @rule(index=st.integers(0, WORKERS - 1))
    def lose_worker(self, index: int) -> None:
        """Let one worker fall silent while the others go on; it acts again before and after it is missed."""
        for seconds in (16, 16):
            for other in range(WORKERS):
                if other != index:
                    self.beat(other)
            self.pass_time(seconds)
        self.claim(index, 1)
        self.sweep()
        self.zombies.append(self.workers.pop(index))
        self.open_worker()

    def try_settle(self, worker: Worker, fence: Fence, how: str) -> None:
        known, fault, delay = self.jobs[fence.job_id], Fault("broken", "It broke."), random.choice([0.0, 15.0])
        bodies: dict[str, Callable[[Transaction], Awaitable[Job]]] = {
            "complete": lambda tx: attempts.complete(tx, fence),
            "fail": lambda tx: attempts.fail(tx, fence, fault, after_seconds=delay),
            "snooze": lambda tx: attempts.snooze(tx, fence, 10.0, "later"),
            "kill": lambda tx: attempts.kill(tx, fence, fault),
            "crash": lambda tx: attempts.crash(tx, fence),
        }
        job = self.settle(worker, fence, bodies[how])
        if job is None:
            return
        known.failures += how == "fail"
        known.crashes += how == "crash" and not known.is_cancel_asked
        spent = known.failures >= MAX_ATTEMPTS or known.crashes >= MAX_CRASHES
        if how == "complete":
            assert job.state is State.COMPLETED
        elif known.is_cancel_asked and how in {"fail", "snooze", "crash"}:
            assert job.state is State.CANCELLED, "a job that was asked to stop goes on"
        elif how == "kill" or spent:
            assert job.state is State.DEAD, f"{how}: {job.state} though the budget is spent"
        else:
            waits = how == "snooze" or (how == "fail" and delay > 0)
            assert job.state is (State.SCHEDULED if waits else State.PENDING), f"{how}: {job.state}"
            after = timedelta(seconds=10 if how == "snooze" else delay)
            assert not waits or job.due_at == self.now + after, "it waits for another time than it was told"
            assert (job.failures, job.crashes) == (known.failures, known.crashes), "the budget is counted wrongly"
        if job.state in {State.PENDING, State.SCHEDULED}:
            self.put_back(known, job)
        else:
            known.ended = job.state

    @rule(index=st.integers(0, WORKERS - 1))
    def beat(self, index: int) -> None:
        worker = self.workers[index]
        renewed = self.system(lambda tx: leases.renew(tx, worker.lease, seconds=LEASE_SECONDS))
        alive = not worker.is_expired and self.now < worker.expires_at
        assert renewed == alive, "a lease was renewed that had run out, or refused that had not"
        if renewed:
            worker.expires_at = self.now + timedelta(seconds=LEASE_SECONDS)

    @rule(seconds=st.sampled_from([1, 3, 9, 16]))
    def pass_time(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def promote(self) -> None:
        self.system(store.promote)
        for known in self.jobs.values():
            if known.due_at is not None and known.due_at <= self.now:
                known.due_at = None

    @rule()
    def sweep(self) -> None:
        self.system(lambda tx: leases.expire(tx, seconds=LEASE_SECONDS))
        for worker in self.everybody():
            worker.is_expired = worker.is_expired or worker.expires_at <= self.now
        dead = {worker.lease for worker in self.everybody() if worker.is_expired}
        found = [item for item in self.system(leases.orphans) if item.tenant_id == self.tenant_id]
        mine = {job_id for job_id, known in self.jobs.items() if known.ended is None and known.holder in dead}
        assert {item.job_id for item in found} == mine, "orphans are exactly the jobs of dead leases"
        for orphan in found:
            known = self.jobs[orphan.job_id]
            job = self.tenant(lambda tx, orphan=orphan: leases.rescue(tx, orphan))
            job = job if job is not None else self.tenant(lambda tx, orphan=orphan: store.find(tx, orphan.job_id))
            known.crashes += known.is_started and not known.is_cancel_asked
            if known.is_cancel_asked:
                assert job.state is State.CANCELLED, "a job that was asked to stop is run again"
            elif known.crashes >= MAX_CRASHES:
                assert job.state is State.DEAD, "a job that kills its workers is run again"
            else:
                assert job.state is State.PENDING, "a lost job does not come back"
            assert job.crashes == known.crashes, "crashes are counted wrongly"
            if job.state is State.PENDING:
                self.put_back(known, job)
            else:
                known.ended = job.state

    @precondition(lambda self: any(known.ended is None for known in self.jobs.values()))
    @rule(data=st.data())
    def cancel(self, data: Any) -> None:
        job_id = data.draw(st.sampled_from([key for key, known in self.jobs.items() if known.ended is None]))
        known = self.jobs[job_id]
        job = self.tenant(lambda tx: store.cancel(tx, job_id, reason="no", actor=SYSTEM))
        if known.holder is None:
            assert job.state is State.CANCELLED, "a waiting job that was cancelled goes on"
            known.ended = State.CANCELLED
        else:
            assert job.cancel_requested_at is not None, "the holder is not asked to stop"
            known.is_cancel_asked = True

    @rule()
    def replace_dead_workers(self) -> None:
        for worker in [worker for worker in self.workers if worker.expires_at <= self.now]:
            self.workers.remove(worker)
            self.zombies.append(worker)
            self.open_worker()

    @precondition(lambda self: bool(self.zombies))
    @rule(data=st.data())
    def zombie_beats(self, data: Any) -> None:
        worker = data.draw(st.sampled_from(self.zombies))
        renewed = self.system(lambda tx: leases.renew(tx, worker.lease, seconds=LEASE_SECONDS))
        assert renewed == (not worker.is_expired and self.now < worker.expires_at), "a lease that ran out was renewed"
        if renewed:
            worker.expires_at = self.now + timedelta(seconds=LEASE_SECONDS)

    @rule()
    def toggle_pause(self) -> None:
        if self.pause is None:
            made = self.tenant(
                lambda tx: limits.pause(
                    tx, Scope.KIND, self.kind, reason="x", ticket=None, starts_at=None, ends_at=None, actor=SYSTEM
                )
            )
            self.pause = made.id
        else:
            pause, self.pause = self.pause, None
            self.tenant(lambda tx: limits.resume(tx, pause, actor=SYSTEM))

    @rule(most=st.sampled_from([None, 1, 3]))
    def set_quota(self, most: int | None) -> None:
        if most is None and self.quota is not None:
            self.tenant(lambda tx: limits.drop_quota(tx, self.kind, actor=SYSTEM))
        elif most is not None:
            self.tenant(
                lambda tx: limits.set_quota(tx, self.kind, max_active=most, max_per_hour=None, burst=None, actor=SYSTEM)
            )
        self.quota = most

    # --- what always holds ------------------------------------------------------------------------

    @invariant()
    def every_job_is_somewhere_once(self) -> None:
        if not hasattr(self, "tenant_id"):
            return
        row = self.tenant(lambda tx: tx.one(COUNT, tenant=self.tenant_id))
        ended = sum(known.ended is not None for known in self.jobs.values())
        completed = sum(known.ended is State.COMPLETED for known in self.jobs.values())
        running = sum(known.ended is None and known.holder is not None for known in self.jobs.values())
        assert (row["live"], row["ended"]) == (len(self.jobs) - ended, ended), "a job is lost or doubled"
        assert row["completed"] == completed, "a job has its effect twice, or not at all"
        assert row["running"] == running, "the database and the model differ on what runs"
