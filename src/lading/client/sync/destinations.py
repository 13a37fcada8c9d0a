# Made from lading/client/aio/destinations.py by scripts/sync_client.py; change it there.
"""Destinations through the API: where packages are delivered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final
from urllib.parse import quote

from lading.client.conditions import if_match
from lading.client.sync.session import Session
from lading.wire.destinations import Destination, DestinationList, DestinationRequest
from lading.wire.exports import Delivery, DeliveryList
from lading.wire.jobs import Grounds
from lading.wire.sources import SourceReport

_BASE: Final = "/api/v1/destinations"


class Destinations:
    """The destinations of one tenant, and what is delivered there."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(self) -> Sequence[Destination]:
        """Return every destination, by name."""
        found: list[Destination] = []
        cursor = None
        while True:
            page = self.page(limit=200, cursor=cursor)
            found += page.items
            if (cursor := page.next_cursor) is None:
                return found

    def page(self, *, limit: int = 50, cursor: str | None = None) -> DestinationList:
        """Return one page of the destinations, by name."""
        return self._session.fetch(DestinationList, "GET", _BASE, query={"limit": limit, "cursor": cursor})

    def get(self, name: str) -> Destination:
        """Return one destination."""
        return self._session.fetch(Destination, "GET", _path(name))

    def put(self, name: str, request: DestinationRequest, *, version: int | None = None) -> Destination:
        """Store a destination, with `version` only over that one; credentials are references, never values."""
        return self._session.put(Destination, _path(name), asdict(request), version=version)

    def patch(self, name: str, changes: dict[str, Any], *, version: int | None = None) -> Destination:
        """Change a part of a destination (RFC 7396), with `version` only of that one."""
        return self._session.fetch(Destination, "PATCH", _path(name), body=changes, headers=if_match(version))

    def delete(self, name: str, *, reason: str, ticket: str | None = None, version: int | None = None) -> None:
        """Remove a destination that nothing is on its way to."""
        body = asdict(Grounds(reason, ticket))
        self._session.call("DELETE", _path(name), body=body, headers=if_match(version))

    def test(self, name: str) -> SourceReport:
        """Return what was found when the destination was tried."""
        return self._session.fetch(SourceReport, "POST", f"{_path(name)}/test")

    def deliveries(self, export_id: str) -> Sequence[Delivery]:
        """Return where the package of an export is, or is on its way to."""
        return (self._session.fetch(DeliveryList, "GET", _deliveries(export_id))).items

    def redeliver(self, export_id: str, name: str, *, reason: str, ticket: str | None = None) -> Delivery:
        """Bring the package of a completed export to a destination, once more or for the first time."""
        path = f"{_deliveries(export_id)}/{quote(name, safe='')}"
        return self._session.fetch(Delivery, "POST", path, body=asdict(Grounds(reason, ticket)))


def _path(name: str) -> str:
    return f"{_BASE}/{quote(name, safe='')}"


def _deliveries(export_id: str) -> str:
    return f"/api/v1/exports/{quote(export_id, safe='')}/deliveries"
