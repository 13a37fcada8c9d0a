"""
Write a zip whose bytes depend on names, contents and order alone.

Streams in bounded memory into a seekable file: a member's header is written again once its sizes are known.  Deflate is
isal level 1 over blocks of fixed size, so the caller's chunks leave no trace.  `container` is the form.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import BinaryIO, Final

from isal import isal_zlib

from lading.artifacts.container import MAX_NAME_BYTES, ZIP64_FROM_BYTES, Member, Method, directory, local_header
from lading.errors import StorageFailed, TooLarge

_BLOCK_BYTES: Final = 1 << 18
_LEVEL: Final = 1


@dataclass(frozen=True, slots=True)
class Deflated:
    """What is known of bytes that were deflated as `ZipWriter.add` would have."""

    size: int
    crc: int
    stored_size: int
    stored_sha256: str


def deflate(chunks: Iterable[bytes], sink: BinaryIO) -> Deflated:
    """Write the chunks deflated to `sink`."""
    squeeze = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, -15)
    kept, size, stored_size, crc = hashlib.sha256(), 0, 0, 0
    for block in _blocks(chunks):
        crc = isal_zlib.crc32(block, crc)
        size += len(block)
        out = squeeze.compress(block)
        kept.update(out)
        stored_size += sink.write(out)
    tail = squeeze.flush()
    kept.update(tail)
    stored_size += sink.write(tail)
    return Deflated(size, crc, stored_size, kept.hexdigest())


class ZipWriter:
    """A zip being written to `sink`, from its present position on, which must be its beginning."""

    def __init__(self, sink: BinaryIO) -> None:
        self._sink: Final = sink
        self._members: Final[list[tuple[Member, int]]] = []
        self._names: Final[set[str]] = set()
        self._offset = 0

    def add(self, name: str, chunks: Iterable[bytes], *, deflate: bool = False, size: int | None = None) -> Member:
        """
        Append a file and return what is known of it.

        Give `size` where it is known: from 4 GiB on it is needed, and a file that turns out longer or shorter than
        announced changed while it was read, which is StorageFailed.
        """
        self._admit(name)
        method = Method.DEFLATE if deflate else Method.STORED
        start = self._offset
        announced = 0 if size is None else size
        head = local_header(name, method, size=announced, stored_size=0, crc=0)
        self._sink.write(head)
        member = self._stream(name, chunks, method)
        if size is not None and member.size != size:
            raise StorageFailed(f"{name} changed while it was packed: {member.size} bytes instead of {size}.")
        if size is None and member.size >= ZIP64_FROM_BYTES:
            raise TooLarge(f"{name} has {member.size} bytes; above 4 GiB its size must be known before it is packed.")
        self._sink.seek(start)
        self._sink.write(local_header(name, method, size=member.size, stored_size=member.stored_size, crc=member.crc))
        self._offset = start + len(head) + member.stored_size
        self._sink.seek(self._offset)
        self._members.append((member, start))
        return member

    def add_deflated(self, name: str, body: BinaryIO, facts: Deflated, *, sha256: str) -> Member:
        """Append a file whose deflated bytes are in `body`; `sha256` is that of the plain ones."""
        self._admit(name)
        member = Member(name, facts.size, sha256, Method.DEFLATE, facts.stored_size, facts.stored_sha256, facts.crc)
        start = self._offset
        head = local_header(name, member.method, size=member.size, stored_size=member.stored_size, crc=member.crc)
        self._sink.write(head)
        copied = 0
        while block := body.read(_BLOCK_BYTES):
            copied += self._sink.write(block)
        if copied != member.stored_size:
            raise StorageFailed(f"{name} changed while it was packed.")
        self._offset = start + len(head) + copied
        self._members.append((member, start))
        return member

    def take_back(self) -> None:
        """Forget the file that was added last."""
        member, self._offset = self._members.pop()
        self._names.discard(member.name)
        self._sink.seek(self._offset)
        self._sink.truncate()

    def close(self) -> int:
        """Write the directory and return the size of the whole container; the sink stays open."""
        end = directory(self._members, offset=self._offset)
        self._sink.write(end)
        return self._offset + len(end)

    def _admit(self, name: str) -> None:
        if not 0 < len(name.encode("utf-8")) <= MAX_NAME_BYTES:
            raise ValueError(f"{name[:80]!r} is too long for a name in a zip")
        if name in self._names:
            raise ValueError(f"{name!r} is in the zip already")
        self._names.add(name)

    def _stream(self, name: str, chunks: Iterable[bytes], method: Method) -> Member:
        plain, crc, size = hashlib.sha256(), 0, 0
        stored, stored_size = hashlib.sha256(), 0
        squeeze = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, -15) if method is Method.DEFLATE else None
        with ThreadPoolExecutor(1) as beside:
            for block in _blocks(chunks):
                # Hashing takes as long as everything else; a small file is not worth a thread.
                hashed = beside.submit(plain.update, block) if len(block) == _BLOCK_BYTES else plain.update(block)
                crc = isal_zlib.crc32(block, crc)
                size += len(block)
                out = block if squeeze is None else squeeze.compress(block)
                if squeeze is not None:
                    stored.update(out)
                stored_size += len(out)
                self._sink.write(out)
                if hashed is not None:
                    hashed.result()
        if squeeze is not None:
            tail = squeeze.flush()
            stored.update(tail)
            stored_size += len(tail)
            self._sink.write(tail)
        digest = plain.hexdigest()
        kept = digest if squeeze is None else stored.hexdigest()
        return Member(name, size, digest, method, stored_size, kept, crc)


def _blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    # isal's output depends on where its input is cut, so it is always cut at the same places.
    held = bytearray()
    for chunk in chunks:
        view = memoryview(chunk)
        while len(held) + len(view) >= _BLOCK_BYTES:
            take = _BLOCK_BYTES - len(held)
            held += view[:take]
            yield bytes(held)
            held.clear()
            view = view[take:]
        held += view
    if held:
        yield bytes(held)
