"""
What every way of asking for an export has in common: a request becomes a plan, a plan a pending export and its job.

Takes `tx`, never commits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, cast
from uuid import UUID

from lading import ids
from lading.db.transaction import Transaction
from lading.errors import FieldError, InvalidInput, NotFound
from lading.exports import approvals, clones, deltas, handovers, policies, registry, rules, store
from lading.exports import profile as profiles
from lading.exports.model import JOB_KIND, Plan
from lading.exports.types import kinds, requests
from lading.exports.types.names import OWN
from lading.jobs.model import NewJob
from lading.ledger.entry import Actor
from lading.settings import Settings
from lading.wire.exports import ExportRequest

_LARGEST_REVISION: Final = (1 << 31) - 1
_WORDS: Final[Mapping[str, tuple[tuple[type, ...], str]]] = {
    "profile": ((str,), "the name of a profile"),
    "period": ((dict,), "an object with from and to"),
    "format": ((str, type(None)), "the name of a format"),
    "revision": ((int, type(None)), "the number of a revision"),
    "parameters": ((dict,), "an object"),
    "include_attachments": ((bool,), "true or false"),
    "destinations": ((list, type(None)), "a list of destinations"),
    "encrypt_to": ((list, type(None)), "a list of public keys"),
    "type": ((str, type(None)), "the name of a type"),
    "exports": ((list,), "a list of exports"),
    "as_of": ((str, type(None)), "an instant"),
    "source": ((str, type(None)), "the name of a source"),
    "tables": ((list,), "a list of tables"),
    "variant": ((str, type(None)), "full or delta"),
    "base": ((str, type(None)), "the id of an export"),
}
_TEXTS: Final = frozenset({"exports", "tables", "destinations", "encrypt_to"})


def request_of(payload: Mapping[str, Any]) -> ExportRequest:
    """
    Return the request that a payload is; InvalidInput names each field at fault.

    >>> request_of({"profile": "bufdir", "period": {"from": "2025-01-01", "to": "2025-12-31"}}).profile
    'bufdir'
    >>> request_of({"profile": 7, "period": {}})
    Traceback (most recent call last):
    lading.errors.InvalidInput: profile: must be the name of a profile; correct it.
    """
    errors = [] if payload.get("type") else _required(payload.get("profile"), payload.get("period"))
    for name, value in payload.items():
        if name not in _WORDS:
            errors.append(FieldError(f"/{name[:100]}", "is not a field of an export; remove it.", "unknown"))
        elif not _fits(name, value):
            errors.append(FieldError(f"/{name}", f"must be {_WORDS[name][1]}; correct it."))
    if errors:
        raise InvalidInput(f"{errors[0].pointer[1:]}: {errors[0].detail}", tuple(errors))
    return ExportRequest(**payload)


async def admit(tx: Transaction, request: ExportRequest) -> tuple[Plan, str]:
    """Return the plan of a request and the source that it reads; InvalidInput names what can't be."""
    plan, source = await _admitted(tx, request)
    return replace(plan, handover=await handovers.admit(tx, request, plan)), source


async def _admitted(tx: Transaction, request: ExportRequest) -> tuple[Plan, str]:
    if kinds.is_own(request.type):
        return await requests.admit(tx, request)
    faults = kinds.misplaced(request) or _required(request.profile, request.period)
    if request.type is not None and request.profile is None:
        faults = [FieldError("/type", _unknown_type(request.type), "unknown")]
    if faults or request.profile is None:
        raise InvalidInput(f"{faults[0].pointer[1:]}: {faults[0].detail}", tuple(faults))
    try:
        revision = await registry.get(tx, request.profile, request.revision)
    except NotFound as error:
        name = "profile" if request.revision is None else "revision"
        raise InvalidInput.field(name, error.message, code="unknown") from error
    profile = profiles.parse(revision.document)
    if request.type not in {None, profile.type}:
        raise InvalidInput.field("type", _unknown_type(request.type or "", profile.type), code="unknown")
    plan = rules.admit(request, profile, revision=revision.revision, today=tx.now.date())
    return replace(plan, selector=await deltas.admit(tx, request, profile, plan)), profile.source


async def make(
    tx: Transaction, plan: Plan, source: str, settings: Settings, *, export_id: UUID, job_id: UUID, actor: Actor
) -> NewJob:
    """Store a pending export and return the job that it waits for; PolicyDenied when a policy objects."""
    verdict = await policies.admit(tx, plan, actor=actor)
    await store.create(
        tx,
        export_id,
        job_id,
        plan,
        actor=actor,
        warnings=await _warn_of_duplicate(tx, plan),
        retention_days=settings.retention_days,
    )
    await handovers.keep(tx, export_id, plan.handover)
    job = job_of(plan, source, settings, export_id=export_id, job_id=job_id)
    return await approvals.ask(tx, export_id, verdict, job, actor=actor)


def job_of(plan: Plan, source: str, settings: Settings, *, export_id: UUID, job_id: UUID) -> NewJob:
    """Return the job that does an export."""
    return NewJob(
        id=job_id,
        kind=JOB_KIND,
        host=source,
        subject=ids.show(ids.EXPORT, export_id),
        payload={"export": str(export_id)},
        payload_digest=clones.digest_of(plan),
        max_attempts=settings.max_attempts,
        max_crashes=settings.max_crashes,
        deadline_seconds=settings.export_deadline_seconds or None,
    )


def _required(profile: Any, period: Any) -> list[FieldError]:
    given = {"profile": profile, "period": period}
    return [FieldError(f"/{name}", "is required; add it.") for name, value in given.items() if value is None]


def _unknown_type(given: str, own: str | None = None) -> str:
    known = [*OWN, *([] if own is None else [f"{own} (of this profile)"])]
    mend = f"choose {', '.join(known)}" + (", or name a profile" if own is None else "")
    return f"{given[:40]!r} is no type of export; {mend}"


def _fits(name: str, value: Any) -> bool:
    types, _ = _WORDS[name]
    if isinstance(value, bool) and bool not in types:
        return False
    if name == "period" and isinstance(value, dict):
        return all(isinstance(each, str) for each in value.values())
    if name in _TEXTS and isinstance(value, list):
        return all(isinstance(each, str) for each in cast("list[Any]", value))
    if name == "revision" and isinstance(value, int):
        return 0 < value <= _LARGEST_REVISION
    return isinstance(value, types)


async def _warn_of_duplicate(tx: Transaction, plan: Plan) -> list[dict[str, Any]]:
    earlier = await store.duplicate_of(tx, plan) if plan.revision and not plan.selector else None
    if earlier is None:
        return []
    message = f"This period was exported before ({ids.show(ids.EXPORT, earlier)}); both packages exist."
    return [{"code": "already-exported", "message": message, "count": 1}]
