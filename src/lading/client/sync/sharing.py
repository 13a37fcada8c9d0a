# ruff: noqa: UP028 - a loop over an async iterator has no `yield from`
# Made from lading/client/aio/sharing.py by scripts/sync_client.py; change it there.
"""What an installation shares out, through the API: allocations of tenants and retry policies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Final
from urllib.parse import quote

from lading.client.sync.session import Session
from lading.wire import sharing as shapes
from lading.wire.jobs import Grounds

_API: Final = "/api/v1"
_PAGE: Final = 200


class Allocations:
    """What part of the installation each tenant has."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def page(self, *, limit: int = _PAGE, cursor: str | None = None) -> shapes.AllocationPage:
        """Return one page, by tenant."""
        query = {"limit": limit, "cursor": cursor}
        return self._session.fetch(shapes.AllocationPage, "GET", f"{_API}/allocations", query=query)

    def list(self) -> Iterator[shapes.Allocation]:
        """Yield every allocation that was set and this key may see, by tenant."""
        cursor: str | None = None
        while True:
            page = self.page(cursor=cursor)
            for allocation in page.items:
                yield allocation
            if page.next_cursor is None:
                return
            cursor = page.next_cursor

    def set(
        self,
        slug: str,
        strategy: str,
        *,
        value: int | None = None,
        max_queued: int | None = None,
        reason: str,
        ticket: str | None = None,
    ) -> shapes.Allocation:
        """Set the part of a tenant; for an admin of the instance."""
        body = asdict(shapes.AllocationRequest(strategy, value, max_queued, reason, ticket))
        return self._session.fetch(shapes.Allocation, "PUT", _path("allocations", slug), body=body)

    def reset(self, slug: str, *, reason: str, ticket: str | None = None) -> None:
        """Give a tenant equal turns and no limit of its own again."""
        self._session.call("DELETE", _path("allocations", slug), body=asdict(Grounds(reason, ticket)))


class RetryPolicies:
    """How failures are tried again, by class of fault."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(self) -> Sequence[shapes.RetryPolicy]:
        """Return the shipped policies and those that were set."""
        return (self._session.fetch(shapes.RetryPolicyList, "GET", f"{_API}/retry-policies")).items

    def set(
        self,
        fault_class: str,
        *,
        kind: str = "*",
        max_attempts: int,
        base_seconds: float,
        cap_seconds: float,
        reason: str,
        ticket: str | None = None,
    ) -> shapes.RetryPolicy:
        """Set the policy of a class of faults for a kind of job, or for all."""
        body = asdict(shapes.RetryPolicyRequest(max_attempts, base_seconds, cap_seconds, reason, ticket))
        path = _path("retry-policies", kind, fault_class)
        return self._session.fetch(shapes.RetryPolicy, "PUT", path, body=body)

    def reset(self, fault_class: str, *, kind: str = "*", reason: str, ticket: str | None = None) -> None:
        """Forget what was set for a class of faults and a kind of job."""
        path = _path("retry-policies", kind, fault_class)
        self._session.call("DELETE", path, body=asdict(Grounds(reason, ticket)))


def _path(*parts: str) -> str:
    return "/".join((_API, *(quote(part, safe="") for part in parts)))
