"""
Places where a test kills the process, so that "killed at any point" is tested at every point.

Off unless LADING_FAILPOINT names one.  LADING_FAILPOINT_ONCE names a file that is made when it fires, so that the
attempt after the kill passes.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path


def reach(name: str) -> None:
    """Kill this process with SIGKILL if it was told to die at `name`."""
    if os.environ.get("LADING_FAILPOINT") != name:
        return
    marker = os.environ.get("LADING_FAILPOINT_ONCE")
    if marker is not None:
        try:
            Path(marker).touch(exist_ok=False)
        except FileExistsError:
            return
    os.kill(os.getpid(), signal.SIGKILL)
