"""
A slot: one executor child process, and the one job it may be working on.

The supervisor owns it.  A child that dies is reaped at once; what it was doing is for the supervisor to settle.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lading.jobs.model import Claim
from lading.worker.program import Program


@dataclass(slots=True)
class Work:
    """
    What a slot is busy with; `attempt` is None until the child has started the job.

    `deadline_at` and `stopped_at` are of the monotonic clock: when it has to be done, and when it was asked to stop.
    `excuse` says why its end is not the job's fault: no crash is counted then.
    """

    claim: Claim
    attempt: int | None = None
    cancel_reason: str | None = None
    deadline_at: float | None = None
    is_overdue: bool = False
    stopped_at: float | None = None
    excuse: str | None = None


class Slot:
    """One executor; `on_change` is called whenever it became free or died."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        on_change: Callable[[], None],
        on_hint: Callable[[str], None],
    ) -> None:
        self._on_change: Final = on_change
        self._on_hint: Final = on_hint
        self._program: Final = Program(command, environment, on_answer=self._hear, on_end=on_change)
        self.work: Work | None = None
        self.free_since = 0.0

    @property
    def is_free(self) -> bool:
        """Return True when a job can be given to it."""
        return self._program.is_ready and self.work is None

    @property
    def idle_seconds(self) -> float:
        """Return for how long it has been free."""
        return time.monotonic() - self.free_since if self.is_free else 0.0

    @property
    def is_dead(self) -> bool:
        """Return True when the child is gone; `work` then tells what died with it."""
        return self._program.is_dead

    @property
    def may_start(self) -> bool:
        """Return False while it is too early to start a child again after some that never became ready."""
        return self._program.may_start

    async def start(self) -> None:
        """Start the child."""
        await self._program.start()

    def give(self, claimed: Claim) -> None:
        """Hand the job to the child."""
        self.work = Work(claimed)
        self._program.send(
            {
                "run": {
                    "tenant": str(claimed.tenant_id),
                    "job": str(claimed.job_id),
                    "lease": str(claimed.lease_id),
                    "kind": claimed.kind,
                }
            }
        )

    def cancel(self, reason: str) -> None:
        """Ask the child to stop its job; the second call changes nothing."""
        if self.work is not None and self.work.cancel_reason is None:
            self.work.cancel_reason = reason
            self.work.stopped_at = time.monotonic()
            self._program.send({"cancel": reason})

    def mind_deadline(self) -> bool:
        """Ask the child to stop a job that is beyond its deadline; return True when this call did."""
        work, now = self.work, time.monotonic()
        if work is None or work.is_overdue or work.deadline_at is None or now < work.deadline_at:
            return False
        work.is_overdue, work.stopped_at = True, now if work.stopped_at is None else work.stopped_at
        self._program.send({"overdue": True})
        return True

    def drain(self) -> None:
        """Ask the child to stop at the next checkpoint."""
        self._program.send({"drain": True})

    def kill(self) -> None:
        """End the child now, with whatever it started."""
        self._program.kill()

    async def close(self) -> None:
        """End the child and wait until it is gone."""
        await self._program.close()

    def _hear(self, message: Mapping[str, Any]) -> None:
        if "ready" in message:
            self.free_since = time.monotonic()
            self._on_change()
        elif "started" in message and self.work is not None:
            self.work.attempt = message["started"]
            if message["deadline_seconds"] is not None:
                self.work.deadline_at = time.monotonic() + message["deadline_seconds"]
        elif "hint" in message:
            self._on_hint(message["hint"])
        elif "ended" in message:
            self.work, self.free_since = None, time.monotonic()
            self._on_change()
