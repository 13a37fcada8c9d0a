"""
Lading: its real worker program, lease, fence, ledger and integrator on; batches of its light kind `noop`.

Only the handler is ours: it counts.  BENCH_TENANTS spreads the jobs over so many tenants; BENCH_LEDGER=off leaves out
what is recorded, in this bench alone (the product has no such switch), to see what it costs.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import psycopg
from slots import Slots
from verbs import URL, serve

from lading import ids
from lading.db import notify
from lading.db.database import Database
from lading.db.migrate import migrate
from lading.jobs import batches, store
from lading.jobs.model import NewJob
from lading.ledger import store as ledger
from lading.ledger.entry import Actor

_KIND = "noop"
_ACTOR = Actor("user", "bench")
_TENANTS = int(os.environ.get("BENCH_TENANTS", "1"))
_FIRST = int(os.environ.get("BENCH_FIRST_TENANT", "0"))


def tenant(number: int) -> UUID:
    """Return the id of the bench's tenant `number`."""
    return UUID(int=(7 << 76) | (2 << 62) | (number + 1))


class Lading:
    async def setup(self) -> None:
        await migrate(URL)
        statement = (Path(__file__).parent / "tenants.sql").read_text("utf-8")
        async with await psycopg.AsyncConnection.connect(URL) as connection:
            names = [f"t{number}" for number in range(_TENANTS)]
            tenants = {"ids": [tenant(number) for number in range(_TENANTS)], "slugs": names}
            await connection.execute(statement.encode(), tenants)

    async def open(self) -> None:
        self._database = Database(URL, size=3)
        await self._database.open()
        self._sender = notify.Sender(self._database)
        self._turn = 0

    def _next_tenant(self) -> UUID:
        self._turn += 1
        return tenant(_FIRST + self._turn % (_TENANTS - _FIRST))

    async def one(self, n: int) -> None:
        async with self._database.tenant(self._next_tenant()) as tx:
            await store.enqueue(tx, _job(n), actor=_ACTOR)
        await self._sender.send(notify.JOBS)

    async def many(self, numbers: Sequence[int]) -> None:
        async with self._database.tenant(self._next_tenant()) as tx:
            await batches.enqueue_many(tx, [_job(n) for n in numbers], actor=_ACTOR)
        await self._sender.send(notify.JOBS)

    async def close(self) -> None:
        await self._database.close()

    async def work(self, slots: Slots) -> None:
        del slots  # the handlers run in the executor
        await importlib.import_module("lading_worker").work()


def _job(n: int) -> NewJob:
    job_id = ids.new()
    return NewJob(job_id, _KIND, ids.show(ids.JOB, job_id), {"n": n})


async def _record_nothing(*_: object, **__: object) -> None:
    """Stand in for the ledger's `record` and `record_all`."""


def _defer_nothing(*_: object, **__: object) -> None:
    """Stand in for the ledger's `record_last`."""


if __name__ == "__main__":
    if os.environ.get("BENCH_LEDGER") == "off":
        ledger.record = ledger.record_all = _record_nothing
        ledger.record_last = _defer_nothing
    if sys.argv[1:] == ["light"]:
        # After the switch above: the modules of the worker bind `record` when they are imported.
        importlib.import_module("lading_worker").execute(Slots(os.environ["BENCH_SLOTS"]))
    else:
        serve(Lading())
