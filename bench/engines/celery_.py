"""Celery on Redis: prefork pool, one child per worker, prefetch 128, no results, no events, acks early (default)."""

from __future__ import annotations

import os
from collections.abc import Sequence

from celery import Celery
from slots import Slots
from verbs import serve

_PREFETCH = 128

app = Celery("bench", broker=os.environ.get("BENCH_REDIS", "redis://"))
app.conf.update(
    task_ignore_result=True,
    worker_prefetch_multiplier=_PREFETCH,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    worker_send_task_events=False,
    task_default_queue="noop",
)
_slots = Slots(os.environ["BENCH_SLOTS"]) if "BENCH_SLOTS" in os.environ else None


@app.task(name="noop")
def noop(n: int) -> None:
    assert _slots is not None
    _slots.bump(n)


class CeleryEngine:
    async def setup(self) -> None:
        app.control.purge()

    async def open(self) -> None:
        self._producer = app.amqp.Producer(app.connection_for_write())

    async def one(self, n: int) -> None:
        noop.apply_async((n,), producer=self._producer)

    async def many(self, numbers: Sequence[int]) -> None:
        # Celery has no call for many: its documentation publishes in a loop on one producer.
        for n in numbers:
            noop.apply_async((n,), producer=self._producer)

    async def close(self) -> None:
        self._producer.close()

    async def work(self, slots: Slots) -> None:
        del slots
        arguments = ["worker", "--pool=prefork", "--concurrency=1", "--loglevel=ERROR", "--without-gossip"]
        app.worker_main([*arguments, "--without-mingle", "-n", f"bench{os.getpid()}@%h"])


if __name__ == "__main__":
    serve(CeleryEngine())
