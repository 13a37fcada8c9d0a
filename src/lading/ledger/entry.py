"""
Ledger entries: what happened, to what, by whom, as one canonical line.

The line is the leaf of the tenant's tree; its bytes are hashed and never rewritten.  It holds ids, counts, digests and
codes, never personal data, free text or secrets: those can't be erased from a tree.  Words are committed to (`Private`,
`commitments`).  `store.record` writes entries.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal, Self, cast
from uuid import UUID

from lading import canonical, clock, ids
from lading.canonical import Json

MAX_LINE_BYTES: Final = 65_535  # what a C2SP entry bundle can carry, and the CHECK of the tables
_MAX_TEXT: Final = 500
_TEXT: Final = frozenset({str})
_TICKET: Final = re.compile(r"[A-Za-z0-9._#/-]{1,60}")
_SUBJECT: Final = re.compile(r"[a-z][a-z0-9]*_[A-Za-z0-9._:-]{1,120}|[a-z]+:[A-Za-z0-9._:/*-]{1,200}")

EVENT_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "tenant.created": "an organisation was added",
        "key.created": "an API key was made",
        "key.revoked": "an API key was made useless",
        "key.rotated": "an API key was replaced by another and ends soon",
        "signing_key.made": "a key was made that heads or statements of this installation are signed with",
        "signing_key.rotated": "a signing key was replaced by another; both are believed",
        "signing_key.revoked": "a signing key is believed no more beyond `data.trusted_size`",
        "configuration.changed": "a worker started with other settings than were in force before",
        "privacy.erased": "words that entries commit to were erased; the entries and their proofs stay as they are",
        "tenant.renamed": "an organisation got another name",
        "tenant.suspended": "nobody of an organisation is let in any more",
        "tenant.reactivated": "those of a suspended organisation are let in again",
        "member.added": "a person was named or invited",
        "member.joined": "a person came for the first time",
        "member.changed": "a person got another role or name",
        "member.removed": "a person is let in no more",
        "identity_provider.set": "the tokens of an issuer are believed, or give something else",
        "identity_provider.deleted": "the tokens of an issuer are believed no more",
        "login.refused": "somebody with a token was not let in; `data.refused` counts those since the last entry",
        "source.registered": "a source was added or its settings changed",
        "profile.revised": "a new revision of a profile was stored",
        "profile.activated": "a revision became the one that exports use",
        "profile.previewed": "somebody was shown what becomes of the first rows of a source",
        "profile.rolled_back": "the revision that was active before became the one that exports use",
        "job.enqueued": "a job was put in the queue",
        "run.created": "a graph of jobs was asked for",
        "run.failing": "a node failed whose policy ends its run",
        "run.cancel_requested": "somebody asked for a run to stop",
        "run.completed": "every node of a run was done, or failed where that is allowed",
        "run.failed": "a run ended with nodes that were not done",
        "run.cancelled": "a run was stopped for good",
        "jobs.unblocked": "jobs of a run may start: their parents have ended",
        "job.unblocked": "a job may go on: what it was blocked for is there",
        "job.promoted": "a scheduled job's time came",
        "job.claimed": "a worker took a job and a lease on it",
        "job.started": "an attempt at a job began",
        "job.completed": "a job was done",
        "job.retried": "an attempt failed and the job waits for the next",
        "job.snoozed": "a job was put back without spending an attempt",
        "job.released": "a worker gave a job back before it started",
        "job.rescued": "a job was taken back because its lease ran out",
        "job.cancel_requested": "somebody asked for a job to stop",
        "job.cancelled": "a job was stopped for good",
        "job.parked": "an attempt failed and the job waits long: its host has no retries left to spend",
        "job.dead": "a job needs a person: no attempt is left",
        "jobs.enqueued": "a batch of jobs was put in the queue; `data.jobs` names them",
        "jobs.started": "a worker claimed a batch of jobs and began an attempt at each; `data.jobs` names job:attempt",
        "jobs.completed": "the jobs of a batch were done; `data.jobs` names job:attempt",
        "history.pruned": "what ended longer ago than the history is kept was deleted",
        "export.created": "an export was asked for",
        "export.started": "work on an export began",
        "export.stage_started": "a stage of an export began",
        "export.stage_completed": "a stage of an export was checkpointed",
        "export.parts_planned": "it was decided which parts an export is read in",
        "export.part_completed": "a part of an export was read, mapped and recorded",
        "export.parts_reopened": "parts of an export are to be done again: their files or their source changed",
        "export.split": "the parts of an export became jobs that workers share",
        "export.completed": "an export was finished and its package sealed",
        "export.failed": "an export ended with an error",
        "export.cancel_requested": "somebody asked for an export to stop",
        "export.cancelled": "an export was stopped for good",
        "export.retried": "a failed or cancelled export was started again",
        "export.downloaded": "a file of an export was handed out",
        "export.download_cut": "a file that was handed out did not arrive whole",
        "export.link_made": "a link was made by which a file can be had without a key, for a while",
        "export.deleted": "an export's files were deleted on request",
        "export.delete_refused": "an export was not deleted: something keeps it",
        "export.expired": "an export's files were deleted by retention",
        "hold.placed": "what may not be removed was said: an export, or those that a filter matches",
        "hold.lifted": "what was kept may be removed again",
        "ledger.extracted": "the entries of a span of time were taken out of the ledger as a file",
        "bundle.requested": "a span of the ledger was asked for as a signed bundle, or what of it is about one thing",
        "bundle.completed": "a bundle was made, checked and can be had",
        "bundle.failed": "a bundle could not be made",
        "bundle.downloaded": "a bundle was handed out",
        "ledger.epoch_opened": "a restore took entries back that were signed; another tree of the ledger began",
        "ledger.restore_adopted": "somebody let ledgers go on that a restore had taken back",
        "ledger.pruned": "the oldest entries were removed; what remains is proved without them",
        "links.revoked": "every link to a file became useless",
        "retention.set": "how long exports are kept was said",
        "retention.dropped": "a rule of how long exports are kept was removed",
        "retention.applied": "the rules of how long exports are kept were applied to those completed before",
        "destination.set": "a place to deliver to was added or its settings changed",
        "destination.deleted": "a place to deliver to was removed",
        "delivery.requested": "a package is to be brought to a destination",
        "delivery.delivered": "a package lies at a destination",
        "delivery.failed": "a package could not be brought to a destination",
        "delivery.cancelled": "bringing a package to a destination was stopped for good",
        "artifact.published": "a file was stored for an export to hand out",
        "artifact.tombstoned": "a file that nothing points at any more was marked to be deleted",
        "artifact.collected": "a marked file was deleted",
        "job.requeued": "a dead letter was put in the queue again",
        "job.prioritised": "a waiting job was made more or less urgent",
        "job.hastened": "a job that waited for its time was made due",
        "job.replayed": "an ended job was put in the queue once more, as a copy",
        "letter.requeued": "a dead letter was closed: its export was tried again by another job",
        "source.deleted": "a source was removed",
        "letter.resolved": "a dead letter was closed: what it was about is settled",
        "letter.discarded": "a dead letter was closed: nobody will do it",
        "lane.blocked": "jobs of a kind on a host have to wait",
        "lane.released": "jobs of a kind on a host may run again",
        "bucket.set": "the rate at which jobs on a host may start was set",
        "bucket.dropped": "a host's rate limit was lifted",
        "bucket.adapted": "a host asked to be called less, or answers again: its rate was changed by itself",
        "retry_policy.set": "how failures of a class are tried again was set",
        "retry_policy.reset": "failures of a class are tried again as shipped",
        "allocation.set": "a tenant's part of the installation was set",
        "allocation.reset": "a tenant has equal turns and no limit again",
        "enqueue.refused": "jobs were not taken because too many wait",
        "quota.set": "how many jobs of a kind may run and start was set",
        "quota.dropped": "the quota of a kind was lifted",
        "pause.set": "an operator stopped something",
        "pause.lifted": "an operator let something go on",
        "blackout.set": "an operator set a window in which something does not run",
        "breaker.opened": "a host failed so often that it is left alone for a while",
        "breaker.closed": "a host answered again",
        "schedule.set": "what is made by the clock was written or changed",
        "schedule.deleted": "nothing is made by this schedule any more",
        "schedule.paused": "somebody stopped a schedule",
        "schedule.resumed": "somebody let a schedule go on",
        "schedule.replanned": "the rules of a time zone changed, and with them when a schedule fires next",
        "schedule.fired": "the work of a slot was made",
        "schedule.waiting": "a slot waits for the end of an earlier one",
        "schedule.skipped": "the work of a slot is not made",
        "schedule.failed": "the work of a slot could not be made",
        "webhook.created": "an address was added that is called when something happens",
        "webhook.changed": "a webhook was changed, disabled or enabled again",
        "webhook.deleted": "a webhook was removed",
        "webhook.rotated": "a webhook got a new secret",
        "webhook.disabled": "a webhook is called no more: it is gone, or has failed for days",
        "webhook.tested": "somebody let a webhook be called with a test",
        "webhook.redelivered": "an event is to be told to a webhook once more",
        "webhook.delivered": "a webhook was told an event",
        "webhook.failed": "a webhook could not be told an event",
        "webhook.cancelled": "a webhook was not told an event: its call was stopped, or it is disabled or gone",
        "policy.denied": "a principal was refused something it asked for",
        "policy.revised": "a new revision of a policy was stored",
        "policy.activated": "a revision became the one that exports are judged by",
        "policy.deactivated": "a policy was switched off: exports are not judged by it any more",
        "policy.rolled_back": "the revision that was active before became the one that exports are judged by",
        "approval.requested": "an export waits for the word of a second person",
        "approval.approved": "a second person let an export run",
        "approval.rejected": "a second person refused an export",
        "approval.expired": "nobody gave their word for an export in time",
        "call_quota.set": "how many calls and exports a tenant may ask for was set",
        "call_quota.dropped": "a limit on calls or exports of a tenant was lifted",
    }
)
"""Every type of entry with its meaning; `line` refuses any other."""


@dataclass(frozen=True, slots=True)
class Actor:
    """
    Who caused a change, by id and never by name.

    `role` is no part of the record: it is what policies judge, None where nobody with a role is behind it.
    """

    kind: Literal["key", "member", "worker", "system"]
    id: str
    role: str | None = field(default=None, compare=False)


SYSTEM: Final = Actor("system", "lading")
INSTANCE: Final = UUID("00000000-0000-7000-8000-000000000000")
"""The tenant that stands for the installation itself."""


class Private(str):
    """
    Words in the data of an entry that its line only commits to; `about` is the outer id of the person they are about.

    Wherever else such data may get, it is a text that tells nothing:

    >>> Private("Ann is on leave"), Private("Ann is on leave").words
    ('withheld', 'Ann is on leave')
    """

    __slots__ = ("about", "words")
    words: str
    about: str | None

    def __new__(cls, words: str, about: str | None = None) -> Self:
        """Return the placeholder that has the words beside it."""
        made = super().__new__(cls, "withheld")
        made.words, made.about = words, about
        return made


@dataclass(frozen=True, slots=True)
class Entry:
    """
    One event in the life of `subject` (an outer id such as `exp_…`, or `kind:name`, for example `profile:bufdir`).

    A value of `data` that is Private is committed to, and kept elsewhere.  `rev` is the subject's version after the
    change, where it has one: a gap in it is a missing entry.
    """

    type: str
    subject: str
    actor: Actor
    data: Mapping[str, Json] = field(default_factory=dict[str, Json])
    rev: int | None = None


def line(entry: Entry, *, tenant: UUID, at: datetime, commitments: Mapping[str, bytes] | None = None) -> bytes:
    """
    Return the leaf of `entry`; raise ValueError if it is of no known type or not fit for a tree.

    `commitments` stand for its private words, by their names in `data`, which says only that there were some.
    """
    if entry.type not in EVENT_TYPES:
        raise ValueError(f"{entry.type!r} is not a type of ledger entry; EVENT_TYPES lists them")
    if _SUBJECT.fullmatch(entry.subject) is None:
        raise ValueError(f"{entry.subject!r} is not a ledger subject: prefix_id or kind:name")
    data = {name: True if type(value) is Private else value for name, value in entry.data.items()}
    _refuse_prose(data)
    private = {name for name, value in entry.data.items() if type(value) is Private}
    if private != set(commitments or ()):
        raise ValueError("a line needs a commitment for each of its private words")
    sd = {name: base64.b64encode(digest).decode() for name, digest in (commitments or {}).items()}
    written = canonical.encode(
        {
            **({"sd": sd} if sd else {}),
            "actor": {"id": entry.actor.id, "kind": entry.actor.kind},
            "at": clock.show(at),
            "data": data,
            "rev": entry.rev,
            "subject": entry.subject,
            "tenant": ids.show(ids.TENANT, tenant),
            "type": entry.type,
            "v": 1,
        }
    )
    if len(written) > MAX_LINE_BYTES:
        raise ValueError(f"a ledger line of {len(written)} bytes is over {MAX_LINE_BYTES}")
    return written


def is_subject(text: str) -> bool:
    """Tell whether an entry could be about `text`."""
    return _SUBJECT.fullmatch(text) is not None


def is_ticket(text: str) -> bool:
    """Tell whether `text` is the number of a ticket, which a ledger line may hold, and no prose."""
    return _TICKET.fullmatch(text) is not None


def grounds(reason: str, ticket: str | None) -> dict[str, Json]:
    """
    Return what an entry tells of an operator's grounds: the reason, in words that can be erased, and the ticket.

    >>> grounds("Ann is on leave", "OPS-7")
    {'reason': 'withheld', 'ticket': 'OPS-7'}
    """
    told: dict[str, Json] = {"reason": Private(reason.strip()) if reason.strip() else False}
    return {**told, "ticket": ticket} if ticket is not None and is_ticket(ticket) else told


def _refuse_prose(value: Json) -> None:
    # Long or many-lined text is somebody's prose, where names hide; a tree can't forget them.
    match value:
        case str() if len(value) > _MAX_TEXT or "\n" in value:
            raise ValueError("ledger data holds codes, counts and ids, not prose")
        case list() | tuple() if value and _TEXT.issuperset(map(type, value)):
            # The ids of a batch, by the thousand: judged by the longest, and all of them at once.
            texts = cast("Sequence[str]", value)
            _refuse_prose(max(texts, key=len) + ("\n" if "\n" in "".join(texts) else ""))
        case list() | tuple():
            for item in value:
                _refuse_prose(item)
        case dict():
            for item in value.values():
                _refuse_prose(item)
        case _:
            return
