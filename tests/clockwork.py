"""A clock that a test moves, an organisation under it, and its schedules."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from lading import ids
from lading.db.database import Database
from lading.db.transaction import Transaction
from lading.errors import Conflict
from lading.jobs import attempts, leases
from lading.jobs import store as jobs
from lading.jobs.kinds import DIRECT
from lading.jobs.model import Endings, Fault, Job, NewJob
from lading.ledger import store as ledger
from lading.ledger.entry import SYSTEM, Actor
from lading.limits.admission import Admission
from lading.schedules import firing, slots, store
from lading.schedules.making import Maker
from lading.schedules.model import CatchUp, Decided, Document, Overlap, Owner, Schedule
from lading.schedules.sweep import Sweep
from lading.tenants import store as tenants
from lading.tenants.model import Role

START = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WHY: dict[str, Any] = {"reason": "asked for by phone", "ticket": "OPS-7"}
HOURLY = Document(
    cron="0 * * * *",
    zone="Europe/Oslo",
    kind="noop",
    payload={},
    period=None,
    source="",
    priority=0,
    max_attempts=None,
    deadline_seconds=None,
    catch_up=CatchUp.LATEST,
    overlap=Overlap.ALLOW,
    starts_at=None,
    ends_at=None,
)
CLOCK = """
CREATE TABLE test_clock (at timestamptz NOT NULL);
INSERT INTO test_clock VALUES ('{start}');
GRANT SELECT ON test_clock TO PUBLIC;
CREATE OR REPLACE FUNCTION lading_now() RETURNS timestamptz LANGUAGE sql STABLE
RETURN (SELECT at FROM test_clock LIMIT 1);
"""


async def _tie(tx: Transaction, job: NewJob, schedule_id: UUID) -> None:
    pass


class Stubborn:
    """An ending whose kind makes jobs, or refuses, as a test says."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.asked: list[tuple[dict[str, Any], Actor]] = []

    async def planned(self, tx: Transaction, payload: Any, *, job_id: UUID, actor: Actor) -> NewJob:
        self.asked.append((dict(payload), actor))
        if self.error is not None:
            raise self.error
        return NewJob(job_id, "made", "exp_made", payload=payload)

    async def ended(self, tx: Transaction, job: Job) -> None:
        pass

    async def revived(self, tx: Transaction, job: Job, actor: Actor) -> None:
        pass

    async def cloned(self, tx: Transaction, job: Job, actor: Actor) -> NewJob:
        raise Conflict("no")


@dataclass
class Office:
    """One organisation under a clock that the test moves, its schedules, and the sweep."""

    database: Database
    url: str
    tenant: UUID
    key: UUID
    made: Stubborn = field(default_factory=Stubborn)

    @property
    def maker(self) -> Maker:
        endings: Endings = {"made": self.made}
        return Maker(endings, DIRECT, _tie)

    @property
    def owner(self) -> Owner:
        return Owner(Actor("key", ids.show(ids.KEY, self.key)), "operator")

    def sweep(self, database: Database | None = None, *, most: int = 100_000) -> Sweep:
        own = database or self.database
        door = Admission(own, queue_limit=most, tenant_queue_limit=most, clock=time.monotonic)
        return Sweep(own, self.maker, door)

    def at(self, instant: datetime) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("UPDATE test_clock SET at = %s", [instant])

    async def put(self, name: str = "nightly", document: Document = HOURLY, **fields: Any) -> Schedule:
        async with self.database.tenant(self.tenant) as tx:
            return await store.put(tx, name, replace(document, **fields), owner=self.owner)

    async def get(self, name: str = "nightly") -> Schedule:
        async with self.database.tenant(self.tenant) as tx:
            return await store.get(tx, name)

    async def slots(self, name: str = "nightly") -> list[Decided]:
        """Return what became of the slots, oldest first."""
        async with self.database.tenant(self.tenant) as tx:
            found = await slots.page(tx, await store.get(tx, name), before=None, outcomes=(), limit=1000)
        return list(reversed(found))

    async def told(self, name: str = "nightly") -> list[tuple[str, str]]:
        return [(each.slot.strftime("%dT%H:%M"), each.code or each.outcome.value) for each in await self.slots(name)]

    async def events(self, name: str = "nightly") -> list[dict[str, Any]]:
        async with self.database.tenant(self.tenant) as tx:
            return [json.loads(line) for line in await ledger.history(tx, f"schedule:{name}")]

    async def jobs(self) -> int:
        async with self.database.tenant(self.tenant) as tx:
            rows = await tx.connection.execute("SELECT count(*) AS n FROM jobs")
            return (await rows.fetchone() or {"n": -1})["n"]

    async def end_jobs(self, *, fatal: bool = False) -> int:
        """Let every job that may run complete, or die; return how many."""
        lease = ids.new()
        async with self.database.system() as tx:
            await leases.open_lease(tx, lease, worker="test", seconds=3600)
        async with self.database.system() as tx:
            await jobs.wake_turns(tx)
            claims = await jobs.claim(tx, lease_id=lease, kinds=["noop", "made"], limit=1000)
        for claimed in claims:
            async with self.database.tenant(claimed.tenant_id) as tx:
                _, fence = await attempts.start(tx, claimed)
                await (attempts.kill(tx, fence, Fault("no-data", "No.")) if fatal else attempts.complete(tx, fence))
        return len(claims)

    async def run(self, name: str = "nightly") -> Decided:
        async with self.database.tenant(self.tenant) as tx:
            return await firing.run_now(tx, name, self.maker, actor=self.owner.asking, job_id=ids.new(), **WHY)


async def new_office(database: Database, url: str, slug: str = "nordlys") -> Office:
    async with database.system() as tx:
        tenant = await tenants.create_tenant(tx, slug, name=slug, actor=SYSTEM)
        minted = await tenants.mint_key(tx, tenant.id, name="ann", role=Role.OPERATOR, actor=SYSTEM)
    return Office(database, url, tenant.id, minted.key.id)


async def office_under_clock(database: Database, url: str) -> Office:
    """Return an organisation in a database whose clock stands at START."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(CLOCK.format(start=START.isoformat()).encode())
    return await new_office(database, url)
