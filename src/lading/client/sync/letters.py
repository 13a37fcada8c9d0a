# ruff: noqa: UP028 - a loop over an async iterator has no `yield from`
# Made from lading/client/aio/letters.py by scripts/sync_client.py; change it there.
"""Dead letters through the API: seen, counted, requeued and closed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final, Literal
from urllib.parse import quote

from lading.client.sync.session import Session
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

    def page(self, *, limit: int = _PAGE, cursor: str | None = None, **filters: str | int | None) -> DeadLetterPage:
        """
        Return one page, newest job first.

        `filters` are `kind`, `source`, `code`, `fingerprint`, `state`, `died_from`, `died_to`, `older_than_seconds` and
        `newer_than_seconds`.
        """
        query = {"limit": limit, "cursor": cursor, **filters}
        return self._session.fetch(DeadLetterPage, "GET", f"{_API}/dead-letters", query=query)

    def list(self, **filters: str | int | None) -> Iterator[DeadLetter]:
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

    def stats(self) -> LetterStats:
        """Return the letters in numbers: open ones by kind, source, code and age, and how many died on which day."""
        return self._session.fetch(LetterStats, "GET", _path("dead-letters", "stats"))

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


def _path(*parts: str) -> str:
    return "/".join((_API, *(quote(part, safe="") for part in parts)))
