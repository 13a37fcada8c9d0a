"""JSON shapes of events in API v1; a stream carries the same `Event` as the data of a server-sent event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

MEDIA_TYPE: Final = "text/event-stream"
RESET: Final = "reset"
BYE: Final = "bye"


@dataclass(frozen=True, slots=True)
class Event:
    """
    Something that happened to `subject`: an entry of the tenant's ledger.

    `id` counts the entries of the ledger from 1, so it grows and has no gap but those that were filtered out.
    """

    id: int
    type: str
    topic: str
    subject: str
    at: str
    actor: dict[str, str]
    rev: int | None
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class EventPage:
    """
    Events in order; ask again with `after` set to `next`.

    With `reset` the place that was asked for is unknown here or too far back: look at everything again, then go on.
    """

    items: list[Event]
    next: int
    reset: bool = False
