"""Retry policies over HTTP: how failures of a class are tried again."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, Path
from starlette.responses import Response

from lading.api import answers, documents, grounds, targets
from lading.api.auth import QUOTA_KEEPERS, QUOTA_READERS, Caller, gate
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.jobs import policies
from lading.jobs.policies import RetryPolicy
from lading.jobs.retries import EVERY_KIND, Policy
from lading.limits.model import Scope
from lading.wire import sharing as wire
from lading.wire.jobs import Grounds

router: Final = new_router("limits")
_BASE: Final = "/api/v1/retry-policies"
_ONE: Final = f"{_BASE}/{{kind}}/{{fault_class}}"
_READER: Final = gate(QUOTA_READERS)
_KEEPER: Final = gate(QUOTA_KEEPERS)

_Services = Annotated[Services, Depends(services_of)]
_Reader = Annotated[Caller, Depends(_READER)]
_Keeper = Annotated[Caller, Depends(_KEEPER)]
_Kind = Annotated[str, Path(description="Kind of job, for example `export`; `*` for all of them.")]
_Class = Annotated[
    str, Path(description="`unavailable`, `timeout`, `rate_limited`, `resource` or `internal`: what went wrong.")
]


@router.get(_BASE, name="listRetryPolicies", response_model=wire.RetryPolicyList)
async def list_retry_policies(caller: _Reader, services: _Services) -> Response:
    """List how failures are tried again: what is shipped, and what was set instead."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await policies.every(tx)
    return answers.shown(wire.RetryPolicyList([_shown(each) for each in found]))


@router.put(_ONE, name="putRetryPolicy", response_model=wire.RetryPolicy, responses=documents.problems(400, 404))
async def put_retry_policy(
    kind: _Kind, fault_class: _Class, body: wire.RetryPolicyRequest, caller: _Keeper, services: _Services
) -> Response:
    """Set how failures of a class are tried again; holds from the next failure on."""
    given = grounds.admit(body.reason, body.ticket)
    async with services.database.tenant(caller.tenant.id) as tx:
        stands = await policies.put(
            tx,
            kind,
            fault_class,
            Policy(body.max_attempts, body.base_seconds, body.cap_seconds),
            reason=given.reason,
            ticket=given.ticket,
            actor=caller.principal.actor,
        )
        if kind != EVERY_KIND:
            await targets.require(tx, Scope.KIND, kind)
    return answers.shown(_shown(stands))


@router.delete(_ONE, name="deleteRetryPolicy", status_code=204, responses=documents.problems(400, 404))
async def delete_retry_policy(
    kind: _Kind, fault_class: _Class, caller: _Keeper, services: _Services, body: Grounds | None = None
) -> Response:
    """Let failures of a class be tried again as shipped, or as set for all kinds."""
    given = grounds.of(body)
    async with services.database.tenant(caller.tenant.id) as tx:
        await policies.reset(
            tx, kind, fault_class, reason=given.reason, ticket=given.ticket, actor=caller.principal.actor
        )
    return Response(status_code=204)


def _shown(found: RetryPolicy) -> wire.RetryPolicy:
    return wire.RetryPolicy(
        kind=found.kind,
        fault_class=found.fault_class.value,
        max_attempts=found.policy.max_attempts,
        base_seconds=found.policy.base_seconds,
        cap_seconds=found.policy.cap_seconds,
        is_shipped=found.is_shipped,
        reason=found.reason,
        ticket=found.ticket,
    )
