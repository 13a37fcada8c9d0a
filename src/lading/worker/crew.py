"""
The crew: runs light jobs side by side in one loop, and keeps what they came to until it is settled.

A member takes one job after the other, of each tenant in turn.  Another is called in only when one has to wait, so
that jobs that never wait cost no task each.  A job that is slow holds up nobody: what is done is handed out by
`take_done` at any time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final
from uuid import UUID

from lading.errors import StaleLease
from lading.jobs.batches import Started
from lading.jobs.model import Cancelled, Done, Handlers, Job, Outcome, Snooze
from lading.worker import execute
from lading.worker.lines import Lines

_SLICE_SECONDS: Final = 0.001
"""How long a member goes on before it lets the loop hear what came meanwhile: jobs that never wait never let it."""


class Crew:
    """
    Runs what it is given.

    `on_end` is called with each job that ended otherwise than done without an effect (None: it is not ours any more),
    `on_change` when it makes sense to look at `take_done`, `on_error` when a handler did what none may do.
    """

    def __init__(
        self,
        handlers: Handlers,
        *,
        on_change: Callable[[], None],
        on_end: Callable[[Started, Outcome | None, execute.Attempt | None], None],
        on_error: Callable[[BaseException], None],
        send: Callable[[str], None],
    ) -> None:
        self._handlers: Final = handlers
        self._on_change: Final = on_change
        self._on_end: Final = on_end
        self._on_error: Final = on_error
        self._send: Final = send
        self._loop: Final = asyncio.get_running_loop()
        self._waiting: Final = Lines()
        # By number: a UUID takes long to hash.
        self._running: Final[dict[int, tuple[execute.Attempt, asyncio.Task[None]]]] = {}
        self._cancelled: Final[dict[UUID, str]] = {}
        self._members: Final[set[asyncio.Task[None]]] = set()
        self._done: list[Started] = []
        self._is_calling = False
        self._is_resting = False
        self._is_draining = False
        self.done_since = 0.0
        """When the oldest job that is done became so, by the loop's clock."""

    @property
    def done(self) -> int:
        """Return how many jobs are done and not taken."""
        return len(self._done)

    @property
    def running(self) -> int:
        """Return how many run; looked at from outside they are those that wait for something."""
        return len(self._running)

    @property
    def is_idle(self) -> bool:
        """Return True when nothing waits or runs."""
        return not self._waiting and not self._running

    def give(self, jobs: Iterable[Started]) -> None:
        """Run these, too."""
        self._waiting.extend(jobs)
        self._call()

    def take_done(self, most: int | None = None) -> list[Started]:
        """Return what is done and has no effect to publish, the oldest first; it is the caller's now."""
        done = self._done if most is None else self._done[:most]
        self._done = self._done[len(done) :]
        return done

    def cancel(self, job_id: UUID, reason: str) -> None:
        """Stop a job, running or waiting; one that is not here is none of ours."""
        found = self._running.get(job_id.int)
        if found is None:
            if job_id in self._waiting:
                self._cancelled[job_id] = reason
            return
        attempt, task = found
        if attempt.stopped is None:
            attempt.cancel_reason = reason
            task.cancel()

    def drain(self) -> None:
        """Begin nothing any more: what waits is given back, what runs is told."""
        self._is_draining = True
        for attempt, _ in self._running.values():
            attempt.is_draining = True

    def rest(self) -> None:
        """Begin nothing until `go_on`: somebody else needs the loop for a moment."""
        self._is_resting = True

    def go_on(self) -> None:
        """Begin what waits after all."""
        self._is_resting = False
        self._call()

    def _call(self) -> None:
        """Have somebody look after what waits or is done, as soon as whoever works now has to wait or is through."""
        if not self._is_calling and (self._waiting or self._done):
            self._is_calling = True
            self._loop.call_soon(self._called)

    def _called(self) -> None:
        self._is_calling = False
        if self._done:
            self._on_change()
        if self._waiting and not self._is_resting:
            member = self._loop.create_task(self._work())
            self._members.add(member)
            member.add_done_callback(self._left)

    def _left(self, member: asyncio.Task[None]) -> None:
        self._members.discard(member)
        if not member.cancelled() and (error := member.exception()) is not None:
            self._on_error(error)

    async def _work(self) -> None:
        until = self._loop.time() + _SLICE_SECONDS
        task = asyncio.current_task()
        assert task is not None
        while self._waiting and not self._is_resting and self._loop.time() < until:
            started = self._waiting.take()
            self._call()
            job, fence = started
            if self._is_draining:
                self._on_end(started, Snooze(0.0, "drain"), None)
            elif self._cancelled and job.id in self._cancelled:
                self._on_end(started, Cancelled(self._cancelled.pop(job.id)), None)
            else:
                attempt = execute.Attempt(fence, send=self._send)
                outcome = await self._run(job, attempt, task)
                if type(outcome) is Done and outcome.commit is None:
                    if not self._done:
                        self.done_since = self._loop.time()
                    self._done.append(started)
                else:
                    self._on_end(started, outcome, attempt)
        self._call()
        self._on_change()

    async def _run(self, job: Job, attempt: execute.Attempt, task: asyncio.Task[None]) -> Outcome | None:
        number = job.id.int
        self._running[number] = attempt, task
        timer = None
        if job.deadline_seconds is not None:
            timer = self._loop.call_later(job.deadline_seconds, _stop_overdue, attempt, task)
        try:
            return await execute.run(self._handlers, job, attempt)
        except StaleLease:
            return None
        finally:
            del self._running[number]
            if timer is not None:
                timer.cancel()
            if attempt.stopped is not None:
                task.uncancel()  # it was the job that had to stop, not who runs it


def _stop_overdue(attempt: execute.Attempt, task: asyncio.Task[None]) -> None:
    if attempt.stopped is None:
        attempt.is_overdue = True
        task.cancel()
