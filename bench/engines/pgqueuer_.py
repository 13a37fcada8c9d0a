"""PgQueuer: asyncpg, uvloop (its command line's loop), batches of 100, its log of jobs kept (its default)."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence

import asyncpg
import uvloop
from pgqueuer import AsyncpgDriver, PgQueuer
from pgqueuer.models import Job
from pgqueuer.queries import Queries
from slots import Slots
from verbs import URL, serve

_BATCH = 100


class Pgqueuer:
    async def setup(self) -> None:
        connection = await asyncpg.connect(URL)
        await Queries(AsyncpgDriver(connection)).install()
        await connection.close()

    async def open(self) -> None:
        self._connection = await asyncpg.connect(URL)
        self._queries = Queries(AsyncpgDriver(self._connection))

    async def one(self, n: int) -> None:
        await self._queries.enqueue("noop", str(n).encode())

    async def many(self, numbers: Sequence[int]) -> None:
        count = len(numbers)
        await self._queries.enqueue(["noop"] * count, [str(n).encode() for n in numbers], [0] * count)

    async def close(self) -> None:
        await self._connection.close()

    async def work(self, slots: Slots) -> None:
        engine = PgQueuer(AsyncpgDriver(await asyncpg.connect(URL)))

        @engine.entrypoint("noop")
        async def noop(job: Job) -> None:
            slots.bump(int(job.payload or b"-1"))

        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, engine.shutdown.set)
        await engine.run(batch_size=_BATCH)


if __name__ == "__main__":
    uvloop.install()
    serve(Pgqueuer())
