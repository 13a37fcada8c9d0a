"""
Many jobs steered at once by filter, over HTTP; with a dry run that says how many it would be.

Each job is done in transactions of its own: one that is refused keeps no other from being done.  A replay under an
Idempotency-Key binds a key for each job in the transaction that copies it: what broke off goes on, nothing is copied
twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Final, assert_never
from uuid import UUID

from fastapi import Depends
from starlette.responses import Response

from lading import ids
from lading.api import answers, bulk, cursors, documents, grounds, once
from lading.api import job_shapes as shapes
from lading.api.auth import OPERATORS, Caller, gate
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.canonical import Json
from lading.db import notify
from lading.db.transaction import Transaction
from lading.errors import Conflict, InvalidInput
from lading.jobs import controls, keys, store, views
from lading.jobs.model import State
from lading.jobs.views import JobFilter, JobView
from lading.limits import store as limits
from lading.limits.model import Scope
from lading.wire import jobs as wire

router: Final = new_router("jobs")
_MOST: Final = 1000
_SAMPLE: Final = 10
_LONGEST: Final = 255
_WAITING: Final = (State.BLOCKED, State.SCHEDULED, State.PENDING)
_MAY_WORK: Final[dict[wire.Action, tuple[State, ...]]] = {
    "cancel": (*_WAITING, State.RUNNING),
    "prioritise": _WAITING,
    "retry": (State.SCHEDULED, State.DEAD),
    "replay": (State.COMPLETED, State.DEAD, State.CANCELLED),
    "pause": _WAITING,
    "resume": (*_WAITING, State.RUNNING),
}


@dataclass(frozen=True, slots=True)
class _Once:
    """The key of a replay that may be sent twice, and what tells it from other requests."""

    key: str
    digest: bytes

    def parts(self, jobs: Sequence[JobView]) -> list[str]:
        """Return the keys under which these jobs are copied."""
        return [once.part(self.key, job.id) for job in jobs]


@dataclass(frozen=True, slots=True)
class _Order:
    """What is to be done to each job, and why."""

    action: wire.Action
    given: wire.Grounds
    priority: int
    once: _Once | None


@router.post(
    "/api/v1/jobs/actions", name="steerJobs", response_model=wire.ActionResult, responses=documents.problems(400, 429)
)
async def steer(
    body: wire.ActionRequest,
    caller: Annotated[Caller, Depends(gate(OPERATORS))],
    services: Annotated[Services, Depends(services_of)],
    idempotency_key: once.Key = None,
) -> Response:
    """Cancel, prioritise, retry, replay, pause or resume the jobs that match what is given; at most 1000."""
    given = grounds.admit(body.reason, body.ticket)
    priority, wanted = _priority(body), _wanted(body)
    order = _Order(body.action, given, priority, _once(body, idempotency_key))
    filters: list[Json] = [body.action, asdict(body.filter)]
    before = cursors.parse(body.cursor, ids.JOB, filters)
    async with services.database.tenant(caller.tenant.id) as tx:
        began = None if order.once is None else await _began(tx, order.once)
        found = await views.page(tx, wanted, before=before or began, limit=body.limit + 1)
        copied = 0 if order.once is None else len(await keys.known(tx, order.once.parts(found[: body.limit])))
    chosen, has_more = found[: body.limit], len(found) > body.limit
    if body.action == "replay" and not body.dry_run:
        await services.admission.admit(
            caller.tenant.id, count=len(chosen) - copied, priority=priority, actor=caller.principal.actor
        )
    refused = await bulk.each(
        services,
        caller,
        () if body.dry_run else [job.id for job in chosen],
        lambda job_id: _one(services, caller, order, job_id, among=len(chosen)),
    )
    if not body.dry_run:
        await services.hints.send(notify.JOBS)
        await services.hints.send(notify.EXPORTS)
    return answers.shown(
        wire.ActionResult(
            action=body.action,
            dry_run=body.dry_run,
            matched=len(chosen),
            done=0 if body.dry_run else len(chosen) - len(refused),
            refused=[wire.ActionRefusal(ids.show(ids.JOB, each), why.code, why.message) for each, why in refused],
            sample=_names(chosen[:_SAMPLE]),
            has_more=has_more,
            next_cursor=cursors.show(chosen[-1].id, ids.JOB, filters) if has_more else None,
        )
    )


async def _one(services: Services, caller: Caller, order: _Order, job_id: UUID, *, among: int) -> None:
    if order.action == "cancel":
        await shapes.cancel(services, caller, job_id, order.given)
        return
    if order.action == "retry":
        await shapes.admit_revival(services, caller, job_id, among=among)
    reason, ticket, actor = order.given.reason, order.given.ticket, caller.principal.actor
    name = ids.show(ids.JOB, job_id)
    async with services.database.tenant(caller.tenant.id) as tx:
        match order.action:
            case "prioritise":
                await store.prioritise(tx, job_id, order.priority, actor=actor, reason=reason, ticket=ticket)
            case "retry":
                await controls.retry(tx, job_id, services.endings, reason=reason, ticket=ticket, actor=actor)
            case "replay":
                if order.once is not None and await _is_copied(tx, order.once, job_id):
                    return
                await controls.replay(
                    tx, job_id, services.endings, priority=order.priority, reason=reason, ticket=ticket, actor=actor
                )
            case "pause":
                await limits.pause(
                    tx,
                    Scope.JOB,
                    name,
                    reason=reason,
                    ticket=ticket,
                    starts_at=None,
                    ends_at=None,
                    actor=actor,
                )
            case "resume":
                if not await limits.resume_target(tx, Scope.JOB, name, actor=actor, reason=reason, ticket=ticket):
                    raise Conflict(f"{name} is not paused by itself; `GET /api/v1/pauses` lists what is.")
            case _:
                assert_never(order.action)


def _once(body: wire.ActionRequest, header: str | None) -> _Once | None:
    # All but a replay is the same when it is done twice.
    key = answers.idempotency_key(header)
    if key is None or body.dry_run or body.action != "replay":
        return None
    return _Once(key, once.digest("actions", asdict(body)))


async def _began(tx: Transaction, sent: _Once) -> UUID:
    """Return an id after which the request was first sent: no copy that it made is older."""
    now = ids.new()
    return await keys.bind(tx, sent.key, sent.digest, now) or now


async def _is_copied(tx: Transaction, sent: _Once, job_id: UUID) -> bool:
    """Tell whether this request copied the job before; if not, it has with this transaction."""
    return await keys.bind(tx, once.part(sent.key, job_id), sent.digest, job_id) is not None


def _priority(body: wire.ActionRequest) -> int:
    if body.action == "prioritise" and body.priority is None:
        raise InvalidInput.field("priority", "is required to prioritise; from -100 to 100.", code="required")
    if body.action not in {"prioritise", "replay"} and body.priority is not None:
        raise InvalidInput.field("priority", "goes with prioritise and replay; leave it out.")
    return shapes.urgency(shapes.URGENT if body.priority is None else body.priority)


def _wanted(body: wire.ActionRequest) -> JobFilter:
    given = body.filter
    if not 1 <= body.limit <= _MOST:
        raise InvalidInput.field("limit", f"must be between 1 and {_MOST}.")
    if any(asdict(given).values()) == body.all:
        odd = "names jobs, and all means every one; give one of the two" if body.all else "names no job; say all: true"
        raise InvalidInput.field("filter", f"{odd}.")
    for name in ("kind", "source", "subject", "code"):
        if len(getattr(given, name) or "") > _LONGEST:
            raise InvalidInput.field(f"filter.{name}", f"is over {_LONGEST} characters; shorten it.")
    return JobFilter(
        states=_states(given.state) or _MAY_WORK[body.action],
        kind=given.kind,
        host=given.source,
        subject=given.subject,
        run_id=shapes.run_id("filter.run", given.run),
        code=given.code,
        created_from=shapes.parsed("filter.created_from", given.created_from),
        created_to=shapes.parsed("filter.created_to", given.created_to),
        is_paused=body.action == "resume",
    )


def _states(names: Sequence[str]) -> tuple[State, ...]:
    try:
        return tuple({State(name) for name in names})
    except ValueError:
        raise InvalidInput.field("filter.state", f"must be of: {', '.join(State)}.") from None


def _names(jobs: Sequence[JobView]) -> list[str]:
    return [ids.show(ids.JOB, job.id) for job in jobs]
