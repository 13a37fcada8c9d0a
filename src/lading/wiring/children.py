"""
A child process that is kept alive: started again, more and more slowly, until it is told to leave.

It lies in a process group of its own, so that Ctrl-C reaches the supervisor alone, and the kernel kills it when the
supervisor dies, however that dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from lading.db import launch

_MODULE: Final = "lading.cli"
_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 30.0
_HEALTHY_SECONDS: Final = 60.0


class Child:
    """One process of the tree; create it inside the running loop of the main thread."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        output: int,
        say: Callable[[str], None],
        descriptors: Sequence[int] = (),
    ) -> None:
        self.name: Final = name
        self.failures = 0
        self._arguments: Final = tuple(arguments)
        self._environment: Final = dict(environment)
        self._output: Final = output
        self._descriptors: Final = tuple(descriptors)
        self._say: Final = say
        self._process: asyncio.subprocess.Process | None = None
        self._leaving: Final = asyncio.Event()
        self._keeping: Final = asyncio.create_task(self._keep())

    @property
    def pid(self) -> int | None:
        """Return the process id while it runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def leave(self, seconds: float, *, at_once: asyncio.Event) -> None:
        """Ask the child to end; kill it after `seconds` or as soon as `at_once` is set; return when it has ended."""
        self._leaving.set()
        self._signal(signal.SIGTERM)
        hurry = asyncio.create_task(at_once.wait())
        await asyncio.wait({self._keeping, hurry}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        if not self._keeping.done():
            if not at_once.is_set():
                self._say(f"{self.name} did not end within {seconds:g} s and was killed.")
            if self.pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.pid, signal.SIGKILL)
        await self._keeping

    async def _keep(self) -> None:
        while not self._leaving.is_set():
            started = time.monotonic()
            try:
                how = ending(await self._run())
            except OSError as error:
                how = f"could not be started: {error.strerror}"
            if self._leaving.is_set():
                return
            self.failures = 1 if time.monotonic() - started > _HEALTHY_SECONDS else self.failures + 1
            pause = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2 ** (self.failures - 1))
            self._say(f"{self.name} ended ({how}); it starts again in {pause:g} s.")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._leaving.wait()

    async def _run(self) -> int:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", launch.__file__, "--follow", "KILL"),
            *(sys.executable, "-m", _MODULE, *self._arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            env=self._environment,
            process_group=0,
            pass_fds=self._descriptors,
        )
        if self._leaving.is_set():
            self._signal(signal.SIGTERM)
        return await self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)


def ending(code: int) -> str:
    """
    Return how a process ended, in words.

    >>> ending(-9), ending(11)
    ('killed by SIGKILL', 'exit code 11')
    """
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def open_log(path: Path) -> int:
    """Return a descriptor that appends to a private log file."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
