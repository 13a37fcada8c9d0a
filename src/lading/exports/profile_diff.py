"""
What changes between two documents of a profile, and what that means for who receives the report.  Pure.

Columns are told apart by name; one that is gone and one that is new with the same definition are one that was renamed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from lading.wire.profiles import Change

_LONGEST: Final = 120
_LOOKS: Final = frozenset({"width"})
_MEANINGS: Final[Mapping[str, str]] = {
    "type": "its values are of another type: a receiver that reads them as the old one must change",
    "format": "its values are written otherwise",
    "from": "its values come from elsewhere",
    "expression": "its values are computed otherwise",
    "constant": "it holds another fixed value",
    "parameter": "it holds another choice of the request",
    "concat": "it is joined from other columns",
    "separator": "its parts are joined by another text",
    "transform": "its values are changed in other steps",
    "values": "some of its values are written with other words",
    "fallback": "what its list does not know is written otherwise",
    "required": "rows without it become bad, or are not bad any more",
    "required_if": "rows without it become bad in other cases",
    "minimum": "other rows are out of its range and quarantined",
    "maximum": "other rows are out of its range and quarantined",
    "max_length": "other rows are too long and quarantined",
    "pattern": "other rows do not have its form and are quarantined",
    "null": "what stands where there is no value changes",
    "mask": "other personal data leaves: check with whoever answers for privacy",
    "width": "only its width in a spreadsheet changes",
}
_KEYS: Final[Mapping[str, str]] = {
    "type": "the package says that it is another kind of report",
    "title": "the heading of the report changes",
    "description": "the introduction of the report changes",
    "schema_version": "the receiver is told that its form has another version",
    "language": "labels, Ja/Nei, default dates and the decimal mark of the pdf change",
    "timezone": "instants become other days and times",
    "source": "other rows may be read",
    "parameters": "other choices can be made at request time; schedules may have to name them",
    "formats": "the report can be asked for in other formats",
    "default_format": "who names no format gets another one",
    "destinations": "packages are delivered elsewhere",
    "encrypt_to": "packages are encrypted to other keys",
    "file_name": "files in the package are called otherwise",
    "filter": "other rows are left out",
    "deduplicate": "other rows count as duplicates, or other ones of them stay",
    "rules": "other rows are bad and quarantined",
    "totals": "the totals row changes",
    "quarantine": "an export fails at another share of bad rows",
    "on_empty": "an empty period gives something else",
    "csv": "the csv is written otherwise: a receiver that parses it must change",
    "xlsx": "the spreadsheet is set otherwise",
    "pdf": "the pdf shows other things",
}
_LAYOUT_KEYS: Final = frozenset({"csv"})
_LAYOUT: Final = frozenset({"type", "format"})


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Return the differences: columns first, in their order, then the rest of the profile."""
    return [*_columns(before["columns"], after["columns"]), *_keys(before, after)]


def keeps_layout(found: Sequence[Change]) -> bool:
    """Return whether a receiver that reads names, order and types of columns needs to change nothing."""
    for change in found:
        if change.what == "column" and change.kind != "changed":
            return False
        if change.what == "column" and any(detail.partition(":")[0] in _LAYOUT for detail in change.details):
            return False
        if change.what != "column" and change.name in _LAYOUT_KEYS:
            return False
    return True


def _columns(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> Iterator[Change]:
    old = {column["name"]: column for column in before}
    new = {column["name"]: column for column in after}
    gone = [name for name in old if name not in new]
    renamed = dict(_renamed(old, new, gone))
    for name in gone:
        if name not in renamed.values():
            yield Change("removed", "column", name, [], "the column is gone: a receiver that expects it must change")
    places = {name: place for place, name in enumerate(new, 1)}
    for name, column in new.items():
        if name in renamed:
            meaning = "the heading changes, the values stay: a receiver that looks for the old one must change"
            yield Change("renamed", "column", name, [f"name: {renamed[name]} → {name}"], meaning)
        elif name not in old:
            meaning = f"a new column at place {places[name]}: those after it move on by one"
            yield Change("added", "column", name, _said(column), meaning)
        elif details := [*_details(old[name], column)]:
            keys = [detail.partition(":")[0] for detail in details]
            yield Change("changed", "column", name, details, "; ".join(dict.fromkeys(_MEANINGS[key] for key in keys)))
    yield from _moved(list(old), list(new), renamed)


def _renamed(
    old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]], gone: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Yield (new name, old name) of the columns whose definition stayed, each old one once."""
    left = list(gone)
    for name, column in new.items():
        if name in old:
            continue
        twin = next((each for each in left if _unnamed(old[each]) == _unnamed(column)), None)
        if twin is not None:
            left.remove(twin)
            yield name, twin


def _unnamed(column: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in column.items() if key != "name" and key not in _LOOKS}


def _moved(old: Sequence[str], new: Sequence[str], renamed: Mapping[str, str]) -> Iterator[Change]:
    """Yield the columns whose order among those that stayed is another."""
    stayed = [name for name in new if renamed.get(name, name) in old]
    was = sorted(stayed, key=lambda name: old.index(renamed.get(name, name)))
    for place, (name, other) in enumerate(zip(stayed, was, strict=True), 1):
        if name != other:
            detail = f"order: {was.index(name) + 1} → {place} among the columns that stay"
            meaning = "the column stands elsewhere: a receiver that counts columns must change"
            yield Change("moved", "column", name, [detail], meaning)


def _details(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for key in [*before, *(key for key in after if key not in before)]:
        if before.get(key) != after.get(key):
            yield f"{key}: {_shown(before.get(key))} → {_shown(after.get(key))}"


def _said(column: Mapping[str, Any]) -> list[str]:
    return [f"{key}: {_shown(value)}" for key, value in column.items() if key != "name"]


def _keys(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for key in _KEYS:
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        kind = "added" if old is None else "removed" if new is None else "changed"
        if isinstance(old, dict) and isinstance(new, dict):
            details = list(_details(old, new))
        else:
            details = [f"{key}: {_shown(old)} → {_shown(new)}"]
        yield Change(kind, "profile", key, details, _KEYS[key])


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
