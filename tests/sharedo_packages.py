"""
Packages as a ShareDo server makes them, of things that nobody has.

In the measured layout: `data/` and `files/` as entries of their own, deflated, the manifest with CRLF and no byte order
mark, names of data without their folder.  The same thing exported twice has the same data; manifests differ in
CreatedOn, Id and StorageFilename, as they do there.
"""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any, Final

NEEDS: Final[Mapping[str, Sequence[tuple[str, str]]]] = {
    "matter": (("option-set", "matter-status"), ("participant-role", "client"), ("sharedo-type", "task")),
    "task": (("option-set", "task-status"), ("sharedo-type", "matter")),  # a cycle, as there are
}
"""What things need, by their name."""


def package(
    items: Sequence[Mapping[str, Any]],
    *,
    steps: int | None = None,
    extra: Mapping[str, bytes] | None = None,
    created: str = "2026-01-01T00:00:00.0000000Z",
) -> bytes:
    """Return a package in the measured layout with a step for each of `items`, or with so many of one."""
    if steps is not None:
        items = [
            {"systemName": "option-set", "selector": {"systemName": f"set-{number:04}"}} for number in range(steps)
        ]
    made = [_step(item) for item in items]
    known = {(step["ExportProviderSystemName"], name): step["Id"] for step, name, _ in made}
    for step, name, _ in made:
        step["Dependencies"]["Mandatory"] = [
            {"PackageStepId": known.get((provider, each)),
             "Dependency": {"SystemName": provider, "Reason": "Used", "Description": each,
                            "Selector": {"SystemName": each}, "AdditionalData": None}}
            for provider, each in NEEDS.get(name, ())
        ]  # fmt: skip
    manifest = {
        "Name": "VeryBasic", "CreatedBy": "lading", "ExportedFrom": "https://demo.example.org", "CreatedOn": created,
        "SharedoVersion": {"Major": 7, "Minor": 9, "Build": 0, "Revision": 0, "MajorRevision": 0, "MinorRevision": 0},
        "Files": [], "ExportedSteps": [step for step, _, _ in made],
    }  # fmt: skip
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for folder in ("data/", "files/"):
            archive.writestr(_entry(folder, zipfile.ZIP_STORED), b"")
        text = json.dumps(manifest, indent=2).replace("\n", "\r\n")
        archive.writestr(_entry("manifest.json"), text.encode(), zipfile.ZIP_DEFLATED)
        for step, _, data in made:
            archive.writestr(_entry(f"data/{step['StorageFilename']}"), data, zipfile.ZIP_DEFLATED)
        for name, content in (extra or {}).items():
            archive.writestr(_entry(name), content, zipfile.ZIP_DEFLATED)
    return sink.getvalue()


def _entry(name: str, method: int = zipfile.ZIP_DEFLATED) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
    entry.create_system, entry.compress_type = 0, method
    return entry


def _step(item: Mapping[str, Any]) -> tuple[dict[str, Any], str, bytes]:
    provider, selector = item["systemName"], item["selector"]
    name, number = str(selector.get("systemName", "thing")), str(uuid.uuid4())
    # As large as real ones, so that downloads have a middle; the same in every export of the same thing.
    data = {"SystemName": name, "Provider": provider,
            "Aspects": [{"Id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{provider}/{name}/{each}")), "Order": each}
                        for each in range(400)]}  # fmt: skip
    step = {
        "Id": number, "Description": f"{name.title()} ({provider})", "ExportProviderSystemName": provider,
        "ExportProviderSelectorJson": json.dumps({"systemName": name}),
        "StorageFilename": f"{provider}-{name}-{number}.json", "Dependencies": {"Recommended": [], "Mandatory": []},
    }  # fmt: skip
    return step, name, json.dumps(data).encode()
