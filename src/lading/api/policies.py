"""Policies over HTTP: numbered revisions of what may be exported, one of them active, or none; and what they say."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
from typing import Annotated, Any, Final

from fastapi import Body, Depends, Header, Path, Query
from starlette.responses import Response

from lading import clock
from lading.api import answers, documents, grounds
from lading.api.auth import ADMINS, READERS, REQUESTERS, Caller, gate
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.errors import InvalidInput
from lading.exports import (
    activations,
    planning,
    policies,
    policy,
    policy_diff,
    policy_findings,
    policy_rules,
    policy_store,
)
from lading.exports.model import Plan
from lading.exports.policy_rules import Moment, Verdict
from lading.exports.types import requests
from lading.tenants.rules import parse_role
from lading.wire import policies as wire
from lading.wire import problems, profiles
from lading.wire.exports import ExportRequest
from lading.wire.jobs import Grounds

router: Final = new_router("policies")
_BASE: Final = "/api/v1/policies"
_ONE: Final = f"{_BASE}/{{name}}"
_LARGEST: Final = (1 << 31) - 1
_LARGEST_SIZE: Final = 1 << 60
_MAX_PAGE: Final = 200
_Services = Annotated[Services, Depends(services_of)]
_Reader = Annotated[Caller, Depends(gate(READERS))]
_Requester = Annotated[Caller, Depends(gate(REQUESTERS))]
_Admin = Annotated[Caller, Depends(gate(ADMINS))]
_Name = Annotated[str, Path(description="Name of the policy.", max_length=60)]
_IfMatch = Annotated[str | None, Header(alias="If-Match", description="The ETag that was read; another one: 412.")]
_ETAG: Final = {200: {"headers": {"ETag": documents.header("The version of the policy.", '"v3"')}}}


@router.get(_BASE, name="listPolicies", response_model=wire.PolicyPage)
async def list_policies(
    caller: _Reader,
    services: _Services,
    limit: Annotated[int, Query(ge=1, le=_MAX_PAGE, description="At most so many.")] = 50,
    cursor: Annotated[str | None, Query(max_length=60, description="`next_cursor` of the page before.")] = None,
) -> Response:
    """List the policies of a tenant, by name; exports are judged by all that are active."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await policy_store.page(tx, after=cursor, limit=limit + 1)
    items = [wire.PolicySummary(**dataclasses.asdict(each)) for each in found[:limit]]
    return answers.shown(wire.PolicyPage(items, items[-1].name if len(found) > limit else None))


@router.get(_ONE, name="getPolicy", response_model=wire.Policy, responses={**_ETAG, **documents.problems(404)})
async def get(
    name: _Name,
    caller: _Reader,
    services: _Services,
    revision: Annotated[
        int | None, Query(ge=1, le=_LARGEST, description="None: the active one, or the newest if none is.")
    ] = None,
) -> Response:
    """Return one revision of a policy with its document."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await policy_store.get(tx, name, revision)
    return _shown(found)


@router.put(
    _ONE, name="putPolicy", response_model=wire.Policy, responses={**_ETAG, **documents.problems(404, 409, 412, 428)}
)
async def put(
    *,
    name: _Name,
    body: Annotated[dict[str, Any], Body(description="The policy document.")],
    caller: _Admin,
    services: _Services,
    activate: Annotated[bool, Query(description="Judge exports by it from now on.")] = False,
    version: documents.Put,
) -> Response:
    """Store a document as a revision; the same document again is the same revision."""
    if body.get("policy") != name:
        raise InvalidInput.field("policy", "is not the name in the path; write the same in both.")
    async with services.database.tenant(caller.tenant.id) as tx:
        stored = await policy_store.put(tx, body, actor=caller.principal.actor, activate=activate, if_version=version)
    return _shown(stored)


@router.get(
    f"{_ONE}/revisions",
    name="listPolicyRevisions",
    response_model=profiles.RevisionList,
    responses=documents.problems(404),
)
async def revisions(
    name: _Name,
    caller: _Reader,
    services: _Services,
    limit: Annotated[int, Query(ge=1, le=policy_store.MOST_REVISIONS, description="So many of the newest.")] = 100,
) -> Response:
    """List the revisions of a policy, newest first."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await policy_store.history(tx, name, limit=limit)
    items = [
        profiles.Revision(
            each.revision, each.is_active, each.digest.hex(), clock.show(each.created_at), each.created_by
        )
        for each in found
    ]
    return answers.shown(profiles.RevisionList(items))


@router.post(
    f"{_ONE}/activate",
    name="activatePolicy",
    response_model=wire.Policy,
    responses={**_ETAG, **documents.problems(400, 404, 409, 412)},
)
async def activate(
    name: _Name, body: wire.PolicyActivateRequest, caller: _Admin, services: _Services, if_match: _IfMatch = None
) -> Response:
    """Judge exports by a revision from now on, those that wait or run included."""
    given, version = grounds.admit(body.reason, body.ticket), answers.expected_version(if_match)
    async with services.database.tenant(caller.tenant.id) as tx:
        stands = await policy_store.activate_revision(
            tx,
            name,
            body.revision,
            actor=caller.principal.actor,
            reason=given.reason,
            ticket=given.ticket,
            if_version=version,
        )
    return _shown(stands)


@router.post(
    f"{_ONE}/deactivate",
    name="deactivatePolicy",
    response_model=wire.Policy,
    responses={**_ETAG, **documents.problems(400, 404, 409, 412)},
)
async def deactivate(
    name: _Name, caller: _Admin, services: _Services, body: Grounds | None = None, if_match: _IfMatch = None
) -> Response:
    """Judge exports by this policy no more; its revisions stay."""
    given, version = grounds.of(body), answers.expected_version(if_match)
    async with services.database.tenant(caller.tenant.id) as tx:
        stands = await policy_store.deactivate(
            tx, name, actor=caller.principal.actor, reason=given.reason, ticket=given.ticket, if_version=version
        )
    return _shown(stands)


@router.post(
    f"{_ONE}/rollback",
    name="rollbackPolicy",
    response_model=wire.Policy,
    responses={**_ETAG, **documents.problems(400, 404, 409)},
)
async def rollback(name: _Name, caller: _Admin, services: _Services, body: Grounds | None = None) -> Response:
    """Go back to what was before, another revision or none; once more goes back one further."""
    given = grounds.of(body)
    async with services.database.tenant(caller.tenant.id) as tx:
        stands = await policy_store.rollback(
            tx, name, actor=caller.principal.actor, reason=given.reason, ticket=given.ticket
        )
    return _shown(stands)


@router.get(
    f"{_ONE}/activations",
    name="listPolicyActivations",
    response_model=profiles.ActivationList,
    responses=documents.problems(404),
)
async def history(
    name: _Name,
    caller: _Reader,
    services: _Services,
    limit: Annotated[int, Query(ge=1, le=activations.MOST, description="So many of the newest.")] = 100,
) -> Response:
    """List which revision was active when, and who made it so, newest first; 0 is that none was."""
    async with services.database.tenant(caller.tenant.id) as tx:
        await policy_store.history(tx, name, limit=1)
        found = await policy_store.spans(tx, name, limit=limit)
    return answers.shown(profiles.ActivationList([_activation(each) for each in found]))


@router.post(f"{_BASE}/validate", name="validatePolicy", response_model=wire.PolicyFindings)
async def validate(body: profiles.ValidateRequest, caller: _Reader, services: _Services) -> Response:
    """Name everything that is wrong with a document, by line and path; nothing is stored."""
    del caller, services
    if (body.document is None) == (body.text is None):
        raise InvalidInput.field("text", "or document: give exactly one of the two.")
    # Away from the loop: a document at its limits takes a moment.
    if body.text is not None:
        return answers.shown(await asyncio.to_thread(policy_findings.of_text, body.text))
    return answers.shown(await asyncio.to_thread(policy_findings.of_document, body.document or {}))


@router.post(f"{_ONE}/diff", name="diffPolicy", response_model=wire.PolicyDiff, responses=documents.problems(404))
async def diff(name: _Name, body: profiles.DiffRequest, caller: _Reader, services: _Services) -> Response:
    """Tell what changes between two revisions, or a revision and a document."""
    if body.document is not None and body.after is not None:
        raise InvalidInput.field("after", "goes without document: give one of the two.")
    async with services.database.tenant(caller.tenant.id) as tx:
        before = await policy_store.get(tx, name, body.before)
        if body.document is not None:
            policy.parse(body.document)
            after, number = body.document, None
        else:
            number = body.after or (await policy_store.history(tx, name, limit=1))[0].revision
            after = (await policy_store.get(tx, name, number)).document
    found = policy_diff.changes(before.document, after)
    return answers.shown(wire.PolicyDiff(name, before.revision, number, not found, found))


@router.post(f"{_ONE}/try", name="tryPolicy", response_model=wire.Verdict, responses=documents.problems(404, 409))
async def try_(name: _Name, body: wire.TryRequest, caller: _Reader, services: _Services) -> Response:
    """Tell what one policy, stored or not, says of an export; nothing is stored."""
    if body.document is not None and body.revision is not None:
        raise InvalidInput.field("revision", "goes without document: give one of the two.")
    role = caller.principal.role if body.role is None else parse_role(body.role)
    rows, size = _count("rows", body.rows), _count("bytes", body.bytes)
    _check_revision(body.export)
    async with services.database.tenant(caller.tenant.id) as tx:
        if body.document is not None:
            judged = policy.parse(body.document)
            if judged.name != name:
                raise InvalidInput.field("document", "is of another policy than the path; write the same in both.")
        else:
            stored = await policy_store.get(tx, name, body.revision)
            judged = policy.parse(stored.document, revision=stored.revision)
        plan, source = await planning.admit(tx, body.export)
        case = await policies.case(tx, plan, rows=rows, size=size)
        verdict = policy_rules.judge([judged], case, Moment(role.value, _instant(body.at, tx.now)))
    return answers.shown(_verdict(verdict, plan, source))


@router.post(
    "/api/v1/exports/check", name="checkExport", response_model=wire.Verdict, responses=documents.problems(404, 409)
)
async def check(body: ExportRequest, caller: _Requester, services: _Services) -> Response:
    """Tell what an export would come to and what the active policies say of it; nothing is stored."""
    _check_revision(body)
    requests.permit(caller.principal, body)
    async with services.database.tenant(caller.tenant.id) as tx:
        plan, source = await planning.admit(tx, body)
        requests.permit_files(caller.principal, plan)
        verdict = await policies.look(tx, plan, role=caller.principal.role.value)
    return answers.shown(_verdict(verdict, plan, source))


def _check_revision(asked: ExportRequest) -> None:
    if asked.revision is not None and not 0 < asked.revision <= _LARGEST:
        raise InvalidInput.field("revision", "is not the number of a revision; leave it out for the active one.")


def _count(name: str, given: int | None) -> int | None:
    if given is not None and not 0 <= given <= _LARGEST_SIZE:
        raise InvalidInput.field(name, f"must be between 0 and {_LARGEST_SIZE}.")
    return given


def _instant(given: str | None, now: datetime.datetime) -> datetime.datetime:
    if given is None:
        return now
    try:
        return clock.parse(given[:40]).astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        raise InvalidInput.field("at", "is no instant; write one like 2026-01-31T12:00:00Z.") from None


def _verdict(found: Verdict, plan: Plan, source: str) -> wire.Verdict:
    return wire.Verdict(
        is_allowed=found.is_allowed,
        needs_approval=found.needs_approval,
        plan=wire.Planned(
            type=plan.type,
            profile=plan.profile,
            revision=plan.revision,
            format=plan.format,
            period={"from": plan.period_from.isoformat(), "to": plan.period_to.isoformat()},
            parameters=dict(plan.parameters),
            include_attachments=plan.include_attachments,
            selector=dict(plan.selector),
            source=source,
            destinations=list(plan.handover.destinations),
            encrypt_to=list(plan.handover.encrypt_to),
        ),
        violations=[problems.PolicyViolation(**dataclasses.asdict(each)) for each in found.violations],
        approvals=[
            wire.DemandedApproval(each.policy, each.revision, each.rule, list(each.roles), each.hours)
            for each in found.demands
        ],
    )


def _revision(each: policy_store.Revision) -> profiles.Revision:
    made_at = clock.show(each.created_at)
    return profiles.Revision(each.revision, each.is_active, each.digest.hex(), made_at, each.created_by)


def _activation(each: activations.Activation) -> profiles.Activation:
    told: dict[str, Any] = dataclasses.asdict(each)
    told |= {"activated_at": clock.show(each.activated_at), "until": clock.shown(each.until)}
    return profiles.Activation(**told)


def _shown(found: policy_store.Revision) -> Response:
    shown = wire.Policy(
        found.name, found.revision, found.is_active, found.version, found.digest.hex(), dict(found.document)
    )
    return answers.edited(shown, found.version)
