"""What is tried again, when and how often follows from what went wrong, and a broken host is not stormed."""  # O4

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from lading import ids
from lading.db.database import Database
from lading.db.transaction import Transaction
from lading.errors import InvalidInput, NotFound, SourceRefused, SourceThrottled, SourceUnreachable
from lading.jobs import attempts, leases, policies, store, views
from lading.jobs.model import Fault, Fence, Job, NewJob, Outcome, Retry, Snooze, State, Throttled
from lading.jobs.retries import SHIPPED, FaultClass, Policy
from lading.ledger import store as ledger
from lading.ledger.entry import SYSTEM
from lading.limits import breakers, budgets
from lading.limits import store as limits
from lading.limits.adaptation import CAP
from lading.limits.model import Scope
from lading.tenants import store as tenants
from lading.worker import execute

pytestmark = pytest.mark.anyio
WHY = {"reason": "it is slow on Mondays", "ticket": "OPS-9", "actor": SYSTEM}
UNREACHABLE = Fault("source-unreachable", "It does not answer.")


@pytest.fixture
async def tenant(database: Database) -> UUID:
    async with database.system() as tx:
        return (await tenants.create_tenant(tx, "acme", name="Acme", actor=SYSTEM)).id


@pytest.fixture
async def lease(database: Database) -> UUID:
    lease = ids.new()
    async with database.system() as tx:
        await leases.open_lease(tx, lease, worker="test", seconds=3600)
    return lease


async def start(
    database: Database, tenant: UUID, lease: UUID, *, host: str = "", max_attempts: int = 8, kind: str = "work"
) -> Fence:
    """Enqueue a job and start its first attempt, past every limit."""
    job = NewJob(ids.new(), kind, "exp_x", host=host, max_attempts=max_attempts)
    async with database.tenant(tenant) as tx:
        await store.enqueue(tx, job, actor=SYSTEM)
    return await start_again(database, tenant, lease, job.id)


async def start_again(database: Database, tenant: UUID, lease: UUID, job_id: UUID) -> Fence:
    async with database.tenant(tenant) as tx:
        cursor = await tx.connection.execute(
            "UPDATE jobs SET state = 'running', lease_id = %s, claimed_at = lading_now(), started_at = lading_now(),"
            " attempt = attempt + 1 WHERE id = %s RETURNING attempt",
            (lease, job_id),
        )
        row = await cursor.fetchone()
        assert row is not None
        attempt = row["attempt"]
        await tx.connection.execute(
            "INSERT INTO attempts (tenant_id, job_id, attempt, lease_id, worker) VALUES (%s, %s, %s, %s, 'test')",
            (tenant, job_id, attempt, lease),
        )
    return Fence(tenant, job_id, lease, attempt)


async def fail(database: Database, fence: Fence, fault: Fault, after_seconds: float | None = None) -> Job:
    async with database.tenant(fence.tenant_id) as tx:
        return await attempts.fail(tx, fence, fault, after_seconds=after_seconds)


async def events(tx: Transaction, job_id: UUID) -> list[str]:
    return [json.loads(line)["type"] for line in await ledger.history(tx, ids.show(ids.JOB, job_id))]


# --- policies -------------------------------------------------------------------------------------


async def test_the_class_of_the_fault_says_how_often_and_how_late(
    database: Database, tenant: UUID, lease: UUID
) -> None:
    for code, fault_class in [("source-timeout", FaultClass.TIMEOUT), ("made-up", FaultClass.INTERNAL)]:
        fence = await start(database, tenant, lease, max_attempts=100)
        job = await fail(database, fence, Fault(code, "No."))
        async with database.tenant(tenant) as tx:
            assert job.due_at is not None
            assert timedelta(0) < job.due_at - tx.now <= timedelta(seconds=SHIPPED[fault_class].base_seconds)
        while job.state is State.SCHEDULED:
            job = await fail(database, await start_again(database, tenant, lease, job.id), Fault(code, "No."), 0.001)

        assert (job.state, job.failures) == (State.DEAD, SHIPPED[fault_class].max_attempts)


async def test_what_is_permanent_is_dead_at_once(database: Database, tenant: UUID, lease: UUID) -> None:
    job = await fail(database, await start(database, tenant, lease), Fault("no-data", "There are no rows."))

    assert (job.state, job.failures) == (State.DEAD, 1)


async def test_the_jobs_own_limit_holds_where_it_is_smaller(database: Database, tenant: UUID, lease: UUID) -> None:
    fence = await start(database, tenant, lease, max_attempts=2)
    job = await fail(database, fence, UNREACHABLE)
    job = await fail(database, await start_again(database, tenant, lease, job.id), UNREACHABLE)

    assert (job.state, job.failures) == (State.DEAD, 2)


async def test_failures_are_counted_over_classes_and_the_latest_class_decides(
    database: Database, tenant: UUID, lease: UUID
) -> None:
    job = await fail(database, await start(database, tenant, lease), UNREACHABLE)
    for _ in range(4):
        job = await fail(database, await start_again(database, tenant, lease, job.id), UNREACHABLE)
    assert (job.state, job.failures) == (State.SCHEDULED, 5)  # 8 of these are allowed

    job = await fail(database, await start_again(database, tenant, lease, job.id), Fault("internal-error", "Oh."))

    assert (job.state, job.failures) == (State.DEAD, 6)  # 5 of those


async def test_a_policy_of_the_kind_goes_before_the_one_for_all(database: Database, tenant: UUID, lease: UUID) -> None:
    async with database.tenant(tenant) as tx:
        await policies.put(tx, "*", "unavailable", Policy(1, 1.0, 1.0), **WHY)
        await policies.put(tx, "work", "unavailable", Policy(3, 100.0, 100.0), **WHY)
        shown = await policies.every(tx)

    job = await fail(database, await start(database, tenant, lease), UNREACHABLE)
    other = await fail(database, await start(database, tenant, lease, kind="other"), UNREACHABLE)

    assert (job.state, other.state) == (State.SCHEDULED, State.DEAD)
    assert [(each.kind, each.is_shipped) for each in shown if each.fault_class == "unavailable"] == [
        ("*", False),
        ("work", False),
    ]
    assert len(shown) == len(SHIPPED) + 1
    assert {each.ticket for each in shown if not each.is_shipped} == {"OPS-9"}


async def test_a_policy_that_is_reset_is_the_shipped_one_again(database: Database, tenant: UUID) -> None:
    async with database.tenant(tenant) as tx:
        await policies.put(tx, "*", "timeout", Policy(1, 1.0, 1.0), **WHY)
        await policies.reset(tx, "*", "timeout", **WHY)
        with pytest.raises(NotFound, match="No retry policy was set"):
            await policies.reset(tx, "*", "timeout", **WHY)

        assert await policies.of(tx, "work", FaultClass.TIMEOUT) == SHIPPED[FaultClass.TIMEOUT]
        assert all(each.is_shipped for each in await policies.every(tx))


@pytest.mark.parametrize(
    ("kind", "fault_class", "policy", "pointer"),
    [
        ("work", "permanent", Policy(1, 1.0, 1.0), "/class"),
        ("work", "crash", Policy(1, 1.0, 1.0), "/class"),
        ("work", "weather", Policy(1, 1.0, 1.0), "/class"),
        ("No kind", "timeout", Policy(1, 1.0, 1.0), "/kind"),
        ("work", "timeout", Policy(0, 1.0, 1.0), "/max_attempts"),
        ("work", "timeout", Policy(1, 0.0, 1.0), "/base_seconds"),
        ("work", "timeout", Policy(1, 1.0, float("nan")), "/cap_seconds"),
        ("work", "timeout", Policy(1, 2.0, 1.0), "/cap_seconds"),
    ],
)
async def test_a_wrong_policy_is_named(
    database: Database, tenant: UUID, kind: str, fault_class: str, policy: Policy, pointer: str
) -> None:
    async with database.tenant(tenant) as tx:
        with pytest.raises(InvalidInput) as caught:
            await policies.put(tx, kind, fault_class, policy, **WHY)

    assert [each.pointer for each in caught.value.errors] == [pointer]


# --- budgets --------------------------------------------------------------------------------------


async def test_a_retry_without_budget_is_parked_and_no_attempt_is_lost_by_it(
    database: Database, tenant: UUID, lease: UUID
) -> None:
    fault = Fault("source-timeout", "Too slow.")
    jobs = [
        await fail(database, await start(database, tenant, lease, host="api"), fault, 1.0) for _ in range(int(CAP) + 1)
    ]
    parked = jobs[-1]

    async with database.tenant(tenant) as tx:
        shown = await limits.throttles(tx)
        view = await views.look(tx, parked.id)
        assert parked.due_at is not None
        wait = (parked.due_at - tx.now).total_seconds()
        history = await events(tx, parked.id)

    cap = SHIPPED[FaultClass.TIMEOUT].cap_seconds
    assert cap - 60 < wait <= cap * 1.5
    assert (parked.state, parked.failures, view.waiting_for) == (State.SCHEDULED, 1, "retry")
    assert history[-1] == "job.parked"
    assert (shown[0].host, shown[0].waiting_for.value, shown[0].pending) == ("api", "retry", int(CAP) + 1)
    assert shown[0].eligible_at is not None


async def test_answers_earn_retries_and_a_full_budget_is_not_written(
    database: Database, database_url: str, tenant: UUID
) -> None:
    async def stored() -> tuple[float, str]:
        with psycopg.connect(database_url) as connection:
            row = connection.execute("SELECT tokens, xmin::text FROM retry_budgets").fetchone()
        assert row is not None
        return row

    async with database.tenant(tenant) as tx:
        await breakers.note_answer(tx, "api")
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM retry_budgets").fetchone() == (0,)
    async with database.tenant(tenant) as tx:
        assert await budgets.spend(tx, "api", parking_seconds=1.0)
        assert await budgets.spend(tx, "api", parking_seconds=1.0)
    spent, _ = await stored()
    for _ in range(5):
        async with database.tenant(tenant) as tx:
            await breakers.note_answer(tx, "api")
    earned, _ = await stored()
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE retry_budgets SET refilled_at = refilled_at - interval '1 hour'")
    full = await stored()
    async with database.tenant(tenant) as tx:
        await breakers.note_answer(tx, "api")

    assert spent == pytest.approx(CAP - 2, abs=0.2)
    assert 0.45 < earned - spent < 1.0
    assert await stored() == full


async def test_an_answer_does_not_wait_for_a_budget_in_other_hands(database: Database, tenant: UUID) -> None:
    async with database.tenant(tenant) as tx:
        await budgets.spend(tx, "api", parking_seconds=1.0)
    async with database.tenant(tenant) as holder:
        await budgets.spend(holder, "api", parking_seconds=1.0)
        async with database.tenant(tenant) as tx:
            await breakers.note_answer(tx, "api")


async def test_a_host_has_its_own_budget_and_no_host_needs_none(database: Database, tenant: UUID) -> None:
    async with database.tenant(tenant) as tx:
        for _ in range(int(CAP)):
            assert await budgets.spend(tx, "api", parking_seconds=1.0)

        assert not await budgets.spend(tx, "api", parking_seconds=1.0)
        assert await budgets.spend(tx, "files", parking_seconds=1.0)
        assert await budgets.spend(tx, "", parking_seconds=1.0)


# --- what burns no attempt ------------------------------------------------------------------------


class Says:
    """A handler that ends as it was told."""

    def __init__(self, outcome: Outcome | Exception) -> None:
        self.outcome = outcome

    async def run(self, job: Job, context: Any) -> Outcome:
        assert job.id == context.fence.job_id
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


async def attempt(database: Database, fence: Fence, says: Outcome | Exception) -> tuple[Outcome, Job]:
    async with database.tenant(fence.tenant_id) as tx:
        job = await attempts.guard(tx, fence)
    outcome = await execute.run({"work": Says(says)}, job, execute.Attempt(fence))
    assert await execute.settle(database, {}, fence, outcome, kind="work")
    async with database.tenant(fence.tenant_id) as tx:
        return outcome, await store.find(tx, fence.job_id)


@pytest.mark.parametrize(
    ("says", "state"),
    [
        (Snooze(0.0, "drain"), State.PENDING),  # the worker shuts down
        (Snooze(30.0, "breaker"), State.SCHEDULED),
        (SourceThrottled("Too many requests.", 30.0), State.SCHEDULED),
        (SourceThrottled("Too many requests."), State.SCHEDULED),
    ],
)
async def test_what_is_not_the_jobs_fault_burns_no_attempt(
    database: Database, tenant: UUID, lease: UUID, says: Outcome | Exception, state: State
) -> None:
    fence = await start(database, tenant, lease, host="api", max_attempts=1)

    _, job = await attempt(database, fence, says)

    assert (job.state, job.failures, job.crashes) == (state, 0, 0)


async def test_a_job_may_be_throttled_more_often_than_it_has_attempts(
    database: Database, tenant: UUID, lease: UUID
) -> None:  # O5
    fence = await start(database, tenant, lease, host="api", max_attempts=1)
    for _ in range(5):
        outcome, job = await attempt(database, fence, SourceThrottled("Too many requests.", 1.0))
        assert (outcome, job.failures) == (Throttled(1.0), 0)
        fence = await start_again(database, tenant, lease, job.id)
    async with database.tenant(tenant) as tx:
        tried = await views.attempts(tx, fence.job_id)
        history = [json.loads(line) for line in await ledger.history(tx, ids.show(ids.JOB, fence.job_id))]

    assert [each.outcome for each in tried] == ["snoozed"] * 5 + [None]
    assert {each.error["code"] for each in tried if each.error} == {"rate-limited"}
    assert {entry["data"]["code"] for entry in history if entry["type"] == "job.snoozed"} == {"rate-limited"}


async def test_a_job_that_was_sent_away_waits_for_the_rate_of_its_source_and_names_it(
    database: Database, tenant: UUID, lease: UUID
) -> None:  # O5, O6
    fence = await start(database, tenant, lease, host="activities")
    await attempt(database, fence, SourceThrottled("Too many requests.", 60.0))
    async with database.tenant(tenant) as tx:
        sent_away = await views.look(tx, fence.job_id)
    fence = await start_again(database, tenant, lease, fence.job_id)
    await attempt(database, fence, Retry(Fault("source-timeout", "Too slow.")))
    async with database.tenant(tenant) as tx:
        failed = await views.look(tx, fence.job_id)

    assert (sent_away.state, sent_away.waiting_for, sent_away.eligible_at is None) == (State.SCHEDULED, "rate", False)
    assert sent_away.error == {
        "code": "rate-limited",
        "message": "The source activities asked to be called less (429); the job goes on by itself.",
    }
    assert (failed.state, failed.waiting_for) == (State.SCHEDULED, "retry")


@pytest.mark.parametrize("stop", ["pause", "breaker"])
async def test_a_job_that_is_held_back_burns_no_attempt(
    database: Database, tenant: UUID, lease: UUID, stop: str
) -> None:
    async with database.tenant(tenant) as tx:
        await store.enqueue(tx, NewJob(job_id := ids.new(), "work", "exp_x", host="api"), actor=SYSTEM)
        if stop == "pause":
            given: dict[str, Any] = {"reason": "x", "ticket": None, "starts_at": None, "ends_at": None}
            await limits.pause(tx, Scope.SOURCE, "api", actor=SYSTEM, **given)
        for _ in range(5 if stop == "breaker" else 0):
            await breakers.note_fault(tx, "api")
    async with database.system() as tx:
        claimed = await store.claim(tx, lease_id=lease, kinds=["work"], limit=5)
    async with database.tenant(tenant) as tx:
        job = await store.find(tx, job_id)

    assert claimed == []
    assert (job.state, job.attempt, job.failures) == (State.PENDING, 0, 0)


async def test_a_claim_given_back_by_a_worker_that_drains_burns_no_attempt(
    database: Database, tenant: UUID, lease: UUID
) -> None:
    async with database.tenant(tenant) as tx:
        await store.enqueue(tx, NewJob(job_id := ids.new(), "work", "exp_x"), actor=SYSTEM)
    async with database.system() as tx:
        await store.claim(tx, lease_id=lease, kinds=["work"], limit=5)
    async with database.tenant(tenant) as tx:
        await attempts.release(tx, job_id, lease_id=lease)
        job = await store.find(tx, job_id)

    assert (job.state, job.attempt, job.failures) == (State.PENDING, 0, 0)


@pytest.mark.parametrize(
    ("error", "state"), [(SourceUnreachable("Away."), State.SCHEDULED), (SourceRefused("No."), State.DEAD)]
)
async def test_what_is_a_failure_is_counted(
    database: Database, tenant: UUID, lease: UUID, error: Exception, state: State
) -> None:
    outcome, job = await attempt(database, await start(database, tenant, lease, host="api"), error)

    assert (job.state, job.failures, isinstance(outcome, Retry)) == (state, 1, state is State.SCHEDULED)
