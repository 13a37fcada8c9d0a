# ruff: noqa: UP028 - a loop over an async iterator has no `yield from`
# Made from lading/client/aio/policies.py by scripts/sync_client.py; change it there.
"""Policies through the API: what may be exported, and what they say of an export."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final
from urllib.parse import quote

from lading.client.sync.session import Session
from lading.wire.exports import ExportRequest
from lading.wire.jobs import Grounds
from lading.wire.policies import (
    Policy,
    PolicyActivateRequest,
    PolicyDiff,
    PolicyFindings,
    PolicyPage,
    PolicySummary,
    TryRequest,
    Verdict,
)
from lading.wire.profiles import Activation, ActivationList, DiffRequest, Revision, RevisionList, ValidateRequest

_BASE: Final = "/api/v1/policies"
_PAGE: Final = 50


class Policies:
    """The policies of one tenant and their revisions."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(self) -> Iterator[PolicySummary]:
        """Yield every policy, by name."""
        query: dict[str, Any] = {"limit": _PAGE}
        while True:
            page = self._session.fetch(PolicyPage, "GET", _BASE, query=query)
            for each in page.items:
                yield each
            if page.next_cursor is None:
                return
            query["cursor"] = page.next_cursor

    def get(self, name: str, *, revision: int | None = None) -> Policy:
        """Return a revision with its document; the active one if none is named, or the newest if none is active."""
        return self._session.fetch(Policy, "GET", _path(name), query={"revision": revision})

    def apply(
        self, name: str, document: Mapping[str, Any], *, activate: bool = False, version: int | None = None
    ) -> Policy:
        """Store `document` as a revision, unless it is one already, and activate it if asked to."""
        query = {"activate": "true" if activate else None}
        return self._session.put(Policy, _path(name), dict(document), version=version, query=query)

    def revisions(self, name: str, *, limit: int = 100) -> Sequence[Revision]:
        """Return the newest revisions, newest first."""
        path, query = _path(name, "revisions"), {"limit": limit}
        return (self._session.fetch(RevisionList, "GET", path, query=query)).items

    def activate(self, name: str, revision: int, *, reason: str, ticket: str | None = None) -> Policy:
        """Judge exports by `revision` from now on."""
        body = asdict(PolicyActivateRequest(revision, reason, ticket))
        return self._session.fetch(Policy, "POST", _path(name, "activate"), body=body)

    def deactivate(self, name: str, *, reason: str, ticket: str | None = None) -> Policy:
        """Judge exports by this policy no more."""
        body = asdict(Grounds(reason, ticket))
        return self._session.fetch(Policy, "POST", _path(name, "deactivate"), body=body)

    def rollback(self, name: str, *, reason: str, ticket: str | None = None) -> Policy:
        """Go back to what was before."""
        body = asdict(Grounds(reason, ticket))
        return self._session.fetch(Policy, "POST", _path(name, "rollback"), body=body)

    def history(self, name: str, *, limit: int = 100) -> Sequence[Activation]:
        """Return which revision was active when, newest first; 0 is that none was."""
        path, query = _path(name, "activations"), {"limit": limit}
        return (self._session.fetch(ActivationList, "GET", path, query=query)).items

    def validate(self, *, text: str | None = None, document: Mapping[str, Any] | None = None) -> PolicyFindings:
        """Return everything that is wrong with a document, or with the text of one."""
        body = asdict(ValidateRequest(None if document is None else dict(document), text))
        return self._session.fetch(PolicyFindings, "POST", _path("validate"), body=body)

    def diff(
        self,
        name: str,
        *,
        before: int | None = None,
        after: int | None = None,
        document: Mapping[str, Any] | None = None,
    ) -> PolicyDiff:
        """Return what changes from revision `before` (the active one) to `document` or `after` (the newest one)."""
        body = asdict(DiffRequest(before, after, None if document is None else dict(document)))
        return self._session.fetch(PolicyDiff, "POST", _path(name, "diff"), body=body)

    def test(self, name: str, request: TryRequest) -> Verdict:
        """Return what one policy, stored or not, says of an export; nothing is stored."""
        return self._session.fetch(Verdict, "POST", _path(name, "try"), body=asdict(request))

    def check(self, request: ExportRequest) -> Verdict:
        """Return what an export would come to, and what all active policies say of it; nothing is stored."""
        body = {name: value for name, value in asdict(request).items() if value is not None}
        return self._session.fetch(Verdict, "POST", "/api/v1/exports/check", body=body)


def _path(*parts: str) -> str:
    return "/".join((_BASE, *(quote(part, safe="") for part in parts)))
