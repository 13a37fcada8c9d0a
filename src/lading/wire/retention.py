"""JSON shapes of retention rules and legal holds in API v1: how long exports are kept, and what may not go at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from lading.wire.exports import STRICT


@dataclass(frozen=True, slots=True)
class RetentionRuleRequest:
    """Body of `PUT /api/v1/retention-rules/{rule}`: files of completed exports are kept for `days`, 1 to 36500."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    days: int
    reason: str = ""
    ticket: str | None = None


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """
    How long exports are kept; the narrowest rule counts: `profile`, then `type`, then `tenant`.

    `rule` is its name in paths (`profile:bufdir`, `type:snapshot`, `tenant`); `version` is its ETag.
    """

    rule: str
    scope: str
    target: str
    days: int
    reason: str
    ticket: str | None
    version: int
    set_at: str
    set_by: str


@dataclass(frozen=True, slots=True)
class RetentionRuleList:
    """The rules, the narrowest first; `default_days` count where no rule does."""

    items: list[RetentionRule]
    default_days: int


@dataclass(frozen=True, slots=True)
class RetentionApplyRequest:
    """Body of `POST /api/v1/retention-rules/apply`; a `dry_run` needs no reason and changes nothing."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    reason: str = ""
    ticket: str | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class RetentionApplied:
    """How many completed exports get another end by the rules as they are, and how many of them are over at once."""

    exports: int
    due: int
    dry_run: bool


@dataclass(frozen=True, slots=True)
class HoldRequest:
    """
    Body of `POST /api/v1/holds`: one `export`, or a filter of which everything given must match.

    Periods are days (`YYYY-MM-DD`) and match when they overlap; a bound that is left out is open.  `requested_by` is
    the id of who asked for the export.  A filter keeps also what is asked for later.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    export: str | None = None
    profile: str | None = None
    type: str | None = None
    requested_by: str | None = None
    period_from: str | None = None
    period_to: str | None = None
    reason: str = ""
    ticket: str | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold; `exports` is how many it keeps now, and null in lists."""

    id: str
    export: str | None
    profile: str | None
    type: str | None
    requested_by: str | None
    period_from: str | None
    period_to: str | None
    reason: str
    ticket: str | None
    placed_at: str
    placed_by: str
    lifted_at: str | None
    lifted_by: str | None
    lift_reason: str | None
    lift_ticket: str | None
    exports: int | None = None


@dataclass(frozen=True, slots=True)
class HoldPage:
    """One page of holds, newest first; `next_cursor` is absent at the end."""

    items: list[Hold]
    next_cursor: str | None = None
