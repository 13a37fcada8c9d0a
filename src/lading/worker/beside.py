"""
The light side of a worker: its light executor child, and what the supervisor does for it.

The child claims and settles by itself; here it is told the lease, cancelled jobs and the end; it is watched, and what
it left when it died is settled: each of those jobs is lost, counts no crash and runs alone from then on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from lading.db.database import Database
from lading.jobs import batches
from lading.jobs.leases import CancelRequest
from lading.worker.program import Program
from lading.worker.slot import Work

_LOG: Final = logging.getLogger("lading.worker")
_SILENT_SECONDS: Final = 15.0
_IDLE_ANSWERS: Final = 2


class LightSide:
    """One light executor; `settle` settles one job that it left, False: it has to be tried again."""

    def __init__(
        self,
        database: Database,
        kinds: Sequence[str],
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        settle: Callable[[Work], Awaitable[bool]],
        again_seconds: float,
        on_change: Callable[[], None],
        on_hint: Callable[[str], None],
    ) -> None:
        self._database: Final = database
        self.kinds: Final = tuple(kinds)
        self._settle: Final = settle
        self._on_change: Final = on_change
        self._on_hint: Final = on_hint
        self._program: Final = Program(command, environment, on_answer=self._hear, on_end=on_change)
        self._lease: UUID | None = None
        self._heard_at = 0.0
        self._idle = 0
        self._unsettled: list[Work] = []
        self._again_seconds: Final = again_seconds
        self._again_at = 0.0
        self._drained: Final = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """Return the process id of the child while it runs."""
        return self._program.pid

    @property
    def is_idle(self) -> bool:
        """Return True while the child has nothing to do."""
        return self._idle >= _IDLE_ANSWERS

    async def look_after(self, lease: UUID | None, *, is_draining: bool) -> None:
        """Start a child where there is none, after settling what the last one left; tell it the lease."""
        if self._program.is_dead:
            if lease is not None and self._lease == lease:
                await self._settle_left(lease, excuse=None)
            self._lease = None
            # Without a lease the database is away or was: a child could do nothing but fail.
            if self._program.may_start and lease is not None and not is_draining:
                await self._program.start()
                self._heard_at = time.monotonic()
        elif self._program.is_ready and self._lease is None and lease is not None:
            # The last one may have died while the database committed a claim, which was over only after we looked.
            await self._settle_left(lease, excuse=None)
            self._lease = lease
            self._program.send({"lease": str(lease)})
        await self._try_again(lease)

    def watch(self) -> None:
        """End a child whose loop stands still: a handler holds the interpreter, and nothing is settled."""
        if self._program.is_ready and time.monotonic() - self._heard_at > _SILENT_SECONDS:
            _LOG.error("executor.silent", extra={"pid": self._program.pid})
            self._program.kill()

    def cancel(self, request: CancelRequest) -> None:
        """Ask the child to stop a job, if it has it."""
        self._program.send({"cancel": {"job": str(request.job_id), "reason": request.reason}})

    def kill(self) -> None:
        """End the child now: the lease is lost, and others will settle what it had."""
        self._program.kill()

    def drain(self) -> None:
        """Ask the child to begin nothing any more and to end what it began."""
        self._program.send({"drain": True})

    async def finish(self, seconds: float) -> None:
        """Wait so long for the child to end what it began, then give back what is left without counting anything."""
        if self._lease is not None and not self._program.is_dead:
            try:
                async with asyncio.timeout(max(0.0, seconds)):
                    await self._drained.wait()
            except TimeoutError:
                _LOG.warning("executor.not_drained", extra={"pid": self._program.pid})
        await self._program.close()
        if self._lease is not None:
            await self._settle_left(self._lease, excuse="drain")

    async def _settle_left(self, lease: UUID, *, excuse: str | None) -> None:
        async with self._database.system() as tx:
            left = await batches.held(tx, lease)
        self._unsettled = []
        for started in left:
            work = Work(batches.claim_of(started), attempt=started[1].attempt, excuse=excuse)
            if not await self._settle(work):
                self._unsettled.append(work)

    async def _try_again(self, lease: UUID | None) -> None:
        """Settle what could not be settled; under another lease it is not ours any more, and is rescued elsewhere."""
        self._unsettled = [work for work in self._unsettled if work.claim.lease_id == lease]
        if self._unsettled and time.monotonic() >= self._again_at:
            self._unsettled = [work for work in self._unsettled if not await self._settle(work)]
            self._again_at = time.monotonic() + self._again_seconds

    def _hear(self, answer: Mapping[str, Any]) -> None:
        self._heard_at = time.monotonic()
        if "ready" in answer:
            self._idle = 0
            self._on_change()
        elif "alive" in answer:
            self._idle = 0 if answer["alive"] or self._lease is None else self._idle + 1
        elif "hint" in answer:
            self._on_hint(answer["hint"])
        elif "drained" in answer:
            self._drained.set()
