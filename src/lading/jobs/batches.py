"""
Many jobs at once: enqueue a batch, settle one and claim the next in one transaction, find what a dead one left.

A batch has an id; its ledger entries, one per tenant, name its jobs (`jobs.enqueued`, `jobs.started`,
`jobs.completed`).  Every job is settled under its own fence: what is stale is returned and nothing of it changed.
Takes `tx`, never commits; but for `enqueue_many` a system transaction.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import cached_property, partial
from itertools import islice
from typing import Any, Final, NamedTuple, TypeAlias
from uuid import UUID

from lading import ids
from lading.canonical import Json
from lading.db.statements import Statements
from lading.db.transaction import Transaction
from lading.jobs import store
from lading.jobs.haul import Haul
from lading.jobs.marks import Marks
from lading.jobs.model import Claim, Fence, Job, NewJob
from lading.jobs.rows import job_of
from lading.jobs.rules import payload_digest
from lading.jobs.run_store import End, jobs_ended
from lading.ledger.entry import Actor, Entry
from lading.ledger.store import record, record_all, record_last
from lading.limits import breakers

_SQL: Final = Statements("lading.jobs")
_JSON: Final = json.JSONEncoder(ensure_ascii=False)
PER_LINE: Final = 1000
"""How many jobs a ledger line tells of: 1,000 with their attempts are about 40,000 bytes, a line may have 65,535."""
_TENANTS_PER_CLAIM: Final = 256

Started: TypeAlias = tuple[Job, Fence]


class Exchange:
    """
    What an exchange came to: the jobs that were not ours any more, and those that are now.

    Values are made of what was claimed when `started` is asked for: best after the commit, which lets the turns go.
    """

    def __init__(self, stale: frozenset[UUID], haul: Haul | None, *, lease_id: UUID, batch_id: UUID) -> None:
        self.stale: Final = stale
        self._haul: Final = haul
        self._lease_id: Final = lease_id
        self._batch_id: Final = batch_id

    @property
    def count(self) -> int:
        """Return how many were started."""
        return 0 if self._haul is None else len(self._haul)

    @cached_property
    def started(self) -> Sequence[Started]:
        """Return the jobs that were claimed and started."""
        return [started for piece in self.pieces() for started in piece]

    def pieces(self, size: int | None = None) -> Iterator[Sequence[Started]]:
        """Yield `started` by so many at a time: a loop in which others wait need not stand still for all of them."""
        return iter(()) if self._haul is None else self._haul.started(self._lease_id, self._batch_id, size)


class _Form(NamedTuple):
    """What the jobs of a batch mostly have in common."""

    kind: str
    host: str
    priority: int
    due_at: datetime | None
    payload: str
    payload_digest: bytes
    max_attempts: int
    max_crashes: int
    run_id: UUID | None
    replay_of: UUID | None
    deadline_seconds: int | None


async def enqueue_many(tx: Transaction, jobs: Iterable[NewJob], *, actor: Actor) -> int:
    """Put the jobs of the transaction's tenant in the queue, in order; return how many were not there already."""
    count, rest = 0, iter(jobs)
    while chunk := list(islice(rest, PER_LINE)):
        batch_id = ids.new()
        rows = await tx.all(_SQL["batch_enqueue"], tenant_id=tx.tenant, batch_id=batch_id, **_columns(chunk))
        states = {row["id"]: row["state"] for row in rows}
        added = [(job, states[job.id]) for job in chunk if job.id in states]
        if added:
            await record(tx, Entry("jobs.enqueued", ids.show(ids.BATCH, batch_id), actor, _enqueued(added)))
        count += len(added)
    return count


async def exchange(
    tx: Transaction,
    *,
    lease_id: UUID,
    kinds: Sequence[str],
    limit: int,
    ended: Sequence[Started],
    batch_id: UUID,
    marks: Marks | None = None,
    is_hurried: bool = False,
    queue: Callable[[], Awaitable[object]] | None = None,
    on_turns: Callable[[], None] | None = None,
    without: Sequence[UUID] | None = None,
) -> Exchange:
    """
    Complete the jobs in `ended`, then claim and start up to `limit` others as batch `batch_id`.

    Given `without`, none of these tenants are claimed, nor any whose turn somebody holds.

    Between the two `queue` is waited for: of those who exchange in one process only one at a time waits for turns.
    `on_turns` is called when turns begin to be held.
    `is_hurried` says that the session is set as hurry.sql would.
    """
    stale = await settle(tx, ended, lease_id=lease_id) if ended else frozenset[UUID]()
    made = partial(Exchange, stale, lease_id=lease_id, batch_id=batch_id)
    if limit <= 0:
        return made(None)
    if queue is not None:
        await queue()
    if not is_hurried:
        await store.hurry(tx)
    haul = await store.claim_batch(
        tx,
        lease_id=lease_id,
        kinds=kinds,
        limit=limit,
        batch_id=batch_id,
        marks=marks,
        most=min(limit, _TENANTS_PER_CLAIM),
        without=without,
        on_turns=on_turns or _nothing,
    )
    if haul is None:
        return made(None)
    told = ((tenant, batch_id.int, text) for tenant, text in haul.told)
    record_last(tx, _lines("jobs.started", told, lease_id))
    return made(haul)


async def settle(tx: Transaction, ended: Sequence[Started], *, lease_id: UUID) -> frozenset[UUID]:
    """Complete the jobs under their fences; return the ids of those that somebody else owns by now."""
    owners: dict[int, int] = {}  # by number: a UUID takes long to hash
    places = [owners.setdefault(fence.tenant_id.int, len(owners) + 1) for _, fence in ended]
    row = await tx.one(
        _SQL["batch_settle"],
        tenants=[UUID(int=owner) for owner in owners],
        owners=_integers(places),
        ids=_uuids(fence.job_id for _, fence in ended),
        attempts=_integers(fence.attempt for _, fence in ended),
        lease_id=lease_id,
    )
    stale = frozenset[UUID]()
    if row["settled"] is not None or row["count"] == 0:
        settled: set[UUID] = set(row["settled"] or ())
        stale = frozenset(fence.job_id for _, fence in ended if fence.job_id not in settled)
        ended = [each for each in ended if each[1].job_id in settled]
    await _answered(tx, ended)
    await record_all(tx, _lines("jobs.completed", _told(ended), lease_id))
    await jobs_ended(
        tx, [End(job.tenant_id, job.id, job.run_id, "completed") for job, _ in ended if job.run_id is not None]
    )
    return stale


async def held(tx: Transaction, lease_id: UUID, *, batch_id: UUID | None = None) -> list[Started]:
    """Return what the lease holds in batches, or in one of them."""
    rows = await tx.all(_SQL["batch_held"], lease_id=lease_id, batch_id=batch_id)
    return [(job_of(row), Fence(row["tenant_id"], row["id"], lease_id, row["attempt"])) for row in rows]


async def has_alone(tx: Transaction, kinds: Sequence[str]) -> bool:
    """Tell whether a job of these kinds waits that no batch takes: it was lost in one."""
    return (await tx.one(_SQL["batch_alone"], kinds=list(kinds)))["is_there"]


def claim_of(started: Started) -> Claim:
    """Return what the job was claimed as."""
    job, fence = started
    return Claim(fence.tenant_id, fence.job_id, fence.lease_id, job.kind)


async def _answered(tx: Transaction, ended: Sequence[Started]) -> None:
    """Let each host that answered have its due, in an order that is the same for everybody."""
    answers = Counter((job.tenant_id, job.host) for job, _ in ended if job.host)
    for (tenant, host), count in sorted(answers.items()):
        await breakers.note_answer(tx, host, tenant=tenant, answers=count)


def _nothing() -> None:
    """Do nothing."""


def _told(jobs: Sequence[Started]) -> Iterator[tuple[int, int, str]]:
    for job, fence in jobs:  # by number: a UUID takes long to hash
        assert job.batch_id is not None
        yield fence.tenant_id.int, job.batch_id.int, job.told or f"{ids.show(ids.JOB, fence.job_id)}:{fence.attempt}"


def _lines(event: str, told: Iterable[tuple[int, int, str]], lease_id: UUID) -> Iterator[tuple[UUID, Entry]]:
    """Yield one entry per tenant, batch and PER_LINE jobs, naming each job with its attempt."""
    batch: defaultdict[tuple[int, int], list[str]] = defaultdict(list)
    for tenant, batch_number, text in told:
        batch[tenant, batch_number].append(text)
    actor = Actor("worker", ids.show(ids.LEASE, lease_id))
    for (tenant_number, batch_number), jobs in batch.items():
        tenant, subject = UUID(int=tenant_number), ids.show(ids.BATCH, UUID(int=batch_number))
        for first in range(0, len(jobs), PER_LINE):
            yield tenant, Entry(event, subject, actor, {"jobs": jobs[first : first + PER_LINE]})


def _enqueued(added: Sequence[tuple[NewJob, str]]) -> dict[str, Json]:
    """Return what an entry tells of new jobs: their kinds, and the places of those that can't start yet."""
    kinds = {kind: number for number, kind in enumerate(sorted({job.kind for job, _ in added}))}
    told: dict[str, Json] = {"jobs": [ids.show(ids.JOB, job.id) for job, _ in added], "kinds": list(kinds)}
    if len(kinds) > 1:
        told["of"] = [kinds[job.kind] for job, _ in added]
    for state in ("blocked", "scheduled"):
        if places := [place for place, (_, now) in enumerate(added) if now == state]:
            told[state] = places
    return told


def _columns(jobs: Sequence[NewJob]) -> dict[str, Any]:
    digests: dict[str, bytes] = {}
    forms: dict[_Form, int] = {}
    numbers = [forms.setdefault(_form(job, digests), len(forms) + 1) for job in jobs]
    return {
        "ids": _uuids(job.id for job in jobs),
        "subjects": [job.subject for job in jobs],
        "pending_parents": _integers(job.pending_parents for job in jobs),
        "forms": _integers(numbers),
        "kinds": [form.kind for form in forms],
        "hosts": [form.host for form in forms],
        "priorities": [form.priority for form in forms],
        "due_ats": [form.due_at for form in forms],
        "payloads": [form.payload for form in forms],
        "digests": [form.payload_digest for form in forms],
        "max_attempts": [form.max_attempts for form in forms],
        "max_crashes": [form.max_crashes for form in forms],
        "run_ids": [form.run_id for form in forms],
        "replays": [form.replay_of for form in forms],
        "deadlines": [form.deadline_seconds for form in forms],
    }


def _uuids(values: Iterable[UUID]) -> str:
    # Arrays are written by hand: adapting a thousand values one by one costs more than all the rest of an exchange.
    return "{" + ",".join([f"{value.int:032x}" for value in values]) + "}"


def _integers(values: Iterable[int]) -> str:
    return "{" + ",".join(map(str, values)) + "}"


def _form(job: NewJob, digests: dict[str, bytes]) -> _Form:
    payload = _JSON.encode(job.payload) if job.payload else "{}"
    digest = job.payload_digest or digests.get(payload)
    if digest is None:
        digest = digests[payload] = payload_digest(job.payload)
    return _Form(
        job.kind,
        job.host,
        job.priority,
        job.due_at,
        payload,
        digest,
        job.max_attempts,
        job.max_crashes,
        job.run_id,
        job.replay_of,
        job.deadline_seconds,
    )
