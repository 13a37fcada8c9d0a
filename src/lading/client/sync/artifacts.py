# ruff: noqa: UP028 - a loop over an async iterator has no `yield from`
# Made from lading/client/aio/artifacts.py by scripts/sync_client.py; change it there.
"""The artifact registry through the API: what is stored, what it was made of, whether it is whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from lading.client.partial import Version
from lading.client.sync.download import download
from lading.client.sync.exports import file_name
from lading.client.sync.session import Session
from lading.wire.artifacts import (
    ArtifactPage,
    Collection,
    CollectionRequest,
    PublishedArtifact,
    StoredContent,
    Verification,
)
from lading.wire.exports import Artifact

_BASE: Final = "/api/v1/artifacts"
_PAGE: Final = 50


class Artifacts:
    """The stored files of one tenant, by their digests."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def page(self, *, limit: int = _PAGE, cursor: str | None = None, **filters: str | None) -> ArtifactPage:
        """
        Return one page, files of the newest export first.

        `filters` are `digest`, `export`, `media_type`, `created_from` and `created_to` (instants as RFC 3339).
        """
        query = {"limit": limit, "cursor": cursor, **filters}
        return self._session.fetch(ArtifactPage, "GET", _BASE, query=query)

    def list(self, **filters: str | None) -> Iterator[PublishedArtifact]:
        """Yield every published file, filtered like `page`."""
        query: dict[str, Any] = {"limit": _PAGE, **filters}
        while True:
            page = self._session.fetch(ArtifactPage, "GET", _BASE, query=query)
            for artifact in page.items:
                yield artifact
            if page.next_cursor is None:
                return
            query["cursor"] = page.next_cursor

    def get(self, digest: str) -> StoredContent:
        """Return what is known of some content: its state, where it is used, what went into it."""
        return self._session.fetch(StoredContent, "GET", _path(digest))

    def download(
        self, content: StoredContent, folder: Path, *, on_bytes: Callable[[int, int | None], None] | None = None
    ) -> Path:
        """Return the path of the content in `folder`, under the name of its newest use, whole and checked."""
        return download(
            self._session,
            _path(content.sha256, "content"),
            folder / _name(content),
            wanted=Version(size=content.size, sha256=content.sha256),
            on_bytes=on_bytes,
        )

    def verify(self) -> Iterator[Verification]:
        """Let the server read every stored file again, portion by portion, and yield what each found."""
        cursor: str | None = None
        while True:
            query = {"limit": _PAGE, "cursor": cursor}
            found = self._session.fetch(Verification, "GET", f"{_BASE}/verification", query=query)
            yield found
            if found.next_cursor is None:
                return
            cursor = found.next_cursor

    def collect(self, *, reason: str = "", ticket: str | None = None, dry_run: bool = False) -> Collection:
        """Take away now what nothing points at; with `dry_run` only count it."""
        body = asdict(CollectionRequest(reason, ticket, dry_run))
        return self._session.fetch(Collection, "POST", f"{_BASE}/collect", body=body)


def _name(content: StoredContent) -> str:
    if not content.uses:
        return content.sha256
    used = content.uses[0].published
    return file_name(Artifact(used.name, used.media_type, used.size, used.sha256, used.href))


def _path(*parts: str) -> str:
    return "/".join((_BASE, *(quote(part, safe="") for part in parts)))
