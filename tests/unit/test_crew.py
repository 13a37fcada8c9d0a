"""A crew runs light jobs side by side: a slow one holds up nobody, and who is stopped is stopped alone."""  # O5

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from lading import ids
from lading.jobs.batches import Started
from lading.jobs.model import Cancelled, Context, Done, Fence, Job, Outcome, State, TimedOut
from lading.worker.crew import Crew

pytestmark = pytest.mark.anyio


class Handler:
    """Waits for ever, or not at all."""

    async def run(self, job: Job, context: Context) -> Outcome:
        if job.payload.get("waits"):
            await asyncio.Event().wait()
        return Done()


class Log:
    """What the crew said, and when it last said something."""

    def __init__(self) -> None:
        self.ended: list[tuple[Started, Outcome | None]] = []
        self.errors: list[BaseException] = []
        self.changed = asyncio.Event()
        self.crew = Crew(
            {"noop": Handler()},
            on_change=self.changed.set,
            on_end=lambda started, outcome, _: self.ended.append((started, outcome)),
            on_error=self.errors.append,
            send=lambda _: None,
        )

    async def change(self) -> None:
        async with asyncio.timeout(120):
            await self.changed.wait()
        self.changed.clear()


def started(deadline_seconds: int | None = None, **payload: Any) -> Started:
    tenant, job_id, lease = ids.new(), ids.new(), ids.new()
    job = Job(
        tenant, job_id, "noop", "", "job_x", State.RUNNING, payload, 1, 0, 0, 8, 3, None, lease, None, None, None, None,
        1, None, None, None, deadline_seconds, False, ids.new(),
    )  # fmt: skip
    return job, Fence(tenant, job_id, lease, 1)


async def test_what_is_quick_is_done_while_something_waits() -> None:
    log = Log()
    slow, quick = started(waits=True), [started() for _ in range(50)]
    log.crew.give([slow, *quick])
    await log.change()

    assert log.crew.take_done() == quick
    assert (log.crew.done, log.crew.is_idle, log.errors) == (0, False, [])
    log.crew.cancel(slow[0].id, "enough")
    await log.change()


async def test_a_cancelled_job_ends_alone_and_who_ran_it_goes_on() -> None:
    log = Log()
    first, second = started(waits=True), started(waits=True)
    log.crew.give([second, started(), first])
    await log.change()
    assert log.crew.done == 1
    log.crew.cancel(first[0].id, "not needed")
    after = started()
    log.crew.give([after])
    await log.change()

    assert log.ended == [(first, Cancelled("not needed"))]
    assert log.crew.take_done()[1:] == [after]
    log.crew.cancel(second[0].id, "enough")
    await log.change()


async def test_who_rests_begins_nothing_and_loses_nothing() -> None:
    log, jobs = Log(), [started() for _ in range(3)]
    log.crew.rest()
    log.crew.give(jobs)
    for _ in range(5):
        await asyncio.sleep(0)
    before = log.crew.done
    log.crew.go_on()
    await log.change()

    assert (before, log.crew.take_done()) == (0, jobs)


async def test_a_job_is_stopped_at_its_deadline() -> None:
    log = Log()
    late = started(deadline_seconds=0, waits=True)
    log.crew.give([late])
    await log.change()

    assert log.ended == [(late, TimedOut())]
    assert log.crew.is_idle


async def test_a_draining_crew_begins_nothing() -> None:
    log = Log()
    log.crew.drain()
    log.crew.give([started(), started()])
    await log.change()

    assert [type(outcome).__name__ for _, outcome in log.ended] == ["Snooze", "Snooze"]
    assert log.crew.done == 0
