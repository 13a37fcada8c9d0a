"""JSON shapes of words that ledger lines commit to: reading and erasing them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from lading.wire.exports import STRICT


@dataclass(frozen=True, slots=True)
class Opening:
    """
    Words that the entry at `index` commits to.

    `sd[path]` of its line is the base64 of the SHA-256 of `salt` (base64 of 32 bytes), `path` and `value`.
    """

    index: int
    subject: str
    path: str
    salt: str
    value: str


@dataclass(frozen=True, slots=True)
class OpeningPage:
    """Openings of a span of entries that were not erased; `next` is the entry to go on from, null at the end."""

    items: list[Opening]
    next: int | None = None


@dataclass(frozen=True, slots=True)
class ErasureRequest:
    """
    Body of `POST /api/v1/privacy/erasures`: exactly one of `subject`, `member` and `entry`, and why.

    `subject` is what entries are about (`exp_…`, `job_…`, `profile:name`, …).  `member` is a person: what was said
    about and by them.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    subject: str | None = None
    member: str | None = None
    entry: int | None = None
    reason: str = ""
    ticket: str | None = None


@dataclass(frozen=True, slots=True)
class Erasure:
    """How many openings were erased, and how many things showed such words."""

    erased: int
    copies: int = 0
