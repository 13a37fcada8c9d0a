"""
The processes of the chaos test: a worker supervisor with a fast lease, and its executors.

`python -m tests.chaos.effects worker`, `… executor` and `… light`.  Jobs of kind `heavy` run one at a time, those of
kind `light` in batches.  A handler works for a few milliseconds; a heavy one inserts, in the transaction that completes
its job, one row into `effects`: what is counted is what was published.  The effect of a light one is that it is
complete.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from pathlib import Path
from typing import ClassVar, Final

from psycopg.sql import SQL

from lading.artifacts.blobs import BlobStore
from lading.db.database import Database
from lading.db.transaction import Transaction
from lading.jobs.model import Context, Done, Job, Outcome
from lading.ledger import keys
from lading.ledger.entry import Actor
from lading.settings import Settings
from lading.upkeep.sweeps import Upkeep
from lading.worker.executor import Executor
from lading.worker.light import LightExecutor
from lading.worker.supervisor import Supervisor

EFFECT: Final = SQL("INSERT INTO effects (job_id, attempt) VALUES (%(job_id)s, %(attempt)s)")
SLOTS: Final = int(os.environ.get("LADING_CHAOS_SLOTS", "1"))
BATCH: Final = 20


def settings() -> Settings:
    """Leases short enough that a test can outlast them, in the same proportions as the defaults."""
    return Settings(
        data_dir=Path(os.environ["LADING_DATA_DIR"]),
        lease_seconds=1.5,
        heartbeat_seconds=0.3,
        sweep_seconds=0.3,
        self_fence_seconds=1.0,
        drain_seconds=2.0,
    )


class HeavyHandler:
    """Has one effect per job."""

    async def run(self, job: Job, context: Context) -> Outcome:
        """Work a little, then publish under the fence."""
        await behave(job)

        async def commit(tx: Transaction) -> None:
            await tx.run(EFFECT, job_id=job.id, attempt=context.fence.attempt)

        return Done(commit)

    async def ended(self, tx: Transaction, job: Job) -> None:
        """Have no effect."""

    async def revived(self, tx: Transaction, job: Job, actor: Actor) -> None:
        """Have no effect."""


class LightHandler(HeavyHandler):
    """Is run in batches."""

    is_light: ClassVar[bool] = True

    async def run(self, job: Job, context: Context) -> Outcome:
        """Work a little."""
        await behave(job)
        return Done()


async def behave(job: Job) -> None:
    """Do what the payload asks for: die, hang until cancelled or for ever, or work for a moment."""
    if job.payload.get("poison"):
        os.kill(os.getpid(), signal.SIGKILL)
    if job.payload.get("hang") == "politely":
        await asyncio.Event().wait()
    while job.payload.get("hang") == "stubbornly":
        continue  # holds the interpreter: no cancellation gets through
    await asyncio.sleep(job.payload.get("seconds") or random.uniform(0.01, 0.08))


HEAVY: Final = {"heavy": HeavyHandler()}
LIGHT: Final = {"light": LightHandler()}
HANDLERS: Final = {**HEAVY, **LIGHT}


async def work() -> None:
    """Run a worker until it is told to stop or killed."""
    database = Database(os.environ["LADING_DATABASE_URL"], size=4)
    await database.open()
    chosen = settings()
    signer = keys.load_or_create(chosen.keys_dir, chosen.instance).log
    upkeep = asyncio.create_task(Upkeep(chosen, database, HANDLERS, signer, BlobStore(chosen.blobs_dir)).run())
    worker = Supervisor(
        chosen,
        database,
        HANDLERS,
        executor=[sys.executable, "-m", "tests.chaos.effects", "executor"],
        light=(list(LIGHT), [sys.executable, "-m", "tests.chaos.effects", "light"]),
        environment=os.environ,
        slots=SLOTS,
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.drain)
    await worker.run()
    upkeep.cancel()


async def execute() -> None:
    """Run the jobs that the supervisor sends."""
    database = Database(os.environ["LADING_DATABASE_URL"], size=2)
    await database.open()
    await Executor(database, HANDLERS, HANDLERS).serve()


async def execute_light() -> None:
    """Run light jobs in batches."""
    database = Database(os.environ["LADING_DATABASE_URL"], size=4)
    await database.open()
    await LightExecutor(database, LIGHT, HANDLERS, most=BATCH).serve()


if __name__ == "__main__":
    programs = {"worker": work, "executor": execute, "light": execute_light}
    asyncio.run(programs[sys.argv[1]]())
