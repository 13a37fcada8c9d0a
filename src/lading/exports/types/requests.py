"""
A request for a type without a profile becomes a plan: everything it selects is fixed now, at the instant it is asked.

Takes `tx`, never commits.  Light: the API loads this.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from lading import clock, ids
from lading.artifacts import names as files
from lading.db.transaction import Transaction
from lading.errors import Conflict, FieldError, Forbidden, InvalidInput, NotFound
from lading.exports import profile as profiles
from lading.exports import registry, rules
from lading.exports.model import Plan, Status
from lading.exports.types import bundle_requests, kinds, names
from lading.exports.types import store as selecting
from lading.exports.types.store import Chosen
from lading.sources import store as sources
from lading.tenants.model import Principal, Role
from lading.wire.exports import ExportRequest

MAX_EXPORTS: Final = 500
MAX_TABLES: Final = 50
_FIRST_YEAR: Final = 2000
_TABLE: Final = re.compile(r"[^\x00-\x1f\"`.;]{1,63}(\.[^\x00-\x1f\"`.;]{1,63})?")
_DATABASES: Final = frozenset({"postgresql", "mysql", "sqlite", "duckdb"})
# A snapshot shows what no profile masks.
_SNAPSHOOTERS: Final = frozenset({Role.OPERATOR, Role.ADMIN})
_UNMASKED: Final = "unmasked"


def permit(principal: Principal, request: ExportRequest) -> None:
    """Raise Forbidden unless the principal may ask for an export of that type."""
    if request.type == names.SNAPSHOT and principal.role not in _SNAPSHOOTERS:
        raise Forbidden(
            "A snapshot shows rows as the source has them, masked by no profile; it takes the role operator or admin."
        )


def permit_files(principal: Principal, plan: Plan) -> None:
    """Raise Forbidden unless the principal may have what it hands out: a snapshot, a pack that holds one, a bundle."""
    bundle_requests.permit_files(principal, plan)
    if _is_unmasked(plan.type, plan.selector) and principal.role not in _SNAPSHOOTERS:
        raise Forbidden("It holds a snapshot, whose rows no profile masks; it takes the role operator or admin.")


def permit_as_part(request: ExportRequest) -> None:
    """Raise InvalidInput for what may not be part of a run or a job: of who asks for those, only the key is known."""
    if request.type == names.SNAPSHOT:
        raise InvalidInput.field("type", "snapshot can't be part of a run or a job; ask for it as an export")


def permit_plan_as_part(plan: Plan) -> None:
    """Raise InvalidInput for an evidence pack that holds a snapshot, as `permit_as_part` does for that."""
    if _is_unmasked(plan.type, plan.selector):
        raise InvalidInput.field("exports", "names a snapshot; ask for such a pack as an export, not in a run or a job")


async def admit(tx: Transaction, request: ExportRequest) -> tuple[Plan, str]:
    """Return the plan of a request for a type without a profile, and the host that its job calls."""
    if request.type == names.AUDIT_BUNDLE:
        raise InvalidInput.field("type", "audit_bundle is asked for at /api/v1/bundles")
    if faults := kinds.misplaced(request):
        raise InvalidInput(f"{faults[0].pointer[1:]}: {faults[0].detail}", tuple(faults))
    match request.type:
        case names.EVIDENCE_PACK:
            return await _evidence_pack(tx, request), kinds.HOST
        case names.AUDIT_REPORT:
            return _audit_report(tx, request), kinds.HOST
        case _:
            plan = await _snapshot(tx, request)
            return plan, str(plan.selector["source"])


# --- evidence pack --------------------------------------------------------------------------------


async def _evidence_pack(tx: Transaction, request: ExportRequest) -> Plan:
    as_of = _as_of(tx, request)
    period = None if request.period is None else rules.period(request, tx.now.date())
    if request.exports:
        if request.profile is not None or period is not None:
            raise InvalidInput.field("exports", "names exports one by one; leave out profile and period, or exports")
        chosen = await _named(tx, request, as_of)
    elif request.profile is None and period is None:
        raise InvalidInput.field("exports", "is required, or a profile or a period that selects them", code="required")
    else:
        chosen = await selecting.matching(tx, request.profile, period, as_of=as_of, limit=MAX_EXPORTS + 1)
        _check_matching(chosen, request)
    start = period[0] if period else min(each.period_from for each in chosen)
    end = period[1] if period else max(each.period_to for each in chosen)
    asked = {
        **({} if request.profile is None else {"profile": request.profile}),
        **({} if period is None else {"period": {"from": start.isoformat(), "to": end.isoformat()}}),
    }
    selector = {
        "exports": sorted(ids.show(ids.EXPORT, each.id) for each in chosen),
        "as_of": clock.show(as_of),
        **({"asked": asked} if asked else {}),
        **({_UNMASKED: True} if any(_is_unmasked(each.type, each.selector) for each in chosen) else {}),
    }
    return _plan(names.EVIDENCE_PACK, start, end, selector)


async def _named(tx: Transaction, request: ExportRequest, as_of: datetime.datetime) -> list[Chosen]:
    if len(request.exports) > MAX_EXPORTS:
        raise InvalidInput.field("exports", f"names {len(request.exports)} exports; a pack has at most {MAX_EXPORTS}")
    wanted: list[UUID] = []
    for place, text in enumerate(request.exports):
        try:
            wanted.append(ids.parse(ids.EXPORT, text))
        except NotFound as error:
            raise InvalidInput.field(f"exports.{place}", error.message) from error
    chosen = await selecting.named(tx, wanted)
    known = {each.id for each in chosen}
    for each in wanted:
        if each not in known:
            # The same sentence whether it never was or is another organisation's.
            raise NotFound(f"There is no export {ids.show(ids.EXPORT, each)} in this organisation.")
    for each in chosen:
        if each.type == names.AUDIT_BUNDLE:
            told = f"names {ids.show(ids.EXPORT, each.id)}, an audit bundle, which proves itself; leave it out"
            raise InvalidInput.field("exports", told)
        if each.created_at > as_of:
            raise InvalidInput.field("as_of", f"is before {ids.show(ids.EXPORT, each.id)} was asked for; choose later")
        if not Status(each.status).is_final:
            raise Conflict(
                f"{ids.show(ids.EXPORT, each.id)} is {each.status}; ask for the evidence pack when it has ended."
            )
        if request.as_of is not None and each.ended_at is not None and each.ended_at > as_of:
            raise InvalidInput.field("as_of", f"is before {ids.show(ids.EXPORT, each.id)} ended; choose later")
    return chosen


def _is_unmasked(type: str, selector: Mapping[str, Any]) -> bool:  # noqa: A002 - the field's own word
    return type == names.SNAPSHOT or bool(selector.get(_UNMASKED))


def _check_matching(chosen: list[Chosen], request: ExportRequest) -> None:
    field = "profile" if request.profile is not None else "period"
    if not chosen:
        raise InvalidInput.field(field, "selects no export that was completed; widen the selection", code="nothing")
    if len(chosen) > MAX_EXPORTS:
        raise InvalidInput.field(field, f"selects more than {MAX_EXPORTS} exports; narrow the selection", code="many")


# --- audit report ---------------------------------------------------------------------------------


def _audit_report(tx: Transaction, request: ExportRequest) -> Plan:
    start, end = rules.period(request, tx.now.date())
    return _plan(names.AUDIT_REPORT, start, end, {"as_of": clock.show(_as_of(tx, request))})


def _as_of(tx: Transaction, request: ExportRequest) -> datetime.datetime:
    if request.as_of is None:
        return tx.now
    try:
        instant = clock.parse(request.as_of[:40])
    except (ValueError, OverflowError):
        raise InvalidInput.field("as_of", "is no instant; write one like 2026-01-31T12:00:00Z") from None
    if instant > tx.now:
        raise InvalidInput.field("as_of", "lies in the future; leave it out for now")
    if instant.year < _FIRST_YEAR:
        raise InvalidInput.field("as_of", f"is before {_FIRST_YEAR}, when nothing was recorded; choose later")
    return instant


# --- snapshot -------------------------------------------------------------------------------------


async def _snapshot(tx: Transaction, request: ExportRequest) -> Plan:
    form = _format(request)
    if request.profile is not None:
        if request.tables or request.source is not None:
            raise InvalidInput.field("profile", "reads its own source; leave out source and tables, or profile")
        return await _snapshot_of_profile(tx, request, form)
    faults = [
        FieldError(f"/{name}", "is for a snapshot of a profile; leave it out", "unknown")
        for name in ("revision", "parameters")
        if getattr(request, name)
    ]
    if faults:
        raise InvalidInput(f"{faults[0].pointer[1:]}: {faults[0].detail}", tuple(faults))
    name = await _database(tx, request)
    tables = sorted(set(request.tables))
    if not tables or len(tables) > MAX_TABLES:
        raise InvalidInput.field("tables", f"names 1 to {MAX_TABLES} tables", code="required")
    for place, table in enumerate(request.tables):
        if _TABLE.fullmatch(table) is None:
            raise InvalidInput.field(f"tables.{place}", "is not the name of a table, or schema.table")
        if files.fit(f"{table}.{form}") != f"{table}.{form}":
            raise InvalidInput.field(f"tables.{place}", "is no file name on every system; let a profile read it")
    if (twice := files.clash(tables)) is not None:
        told = f"{twice!r} and another differ in case alone, as no two files may; ask for one snapshot of each"
        raise InvalidInput.field("tables", told)
    today = tx.now.date()
    start, end = (today, today) if request.period is None else rules.period(request, today)
    return replace(_plan(names.SNAPSHOT, start, end, {"source": name, "tables": tables}), format=form)


async def _snapshot_of_profile(tx: Transaction, request: ExportRequest, form: str) -> Plan:
    try:
        revision = await registry.get(tx, request.profile or "", request.revision)
    except NotFound as error:
        name = "profile" if request.revision is None else "revision"
        raise InvalidInput.field(name, error.message, code="unknown") from error
    profile = profiles.parse(revision.document)
    plan = rules.admit(replace(request, format=None), profile, revision=revision.revision, today=tx.now.date())
    selector = {"source": profile.source, "profile": profile.name, "revision": revision.revision}
    own = _plan(names.SNAPSHOT, plan.period_from, plan.period_to, selector)
    return replace(own, format=form, parameters=plan.parameters)


async def _database(tx: Transaction, request: ExportRequest) -> str:
    if request.source is None:
        raise InvalidInput.field("source", "is required, with tables; or a profile", code="required")
    try:
        source = await sources.get(tx, request.source)
    except NotFound as error:
        raise InvalidInput.field("source", error.message, code="unknown") from error
    if source.kind not in _DATABASES:
        raise InvalidInput.field(
            "source", f"is of kind {source.kind}, which has no tables; name a profile that reads it instead"
        )
    return source.name


def _format(request: ExportRequest) -> Any:
    offered = kinds.formats(names.SNAPSHOT)
    if request.format is not None and request.format not in offered:
        told = f"{request.format[:40]!r} is not a format of a snapshot; choose {', '.join(offered)}"
        raise InvalidInput.field("format", told, code="unknown")
    return request.format or offered[0]


def _plan(type: str, start: datetime.date, end: datetime.date, selector: Mapping[str, Any]) -> Plan:  # noqa: A002 - the field's own word
    return Plan(
        profile=type,
        revision=0,
        type=type,
        format=kinds.formats(type)[0],
        period_from=start,
        period_to=end,
        parameters={},
        include_attachments=False,
        selector=selector,
    )
