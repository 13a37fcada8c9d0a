"""
A policy as values: rules about what may be exported, by whom and when.

Every rule only takes away: an export is allowed when no rule of any active policy objects to it, so that one rule more
never allows more.  `parse` turns a document into a `Policy` or raises PolicyInvalid; `policy_rules.judge` applies it.
The language, with an example to copy, is in docs/reference/policies.md.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

from lading.exports import policy_checks

Scalar: TypeAlias = str | int | bool

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EXPIRES_HOURS: Final = 72
_MIDNIGHT: Final = datetime.time()


@dataclass(frozen=True, slots=True)
class When:
    """Which exports a rule is about; an empty list means every one.  Names may hold `*`."""

    types: Sequence[str] = ()
    profiles: Sequence[str] = ()
    formats: Sequence[str] = ()
    destinations: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Places:
    """Where packages may be delivered: destinations by name and by kind, None means any."""

    names: Sequence[str] | None
    kinds: Sequence[str] | None
    is_required: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """What a parameter may be; of a list every item is looked at."""

    one_of: Sequence[Scalar] | None
    like: Sequence[str] | None
    at_least: int | None
    at_most: int | None
    max_items: int | None
    is_required: bool


@dataclass(frozen=True, slots=True)
class Hours:
    """
    When exports may be asked for, in the policy's zone.

    A span that goes over midnight belongs to the day it begins on; `start` = `end` is the whole day.
    """

    start: datetime.time
    end: datetime.time
    days: frozenset[int]


@dataclass(frozen=True, slots=True)
class Approval:
    """Who of another person may let the export run, and for how many hours that is waited for."""

    roles: Sequence[str]
    hours: int


@dataclass(frozen=True, slots=True)
class Rule:
    """What is demanded of exports that fit `when`, asked for in one of `roles` (empty: any); None demands nothing."""

    code: str
    reason: str | None
    roles: frozenset[str]
    when: When
    is_denied: bool
    types: Sequence[str] | None
    profiles: Sequence[str] | None
    formats: Sequence[str] | None
    destinations: Places | None
    parameters: Mapping[str, Choice]
    max_days: int | None
    max_days_back: int | None
    max_rows: int | None
    max_bytes: int | None
    hours: Hours | None
    is_encrypted: bool
    no_attachments: bool
    approval: Approval | None


@dataclass(frozen=True, slots=True)
class Policy:
    """A document that was found right, as one of its revisions."""

    name: str
    title: str
    zone: ZoneInfo
    rules: Sequence[Rule]
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Case:
    """What is judged: an export as it was asked for; of destinations the kinds, of the result what is known of it."""

    type: str
    profile: str
    format: str
    period_from: datetime.date
    period_to: datetime.date
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    destinations: Mapping[str, str] = field(default_factory=dict[str, str])
    is_encrypted: bool = False
    has_attachments: bool = False
    rows: int | None = None
    bytes: int | None = None


def parse(document: Mapping[str, Any], *, revision: int = 0) -> Policy:
    """Return the policy that `document` is; PolicyInvalid names each fault."""
    policy_checks.check(document)
    return Policy(
        name=document["policy"],
        title=document.get("title", document["policy"]),
        zone=ZoneInfo(document.get("timezone", "UTC")),
        rules=tuple(_rule(each) for each in document["rules"]),
        revision=revision,
    )


def _rule(given: Mapping[str, Any]) -> Rule:
    period: Mapping[str, Any] = given.get("period", {})
    return Rule(
        code=given["rule"],
        reason=given.get("reason"),
        roles=frozenset(given.get("roles", ())),
        when=When(**{name: tuple(names) for name, names in given.get("when", {}).items()}),
        is_denied=given.get("deny", False),
        types=given.get("types"),
        profiles=given.get("profiles"),
        formats=given.get("formats"),
        destinations=_places(given["destinations"]) if "destinations" in given else None,
        parameters={name: _choice(each) for name, each in given.get("parameters", {}).items()},
        max_days=period.get("max_days"),
        max_days_back=period.get("max_days_back"),
        max_rows=given.get("max_rows"),
        max_bytes=given.get("max_bytes"),
        hours=_hours(given["hours"]) if "hours" in given else None,
        is_encrypted=given.get("encrypted", False),
        no_attachments="attachments" in given,
        approval=_approval(given["approval"]) if "approval" in given else None,
    )


def _places(given: Mapping[str, Any]) -> Places:
    return Places(given.get("names"), given.get("kinds"), given.get("required", False))


def _choice(given: Mapping[str, Any]) -> Choice:
    return Choice(
        one_of=given.get("one_of"),
        like=given.get("like"),
        at_least=given.get("at_least"),
        at_most=given.get("at_most"),
        max_items=given.get("max_items"),
        is_required=given.get("required", False),
    )


def _hours(given: Mapping[str, Any]) -> Hours:
    days = given.get("days", WEEKDAYS)
    return Hours(
        start=datetime.time.fromisoformat(given.get("from", "00:00")),
        end=_MIDNIGHT if given.get("to", "24:00") == "24:00" else datetime.time.fromisoformat(given["to"]),
        days=frozenset(WEEKDAYS.index(day) for day in days),
    )


def _approval(given: Mapping[str, Any]) -> Approval:
    return Approval(tuple(given["roles"]), given.get("expires_after_hours", _EXPIRES_HOURS))
