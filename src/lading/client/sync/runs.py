# ruff: noqa: UP028 - a loop over an async iterator has no `yield from`
# Made from lading/client/aio/runs.py by scripts/sync_client.py; change it there.
"""Runs: graphs of jobs; make one, follow it, stop it, do a part of it again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final
from urllib.parse import quote

from lading import ids
from lading.client.sync.session import Session, clock
from lading.errors import WaitTimeout
from lading.wire import runs as shapes
from lading.wire.jobs import Grounds

_BASE: Final = "/api/v1/runs"
_PAGE: Final = 50
_NODE_PAGE: Final = 1000
_HOLD_SECONDS: Final = 20.0
_BREATH_SECONDS: Final = 0.2


class Runs:
    """The runs of one tenant."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def create(
        self, request: shapes.RunRequest | dict[str, Any], *, idempotency_key: str | None = None
    ) -> shapes.RunDetail:
        """Make a run; `request` may be the document itself, as somebody wrote it."""
        body = request if isinstance(request, dict) else asdict(request)
        key = idempotency_key or ids.show("idm", ids.new())
        return self._session.fetch(shapes.RunDetail, "POST", _BASE, body=body, idempotency_key=key)

    def page(
        self,
        *,
        state: Sequence[str] = (),
        name: str | None = None,
        limit: int = _PAGE,
        cursor: str | None = None,
    ) -> shapes.RunPage:
        """Return one page, newest first."""
        query = {"state": list(state), "name": name, "limit": limit, "cursor": cursor}
        return self._session.fetch(shapes.RunPage, "GET", _BASE, query=query)

    def list(self, *, state: Sequence[str] = (), name: str | None = None) -> Iterator[shapes.Run]:
        """Yield every run, newest first, page after page."""
        cursor: str | None = None
        while True:
            page = self.page(state=state, name=name, cursor=cursor)
            for run in page.items:
                yield run
            if page.next_cursor is None:
                return
            cursor = page.next_cursor

    def get(self, run_id: str) -> shapes.RunDetail:
        """Return the run with how many of its nodes are in which state."""
        return self._session.fetch(shapes.RunDetail, "GET", _path(run_id))

    def wait(self, run_id: str, *, timeout: float | None = None) -> shapes.RunDetail:
        """Return the run once it has ended; WaitTimeout after `timeout` seconds. It goes on at the server then."""
        until = None if timeout is None else clock() + timeout
        while True:
            left = float("inf") if until is None else until - clock()
            hold = max(0.0, min(_HOLD_SECONDS, left))
            query = {"wait": f"{hold:.1f}"} if hold else None
            response = self._session.call("GET", _path(run_id), query=query, hold_seconds=hold, within=left)
            run = self._session.read(shapes.RunDetail, response)
            if run.ended_at is not None:
                return run
            if until is not None and clock() >= until:
                raise WaitTimeout(
                    f"{run_id} did not end within {timeout:g} seconds; it goes on. "
                    f"Wait again with: lading runs wait {run_id}"
                )
            self._session.rest(_BREATH_SECONDS)

    def nodes(self, run_id: str, *, state: Sequence[str] = ()) -> Iterator[shapes.NodeState]:
        """Yield the nodes, parents before children, page after page."""
        query: dict[str, Any] = {"state": list(state), "limit": _NODE_PAGE}
        while True:
            page = self._session.fetch(shapes.NodePage, "GET", _path(run_id, "nodes"), query=query)
            for node in page.items:
                yield node
            if page.next_cursor is None:
                return
            query["cursor"] = page.next_cursor

    def dag(self, run_id: str) -> shapes.Dag:
        """Return the whole graph."""
        return self._session.fetch(shapes.Dag, "GET", _path(run_id, "dag"))

    def gantt(self, run_id: str) -> shapes.Gantt:
        """Return when each node ran."""
        return self._session.fetch(shapes.Gantt, "GET", _path(run_id, "gantt"))

    def critical_path(self, run_id: str) -> shapes.CriticalPath:
        """Return the chain of nodes that decides when the run ends."""
        return self._session.fetch(shapes.CriticalPath, "GET", _path(run_id, "critical-path"))

    def cancel(self, run_id: str, *, reason: str, ticket: str | None = None) -> shapes.RunDetail:
        """Cancel what waits and ask what runs to stop."""
        body = asdict(Grounds(reason, ticket))
        return self._session.fetch(shapes.RunDetail, "POST", _path(run_id, "cancel"), body=body)

    def replay(
        self,
        run_id: str,
        keys: Sequence[str] | None = None,
        *,
        reason: str,
        ticket: str | None = None,
        idempotency_key: str | None = None,
    ) -> shapes.RunDetail:
        """Do the nodes `keys` and all below them once more in a new run; None: every node that is not done."""
        body = {"from": "failed" if keys is None else [*keys], "reason": reason, "ticket": ticket}
        key = idempotency_key or ids.show("idm", ids.new())
        path = _path(run_id, "replay")
        return self._session.fetch(shapes.RunDetail, "POST", path, body=body, idempotency_key=key)


def _path(run_id: str, *rest: str) -> str:
    return "/".join((_BASE, *(quote(part, safe="") for part in (run_id, *rest))))
