"""Jobs that were started wait in one line for each tenant: nobody waits for all those of another."""  # O6

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from lading import ids
from lading.jobs.batches import Started
from lading.jobs.model import Fence, Job, State
from lading.worker.lines import Lines


def started(tenant: UUID) -> Started:
    job_id, lease = ids.new(), ids.new()
    job = Job(
        tenant, job_id, "noop", "", "job_x", State.RUNNING, {}, 1, 0, 0, 8, 3, None, lease, None, None, None, None,
        1, None, None, None, None, False, ids.new(),
    )  # fmt: skip
    return job, Fence(tenant, job_id, lease, 1)


def test_another_tenant_s_job_is_next_although_a_thousand_wait() -> None:
    lines, flood, other = Lines(), ids.new(), ids.new()
    lines.extend(started(flood) for _ in range(1000))
    late = started(other)
    lines.extend([late])

    assert late in (lines.take(), lines.take())


@given(st.lists(st.integers(0, 5), max_size=50))
def test_all_are_taken_once_each_tenant_s_in_order_and_one_of_each_in_turn(owners: list[int]) -> None:
    tenants = [ids.new() for _ in range(6)]
    given_jobs = [started(tenants[owner]) for owner in owners]
    lines, taken = Lines(), list[Started]()
    lines.extend(given_jobs)
    while lines:
        waiting = {fence.tenant_id for _, fence in given_jobs if fence.job_id in lines}
        taken += [lines.take() for _ in waiting]

        assert {fence.tenant_id for _, fence in taken[-len(waiting) :]} == waiting
    for tenant in tenants:
        mine = [each for each in given_jobs if each[1].tenant_id == tenant]
        assert [each for each in taken if each[1].tenant_id == tenant] == mine
