"""
The executor: the child process in which handlers run, one job at a time.

It reads commands from its standard input, one JSON object per line, and answers on its standard output:

    {"run": {"tenant", "job", "lease", "kind"}}   →  {"started": attempt, "deadline_seconds"} … {"hint": channel} …
                                                     {"ended": name}
    {"cancel": reason}, {"overdue": true},
    {"drain": true}                               →  nothing; they change how the current job ends

End of input means that the supervisor died: the process ends at once, its job is rescued elsewhere.
Heartbeats are not its business: a handler may hold the interpreter for as long as it likes.
"""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Final
from uuid import UUID

from lading import failpoints
from lading.db.database import Database
from lading.errors import StaleLease
from lading.jobs.model import Cancelled, Claim, Endings, Handlers, Outcome
from lading.worker import execute
from lading.worker.channel import commands, keep_output_to_ourselves, say

_LOG: Final = logging.getLogger("lading.worker")
_UNSETTLED: Final = 70


class Executor:
    """Runs what the supervisor sends."""

    def __init__(self, database: Database, handlers: Handlers, endings: Endings) -> None:
        self._database: Final = database
        self._handlers: Final = handlers
        self._endings: Final = endings
        self._attempt: execute.Attempt | None = None
        self._task: asyncio.Task[Outcome] | None = None
        self._is_draining = False

    async def serve(self) -> None:
        """Serve commands until the input ends."""
        keep_output_to_ourselves()
        heard = commands(asyncio.get_running_loop())
        say({"ready": os.getpid()})
        running: set[asyncio.Task[None]] = set()
        while True:
            command = await heard.get()
            if "run" in command:
                task = asyncio.create_task(self._run(_claim(command["run"])))
                running.add(task)
                task.add_done_callback(running.discard)
            elif "cancel" in command:
                self._cancel(command["cancel"])
            elif "overdue" in command:
                self._stop_overdue()
            elif "drain" in command:
                self._drain()

    def _cancel(self, reason: str) -> None:
        if self._attempt is not None and self._task is not None:
            self._attempt.cancel_reason = reason
            self._task.cancel()

    def _stop_overdue(self) -> None:
        if self._attempt is not None and self._task is not None:
            self._attempt.is_overdue = True
            self._task.cancel()

    def _drain(self) -> None:
        self._is_draining = True
        if self._attempt is not None:
            self._attempt.is_draining = True

    async def _run(self, claimed: Claim) -> None:
        try:
            ended = await self._attempt_at(claimed)
        except Exception:  # noqa: BLE001 - whatever it is
            # Neither done nor put back: the supervisor settles what a dead child has left.
            _LOG.exception("job.not_settled", extra={"job": str(claimed.job_id)})
            os._exit(_UNSETTLED)
        say({"ended": ended})

    async def _attempt_at(self, claimed: Claim) -> str:
        begun = await execute.begin(self._database, claimed)
        if begun is None:
            return "stale"
        job, fence = begun
        say({"started": fence.attempt, "deadline_seconds": job.deadline_seconds})
        attempt = self._attempt = execute.Attempt(fence, is_draining=self._is_draining, send=self._hint)
        self._task = asyncio.create_task(execute.run(self._handlers, job, attempt))
        try:
            outcome = await self._task
        except StaleLease:
            return "stale"
        except asyncio.CancelledError:
            # Stopped before the handler's first step: nothing ran that could have answered.
            outcome = attempt.stopped or Cancelled("cancelled")
        finally:
            self._attempt = self._task = None
        failpoints.reach("settling")
        is_settled = await execute.settle(self._database, self._endings, fence, outcome, kind=job.kind)
        failpoints.reach("settled")
        attempt.hint_again()
        return type(outcome).__name__.lower() if is_settled else "stale"

    def _hint(self, channel: str) -> None:
        say({"hint": channel})


def _claim(command: dict[str, str]) -> Claim:
    return Claim(UUID(command["tenant"]), UUID(command["job"]), UUID(command["lease"]), command["kind"])
