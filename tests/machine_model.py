"""
What the machine's model knows of the job engine, and how the machine speaks to it.

The engine is real; time is virtual.  The rules are in `machine_rules.py`, the scenes in `machine.py`.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar, TypeVar
from uuid import UUID

import psycopg
from hypothesis.stateful import RuleBasedStateMachine
from psycopg.sql import SQL, Identifier

from lading.db.database import Database
from lading.db.transaction import Transaction
from lading.errors import StaleLease
from lading.jobs import marks
from lading.jobs.model import Claim, Fence, Job, State

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
    "(SELECT count(*) FROM attempts WHERE tenant_id = %(tenant)s AND outcome = 'completed') "
    "+ (SELECT count(*) FROM finished_jobs AS ended WHERE tenant_id = %(tenant)s AND state = 'completed' "
    "AND NOT EXISTS (SELECT FROM attempts WHERE attempts.tenant_id = ended.tenant_id AND attempts.job_id = ended.id "
    "AND attempts.attempt = ended.attempt)) AS completed"
)
SET_BUCKET = SQL(
    "INSERT INTO buckets (tenant_id, host, rate, burst, tokens, refilled_at) "
    "VALUES (%(tenant)s, '', %(rate)s, %(burst)s, %(burst)s, lading_now()) ON CONFLICT (tenant_id, host) DO UPDATE "
    "SET rate = excluded.rate, burst = excluded.burst, tokens = excluded.burst, refilled_at = excluded.refilled_at, "
    "factor = 1, blocked_until = NULL"
)
SHRINK = SQL("UPDATE buckets SET factor = %(factor)s WHERE tenant_id = %(tenant)s")
BLOCK = SQL(
    "UPDATE buckets SET blocked_until = lading_now() + make_interval(secs => %(seconds)s) WHERE tenant_id = %(tenant)s"
)
DROP_BUCKET = SQL("DELETE FROM buckets WHERE tenant_id = %(tenant)s")
ALLOCATE = SQL(
    "INSERT INTO allocations (tenant_id, strategy, max_active) VALUES (%(tenant)s, 'max_limit', %(most)s) "
    "ON CONFLICT (tenant_id) DO UPDATE SET max_active = excluded.max_active"
)
DROP_ALLOCATION = SQL("DELETE FROM allocations WHERE tenant_id = %(tenant)s")
UNSYNCED = SQL("ALTER DATABASE {} SET synchronous_commit = off")
WAKE = SQL("UPDATE turns SET next_at = lading_now() WHERE tenant_id = %(tenant)s AND next_at > lading_now()")
HOW = ("complete", "fail", "fail", "snooze", "kill", "crash")
_names = itertools.count()


@dataclass
class Known:
    """What the model knows of a job."""

    kind: str = ""
    priority: int = 0
    holder: UUID | None = None
    attempt: int = 0
    is_started: bool = False
    failures: int = 0
    crashes: int = 0
    due_at: datetime | None = None
    ended: State | None = None
    is_cancel_asked: bool = False
    is_blocked: bool = False  # by a parent that never ends
    is_in_batch: bool = False
    is_solo: bool = False
    again_at: datetime | None = None  # when it last came back to those that wait


@dataclass
class Tokens:
    """The bucket as the model has it; the numbers are such that no sum is rounded."""

    rate: float
    burst: float
    tokens: float
    at: datetime
    factor: float = 1.0
    blocked_until: datetime | None = None

    def left(self, now: datetime) -> float:
        gained = self.rate * self.factor * (now - self.at).total_seconds()
        return min(max(1.0, self.burst * self.factor), self.tokens + gained)

    def room(self, now: datetime) -> int:
        return 0 if self.blocked_until is not None and self.blocked_until > now else int(self.left(now))

    def spend(self, jobs: int, now: datetime) -> None:
        self.tokens, self.at = self.left(now) - jobs, now


@dataclass
class Worker:
    """A worker's own view: what it believes it holds, which may be long out of date."""

    lease: UUID
    expires_at: datetime
    marks: marks.Marks
    is_expired: bool = False
    claims: list[Claim] = field(default_factory=list)
    fences: list[Fence] = field(default_factory=list)
    batched: dict[Fence, Job] = field(default_factory=dict)


class Played(RuleBasedStateMachine):
    """The engine and the model; make a class of it `on` a migrated database, and `close` that when it has run."""

    runner: ClassVar[asyncio.Runner]
    database: ClassVar[Database]

    @classmethod
    def on(cls, url: str) -> type[Played]:
        """Return the machine on this database; all its examples share the connections and what is prepared on them."""
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(UNSYNCED.format(Identifier(connection.info.dbname)))
        machine = type("Machine", (cls,), {"runner": asyncio.Runner(), "database": Database(url, size=1)})
        machine.runner.run(machine.database.open())
        return machine

    @classmethod
    def close(cls) -> None:
        cls.runner.run(cls.database.close())
        cls.runner.close()

    def __init__(self) -> None:
        super().__init__()
        self.kind = f"kind-{next(_names)}"
        self.now = datetime(2030, 1, 1, tzinfo=UTC)
        self.jobs: dict[UUID, Known] = {}
        self.workers: list[Worker] = []
        self.zombies: list[Worker] = []
        self.spent: list[tuple[Worker, Fence]] = []
        self.started: list[tuple[Worker, Claim]] = []
        self.pause: UUID | None = None
        self.other = f"{self.kind}-other"
        self.quota: int | None = None  # of `kind`
        self.quota_of_all: int | None = None
        self.most: int | None = None  # by allocation
        self.bucket: Tokens | None = None

    def teardown(self) -> None:
        # What is left must not take turns from the next example.
        with psycopg.connect(self.database.url, autocommit=True) as connection:
            for table in ("jobs", "turns", "lanes", "allocations", "buckets", "quotas"):
                connection.execute(SQL("DELETE FROM {}").format(Identifier(table)))

    # --- plumbing ---------------------------------------------------------------------------------

    def seconds(self) -> float:
        """The monotonic clock of the workers' marks."""
        return self.now.timestamp()

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
        return (
            known.ended is None
            and known.holder == fence.lease_id
            and known.is_started
            and known.attempt == fence.attempt
        )

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
        known.holder, known.is_started, known.is_in_batch = None, False, False
        known.due_at = job.due_at if job.state is State.SCHEDULED else None
        known.again_at = self.now

    def waiting(self) -> dict[UUID, Known]:
        """Return the jobs that only wait for a worker."""
        return {
            job_id: known
            for job_id, known in self.jobs.items()
            if known.ended is None and known.holder is None and known.due_at is None and not known.is_blocked
        }

    def expected(self, limit: int, *, is_batch: bool) -> int:
        """Return how many jobs a claim must get."""
        pending = Counter(known.kind for known in self.waiting().values() if not (is_batch and known.is_solo))
        held = [known.kind for known in self.jobs.values() if known.ended is None and known.holder is not None]
        if self.quota is not None:
            pending[self.kind] = min(pending[self.kind], max(0, self.quota - held.count(self.kind)))
        if self.pause is not None:
            pending[self.kind] = 0
        rooms = [room - len(held) for room in (self.quota_of_all, self.most) if room is not None]
        rooms += [self.bucket.room(self.now)] if self.bucket is not None else []
        return max(0, min([limit, pending.total(), *rooms]))

    def passed_over(self, got: Collection[UUID], *, is_batch: bool, has_marks: bool) -> list[UUID]:
        """Return who was as fit as one that was claimed, of its kind and before it, and still waits."""
        # What came back lately may be below a mark, until the marks are dropped.
        settled = self.now - timedelta(seconds=marks.DROP_SECONDS if has_marks else 0)
        last = dict[str, tuple[int, int]]()
        place = {job_id: (-known.priority, number) for number, (job_id, known) in enumerate(self.jobs.items())}
        for job_id in got:
            kind = self.jobs[job_id].kind
            last[kind] = max(place[job_id], last.get(kind, place[job_id]))
        return [
            job_id
            for job_id, known in self.waiting().items()
            if job_id not in got and known.kind in last and place[job_id] < last[known.kind]
            if not (is_batch and known.is_solo) and (known.again_at is None or known.again_at <= settled)
        ]
