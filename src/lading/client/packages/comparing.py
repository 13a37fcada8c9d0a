"""
Compare two packages: which components, files and facts of the manifest came, went or changed, and where within.

What differs between two exports of the same thing is ignored, wherever it stands: `CreatedOn`, `Id`, `StorageFilename`.
Components are the same when provider and selector are; a JSON document is compared by its values, not by its bytes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Final

from lading.artifacts.unpacking.model import Component, Configuration, Kind
from lading.artifacts.unpacking.opening import Package
from lading.errors import InvalidInput, PackageInvalid

VOLATILE: Final = frozenset({"CreatedOn", "Id", "StorageFilename"})
MOST_CHANGES: Final = 10_000
_NAMES: Final = ("SystemName", "systemName", "Name", "name")
_STEPS: Final = frozenset({"ExportedSteps", "Files"})
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Change:
    """
    One value that differs: `path` is a JSON pointer (RFC 6901), empty for a file that is no JSON.

    `kind` is `added`, `removed` or `changed`; what is not there is None.
    """

    path: str
    kind: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Changed:
    """One component, file or manifest that is in both packages and differs."""

    name: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """
    What differs from one package to another; names are those of `name_of`, or of files.

    `is_cut` says that there are more changes than are told (10,000).
    """

    before: str
    after: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[Changed, ...]
    unchanged: int
    is_cut: bool = False

    @property
    def is_same(self) -> bool:
        """Whether nothing differs but what is ignored."""
        return not (self.added or self.removed or self.changed)


@dataclass(frozen=True, slots=True)
class _Thing:
    """Something to compare: its digest tells equal bytes, its document what differs in other ones."""

    name: str
    sha256: str
    size: int
    entry: str
    facts: Any = None


def compare(a: Package, b: Package, *, ignore: Collection[str] = VOLATILE) -> Comparison:
    """
    Return what differs from `a` to `b`, without the fields whose names `ignore` holds.

    InvalidInput if they are of two kinds; PackageInvalid if a document that differs is JSON by its name, and bad.
    """
    if a.kind is not b.kind:
        raise InvalidInput(
            f"{a.path.name} is of kind {a.kind}, {b.path.name} of kind {b.kind}: they can't be compared."
        )
    ignored = frozenset(ignore)
    before, after = _things(a), _things(b)
    same = [name for name in before if name in after]
    bodies = ((name, _body(a, b, before[name], after[name], ignored)) for name in same)
    changed, left, unchanged, is_cut = list[Changed](), MOST_CHANGES, 0, False
    for name, changes in chain([("manifest.json", _manifests(a, b, ignored))], bodies):
        found = tuple(islice(changes, left + 1))
        unchanged += not found and name in before
        if found[:left]:
            changed.append(Changed(name, found[:left]))
        is_cut = is_cut or len(found) > left
        left -= min(left, len(found))
    return Comparison(
        before=a.path.name,
        after=b.path.name,
        added=tuple(name for name in after if name not in before),
        removed=tuple(name for name in before if name not in after),
        changed=tuple(changed),
        unchanged=unchanged,
        is_cut=is_cut,
    )


def name_of(component: Component) -> str:
    """Return what two packages know a component by: its provider, and what selects it there."""
    selector = {key: value for key, value in component.selector.items() if value != component.system_name}
    name = component.system_name or ("" if selector else component.description)
    rest = json.dumps(selector, sort_keys=True, ensure_ascii=False) if selector else ""
    return "/".join(filter(None, (component.provider.strip().lower(), name, rest)))


def differences(before: Any, after: Any, *, ignore: Collection[str] = (), path: str = "") -> Iterator[Change]:
    """
    Yield what differs between two JSON values; objects in lists are the same by their names, where each has its own.

    >>> [(each.path, each.kind) for each in differences({"a": [1, 2], "Id": 3}, {"a": [1], "b": 0}, ignore=["Id"])]
    [('/a/1', 'removed'), ('/b', 'added')]
    """
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _pairs(before, after, ignore, path)
    elif isinstance(before, list) and isinstance(after, list):
        left, right = _keyed(before), _keyed(after)
        if left is None or right is None:
            left, right = _numbered(before), _numbered(after)
        yield from _pairs(left, right, (), path, deep=ignore)
    elif type(before) is not type(after) or before != after:
        yield Change(path, "changed", before, after)


def _pairs(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    ignore: Collection[str],
    path: str,
    *,
    deep: Collection[str] | None = None,
) -> Iterator[Change]:
    for key in (*before, *(key for key in after if key not in before)):
        if key in ignore:
            continue
        here = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
        old, new = before.get(key, _ABSENT), after.get(key, _ABSENT)
        if new is _ABSENT:
            yield Change(here, "removed", old, None)
        elif old is _ABSENT:
            yield Change(here, "added", None, new)
        else:
            yield from differences(old, new, ignore=ignore if deep is None else deep, path=here)


def _numbered(items: Sequence[Any]) -> Mapping[str, Any]:
    return {str(number): item for number, item in enumerate(items)}


def _keyed(items: Sequence[Any]) -> Mapping[str, Any] | None:
    """Return the items by the first of the usual names that every one of them has and no two share."""
    for key in _NAMES:
        names = [item.get(key) if isinstance(item, dict) else None for item in items]
        texts = [name for name in names if isinstance(name, str)]
        if items and len(texts) == len(items) == len(set(texts)):
            return dict(zip(texts, items, strict=True))
    return None


def _things(package: Package) -> Mapping[str, _Thing]:
    entries = {entry.name: entry for entry in package.entries}
    told = package.manifest
    if not isinstance(told, Configuration):
        return {
            file.member.name: _Thing(file.member.name, file.member.sha256, file.member.size, file.member.name)
            for file in told.files
        }
    held = [
        *((name_of(each), each.entry, _facts(each)) for each in told.components),
        *((f"file/{each.original_name or each.entry}", each.entry, None) for each in told.files),
        *((name, name, None) for name in package.unlisted),
    ]
    return _named(_Thing(name, entries[entry].sha256, entries[entry].size, entry, facts) for name, entry, facts in held)


def _named(things: Iterable[_Thing]) -> Mapping[str, _Thing]:
    # The same thing twice is two things: neither may hide the other.
    found: dict[str, _Thing] = {}
    times: Counter[str] = Counter()
    for thing in things:
        times[thing.name] += 1
        name = thing.name if times[thing.name] == 1 else f"{thing.name}#{times[thing.name]}"
        found[name if name not in found else f"{name} {thing.entry}"] = thing
    return found


def _facts(component: Component) -> Any:
    """Return what the manifest says of a component; but for what is ignored, two exports of it say the same."""
    return {
        "Id": component.id,
        "StorageFilename": component.entry.rpartition("/")[2],
        "Description": component.description,
        "Dependencies": {
            f"{each.provider} {json.dumps(each.selector, sort_keys=True, ensure_ascii=False)}": {
                "Mandatory": each.is_mandatory,
                "Resolved": each.is_resolved,
                "Reason": each.reason,
                "Description": each.description,
            }
            for each in component.dependencies
        },
    }


def _manifests(a: Package, b: Package, ignore: Collection[str]) -> Iterator[Change]:
    if a.kind is Kind.CONFIGURATION:
        ignore = frozenset(ignore) | _STEPS  # told component by component
        before, after = a.manifest.document, b.manifest.document
    else:
        before, after = ({k: v for k, v in each.manifest.document.items() if k != "files"} for each in (a, b))
    return differences(before, after, ignore=ignore)


def _body(a: Package, b: Package, old: _Thing, new: _Thing, ignore: Collection[str]) -> Iterator[Change]:
    yield from differences(old.facts, new.facts, ignore=ignore)
    if old.sha256 == new.sha256:
        return
    most = min(a.limits.document_bytes, b.limits.document_bytes)
    if old.entry.endswith(".json") and new.entry.endswith(".json") and max(old.size, new.size) <= most:
        try:
            before, after = a.json(old.entry), b.json(new.entry)
        except PackageInvalid:
            before = after = None  # no JSON for all its name: its bytes tell
        else:
            yield from differences(before, after, ignore=ignore)
            return
    yield Change("", "changed", {"size": old.size, "sha256": old.sha256}, {"size": new.size, "sha256": new.sha256})
