# ruff: noqa: UP028 - a loop over an async iterator has no `yield from`
# Made from lading/client/aio/retention.py by scripts/sync_client.py; change it there.
"""Retention through the API: how long exports are kept, and the legal holds that keep them beyond that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final
from urllib.parse import quote

from lading import ids
from lading.client.conditions import if_match
from lading.client.sync.session import Session
from lading.wire.jobs import Grounds
from lading.wire.retention import (
    Hold,
    HoldPage,
    HoldRequest,
    RetentionApplied,
    RetentionApplyRequest,
    RetentionRule,
    RetentionRuleList,
    RetentionRuleRequest,
)

_HOLDS: Final = "/api/v1/holds"
_RULES: Final = "/api/v1/retention-rules"
_PAGE: Final = 50


class Holds:
    """What may not be removed."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def place(self, request: HoldRequest, *, idempotency_key: str | None = None) -> Hold:
        """Keep an export, or all that a filter matches, until the hold is lifted."""
        key = idempotency_key or ids.show("idm", ids.new())
        return self._session.read(Hold, self._session.call("POST", _HOLDS, body=asdict(request), idempotency_key=key))

    def get(self, hold_id: str) -> Hold:
        """Return a hold, with how many exports it keeps now."""
        return self._session.fetch(Hold, "GET", _hold(hold_id))

    def list(self, *, lifted: bool = False, export: str | None = None) -> Iterator[Hold]:
        """Yield the holds, newest first; those that are lifted, or those that keep one export."""
        query: dict[str, Any] = {"lifted": "true" if lifted else None, "export": export, "limit": _PAGE}
        while True:
            page = self._session.fetch(HoldPage, "GET", _HOLDS, query=query)
            for hold in page.items:
                yield hold
            if page.next_cursor is None:
                return
            query["cursor"] = page.next_cursor

    def lift(self, hold_id: str, *, reason: str, ticket: str | None = None) -> Hold:
        """Let go what the hold kept."""
        return self._session.fetch(Hold, "POST", f"{_hold(hold_id)}/lift", body=asdict(Grounds(reason, ticket)))


class Retention:
    """How long the files of completed exports are kept."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def rules(self) -> RetentionRuleList:
        """Return the rules, the narrowest first."""
        return self._session.fetch(RetentionRuleList, "GET", _RULES)

    def list(self) -> Sequence[RetentionRule]:
        """Return the rules without what counts where there is none."""
        return (self.rules()).items

    def put(
        self, rule: str, *, days: int, reason: str, ticket: str | None = None, version: int | None = None
    ) -> RetentionRule:
        """Say how long exports are kept; `rule` is `tenant`, `profile:NAME` or `type:NAME`."""
        body = asdict(RetentionRuleRequest(days, reason, ticket))
        return self._session.put(RetentionRule, _rule(rule), body, version=version)

    def delete(self, rule: str, *, reason: str, ticket: str | None = None, version: int | None = None) -> None:
        """Let the next wider rule count again."""
        body = asdict(Grounds(reason, ticket))
        self._session.call("DELETE", _rule(rule), body=body, headers=if_match(version))

    def apply(self, *, reason: str = "", ticket: str | None = None, dry_run: bool = False) -> RetentionApplied:
        """Let the rules count for what was completed before, or only tell what that would change."""
        body = asdict(RetentionApplyRequest(reason, ticket, dry_run))
        return self._session.fetch(RetentionApplied, "POST", f"{_RULES}/apply", body=body)


def _hold(hold_id: str) -> str:
    return f"{_HOLDS}/{quote(hold_id, safe='')}"


def _rule(rule: str) -> str:
    return f"{_RULES}/{quote(rule, safe=':')}"
