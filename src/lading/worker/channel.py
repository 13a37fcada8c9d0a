"""
How a child of the supervisor hears commands and answers: one JSON object per line on standard input and output.

End of input means that the supervisor died: the process ends at once, and its jobs are rescued elsewhere.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from collections.abc import Mapping
from typing import Any, Final

_ORPHANED: Final = 75


def keep_output_to_ourselves() -> None:
    """Let what a handler or a library prints go to standard error; only answers leave by standard output."""
    answers = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = os.fdopen(answers, "w", encoding="utf-8")


def say(message: Mapping[str, object]) -> None:
    """Answer."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def commands(loop: asyncio.AbstractEventLoop) -> asyncio.Queue[dict[str, Any]]:
    """Return a queue that a thread fills with what is heard."""
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(heard.put_nowait, json.loads(line))
        # The supervisor is gone and its lease will run out: stop now, whatever a handler is doing.
        os._exit(_ORPHANED)

    threading.Thread(target=read, name="commands", daemon=True).start()
    return heard
