"""
Sources as values: where rows come from, what is asked of them, and what is found when one is tried.

A source never holds a secret: `credentials_ref` says where the secret is (`env:NAME`, `file:/path`, …), and
`sources/credentials` reads it at the last moment, in the process that connects.  Pure and light: the API loads this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Source:
    """
    One registered source of one tenant.

    `options` say where its rows lie, in the words of its kind (`sources/options`); `attachments_ref` is
    `file:/directory` or None.
    """

    tenant_id: UUID
    name: str
    kind: str
    credentials_ref: str | None = None
    attachments_ref: str | None = None
    timeout_seconds: int = 600
    version: int = 1
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows are wanted, as the profile writes it: one of a query, files to read, a request, a remote export."""

    query: str | None = None
    read: Mapping[str, Any] | None = None
    request: Mapping[str, Any] | None = None
    remote: Mapping[str, Any] | None = None

    @property
    def way(self) -> str:
        """Return the word of the profile: query, read, request or remote."""
        ways = {"query": self.query, "read": self.read, "request": self.request}
        return next((way for way, given in ways.items() if given is not None), "remote")


@dataclass(frozen=True, slots=True)
class KeyRange:
    """
    The rows whose key lies above `low` and not above `high`; None is no bound.

    A bound has a value for each column of the key, as text that the source itself wrote.  Ranges of which each begins
    where the one before ends leave no row out and have none twice, whatever is written while they are read.
    """

    low: tuple[str, ...] | None = None
    high: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Size:
    """How large a part of a source is to be: about so many `rows`, or the share of one of `count` parts."""

    rows: int | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Rewrite:
    """One column that is not read as it stands; the manifest tells of it."""

    column: str
    type: str
    read_as: str


@dataclass(frozen=True, slots=True)
class Check:
    """One finding of a trial; `detail` is a sentence, with the mend when `is_ok` is false."""

    name: str
    is_ok: bool
    detail: str
