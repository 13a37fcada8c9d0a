"""
Events: entries of a tenant's ledger as others follow them.  Pure.

The tree is a durable, gapless order already, so an event's id is its entry's place in the tree, counted from 1: "after
17" means that 17 were seen, whichever of them were wanted.  A topic is what somebody follows, and has an audience.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from lading import canonical
from lading.ledger.entry import EVENT_TYPES

Audience: TypeAlias = Literal["readers", "inspectors", "auditors"]


@dataclass(frozen=True, slots=True)
class Topic:
    """The types of entries whose first word is one of `words`, for an audience."""

    words: frozenset[str]
    audience: Audience


REST: Final = "administration"
TOPICS: Final[Mapping[str, Topic]] = MappingProxyType(
    {
        "exports": Topic(frozenset({"export", "approval"}), "readers"),
        "deliveries": Topic(frozenset({"delivery"}), "readers"),
        "artifacts": Topic(frozenset({"artifact"}), "readers"),
        "jobs": Topic(frozenset({"job", "jobs"}), "readers"),
        "runs": Topic(frozenset({"run"}), "readers"),
        "deadletters": Topic(frozenset({"letter"}), "readers"),
        "profiles": Topic(frozenset({"profile"}), "readers"),
        "schedules": Topic(frozenset({"schedule"}), "readers"),
        "limits": Topic(
            frozenset({"lane", "bucket", "retry_policy", "enqueue", "quota", "pause", "blackout", "breaker"}), "readers"
        ),
        "places": Topic(frozenset({"source", "destination"}), "inspectors"),
        "webhooks": Topic(frozenset({"webhook"}), "inspectors"),
        REST: Topic(frozenset(), "auditors"),  # whatever no other topic has: keys, tenants, refusals
    }
)
"""What can be followed; a type that nobody thought of here is for auditors alone."""


def topic_of(type: str) -> str:  # noqa: A002 - the entry's own word
    """
    Return the topic of a type of entry.

    >>> topic_of("export.completed"), topic_of("approval.requested"), topic_of("unheard.of")
    ('exports', 'exports', 'administration')
    """
    word = type.partition(".")[0]
    return next((name for name, topic in TOPICS.items() if word in topic.words), REST)


def types_of(topics: Iterable[str]) -> frozenset[str]:
    """Return the types of entries of these topics."""
    wanted = frozenset(topics)
    return frozenset(each for each in EVENT_TYPES if topic_of(each) in wanted)


@dataclass(frozen=True, slots=True)
class Wish:
    """What one follower wants: entries of these types, about one subject or about any."""

    types: frozenset[str]
    subject: str | None = None

    def wants(self, event: Event) -> bool:
        """Tell whether this event is wanted."""
        return event.type in self.types and (self.subject is None or event.subject == self.subject)


@dataclass(frozen=True)
class Event:
    """An entry on its way to who follows it; its JSON is written once, when somebody wants it."""

    id: int
    type: str
    subject: str
    line: bytes

    @cached_property
    def shown(self) -> dict[str, Any]:
        """Return what is told of it: the entry, without what the reader knows (its tenant)."""
        entry = json.loads(self.line)
        return {
            "id": self.id,
            "type": self.type,
            "topic": topic_of(self.type),
            "subject": self.subject,
            "at": entry["at"],
            "actor": entry["actor"],
            "rev": entry["rev"],
            "data": entry["data"],
        }

    @cached_property
    def json(self) -> bytes:
        """Return it as JSON, in one line."""
        return canonical.encode(self.shown)

    @cached_property
    def frame(self) -> bytes:
        """Return it as a server-sent event."""
        return b"id: %d\nevent: %b\ndata: %b\n\n" % (self.id, self.type.encode(), self.json)
