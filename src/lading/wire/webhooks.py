"""JSON shapes of webhooks in API v1; a secret is in the answer that makes it and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from lading.wire.exports import STRICT


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """
    Body of `POST /api/v1/webhooks` and `PUT /api/v1/webhooks/{id}`: an address, and what it is told.

    `topics` and `types` are those of events, without jobs, limits and webhooks.  `format` is standard or cloudevents.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    url: str
    topics: list[str] = field(default_factory=list[str])
    types: list[str] = field(default_factory=list[str])
    format: str = "standard"
    description: str = ""
    timeout_seconds: int = 15
    is_enabled: bool = True


@dataclass(frozen=True, slots=True)
class Webhook:
    """
    Who is called when something happens; `version` counts its changes and is its ETag.

    `disabled_because` is asked, gone (it answered 410) or failing (for five days).  `place` is the id of the last event
    that was decided for it.  Until `old_secret_until` the secret before signs as well.
    """

    id: str
    url: str
    topics: list[str]
    types: list[str]
    format: str
    description: str
    timeout_seconds: int
    is_enabled: bool
    disabled_because: str | None
    failing_since: str | None
    old_secret_until: str | None
    place: int
    version: int
    created_by: str
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class WebhookWithSecret:
    """A webhook and its secret (`whsec_…`), which is shown this once."""

    webhook: Webhook
    secret: str


@dataclass(frozen=True, slots=True)
class WebhookList:
    """The webhooks of a tenant, oldest first."""

    items: list[Webhook]


@dataclass(frozen=True, slots=True)
class SecretRotation:
    """Body of `POST /api/v1/webhooks/{id}/rotate-secret`: how long the old secret signs beside the new one."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    overlap_seconds: int = 86_400


@dataclass(frozen=True, slots=True)
class Message:
    """
    An event on its way to a webhook: pending, delivered, failed or cancelled.

    `id` is the `webhook-id` of every attempt; `event` is the id of the event, null for a test.  `status` is what the
    webhook answered last.
    """

    id: str
    event: int | None
    type: str
    subject: str
    state: str
    job: str
    attempts: int
    status: int | None
    error: str | None
    created_at: str
    tried_at: str | None
    ended_at: str | None


@dataclass(frozen=True, slots=True)
class MessagePage:
    """One page of what was told to a webhook, newest first."""

    items: list[Message]
    next_cursor: str | None = None
