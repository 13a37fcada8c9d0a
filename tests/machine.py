"""
A state machine over the real SQL of the job engine, on a virtual clock.

Hypothesis plays workers that claim, start, finish, fail, freeze and die, sweeps, people who cancel and pause, and time
that passes, and compares the database after every step with a model that knows only what was promised.
The single steps are in `machine_rules.py`; here are scenes: steps that only matter one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.machine_model import HOW, WORKERS, Known, Worker
from tests.machine_rules import Rules

INDEX = st.integers(0, WORKERS - 1)
PAUSES = st.lists(st.sampled_from([1, 1, 2, 3, 9]), min_size=1, max_size=3)


class JobsMachine(Rules):
    """The whole machine."""

    def take(self, worker: Worker, job_id: UUID) -> Known:
        known = super().take(worker, job_id)
        held = [other.kind for other in self.jobs.values() if other.ended is None and other.holder is not None]
        if known.kind == self.kind:
            assert self.pause is None, "a job of a kind that is paused was claimed"
            assert self.quota is None or held.count(self.kind) <= self.quota, (
                "a job was claimed beyond its kind's quota"
            )
        for room in (self.quota_of_all, self.most):
            assert room is None or len(held) <= room, "a job was claimed beyond the limit of its tenant"
        return known

    def clear(self) -> None:
        """Lift every limit, let every job go that can, and give every worker a lease that lasts."""
        if self.pause is not None:
            self.toggle_pause()
        for is_of_all in (False, True):
            self.set_quota(None, is_of_all)
        if self.most is not None:
            self.allocate(None)
        if self.bucket is not None:
            self.set_bucket(None, 1)
        self.replace_dead_workers()
        for index in range(WORKERS):
            self.beat(index)
        for worker in self.workers:
            while worker.claims:
                self.begin_work(worker)
            while worker.fences:
                self.try_settle(worker, worker.fences[-1], "complete")

    def stock(self, jobs: int, *, priority: int = 0) -> None:
        """Have `jobs` jobs or more that wait for a worker only, the last ones of this priority."""
        missing = jobs - len(self.waiting())
        if missing > 0:
            self.enqueue(missing, 0, priority, is_other=False, parents=0)

    def begin_work(self, worker: Worker) -> None:
        item = worker.claims.pop()
        self.started.append((worker, item))
        self.try_start(worker, item)

    def claim_short(self, jobs: Sequence[tuple[int, int, int]], *limits: int, parents: int = 0) -> None:
        """Enqueue (count, delay, priority), the first with `parents`, and claim batches of them."""
        for number, (count, delay, priority) in enumerate(jobs):
            self.enqueue(count, delay, priority, is_other=False, parents=0 if number else parents)
        for limit in limits:
            self.claim(0, limit, is_batch=True)

    def empty(self) -> None:
        """Cancel all that waits."""
        for job_id, known in self.jobs.items():
            if known.ended is None and known.holder is None:
                self.stop(job_id)

    @rule(index=INDEX, how=st.sampled_from(HOW), times=st.integers(1, 3), is_batch=st.booleans())
    def work(self, index: int, how: str, times: int, is_batch: bool) -> None:
        """Go the whole way with one job after another, so that jobs see many attempts."""
        for _ in range(times):
            for other in range(WORKERS):
                if self.workers[other].expires_at <= self.now + timedelta(seconds=16):
                    self.beat(other)
            live = [known for known in self.jobs.values() if known.ended is None and not known.is_blocked]
            if not any(known.due_at is None for known in live):
                self.pass_time(16)
            self.promote()
            self.claim(index, 1, is_batch=is_batch)
            worker = self.workers[index]
            while worker.claims:
                self.begin_work(worker)
            if worker.fences:
                self.try_settle(worker, worker.fences[-1], how)

    @rule(index=INDEX)
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

    @rule(index=INDEX, other=INDEX, is_batch=st.booleans(), is_again_batch=st.booleans())
    def settle_late(self, index: int, other: int, is_batch: bool, is_again_batch: bool) -> None:
        """Let a worker write once more to a job that failed and that somebody, perhaps itself, holds again."""
        self.clear()
        self.empty()
        self.enqueue(1, 0, 0, is_other=False, parents=0)
        worker = self.workers[index]
        self.claim(index, 1, is_batch=is_batch)
        if not is_batch:
            self.begin_work(worker)
        fence = worker.fences[-1]
        self.try_settle(worker, fence, "fail", 0.0)
        self.claim(other, 1, is_batch=is_again_batch)
        if other == index and not is_again_batch:
            self.begin_work(worker)
        for how in sorted(set(HOW)):
            self.try_settle(worker, fence, how)

    @rule(index=INDEX, other=INDEX, seconds=st.sampled_from([29, 31]))
    def start_late(self, index: int, other: int, seconds: int) -> None:
        """Let a worker begin what it claimed, after its lease may have run out and others may hold the job."""
        self.clear()
        self.empty()
        self.enqueue(2, 0, 0, is_other=False, parents=0)
        self.claim(index, 1)
        item = self.workers[index].claims[-1]
        self.pass_time(15)
        if other != index:
            self.beat(other)
        self.pass_time(seconds - 15)
        self.claim(index, 1)
        self.beat(index)
        self.sweep()
        self.claim(other, 1)
        self.try_start(self.workers[index], item)
        self.beat(index)

    @rule(
        index=INDEX, is_batch=st.booleans(), ends=st.lists(st.sampled_from(["fail", "crash"]), min_size=2, max_size=4)
    )
    def spend_budget(self, index: int, is_batch: bool, ends: Sequence[str]) -> None:
        """Let one job fail and crash until nothing is left of its budget."""
        self.clear()
        self.empty()
        self.enqueue(1, 0, 0, is_other=False, parents=0)
        worker = self.workers[index]
        for how in ends:
            self.claim(index, 1, is_batch=is_batch)
            while worker.claims:
                self.begin_work(worker)
            if worker.fences:
                self.try_settle(worker, worker.fences[-1], how, 0.0)
        self.claim(index, 2)

    @rule(
        index=INDEX, has_marks=st.booleans(), wait=st.sampled_from([0, 3]), late=st.sampled_from(["complete", "fail"])
    )
    def lose_batch(self, index: int, has_marks: bool, wait: int, late: str) -> None:
        """Lose a job in a batch: from then on it runs alone, and no batch keeps it from that."""
        self.clear()
        self.empty()
        self.enqueue(1, 0, 0, is_other=False, parents=0)
        worker = self.workers[index]
        self.claim(index, 1, has_marks, is_batch=True)
        lost = worker.fences[-1]
        self.try_settle(worker, lost, "crash")
        self.pass_time(wait)
        self.enqueue(3, 0, 0, is_other=False, parents=0)
        self.claim(index, 1, has_marks, is_batch=True)
        self.claim(index, 1, has_marks)
        # The word of the attempt that was lost comes late, when the same worker has the job again and no attempt began.
        self.try_settle(worker, lost, late)
        self.claim(index, 5, has_marks, is_batch=True)

    @rule(
        index=INDEX,
        first=st.integers(0, 2),
        second=st.integers(0, 2),
        is_batch=st.booleans(),
        comes_back=st.booleans(),
        limit=st.sampled_from([1, 1, 5]),
        pauses=PAUSES,
    )
    def follow_marks(
        self,
        index: int,
        first: int,
        second: int,
        is_batch: bool,
        comes_back: bool,
        limit: int,
        pauses: Sequence[int],
    ) -> None:
        """Claim at the marks while jobs of two priorities come, and one comes back."""
        self.clear()
        worker = self.workers[index]
        self.stock(4, priority=first)
        for _ in range(2):
            self.claim(index, 1, has_marks=True, is_batch=is_batch)
        if comes_back:
            while worker.claims:
                self.begin_work(worker)
            if worker.fences:  # none when what stands first runs alone, and the claims are of batches
                self.try_settle(worker, worker.fences[0], "fail", 0.0)
        self.enqueue(3, 0, second, is_other=False, parents=0)
        for seconds in pauses:
            self.claim(index, limit, has_marks=True, is_batch=is_batch)
            self.pass_time(seconds)
            self.beat(index)
            self.enqueue(1, 0, first, is_other=False, parents=0)
        self.claim(index, limit, has_marks=True, is_batch=is_batch)

    @rule(
        index=INDEX,
        rate=st.sampled_from([0.25, 1.0]),
        burst=st.integers(1, 4),
        factor=st.sampled_from([1.0, 0.5, 0.25]),
        blocked=st.sampled_from([0, 0, 2, 10]),
        pauses=PAUSES,
        is_batch=st.booleans(),
    )
    def drain_bucket(
        self, index: int, rate: float, burst: int, factor: float, blocked: int, pauses: Sequence[int], is_batch: bool
    ) -> None:
        """Claim all that a bucket gives, again and again."""
        self.clear()
        self.stock(12)
        self.set_bucket(rate, burst)
        self.adapt(factor)
        if blocked:
            self.retry_after(blocked)
        self.claim(index, 5, is_batch=is_batch)
        for seconds in pauses:
            self.pass_time(seconds)
            self.beat(index)
            self.claim(index, 5, is_batch=is_batch)

    @rule(
        index=INDEX,
        most=st.sampled_from([1, 2, 3]),
        what=st.sampled_from(["kind", "all", "tenant", "pause", "each"]),
        is_batch=st.booleans(),
    )
    def fill_quotas(self, index: int, most: int, what: str, is_batch: bool) -> None:
        """Claim all that a limit gives, and again when one job has ended."""
        self.clear()
        self.enqueue(5, 0, 0, is_other=False, parents=0)
        self.enqueue(3, 0, 0, is_other=True, parents=0)
        if what in {"kind", "each"}:
            self.set_quota(most, is_of_all=False)
        if what in {"all", "each"}:
            self.set_quota(3, is_of_all=True)
        if what == "tenant":
            self.allocate(most)
        if what == "pause":
            self.toggle_pause()
        for limit in (5, 5):
            self.claim(index, limit, is_batch=is_batch)
        worker = self.workers[index]
        if worker.claims:
            self.begin_work(worker)
        if worker.fences:
            self.try_settle(worker, worker.fences[-1], "complete")
            self.claim(index, 5, is_batch=is_batch)
