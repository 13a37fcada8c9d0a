"""What an operator sees and steers through the API: jobs, dead letters and limits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from typing import Any, Final, Literal
from urllib.parse import quote

from lading.client.aio.session import Session
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

    async def page(
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
        return await self._session.fetch(JobPage, "GET", f"{_API}/jobs", query=query)

    async def list(
        self, *, state: Sequence[str] = (), kind: str | None = None, source: str | None = None
    ) -> AsyncIterator[Job]:
        """Yield every job, newest first, page after page."""
        cursor: str | None = None
        while True:
            page = await self.page(state=state, kind=kind, source=source, cursor=cursor)
            for job in page.items:
                yield job
            if page.next_cursor is None:
                return
            cursor = page.next_cursor

    async def get(self, job_id: str) -> JobDetail:
        """Return the job with its attempts."""
        return await self._session.fetch(JobDetail, "GET", _path("jobs", job_id))

    async def cancel(self, job_id: str, *, reason: str, ticket: str | None = None) -> JobDetail:
        """Cancel a job that waits, ask a running one to stop; the export it works for ends with it."""
        body = asdict(Grounds(reason, ticket))
        return await self._session.fetch(JobDetail, "POST", _path("jobs", job_id, "cancel"), body=body)

    async def prioritise(self, job_id: str, priority: int, *, reason: str, ticket: str | None = None) -> JobDetail:
        """Make a waiting job more (up to 100) or less (down to -100) urgent."""
        body = asdict(PriorityRequest(priority, reason, ticket))
        return await self._session.fetch(JobDetail, "POST", _path("jobs", job_id, "prioritise"), body=body)


class DeadLetters:
    """The jobs of one tenant that nobody tries again without a person."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def page(self, *, limit: int = _PAGE, cursor: str | None = None, **filters: str | None) -> DeadLetterPage:
        """Return one page, newest job first; `filters` are `kind`, `source`, `code`, `fingerprint` and `state`."""
        query = {"limit": limit, "cursor": cursor, **filters}
        return await self._session.fetch(DeadLetterPage, "GET", f"{_API}/dead-letters", query=query)

    async def list(self, **filters: str | None) -> AsyncIterator[DeadLetter]:
        """Yield every letter, newest job first; open ones unless `state` says otherwise, filtered like `page`."""
        query: dict[str, Any] = {"limit": _PAGE, **filters}
        while True:
            page = await self._session.fetch(DeadLetterPage, "GET", f"{_API}/dead-letters", query=query)
            for letter in page.items:
                yield letter
            if page.next_cursor is None:
                return
            query["cursor"] = page.next_cursor

    async def clusters(self) -> Sequence[LetterCluster]:
        """Return what open letters died of, most frequent first."""
        return (await self._session.fetch(LetterClusterList, "GET", _path("dead-letters", "clusters"))).items

    async def health(self) -> LetterHealth:
        """Return how many letters are open, and whether that is too many."""
        return await self._session.fetch(LetterHealth, "GET", _path("dead-letters", "health"))

    async def get(self, job_id: str) -> DeadLetter:
        """Return the letter of a job."""
        return await self._session.fetch(DeadLetter, "GET", _path("dead-letters", job_id))

    async def requeue(self, job_id: str, *, reason: str, ticket: str | None = None) -> DeadLetter:
        """Let the job live again under its id, with a fresh budget of attempts."""
        return await self._close("requeue", job_id, reason, ticket)

    async def resolve(self, job_id: str, *, reason: str, ticket: str | None = None) -> DeadLetter:
        """Close the letter: what it was about is settled."""
        return await self._close("resolve", job_id, reason, ticket)

    async def discard(self, job_id: str, *, reason: str, ticket: str | None = None) -> DeadLetter:
        """Close the letter: nobody will do it."""
        return await self._close("discard", job_id, reason, ticket)

    async def bulk(self, verb: Verb, request: BulkRequest) -> BulkResult:
        """Requeue, resolve or discard the open letters that `request` filters; with `dry_run` only count them."""
        return await self._session.fetch(BulkResult, "POST", _path("dead-letters", verb), body=asdict(request))

    async def _close(self, verb: Verb, job_id: str, reason: str, ticket: str | None) -> DeadLetter:
        body = asdict(Grounds(reason, ticket))
        return await self._session.fetch(DeadLetter, "POST", _path("dead-letters", job_id, verb), body=body)


class Limits:
    """What holds the jobs of one tenant back."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def quotas(self) -> Sequence[shapes.Quota]:
        """Return every quota and what runs under it."""
        return (await self._session.fetch(shapes.QuotaList, "GET", f"{_API}/quotas")).items

    async def set_quota(
        self,
        kind: str,
        *,
        max_active: int | None = None,
        max_per_hour: int | None = None,
        burst: int | None = None,
    ) -> shapes.Quota:
        """Limit how many jobs of `kind` run at once and start per hour."""
        body = asdict(shapes.QuotaRequest(max_active, max_per_hour, burst))
        return await self._session.fetch(shapes.Quota, "PUT", _path("quotas", kind), body=body)

    async def drop_quota(self, kind: str) -> None:
        """Lift the quota of `kind`."""
        await self._session.call("DELETE", _path("quotas", kind))

    async def rate_limits(self) -> Sequence[shapes.RateLimit]:
        """Return every rate limit as it stands now."""
        return (await self._session.fetch(shapes.RateLimitList, "GET", f"{_API}/rate-limits")).items

    async def set_rate_limit(self, source: str, *, rate: float, burst: float) -> shapes.RateLimit:
        """Let jobs on `source` start at most `rate` times a second, `burst` at once."""
        body = asdict(shapes.RateLimitRequest(rate, burst))
        return await self._session.fetch(shapes.RateLimit, "PUT", _path("rate-limits", source), body=body)

    async def drop_rate_limit(self, source: str) -> None:
        """Lift the rate limit of `source`."""
        await self._session.call("DELETE", _path("rate-limits", source))

    async def pauses(self) -> Sequence[shapes.Pause]:
        """Return every stop that is not over."""
        return (await self._session.fetch(shapes.PauseList, "GET", f"{_API}/pauses")).items

    async def pause(
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
        return await self._session.fetch(shapes.Pause, "POST", f"{_API}/pauses", body=body)

    async def resume(self, pause_id: str, *, reason: str, ticket: str | None = None) -> None:
        """Let what was stopped go on."""
        await self._session.call("POST", _path("pauses", pause_id, "resume"), body=asdict(Grounds(reason, ticket)))

    async def throttles(self) -> Sequence[shapes.Throttle]:
        """Return the lanes that are held back now."""
        return (await self._session.fetch(shapes.ThrottleList, "GET", f"{_API}/throttles")).items

    async def breakers(self) -> Sequence[shapes.Breaker]:
        """Return every circuit breaker."""
        return (await self._session.fetch(shapes.BreakerList, "GET", f"{_API}/breakers")).items


def _path(*parts: str) -> str:
    return "/".join((_API, *(quote(part, safe="") for part in parts)))
