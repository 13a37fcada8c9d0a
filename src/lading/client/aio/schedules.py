"""Schedules through the API: what is made by the clock, and what became of each slot."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from typing import Any, Final
from urllib.parse import quote

from lading import ids
from lading.client.aio.session import Session
from lading.client.conditions import if_match
from lading.wire import schedules as shapes
from lading.wire.jobs import Grounds

_BASE: Final = "/api/v1/schedules"
_PAGE: Final = 50


class Schedules:
    """The schedules of one tenant."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def page(
        self,
        *,
        paused: bool | None = None,
        failing: bool | None = None,
        limit: int = _PAGE,
        cursor: str | None = None,
    ) -> shapes.SchedulePage:
        """Return one page, by name; `paused` and `failing` choose those that are, or those that are not."""
        query = {"paused": _word(paused), "failing": _word(failing), "limit": limit, "cursor": cursor}
        return await self._session.fetch(shapes.SchedulePage, "GET", _BASE, query=query)

    async def list(self, *, paused: bool | None = None, failing: bool | None = None) -> AsyncIterator[shapes.Schedule]:
        """Yield every schedule, by name, page after page."""
        cursor: str | None = None
        while True:
            page = await self.page(paused=paused, failing=failing, cursor=cursor)
            for schedule in page.items:
                yield schedule
            if page.next_cursor is None:
                return
            cursor = page.next_cursor

    async def get(self, name: str) -> shapes.Schedule:
        """Return one schedule."""
        return await self._session.fetch(shapes.Schedule, "GET", _path(name))

    async def put(
        self, name: str, request: shapes.ScheduleRequest | dict[str, Any], *, version: int | None = None
    ) -> shapes.Schedule:
        """Store a schedule, with `version` only over that one; `request` may be the document as somebody wrote it."""
        body = request if isinstance(request, dict) else asdict(request)
        return await self._session.put(shapes.Schedule, _path(name), body, version=version)

    async def patch(self, name: str, changes: dict[str, Any], *, version: int | None = None) -> shapes.Schedule:
        """Change a part of a schedule (RFC 7396), with `version` only of that one."""
        return await self._session.fetch(shapes.Schedule, "PATCH", _path(name), body=changes, headers=if_match(version))

    async def delete(self, name: str, *, reason: str, ticket: str | None = None, version: int | None = None) -> None:
        """Remove a schedule; what it made stays."""
        body = asdict(Grounds(reason, ticket))
        await self._session.call("DELETE", _path(name), body=body, headers=if_match(version))

    async def pause(self, name: str, *, reason: str, ticket: str | None = None) -> shapes.Schedule:
        """Let no slot come until it is resumed."""
        return await self._session.fetch(
            shapes.Schedule, "POST", f"{_path(name)}/pause", body=asdict(Grounds(reason, ticket))
        )

    async def resume(self, name: str, *, reason: str, ticket: str | None = None) -> shapes.Schedule:
        """Let slots come again, from the next one on."""
        return await self._session.fetch(
            shapes.Schedule, "POST", f"{_path(name)}/resume", body=asdict(Grounds(reason, ticket))
        )

    async def run(
        self, name: str, *, reason: str, ticket: str | None = None, idempotency_key: str | None = None
    ) -> shapes.Slot:
        """Make the work of a slot that is now."""
        key = idempotency_key or ids.show("idm", ids.new())
        body = asdict(Grounds(reason, ticket))
        return await self._session.fetch(shapes.Slot, "POST", f"{_path(name)}/run", body=body, idempotency_key=key)

    async def preview(self, name: str, *, count: int = 10) -> shapes.Preview:
        """Return when a schedule fires next."""
        return await self._session.fetch(shapes.Preview, "GET", f"{_path(name)}/preview", query={"count": count})

    async def preview_document(
        self, request: shapes.ScheduleRequest | dict[str, Any], *, count: int = 10
    ) -> shapes.Preview:
        """Return when a schedule that is not stored would fire."""
        body = request if isinstance(request, dict) else asdict(request)
        return await self._session.fetch(shapes.Preview, "POST", f"{_BASE}/preview", body=body, query={"count": count})

    async def slot_page(
        self, name: str, *, outcome: Sequence[str] = (), limit: int = _PAGE, cursor: str | None = None
    ) -> shapes.SlotPage:
        """Return one page of what became of the slots, newest first."""
        query = {"outcome": list(outcome), "limit": limit, "cursor": cursor}
        return await self._session.fetch(shapes.SlotPage, "GET", f"{_path(name)}/slots", query=query)

    async def slots(self, name: str, *, outcome: Sequence[str] = ()) -> AsyncIterator[shapes.Slot]:
        """Yield what became of every slot, newest first, page after page."""
        cursor: str | None = None
        while True:
            page = await self.slot_page(name, outcome=outcome, cursor=cursor)
            for slot in page.items:
                yield slot
            if page.next_cursor is None:
                return
            cursor = page.next_cursor


def _path(name: str) -> str:
    return f"{_BASE}/{quote(name, safe='')}"


def _word(chosen: bool | None) -> str | None:  # noqa: FBT001 - the value of a filter
    return None if chosen is None else str(chosen).lower()
