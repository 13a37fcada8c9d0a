"""
Places where a test kills or freezes the process, so that "killed at any point" is tested at every point.

Off unless LADING_FAILPOINT_FILE names a file.  Its first word is the name of the point to die at; a second word
`worker` takes the supervising process along, `freeze` stops the process (SIGSTOP) instead.  The file is removed by
firing, so the attempt after it passes.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path


def reach(name: str) -> None:
    """Kill or freeze this process if it was told to end at `name`."""
    path = os.environ.get("LADING_FAILPOINT_FILE")
    if path is None:
        return
    try:
        words = Path(path).read_text("utf-8").split()
        if not words or words[0] != name:
            return
        Path(path).unlink()
    except FileNotFoundError:
        return
    if "freeze" in words[1:]:
        os.kill(os.getpid(), signal.SIGSTOP)
        return
    if "worker" in words[1:]:
        os.kill(os.getppid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
