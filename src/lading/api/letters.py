"""
Dead letters over HTTP: what died, of what, and what a person decides about it.

In bulk each letter is closed in a transaction of its own: one that is refused keeps no other from being closed.
A job that lives again takes room in the queue like a new one.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final, Literal, assert_never
from uuid import UUID

from fastapi import Depends, Path, Query
from starlette.responses import Response

from lading import clock, ids
from lading.api import answers, bulk, cursors, documents, grounds
from lading.api.auth import OPERATORS, READERS, Caller, gate
from lading.api.job_shapes import admit_revival, parsed
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.canonical import Json
from lading.db import notify
from lading.errors import InvalidInput
from lading.jobs import letters, store
from lading.jobs.letters import Cluster, Letter, LetterFilter
from lading.wire import letters as wire
from lading.wire.jobs import Grounds

router: Final = new_router("dead letters")
_BASE: Final = "/api/v1/dead-letters"
_ONE: Final = f"{_BASE}/{{job_id}}"
_READER: Final = gate(READERS)
_OPERATOR: Final = gate(OPERATORS)
_MAX_PAGE: Final = 200
_MAX_BULK: Final = 1000
_WARN_ABOVE: Final = 10
_FAIL_ABOVE: Final = 50
_LONGEST_AGE_SECONDS: Final = 3650 * 86_400

_Services = Annotated[Services, Depends(services_of)]
_Reader = Annotated[Caller, Depends(_READER)]
_Operator = Annotated[Caller, Depends(_OPERATOR)]
_Id = Annotated[str, Path(description="`job_…`, the job that died.")]
_Text = Annotated[str | None, Query(max_length=255)]
_Seconds = Annotated[
    int | None, Query(ge=0, le=_LONGEST_AGE_SECONDS, description="By how long ago they died, on the server's clock.")
]
_State = Literal["open", "requeued", "resolved", "discarded", "any"]
_REFUSALS: Final = documents.problems(400, 404, 409)


class Verb(StrEnum):
    """What a person decides about a letter."""

    REQUEUE = "requeue"
    RESOLVE = "resolve"
    DISCARD = "discard"


@dataclass(frozen=True, slots=True)
class Age:
    """When letters died, as a request says it: between instants, and by how long ago."""

    died_from: str | None
    died_to: str | None
    older_than_seconds: int | None
    newer_than_seconds: int | None

    def of(self, wanted: LetterFilter, *, now: datetime) -> LetterFilter:
        """Return the filter within these bounds; InvalidInput names the one that is none."""
        for name in ("older_than_seconds", "newer_than_seconds"):
            if not 0 <= (getattr(self, name) or 0) <= _LONGEST_AGE_SECONDS:
                raise InvalidInput.field(name, f"must be between 0 and {_LONGEST_AGE_SECONDS}.")
        begins, ends = [parsed("died_from", self.died_from)], [parsed("died_to", self.died_to)]
        if self.newer_than_seconds is not None:
            begins.append(now - timedelta(seconds=self.newer_than_seconds))
        if self.older_than_seconds is not None:
            ends.append(now - timedelta(seconds=self.older_than_seconds))
        return replace(
            wanted,
            died_from=max((each for each in begins if each is not None), default=None),
            died_to=min((each for each in ends if each is not None), default=None),
        )


@router.get(_BASE, name="listDeadLetters", response_model=wire.DeadLetterPage)
async def list_letters(
    *,
    caller: _Reader,
    services: _Services,
    kind: _Text = None,
    source: _Text = None,
    code: _Text = None,
    fingerprint: _Text = None,
    state: Annotated[_State, Query(description="Open ones if none is given.")] = "open",
    died_from: Annotated[
        str | None, Query(max_length=40, description="Those that died at this instant or later.")
    ] = None,
    died_to: Annotated[str | None, Query(max_length=40, description="Those that died before this instant.")] = None,
    older_than_seconds: _Seconds = None,
    newer_than_seconds: _Seconds = None,
    limit: Annotated[int, Query(ge=1, le=_MAX_PAGE)] = 50,
    cursor: Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before.")] = None,
) -> Response:
    """List dead letters, newest job first."""
    age = Age(died_from, died_to, older_than_seconds, newer_than_seconds)
    filters: list[Json] = [kind, source, code, fingerprint, state, *astuple(age)]
    before = cursors.parse(cursor, ids.JOB, filters)
    wanted = LetterFilter(kind, source, code, fingerprint, state=None if state == "any" else state)
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await letters.page(tx, age.of(wanted, now=tx.now), before=before, limit=limit + 1)
    following = cursors.show(found[limit - 1].job_id, ids.JOB, filters) if len(found) > limit else None
    return answers.shown(wire.DeadLetterPage([_shown(each) for each in found[:limit]], following))


@router.get(f"{_BASE}/clusters", name="listDeadLetterClusters", response_model=wire.LetterClusterList)
async def list_clusters(caller: _Reader, services: _Services) -> Response:
    """List what open letters died of, most frequent first; at most 50."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await letters.clusters(tx)
    return answers.shown(wire.LetterClusterList([_cluster(each) for each in found]))


@router.get(f"{_BASE}/stats", name="getDeadLetterStats", response_model=wire.LetterStats)
async def stats(caller: _Reader, services: _Services) -> Response:
    """Tell how many letters there are, the open ones by kind, source, code and age, and how many died on which day."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await letters.stats(tx)
    counted = {by: [wire.LetterCount(name, count) for name, count in each] for by, each in found.open_by.items()}
    told = wire.LetterStats(
        open=found.states.get("open", 0),
        requeued=found.states.get("requeued", 0),
        resolved=found.states.get("resolved", 0),
        discarded=found.states.get("discarded", 0),
        died_again=found.died_again,
        by_kind=counted["kind"],
        by_source=counted["source"],
        by_code=counted["code"],
        by_age=counted["age"],
        days=[wire.LetterDay(day.isoformat(), count) for day, count in found.days],
    )
    return answers.shown(told)


@router.get(f"{_BASE}/health", name="getDeadLetterHealth", response_model=wire.LetterHealth)
async def health(caller: _Reader, services: _Services) -> Response:
    """Tell how many letters are open, and whether that is too many."""
    async with services.database.tenant(caller.tenant.id) as tx:
        count = await letters.count_open(tx)
    return answers.shown(wire.LetterHealth(count, level(count)))


@router.get(_ONE, name="getDeadLetter", response_model=wire.DeadLetter, responses=documents.problems(404))
async def get(job_id: _Id, caller: _Reader, services: _Services) -> Response:
    """Return the letter of a job."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await letters.get(tx, ids.parse(ids.JOB, job_id))
    return answers.shown(_shown(found))


@router.post(
    f"{_ONE}/requeue",
    name="requeueDeadLetter",
    response_model=wire.DeadLetter,
    responses=documents.problems(400, 404, 409, 429),
)
async def requeue(job_id: _Id, caller: _Operator, services: _Services, body: Grounds | None = None) -> Response:
    """Let a dead job live again under its id, with a fresh budget; its export waits for it again."""
    return await _one(services, caller, Verb.REQUEUE, job_id, body)


@router.post(f"{_ONE}/resolve", name="resolveDeadLetter", response_model=wire.DeadLetter, responses=_REFUSALS)
async def resolve(job_id: _Id, caller: _Operator, services: _Services, body: Grounds | None = None) -> Response:
    """Close a letter: what it was about is settled."""
    return await _one(services, caller, Verb.RESOLVE, job_id, body)


@router.post(f"{_ONE}/discard", name="discardDeadLetter", response_model=wire.DeadLetter, responses=_REFUSALS)
async def discard(job_id: _Id, caller: _Operator, services: _Services, body: Grounds | None = None) -> Response:
    """Close a letter: nobody will do it."""
    return await _one(services, caller, Verb.DISCARD, job_id, body)


@router.post(
    f"{_BASE}/requeue", name="requeueDeadLetters", response_model=wire.BulkResult, responses=documents.problems(400)
)
async def requeue_all(body: wire.BulkRequest, caller: _Operator, services: _Services) -> Response:
    """Requeue the open letters that match all that is given."""
    return await _bulk(services, caller, Verb.REQUEUE, body)


@router.post(
    f"{_BASE}/resolve", name="resolveDeadLetters", response_model=wire.BulkResult, responses=documents.problems(400)
)
async def resolve_all(body: wire.BulkRequest, caller: _Operator, services: _Services) -> Response:
    """Resolve the open letters that match all that is given."""
    return await _bulk(services, caller, Verb.RESOLVE, body)


@router.post(
    f"{_BASE}/discard", name="discardDeadLetters", response_model=wire.BulkResult, responses=documents.problems(400)
)
async def discard_all(body: wire.BulkRequest, caller: _Operator, services: _Services) -> Response:
    """Discard the open letters that match all that is given."""
    return await _bulk(services, caller, Verb.DISCARD, body)


def level(count: int) -> str:
    """
    Return how bad it is that `count` letters are open.

    >>> [level(count) for count in (10, 11, 50, 51)]
    ['ok', 'warn', 'warn', 'fail']
    """
    if count > _FAIL_ABOVE:
        return "fail"
    return "warn" if count > _WARN_ABOVE else "ok"


async def _one(services: Services, caller: Caller, verb: Verb, job_id: str, body: Grounds | None) -> Response:
    given, identifier = grounds.of(body), ids.parse(ids.JOB, job_id)
    async with services.admission.noting(caller.tenant.id, caller.principal.actor):
        closed = await _close(services, caller, verb, identifier, given)
    await _wake(services, verb)
    return answers.shown(_shown(closed))


async def _bulk(services: Services, caller: Caller, verb: Verb, body: wire.BulkRequest) -> Response:
    given = grounds.admit(body.reason, body.ticket)
    if not 1 <= body.limit <= _MAX_BULK:
        raise InvalidInput.field("limit", f"must be between 1 and {_MAX_BULK}.")
    age = Age(body.died_from, body.died_to, body.older_than_seconds, body.newer_than_seconds)
    filters: list[Json] = [body.kind, body.source, body.code, body.fingerprint, *astuple(age)]
    before = cursors.parse(body.cursor, ids.JOB, filters)
    wanted = LetterFilter(body.kind, body.source, body.code, body.fingerprint)
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await letters.page(tx, age.of(wanted, now=tx.now), before=before, limit=body.limit + 1)
    has_more, found = len(found) > body.limit, found[: body.limit]
    following = cursors.show(found[-1].job_id, ids.JOB, filters) if has_more else None
    if body.dry_run:
        return answers.shown(wire.BulkResult(len(found), 0, [], has_more, following))
    refused = await bulk.each(
        services,
        caller,
        [letter.job_id for letter in found],
        lambda job_id: _close(services, caller, verb, job_id, given, among=len(found)),
    )
    await _wake(services, verb)
    told = [wire.Refusal(ids.show(ids.JOB, job_id), why.message, why.code) for job_id, why in refused]
    return answers.shown(wire.BulkResult(len(found), len(found) - len(told), told, has_more, following))


async def _close(
    services: Services, caller: Caller, verb: Verb, job_id: UUID, given: Grounds, *, among: int = 1
) -> Letter:
    actor, reason, ticket = caller.principal.actor, given.reason, given.ticket
    if verb is Verb.REQUEUE:
        await admit_revival(services, caller, job_id, among=among)
    async with services.database.tenant(caller.tenant.id) as tx:
        match verb:
            case Verb.REQUEUE:
                await store.revive(tx, job_id, services.endings, reason=reason, ticket=ticket, actor=actor)
                return await letters.get(tx, job_id)
            case Verb.RESOLVE:
                return await letters.close(tx, job_id, "resolved", reason=reason, ticket=ticket, actor=actor)
            case Verb.DISCARD:
                return await letters.close(tx, job_id, "discarded", reason=reason, ticket=ticket, actor=actor)
            case _:
                assert_never(verb)


async def _wake(services: Services, verb: Verb) -> None:
    if verb is Verb.REQUEUE:
        await services.hints.send(notify.JOBS)
        await services.hints.send(notify.EXPORTS)


def _shown(letter: Letter) -> wire.DeadLetter:
    return wire.DeadLetter(
        job=ids.show(ids.JOB, letter.job_id),
        kind=letter.kind,
        source=letter.host,
        subject=letter.subject,
        code=letter.code,
        message=letter.message,
        fingerprint=letter.fingerprint,
        attempt=letter.attempt,
        died_at=clock.show(letter.died_at),
        deaths=letter.deaths,
        state=letter.state,
        closed_at=clock.shown(letter.closed_at),
        closed_by=letter.closed_by,
        reason=letter.reason,
        ticket=letter.ticket,
    )


def _cluster(found: Cluster) -> wire.LetterCluster:
    first, last = clock.show(found.first_at), clock.show(found.last_at)
    return wire.LetterCluster(found.fingerprint, found.kind, found.code, found.message, found.count, first, last)
