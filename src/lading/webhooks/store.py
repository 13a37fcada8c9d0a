"""
Webhooks and what was told to them, in the database.

Every change records its ledger entry.  Takes `tx`, never commits.  Secrets come and go sealed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from lading import clock, ids
from lading.canonical import Json
from lading.db import versions
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.db.versions import Version
from lading.errors import Conflict, NotFound
from lading.jobs import store as jobs
from lading.jobs.model import NewJob
from lading.ledger import store as ledger
from lading.ledger.entry import SYSTEM, Actor, Entry, grounds
from lading.ledger.events import Event
from lading.ledger.store import record
from lading.webhooks.rules import SCHEDULE, TEST_TYPE, Settings, check

_SQL: Final = Statements("lading.webhooks")
JOB_KIND: Final = "webhook"
MOST: Final = 100
_FAILING: Final = timedelta(days=5)


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that is called; `place` is the last event that was decided for it."""

    id: UUID
    settings: Settings
    disabled_because: str | None
    failing_since: datetime | None
    old_until: datetime | None
    place: int
    version: int
    created_by: str
    created_at: datetime
    updated_at: datetime

    @property
    def subject(self) -> str:
        """Return its outer id."""
        return ids.show(ids.WEBHOOK, self.id)


@dataclass(frozen=True, slots=True)
class Message:
    """An event on its way to a webhook, or told, or not."""

    id: UUID
    event_id: int | None
    type: str
    subject: str
    state: str
    job_id: UUID
    attempts: int
    status: int | None
    error: str | None
    created_at: datetime
    tried_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Call:
    """What an attempt needs; `event` is what is told, secrets are sealed."""

    webhook_id: UUID
    message_id: UUID
    url: str
    format: str
    timeout_seconds: int
    secrets: Sequence[bytes]
    at: datetime
    event: Mapping[str, Any]


async def create(tx: Transaction, webhook_id: UUID, settings: Settings, *, secret: bytes, actor: Actor) -> Webhook:
    """Add a webhook; Conflict when the tenant has many."""
    check(settings)
    await tx.one(_SQL["lock_list"], tenant_id=tx.tenant)
    if len(await every(tx)) >= MOST:
        raise Conflict(f"A tenant has at most {MOST} webhooks; delete one that is not used any more.")
    row = await tx.one(_SQL["create"], **_named(tx, webhook_id), **_given(settings), secret=secret, created_by=actor.id)
    found = _webhook(row)
    await _note(tx, "webhook.created", webhook_id, actor, topics=list(settings.topics), types=list(settings.types))
    return found


async def lock(tx: Transaction, webhook_id: UUID, version: Version) -> Webhook:
    """Return the webhook, which nobody else changes until the transaction ends."""
    await _lock(tx, webhook_id, version)
    return await get(tx, webhook_id)


async def change(tx: Transaction, webhook_id: UUID, settings: Settings, *, version: Version, actor: Actor) -> Webhook:
    """Change a webhook; PreconditionFailed when it is not at `version` any more."""
    check(settings)
    await _lock(tx, webhook_id, version)
    row = await tx.one(_SQL["change"], **_named(tx, webhook_id), **_given(settings))
    await _note(
        tx, "webhook.changed", webhook_id, actor, rev=row["version"],
        topics=list(settings.topics), types=list(settings.types), is_enabled=settings.is_enabled,
    )  # fmt: skip
    return _webhook(row)


async def rotate(
    tx: Transaction, webhook_id: UUID, *, secret: bytes, overlap: timedelta, version: Version, actor: Actor
) -> Webhook:
    """Give a webhook a new secret; the old one signs beside it for `overlap`."""
    await _lock(tx, webhook_id, version)
    row = await tx.one(_SQL["rotate"], **_named(tx, webhook_id), secret=secret, until=tx.now + overlap)
    seconds = int(overlap.total_seconds())
    await _note(tx, "webhook.rotated", webhook_id, actor, rev=row["version"], overlap_seconds=seconds)
    return _webhook(row)


async def delete(
    tx: Transaction, webhook_id: UUID, *, version: Version, actor: Actor, reason: str, ticket: str | None
) -> None:
    """Remove a webhook and its log; what is on its way is not told any more."""
    await _lock(tx, webhook_id, version)
    await tx.run(_SQL["delete"], **_named(tx, webhook_id))
    await _note(tx, "webhook.deleted", webhook_id, actor, **grounds(reason, ticket))


async def get(tx: Transaction, webhook_id: UUID) -> Webhook:
    """Return a webhook; NotFound."""
    return _webhook(_found(await tx.maybe(_SQL["get"], **_named(tx, webhook_id)), webhook_id))


async def every(tx: Transaction) -> list[Webhook]:
    """Return the webhooks of the tenant."""
    return [_webhook(row) for row in await tx.all(_SQL["list"], tenant_id=tx.tenant, limit=MOST)]


async def tell(
    tx: Transaction,
    webhook_id: UUID,
    *,
    event_id: int | None,
    type: str,  # noqa: A002 - the entry's own word
    subject: str,
    actor: Actor,
) -> UUID:
    """Put an event on its way to a webhook and return the message's id."""
    message_id, job_id = ids.new(), ids.new()
    await tx.run(
        _SQL["message_put"],
        tenant_id=tx.tenant,
        id=message_id,
        webhook_id=webhook_id,
        event_id=event_id,
        type=type,
        subject=subject,
        job_id=job_id,
        now=tx.now,
    )
    await jobs.enqueue(tx, _job(job_id, webhook_id, message_id), actor=actor)
    return message_id


async def test(tx: Transaction, webhook_id: UUID, *, actor: Actor) -> Message:
    """Put a test on its way to a webhook."""
    found = await get(tx, webhook_id)
    _require_enabled(found)
    message_id = await tell(tx, webhook_id, event_id=None, type=TEST_TYPE, subject=found.subject, actor=actor)
    await _note(tx, "webhook.tested", webhook_id, actor, message=ids.show(ids.MESSAGE, message_id))
    return await message(tx, webhook_id, message_id)


async def redeliver(
    tx: Transaction, webhook_id: UUID, message_id: UUID, *, actor: Actor, reason: str, ticket: str | None
) -> Message:
    """Put a message that has ended on its way once more, under the same id; Conflict while it is on its way."""
    _require_enabled(await get(tx, webhook_id))
    job_id = ids.new()
    row = await tx.maybe(
        _SQL["message_again"], tenant_id=tx.tenant, webhook_id=webhook_id, id=message_id, job_id=job_id
    )
    if row is None:
        await message(tx, webhook_id, message_id)
        raise Conflict(f"{ids.show(ids.MESSAGE, message_id)} is on its way already; let that end.")
    told = {"message": ids.show(ids.MESSAGE, message_id), **grounds(reason, ticket)}
    await _note(tx, "webhook.redelivered", webhook_id, actor, **told)
    await jobs.enqueue(tx, _job(job_id, webhook_id, message_id), actor=actor)
    return _message(row)


async def message(tx: Transaction, webhook_id: UUID, message_id: UUID) -> Message:
    """Return one message of a webhook; NotFound."""
    row = await tx.maybe(_SQL["message_get"], tenant_id=tx.tenant, webhook_id=webhook_id, id=message_id)
    if row is None:
        raise NotFound(f"There is no message {ids.show(ids.MESSAGE, message_id)} to this webhook.")
    return _message(row)


async def messages(
    tx: Transaction, webhook_id: UUID, *, state: str | None, before: UUID | None, limit: int
) -> list[Message]:
    """Return what was told to a webhook, newest first."""
    await get(tx, webhook_id)
    rows = await tx.all(
        _SQL["messages"], tenant_id=tx.tenant, webhook_id=webhook_id, state=state, before=before, limit=limit
    )
    return [_message(row) for row in rows]


async def begin(tx: Transaction, webhook_id: UUID, message_id: UUID, job_id: UUID) -> Call | None:
    """Return the call to make; None when there is nothing to tell any more."""
    row = await tx.maybe(_SQL["message_begin"], tenant_id=tx.tenant, id=message_id, job_id=job_id)
    if row is None:
        return None
    return Call(
        webhook_id=webhook_id,
        message_id=message_id,
        url=row["url"],
        format=row["format"],
        timeout_seconds=row["timeout_seconds"],
        secrets=[bytes(each) for each in (row["secret"], row["old_secret"]) if each is not None],
        at=tx.now,
        event=await _event(tx, row),
    )


async def tried(
    tx: Transaction, webhook_id: UUID, message_id: UUID, job_id: UUID, *, status: int | None, error: str
) -> bool:
    """Note an attempt that came to nothing; True when the webhook has failed for days and is called no more."""
    await tx.run(
        _SQL["message_tried"], tenant_id=tx.tenant, id=message_id, job_id=job_id, status=status, error=error, now=tx.now
    )
    return await has_failed_for_days(tx, webhook_id)


async def has_failed_for_days(tx: Transaction, webhook_id: UUID) -> bool:
    """Note that a webhook took nothing; True when it has taken nothing for days and is called no more."""
    row = await tx.maybe(_SQL["failing"], **_named(tx, webhook_id), now=tx.now)
    if row is None or tx.now - row["failing_since"] < _FAILING:
        return False
    await disable(tx, webhook_id, "failing")
    return True


async def delivered(tx: Transaction, webhook_id: UUID, message_id: UUID, job_id: UUID, *, status: int) -> None:
    """Note that a message was taken, and that its webhook answers."""
    await tx.run(_SQL["answers"], **_named(tx, webhook_id))
    await _end(tx, message_id, job_id, state="delivered", status=status, tries=1)


async def ended(tx: Transaction, message_id: UUID, job_id: UUID, *, is_cancelled: bool) -> None:
    """Note that a message will not be told by its job any more."""
    await _end(tx, message_id, job_id, state="cancelled" if is_cancelled else "failed", status=None, tries=0)


async def revive(tx: Transaction, message_id: UUID, job_id: UUID) -> bool:
    """Let a message wait for its requeued job; False when another job has it."""
    return bool(await tx.run(_SQL["message_revive"], tenant_id=tx.tenant, id=message_id, job_id=job_id))


async def disable(tx: Transaction, webhook_id: UUID, reason: str) -> None:
    """Call a webhook no more."""
    row = await tx.maybe(_SQL["disable"], **_named(tx, webhook_id), reason=reason)
    if row is not None:
        await _note(tx, "webhook.disabled", webhook_id, SYSTEM, rev=row["version"], because=reason)


async def _end(tx: Transaction, message_id: UUID, job_id: UUID, *, state: str, status: int | None, tries: int) -> None:
    row = await tx.maybe(
        _SQL["message_end"],
        tenant_id=tx.tenant,
        id=message_id,
        job_id=job_id,
        state=state,
        status=status,
        tries=tries,
        now=tx.now,
    )
    if row is not None:
        told: dict[str, Json] = {"message": ids.show(ids.MESSAGE, message_id), "event": row["event_id"]}
        await _note(tx, f"webhook.{state}", row["webhook_id"], SYSTEM, type=row["type"], **told)


async def _event(tx: Transaction, row: Row) -> Mapping[str, Any]:
    if row["event_id"] is None:
        at = clock.show(row["created_at"])
        return {"id": None, "type": row["type"], "subject": row["subject"], "at": at, "data": {}}
    (entry,) = await ledger.entries(tx, first=row["event_id"] - 1, limit=1)
    return Event(row["event_id"], row["type"], row["subject"], entry.line).shown


async def _lock(tx: Transaction, webhook_id: UUID, version: Version) -> None:
    row = _found(await tx.maybe(_SQL["lock"], **_named(tx, webhook_id)), webhook_id)
    versions.require("The webhook", row["version"], version)


def _require_enabled(webhook: Webhook) -> None:
    if not webhook.settings.is_enabled:
        raise Conflict(f"{webhook.subject} is disabled; enable it first.")


async def _note(tx: Transaction, event: str, webhook_id: UUID, actor: Actor, /, **data: Json) -> None:
    rev = data.pop("rev", None)
    entry = Entry(event, ids.show(ids.WEBHOOK, webhook_id), actor, data, rev=rev if isinstance(rev, int) else None)
    await record(tx, entry)


def _job(job_id: UUID, webhook_id: UUID, message_id: UUID) -> NewJob:
    return NewJob(
        job_id,
        JOB_KIND,
        ids.show(ids.WEBHOOK, webhook_id),
        {"webhook": str(webhook_id), "message": str(message_id)},
        max_attempts=len(SCHEDULE) + 1,
        deadline_seconds=120,
    )


def _named(tx: Transaction, webhook_id: UUID) -> dict[str, Any]:
    return {"tenant_id": tx.tenant, "id": webhook_id}


def _given(settings: Settings) -> dict[str, Any]:
    return {
        "url": settings.url,
        "topics": list(settings.topics),
        "types": list(settings.types),
        "format": settings.format,
        "description": settings.description,
        "timeout_seconds": settings.timeout_seconds,
        "is_enabled": settings.is_enabled,
    }


def _found(row: Row | None, webhook_id: UUID) -> Row:
    if row is None:
        raise NotFound(f"There is no webhook {ids.show(ids.WEBHOOK, webhook_id)} in this tenant.")
    return row


def _webhook(row: Row) -> Webhook:
    settings = Settings(**{name: row[name] for name in _given(Settings(""))})
    names = ("id", "disabled_because", "failing_since", "old_until", "place", "version")
    times = ("created_by", "created_at", "updated_at")
    return Webhook(settings=settings, **{name: row[name] for name in (*names, *times)})


def _message(row: Row) -> Message:
    return Message(**{name: row[name] for name in Message.__slots__})
