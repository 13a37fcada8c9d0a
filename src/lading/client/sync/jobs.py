# ruff: noqa: UP028 - a loop over an async iterator has no `yield from`
# Made from lading/client/aio/jobs.py by scripts/sync_client.py; change it there.
"""Jobs through the API: made, seen and steered, one by one or many by filter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final
from urllib.parse import quote

from lading import ids
from lading.client.polling import DEADLINE_SECONDS
from lading.client.sync.session import Session, clock
from lading.errors import WaitTimeout
from lading.wire.exports import History
from lading.wire.jobs import (
    ActionRequest,
    ActionResult,
    Grounds,
    Job,
    JobBatch,
    JobBatchRequest,
    JobDetail,
    JobPage,
    JobRequest,
    Kind,
    KindList,
    PriorityRequest,
    ReplayRequest,
)
from lading.wire.looks import interval

_API: Final = "/api/v1"
_PAGE: Final = 50
_ENDED: Final = frozenset({"completed", "dead", "cancelled"})
_HALF_WAY: Final = 50.0  # a job does not say how far it is


class Jobs:
    """The jobs of one tenant, live and finished."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def kinds(self) -> Sequence[Kind]:
        """Return the kinds of jobs, and which may be created directly."""
        return (self._session.fetch(KindList, "GET", f"{_API}/kinds")).items

    def create(self, request: JobRequest, *, idempotency_key: str | None = None) -> JobDetail:
        """Make a job; sending it again with the same key makes no second one."""
        return self._session.fetch(
            JobDetail, "POST", f"{_API}/jobs", body=asdict(request), idempotency_key=idempotency_key
        )

    def create_batch(self, requests: Sequence[JobRequest], *, idempotency_key: str | None = None) -> Sequence[str]:
        """Make up to 1000 jobs, all or none; return their ids in order."""
        body = asdict(JobBatchRequest(list(requests)))
        made = self._session.fetch(JobBatch, "POST", f"{_API}/jobs/batch", body=body, idempotency_key=idempotency_key)
        return made.jobs

    def page(
        self,
        *,
        state: Sequence[str] = (),
        kind: str | None = None,
        source: str | None = None,
        limit: int = _PAGE,
        cursor: str | None = None,
        **filters: str | None,
    ) -> JobPage:
        """
        Return one page, newest first.

        `filters` are `subject`, `run`, `code`, `created_from`, `created_to` and `quiet_seconds`.
        """
        query = {"state": list(state), "kind": kind, "source": source, "limit": limit, "cursor": cursor, **filters}
        return self._session.fetch(JobPage, "GET", f"{_API}/jobs", query=query)

    def list(
        self, *, state: Sequence[str] = (), kind: str | None = None, source: str | None = None, **filters: str | None
    ) -> Iterator[Job]:
        """Yield every job, newest first, page after page; filtered like `page`."""
        query: dict[str, Any] = {"state": [*state], "kind": kind, "source": source, "limit": _PAGE, **filters}
        while True:
            page = self._session.fetch(JobPage, "GET", f"{_API}/jobs", query=query)
            for job in page.items:
                yield job
            if page.next_cursor is None:
                return
            query["cursor"] = page.next_cursor

    def get(self, job_id: str) -> JobDetail:
        """Return the job with its attempts and payload."""
        return self._session.fetch(JobDetail, "GET", _path(job_id))

    def wait(
        self,
        job_id: str,
        *,
        timeout: float | None = DEADLINE_SECONDS,
        on_change: Callable[[JobDetail], None] | None = None,
    ) -> JobDetail:
        """
        Return the job once it is completed, dead or cancelled; WaitTimeout after `timeout` seconds (None: never).

        `on_change` is told of each state once.
        """
        until, looks, seen = None if timeout is None else clock() + timeout, 0, ""
        while True:
            within = float("inf") if until is None else until - clock()
            job, looks = self._session.fetch(JobDetail, "GET", _path(job_id), within=within), looks + 1
            if job.state != seen and on_change is not None:
                on_change(job)
            seen = job.state
            left = float("inf") if until is None else until - clock()
            if seen in _ENDED:
                return job
            if left <= 0:
                raise WaitTimeout(
                    f"{job_id} is {seen} after {timeout or 0:g} seconds; it goes on. "
                    f"Wait again with: lading jobs wait {job_id}"
                )
            self._session.rest(min(interval(looks, _HALF_WAY), left))

    def history(self, job_id: str) -> Sequence[Mapping[str, Any]]:
        """Return what the ledger says about the job, oldest first."""
        return (self._session.fetch(History, "GET", _path(job_id, "history"))).items

    def cancel(self, job_id: str, *, reason: str, ticket: str | None = None) -> JobDetail:
        """Cancel a job that waits, ask a running one to stop; the export it works for ends with it."""
        body = asdict(Grounds(reason, ticket))
        return self._session.fetch(JobDetail, "POST", _path(job_id, "cancel"), body=body)

    def prioritise(self, job_id: str, priority: int, *, reason: str, ticket: str | None = None) -> JobDetail:
        """Make a waiting job more (up to 100) or less (down to -100) urgent."""
        body = asdict(PriorityRequest(priority, reason, ticket))
        return self._session.fetch(JobDetail, "POST", _path(job_id, "prioritise"), body=body)

    def retry(self, job_id: str, *, reason: str, ticket: str | None = None) -> JobDetail:
        """Let a job that waits for its time or its retry run now; requeue one that is dead."""
        body = asdict(Grounds(reason, ticket))
        return self._session.fetch(JobDetail, "POST", _path(job_id, "retry"), body=body)

    def replay(self, job_id: str, *, reason: str, ticket: str | None = None, priority: int = 100) -> JobDetail:
        """Do an ended job once more, as a copy; return the copy."""
        body = asdict(ReplayRequest(reason, ticket, priority))
        return self._session.fetch(JobDetail, "POST", _path(job_id, "replay"), body=body)

    def steer(self, request: ActionRequest, *, idempotency_key: str | None = None) -> ActionResult:
        """
        Do one thing to the jobs that `request` filters, at most 1000; with `dry_run` only count them.

        What broke off goes on when it is sent again with the same key; no job is replayed twice.
        """
        key = idempotency_key or ids.show("idm", ids.new())
        return self._session.fetch(
            ActionResult, "POST", f"{_API}/jobs/actions", body=asdict(request), idempotency_key=key
        )


def _path(*parts: str) -> str:
    return "/".join((f"{_API}/jobs", *(quote(part, safe="") for part in parts)))
