"""Procrastinate: psycopg pool, one worker with 30 concurrent jobs, LISTEN on, finished jobs kept (its default)."""

from __future__ import annotations

from collections.abc import Sequence

from procrastinate import App, PsycopgConnector
from slots import Slots
from verbs import URL, serve

_CONCURRENCY = 30


class Procrastinate:
    def __init__(self) -> None:
        self._app = App(connector=PsycopgConnector(conninfo=URL, min_size=2, max_size=10))
        self._slots: Slots | None = None
        self._task = self._app.task(name="noop", queue="noop")(self._noop)

    async def _noop(self, n: int) -> None:
        assert self._slots is not None
        self._slots.bump(n)

    async def setup(self) -> None:
        async with self._app.open_async():
            await self._app.schema_manager.apply_schema_async()

    async def open(self) -> None:
        await self._app.open_async()

    async def one(self, n: int) -> None:
        await self._task.defer_async(n=n)

    async def many(self, numbers: Sequence[int]) -> None:
        await self._task.batch_defer_async(*({"n": n} for n in numbers))

    async def close(self) -> None:
        await self._app.close_async()

    async def work(self, slots: Slots) -> None:
        self._slots = slots
        async with self._app.open_async():
            await self._app.run_worker_async(queues=["noop"], concurrency=_CONCURRENCY, shutdown_graceful_timeout=1)


if __name__ == "__main__":
    serve(Procrastinate())
