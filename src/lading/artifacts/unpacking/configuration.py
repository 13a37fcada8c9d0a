"""
Read the manifest of a configuration package: what ShareDo wrote, checked field by field, sorted into components.

`StorageFilename` is looked up below `data/`, a file's below `files/`, then each at the root: the manifest leaves the
folder out.  Fields that are not known are let stand; what is known must have its type.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lading.artifacts.foreign import shown
from lading.artifacts.unpacking import documents
from lading.artifacts.unpacking.limits import Limits
from lading.artifacts.unpacking.model import Bucket, Component, Components, Configuration, Dependency, StoredFile
from lading.errors import PackageFault, PackageInvalid

NAME: Final = "manifest.json"
STEPS: Final = "ExportedSteps"
_VERSION: Final = ("Major", "Minor", "Build", "Revision")
ALIASES: Final[Mapping[str, Bucket]] = {
    "sharedo-type": Bucket.WORK_TYPES,
    "work-type": Bucket.WORK_TYPES,
    "worktype": Bucket.WORK_TYPES,
    "execution-engine": Bucket.WORKFLOWS,
    "sharedo-workflow": Bucket.WORKFLOWS,
    "workflow": Bucket.WORKFLOWS,
    "form-builder": Bucket.FORMS,
    "sharedo-form": Bucket.FORMS,
    "form": Bucket.FORMS,
    "business-rule": Bucket.BUSINESS_RULES,
    "approval": Bucket.APPROVALS,
    "option-set": Bucket.OPTION_SETS,
    "optionset": Bucket.OPTION_SETS,
    "sharedo-optionset": Bucket.OPTION_SETS,
    "document-template": Bucket.TEMPLATES,
    "sharedo-template": Bucket.TEMPLATES,
    "permission": Bucket.PERMISSIONS,
    "participant-role": Bucket.PARTICIPANT_ROLES,
    "global-feature": Bucket.GLOBAL_FEATURES,
}
"""Providers by their bucket; docs and servers differ in what they call them."""


def bucket_of(provider: str) -> Bucket:
    """
    Return the bucket of what a provider exports.

    >>> bucket_of("Sharedo-Type"), bucket_of("developer-ide")
    (<Bucket.WORK_TYPES: 'work_types'>, <Bucket.OTHER: 'other'>)
    """
    return ALIASES.get(provider.strip().lower(), Bucket.OTHER)


def read(document: Mapping[str, Any], names: Collection[str], limits: Limits) -> Configuration:
    """Return the manifest in `document` of a package whose entries are called `names`."""
    at = _At("the manifest", document)
    steps = [_At(f"step {number}", each) for number, each in enumerate(at.objects(STEPS, is_needed=True), start=1)]
    ids = [step.text("Id", is_needed=True) for step in steps]
    if len(set(ids)) != len(ids):
        raise at.bad("two of its steps have one Id")
    known = frozenset(ids)
    components = [_component(step, names, known, limits) for step in steps]
    files = [_file(_At(f"file {number}", each), names) for number, each in enumerate(at.objects("Files"), start=1)]
    held = [each.entry for each in (*components, *files)]
    if len(set(held)) != len(held):
        raise at.bad("two of its steps or files have one StorageFilename")
    version = at.object("SharedoVersion")
    return Configuration(
        name=at.text("Name"),
        created_by=at.text("CreatedBy"),
        created_on=at.text("CreatedOn"),
        exported_from=at.text("ExportedFrom"),
        version=".".join(str(version[part]) for part in _VERSION if type(version.get(part)) is int),
        components=_sorted(components),
        files=tuple(files),
        document=document,
    )


def _component(step: _At, names: Collection[str], known: Collection[str], limits: Limits) -> Component:
    provider = step.text("ExportProviderSystemName", is_needed=True)
    selector = _selector(step, limits)
    needs = _At(f"{step.what}, Dependencies", step.object("Dependencies"))
    return Component(
        id=step.text("Id"),
        bucket=bucket_of(provider),
        provider=provider,
        selector=selector,
        system_name=_system_name(selector),
        description=step.text("Description"),
        entry=_found(step, ("data/", ""), names),
        dependencies=tuple(
            _dependency(_At(f"{needs.what}, {word}", each), known, is_mandatory=word == "Mandatory")
            for word in ("Mandatory", "Recommended")
            for each in needs.objects(word)
        ),
    )


def _dependency(at: _At, known: Collection[str], *, is_mandatory: bool) -> Dependency:
    told = _At(at.what, at.object("Dependency", is_needed=True))
    step = at.text("PackageStepId")
    return Dependency(
        provider=told.text("SystemName", is_needed=True),
        is_mandatory=is_mandatory,
        selector=told.object("Selector"),
        description=told.text("Description"),
        reason=told.text("Reason"),
        step=step if step in known else None,
    )


def _file(at: _At, names: Collection[str]) -> StoredFile:
    return StoredFile(
        id=at.text("Id"),
        original_name=at.text("OriginalFilename"),
        entry=_found(at, ("files/", ""), names),
        step=at.text("StepId") or None,
    )


def _found(at: _At, folders: Sequence[str], names: Collection[str]) -> str:
    name = at.text("StorageFilename", is_needed=True)
    for folder in folders:
        if folder + name in names:
            return folder + name
    raise PackageInvalid(
        f"{shown(name)}, which {NAME} names in {at.what}, is not in the package.",
        PackageFault.MISSING_FILE,
        entry=name,
    )


def _selector(step: _At, limits: Limits) -> Mapping[str, Any]:
    text = step.text("ExportProviderSelectorJson")
    if not text:
        return {}
    found = documents.parse(text.encode(), name=f"{NAME}, {step.what}, ExportProviderSelectorJson", limits=limits)
    if not isinstance(found, dict):
        raise step.bad("its ExportProviderSelectorJson holds no object")
    return found


def _system_name(selector: Mapping[str, Any]) -> str:
    """Return what a selector calls its thing; some things have only an id."""
    texts = {key.lower(): value for key, value in selector.items() if isinstance(value, str)}
    return texts.get("systemname") or texts.get("id", "")


def _sorted(components: Sequence[Component]) -> Components:
    buckets = {bucket: tuple(each for each in components if each.bucket is bucket) for bucket in Bucket}
    return Components(**{bucket.value: found for bucket, found in buckets.items()})


@dataclass(frozen=True, slots=True)
class _At:
    """One object of the manifest and where it stands, for whoever must mend it; null is as good as absent."""

    what: str
    fields: Any

    def text(self, key: str, *, is_needed: bool = False) -> str:
        value = self._value(key)
        if type(value) is int:  # an id may be a number
            value = str(value)
        if value is None and not is_needed:
            return ""
        if not isinstance(value, str) or (is_needed and not value):
            raise self.bad(f"its {key} is no text")
        return value

    def object(self, key: str, *, is_needed: bool = False) -> Mapping[str, Any]:
        value = self._value(key)
        if value is None and not is_needed:
            return {}
        if not isinstance(value, dict):
            raise self.bad(f"its {key} is no object")
        return value

    def objects(self, key: str, *, is_needed: bool = False) -> Sequence[Any]:
        value = self._value(key)
        if value is None and not is_needed:
            return ()
        if not isinstance(value, list):
            raise self.bad(f"its {key} is no list")
        return value

    def bad(self, why: str) -> PackageInvalid:
        return PackageInvalid(f"{NAME} is no good manifest: {self.what}: {why}.", PackageFault.MANIFEST, entry=NAME)

    def _value(self, key: str) -> Any:
        if not isinstance(self.fields, dict):
            raise self.bad("it is no object")
        return self.fields.get(key)
