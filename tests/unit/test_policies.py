"""A policy only takes away, says why, and means the same on every clock."""

# E3.

from __future__ import annotations

import datetime
import fnmatch
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.errors import PolicyDenied, PolicyInvalid
from lading.exports import policy, policy_diff, policy_findings, policy_rules
from lading.exports.policy import Case
from lading.exports.policy_rules import Moment, judge

UTC = datetime.UTC
MINUTE = datetime.timedelta(minutes=1)
NOON = datetime.datetime(2026, 11, 18, 12, tzinfo=UTC)  # a Wednesday
NAMES = st.sampled_from(["csv", "pdf", "bufdir", "archive", "report", "*", "c*", "a"])
LISTS = st.lists(NAMES, min_size=1, max_size=3, unique=True)
# The year 2026, minute by minute.
INSTANTS = st.integers(0, 525_599).map(lambda minute: datetime.datetime(2026, 1, 1, tzinfo=UTC) + minute * MINUTE)
ROLES = st.sampled_from(["requester", "operator", "admin"])
DEMANDS = st.fixed_dictionaries(
    {},
    optional={
        "types": LISTS,
        "profiles": LISTS,
        "formats": LISTS,
        "deny": st.just(True),
        "destinations": st.fixed_dictionaries({}, optional={"names": LISTS, "kinds": LISTS}).filter(bool),
        "period": st.fixed_dictionaries(
            {}, optional={"max_days": st.integers(1, 40), "max_days_back": st.integers(0, 400)}
        ).filter(bool),
        "max_rows": st.integers(0, 50),
        "max_bytes": st.integers(0, 50),
        "encrypted": st.just(True),
        "attachments": st.just(False),
        "parameters": st.dictionaries(
            st.sampled_from(["kinds", "limit"]),
            st.fixed_dictionaries({"one_of": st.lists(st.sampled_from(["x", "y", 1]), min_size=1)}),
            min_size=1,
        ),
        "hours": st.fixed_dictionaries({"from": st.just("08:00"), "to": st.sampled_from(["06:00", "16:00"])}),
        "approval": st.fixed_dictionaries({"roles": st.lists(ROLES, min_size=1, unique=True)}),
    },
).filter(bool)
RULES = st.builds(
    lambda demands, extra: {**demands, **extra},
    DEMANDS,
    st.fixed_dictionaries(
        {},
        optional={
            "roles": st.lists(ROLES, min_size=1, unique=True),
            "when": st.fixed_dictionaries({"formats": LISTS}),
        },
    ),
)
DOCUMENTS = st.lists(RULES, min_size=1, max_size=4).map(
    lambda rules: {"policy": "p", "rules": [{"rule": f"r{n}", **rule} for n, rule in enumerate(rules)]}
)
DAYS = st.dates(datetime.date(2025, 10, 1), datetime.date(2026, 11, 18))
CASES = st.builds(
    lambda start, length, **rest: Case(period_from=start, period_to=start + datetime.timedelta(length), **rest),
    DAYS,
    st.integers(0, 60),
    type=NAMES,
    profile=NAMES,
    format=NAMES,
    parameters=st.dictionaries(st.sampled_from(["kinds", "limit"]), st.sampled_from(["x", "z", ["x", "y"], 1])),
    destinations=st.dictionaries(NAMES, st.sampled_from(["s3", "directory"]), max_size=2),
    is_encrypted=st.booleans(),
    has_attachments=st.booleans(),
    rows=st.none() | st.integers(0, 60),
    bytes=st.none() | st.integers(0, 60),
)
MOMENTS = st.builds(
    Moment,
    st.none() | ROLES,
    INSTANTS,
)


def rules(*given: dict[str, Any], zone: str = "UTC") -> list[policy.Policy]:
    """Return a policy with these rules."""
    named = [{"rule": f"rule-{number}", **each} for number, each in enumerate(given)]
    return [policy.parse({"policy": "outgoing", "timezone": zone, "rules": named}, revision=3)]


def a_case(**fields: Any) -> Case:
    """Return an export of October 2026."""
    usual: dict[str, Any] = {
        "type": "activity_report",
        "profile": "bufdir",
        "format": "csv",
        "period_from": datetime.date(2026, 10, 1),
        "period_to": datetime.date(2026, 10, 31),
    }
    return Case(**{**usual, **fields})


def codes(found: policy_rules.Verdict) -> list[str]:
    """Return what the violations are about."""
    return [each.code for each in found.violations]


@given(DOCUMENTS, RULES, CASES, MOMENTS)
def test_one_rule_more_never_allows_more(
    document: dict[str, Any], rule: dict[str, Any], case: Case, moment: Moment
) -> None:
    more = {**document, "rules": [*document["rules"], {"rule": "more", **rule}]}

    before = judge([policy.parse(document)], case, moment)
    after = judge([policy.parse(more)], case, moment)

    assert before.is_allowed or not after.is_allowed
    assert set(after.roles) <= set(before.roles) or not before.needs_approval
    assert {each.rule for each in before.violations} <= {each.rule for each in after.violations}


def test_of_approvals_that_nobody_can_give_the_first_that_does_not_fit_is_named() -> None:
    asked = [{"types": ["*"], "approval": {"roles": [role]}} for role in ("operator", "admin", "requester")]

    found = judge(rules(*asked), a_case(), Moment(None, NOON))

    assert [(each.rule, each.code) for each in found.violations] == [("rule-1", "approval")]


@given(DOCUMENTS, CASES, MOMENTS)
def test_a_verdict_depends_on_its_arguments_alone_and_of_an_unknown_role_every_rule_is_meant(
    document: dict[str, Any], case: Case, moment: Moment
) -> None:
    judged = [policy.parse(document)]

    found = judge(judged, case, moment)

    assert found == judge([policy.parse(document)], case, moment)
    nobody = judge(judged, case, Moment(None, moment.at))
    assert {each.rule for each in found.violations} <= {each.rule for each in nobody.violations}


@given(DOCUMENTS, CASES, MOMENTS)
def test_the_first_violation_is_told_first_and_all_are_named(
    document: dict[str, Any], case: Case, moment: Moment
) -> None:
    found = judge([policy.parse(document, revision=7)], case, moment)

    if found.is_allowed:
        found.require()
        return
    with pytest.raises(PolicyDenied) as refusal:
        found.require()
    assert refusal.value.violations == tuple(found.violations)
    assert found.violations[0].rule in str(refusal.value)
    assert "revision 7" in str(refusal.value)


@pytest.mark.parametrize(
    ("rule", "case", "code"),
    [
        ({"types": ["audit_*"]}, a_case(), "type"),
        ({"profiles": ["other"]}, a_case(), "profile"),
        ({"formats": ["pdf", "xlsx"]}, a_case(), "format"),
        ({"destinations": {"names": ["archive"]}}, a_case(destinations={"usb": "directory"}), "destination"),
        ({"destinations": {"kinds": ["s3"]}}, a_case(destinations={"usb": "directory"}), "destination"),
        ({"destinations": {"required": True}}, a_case(), "destination"),
        ({"parameters": {"kind": {"one_of": ["a"]}}}, a_case(parameters={"kind": ["a", "b"]}), "parameter"),
        ({"parameters": {"kind": {"like": ["home_*"]}}}, a_case(parameters={"kind": "visit"}), "parameter"),
        ({"parameters": {"kind": {"required": True}}}, a_case(), "parameter"),
        ({"parameters": {"n": {"at_most": 5}}}, a_case(parameters={"n": 6}), "parameter"),
        ({"parameters": {"n": {"at_most": 5}}}, a_case(parameters={"n": True}), "parameter"),
        ({"parameters": {"kind": {"max_items": 1}}}, a_case(parameters={"kind": ["a", "b"]}), "parameter"),
        ({"period": {"max_days": 30}}, a_case(), "period-length"),
        ({"period": {"max_days_back": 47}}, a_case(), "period-age"),
        ({"max_rows": 10}, a_case(rows=11), "rows"),
        ({"max_bytes": 10}, a_case(bytes=11), "bytes"),
        ({"encrypted": True}, a_case(), "encryption"),
        ({"attachments": False}, a_case(has_attachments=True), "attachments"),
        ({"hours": {"from": "13:00", "to": "16:00"}}, a_case(), "hours"),
        ({"hours": {"days": ["mon", "tue"]}}, a_case(), "hours"),
        ({"deny": True}, a_case(), "denied"),
    ],
)
def test_each_demand_objects_to_what_it_is_about(rule: dict[str, Any], case: Case, code: str) -> None:
    assert codes(judge(rules(rule), case, Moment("requester", NOON))) == [code]


@pytest.mark.parametrize(
    "rule",
    [
        {"types": ["activity_*"]},
        {"period": {"max_days": 31, "max_days_back": 48}},
        {"max_rows": 10, "max_bytes": 10},
        {"hours": {"from": "12:00", "to": "12:01", "days": ["wed"]}},
        {"destinations": {"names": ["archive"]}},
        {"parameters": {"kind": {"one_of": ["a"]}}},
        {"deny": True, "roles": ["operator"]},
        {"deny": True, "when": {"formats": ["pdf"]}},
        {"deny": True, "when": {"destinations": ["usb"]}},
    ],
)
def test_a_rule_is_silent_about_everything_else(rule: dict[str, Any]) -> None:
    assert judge(rules(rule), a_case(), Moment("requester", NOON)).is_allowed


@pytest.mark.parametrize(
    ("instant", "is_open"),
    [
        ("2026-03-29T00:30:00+00:00", True),  # 01:30 CET, before the gap
        ("2026-03-29T01:10:00+00:00", False),  # 03:10 CEST: the hour from two to three was never there
        ("2026-10-25T00:30:00+00:00", True),  # 02:30 CEST, the first time
        ("2026-10-25T01:30:00+00:00", True),  # 02:30 CET, the second time
        ("2026-10-25T02:00:00+00:00", False),  # 03:00 CET
    ],
)
def test_the_clock_on_the_wall_decides_on_days_of_23_and_25_hours(instant: str, is_open: bool) -> None:
    night = rules({"hours": {"from": "01:00", "to": "03:00"}}, zone="Europe/Oslo")

    found = judge(night, a_case(), Moment(None, datetime.datetime.fromisoformat(instant)))

    assert found.is_allowed is is_open


@given(
    INSTANTS,
    st.times().map(lambda each: each.replace(second=0, microsecond=0)),
    st.times().map(lambda each: each.replace(second=0, microsecond=0)),
    st.sampled_from(["Europe/Oslo", "America/Santiago", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_a_span_and_its_opposite_share_the_day(
    instant: datetime.datetime, start: datetime.time, end: datetime.time, zone: str
) -> None:
    local = instant.astimezone(ZoneInfo(zone))
    every = frozenset(range(7))
    if start == end:
        return

    inside = policy_rules.is_open(policy.Hours(start, end, every), local)
    outside = policy_rules.is_open(policy.Hours(end, start, every), local)

    assert inside is not outside


def test_a_span_over_midnight_belongs_to_the_day_it_begins_on() -> None:
    friday_night = rules({"hours": {"from": "22:00", "to": "02:00", "days": ["fri"]}})

    def allowed(text: str) -> bool:
        return judge(friday_night, a_case(), Moment(None, datetime.datetime.fromisoformat(text))).is_allowed

    assert allowed("2026-11-20T23:00:00+00:00")
    assert allowed("2026-11-21T01:59:00+00:00")
    assert not allowed("2026-11-21T02:00:00+00:00")
    assert not allowed("2026-11-20T01:00:00+00:00")


def test_rules_whose_approvals_nobody_can_give_together_deny() -> None:
    found = judge(
        rules({"approval": {"roles": ["operator"]}}, {"approval": {"roles": ["admin"]}}), a_case(), Moment(None, NOON)
    )

    assert codes(found) == ["approval"]


def test_approvals_of_several_rules_are_one_for_the_roles_and_hours_that_suit_all() -> None:
    found = judge(
        rules(
            {"approval": {"roles": ["operator", "admin"], "expires_after_hours": 8}},
            {"approval": {"roles": ["admin", "requester"], "expires_after_hours": 2}},
        ),
        a_case(),
        Moment(None, NOON),
    )

    assert (found.is_allowed, list(found.roles), found.hours) == (True, ["admin"], 2)


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({"policy": "p"}, ""),
        ({"policy": "p", "rules": []}, "/rules"),
        ({"policy": "p", "rules": [{"rule": "a"}]}, "/rules/0"),
        ({"policy": "p", "rules": [{"rule": "a", "deny": True}, {"rule": "a", "deny": True}]}, "/rules/1/rule"),
        ({"policy": "p", "timezone": "../etc/passwd", "rules": [{"rule": "a", "deny": True}]}, "/timezone"),
        ({"policy": "p", "rules": [{"rule": "a", "deny": False}]}, "/rules/0/deny"),
        ({"policy": "p", "rules": [{"rule": "a", "hours": {"from": "25:00"}}]}, "/rules/0/hours/from"),
        ({"policy": "p", "rules": [{"rule": "a", "max_rows": 1.5}]}, "/rules/0/max_rows"),
        ({"policy": "p", "rules": [{"rule": "a", "format": ["csv"]}]}, "/rules/0/format"),
        ({"policy": "p", "rules": [{"rule": "a", "approval": {"roles": ["viewer"]}}]}, "/rules/0/approval/roles/0"),
    ],
)
def test_what_is_wrong_with_a_document_is_told_by_its_place(document: dict[str, Any], pointer: str) -> None:
    with pytest.raises(PolicyInvalid) as fault:
        policy.parse(document)

    assert fault.value.errors[0].pointer == pointer


@given(st.text(max_size=200) | st.binary(max_size=100).map(lambda each: each.decode("latin-1")))
def test_whatever_is_written_is_answered_with_findings(text: str) -> None:
    found = policy_findings.of_text(text)

    assert found.is_valid is not bool(found.findings)


@given(DOCUMENTS, DOCUMENTS)
def test_a_difference_is_told_if_and_only_if_there_is_one(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert policy_diff.changes(before, before) == []
    assert bool(policy_diff.changes(before, after)) is (before != after)


@given(st.text("ab*", max_size=12), st.text("ab", max_size=12))
def test_patterns_mean_what_the_shell_means(pattern: str, text: str) -> None:
    assert policy_rules.fits(pattern, text) is fnmatch.fnmatchcase(text, pattern)
