"""Words that ledger lines commit to, through the API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from lading.client.aio.session import Session
from lading.wire.privacy import Erasure, Opening, OpeningPage

_API: Final = "/api/v1/privacy"


class Privacy:
    """The words that the ledger of one tenant commits to."""

    def __init__(self, session: Session) -> None:
        self._session: Final = session

    async def openings(self, *, first: int = 0, subject: str | None = None) -> AsyncIterator[Opening]:
        """Yield what was not erased, in the order of the entries, from the entry `first` on."""
        place: int | None = first
        while place is not None:
            query = {"first": str(place), **({} if subject is None else {"subject": subject})}
            page = await self._session.fetch(OpeningPage, "GET", f"{_API}/openings", query=query)
            for each in page.items:
                yield each
            place = page.next

    async def erase(
        self,
        *,
        subject: str | None = None,
        member: str | None = None,
        entry: int | None = None,
        reason: str,
        ticket: str | None = None,
    ) -> Erasure:
        """Erase the words of a subject, of and by a member, or of one entry; exactly one is given."""
        told = {"subject": subject, "member": member, "entry": entry, "reason": reason, "ticket": ticket}
        body = {name: value for name, value in told.items() if value is not None}
        return await self._session.fetch(Erasure, "POST", f"{_API}/erasures", body=body)
