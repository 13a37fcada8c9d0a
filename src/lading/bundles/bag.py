"""
Write a bundle: a bag (BagIt 1.0) in the one form of zip, every file of it under one signed statement.

Files are read twice, for their digests and then for their bytes, so that nothing is sought in the sink and nothing but
digests is held.  The same files, manifest and key give the same bytes, wherever and whenever.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from lading.artifacts.blobs import storing
from lading.errors import StorageFailed, TooLarge
from lading.ledger.trust import Signing
from lading_verify import dsse, layout, minisign, sshsig
from lading_verify.layout import Manifest
from lading_verify.zip import CHUNK_BYTES, Writer


@dataclass(frozen=True, slots=True)
class File:
    """A file of a bundle: its name there, and its bytes or where they lie."""

    name: str
    content: bytes | Path


@dataclass(frozen=True, slots=True)
class Built:
    """What was written."""

    size: int
    files: int


@dataclass(frozen=True, slots=True)
class _Known:
    file: File
    size: int
    crc: int
    sha256: str


def build(
    sink: BinaryIO,
    files: Sequence[File],
    *,
    manifest: Manifest,
    signer: Signing,
    progress: Callable[[int], None],
) -> Built:
    """Write the bundle of `files`; `progress` hears how many bytes were read so far and may raise to stop."""
    reader = _Reader(progress)
    known = [reader.look(file) for file in files]
    payload = [each for each in known if layout.is_payload(each.file.name)]
    described = manifest.encode()
    known += [
        reader.look(File(name, content))
        for name, content in (
            (layout.BAGIT, layout.BAGIT_TEXT),
            (layout.BAG_INFO, layout.bag_info(manifest, octets=sum(e.size for e in payload), files=len(payload))),
            (layout.MANIFEST, described),
            (layout.PAYLOAD_SUMS, layout.checksums((each.file.name, each.sha256) for each in payload)),
        )
    ]
    tags = layout.checksums((e.file.name, e.sha256) for e in known if not layout.is_payload(e.file.name))
    known.append(reader.look(File(layout.TAG_SUMS, tags)))
    known += [reader.look(File(name, content)) for name, content in _signatures(known, tags, manifest, signer)]
    return _write(sink, known, reader)


def _signatures(known: Sequence[_Known], tags: bytes, manifest: Manifest, signer: Signing) -> list[tuple[str, bytes]]:
    public = signer.public.raw
    stated = dsse.seal(
        sorted((each.file.name, each.sha256) for each in known),
        layout.predicate(manifest.encode()),
        kind=layout.PREDICATE_TYPE,
        public=public,
        sign=signer.sign,
    )
    if len(stated) > layout.LIMITS.document_bytes:
        raise TooLarge(f"A bundle of {len(known)} files is more than a verifier reads; choose a shorter span.")
    return [
        (layout.STATEMENT, stated),
        (layout.SSH_SIGNATURE, sshsig.sign(tags, public=public, sign=signer.sign)),
        (
            layout.MINISIGN_SIGNATURE,
            minisign.sign(tags, comment=manifest.identifier, public=public, sign=signer.sign),
        ),
    ]


def _write(sink: BinaryIO, known: Sequence[_Known], reader: _Reader) -> Built:
    if len(known) > layout.LIMITS.files:
        raise TooLarge(f"A bundle of {len(known)} files is more than a verifier reads; choose a shorter span.")
    writer = Writer(sink)
    for each in sorted(known, key=lambda one: one.file.name):
        if (wrong := layout.fault(each.file.name)) is not None:
            raise ValueError(f"{each.file.name!r}: {wrong}")
        try:
            writer.add(each.file.name, reader.chunks(each.file), size=each.size, crc=each.crc)
        except ValueError as error:
            raise StorageFailed(f"{error}; the bundle is not handed out.") from error
    return Built(writer.close(), len(known))


class _Reader:
    """Reads files piece by piece and tells how far it is."""

    def __init__(self, progress: Callable[[int], None]) -> None:
        self._progress: Final = progress
        self._bytes = 0

    def look(self, file: File) -> _Known:
        """Return what is known of a file before it is written."""
        hashed, crc, size = hashlib.sha256(), 0, 0
        for chunk in self.chunks(file):
            hashed.update(chunk)
            crc, size = zlib.crc32(chunk, crc), size + len(chunk)
        return _Known(file, size, crc, hashed.hexdigest())

    def chunks(self, file: File) -> Iterator[bytes]:
        """Yield the bytes of a file."""
        if isinstance(file.content, bytes):
            yield file.content
            return
        with storing(file.content), file.content.open("rb") as opened:
            while chunk := opened.read(CHUNK_BYTES):
                yield chunk
                self._bytes += len(chunk)
                self._progress(self._bytes)
