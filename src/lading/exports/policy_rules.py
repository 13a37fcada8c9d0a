"""
Whether policies allow an export: values in, a Verdict out; no database, no clock.

Every rule that objects is named, in the order of the policies' names and of their rules; the first one is told first.
Names are compared with patterns in which `*` is any text.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lading.errors import PolicyDenied, Violation
from lading.exports.policy import WEEKDAYS, Case, Choice, Hours, Policy, Rule

_DAY: Final = datetime.timedelta(days=1)
_SHOWN: Final = 60
_LISTED: Final = 6
Objection = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Moment:
    """As whom and when an export is asked for; the role None, of whom nothing is known, is meant by every rule."""

    role: str | None
    at: datetime.datetime


@dataclass(frozen=True, slots=True)
class Demand:
    """A rule that asks for the word of a second person, who must have one of `roles`, within so many hours."""

    policy: str
    revision: int
    rule: str
    roles: Sequence[str]
    hours: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What policies say of an export: allowed if nothing is violated, once every demanded approval is there."""

    violations: Sequence[Violation] = ()
    demands: Sequence[Demand] = ()

    @property
    def is_allowed(self) -> bool:
        """Return True when no rule objects."""
        return not self.violations

    @property
    def needs_approval(self) -> bool:
        """Return True when a second person is asked."""
        return bool(self.demands)

    @property
    def roles(self) -> Sequence[str]:
        """Return the roles of which one is enough for every rule that asks for an approval."""
        first, *others = [each.roles for each in self.demands] or [()]
        return [role for role in first if all(role in roles for roles in others)]

    @property
    def hours(self) -> int:
        """Return for how long an approval is waited for."""
        return min(each.hours for each in self.demands)

    def require(self) -> None:
        """Raise PolicyDenied when a rule objects."""
        if not self.violations:
            return
        first, others = self.violations[0], len(self.violations) - 1
        more = f" {others} more rules object, too." if others > 1 else " One more rule objects, too." if others else ""
        raise PolicyDenied(
            f"{first.detail} (policy {first.policy}, revision {first.revision}, rule {first.rule}).{more}",
            tuple(self.violations),
        )


def judge(policies: Sequence[Policy], case: Case, moment: Moment) -> Verdict:
    """Return what `policies` say of `case`, asked for at `moment`."""
    violations: list[Violation] = []
    demands: list[Demand] = []
    for policy in policies:
        for rule in policy.rules:
            if not _is_meant(rule, case, moment):
                continue
            violations += [
                Violation(policy.name, policy.revision, rule.code, code, _told(rule, detail))
                for code, detail in _objections(rule, case, moment.at.astimezone(policy.zone))
            ]
            if rule.approval is not None:
                asked = rule.approval
                demands.append(Demand(policy.name, policy.revision, rule.code, asked.roles, asked.hours))
    verdict = Verdict(violations, demands)
    if demands and not verdict.roles:
        # Each alone could be met, together they can't: nobody may give a word that all accept.
        told = "No role is accepted by every rule that asks for an approval"
        clash = next(each for count, each in enumerate(demands, 1) if not Verdict(demands=demands[:count]).roles)
        lost = Violation(clash.policy, clash.revision, clash.rule, "approval", told)
        verdict = Verdict([*violations, lost], demands)
    return verdict


def fits(pattern: str, text: str) -> bool:
    """
    Tell whether `text` is what `pattern` says, in which `*` is any text; in linear time.

    >>> fits("audit_*", "audit_report"), fits("csv", "tsv"), fits("a*b*c", "aXbXc"), fits("a*ba", "aba")
    (True, False, True, True)
    """
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == text
    if not text.startswith(first):
        return False
    place, last = len(first), rest.pop()
    for part in rest:
        found = text.find(part, place)
        if found < 0:
            return False
        place = found + len(part)
    return len(text) - place >= len(last) and text.endswith(last)


def is_open(hours: Hours, local: datetime.datetime) -> bool:
    """Tell whether `local` lies in `hours`; the clock on the wall decides, on days of 23 and 25 hours too."""
    time, weekday = local.time(), local.weekday()
    if hours.start == hours.end:
        return weekday in hours.days
    if hours.start < hours.end or hours.end == datetime.time():
        is_before_end = time < hours.end or hours.end == datetime.time()
        return weekday in hours.days and hours.start <= time and is_before_end
    # Over midnight: the hours after it belong to the day before.
    return (weekday in hours.days and time >= hours.start) or ((weekday - 1) % 7 in hours.days and time < hours.end)


def _is_meant(rule: Rule, case: Case, moment: Moment) -> bool:
    if rule.roles and moment.role is not None and moment.role not in rule.roles:
        return False
    when = rule.when
    return (
        _any(when.types, case.type)
        and _any(when.profiles, case.profile)
        and _any(when.formats, case.format)
        and (not when.destinations or any(_any(when.destinations, name) for name in case.destinations))
    )


def _any(patterns: Sequence[str], text: str) -> bool:
    return not patterns or any(fits(pattern, text) for pattern in patterns)


def _objections(rule: Rule, case: Case, local: datetime.datetime) -> Iterator[Objection]:
    if rule.is_denied:
        yield "denied", "Such an export is not allowed"
    for check in _CHECKS:
        yield from check(rule, case, local)


def _names(rule: Rule, case: Case, _local: datetime.datetime) -> Iterator[Objection]:
    for code, allowed, given in (
        ("type", rule.types, case.type),
        ("profile", rule.profiles, case.profile),
        ("format", rule.formats, case.format),
    ):
        if allowed is not None and not _any(allowed, given):
            yield code, f"The {code} {given[:_SHOWN]} is not allowed; allowed is {_listing(allowed)}"
    if rule.no_attachments and case.has_attachments:
        yield "attachments", "Attachments may not be exported; leave them out"
    if rule.is_encrypted and not case.is_encrypted:
        yield "encryption", "The package must be encrypted; name a public key with encrypt_to"


def _destinations(rule: Rule, case: Case, _local: datetime.datetime) -> Iterator[Objection]:
    places = rule.destinations
    if places is None:
        return
    if places.is_required and not case.destinations:
        yield "destination", "The package must be delivered to a destination; name one"
    for name, kind in case.destinations.items():
        if places.names is not None and not _any(places.names, name):
            yield "destination", f"The destination {name[:_SHOWN]} is not allowed; allowed is {_listing(places.names)}"
        elif places.kinds is not None and not _any(places.kinds, kind):
            told = f"The destination {name[:_SHOWN]} is of kind {kind}, which is not allowed"
            yield "destination", f"{told}; allowed is {_listing(places.kinds)}"


def _parameters(rule: Rule, case: Case, _local: datetime.datetime) -> Iterator[Objection]:
    for name, choice in rule.parameters.items():
        fault = _fault(choice, case.parameters.get(name))
        if fault is not None:
            yield "parameter", f"The parameter {name} {fault}"


def _fault(choice: Choice, value: Any) -> str | None:
    items = _items(value)
    if not items:
        return "must be given" if choice.is_required else None
    if choice.max_items is not None and len(items) > choice.max_items:
        return f"has {len(items)} values; allowed are {choice.max_items}"
    for item in items:
        shown = str(item)[:_SHOWN]
        if choice.one_of is not None and not any(_same(item, each) for each in choice.one_of):
            return f"may not be {shown}; allowed is {_listing([str(each) for each in choice.one_of])}"
        if choice.like is not None and not any(fits(pattern, str(item)) for pattern in choice.like):
            return f"may not be {shown}; allowed is what looks like {_listing(choice.like)}"
        if choice.at_least is None and choice.at_most is None:
            continue
        if not isinstance(item, int) or isinstance(item, bool):
            return f"is no whole number ({shown}), and its rule is about those"
        if choice.at_least is not None and item < choice.at_least:
            return f"is {shown}; it must be at least {choice.at_least}"
        if choice.at_most is not None and item > choice.at_most:
            return f"is {shown}; it may be at most {choice.at_most}"
    return None


def _items(value: Any) -> Sequence[Any]:
    match value:
        case None:
            return ()
        case list() | tuple():
            return value
        case _:
            return (value,)


def _same(one: object, other: object) -> bool:
    # 1 is not true here, and "1" is not 1.
    return type(one) is type(other) and one == other


def _period(rule: Rule, case: Case, local: datetime.datetime) -> Iterator[Objection]:
    days = (case.period_to - case.period_from).days + 1
    if rule.max_days is not None and days > rule.max_days:
        yield "period-length", f"The period has {days} days; allowed are {rule.max_days}"
    if rule.max_days_back is None:
        return
    back = (local.date() - case.period_from).days
    if back > rule.max_days_back:
        told = f"The period begins {back} days ago; allowed are {rule.max_days_back}"
        yield "period-age", told


def _size(rule: Rule, case: Case, _local: datetime.datetime) -> Iterator[Objection]:
    if rule.max_rows is not None and case.rows is not None and case.rows > rule.max_rows:
        yield "rows", f"The export has {case.rows} rows; allowed are {rule.max_rows}"
    if rule.max_bytes is not None and case.bytes is not None and case.bytes > rule.max_bytes:
        yield "bytes", f"The package has {case.bytes} bytes; allowed are {rule.max_bytes}"


def _hours(rule: Rule, _case: Case, local: datetime.datetime) -> Iterator[Objection]:
    hours = rule.hours
    if hours is None or is_open(hours, local):
        return
    days = ", ".join(day for number, day in enumerate(WEEKDAYS) if number in hours.days)
    end = "24:00" if hours.end == datetime.time() else f"{hours.end:%H:%M}"
    told = f"It is {WEEKDAYS[local.weekday()]} {local:%H:%M} ({local.tzinfo})"
    yield "hours", f"{told}; exports may be asked for from {hours.start:%H:%M} to {end} on {days}"


_CHECKS: Final[Sequence[Callable[[Rule, Case, datetime.datetime], Iterator[Objection]]]] = (
    _names,
    _destinations,
    _parameters,
    _period,
    _size,
    _hours,
)


def _told(rule: Rule, detail: str) -> str:
    return detail if rule.reason is None else f"{detail}: {rule.reason.rstrip('.')}"


def _listing(names: Sequence[str]) -> str:
    shown = [name[:_SHOWN] for name in names[:_LISTED]]
    return ", ".join(shown) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")
