"""
What is in a package that a ShareDo server made: its steps, each with the file that holds it, checked byte by byte.

Nothing in it is believed: everything is read once, within limits, before a step is told; every refusal is
PackageInvalid.  Nothing is unpacked to disk.  The layout is the measured one: `manifest.json`, and below `data/` what a
step calls its StorageFilename.  Standard library only: client and sources both check with it what they downloaded.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from lading.artifacts import names
from lading.artifacts.limits import Limits, is_bomb
from lading.errors import PackageInvalid

LIMITS: Final = Limits(
    entries=10_000, entry_bytes=500_000_000, total_bytes=500_000_000, document_bytes=32 << 20, ratio=100
)
MANIFEST: Final = "manifest.json"
_FOLDERS: Final = ("data/", "", "files/")
_CHUNK_BYTES: Final = 1 << 20
_ENCRYPTED: Final = 0x0001
_LINK: Final = 0o120000
_TYPES: Final = 0o170000
# What zipfile raises for bytes that are no zip, whatever it was about to do.
_DAMAGED: Final = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OverflowError, OSError,
)  # fmt: skip


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
    """A package that is whole: its manifest and steps."""

    manifest: Mapping[str, Any]
    steps: Sequence[Step]


@dataclass(frozen=True, slots=True)
class _File:
    sha256: str
    size: int


def inspect(path: Path, limits: Limits = LIMITS) -> Inspected:
    """Return what is in the package at `path`; PackageInvalid says what is wrong with it."""
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            entries = _admitted(archive, limits)
            files = {entry.filename: _read(archive, entry) for entry in entries if not entry.is_dir()}
            manifest = _manifest(archive, limits)
    except _DAMAGED as error:
        raise PackageInvalid(
            f"{path.name.removesuffix('.part')} is no whole package: {_said(error)}. Export it again."
        ) from None
    return Inspected(manifest, tuple(_steps(manifest, files)))


def documents(path: Path, limits: Limits = LIMITS) -> dict[str, Any]:
    """Return a package as one document: its manifest, and each file of `data/` by the id of its step."""
    inspected = inspect(path, limits)
    with zipfile.ZipFile(path) as archive:
        found = {step.id: _document(archive, step.file) for step in inspected.steps}
    return {"manifest": dict(inspected.manifest), "data": found}


def _admitted(archive: zipfile.ZipFile, limits: Limits) -> Sequence[zipfile.ZipInfo]:
    """Return the entries, none of which could do harm."""
    entries = archive.infolist()
    if len(entries) > limits.entries:
        raise PackageInvalid(f"The package has {len(entries)} entries; more than {limits.entries} are not read.")
    for entry in entries:
        if (wrong := _fault(entry, limits)) is not None:
            raise PackageInvalid(f"{_shown(entry.filename)} is not allowed in a package: {wrong}.")
    if (twice := names.clash(entry.filename for entry in entries if not entry.is_dir())) is not None:
        raise PackageInvalid(f"{_shown(twice)} is in the package twice.")
    total = sum(entry.file_size for entry in entries)
    if total > limits.total_bytes:
        raise PackageInvalid(f"The package would unpack to {total} bytes; more than {limits.total_bytes} are refused.")
    return entries


def _fault(entry: zipfile.ZipInfo, limits: Limits) -> str | None:
    if (wrong := names.fault(entry.filename.removesuffix("/"))) is not None:
        return wrong
    if entry.orig_filename != entry.filename:  # what zipfile cuts at a NUL
        return "it is not a portable file name"
    if entry.flag_bits & _ENCRYPTED:
        return "it is encrypted"
    if entry.external_attr >> 16 & _TYPES == _LINK:
        return "it is a link"
    if entry.file_size > limits.entry_bytes or is_bomb(entry.file_size, entry.compress_size, limits):
        return f"it would unpack from {entry.compress_size} to {entry.file_size} bytes"
    return None


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> _File:
    """Read a file whole: zipfile compares its CRC at the end, and gives no more than it claims."""
    digest, size = hashlib.sha256(), 0
    with archive.open(entry) as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    if size != entry.file_size:
        raise zipfile.BadZipFile(f"{_shown(entry.filename)} is cut off")
    return _File(digest.hexdigest(), size)


def _manifest(archive: zipfile.ZipFile, limits: Limits) -> Mapping[str, Any]:
    found = {entry.filename: entry for entry in archive.infolist()}.get(MANIFEST)
    if found is None:
        raise PackageInvalid("The package has no manifest.json. Export it again.")
    if found.file_size > limits.document_bytes:
        raise PackageInvalid(f"The manifest of the package is over {limits.document_bytes} bytes.")
    with archive.open(found) as file:
        manifest = _json(file)
    if not isinstance(manifest, dict) or not isinstance(manifest.get("ExportedSteps"), list):
        raise PackageInvalid("The manifest of the package has no list of ExportedSteps.")
    return manifest


def _document(archive: zipfile.ZipFile, name: str) -> Any:
    with archive.open(name) as file:
        return _json(file)


def _json(file: IO[bytes]) -> Any:
    try:
        return json.loads(file.read().decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise PackageInvalid("The package holds a document that is no JSON.") from None


def _steps(manifest: Mapping[str, Any], files: Mapping[str, _File]) -> Iterator[Step]:
    given = manifest["ExportedSteps"]
    present = {each.get("Id") for each in given if isinstance(each, dict) and isinstance(each.get("Id"), str)}
    for number, each in enumerate(given, 1):
        if not isinstance(each, dict):
            raise PackageInvalid(f"Step {number} of the package's manifest is no object.")
        stored = _text(each, "StorageFilename", number)
        name = next((folder + stored for folder in _FOLDERS if folder + stored in files), None)
        if name is None:
            raise PackageInvalid(f"{_shown(stored)} is listed in the manifest and not in the package.")
        mandatory, recommended = _dependencies(each, "Mandatory"), _dependencies(each, "Recommended")
        lacking = sum(need.get("PackageStepId") not in present for need in mandatory)
        yield Step(
            number=number,
            id=_text(each, "Id", number),
            provider=_text(each, "ExportProviderSystemName", number),
            system_name=_system_name(each.get("ExportProviderSelectorJson")),
            description=each["Description"] if isinstance(each.get("Description"), str) else "",
            file=name,
            sha256=files[name].sha256,
            size=files[name].size,
            mandatory=len(mandatory),
            recommended=len(recommended),
            unresolved=lacking,
        )


def _text(step: Mapping[str, Any], name: str, number: int) -> str:
    value = step.get(name)
    if not isinstance(value, str) or not value:
        raise PackageInvalid(f"Step {number} of the package's manifest has no {name}.")
    return value


def _dependencies(step: Mapping[str, Any], kind: str) -> Sequence[Mapping[str, Any]]:
    found = step.get("Dependencies")
    given = found.get(kind) if isinstance(found, dict) else None
    return [each for each in given if isinstance(each, dict)] if isinstance(given, list) else ()


def _system_name(selector: Any) -> str:
    """Return what the selector of a step says the thing is called: it is JSON within text."""
    try:
        found = json.loads(selector) if isinstance(selector, str) else selector
    except (ValueError, RecursionError):
        return ""
    if not isinstance(found, dict):
        return ""
    for name in ("systemName", "SystemName", "id", "Id"):
        if isinstance(found.get(name), str):
            return found[name]
    return ""


def _said(error: BaseException) -> str:
    words = " ".join("".join(each if each.isprintable() else " " for each in str(error)[:120]).split())
    return words or type(error).__name__


def _shown(name: str) -> str:
    # A hostile name must not write on the terminal.
    return repr(name[:120])
