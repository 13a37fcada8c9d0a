"""
The verbs of an engine's program: setup | single N | bulk N | spread N | latency N [SECONDS] | worker.

`spread` is `bulk` with ten jobs in a call, each call for the next tenant.  All but `setup` and `worker` print one JSON
object: seconds, CPU seconds, jobs.  Standard library only: it is imported by each engine's own Python.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from collections.abc import Sequence
from typing import Protocol

from slots import Slots

URL = os.environ.get("BENCH_URL", "")
_IN_ONE_CALL = {"bulk": 1000, "spread": 10}
_PAUSE_SECONDS = (0.030, 0.057)


class Engine(Protocol):
    """What an engine's program can do; each is called in a process of its own, `open` before the producing ones."""

    async def setup(self) -> None:
        """Make the schema."""
        ...

    async def open(self) -> None:
        """Connect to enqueue."""
        ...

    async def one(self, n: int) -> None:
        """Enqueue one job with the payload {"n": n}; it is committed on return."""
        ...

    async def many(self, numbers: Sequence[int]) -> None:
        """Enqueue these in one call, the way the engine's documentation tells for many."""
        ...

    async def close(self) -> None:
        """Disconnect."""
        ...

    async def work(self, slots: Slots) -> None:
        """Work until SIGTERM."""
        ...


def serve(engine: Engine) -> None:
    """Do what the command line says."""
    match sys.argv[1:]:
        case ["setup"]:
            asyncio.run(engine.setup())
        case ["single" | "bulk" | "spread" as verb, count]:
            asyncio.run(_produce(engine, verb, int(count)))
        case ["latency", count, *seconds]:
            asyncio.run(_probe(engine, int(count), float(seconds[0]) if seconds else 3600.0))
        case ["worker"]:
            asyncio.run(engine.work(Slots(os.environ["BENCH_SLOTS"])))
        case _:
            sys.exit(__doc__)


async def _produce(engine: Engine, verb: str, count: int) -> None:
    await engine.open()
    await engine.many([-1])  # the first call pays for connecting, preparing and importing
    begun, cpu = time.monotonic(), time.process_time()
    if verb == "single":
        for _ in range(count - 1):
            await engine.one(-1)
    else:
        together = _IN_ONE_CALL[verb]
        for first in range(0, count - 1, together):
            await engine.many([-1] * min(together, count - 1 - first))
    _say(seconds=time.monotonic() - begun, cpu=time.process_time() - cpu, jobs=count - 1)
    await engine.close()


async def _probe(engine: Engine, count: int, seconds: float) -> None:
    """Enqueue one job every 30–57 ms into a queue that is idle (or flooded by somebody else)."""
    chance = random.Random(7)
    slots = Slots(os.environ["BENCH_SLOTS"])
    await engine.open()
    begun, cpu, done = time.monotonic(), time.process_time(), 0
    while done < count and time.monotonic() - begun < seconds:
        slots.call(done)
        await engine.one(done)
        done += 1
        await asyncio.sleep(chance.uniform(*_PAUSE_SECONDS))
    _say(seconds=time.monotonic() - begun, cpu=time.process_time() - cpu, jobs=done)
    await engine.close()


def _say(**figures: float) -> None:
    print(json.dumps(figures), flush=True)
