"""What changes between two documents of a policy.  Pure.  Rules are told apart by their names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from lading.wire.policies import PolicyChange

_LONGEST: Final = 120


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[PolicyChange]:
    """
    Return the differences: rules first, in the order of `after`, those that are gone, then the rest.

    >>> [each.kind for each in changes({"rules": [{"rule": "a", "deny": True}]}, {"rules": []})]
    ['removed']
    """
    return [*_rules(before, after), *_keys(before, after)]


def _rules(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[PolicyChange]:
    old = {each["rule"]: each for each in before["rules"]}
    new = {each["rule"]: each for each in after["rules"]}
    for name, rule in new.items():
        if name not in old:
            yield PolicyChange("added", "rule", name, [f"{key}: {_shown(rule[key])}" for key in rule if key != "rule"])
        elif details := _details(old[name], rule):
            yield PolicyChange("changed", "rule", name, details)
    for name in old:
        if name not in new:
            yield PolicyChange("removed", "rule", name, [])
    kept = [name for name in old if name in new]
    if kept != [name for name in new if name in old]:
        yield PolicyChange("moved", "rules", "", ["another rule is told first when several object"])


def _keys(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[PolicyChange]:
    others = (before.keys() | after.keys()) - {"rules", "policy"}
    for name in sorted(others):
        if before.get(name) != after.get(name):
            kind = "added" if name not in before else "removed" if name not in after else "changed"
            yield PolicyChange(kind, "key", name, [f"{_shown(before.get(name))} → {_shown(after.get(name))}"])


def _details(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    names = [*new, *(name for name in old if name not in new)]
    return [
        f"{name}: {_shown(old.get(name))} → {_shown(new.get(name))}" for name in names if old.get(name) != new.get(name)
    ]


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
