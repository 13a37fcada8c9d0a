"""
What the workers of a run share with the program that measures them: counters and instants in a mapped file.

A handler adds one to its worker's own counter, so that nobody asks the database during a run.  A job with a number
(`n` >= 0) also notes when its handler started.  Standard library only: it is imported by each engine's own Python.
"""

from __future__ import annotations

import mmap
import os
import time
from pathlib import Path

WORKERS = 8
LATENCIES = 4096
_LINE = 8  # words: a worker's counter shares no cache line with another's
_TABLE = WORKERS * _LINE
BYTES = 8 * (_TABLE + 2 * LATENCIES)


class Slots:
    """The mapped file; words are 64 bits in this machine's order."""

    def __init__(self, path: str | Path) -> None:
        with Path(path).open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), BYTES)
        self._words = memoryview(self._map).cast("Q")
        self._mine = int(os.environ.get("BENCH_WORKER", "0")) * _LINE

    @staticmethod
    def make(path: Path) -> Slots:
        """Make the file, all zero, and map it."""
        path.write_bytes(bytes(BYTES))
        return Slots(path)

    def bump(self, n: int = -1) -> None:
        """Count one handled job; job `n` has started now."""
        if n >= 0:
            self._words[_TABLE + 2 * n + 1] = time.monotonic_ns()
        self._words[self._mine] += 1

    def call(self, n: int) -> None:
        """Note that job `n` is enqueued now."""
        self._words[_TABLE + 2 * n] = time.monotonic_ns()

    def counts(self, workers: int) -> list[int]:
        """Return what each of the first `workers` has handled."""
        return [self._words[number * _LINE] for number in range(workers)]

    def latencies(self, *, since: int = 0, until: int | None = None) -> list[float]:
        """Return the seconds from call to start of each job that has both and was called between these instants."""
        pairs = [(self._words[_TABLE + 2 * n], self._words[_TABLE + 2 * n + 1]) for n in range(LATENCIES)]
        seen = [(call, start) for call, start in pairs if call >= since and start >= call > 0]
        return [(start - call) / 1e9 for call, start in seen if until is None or call < until]
