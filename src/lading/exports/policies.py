"""
The one place where policies are asked: when an export is asked for, however that is, and again when it runs.

`admit` judges an export that is about to be, `recheck` one that is: as whom and when it was asked for, by the policies
of now.  What is refused raises PolicyDenied; nothing is stored but, once the transaction is over, the ledger entry of
`recording`.  Takes `tx`, never commits.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from typing import Final
from uuid import UUID

from lading import ids
from lading.db.database import Database
from lading.db.transaction import Transaction
from lading.errors import PolicyDenied, Violation
from lading.exports import approvals, deltas, destinations, policy_store
from lading.exports.model import Plan, StoredExport
from lading.exports.policy import Case, Policy
from lading.exports.policy_rules import Demand, Moment, Verdict, judge
from lading.exports.types import store as selecting
from lading.ledger.entry import Actor, Entry
from lading.ledger.store import record

_MOST_RULES: Final = 20


class Refused(PolicyDenied):
    """An export that was asked for and refused; `tenant_id` and `actor` are whose ledger is told, and of whom."""

    def __init__(self, refusal: PolicyDenied, tenant_id: UUID, actor: Actor) -> None:
        super().__init__(refusal.message, refusal.violations)
        self.tenant_id = tenant_id
        self.actor = actor


ALLOWED: Final = Verdict()


async def admit(tx: Transaction, plan: Plan, *, actor: Actor) -> Verdict:
    """Return what the active policies say of an export that `actor` asks for now; PolicyDenied when one objects."""
    verdict = await look(tx, plan, role=actor.role)
    try:
        verdict.require()
    except PolicyDenied as refusal:
        raise Refused(refusal, tx.tenant, actor) from None
    return verdict


async def look(tx: Transaction, plan: Plan, *, role: str | None) -> Verdict:
    """Return what the active policies say of an export that is asked for now."""
    return await of(tx, await policy_store.active(tx), plan, Moment(role, tx.now))


async def of(tx: Transaction, active: Sequence[Policy], plan: Plan, moment: Moment) -> Verdict:
    """Return what these policies say; without any, everything that the role allows is allowed."""
    return judge(active, await case(tx, plan), moment) if active else ALLOWED


async def admit_again(tx: Transaction, stored: StoredExport, *, actor: Actor) -> Verdict:
    """Return what policies say of an export that `actor` tries again now, without the approvals that it has."""
    verdict = await admit(tx, stored.plan, actor=actor)
    return Verdict((), await _missing(tx, stored, verdict.demands))


async def recheck(tx: Transaction, stored: StoredExport, *, rows: int | None = None, size: int | None = None) -> None:
    """Raise PolicyDenied unless the policies of now allow the export, as it was asked for and as far as it is done."""
    active = await policy_store.active(tx)
    if not active:
        return
    judged = await case(tx, stored.plan, rows=rows, size=size)
    verdict = judge(active, judged, Moment(stored.asked_role, stored.asked_at or stored.created_at))
    missing = await _missing(tx, stored, verdict.demands)
    told = "The export needs the word of a second person, which it does not have"
    lacking = [Violation(each.policy, each.revision, each.rule, "approval", told) for each in missing]
    Verdict([*verdict.violations, *lacking]).require()


async def case(tx: Transaction, plan: Plan, *, rows: int | None = None, size: int | None = None) -> Case:
    """Return an export as policies see it; a destination that is gone is of no kind, a delta covers its base, too."""
    names = plan.handover.destinations
    known = await destinations.known(tx, names) if names else {}
    period_from, period_to = await _period(tx, plan)
    return Case(
        type=plan.type,
        profile=str(plan.selector.get("profile", plan.profile)),
        format=plan.format,
        period_from=period_from,
        period_to=period_to,
        parameters=plan.parameters,
        destinations={name: known[name].settings.kind if name in known else "" for name in names},
        is_encrypted=bool(plan.handover.encrypt_to),
        has_attachments=plan.include_attachments,
        rows=rows,
        bytes=size,
    )


@asynccontextmanager
async def recording(
    database: Database, tenant_id: UUID, actor: Actor, *, subject: str | None = None
) -> AsyncIterator[None]:
    """Tell the ledger of a refusal that is raised inside; its transaction must be over by then."""
    try:
        yield
    except PolicyDenied as refusal:
        await note(database, tenant_id, refusal, actor=actor, subject=subject)
        raise


async def note_refused(database: Database, refusal: Refused) -> None:
    """Tell the ledger of a refusal, once: for who catches it where its transaction is over."""
    await note(database, refusal.tenant_id, refusal, actor=refusal.actor)


async def note(
    database: Database, tenant_id: UUID, refusal: PolicyDenied, *, actor: Actor, subject: str | None = None
) -> None:
    """Tell the ledger of a refusal, once."""
    if refusal.is_recorded or not refusal.violations:
        return
    async with database.tenant(tenant_id) as tx:
        await note_in(tx, refusal, actor=actor, subject=subject)
    refusal.is_recorded = True


async def note_in(tx: Transaction, refusal: PolicyDenied, *, actor: Actor, subject: str | None = None) -> None:
    """Tell the ledger of a refusal, in a transaction that goes on."""
    first = refusal.violations[0]
    rules = [f"{each.policy}@{each.revision}:{each.rule}:{each.code}" for each in refusal.violations[:_MOST_RULES]]
    data = {
        "operation": "export",
        "policy": first.policy,
        "revision": first.revision,
        "rule": first.rule,
        "code": first.code,
        "violated": len(refusal.violations),
        "rules": rules,
    }
    await record(tx, Entry("policy.denied", subject or f"policy:{first.policy}", actor, data))


async def _period(tx: Transaction, plan: Plan) -> tuple[date, date]:
    """Return the days of which an export holds rows: a delta tells what is in its base and not in its own period."""
    days = [plan.period_from, plan.period_to]
    if deltas.is_delta(plan):
        base = ids.parse(ids.EXPORT, str(plan.selector["base"]))
        for each in await selecting.named(tx, [base]):
            days += each.period_from, each.period_to
    return min(days), max(days)


async def _missing(tx: Transaction, stored: StoredExport, demands: Sequence[Demand]) -> Sequence[Demand]:
    if not demands:
        return ()
    role = await approvals.given(tx, stored)
    return [each for each in demands if role is None or role not in each.roles]
