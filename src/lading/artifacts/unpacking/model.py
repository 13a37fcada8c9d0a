"""What is in a package, as values: its entries, and the components of a configuration package with their buckets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """Whose layout a package has: that of Lading's exports, or the one of ShareDo's configuration packages."""

    EXPORT = "export"
    CONFIGURATION = "configuration"


class Bucket(StrEnum):
    """The sorts that components are laid into; OTHER holds every one whose provider is not known."""

    WORK_TYPES = "work_types"
    WORKFLOWS = "workflows"
    FORMS = "forms"
    BUSINESS_RULES = "business_rules"
    APPROVALS = "approvals"
    OPTION_SETS = "option_sets"
    TEMPLATES = "templates"
    PERMISSIONS = "permissions"
    PARTICIPANT_ROLES = "participant_roles"
    GLOBAL_FEATURES = "global_features"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class PackageEntry:
    """One file of a package; its bytes were read once, and had this size and SHA-256."""

    name: str
    size: int
    stored_size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Dependency:
    """
    Something that a component needs (`is_mandatory`) or goes well with.

    `step` is the id of the component in this package that satisfies it, None if the package does not say one or says
    one that it does not hold.
    """

    provider: str
    is_mandatory: bool
    selector: Mapping[str, Any]
    description: str
    reason: str
    step: str | None

    @property
    def is_resolved(self) -> bool:
        """Whether the package holds what satisfies it."""
        return self.step is not None


@dataclass(frozen=True, slots=True)
class Component:
    """One exported thing: which provider made it, what selects it there, and the entry that holds it."""

    id: str
    bucket: Bucket
    provider: str
    selector: Mapping[str, Any]
    system_name: str
    description: str
    entry: str
    dependencies: tuple[Dependency, ...] = ()

    @property
    def unresolved(self) -> tuple[Dependency, ...]:
        """The mandatory dependencies that the package does not satisfy."""
        return tuple(each for each in self.dependencies if each.is_mandatory and not each.is_resolved)


@dataclass(frozen=True, slots=True)
class Components:
    """Every component of a package in its bucket, in the order of the manifest; none is left out."""

    work_types: tuple[Component, ...] = ()
    workflows: tuple[Component, ...] = ()
    forms: tuple[Component, ...] = ()
    business_rules: tuple[Component, ...] = ()
    approvals: tuple[Component, ...] = ()
    option_sets: tuple[Component, ...] = ()
    templates: tuple[Component, ...] = ()
    permissions: tuple[Component, ...] = ()
    participant_roles: tuple[Component, ...] = ()
    global_features: tuple[Component, ...] = ()
    other: tuple[Component, ...] = ()

    def buckets(self) -> Mapping[Bucket, tuple[Component, ...]]:
        """Return the components of every bucket, those of an empty one too."""
        return {Bucket(each.name): getattr(self, each.name) for each in fields(self)}

    def __iter__(self) -> Iterator[Component]:
        return (component for found in self.buckets().values() for component in found)

    def __len__(self) -> int:
        return sum(map(len, self.buckets().values()))

    @property
    def unresolved(self) -> tuple[tuple[Component, Dependency], ...]:
        """Every mandatory dependency that the package does not satisfy, with the component that has it."""
        return tuple((component, each) for component in self for each in component.unresolved)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that a component of a configuration package brings: its name there, and the entry that holds it."""

    id: str
    original_name: str
    entry: str
    step: str | None


@dataclass(frozen=True, slots=True)
class Configuration:
    """The manifest of a configuration package, read; `document` is all of it."""

    name: str
    created_by: str
    created_on: str
    exported_from: str
    version: str
    components: Components
    files: tuple[StoredFile, ...]
    document: Mapping[str, Any]
