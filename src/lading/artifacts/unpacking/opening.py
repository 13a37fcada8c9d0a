"""
Open a package from elsewhere: every byte of it is checked before one is unpacked.

The zip must be one that all readers read alike and within limits (`artifacts/foreign`); every entry is unpacked once,
into nothing, so that sizes and CRCs are known to be true; the manifest must list files that are there, with the right
digests where it names some.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from lading.artifacts import foreign, manifest, names
from lading.artifacts.foreign import Entry, shown
from lading.artifacts.manifest import Manifest
from lading.artifacts.unpacking import configuration, documents, placing
from lading.artifacts.unpacking.limits import Limits
from lading.artifacts.unpacking.model import Components, Configuration, Kind, PackageEntry
from lading.artifacts.unpacking.placing import Extracted
from lading.errors import InvalidInput, NotFound, PackageFault, PackageInvalid

_MEND: Final = "Do not use it; get the package again from whoever made it."
_LIMIT: Final = "If you trust it and it has to be that large, open it with higher limits."
_BUNDLE: Final = "bagit.txt"
_LIMITS_MET: Final = frozenset({PackageFault.TOO_LARGE, PackageFault.TOO_MANY_ENTRIES, PackageFault.BOMB})


@dataclass(frozen=True, slots=True)
class Package:
    """
    A package that was found good; its file must stay where it is as long as it is read from.

    `unlisted` are entries of a configuration package that its manifest does not name; they are unpacked like the rest.
    """

    path: Path
    kind: Kind
    manifest: Manifest | Configuration
    entries: tuple[PackageEntry, ...]
    folders: tuple[str, ...]
    unlisted: tuple[str, ...]
    limits: Limits
    layout: tuple[Entry, ...]
    """What the zip says of every entry, folders too, in its order."""
    index: Mapping[str, tuple[PackageEntry, Entry]]
    """Every file by its name."""

    @property
    def size(self) -> int:
        """How many bytes it unpacks to."""
        return sum(entry.size for entry in self.entries)

    @property
    def components(self) -> Components:
        """The components of a configuration package, by bucket; an export has none."""
        return self.manifest.components if isinstance(self.manifest, Configuration) else Components()

    def read(self, name: str) -> bytes:
        """Return the bytes of a file, of at most `limits.document_bytes`; NotFound if there is none of that name."""
        if name not in self.index:
            raise NotFound(f"{self.path.name} has no file {shown(name)}.")
        entry, place = self.index[name]
        if entry.size > self.limits.document_bytes:
            raise InvalidInput(f"{shown(name)} has {entry.size} bytes; extract the package to read it.")
        with opened(self.path) as file:
            content = b"".join(foreign.chunks(file, place))
        if hashlib.sha256(content).hexdigest() != entry.sha256:
            raise changed(entry)
        return content

    def json(self, name: str) -> Any:
        """Return the value of a JSON document of the package."""
        return documents.parse(self.read(name), name=name, limits=self.limits)

    def extract(self, folder: Path, *, on_bytes: Callable[[int, int], None] | None = None) -> Extracted:
        """
        Lay every file out below `folder`, which must not be there yet; it appears whole, or not at all.

        `on_bytes` hears how many of how many bytes are written, and may raise to stop.
        """
        digests = {entry.name: entry.sha256 for entry in self.entries}
        with opened(self.path) as file:
            return placing.place(file, self.layout, digests, folder, on_bytes=on_bytes)


def open_package(path: Path, *, limits: Limits | None = None) -> Package:
    """Return the package at `path`, checked; PackageInvalid says what is wrong with it, by `fault` and `entry`."""
    path = Path(path)
    try:
        with opened(path) as file:
            return check(file, path, limits or Limits())
    except PackageInvalid as error:
        mend = _LIMIT if error.fault in _LIMITS_MET else _MEND
        raise PackageInvalid(f"{path.name}: {error.message} {mend}", error.fault, entry=error.entry) from error


def check(file: BinaryIO, path: Path, limits: Limits) -> Package:
    """Return the package in `file`, which can be read and sought."""
    size = file.seek(0, 2)
    if size > limits.package_bytes:
        raise PackageInvalid(
            f"The package has {size} bytes; more than {limits.package_bytes} are refused.", PackageFault.TOO_LARGE
        )
    layout = foreign.entries(file, limits.of_zip())
    files = {entry.name: entry for entry in layout if not entry.is_folder}
    data = _manifest_bytes(file, files, limits)
    entries = tuple(_unpacked(file, layout))
    kind, told, unlisted = _told(data, {entry.name: entry for entry in entries}, limits)
    folders = tuple(entry.name for entry in layout if entry.is_folder)
    index = {entry.name: (entry, files[entry.name]) for entry in entries}
    return Package(path, kind, told, entries, folders, unlisted, limits, layout, index)


def opened(path: Path) -> BinaryIO:
    """Return the file at `path`, open for reading; InvalidInput if it is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # opening a pipe must not hang
    except OSError as error:
        raise InvalidInput(f"{path} can't be read: {error.strerror}. Check the path.") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InvalidInput(f"{path} is no file. Check the path.")
    return os.fdopen(descriptor, "rb")


def changed(entry: PackageEntry) -> PackageInvalid:
    """Return the error for a file that is another one than when the package was opened."""
    return PackageInvalid(
        f"{shown(entry.name)} was changed since the package was opened.", PackageFault.DIGEST, entry=entry.name
    )


def _manifest_bytes(file: BinaryIO, files: Mapping[str, Entry], limits: Limits) -> bytes:
    entry = files.get(manifest.NAME)
    if entry is None:
        hint = " It is an audit bundle: `lading verify` checks it." if _BUNDLE in files else ""
        raise PackageInvalid(f"The package has no {manifest.NAME}.{hint}", PackageFault.NO_MANIFEST)
    if entry.size > limits.document_bytes:
        raise PackageInvalid(
            f"{manifest.NAME} has {entry.size} bytes; more than {limits.document_bytes} are refused.",
            PackageFault.TOO_LARGE,
            entry=entry.name,
        )
    return b"".join(foreign.chunks(file, entry))


def _unpacked(file: BinaryIO, layout: Sequence[Entry]) -> Iterator[PackageEntry]:
    for entry in layout:
        digest = hashlib.sha256()
        for chunk in foreign.chunks(file, entry):
            digest.update(chunk)
        if not entry.is_folder:
            yield PackageEntry(entry.name, entry.size, entry.stored_size, digest.hexdigest())


def _told(
    data: bytes, entries: Mapping[str, PackageEntry], limits: Limits
) -> tuple[Kind, Manifest | Configuration, tuple[str, ...]]:
    document = documents.parse(data, name=manifest.NAME, limits=limits)
    if isinstance(document, dict) and configuration.STEPS in document:
        told = configuration.read(document, entries.keys(), limits)
        named = {each.entry for each in (*told.components, *told.files)} | {manifest.NAME}
        return Kind.CONFIGURATION, told, tuple(name for name in entries if name not in named)
    if not isinstance(document, dict) or document.get("schema_version") != manifest.SCHEMA:
        raise PackageInvalid(
            f"{manifest.NAME} is of no kind that is known: it has neither the schema {manifest.SCHEMA} nor "
            f"{configuration.STEPS}.",
            PackageFault.MANIFEST,
            entry=manifest.NAME,
        )
    try:
        listed = manifest.decode(data)
    except PackageInvalid as error:
        raise PackageInvalid(error.message, PackageFault.MANIFEST, entry=manifest.NAME) from error
    _agree(listed, entries)
    return Kind.EXPORT, listed, ()


def _agree(listed: Manifest, entries: Mapping[str, PackageEntry]) -> None:
    expected = {file.member.name: file.member for file in listed.files}
    if len(expected) != len(listed.files):
        raise PackageInvalid(f"{manifest.NAME} lists a file twice.", PackageFault.MANIFEST, entry=manifest.NAME)
    for name in (*expected, names.STATEMENT):
        if name not in entries:
            raise PackageInvalid(f"{shown(name)} is not in the package.", PackageFault.MISSING_FILE, entry=name)
    for name, entry in entries.items():
        if name in {manifest.NAME, names.STATEMENT}:
            continue
        if name not in expected:
            raise PackageInvalid(
                f"{shown(name)} is in the package, but not in its manifest.", PackageFault.UNLISTED_FILE, entry=name
            )
        if (entry.size, entry.sha256) != (expected[name].size, expected[name].sha256):
            raise PackageInvalid(
                f"{shown(name)} does not have the size and SHA-256 that the manifest lists.",
                PackageFault.DIGEST,
                entry=name,
            )
