"""Dead letters through the API: seen, counted, requeued and closed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from typing import Any, Final, Literal
from urllib.parse import quote

from lading.client.aio.session import Session
from lading.wire.jobs import Grounds
from lading.wire.letters import (
    BulkRequest,
    BulkResult,
    DeadLetter,
    DeadLetterPage,
    LetterCluster,
    LetterClusterList,
    LetterHealth,
    LetterStats,
)

_API: Final = "/api/v1"
_PAGE: Final = 50

Verb = Literal["requeue", "resolve", "discard"]


class DeadLetters:
    """The jobs of one tenant that nobody tries again without a person."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def page(
        self, *, limit: int = _PAGE, cursor: str | None = None, **filters: str | int | None
    ) -> DeadLetterPage:
        """
        Return one page, newest job first.

        `filters` are `kind`, `source`, `code`, `fingerprint`, `state`, `died_from`, `died_to`, `older_than_seconds` and
        `newer_than_seconds`.
        """
        query = {"limit": limit, "cursor": cursor, **filters}
        return await self._session.fetch(DeadLetterPage, "GET", f"{_API}/dead-letters", query=query)

    async def list(self, **filters: str | int | None) -> AsyncIterator[DeadLetter]:
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

    async def stats(self) -> LetterStats:
        """Return the letters in numbers: open ones by kind, source, code and age, and how many died on which day."""
        return await self._session.fetch(LetterStats, "GET", _path("dead-letters", "stats"))

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


def _path(*parts: str) -> str:
    return "/".join((_API, *(quote(part, safe="") for part in parts)))
