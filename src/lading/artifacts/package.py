"""
Build the package of an export: the zip that is handed out, in one pass and bounded memory.

In this order: the report's files, `attachments/…` by name, `quarantine.jsonl` when there is one, `manifest.json`,
`statement.dsse.json`.  Text is deflated, everything else stored.  Same facts, files and key give the same bytes.
Its other half is `verify`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from lading.artifacts import manifest, names, statement
from lading.artifacts.blobs import storing
from lading.artifacts.confined import open_below
from lading.artifacts.limits import LIMITS, is_bomb
from lading.artifacts.manifest import Facts, ListedFile
from lading.artifacts.zipwriter import Deflated, ZipWriter
from lading.canonical import Json
from lading.errors import TooLarge
from lading.ledger.trust import Signing

QUARANTINE: Final = "quarantine.jsonl"
NDJSON: Final = "application/x-ndjson"
ATTACHMENTS: Final = "attachments/"
_DEFLATED: Final = frozenset({NDJSON, "application/json", "application/xml"})
_CHUNK_BYTES: Final = 1 << 18
# A table of our own: the system's differs from host to host, and the manifest must not.
_MEDIA_TYPES: Final = {
    "csv": "text/csv", "tsv": "text/tab-separated-values", "txt": "text/plain", "json": "application/json",
    "jsonl": NDJSON, "ndjson": NDJSON, "xml": "application/xml", "pdf": "application/pdf", "png": "image/png",
    "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp", "heic": "image/heic",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "parquet": "application/vnd.apache.parquet", "zip": "application/zip",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ready:
    """A file's deflated bytes at `path`, what is known of them, and the digest of the plain ones."""

    path: Path
    facts: Deflated
    sha256: str


@dataclass(frozen=True, slots=True)
class PackedFile:
    """
    A file on disk and its name in the package; no media type means the one of its suffix.

    `below` is the folder that the file must lie in when it is opened, for files that others can change.  `ready` spares
    reading a text that is deflated already.
    """

    name: str
    path: Path
    media_type: str | None = None
    below: Path | None = None
    ready: Ready | None = None

    def open(self) -> BinaryIO:
        """Return the file, open for reading."""
        return self.path.open("rb") if self.below is None else open_below(self.below, self.path)


@dataclass(frozen=True, slots=True)
class PackageSummary:
    """What was built: the size of the whole, and every listed file."""

    size: int
    files: tuple[ListedFile, ...]
    manifest_sha256: str
    keyid: str


def build(
    sink: BinaryIO,
    *,
    reports: Sequence[PackedFile],
    attachments: Iterable[PackedFile] = (),
    quarantine: Path | None = None,
    facts: Facts,
    signer: Signing,
    progress: Callable[[int], None] | None = None,
) -> PackageSummary:
    """
    Write a package to `sink`, a seekable file at its beginning, and return what is in it.

    Names of attachments begin with `attachments/`.  `progress` hears the number of bytes packed so far and may raise to
    stop.  ValueError means a name that no package may hold.
    """
    writer = ZipWriter(sink)
    packer = _Packer(writer, progress)
    listed = [packer.add(file) for file in _ordered(reports, attachments, quarantine)]
    described = manifest.encode(facts, listed)
    digest = hashlib.sha256(described).hexdigest()
    subjects = [(file.member.name, file.member.sha256) for file in listed]
    sealed = statement.seal([*subjects, (manifest.NAME, digest)], predicate(facts, digest), signer=signer)
    for name, content in ((manifest.NAME, described), (statement.NAME, sealed)):
        if len(content) > LIMITS.document_bytes:
            raise TooLarge(f"{name} would have {len(content)} bytes: {len(listed)} files are too many for a package.")
        writer.add(name, [content], size=len(content))
    return PackageSummary(writer.close(), tuple(listed), digest, signer.public.keyid)


def predicate(facts: Facts, manifest_sha256: str) -> dict[str, Json]:
    """Return what the statement says of the package, besides its signer."""
    return {
        "profile": facts.profile.name,
        "revision": facts.profile.revision,
        "tenant": facts.tenant,
        "period": {"from": facts.period_from, "to": facts.period_to},
        "parameters": dict(facts.parameters),
        "manifest": {"sha256": manifest_sha256},
    }


def media_type_of(name: str) -> str:
    """
    Return the media type of a file by its suffix.

    >>> media_type_of("a/B.PDF"), media_type_of("README")
    ('application/pdf', 'application/octet-stream')
    """
    return _MEDIA_TYPES.get(name.rpartition(".")[2].lower(), "application/octet-stream")


def _ordered(
    reports: Sequence[PackedFile], attachments: Iterable[PackedFile], quarantine: Path | None
) -> Sequence[PackedFile]:
    attached = sorted(attachments, key=lambda file: file.name)
    kept = [] if quarantine is None else [PackedFile(QUARANTINE, quarantine, NDJSON)]
    files = [*reports, *attached, *kept]
    if len(files) + 2 > LIMITS.entries:
        raise TooLarge(f"{len(files)} files are more than a package holds ({LIMITS.entries}); choose a shorter period.")
    if any(file.name == QUARANTINE or file.name.startswith(ATTACHMENTS) for file in reports):
        raise ValueError("a report has a name that is kept for quarantined rows or attachments")
    if not all(file.name.startswith(ATTACHMENTS) for file in attached):
        raise ValueError("the name of an attachment does not begin with attachments/")
    for file in files:
        if (wrong := names.fault(file.name)) is not None:
            raise ValueError(f"{file.name!r} can't be a name in a package: {wrong}")
    if (twice := names.clash([manifest.NAME, statement.NAME, *(file.name for file in files)])) is not None:
        raise ValueError(f"{twice!r} is in the package twice")
    return files


class _Packer:
    """Adds files and tells how far it is."""

    def __init__(self, writer: ZipWriter, progress: Callable[[int], None] | None) -> None:
        self._writer: Final = writer
        self._progress: Final = progress
        self._bytes = 0

    def add(self, file: PackedFile) -> ListedFile:
        """Add one file, deflated if it is text."""
        media_type = file.media_type or media_type_of(file.name)
        deflate = media_type.startswith("text/") or media_type.partition(";")[0] in _DEFLATED
        ready = file.ready
        if deflate and ready is not None and not is_bomb(ready.facts.size, ready.facts.stored_size):
            with storing(ready.path), ready.path.open("rb") as body:
                member = self._writer.add_deflated(file.name, body, ready.facts, sha256=ready.sha256)
            self._advance(member.size)
            return ListedFile(member, media_type)
        with storing(file.path), file.open() as opened:
            size = opened.seek(0, 2)
            opened.seek(0)
            member = self._writer.add(file.name, self._chunks(opened), deflate=deflate, size=size)
            if is_bomb(member.size, member.stored_size):
                # So repetitive that every careful reader would take it for a bomb: keep it as it is.
                self._writer.take_back()
                opened.seek(0)
                member = self._writer.add(file.name, self._chunks(opened), size=size)
        return ListedFile(member, media_type)

    def _chunks(self, opened: BinaryIO) -> Iterator[bytes]:
        while chunk := opened.read(_CHUNK_BYTES):
            yield chunk
            self._advance(len(chunk))

    def _advance(self, size: int) -> None:
        self._bytes += size
        if self._progress is not None:
            self._progress(self._bytes)
