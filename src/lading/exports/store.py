"""
Exports in the database: create, read, and every change of state with its ledger entry.

Writes of a running attempt are guarded by the job's fence, which the pipeline takes in the same transaction before it
calls here.  Takes `tx`, never commits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb

from lading import ids
from lading.artifacts.registry import Maker
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.errors import InvalidTransition, NotFound
from lading.exports import published
from lading.exports.model import Handover, Plan, Sealed, Stage, Status, StoredExport
from lading.exports.types.names import AUDIT_BUNDLE
from lading.jobs.model import Fence
from lading.ledger.entry import Actor, Entry
from lading.ledger.store import record

_SQL: Final = Statements("lading.exports")


@dataclass(frozen=True, slots=True)
class Locked:
    """A locked export: what a change of state needs to know."""

    id: UUID
    job_id: UUID
    status: Status
    retry_count: int


async def create(
    tx: Transaction,
    export_id: UUID,
    job_id: UUID,
    plan: Plan,
    *,
    actor: Actor,
    warnings: Sequence[Mapping[str, Any]],
    retention_days: int,
) -> None:
    """Store a pending export."""
    row = await tx.one(
        _SQL["create"],
        tenant_id=tx.tenant,
        id=export_id,
        job_id=job_id,
        type=plan.type,
        profile=plan.profile,
        revision=plan.revision or None,
        format=plan.format,
        period_from=plan.period_from,
        period_to=plan.period_to,
        parameters=Jsonb(dict(plan.parameters)),
        include_attachments=plan.include_attachments,
        selector=Jsonb(dict(plan.selector)),
        warnings=Jsonb(list(warnings)),
        requested_by=actor.id,
        asked_role=actor.role,
        retention_days=retention_days,
    )
    data = {
        "profile": plan.profile,
        "revision": plan.revision,
        "format": plan.format,
        "period_from": plan.period_from.isoformat(),
        "period_to": plan.period_to.isoformat(),
        "job": ids.show(ids.JOB, job_id),
    }
    await _note(tx, "export.created", export_id, actor, rev=row["rev"], **data)


async def find(tx: Transaction, export_id: UUID) -> StoredExport:
    """Return the export."""
    row = await tx.maybe(_SQL["find"], tenant_id=tx.tenant, id=export_id)
    if row is None:
        raise _unknown(export_id)
    return export_of(row)


async def lock(tx: Transaction, export_id: UUID) -> Locked:
    """Lock the export for a change of state."""
    row = await tx.maybe(_SQL["lock"], tenant_id=tx.tenant, id=export_id)
    if row is None:
        raise _unknown(export_id)
    return Locked(row["id"], row["job_id"], Status(row["status"]), row["retry_count"])


async def duplicate_of(tx: Transaction, plan: Plan) -> UUID | None:
    """Return the newest completed export of the same profile and period."""
    row = await tx.maybe(
        _SQL["duplicates"],
        tenant_id=tx.tenant,
        profile=plan.profile,
        period_from=plan.period_from,
        period_to=plan.period_to,
    )
    return None if row is None else row["id"]


# --- what an attempt does ------------------------------------------------------------------------


async def begin(tx: Transaction, export_id: UUID, *, actor: Actor, attempt: int) -> None:
    """Mark the export as running; a later attempt finds it so already."""
    row = await tx.maybe(_SQL["begin"], tenant_id=tx.tenant, id=export_id)
    if row is not None:
        await _note(tx, "export.started", export_id, actor, rev=row["rev"], attempt=attempt)


async def begin_stage(
    tx: Transaction, export_id: UUID, stage: Stage, *, actor: Actor, attempt: int, percent: float
) -> None:
    """Persist the stage; only then may it begin."""
    row = await tx.maybe(
        _SQL["begin_stage"], tenant_id=tx.tenant, id=export_id, stage=stage.value, progress=Jsonb({"percent": percent})
    )
    if row is None:
        raise InvalidTransition(f"{ids.show(ids.EXPORT, export_id)} is not running any more.")
    await _note(tx, "export.stage_started", export_id, actor, rev=row["rev"], stage=stage.value, attempt=attempt)


async def checkpoint(
    tx: Transaction, export_id: UUID, stage: Stage, result: Mapping[str, Any], *, actor: Actor, attempt: int
) -> None:
    """Make the stage's result durable; a retry skips the stage."""
    await tx.run(
        _SQL["put_checkpoint"],
        tenant_id=tx.tenant,
        export_id=export_id,
        stage=stage.value,
        attempt=attempt,
        result=Jsonb(dict(result)),
    )
    row = await tx.one(_SQL["bump"], tenant_id=tx.tenant, id=export_id)
    await _note(tx, "export.stage_completed", export_id, actor, rev=row["rev"], stage=stage.value, attempt=attempt)


async def checkpoints(tx: Transaction, export_id: UUID) -> dict[Stage, Mapping[str, Any]]:
    """Return the results of the stages that are complete."""
    rows = await tx.all(_SQL["checkpoints"], tenant_id=tx.tenant, export_id=export_id)
    return {Stage(row["stage"]): row["result"] for row in rows}


async def drop_checkpoints(tx: Transaction, export_id: UUID, stages: Sequence[Stage]) -> None:
    """Forget stages whose files are gone, so that they are done again."""
    await tx.run(
        _SQL["drop_checkpoints"],
        tenant_id=tx.tenant,
        export_id=export_id,
        stages=[stage.value for stage in stages],
    )


async def progress(tx: Transaction, export_id: UUID, fence: Fence, values: Mapping[str, Any]) -> None:
    """Show how far the export is; nothing happens when the attempt has lost the job."""
    await tx.run(
        _SQL["progress"],
        tenant_id=tx.tenant,
        id=export_id,
        progress=Jsonb(dict(values)),
        lease_id=fence.lease_id,
        attempt=fence.attempt,
    )


async def complete(
    tx: Transaction, export_id: UUID, sealed: Sealed, *, actor: Actor, maker: Maker, retention_days: int
) -> None:
    """Publish the result: status, counts, artifacts and ledger entries together."""
    row = await tx.maybe(
        _SQL["complete"],
        tenant_id=tx.tenant,
        id=export_id,
        progress=Jsonb({"percent": 100.0, "rows": sealed.rows["written"], "bytes": sealed.artifacts[0].size}),
        warnings=Jsonb(list(sealed.warnings)),
        retention_days=retention_days,
        **{"filtered": 0, **sealed.rows},
    )
    if row is None:
        raise InvalidTransition(f"{ids.show(ids.EXPORT, export_id)} is not running any more.")
    await _note(
        tx,
        "export.completed",
        export_id,
        actor,
        rev=row["rev"],
        attempt=maker.attempt,
        package_sha256=sealed.package_sha256,
        rows=dict(sealed.rows),
        **sealed.facts,
    )
    if "bundle" in sealed.facts:
        told = {**sealed.facts["bundle"], "sha256": sealed.package_sha256, "size": sealed.artifacts[0].size}
        await _note(tx, "bundle.completed", export_id, actor, rev=None, **told)
    # In the order of their digests: two that publish the same files must not wait for each other.
    for artifact in sorted(sealed.artifacts, key=lambda each: (each.sha256, each.name)):
        await published.put(tx, export_id, artifact, actor=actor, maker=maker)


# --- what people do ------------------------------------------------------------------------------


async def end(
    tx: Transaction,
    export_id: UUID,
    status: Status,
    *,
    actor: Actor,
    attempt: int,
    error: Mapping[str, Any] | None,
    code: str,
) -> None:
    """End the export without a result; one that ended before stays as it is."""
    row = await tx.maybe(
        _SQL["end"],
        tenant_id=tx.tenant,
        id=export_id,
        status=status.value,
        error=None if error is None else Jsonb(dict(error)),
    )
    if row is not None:
        await _note(tx, f"export.{status.value}", export_id, actor, rev=row["rev"], attempt=attempt, code=code)
        if row["type"] == AUDIT_BUNDLE and status is Status.FAILED:
            await _note(tx, "bundle.failed", export_id, actor, rev=None, code=code)


async def request_cancel(tx: Transaction, export_id: UUID, *, actor: Actor) -> None:
    """Show on the export that it was asked to stop."""
    row = await tx.one(_SQL["request_cancel"], tenant_id=tx.tenant, id=export_id)
    await _note(tx, "export.cancel_requested", export_id, actor, rev=row["rev"])


async def retry(tx: Transaction, export_id: UUID, job_id: UUID, *, actor: Actor) -> None:
    """Let the export wait for a new job, asked for by `actor` now; its completed stages stay."""
    row = await tx.one(_SQL["retry"], tenant_id=tx.tenant, id=export_id, job_id=job_id, asked_role=actor.role)
    await _note(tx, "export.retried", export_id, actor, rev=row["rev"], job=ids.show(ids.JOB, job_id))


async def delete(tx: Transaction, export_id: UUID, *, actor: Actor) -> list[str]:
    """Hide the export and unpublish its files, whose digests are returned; the ledger keeps its history."""
    row = await tx.one(_SQL["delete"], tenant_id=tx.tenant, id=export_id)
    dropped = await published.drop(tx, export_id)
    await _note(tx, "export.deleted", export_id, actor, rev=row["rev"])
    return dropped


async def expire(tx: Transaction, export_id: UUID, *, actor: Actor) -> list[str]:
    """Unpublish the files of an export whose retention is over, and return their digests."""
    row = await tx.maybe(_SQL["expire"], tenant_id=tx.tenant, id=export_id)
    if row is None:
        return []
    dropped = await published.drop(tx, export_id)
    await _note(tx, "export.expired", export_id, actor, rev=row["rev"])
    return dropped


async def expired(tx: Transaction, *, after: tuple[datetime, UUID] | None, limit: int) -> list[tuple[datetime, UUID]]:
    """Return up to `limit` completed exports whose retention is over and that no hold keeps, behind `after`."""
    rows = await tx.all(
        _SQL["expired"],
        tenant_id=tx.tenant,
        after_at=None if after is None else after[0],
        after_id=None if after is None else after[1],
        limit=limit,
    )
    return [(row["expires_at"], row["id"]) for row in rows]


async def lock_due(tx: Transaction, export_id: UUID) -> bool:
    """Lock an export whose retention is over; False when it is not any more, or when another has it in hand."""
    return await tx.maybe(_SQL["lock_due"], tenant_id=tx.tenant, id=export_id) is not None


async def settled(tx: Transaction, export_ids: Sequence[UUID]) -> set[UUID]:
    """Return those of `export_ids` that need their working files no more."""
    rows = await tx.all(_SQL["settled"], tenant_id=tx.tenant, ids=list(export_ids))
    return {row["id"] for row in rows}


async def _note(tx: Transaction, event: str, export_id: UUID, actor: Actor, *, rev: int | None, **data: Any) -> None:
    await record(tx, Entry(event, ids.show(ids.EXPORT, export_id), actor, data, rev=rev))


def _unknown(export_id: UUID) -> NotFound:
    return NotFound(f"There is no export {ids.show(ids.EXPORT, export_id)} in this organisation.")


def export_of(row: Row) -> StoredExport:
    """Return the export that a row of `find` or of a list is."""
    rows = None
    if row["rows_read"] is not None:
        names = ("read", "written", "quarantined", "duplicate", "filtered")
        rows = {name: int(row[f"rows_{name}"]) for name in names}
    plan = Plan(
        profile=row["profile"],
        revision=row["revision"] or 0,
        type=row["type"],
        format=row["format"],
        period_from=row["period_from"],
        period_to=row["period_to"],
        parameters=row["parameters"],
        include_attachments=row["include_attachments"],
        selector=row["selector"],
        handover=Handover(tuple(row["destinations"]), tuple(row["encrypt_to"])),
    )
    return StoredExport(
        tenant_id=row["tenant_id"],
        tenant_slug=row["tenant_slug"],
        tenant_name=row["tenant_name"],
        id=row["id"],
        job_id=row["job_id"],
        plan=plan,
        status=Status(row["status"]),
        stage=None if row["stage"] is None else Stage(row["stage"]),
        retry_count=row["retry_count"],
        progress=row["progress"],
        warnings=row["warnings"],
        rows=rows,
        error=row["error"],
        rev=row["rev"],
        version=row["version"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        expires_at=row["expires_at"],
        cancel_requested_at=row["cancel_requested_at"],
        requested_by=row["requested_by"],
        package_sha256=None if row["package_digest"] is None else bytes(row["package_digest"]).hex(),
        job_state=row["job_state"],
        job_attempt=row["job_attempt"],
        job_failures=row["job_failures"],
        job_due_at=row["job_due_at"],
        job_error=row["job_error"],
        lane_waiting_for=row["lane_waiting_for"],
        lane_eligible_at=row["lane_eligible_at"],
        asked_role=row["asked_role"],
        schedule_id=row["schedule_id"],
        asked_at=row["asked_at"],
        approval=row["approval"],
    )
