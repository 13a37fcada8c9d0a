# ruff: noqa: UP028 - a loop over an async iterator has no `yield from`
# Made from lading/client/aio/webhooks.py by scripts/sync_client.py; change it there.
"""Webhooks through the API: who is called when something happens, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final
from urllib.parse import quote

from lading.client.conditions import if_match
from lading.client.sync.session import Session
from lading.wire.jobs import Grounds
from lading.wire.webhooks import (
    Message,
    MessagePage,
    SecretRotation,
    Webhook,
    WebhookList,
    WebhookRequest,
    WebhookWithSecret,
)

_BASE: Final = "/api/v1/webhooks"
_PAGE: Final = 50


class Webhooks:
    """The webhooks of one tenant."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(self) -> Sequence[Webhook]:
        """Return every webhook."""
        return (self._session.fetch(WebhookList, "GET", _BASE)).items

    def get(self, webhook_id: str) -> Webhook:
        """Return one webhook."""
        return self._session.fetch(Webhook, "GET", _path(webhook_id))

    def create(self, request: WebhookRequest) -> WebhookWithSecret:
        """Add a webhook; keep the secret, it is not shown again."""
        return self._session.fetch(WebhookWithSecret, "POST", _BASE, body=asdict(request))

    def put(self, webhook_id: str, request: WebhookRequest, *, version: int | None = None) -> Webhook:
        """Change a webhook, with `version` only that one."""
        return self._session.fetch(Webhook, "PUT", _path(webhook_id), body=asdict(request), headers=if_match(version))

    def patch(self, webhook_id: str, changes: dict[str, Any], *, version: int | None = None) -> Webhook:
        """Change a part of a webhook (RFC 7396), with `version` only of that one."""
        return self._session.fetch(Webhook, "PATCH", _path(webhook_id), body=changes, headers=if_match(version))

    def delete(self, webhook_id: str, *, reason: str, ticket: str | None = None, version: int | None = None) -> None:
        """Remove a webhook and the log of its calls."""
        body = asdict(Grounds(reason, ticket))
        self._session.call("DELETE", _path(webhook_id), body=body, headers=if_match(version))

    def rotate_secret(self, webhook_id: str, *, overlap_seconds: int = 86_400) -> WebhookWithSecret:
        """Give a webhook a new secret; the old one signs beside it for so long."""
        body = asdict(SecretRotation(overlap_seconds))
        return self._session.fetch(WebhookWithSecret, "POST", _path(webhook_id, "rotate-secret"), body=body)

    def test(self, webhook_id: str) -> Message:
        """Call a webhook with a test."""
        return self._session.fetch(Message, "POST", _path(webhook_id, "test"))

    def deliveries(self, webhook_id: str, *, state: str | None = None) -> Iterator[Message]:
        """Yield what was told to a webhook, newest first, page after page."""
        query: dict[str, Any] = {"state": state, "limit": _PAGE}
        while True:
            page = self._session.fetch(MessagePage, "GET", _path(webhook_id, "deliveries"), query=query)
            for message in page.items:
                yield message
            if page.next_cursor is None:
                return
            query["cursor"] = page.next_cursor

    def redeliver(self, webhook_id: str, message_id: str, *, reason: str, ticket: str | None = None) -> Message:
        """Tell a webhook a message once more."""
        path = _path(webhook_id, "deliveries", message_id, "redeliver")
        return self._session.fetch(Message, "POST", path, body=asdict(Grounds(reason, ticket)))


def _path(webhook_id: str, *rest: str) -> str:
    return "/".join((_BASE, *(quote(part, safe="") for part in (webhook_id, *rest))))
