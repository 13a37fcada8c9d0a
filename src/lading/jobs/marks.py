"""
Low-water marks: where a worker's claims begin to look, so that they don't walk over what was claimed long ago.

A long reader keeps dead index entries alive; a claim that begins at the mark never meets them.  Marks are a worker's
own, a hint and no truth: they are dropped every DROP_SECONDS, and the next claim looks at everything.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

DROP_SECONDS: Final = 2.0


class Marks:
    """The marks of one worker; `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock: Final = clock
        self._drop_at = clock() + DROP_SECONDS
