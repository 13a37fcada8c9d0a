"""
Ctrl-C: once, a command detaches from what goes on at the server and says how to go on; twice, it is over at once.

The first is Python's own KeyboardInterrupt.  The second comes when that is already being dealt with, perhaps by
something that hangs, so it asks nobody: the cursor is shown again and the process ends.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Final

import click

from lading.cli import exits

_CURSOR: Final = "\x1b[?25h"


def quit_at_the_second() -> None:
    """
    Let the next Ctrl-C interrupt and the one after it end the process with 130, until the command has ended.

    Nothing changes where Ctrl-C means something else: below `nohup`, in a thread, under a handler of somebody else's.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        try:
            signal.signal(signal.SIGINT, _first)
        except ValueError:  # only the main thread may
            return
        click.get_current_context().call_on_close(_as_before)


def _as_before() -> None:
    if signal.getsignal(signal.SIGINT) in {_first, _second}:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _first(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, _second)
    signal.default_int_handler(number, frame)


def _second(_number: int, _frame: FrameType | None) -> None:
    # No lock is asked for here, and nothing that Python keeps open: whoever holds one may be what hangs.
    if sys.stderr.isatty():
        os.write(2, _CURSOR.encode() + b"\r\n")
    os._exit(exits.INTERRUPTED)
