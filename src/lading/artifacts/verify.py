"""
Verify a package offline: every byte of it is accounted for, or it is refused.

The headers must be exactly those that `container` writes for what the manifest lists, the bytes between them must have
the listed digests, the statement must be signed and name every file.  So no bit can change, no file be added, left out,
renamed or moved.  Reads in bounded memory; needs the standard library and `cryptography`, nothing of the server.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from lading.artifacts import manifest, reader, statement
from lading.artifacts.container import Member, Method, directory, local_header
from lading.artifacts.limits import LIMITS, Limits
from lading.artifacts.manifest import ListedFile, Manifest
from lading.artifacts.reader import Claim
from lading.artifacts.statement import Statement
from lading.errors import InvalidInput, PackageInvalid
from lading.ledger.trust import Trust

_CHUNK_BYTES: Final = 1 << 20
_MEND: Final = "Do not use it; get the package again from whoever made it."


@dataclass(frozen=True, slots=True)
class Report:
    """
    What was proved of a package that is whole.

    `signer` is the keyid that signed it; `is_pinned` says whether the trust file knows that key for packages.  Without
    it the package is undamaged, but anybody could have made it.
    """

    files: tuple[ListedFile, ...]
    manifest: Mapping[str, Any]
    signer: str
    is_pinned: bool
    size: int


def verify(path: Path, trust: Trust | None = None, *, limits: Limits = LIMITS) -> Report:
    """Return what was proved of the package at `path`; PackageInvalid names the file at fault."""
    try:
        with path.open("rb") as file:
            return check(file, trust, limits=limits)
    except OSError as error:
        raise InvalidInput(f"{path} can't be read: {error.strerror}. Check the path.") from error
    except PackageInvalid as error:
        raise PackageInvalid(f"{path.name}: {error.message} {_MEND}") from error


def check(file: BinaryIO, trust: Trust | None = None, *, limits: Limits = LIMITS) -> Report:
    """Return what was proved of the package in `file`, which can be read and sought."""
    found = reader.read(file, limits)
    starts = _laid_out(found.claims, found.offset)
    described, listed = _documents(file, found.claims, starts, limits)
    sealed = statement.unseal(described[statement.NAME], trust)
    told = manifest.decode(described[manifest.NAME])
    _agree(found.claims, told, listed, sealed)
    members = [*(each.member for each in told.files), *listed]
    if found.raw != directory(list(zip(members, starts, strict=True)), offset=found.offset):
        raise PackageInvalid("The directory of the package is not the one its manifest asks for.")
    for member, start in zip(members, starts, strict=True):
        _check_member(file, member, start)
    return Report(told.files, told.document, sealed.key.keyid, sealed.is_pinned, found.offset + len(found.raw))


def _laid_out(claims: Sequence[Claim], end: int) -> Sequence[int]:
    """Return where each file begins; they must follow one another without a gap or an overlap."""
    place, starts = 0, list[int]()
    for claim in claims:
        if claim.offset != place:
            raise PackageInvalid(f"{claim.name} is not where it should be: bytes were put in or taken out before it.")
        starts.append(place)
        head = local_header(claim.name, claim.method, size=claim.size, stored_size=claim.stored_size, crc=claim.crc)
        place += len(head) + claim.stored_size
    if place != end:
        raise PackageInvalid("Between the last file and the directory of the package are bytes that belong to none.")
    return starts


def _documents(
    file: BinaryIO, claims: Sequence[Claim], starts: Sequence[int], limits: Limits
) -> tuple[dict[str, bytes], Sequence[Member]]:
    """Return content and facts of manifest and statement, the last two files."""
    if [claim.name for claim in claims[-2:]] != [manifest.NAME, statement.NAME]:
        raise PackageInvalid(f"{manifest.NAME} and {statement.NAME} are missing or not the last files.")
    contents: dict[str, bytes] = {}
    members: list[Member] = []
    for claim, start in zip(claims[-2:], starts[-2:], strict=True):
        if claim.method is not Method.STORED or claim.size != claim.stored_size or claim.size > limits.document_bytes:
            raise PackageInvalid(
                f"{claim.name} is compressed or too large: the zip is not as Lading wrote it, it was packed again."
            )
        head = local_header(claim.name, claim.method, size=claim.size, stored_size=claim.stored_size, crc=claim.crc)
        file.seek(start + len(head))
        content = contents[claim.name] = file.read(claim.size)
        digest = hashlib.sha256(content).hexdigest()
        members.append(
            Member(claim.name, len(content), digest, Method.STORED, len(content), digest, zlib.crc32(content))
        )
    return contents, members


def _agree(claims: Sequence[Claim], told: Manifest, listed: Sequence[Member], sealed: Statement) -> None:
    present = [claim.name for claim in claims[:-2]]
    expected = [each.member.name for each in told.files]
    if present != expected:
        odd = sorted(set(present) ^ set(expected))
        which = odd[0] if odd else present[0]
        raise PackageInvalid(f"{which!r} is in the package or in its manifest, but not in both, or not in its place.")
    subjects = [(each.member.name, each.member.sha256) for each in told.files]
    if sealed.subjects != (*subjects, (manifest.NAME, listed[0].sha256)):
        raise PackageInvalid(f"{manifest.NAME} is not the one that was signed.")
    document = told.document
    repeated = {
        "profile": document["profile"].get("name"), "revision": document["profile"].get("revision"),
        "tenant": document["tenant"], "period": document["period"], "parameters": document["parameters"],
        "manifest": {"sha256": listed[0].sha256},
    }  # fmt: skip
    if {name: value for name, value in sealed.predicate.items() if name != "signer"} != repeated:
        raise PackageInvalid(f"{statement.NAME} says something else than {manifest.NAME}.")


def _check_member(file: BinaryIO, member: Member, start: int) -> None:
    """Refuse a file whose header or bytes are not the listed ones."""
    head = local_header(member.name, member.method, size=member.size, stored_size=member.stored_size, crc=member.crc)
    file.seek(start)
    if file.read(len(head)) != head:
        raise PackageInvalid(f"{member.name} is damaged: its header is not the one the manifest asks for.")
    with ThreadPoolExecutor(1) as beside:
        counted = _Counted(member, beside)
        left = member.stored_size
        while left:
            chunk = file.read(min(_CHUNK_BYTES, left))
            if not chunk:
                raise PackageInvalid(f"{member.name} is cut off.")
            left -= len(chunk)
            counted.feed(chunk)
        counted.finish()


class _Counted:
    """
    The bytes of one file so far: as kept and, if deflated, as unpacked, never more than was listed.

    What is unpacked is hashed `beside`, while the next is being unpacked.
    """

    def __init__(self, member: Member, beside: Executor) -> None:
        self._member: Final = member
        self._beside: Final = beside
        self._hashed: Future[None] | None = None
        self._stored: Final = hashlib.sha256()
        self._plain: Final = hashlib.sha256()
        self._inflate: Final = zlib.decompressobj(-15) if member.method is Method.DEFLATE else None
        self._size = 0
        self._crc = 0

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes as they are kept."""
        inflate = self._inflate
        if inflate is None:
            self._take(chunk)
            return
        self._stored.update(chunk)
        if inflate.eof:
            raise self._damaged("its compressed bytes do not end where they should")
        try:
            full = True
            while chunk or full:  # a full answer may leave more inside, with no input left
                plain = inflate.decompress(chunk, _CHUNK_BYTES)
                chunk, full = inflate.unconsumed_tail, len(plain) == _CHUNK_BYTES
                self._take(plain)
        except zlib.error as error:
            raise self._damaged("it can't be unpacked") from error

    def finish(self) -> None:
        """Refuse the file unless its bytes are the listed ones."""
        if self._inflate is not None:
            if self._stored.hexdigest() != self._member.stored_sha256:
                raise self._damaged("its compressed bytes do not have the listed SHA-256")
            if not self._inflate.eof or self._inflate.unused_data:
                raise self._damaged("its compressed bytes do not end where they should")
        elif self._member.stored_sha256 != self._member.sha256 or self._member.stored_size != self._member.size:
            raise self._damaged("the manifest contradicts itself")
        if self._size != self._member.size:
            raise self._damaged(f"it has {self._size} bytes instead of {self._member.size}")
        self._rest()
        if self._plain.hexdigest() != self._member.sha256:
            raise self._damaged("its bytes do not have the listed SHA-256")
        if self._crc != self._member.crc:
            raise self._damaged("its CRC is not the listed one")

    def _take(self, plain: bytes) -> None:
        self._size += len(plain)
        if self._size > self._member.size:
            raise self._damaged(f"it has more than the listed {self._member.size} bytes")
        self._rest()
        # A small piece is not worth a thread.
        if len(plain) == _CHUNK_BYTES:
            self._hashed = self._beside.submit(self._count, plain)
        else:
            self._count(plain)

    def _count(self, plain: bytes) -> None:
        self._plain.update(plain)
        self._crc = zlib.crc32(plain, self._crc)

    def _rest(self) -> None:
        if self._hashed is not None:
            self._hashed.result()

    def _damaged(self, why: str) -> PackageInvalid:
        return PackageInvalid(f"{self._member.name} is damaged: {why}.")
