"""
A child process that takes commands and answers: one JSON object per line, on its standard input and output.

Its owner hears every answer, and that it died.  It lies in a process group of its own, so that killing it kills what
it started.
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
from typing import Any, Final

_LOG: Final = logging.getLogger("lading.worker")
_LONGEST_PAUSE_SECONDS: Final = 30.0


class Program:
    """One child at a time; `on_answer` is called with each answer, `on_end` when the child is gone."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        on_answer: Callable[[Mapping[str, Any]], None],
        on_end: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock: Final = clock
        self._command: Final = tuple(command)
        self._environment: Final = dict(environment)
        self._on_answer: Final = on_answer
        self._on_end: Final = on_end
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._failures = 0
        self._started_at = 0.0
        self.is_ready = False

    @property
    def pid(self) -> int | None:
        """Return the process id while it runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    @property
    def is_dead(self) -> bool:
        """Return True when the child is gone and all it said was heard."""
        return self._process is None or (self._process.returncode is not None and self._reader_is_done)

    @property
    def may_start(self) -> bool:
        """Return False while it is too early to start a child again after some that never became ready."""
        pause = min(_LONGEST_PAUSE_SECONDS, 0.5 * 2**self._failures) if self._failures else 0.0
        return self._clock() - self._started_at >= pause

    @property
    def _reader_is_done(self) -> bool:
        return self._reader is None or self._reader.done()

    async def start(self) -> None:
        """Start the child."""
        self.is_ready = False
        self._failures = min(self._failures + 1, 10)
        self._started_at = self._clock()
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=self._environment,
            process_group=0,
        )
        self._reader = asyncio.create_task(self._read(self._process))

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a command; one that nobody can hear any more is dropped."""
        if self._process is None or self._process.stdin is None or self._process.returncode is not None:
            return
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._process.stdin.write(json.dumps(message).encode() + b"\n")

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

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        try:
            async for line in process.stdout:
                self._hear(json.loads(line))
        except ValueError:
            _LOG.exception("executor.garbled")  # what it says can't be trusted any more
            self.kill()
        await process.wait()
        self.is_ready = False
        asyncio.get_running_loop().call_soon(self._on_end)

    def _hear(self, answer: Mapping[str, Any]) -> None:
        if "ready" in answer:
            self.is_ready, self._failures = True, 0
        self._on_answer(answer)
