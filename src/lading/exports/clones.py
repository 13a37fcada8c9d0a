"""
An export asked for once more: what is the same about two of them, and the second one's row.

Takes `tx`, never commits.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from psycopg.types.json import Jsonb

from lading import ids
from lading.db.statements import Statements
from lading.db.transaction import Transaction
from lading.exports import handovers, store
from lading.exports.model import Plan, StoredExport
from lading.jobs.rules import payload_digest
from lading.ledger.entry import Actor, Entry
from lading.ledger.store import record

_SQL: Final = Statements("lading.exports")


def digest_of(plan: Plan) -> bytes:
    """Return the SHA-256 of what an export asks for; its ids are nothing to it, so that a replay keeps it."""
    return payload_digest(
        {
            "profile": plan.profile,
            "revision": plan.revision,
            "format": plan.format,
            "period_from": plan.period_from.isoformat(),
            "period_to": plan.period_to.isoformat(),
            "parameters": dict(plan.parameters),
            "include_attachments": plan.include_attachments,
            **handovers.told(plan.handover),
            **({"type": plan.type, "selector": dict(plan.selector)} if plan.selector else {}),
        }
    )


async def clone(tx: Transaction, original: StoredExport, export_id: UUID, job_id: UUID, *, actor: Actor) -> None:
    """Store a pending export that asks for what `original` asked for; its files are kept as long as those would be."""
    plan = original.plan
    earlier = await store.duplicate_of(tx, plan) if plan.revision and not plan.selector else None
    message = (
        f"This period was exported before ({ids.show(ids.EXPORT, earlier)}); both packages exist." if earlier else ""
    )
    warnings = [{"code": "already-exported", "message": message, "count": 1}] if earlier else []
    row = await tx.one(
        _SQL["clone"],
        tenant_id=tx.tenant,
        original=original.id,
        id=export_id,
        job_id=job_id,
        warnings=Jsonb(warnings),
        requested_by=actor.id,
        asked_role=actor.role,
    )
    await handovers.keep(tx, export_id, plan.handover)
    data = {
        "profile": plan.profile,
        "revision": plan.revision,
        "format": plan.format,
        "period_from": plan.period_from.isoformat(),
        "period_to": plan.period_to.isoformat(),
        "job": ids.show(ids.JOB, job_id),
        "replay_of": original.subject,
    }
    await record(tx, Entry("export.created", ids.show(ids.EXPORT, export_id), actor, data, rev=row["rev"]))
