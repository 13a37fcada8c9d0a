"""
A Lading to work with from this process: the one that runs on the data directory, or one started for as long as needed.

The one started here is an ordinary `lading up` on a free port.  It drains when we end and when we are killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import IO, Final

from lading.db import directory, launch
from lading.db.guests import alone, guest
from lading.errors import EnvironmentUnfit
from lading.settings import Settings, to_environment

_ASK_SECONDS: Final = 0.05
_PATIENCE_SECONDS: Final = 120.0
_PREFIX: Final = "error: "


@contextmanager
def server(settings: Settings, *, on_start: Callable[[], None], on_wait: Callable[[], None]) -> Iterator[str]:
    """
    Yield the URL of a server on the data directory.

    `on_start` is told when one is started; it ends with us, but not before others who came to work with it, for whom
    `on_wait` is told.
    """
    if directory.owner(settings.data_dir) is not None:
        with guest(settings.data_dir):
            # Looked at again: the one that was there may have been stopping.
            if directory.owner(settings.data_dir) is not None:
                yield _url_of(settings, None)
                return
    on_start()
    with (
        ExitStack() as stack,
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output,
        _started(settings, output) as up,
    ):
        try:
            yield _url_of(settings, up)
            stack.enter_context(alone(settings.data_dir, on_wait=on_wait))  # held until it has stopped
        except _EndedEarlyError:
            raise EnvironmentUnfit(_last_words(output)) from None


class _EndedEarlyError(Exception):
    """The server ended before it answered."""


@contextmanager
def _started(settings: Settings, output: IO[str]) -> Iterator[subprocess.Popen[bytes]]:
    free_port = replace(settings, host="127.0.0.1", port=0)
    command = [
        sys.executable,
        "-I",
        launch.__file__,
        "--follow",
        "TERM",
        sys.executable,
        "-m",
        "lading.cli",
        "up",
        "--no-token",
    ]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env={**os.environ, **to_environment(free_port)},
        process_group=0,  # Ctrl-C is ours; it is stopped when we are done with what we were doing
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGTERM)  # the second one kills
            process.wait()
            raise


def _url_of(settings: Settings, process: subprocess.Popen[bytes] | None) -> str:
    """Wait until the owner of the directory says where it answers."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        held = directory.owner(settings.data_dir)
        if held is not None and held.url is not None:
            return held.url
        if process is not None and process.poll() is not None:
            raise _EndedEarlyError
        if time.monotonic() > deadline or (process is None and held is None):
            raise EnvironmentUnfit(f"The Lading on {settings.data_dir} does not answer; stop it and try again.")
        time.sleep(_ASK_SECONDS)


def _last_words(output: IO[str]) -> str:
    output.seek(0)
    lines = [line.strip() for line in output if line.strip()]
    return lines[-1].removeprefix(_PREFIX) if lines else "The server ended without a word."
