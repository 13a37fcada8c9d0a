"""
Runs that stop: cancel one, and the sweep that ends what is not wanted any more.

What is left of a stopped run, and everything below a node that failed with the policy `skip`, is ended in pieces of
PIECE jobs, each its own transaction: no failure is one giant transaction, and a node's export ends with it.
"""

from __future__ import annotations

import logging
from typing import Final
from uuid import UUID

from lading import ids
from lading.db.database import Database
from lading.db.statements import Statements
from lading.db.transaction import Transaction
from lading.errors import InvalidTransition
from lading.jobs import run_store
from lading.jobs.model import Endings
from lading.jobs.rows import entry, job_of
from lading.jobs.run_store import CANCELLED, Run
from lading.ledger.entry import Actor, grounds
from lading.ledger.store import record

_LOG: Final = logging.getLogger("lading.jobs")
_SQL: Final = Statements(__package__ or "lading.jobs")
_SYSTEM: Final = Actor("system", "runs")
_RUNS_PER_SWEEP: Final = 100
PIECE: Final = 200


async def cancel(tx: Transaction, run_id: UUID, *, reason: str, ticket: str | None, actor: Actor) -> Run:
    """Let nothing of the run start any more; its sweep ends what waits and asks what runs to stop."""
    run = await run_store.find(tx, run_id)
    if run.state != "running":
        raise InvalidTransition(f"{ids.show(ids.RUN, run_id)} is {run.state}; only a running run can be cancelled.")
    await run_store.stop(
        tx,
        tx.tenant,
        run_id,
        CANCELLED,
        entry="run.cancel_requested",
        actor=actor,
        reason=reason,
        ticket=ticket,
        data=grounds(reason, ticket),
    )
    return await run_store.find(tx, run_id)


async def sweep(database: Database, endings: Endings) -> int:
    """End what is not wanted any more in every run, and every run in which nothing is left; return how many jobs."""
    async with database.system() as tx:
        due = await run_store.due(tx, limit=_RUNS_PER_SWEEP)
    count = 0
    for tenant_id, run_id in due:
        try:
            count += await tidy(database, endings, tenant_id, run_id)
        except Exception:  # noqa: BLE001 - whatever it is, it must not keep the other runs waiting
            _LOG.exception("run.sweep_failed", extra={"run": str(run_id)})
    return count


async def tidy(database: Database, endings: Endings, tenant_id: UUID, run_id: UUID) -> int:
    """End what is not wanted any more in one run, piece by piece, and the run if nothing is left; return how many."""
    count, piece = 0, PIECE
    while piece == PIECE:
        async with database.tenant(tenant_id) as tx:
            piece = await drop(tx, run_id, endings)
        count += piece
    return count


async def drop(tx: Transaction, run_id: UUID, endings: Endings) -> int:
    """End up to PIECE jobs that wait and are not wanted any more, ask those that run to stop; return how many."""
    run = await run_store.find(tx, run_id)
    if run.state != "running":
        return 0
    if run.stop_code is None:
        await tx.run(_SQL["run_spread"], tenant_id=tx.tenant, run_id=run_id)
    else:
        asked = await tx.all(_SQL["run_ask"], tenant_id=tx.tenant, run_id=run_id, reason=run.stop_code, limit=PIECE)
        await record(tx, *(entry("job.cancel_requested", row, _SYSTEM, code=run.stop_code) for row in asked))
    rows = await tx.all(_SQL["run_drop"], tenant_id=tx.tenant, run_id=run_id, stop_code=run.stop_code, limit=PIECE)
    await record(tx, *(entry("job.cancelled", row, _SYSTEM, code=row["error"]["code"]) for row in rows))
    for row in rows:
        if row["kind"] in endings:
            await endings[row["kind"]].ended(tx, job_of(row))
    await run_store.end_idle(tx, [(tx.tenant, run_id)])
    return len(rows)
