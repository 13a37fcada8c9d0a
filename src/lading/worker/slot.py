"""
A slot: one executor child process, and the one job it may be working on.

The supervisor owns it.  A child that dies is reaped at once; what it was doing is for the supervisor to settle.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lading.jobs.model import Claim, Fence


@dataclass(slots=True)
class Work:
    """What a slot is busy with; `attempt` is None until the child has started the job."""

    claim: Claim
    attempt: int | None = None
    cancel_reason: str | None = None
    cancelled_at: float = 0.0

    @property
    def fence(self) -> Fence | None:
        """Return the fence once the attempt was counted."""
        if self.attempt is None:
            return None
        return Fence(self.claim.tenant_id, self.claim.job_id, self.claim.lease_id, self.attempt)


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
    def _reader_is_done(self) -> bool:
        return self._reader is None or self._reader.done()

    async def start(self) -> None:
        """Start the child."""
        self._ready = False
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
            self.work.cancelled_at = time.monotonic()
            self._send({"cancel": reason})

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
        async for line in process.stdout:
            message = json.loads(line)
            if "ready" in message:
                self._ready = True
                self._on_change()
            elif "started" in message and self.work is not None:
                self.work.attempt = message["started"]
            elif "hint" in message:
                self._on_hint(message["hint"])
            elif "ended" in message:
                self.work = None
                self._on_change()
        await process.wait()
        self._ready = False
        asyncio.get_running_loop().call_soon(self._on_change)
