"""What workers, sweeps, people and time can do to the job engine, step by step, and what always holds."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule
from psycopg.sql import SQL

from lading import ids
from lading.db.transaction import Transaction
from lading.errors import StaleLease
from lading.jobs import attempts, batches, leases, marks, store
from lading.jobs.model import Claim, Fault, Fence, Job, NewJob, State
from lading.ledger.entry import SYSTEM
from lading.limits import store as limits
from lading.limits.model import Scope
from lading.tenants import store as tenants
from tests.machine_model import (
    ALLOCATE,
    BLOCK,
    COUNT,
    DROP_ALLOCATION,
    DROP_BUCKET,
    HOW,
    LEASE_SECONDS,
    MAX_ATTEMPTS,
    MAX_CRASHES,
    SET_BUCKET,
    SHRINK,
    WAKE,
    WORKERS,
    Known,
    Played,
    Tokens,
    Worker,
)


class Rules(Played):
    """Single steps."""

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
        clock = marks.Marks(self.seconds)
        self.workers.append(Worker(lease, self.now + timedelta(seconds=LEASE_SECONDS), clock))

    @rule(
        count=st.integers(1, 3),
        delay=st.sampled_from([0, 0, 20]),
        priority=st.integers(0, 2),
        is_other=st.sampled_from([False, False, True]),
        parents=st.sampled_from([0, 0, 0, 1]),
    )
    def enqueue(self, count: int, delay: int, priority: int, is_other: bool, parents: int) -> None:
        due = self.now + timedelta(seconds=delay) if delay and not parents else None
        for _ in range(count):
            job = NewJob(
                ids.new(),
                self.other if is_other else self.kind,
                "exp_x",
                due_at=due,
                priority=priority,
                max_attempts=MAX_ATTEMPTS,
                max_crashes=MAX_CRASHES,
                pending_parents=parents,
            )
            self.tenant(lambda tx, job=job: store.enqueue(tx, job, actor=SYSTEM))
            self.jobs[job.id] = Known(job.kind, priority, due_at=due, is_blocked=bool(parents))

    @rule(
        index=st.integers(0, WORKERS - 1),
        limit=st.integers(1, 5),
        has_marks=st.booleans(),
        is_batch=st.sampled_from([False, False, True]),
    )
    def claim(self, index: int, limit: int, has_marks: bool = False, is_batch: bool = False) -> None:
        worker = self.workers[index]
        known_marks = worker.marks if has_marks else None
        kinds = [self.kind, self.other]
        is_alive = not worker.is_expired and self.now < worker.expires_at
        expected = self.expected(limit, is_batch=is_batch) if is_alive else 0

        async def single(tx: Transaction) -> list[Claim]:
            await store.wake_turns(tx)
            return await store.claim(tx, lease_id=worker.lease, kinds=kinds, limit=limit, marks=known_marks)

        async def batch(tx: Transaction) -> list[tuple[Job, Fence]]:
            await store.wake_turns(tx)
            got = await batches.exchange(
                tx, lease_id=worker.lease, kinds=kinds, limit=limit, ended=[], batch_id=ids.new(), marks=known_marks
            )
            return list(got.started)

        claimed = self.system(single) if not is_batch else []
        started = self.system(batch) if is_batch else []
        got = [item.job_id for item in claimed] + [job.id for job, _ in started]
        assert len(got) == expected, f"{len(got)} claimed, {expected} expected"
        assert not self.passed_over(got, is_batch=is_batch, has_marks=has_marks), "one before those claimed still waits"
        if self.bucket is not None and got:
            self.bucket.spend(len(got), self.now)
        for item in claimed:
            self.take(worker, item.job_id)
            worker.claims.append(item)
        for job, fence in started:
            known = self.take(worker, job.id)
            assert not known.is_solo, "a job that must run alone is in a batch"
            assert fence.attempt == known.attempt + 1, "attempts must grow by one"
            assert job.started_at == self.now, "a job in a batch has started when it is claimed"
            known.attempt, known.is_started, known.is_in_batch = fence.attempt, True, True
            worker.fences.append(fence)
            worker.batched[fence] = job

    def take(self, worker: Worker, job_id: UUID) -> Known:
        known = self.jobs[job_id]
        assert known.ended is None, "a job that had ended was claimed"
        assert known.holder is None, "a job that somebody holds was claimed"
        assert known.due_at is None, "a job was claimed before it was promoted"
        assert not known.is_blocked, "a job was claimed before its parents had ended"
        known.holder = worker.lease
        return known

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

    def try_settle(self, worker: Worker, fence: Fence, how: str, delay: float | None = None) -> None:
        known, fault = self.jobs[fence.job_id], Fault("broken", "It broke.")
        delay = random.choice([0.0, 15.0]) if delay is None else delay
        bodies: dict[str, Callable[[Transaction], Awaitable[Job]]] = {
            "complete": lambda tx: self.complete(tx, worker, fence),
            "fail": lambda tx: attempts.fail(tx, fence, fault, after_seconds=delay),
            "snooze": lambda tx: attempts.snooze(tx, fence, 10.0, "later"),
            "kill": lambda tx: attempts.kill(tx, fence, fault),
            "crash": lambda tx: attempts.crash(tx, fence),
        }
        job = self.settle(worker, fence, bodies[how])
        if job is None:
            return
        known.failures += how == "fail"
        lost = how == "crash" and not known.is_cancel_asked
        known.crashes += lost and not known.is_in_batch
        known.is_solo = known.is_solo or (lost and known.is_in_batch)
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
        if job.state in {State.PENDING, State.SCHEDULED}:
            self.put_back(known, job)
        else:
            known.ended = job.state
        if job.state is not State.CANCELLED:
            counted = known.failures + (how == "kill"), known.crashes
            assert (job.failures, job.crashes) == counted, f"{how}: the budget is counted wrongly"

    async def complete(self, tx: Transaction, worker: Worker, fence: Fence) -> Job:
        """Complete as the worker would: with the rest of its batch when the job was claimed in one."""
        if fence not in worker.batched:
            return await attempts.complete(tx, fence)
        ended = [(worker.batched[fence], fence)]
        if await batches.settle(tx, ended, lease_id=fence.lease_id):
            raise StaleLease("another owns it")
        return await store.find(tx, fence.job_id)

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
        promoted = self.system(store.promote)
        due = [known for known in self.jobs.values() if known.due_at is not None and known.due_at <= self.now]
        waiting = [known for known in due if known.ended is None and not known.is_blocked]
        assert promoted >= len(waiting), "a job whose time has come is left waiting"
        for known in due:
            known.due_at, known.again_at = None, self.now

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
            lost = known.is_started and not known.is_cancel_asked
            known.crashes += lost and not known.is_in_batch
            known.is_solo = known.is_solo or (lost and known.is_in_batch)
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
        self.stop(data.draw(st.sampled_from([key for key, known in self.jobs.items() if known.ended is None])))

    def stop(self, job_id: UUID) -> None:
        known = self.jobs[job_id]
        job = self.tenant(lambda tx: store.cancel(tx, job_id, reason="no", actor=SYSTEM))
        if known.holder is None:
            assert job.state is State.CANCELLED, "a waiting job that was cancelled goes on"
            known.ended = State.CANCELLED
        else:
            assert job.cancel_requested_at is not None, "the holder is not asked to stop"
            known.is_cancel_asked = True

    @precondition(lambda self: any(known.ended is None and known.holder is None for known in self.jobs.values()))
    @rule(data=st.data(), priority=st.integers(0, 2))
    def prioritise(self, data: Any, priority: int) -> None:
        waiting = [key for key, known in self.jobs.items() if known.ended is None and known.holder is None]
        job_id = data.draw(st.sampled_from(waiting))
        self.tenant(lambda tx: store.prioritise(tx, job_id, priority, actor=SYSTEM))
        self.jobs[job_id].priority, self.jobs[job_id].again_at = priority, self.now

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

    @rule(most=st.sampled_from([None, 1, 3]), is_of_all=st.booleans())
    def set_quota(self, most: int | None, is_of_all: bool) -> None:
        kind, had = ("*", self.quota_of_all) if is_of_all else (self.kind, self.quota)
        if most is None and had is not None:
            self.tenant(lambda tx: limits.drop_quota(tx, kind, actor=SYSTEM))
        elif most is not None:
            self.tenant(
                lambda tx: limits.set_quota(tx, kind, max_active=most, max_per_hour=None, burst=None, actor=SYSTEM)
            )
        if is_of_all:
            self.quota_of_all = most
        else:
            self.quota = most

    def change(self, statement: SQL, **parameters: object) -> None:
        async def body(tx: Transaction) -> None:
            await tx.run(statement, tenant=self.tenant_id, **parameters)
            await tx.run(WAKE, tenant=self.tenant_id)

        self.tenant(body)

    @rule(most=st.sampled_from([None, None, 2]))
    def allocate(self, most: int | None) -> None:
        self.change(DROP_ALLOCATION if most is None else ALLOCATE, **({} if most is None else {"most": most}))
        self.most = most

    @rule(rate=st.sampled_from([None, 0.25, 1.0]), burst=st.integers(1, 4))
    def set_bucket(self, rate: float | None, burst: int) -> None:
        if rate is None:
            self.bucket = None
            self.change(DROP_BUCKET)
        else:
            self.bucket = Tokens(rate, burst, burst, self.now)
            self.change(SET_BUCKET, rate=rate, burst=burst)

    @precondition(lambda self: self.bucket is not None)
    @rule(factor=st.sampled_from([1.0, 0.5, 0.25]))
    def adapt(self, factor: float) -> None:
        assert self.bucket is not None
        self.bucket.factor = factor
        self.change(SHRINK, factor=factor)

    @precondition(lambda self: self.bucket is not None)
    @rule(seconds=st.sampled_from([2, 10]))
    def retry_after(self, seconds: int) -> None:
        assert self.bucket is not None
        self.bucket.blocked_until = self.now + timedelta(seconds=seconds)
        self.change(BLOCK, seconds=seconds)

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
