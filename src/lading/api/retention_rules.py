"""Retention rules over HTTP: how long the files of completed exports are kept."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Path
from starlette.responses import Response

from lading import clock
from lading.api import answers, documents, grounds
from lading.api.auth import ADMINS, INSPECTORS, Caller, gate
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.exports import retention_rules
from lading.exports.retention_rules import Rule
from lading.wire import retention as wire
from lading.wire.jobs import Grounds

router: Final = new_router("retention")
_BASE: Final = "/api/v1/retention-rules"
_ONE: Final = f"{_BASE}/{{rule}}"
_ETAG: Final = {"headers": {"ETag": documents.header("The version of the rule.", '"v3"')}}
_Services = Annotated[Services, Depends(services_of)]
_Admin = Annotated[Caller, Depends(gate(ADMINS))]
_Name = Annotated[str, Path(description="`tenant`, `profile:NAME` or `type:NAME`.", max_length=200)]


@router.get(_BASE, name="listRetentionRules", response_model=wire.RetentionRuleList)
async def list_rules(caller: Annotated[Caller, Depends(gate(INSPECTORS))], services: _Services) -> Response:
    """List the retention rules of a tenant, and what counts where there is none."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await retention_rules.every(tx)
    days = services.settings.retention_days
    return answers.shown(wire.RetentionRuleList([_shown(each) for each in found], days))


@router.post(
    f"{_BASE}/apply",
    name="applyRetentionRules",
    response_model=wire.RetentionApplied,
    responses=documents.problems(400),
)
async def apply(body: wire.RetentionApplyRequest, caller: _Admin, services: _Services) -> Response:
    """Let the rules as they are count for exports completed before, too; the next sweep takes what is over then."""
    days, tenant_id = services.settings.retention_days, caller.tenant.id
    given = None if body.dry_run else grounds.admit(body.reason, body.ticket)
    async with services.database.tenant(tenant_id) as tx:
        expected = await retention_rules.consequence(tx, otherwise=days)
    if given is None:
        return answers.shown(wire.RetentionApplied(expected.exports, expected.due, dry_run=True))
    changed = 0
    after: UUID | None = None
    while True:
        async with services.database.tenant(tenant_id) as tx:
            after, count = await retention_rules.apply(
                tx, after, otherwise=days, reason=given.reason, ticket=given.ticket, actor=caller.principal.actor
            )
        if after is None:
            return answers.shown(wire.RetentionApplied(changed, expected.due, dry_run=False))
        changed += count


@router.put(
    _ONE,
    name="putRetentionRule",
    response_model=wire.RetentionRule,
    responses={200: _ETAG, **documents.problems(400, 404, 412, 428)},
)
async def put(
    rule: _Name,
    body: wire.RetentionRuleRequest,
    caller: _Admin,
    services: _Services,
    version: documents.Put,
) -> Response:
    """Say how long exports are kept that complete from now on."""
    scope, target = retention_rules.parse(rule)
    given = grounds.admit(body.reason, body.ticket)
    async with services.database.tenant(caller.tenant.id) as tx:
        stands = await retention_rules.put(
            tx,
            scope,
            target,
            days=body.days,
            reason=given.reason,
            ticket=given.ticket,
            actor=caller.principal.actor,
            version=version,
        )
    return answers.edited(_shown(stands), stands.version)


@router.delete(_ONE, name="deleteRetentionRule", status_code=204, responses=documents.problems(400, 404, 412, 428))
async def delete(
    *, rule: _Name, caller: _Admin, services: _Services, body: Grounds | None = None, version: documents.Change
) -> Response:
    """Let the next wider rule count again."""
    scope, target = retention_rules.parse(rule)
    given = grounds.of(body)
    async with services.database.tenant(caller.tenant.id) as tx:
        await retention_rules.drop(
            tx,
            scope,
            target,
            reason=given.reason,
            ticket=given.ticket,
            actor=caller.principal.actor,
            version=version,
        )
    return Response(status_code=204)


def _shown(found: Rule) -> wire.RetentionRule:
    return wire.RetentionRule(
        rule=retention_rules.name_of(found.scope, found.target),
        scope=found.scope,
        target=found.target,
        days=found.days,
        reason=found.reason,
        ticket=found.ticket,
        version=found.version,
        set_at=clock.show(found.set_at),
        set_by=found.set_by,
    )
