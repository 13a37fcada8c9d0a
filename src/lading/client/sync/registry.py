# ruff: noqa: UP028 - a loop over an async iterator has no `yield from`
# Made from lading/client/aio/registry.py by scripts/sync_client.py; change it there.
"""Profiles, sources and the ledger through the API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx2

from lading.client import faults
from lading.client.conditions import if_match
from lading.client.sync.caching import derived, is_kept
from lading.client.sync.session import Session
from lading.wire.jobs import Grounds
from lading.wire.ledger import ExtractManifest, Head
from lading.wire.profiles import (
    Activation,
    ActivationList,
    Diff,
    DiffRequest,
    Findings,
    Preview,
    PreviewRequest,
    Profile,
    ProfileList,
    ProfileSummary,
    Revision,
    RevisionList,
    ValidateRequest,
)
from lading.wire.sources import Source, SourceList, SourceReport, SourceRequest

_API: Final = "/api/v1"
_LINES: Final = 1000


class Profiles:
    """The profiles of one tenant and their revisions."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(self) -> Sequence[ProfileSummary]:
        """Return every profile."""
        return (self._session.fetch(ProfileList, "GET", f"{_API}/profiles")).items

    def get(self, name: str, *, revision: int | None = None) -> Profile:
        """Return a revision with its document; the active one if none is named."""
        path, called = f"{_API}/profiles/{_part(name)}", f"profiles/{_part(name)}"
        return derived(
            self._session, Profile, "GET", path, name=called, query={"revision": revision}, needs_of=_sources
        )

    def apply(self, name: str, document: Mapping[str, Any], *, activate: bool = False) -> Profile:
        """Store `document` as a revision, unless the newest one is the same, and activate it if asked to."""
        path, query = f"{_API}/profiles/{_part(name)}", {"activate": "true" if activate else None}
        return self._session.fetch(Profile, "PUT", path, query=query, body=dict(document))

    def revisions(self, name: str) -> Sequence[Revision]:
        """Return the revisions, newest first."""
        path = f"{_API}/profiles/{_part(name)}/revisions"
        return (self._session.fetch(RevisionList, "GET", path)).items

    def activate(self, name: str, revision: int) -> None:
        """Let exports use `revision` from now on."""
        path = f"{_API}/profiles/{_part(name)}/activate"
        self._session.call("POST", path, body={"revision": revision})

    def rollback(self, name: str, *, reason: str, ticket: str | None = None) -> Profile:
        """Go back to the revision that was active before."""
        path = f"{_API}/profiles/{_part(name)}/rollback"
        return self._session.fetch(Profile, "POST", path, body=asdict(Grounds(reason, ticket)))

    def history(self, name: str, *, limit: int = 100) -> Sequence[Activation]:
        """Return which revision was active when, newest first."""
        path = f"{_API}/profiles/{_part(name)}/activations"
        return (self._session.fetch(ActivationList, "GET", path, query={"limit": limit})).items

    def validate(self, *, text: str | None = None, document: Mapping[str, Any] | None = None) -> Findings:
        """Return everything that is wrong with a document, or with the text of one."""
        body = asdict(ValidateRequest(None if document is None else dict(document), text))
        return self._session.fetch(Findings, "POST", f"{_API}/profiles/validate", body=body)

    def diff(
        self,
        name: str,
        *,
        before: int | None = None,
        after: int | None = None,
        document: Mapping[str, Any] | None = None,
    ) -> Diff:
        """Return what changes from revision `before` (the active one) to `document` or `after` (the newest one)."""
        body = asdict(DiffRequest(before, after, None if document is None else dict(document)))
        path, called = f"{_API}/profiles/{_part(name)}/diff", f"profiles/{_part(name)}"
        return derived(self._session, Diff, "POST", path, name=f"{called}/diff", body=body, needs=(called,))

    def preview(self, name: str, request: PreviewRequest) -> Preview:
        """Return what becomes of the first rows of the source; nothing is stored."""
        path = f"{_API}/profiles/{_part(name)}/preview"
        called = f"profiles/{_part(name)}"
        needs = (called, *_source(request.document or {}))
        if is_kept(self._session) and request.document is None:
            needs = (called, *_sources(self.get(name, revision=request.revision)))
        return derived(
            self._session, Preview, "POST", path, name=f"{called}/preview", body=asdict(request), needs=needs
        )


class Sources:
    """The sources of one tenant."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(self) -> Sequence[Source]:
        """Return every source."""
        return (self._session.fetch(SourceList, "GET", f"{_API}/sources")).items

    def get(self, name: str) -> Source:
        """Return one source."""
        path, called = f"{_API}/sources/{_part(name)}", f"sources/{_part(name)}"
        return derived(self._session, Source, "GET", path, name=called)

    def apply(self, name: str, request: SourceRequest, *, version: int | None = None) -> Source:
        """Store a source, with `version` only over that one; credentials are references, never values."""
        return self._session.put(Source, f"{_API}/sources/{_part(name)}", asdict(request), version=version)

    def patch(self, name: str, changes: dict[str, Any], *, version: int | None = None) -> Source:
        """Change a part of a source (RFC 7396), with `version` only of that one."""
        return self._session.fetch(
            Source, "PATCH", f"{_API}/sources/{_part(name)}", body=changes, headers=if_match(version)
        )

    def delete(self, name: str, *, reason: str, ticket: str | None = None, version: int | None = None) -> None:
        """Remove a source that no active profile reads and no live job calls."""
        body = asdict(Grounds(reason, ticket))
        self._session.call("DELETE", f"{_API}/sources/{_part(name)}", body=body, headers=if_match(version))

    def test(self, name: str) -> SourceReport:
        """Return what a login to the source found."""
        return self._session.fetch(SourceReport, "POST", f"{_API}/sources/{_part(name)}/test")


class Ledger:
    """The ledger of one tenant, as the bytes that were hashed and signed."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def head(self) -> Head:
        """Return the newest signed head."""
        return self._session.fetch(Head, "GET", f"{_API}/ledger/head")

    def lines(self, *, first: int = 0, until: int | None = None) -> Iterator[bytes]:
        """Yield the lines from index `first` on, before index `until`, without their newlines."""
        while until is None or first < until:
            limit = _LINES if until is None else min(_LINES, until - first)
            query = {"first": str(first), "limit": limit}
            answer = self._session.call("GET", f"{_API}/ledger/entries", query=query)
            lines = answer.content.split(b"\n")
            if lines.pop():
                raise faults.unreadable(self._session.target.url, ValueError("the last ledger line was cut"))
            for line in lines:
                yield line
            if not lines:
                return
            first += len(lines)

    def extract(self, start: str, end: str, *, format: str = "ndjson") -> Iterator[bytes]:  # noqa: A002 - the word of the API
        """Yield the bytes of the entries from instant `start` to before `end`, as ndjson, json or csv."""
        path = f"{_API}/ledger/extract?{urlencode({'from': start, 'to': end, 'format': format})}"
        try:
            with self._session.stream(path, headers={}, accept=frozenset({200})) as response:
                for chunk in response.iter_raw():
                    yield chunk
        except httpx2.TransportError as error:
            raise faults.unreachable(self._session.target.url, error) from error

    def extract_manifest(self, start: str, end: str, *, format: str = "ndjson") -> ExtractManifest:  # noqa: A002 - the word of the API
        """Return how many entries the same extract has, and the SHA-256 of its bytes."""
        query = {"from": start, "to": end, "format": format}
        return self._session.fetch(ExtractManifest, "GET", f"{_API}/ledger/extract/manifest", query=query)

    def trust(self) -> bytes:
        """Return the instance's trust file: its public keys, to be pinned by another way before they are believed."""
        return (self._session.call("GET", f"{_API}/keys/trust")).content

    def keyring(self) -> bytes:
        """Return the instance's keyring: what became of its signing keys, signed by those keys."""
        return (self._session.call("GET", f"{_API}/keys/keyring")).content


def _part(text: str) -> str:
    return quote(text, safe="")


def _sources(profile: Profile) -> tuple[str, ...]:
    return _source(profile.document)


def _source(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what the source that a profile reads is called in a cache, if it says one."""
    source = document.get("source")
    name = source.get("name") if isinstance(source, Mapping) else None
    return (f"sources/{_part(name)}",) if isinstance(name, str) else ()
