"""Parts of exports in the database: where they begin and end, and what each came to.  Takes `tx`, never commits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb

from lading import ids
from lading.db.statements import Statements
from lading.db.transaction import Transaction
from lading.exports import store
from lading.exports.model import Stage
from lading.exports.parts import Part
from lading.exports.rules import percent
from lading.jobs.model import Fence
from lading.ledger.entry import Actor, Entry
from lading.ledger.store import record
from lading.sources.model import KeyRange

_SQL: Final = Statements("lading.exports")


async def find(tx: Transaction, export_id: UUID) -> list[Part]:
    """Return the parts in order; none before they are planned."""
    rows = await tx.all(_SQL["parts"], tenant_id=tx.tenant, export_id=export_id)
    return [Part(row["number"], KeyRange(_key(row["low"]), _key(row["high"])), row["result"]) for row in rows]


async def plan(tx: Transaction, export_id: UUID, parts: Sequence[Part], *, actor: Actor) -> list[Part]:
    """Store where the parts begin and end, once; return them as they are stored."""
    told = [{"number": part.number, "low": part.within.low, "high": part.within.high} for part in parts]
    await tx.run(_SQL["parts_plan"], tenant_id=tx.tenant, export_id=export_id, parts=Jsonb(told))
    subject = ids.show(ids.EXPORT, export_id)
    await show(tx, export_id)
    row = await tx.one(_SQL["bump"], tenant_id=tx.tenant, id=export_id)
    await record(tx, Entry("export.parts_planned", subject, actor, {"parts": len(parts)}, rev=row["rev"]))
    return await find(tx, export_id)


async def complete(
    tx: Transaction, export_id: UUID, number: int, result: Mapping[str, Any], fence: Fence, *, actor: Actor
) -> None:
    """Make a part's result durable and show it in the export's progress; one that another was faster with stays."""
    done = await tx.run(
        _SQL["part_complete"],
        tenant_id=tx.tenant,
        export_id=export_id,
        number=number,
        result=Jsonb(dict(result)),
        job_id=fence.job_id,
        attempt=fence.attempt,
    )
    if not done:
        return
    await store.lock(tx, export_id)  # of parts that end together, each counts those before it
    await show(tx, export_id)
    row = await tx.one(_SQL["bump"], tenant_id=tx.tenant, id=export_id)
    data = {"part": number, "job": ids.show(ids.JOB, fence.job_id), "attempt": fence.attempt}
    await record(tx, Entry("export.part_completed", ids.show(ids.EXPORT, export_id), actor, data, rev=row["rev"]))


async def show(tx: Transaction, export_id: UUID) -> None:
    """Show in the export's progress which parts are done, if it has parts and is at them."""
    share = percent(Stage.QUERYING, 1, 1)
    await tx.run(_SQL["parts_progress"], tenant_id=tx.tenant, export_id=export_id, share=share)


async def reopen(tx: Transaction, export_id: UUID, numbers: Sequence[int], *, actor: Actor) -> None:
    """Let parts be done again, and show that fewer are done."""
    await tx.run(_SQL["parts_reopen"], tenant_id=tx.tenant, export_id=export_id, numbers=list(numbers))
    await show(tx, export_id)
    row = await tx.one(_SQL["bump"], tenant_id=tx.tenant, id=export_id)
    data = {"parts": list(numbers)}
    await record(tx, Entry("export.parts_reopened", ids.show(ids.EXPORT, export_id), actor, data, rev=row["rev"]))


async def drop(tx: Transaction, export_ids: Sequence[UUID]) -> None:
    """Forget the parts of exports that are over, and the pages."""
    await tx.run(_SQL["parts_drop"], tenant_id=tx.tenant, export_ids=list(export_ids))
    await tx.run(_SQL["pages_drop"], tenant_id=tx.tenant, export_ids=list(export_ids))


async def hand_on(
    tx: Transaction, export_id: UUID, *, former_id: UUID, job_id: UUID, run_id: UUID, parts: int, actor: Actor
) -> bool:
    """Let the export wait for another job; return False when it was asked to stop, or is not that job's any more."""
    row = await tx.maybe(_SQL["hand_on"], tenant_id=tx.tenant, id=export_id, former_id=former_id, job_id=job_id)
    if row is None:
        return False
    data = {"run": ids.show(ids.RUN, run_id), "job": ids.show(ids.JOB, job_id), "parts": parts}
    await record(tx, Entry("export.split", ids.show(ids.EXPORT, export_id), actor, data, rev=row["rev"]))
    return True


def _key(values: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)
