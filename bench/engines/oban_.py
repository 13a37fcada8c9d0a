"""Oban for Python: uvloop (as its command line), one queue with a limit of 100, finished jobs kept (its default)."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence

import uvloop
from oban import Job, Oban, worker
from oban.schema import install
from psycopg_pool import AsyncConnectionPool
from slots import Slots
from verbs import URL, serve

_LIMIT = 100


@worker(queue="noop")
class Noop:
    slots: Slots | None = None

    async def process(self, job: Job) -> None:
        assert Noop.slots is not None
        Noop.slots.bump(job.args["n"])


class ObanEngine:
    async def setup(self) -> None:
        await self._connect()
        await install(self._pool)
        await self._pool.close()

    async def _connect(self) -> None:
        self._pool = AsyncConnectionPool(URL, min_size=1, max_size=10, open=False)
        await self._pool.open()

    async def open(self) -> None:
        await self._connect()
        self._oban = Oban(pool=self._pool)
        await self._oban.start()

    async def one(self, n: int) -> None:
        await self._oban.enqueue(Noop.new({"n": n}))

    async def many(self, numbers: Sequence[int]) -> None:
        await self._oban.enqueue_many([Noop.new({"n": n}) for n in numbers])

    async def close(self) -> None:
        await self._oban.stop()
        await self._pool.close()

    async def work(self, slots: Slots) -> None:
        Noop.slots = slots
        await self._connect()
        stopped = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
        async with Oban(pool=self._pool, queues={"noop": _LIMIT}):
            await stopped.wait()
        await self._pool.close()


if __name__ == "__main__":
    uvloop.install()
    serve(ObanEngine())
