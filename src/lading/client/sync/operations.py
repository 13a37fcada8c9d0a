# Made from lading/client/aio/operations.py by scripts/sync_client.py; change it there.
"""What holds jobs back, through the API: quotas, rates, pauses, breakers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final
from urllib.parse import quote

from lading.client.sync.session import Session
from lading.wire import limits as shapes
from lading.wire.call_quotas import CallQuota, CallQuotaList, CallQuotaRequest
from lading.wire.jobs import Grounds

_API: Final = "/api/v1"


class Limits:
    """What holds the jobs of one tenant back."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def quotas(self) -> Sequence[shapes.Quota]:
        """Return every quota and what runs under it."""
        return (self._session.fetch(shapes.QuotaList, "GET", f"{_API}/quotas")).items

    def set_quota(
        self,
        kind: str,
        *,
        max_active: int | None = None,
        max_per_hour: int | None = None,
        burst: int | None = None,
        reason: str,
        ticket: str | None = None,
    ) -> shapes.Quota:
        """Limit how many jobs of `kind` (`*`: of all kinds together) run at once and start per hour."""
        body = asdict(shapes.QuotaRequest(max_active, max_per_hour, burst, reason, ticket))
        return self._session.fetch(shapes.Quota, "PUT", _path("quotas", kind), body=body)

    def drop_quota(self, kind: str, *, reason: str, ticket: str | None = None) -> None:
        """Lift the quota of `kind`."""
        self._session.call("DELETE", _path("quotas", kind), body=asdict(Grounds(reason, ticket)))

    def call_quotas(self) -> Sequence[CallQuota]:
        """Return how many calls and exports may be asked for, and how many were."""
        return (self._session.fetch(CallQuotaList, "GET", f"{_API}/call-quotas")).items

    def set_call_quota(
        self,
        name: str,
        *,
        max_per_hour: int | None = None,
        max_per_day: int | None = None,
        max_waiting: int | None = None,
        reason: str,
        ticket: str | None = None,
    ) -> CallQuota:
        """Limit `export-calls` or `exports`; more are answered with 429."""
        body = asdict(CallQuotaRequest(max_per_hour, max_per_day, max_waiting, reason, ticket))
        return self._session.fetch(CallQuota, "PUT", _path("call-quotas", name), body=body)

    def drop_call_quota(self, name: str, *, reason: str, ticket: str | None = None) -> None:
        """Lift the limit on `export-calls` or `exports`."""
        self._session.call("DELETE", _path("call-quotas", name), body=asdict(Grounds(reason, ticket)))

    def rate_limits(self) -> Sequence[shapes.RateLimit]:
        """Return every rate limit as it stands now."""
        return (self._session.fetch(shapes.RateLimitList, "GET", f"{_API}/rate-limits")).items

    def set_rate_limit(
        self, source: str, *, rate: float, burst: float, reason: str, ticket: str | None = None
    ) -> shapes.RateLimit:
        """Let jobs on `source` start at most `rate` times a second, `burst` at once."""
        body = asdict(shapes.RateLimitRequest(rate, burst, reason, ticket))
        return self._session.fetch(shapes.RateLimit, "PUT", _path("rate-limits", source), body=body)

    def drop_rate_limit(self, source: str, *, reason: str, ticket: str | None = None) -> None:
        """Lift the rate limit of `source`."""
        self._session.call("DELETE", _path("rate-limits", source), body=asdict(Grounds(reason, ticket)))

    def pauses(self) -> Sequence[shapes.Pause]:
        """Return every stop that is not over, oldest first."""
        found: list[shapes.Pause] = []
        query: dict[str, Any] = {}
        while True:
            page = self._session.fetch(shapes.PauseList, "GET", f"{_API}/pauses", query=query)
            found += page.items
            if page.next_cursor is None:
                return found
            query["cursor"] = page.next_cursor

    def pause(
        self,
        scope: str,
        target: str = "",
        *,
        reason: str,
        ticket: str | None = None,
        starts_at: str | None = None,
        ends_at: str | None = None,
    ) -> shapes.Pause:
        """Stop a tenant (no target), source, kind or job; with `ends_at` only until then."""
        body: dict[str, Any] = asdict(shapes.PauseRequest(scope, target, reason, ticket, starts_at, ends_at))
        return self._session.fetch(shapes.Pause, "POST", f"{_API}/pauses", body=body)

    def resume(self, pause_id: str, *, reason: str, ticket: str | None = None) -> None:
        """Let what was stopped go on."""
        self._session.call("POST", _path("pauses", pause_id, "resume"), body=asdict(Grounds(reason, ticket)))

    def past_pauses(self, *, limit: int = 50, cursor: str | None = None) -> shapes.PauseList:
        """Return one page of the stops that are over, newest first, with who lifted them and why."""
        query = {"over": "true", "limit": limit, "cursor": cursor}
        return self._session.fetch(shapes.PauseList, "GET", f"{_API}/pauses", query=query)

    def throttles(self) -> Sequence[shapes.Throttle]:
        """Return the lanes that are held back now."""
        return (self._session.fetch(shapes.ThrottleList, "GET", f"{_API}/throttles")).items

    def breakers(self) -> Sequence[shapes.Breaker]:
        """Return every circuit breaker."""
        return (self._session.fetch(shapes.BreakerList, "GET", f"{_API}/breakers")).items


def _path(*parts: str) -> str:
    return "/".join((_API, *(quote(part, safe="") for part in parts)))
