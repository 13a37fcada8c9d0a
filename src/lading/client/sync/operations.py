# ruff: noqa: UP028 - a loop over an async iterator has no `yield from`
# Made from lading/client/aio/operations.py by scripts/sync_client.py; change it there.
"""What an operator sees and steers through the API: jobs, dead letters and limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final, Literal
from urllib.parse import quote

from lading.client.sync.session import Session
from lading.wire import limits as shapes
from lading.wire.jobs import Grounds, Job, JobDetail, JobPage, PriorityRequest
from lading.wire.letters import (
    BulkRequest,
    BulkResult,
    DeadLetter,
    DeadLetterPage,
    LetterCluster,
    LetterClusterList,
    LetterHealth,
)

_API: Final = "/api/v1"
_PAGE: Final = 50

Verb = Literal["requeue", "resolve", "discard"]


class Jobs:
    """The jobs of one tenant, live and finished."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def page(
        self,
        *,
        state: Sequence[str] = (),
        kind: str | None = None,
        source: str | None = None,
        limit: int = _PAGE,
        cursor: str | None = None,
    ) -> JobPage:
        """Return one page, newest first."""
        query = {"state": list(state), "kind": kind, "source": source, "limit": limit, "cursor": cursor}
        return self._session.fetch(JobPage, "GET", f"{_API}/jobs", query=query)

    def list(self, *, state: Sequence[str] = (), kind: str | None = None, source: str | None = None) -> Iterator[Job]:
        """Yield every job, newest first, page after page."""
        cursor: str | None = None
        while True:
            page = self.page(state=state, kind=kind, source=source, cursor=cursor)
            for job in page.items:
                yield job
            if page.next_cursor is None:
                return
            cursor = page.next_cursor

    def get(self, job_id: str) -> JobDetail:
        """Return the job with its attempts."""
        return self._session.fetch(JobDetail, "GET", _path("jobs", job_id))

    def cancel(self, job_id: str, *, reason: str, ticket: str | None = None) -> JobDetail:
        """Cancel a job that waits, ask a running one to stop; the export it works for ends with it."""
        body = asdict(Grounds(reason, ticket))
        return self._session.fetch(JobDetail, "POST", _path("jobs", job_id, "cancel"), body=body)

    def prioritise(self, job_id: str, priority: int, *, reason: str, ticket: str | None = None) -> JobDetail:
        """Make a waiting job more (up to 100) or less (down to -100) urgent."""
        body = asdict(PriorityRequest(priority, reason, ticket))
        return self._session.fetch(JobDetail, "POST", _path("jobs", job_id, "prioritise"), body=body)


class DeadLetters:
    """The jobs of one tenant that nobody tries again without a person."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def page(self, *, limit: int = _PAGE, cursor: str | None = None, **filters: str | None) -> DeadLetterPage:
        """Return one page, newest job first; `filters` are `kind`, `source`, `code`, `fingerprint` and `state`."""
        query = {"limit": limit, "cursor": cursor, **filters}
        return self._session.fetch(DeadLetterPage, "GET", f"{_API}/dead-letters", query=query)

    def list(self, **filters: str | None) -> Iterator[DeadLetter]:
        """Yield every letter, newest job first; open ones unless `state` says otherwise, filtered like `page`."""
        query: dict[str, Any] = {"limit": _PAGE, **filters}
        while True:
            page = self._session.fetch(DeadLetterPage, "GET", f"{_API}/dead-letters", query=query)
            for letter in page.items:
                yield letter
            if page.next_cursor is None:
                return
            query["cursor"] = page.next_cursor

    def clusters(self) -> Sequence[LetterCluster]:
        """Return what open letters died of, most frequent first."""
        return (self._session.fetch(LetterClusterList, "GET", _path("dead-letters", "clusters"))).items

    def health(self) -> LetterHealth:
        """Return how many letters are open, and whether that is too many."""
        return self._session.fetch(LetterHealth, "GET", _path("dead-letters", "health"))

    def get(self, job_id: str) -> DeadLetter:
        """Return the letter of a job."""
        return self._session.fetch(DeadLetter, "GET", _path("dead-letters", job_id))

    def requeue(self, job_id: str, *, reason: str, ticket: str | None = None) -> DeadLetter:
        """Let the job live again under its id, with a fresh budget of attempts."""
        return self._close("requeue", job_id, reason, ticket)

    def resolve(self, job_id: str, *, reason: str, ticket: str | None = None) -> DeadLetter:
        """Close the letter: what it was about is settled."""
        return self._close("resolve", job_id, reason, ticket)

    def discard(self, job_id: str, *, reason: str, ticket: str | None = None) -> DeadLetter:
        """Close the letter: nobody will do it."""
        return self._close("discard", job_id, reason, ticket)

    def bulk(self, verb: Verb, request: BulkRequest) -> BulkResult:
        """Requeue, resolve or discard the open letters that `request` filters; with `dry_run` only count them."""
        return self._session.fetch(BulkResult, "POST", _path("dead-letters", verb), body=asdict(request))

    def _close(self, verb: Verb, job_id: str, reason: str, ticket: str | None) -> DeadLetter:
        body = asdict(Grounds(reason, ticket))
        return self._session.fetch(DeadLetter, "POST", _path("dead-letters", job_id, verb), body=body)


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
    ) -> shapes.Quota:
        """Limit how many jobs of `kind` run at once and start per hour."""
        body = asdict(shapes.QuotaRequest(max_active, max_per_hour, burst))
        return self._session.fetch(shapes.Quota, "PUT", _path("quotas", kind), body=body)

    def drop_quota(self, kind: str) -> None:
        """Lift the quota of `kind`."""
        self._session.call("DELETE", _path("quotas", kind))

    def rate_limits(self) -> Sequence[shapes.RateLimit]:
        """Return every rate limit as it stands now."""
        return (self._session.fetch(shapes.RateLimitList, "GET", f"{_API}/rate-limits")).items

    def set_rate_limit(self, source: str, *, rate: float, burst: float) -> shapes.RateLimit:
        """Let jobs on `source` start at most `rate` times a second, `burst` at once."""
        body = asdict(shapes.RateLimitRequest(rate, burst))
        return self._session.fetch(shapes.RateLimit, "PUT", _path("rate-limits", source), body=body)

    def drop_rate_limit(self, source: str) -> None:
        """Lift the rate limit of `source`."""
        self._session.call("DELETE", _path("rate-limits", source))

    def pauses(self) -> Sequence[shapes.Pause]:
        """Return every stop that is not over."""
        return (self._session.fetch(shapes.PauseList, "GET", f"{_API}/pauses")).items

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

    def throttles(self) -> Sequence[shapes.Throttle]:
        """Return the lanes that are held back now."""
        return (self._session.fetch(shapes.ThrottleList, "GET", f"{_API}/throttles")).items

    def breakers(self) -> Sequence[shapes.Breaker]:
        """Return every circuit breaker."""
        return (self._session.fetch(shapes.BreakerList, "GET", f"{_API}/breakers")).items


def _path(*parts: str) -> str:
    return "/".join((_API, *(quote(part, safe="") for part in parts)))
