"""
Exports as the API shows them: stored values in, `wire` shapes out.

Stages and their ends are printed in upper case (QUERYING … COMPLETE); why a job does not run is said in `waiting_for`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from urllib.parse import quote

from lading import clock, ids
from lading.exports.approvals import Approval
from lading.exports.deliveries import Delivery
from lading.exports.holds import Held
from lading.exports.model import Status, StoredArtifact, StoredExport
from lading.jobs.rules import sleeping_for
from lading.ledger import store as ledger
from lading.wire import exports as wire

BASE: Final = "/api/v1/exports"
_ENDS: Final = {Status.COMPLETED: "COMPLETE", Status.FAILED: "FAILED", Status.CANCELLED: "CANCELLED"}


def export(
    stored: StoredExport,
    artifacts: Sequence[StoredArtifact],
    receipted: ledger.Receipt | None,
    carried: Sequence[Delivery] = (),
    *,
    kept: Sequence[Held] = (),
    asked: Approval | None = None,
) -> wire.Export:
    """Return the export as the API shows it."""
    plan, progress = stored.plan, stored.progress
    waiting_for, eligible_at = _waiting(stored)
    return wire.Export(
        id=stored.subject,
        tenant=stored.tenant_slug,
        type=plan.type,
        profile=plan.profile,
        revision=plan.revision,
        format=plan.format,
        period={"from": plan.period_from.isoformat(), "to": plan.period_to.isoformat()},
        parameters=dict(plan.parameters),
        include_attachments=plan.include_attachments,
        status=stored.status.value,
        stage=_stage(stored),
        progress=wire.Progress(**progress),
        retry_count=stored.retry_count,
        attempt=stored.job_attempt,
        waiting_for=waiting_for,
        eligible_at=eligible_at,
        warnings=[wire.Notice(item["code"], item["message"], item.get("count", 1)) for item in stored.warnings],
        rows=None if stored.rows is None else wire.Rows(**stored.rows),
        error=_fault(stored, waiting_for),
        artifacts=[_artifact(stored, item) for item in artifacts],
        receipt=None if receipted is None else receipt(receipted),
        version=stored.version,
        created_at=clock.show(stored.created_at),
        started_at=_instant(stored.started_at),
        ended_at=_instant(stored.ended_at),
        expires_at=_instant(stored.expires_at),
        links=_links(stored),
        selector=dict(plan.selector),
        encrypt_to=list(plan.handover.encrypt_to),
        package_sha256=stored.package_sha256,
        destinations=list(plan.handover.destinations),
        deliveries=[delivery(each) for each in carried],
        approval=None if asked is None else approval(asked),
        holds=[each.shown for each in kept],
        schedule=None if stored.schedule_id is None else ids.show(ids.SCHEDULE, stored.schedule_id),
    )


def delivery(found: Delivery) -> wire.Delivery:
    """Return the delivery as the API shows it."""
    error, waits = found.error, found.status == "pending" and found.attempts > 0
    return wire.Delivery(
        destination=found.destination,
        status=found.status,
        job=ids.show(ids.JOB, found.job_id),
        size=found.size,
        bytes=found.bytes,
        sha256=found.sha256,
        attempts=found.attempts,
        location=found.location,
        error=None if error is None else wire.DeliveryFault(str(error["code"]), str(error["message"])),
        next_attempt_at=_instant(found.due_at) if waits else None,
        created_at=clock.show(found.created_at),
        delivered_at=_instant(found.delivered_at),
    )


def approval(found: Approval) -> wire.Approval:
    """Return what a second person was asked for as the API shows it."""
    return wire.Approval(
        state=found.state,
        rules=[wire.PolicyRule(**each) for each in found.rules],
        roles=list(found.roles),
        asked_by=found.asked_by,
        asked_at=clock.show(found.asked_at),
        expires_at=clock.show(found.expires_at),
        decided_by=found.decided_by,
        decided_role=found.decided_role,
        decided_at=_instant(found.decided_at),
        reason=found.reason,
        ticket=found.ticket,
    )


def receipt(found: ledger.Receipt) -> wire.Receipt:
    """Return the receipt as the API shows it."""
    return wire.Receipt(
        index=found.entry.index,
        entry_sha256=hashlib.sha256(found.entry.line).hexdigest(),
        tree_size=found.head.size,
        root_sha256=found.head.root.hex(),
        head=found.head.note,
    )


def _stage(stored: StoredExport) -> str | None:
    if stored.status in _ENDS:
        return _ENDS[stored.status]
    return None if stored.stage is None else stored.stage.value.upper()


def _waiting(stored: StoredExport) -> tuple[str | None, str | None]:
    match stored.job_state:
        case "pending" if stored.lane_waiting_for is not None:
            return stored.lane_waiting_for, _instant(stored.lane_eligible_at)
        case "pending":
            return "worker", None
        case "blocked":
            return "approval" if stored.approval == "pending" else "parents", None
        case "scheduled":
            return sleeping_for(stored.job_failures, stored.job_error), _instant(stored.job_due_at)
        case _:
            return None, None


def _fault(stored: StoredExport, waiting_for: str | None) -> wire.ExportFault | None:
    """Return why the export failed, or why its last attempt did while it waits for the next."""
    if stored.error is not None:
        return wire.ExportFault(**stored.error)
    if waiting_for not in {"retry", "rate"} or stored.job_state != "scheduled" or stored.job_error is None:
        return None
    return wire.ExportFault(
        code=stored.job_error["code"],
        message=stored.job_error["message"],
        stage=_stage(stored),
        attempt=stored.job_attempt,
        retryable=True,
    )


def _artifact(stored: StoredExport, item: StoredArtifact) -> wire.Artifact:
    href = f"{BASE}/{stored.subject}/artifacts/{quote(item.name, safe='')}"
    return wire.Artifact(item.name, item.media_type, item.size, item.sha256, href)


def _links(stored: StoredExport) -> dict[str, str]:
    base = f"{BASE}/{stored.subject}"
    return {
        "self": base,
        "history": f"{base}/history",
        "events": f"{base}/events",
        "artifacts": f"{base}/artifacts",
        "deliveries": f"{base}/deliveries",
        "cancel": f"{base}/cancel",
    }


def _instant(value: datetime | None) -> str | None:
    return None if value is None else clock.show(value)
