"""
A slot: one executor child process, and the one job it may be working on.

The supervisor owns it.  A child that dies is reaped at once; what it was doing is for the supervisor to settle.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lading.jobs.model import Claim

_LOG: Final = logging.getLogger("lading.worker")
_LONGEST_PAUSE_SECONDS: Final = 30.0


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
        self._command: Final = tuple(command)
        self._environment: Final = dict(environment)
        self._on_change: Final = on_change
        self._on_hint: Final = on_hint
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._ready = False
        self._failures = 0
        self._started_at = 0.0
        self.work: Work | None = None

    @property
    def is_free(self) -> bool:
        """Return True when a job can be given to it."""
        return self._ready and self.work is None

    @property
    def is_dead(self) -> bool:
        """Return True when the child is gone; `work` then tells what died with it."""
        return self._process is None or (self._process.returncode is not None and self._reader_is_done)

    @property
    def may_start(self) -> bool:
        """Return False while it is too early to start a child again after some that never became ready."""
        pause = min(_LONGEST_PAUSE_SECONDS, 0.5 * 2**self._failures) if self._failures else 0.0
        return time.monotonic() - self._started_at >= pause

    @property
    def _reader_is_done(self) -> bool:
        return self._reader is None or self._reader.done()

    async def start(self) -> None:
        """Start the child."""
        self._ready = False
        self._failures = min(self._failures + 1, 10)
        self._started_at = time.monotonic()
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=self._environment,
            process_group=0,
        )
        self._reader = asyncio.create_task(self._read(self._process))

    def give(self, claimed: Claim) -> None:
        """Hand the job to the child."""
        self.work = Work(claimed)
        self._send(
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
            self._send({"cancel": reason})

    def mind_deadline(self) -> bool:
        """Ask the child to stop a job that is beyond its deadline; return True when this call did."""
        work, now = self.work, time.monotonic()
        if work is None or work.is_overdue or work.deadline_at is None or now < work.deadline_at:
            return False
        work.is_overdue, work.stopped_at = True, now if work.stopped_at is None else work.stopped_at
        self._send({"overdue": True})
        return True

    def drain(self) -> None:
        """Ask the child to stop at the next checkpoint."""
        self._send({"drain": True})

    def kill(self) -> None:
        """End the child now, with whatever it started."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def close(self) -> None:
        """End the child and wait until it is gone."""
        self.kill()
        if self._process is not None:
            await self._process.wait()
        if self._reader is not None:
            await self._reader

    def _send(self, message: Mapping[str, Any]) -> None:
        if self._process is None or self._process.stdin is None or self._process.returncode is not None:
            return
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._process.stdin.write(json.dumps(message).encode() + b"\n")

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        try:
            async for line in process.stdout:
                self._hear(json.loads(line))
        except ValueError:
            _LOG.exception("executor.garbled")  # what it says can't be trusted any more
            self.kill()
        await process.wait()
        self._ready = False
        asyncio.get_running_loop().call_soon(self._on_change)

    def _hear(self, message: Mapping[str, Any]) -> None:
        if "ready" in message:
            self._ready, self._failures = True, 0
            self._on_change()
        elif "started" in message and self.work is not None:
            self.work.attempt = message["started"]
            if message["deadline_seconds"] is not None:
                self.work.deadline_at = time.monotonic() + message["deadline_seconds"]
        elif "hint" in message:
            self._on_hint(message["hint"])
        elif "ended" in message:
            self.work = None
            self._on_change()
