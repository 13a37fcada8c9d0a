"""
What is in a package that a ShareDo server made, step by step: `unpacking` in the words of the remote dialect.

Client and sources both check with it what they downloaded; nothing is unpacked to disk.  Every refusal is
PackageInvalid.  Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lading.artifacts.unpacking import opening
from lading.artifacts.unpacking.limits import Limits
from lading.artifacts.unpacking.model import Component, Configuration, PackageEntry
from lading.artifacts.unpacking.opening import Package
from lading.errors import PackageFault, PackageInvalid


@dataclass(frozen=True, slots=True)
class Step:
    """One thing in a package; `unresolved` are those of its `mandatory` dependencies that the package lacks."""

    number: int
    id: str
    provider: str
    system_name: str
    description: str
    file: str
    sha256: str
    size: int
    mandatory: int
    recommended: int
    unresolved: int


@dataclass(frozen=True, slots=True)
class Inspected:
    """A package that is whole: its manifest and steps, in the order of the manifest."""

    manifest: Mapping[str, Any]
    steps: Sequence[Step]


def inspect(path: Path, limits: Limits | None = None) -> Inspected:
    """Return what is in the package at `path`; PackageInvalid says what is wrong with it."""
    package, told = _opened(path, limits or Limits())
    entries = {entry.name: entry for entry in package.entries}
    components = {component.id: component for component in told.components}
    ordered = [components[str(each["Id"])] for each in told.document["ExportedSteps"]]
    steps = [_step(number, each, entries[each.entry]) for number, each in enumerate(ordered, start=1)]
    return Inspected(told.document, steps)


def documents(path: Path, limits: Limits | None = None) -> dict[str, Any]:
    """Return a package as one document: its manifest, and each file of `data/` by the id of its step."""
    package, told = _opened(path, limits or Limits())
    return {"manifest": dict(told.document), "data": {each.id: package.json(each.entry) for each in told.components}}


def _opened(path: Path, limits: Limits) -> tuple[Package, Configuration]:
    try:
        with opening.opened(path) as file:
            package = opening.check(file, path, limits)
        told = package.manifest
        if not isinstance(told, Configuration):
            raise PackageInvalid("Its manifest has no list of ExportedSteps.", PackageFault.MANIFEST)
    except PackageInvalid as error:
        name = path.name.removesuffix(".part")
        raise PackageInvalid(
            f"{name} is no whole package: {error.message} Export it again.", error.fault, entry=error.entry
        ) from None
    return package, told


def _step(number: int, component: Component, entry: PackageEntry) -> Step:
    mandatory = sum(each.is_mandatory for each in component.dependencies)
    return Step(
        number=number,
        id=component.id,
        provider=component.provider,
        system_name=component.system_name,
        description=component.description,
        file=entry.name,
        sha256=entry.sha256,
        size=entry.size,
        mandatory=mandatory,
        recommended=len(component.dependencies) - mandatory,
        unresolved=len(component.unresolved),
    )
