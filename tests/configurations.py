"""Synthetic configuration packages in the layout that was measured on real ones: what tests of both sides open."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

CREATED = "2026-11-01T09:30:00.1234567Z"


def step(
    name: str,
    provider: str = "sharedo-type",
    *,
    number: int = 1,
    mandatory: Sequence[Mapping[str, Any]] = (),
    recommended: Sequence[Mapping[str, Any]] = (),
    **changes: Any,
) -> dict[str, Any]:
    """One exported step as a manifest lists it."""
    guid = f"{number:08x}-0000-4000-8000-{zlib.crc32(name.encode()):012x}"
    return {
        "Id": guid,
        "Description": f"{provider} {name}",
        "ExportProviderSystemName": provider,
        "ExportProviderSelectorJson": json.dumps({"systemName": name}),
        "StorageFilename": f"{provider}-{name}-{guid}.json",
        "Dependencies": {"Recommended": list(recommended), "Mandatory": list(mandatory)},
        **changes,
    }


def dependency(name: str, provider: str = "option-set", *, of: str | None = None) -> dict[str, Any]:
    """A dependency; `of` is the id of the step that satisfies it."""
    return {
        "PackageStepId": of,
        "Dependency": {
            "SystemName": provider, "Reason": f"uses {name}", "Description": name,
            "Selector": {"systemName": name}, "AdditionalData": None,
        },
    }  # fmt: skip


def manifest(steps: Sequence[Mapping[str, Any]], **changes: Any) -> dict[str, Any]:
    """The manifest of a package."""
    version = {"Major": 7, "Minor": 6, "Build": 12, "Revision": 0, "MajorRevision": 0, "MinorRevision": 0}
    return {
        "Name": "VeryBasic", "CreatedBy": "somebody", "ExportedFrom": "uat.example.org", "CreatedOn": CREATED,
        "SharedoVersion": version, "Files": [], "ExportedSteps": list(steps), **changes,
    }  # fmt: skip


def data(name: str) -> dict[str, Any]:
    """What a work type's document looks like, with the keys of real ones."""
    return {
        "BaseSharedo": {"SystemName": name, "Title": name.title(), "Id": 4711},
        "PhasePlan": {"SystemName": f"{name}-plan"},
        "Phases": [{"SystemName": f"{name}-open", "Order": 1}, {"SystemName": f"{name}-closed", "Order": 2}],
        "PhaseTransitions": [],
        "Relationships": [],
        "Aspects": [{"AspectDefinitionSystemName": "form", "Config": {"title": "Å"}}],
    }


def pack(
    steps: Sequence[Mapping[str, Any]] | None = None,
    *,
    bodies: Mapping[str, Any] | None = None,
    files: Mapping[str, bytes] | None = None,
    folder: str = "data/",
    **changes: Any,
) -> bytes:
    """
    The bytes of a package: folders stored, documents deflated, the manifest with CRLF, made on MS-DOS as .NET does.

    `bodies` are documents by the step's `StorageFilename`, `files` further entries by their names.
    """
    steps = [step("matter")] if steps is None else steps
    told = manifest(steps, **changes)
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("data/", "files/"):
            archive.writestr(_info(name), b"", zipfile.ZIP_STORED)
        archive.writestr(_info("manifest.json"), json.dumps(told, indent=2).replace("\n", "\r\n").encode())
        for each in steps:
            name = str(each["StorageFilename"])
            body = (bodies or {}).get(name, data(name.split("-")[2] if name.count("-") > 1 else name))
            archive.writestr(_info(folder + name), body if isinstance(body, bytes) else json.dumps(body, indent=2))
        for name, content in (files or {}).items():
            archive.writestr(_info(name), content)
    return sink.getvalue()


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, (2026, 11, 1, 9, 30, 0))
    info.create_system, info.external_attr = 0, 0
    info.compress_type = zipfile.ZIP_STORED if name.endswith("/") else zipfile.ZIP_DEFLATED
    return info
