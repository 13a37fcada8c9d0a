"""Jobs that are made directly over HTTP, one or many at once; only of kinds that allow it."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends
from starlette.responses import Response

from lading import ids
from lading.api import answers, documents, once, targets
from lading.api import job_shapes as shapes
from lading.api.auth import READERS, REQUESTERS, Caller, gate
from lading.api.kinds import KINDS
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.db import notify
from lading.errors import FieldError, InvalidInput
from lading.jobs import batches, keys
from lading.jobs.model import NewJob
from lading.settings import Settings
from lading.wire import jobs as wire

router: Final = new_router("jobs")
_BASE: Final = "/api/v1/jobs"
_MOST_JOBS: Final = 1000
_MOST_ATTEMPTS: Final = 100
_LONGEST_SECONDS: Final = 7 * 86_400
_MOST_BYTES: Final = 65_536
_SUBJECT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/#-]{0,119}")

_Services = Annotated[Services, Depends(services_of)]
_Requester = Annotated[Caller, Depends(gate(REQUESTERS))]
_CREATED: Final = {
    201: {
        "headers": {
            "Location": documents.header(
                "Where the job is, or the jobs are.", f"{_BASE}/job_01kaxxxxxxxxxxxxxxxxxxxxxx"
            ),
            "Idempotent-Replayed": documents.header("`true` when the key was seen before.", "true"),
        }
    },
    **documents.problems(429),
}


@router.get("/api/v1/kinds", name="listKinds", response_model=wire.KindList)
async def list_kinds(caller: Annotated[Caller, Depends(gate(READERS))]) -> Response:  # noqa: ARG001 - the gate
    """List the kinds of jobs, and which may be created directly."""
    found = [wire.Kind(kind.name, kind.check is not None, kind.description) for kind in KINDS.values()]
    return answers.shown(wire.KindList(found))


@router.post(_BASE, name="createJob", status_code=201, response_model=wire.JobDetail, responses=_CREATED)
async def create(
    body: wire.JobRequest, caller: _Requester, services: _Services, idempotency_key: once.Key = None
) -> Response:
    """Make one job."""
    (made,), headers = await _make(services, caller, [body], idempotency_key, asdict(body))
    shown = await shapes.detail(services, caller, made)
    return answers.shown(shown, status=201, headers={"Location": f"{_BASE}/{shown.id}", **headers})


@router.post(f"{_BASE}/batch", name="createJobs", status_code=201, response_model=wire.JobBatch, responses=_CREATED)
async def create_batch(
    body: wire.JobBatchRequest, caller: _Requester, services: _Services, idempotency_key: once.Key = None
) -> Response:
    """Make many jobs: all of them, or none when one is wrong."""
    if not 1 <= len(body.jobs) <= _MOST_JOBS:
        raise InvalidInput.field("jobs", f"must name between 1 and {_MOST_JOBS} jobs.")
    made, headers = await _make(services, caller, body.jobs, idempotency_key, asdict(body))
    shown = wire.JobBatch([ids.show(ids.JOB, each) for each in made])
    return answers.shown(shown, status=201, headers={"Location": _BASE, **headers})


async def _make(
    services: Services, caller: Caller, asked: Sequence[wire.JobRequest], key: str | None, request: dict[str, Any]
) -> tuple[list[UUID], dict[str, str]]:
    key, first = answers.idempotency_key(key), ids.new()
    digest, door, actor = once.digest("jobs", request), services.admission, caller.principal.actor
    lowest = min(each.priority for each in asked)
    refusal = await door.refusal(caller.tenant.id, count=len(asked), priority=lowest)
    async with door.noting(caller.tenant.id, actor), services.database.tenant(caller.tenant.id) as tx:
        bound = None if key is None else await keys.bind(tx, key, digest, first)
        if bound is not None:
            return _numbered(bound, len(asked)), {"Idempotent-Replayed": "true"}
        if refusal is not None:
            raise refusal
        sources = await targets.sources_of(tx) if any(each.source for each in asked) else set[str]()
        made = _numbered(first, len(asked))
        await batches.enqueue_many(tx, _new_jobs(made, asked, sources, services.settings), actor=actor)
    await services.hints.send(notify.JOBS)
    return made, {}


def _numbered(first: UUID, count: int) -> list[UUID]:
    # One after the other, so that the first tells all of them to whoever sends the same request again.
    return [UUID(int=first.int + place) for place in range(count)]


def _new_jobs(
    made: Sequence[UUID], asked: Sequence[wire.JobRequest], sources: Collection[str], settings: Settings
) -> list[NewJob]:
    jobs: list[NewJob] = []
    errors: list[FieldError] = []
    for place, (job_id, each) in enumerate(zip(made, asked, strict=True)):
        try:
            jobs.append(_new_job(job_id, each, sources, settings))
        except InvalidInput as error:
            where = f"/jobs/{place}" if len(asked) > 1 else ""
            errors += [FieldError(f"{where}{fault.pointer}", fault.detail, fault.code) for fault in error.errors]
    if errors:
        first = errors[0]
        raise InvalidInput(f"{first.pointer[1:].replace('/', '.')}: {first.detail}", tuple(errors))
    return jobs


def _new_job(job_id: UUID, asked: wire.JobRequest, sources: Collection[str], settings: Settings) -> NewJob:
    kind = KINDS.get(asked.kind)
    if kind is None or kind.check is None:
        may = ", ".join(name for name, each in KINDS.items() if each.check is not None)
        odd = "is not created directly" if kind is not None else "is no known kind"
        raise InvalidInput.field("kind", f"{odd}; those that are: {may}.", code="unknown")
    if len(json.dumps(asked.payload)) > _MOST_BYTES:
        raise InvalidInput.field("payload", f"is over {_MOST_BYTES} bytes; send a reference instead.")
    kind.check(asked.payload)
    _check_numbers(asked)
    if asked.source and asked.source not in sources:
        raise InvalidInput.field("source", f"there is no such source; {targets.named(sources)}.", code="unknown")
    if asked.subject is not None and not _SUBJECT.fullmatch(asked.subject):
        raise InvalidInput.field("subject", "must be an id: up to 120 of A-Z a-z 0-9 . _ : / # -.")
    return NewJob(
        id=job_id,
        kind=kind.name,
        subject=asked.subject or ids.show(ids.JOB, job_id),
        payload=asked.payload,
        host=asked.source,
        priority=asked.priority,
        due_at=shapes.parsed("due_at", asked.due_at),
        max_attempts=asked.max_attempts or settings.max_attempts,
        max_crashes=settings.max_crashes,
        deadline_seconds=asked.deadline_seconds,
    )


def _check_numbers(asked: wire.JobRequest) -> None:
    shapes.urgency(asked.priority)
    if asked.max_attempts is not None and not 1 <= asked.max_attempts <= _MOST_ATTEMPTS:
        raise InvalidInput.field("max_attempts", f"must be between 1 and {_MOST_ATTEMPTS}.")
    if asked.deadline_seconds is not None and not 1 <= asked.deadline_seconds <= _LONGEST_SECONDS:
        raise InvalidInput.field("deadline_seconds", f"must be between 1 and {_LONGEST_SECONDS}.")
