"""
Sources as values: where rows come from, and what is found when one is tried.

A source never holds a secret: `credentials_ref` says where the secret is (`env:NAME` or `file:/path`), and
`sources/credentials` reads it at the last moment, in the process that connects.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Source:
    """One registered source of one tenant; `attachments_ref` is `file:/directory` or None."""

    tenant_id: UUID
    name: str
    kind: str
    credentials_ref: str
    attachments_ref: str | None = None
    timeout_seconds: int = 600
    version: int = 1


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
