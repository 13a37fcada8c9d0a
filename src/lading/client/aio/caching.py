"""
A session that may answer from `client.cache`, for whoever made a client with one.

Only derived answers are kept, and only those that `derived` is called for.  Every change that goes through such a
session drops what was made from what it changes; an answer with an ETag is served only after the server said that it
still holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, TypeVar

import httpx2

from lading.client.aio.ground import in_thread
from lading.client.aio.session import Session
from lading.client.cache import Cache, Request
from lading.errors import StorageFailed

T = TypeVar("T")

_API: Final = "/api/v1/"
_READING: Final = frozenset({"diff", "preview", "validate", "try", "check", "test"})


class CachingSession(Session):
    """A session with a cache beside it."""

    def __init__(self, cache: Cache, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.cache = cache

    async def call(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Return the answer of the server; what it changes is dropped from the cache, however it was answered."""
        try:
            return await super().call(method, path, **options)
        finally:
            if names := changed_by(method, path):
                await in_thread(self.cache.changed, self.target, names)


async def derived(
    session: Session,
    shape: type[T],
    method: str,
    path: str,
    *,
    name: str,
    query: Mapping[str, Any] | None = None,
    body: Any = None,
    needs: tuple[str, ...] = (),
    needs_of: Callable[[T], tuple[str, ...]] | None = None,
) -> T:
    """
    Return the answer to a request that changes nothing, from the cache of `session` if it has one that holds it.

    `name` is what the answer is called, `needs` and what `needs_of` says of it is what it is made from.
    """
    if not isinstance(session, CachingSession):
        return await session.fetch(shape, method, path, query=query, body=body)
    request = Request(name, method, path, query, body, needs)
    found = await in_thread(session.cache.find, session.target, request)
    if found is not None and found[0].etag is None:
        return session.read(shape, httpx2.Response(200, json=found[1]))
    headers = {"If-None-Match": found[0].etag} if found is not None and found[0].etag is not None else None
    response = await session.call(method, path, query=query, body=body, headers=headers)
    if found is not None and response.status_code == 304:
        return session.read(shape, httpx2.Response(200, json=found[1]))
    answer = session.read(shape, response)
    kept = replace(request, needs=(*needs, *(needs_of(answer) if needs_of else ())))
    # The answer is here; that it can't be kept is no reason to withhold it.
    with suppress(StorageFailed):
        await in_thread(session.cache.store, session.target, kept, response.json(), etag=response.headers.get("ETag"))
    return answer


def is_kept(session: Session) -> bool:
    """Tell whether answers of `session` are kept."""
    return isinstance(session, CachingSession)


def changed_by(method: str, path: str) -> list[str]:
    """
    Return the names of what a call changes: the thing its path begins with, none for one that only reads.

    >>> changed_by("PUT", "/api/v1/sources/members"), changed_by("POST", "/api/v1/profiles/bufdir/activate")
    (['sources/members'], ['profiles/bufdir'])
    >>> changed_by("POST", "/api/v1/profiles/bufdir/preview"), changed_by("GET", "/api/v1/sources/members")
    ([], [])
    """
    parts = path.removeprefix(_API).split("/")
    if method in {"GET", "HEAD"} or parts[-1] in _READING:
        return []
    return ["/".join(parts[:2])]
