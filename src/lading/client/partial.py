"""
A file on its way: `name.part` with the bytes so far, `name.part.json` with what they are part of.

Both survive a kill at any instant; the next download of the same version goes on where the bytes end.  The name itself
appears only when size and SHA-256 are those the server named.  Knows files and headers, no network: each colour of the
client drives it, with one connection after the other.
"""

from __future__ import annotations

import base64
import binascii
import errno
import fcntl
import hashlib
import json
import os
import re
import zlib
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from lading.client.faults import plain
from lading.errors import Conflict, DownloadFailed, StorageFailed, StorageFull

_CHUNK_BYTES: Final = 1 << 20
_SIDECAR_BYTES: Final = 1 << 16
_CONTENT_RANGE: Final = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")
_STRONG: Final = re.compile(r'"[\x21\x23-\x7e]{1,200}"')
_OUR_ETAG: Final = re.compile(r'"sha256-([0-9a-f]{64})"')
_REPR_DIGEST: Final = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]{44}):")
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True, slots=True)
class Version:
    """Which bytes are meant, as far as it is known: by entity tag, size and SHA-256 in hex."""

    etag: str | None = None
    size: int | None = None
    sha256: str | None = None

    def agrees(self, other: Version) -> bool:
        """Tell whether nothing that both know differs."""
        pairs = ((self.etag, other.etag), (self.size, other.size), (self.sha256, other.sha256))
        return all(mine is None or theirs is None or mine == theirs for mine, theirs in pairs)

    def known(self, other: Version) -> Version:
        """Return what the two know together."""
        return Version(
            self.etag or other.etag, other.size if self.size is None else self.size, self.sha256 or other.sha256
        )


def version_of(status: int, headers: Mapping[str, str]) -> Version:
    """
    Return what the headers of an answer with the file, or a part of it, tell about the whole file.

    Of a body that somebody on the way has compressed they tell neither its size nor a tag to go on by.

    >>> version_of(200, {"Content-Length": "7", "ETag": '"a"'}).size, version_of(200, {"Content-Encoding": "gzip"})
    (7, Version(etag=None, size=None, sha256=None))
    """
    if _encoding(headers) is not None:
        return Version()
    etag = headers.get("ETag", "")
    ours, digest = _OUR_ETAG.fullmatch(etag), _REPR_DIGEST.search(headers.get("Repr-Digest", ""))
    sha256 = ours[1] if ours else None
    if digest is not None:
        try:
            sha256 = base64.b64decode(digest[1], validate=True).hex()
        except binascii.Error:
            sha256 = None
    return Version(etag if _STRONG.fullmatch(etag) else None, _total(status, headers), sha256)


def _encoding(headers: Mapping[str, str]) -> str | None:
    name = headers.get("Content-Encoding", "").strip().lower()
    return None if name in {"", "identity"} else name


def _total(status: int, headers: Mapping[str, str]) -> int | None:
    if status == 206:
        found = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", ""))
        return int(found[3]) if found and found[3] != "*" else None
    length = headers.get("Content-Length", "")
    return int(length) if length.isdecimal() and len(length) < 19 else None


class Partial:
    """One download into `target`; `wanted` is what the export says of the file. Use it as a context manager."""

    def __init__(
        self, target: Path, wanted: Version, *, on_bytes: Callable[[int, int | None], None] | None = None
    ) -> None:
        self.target = target
        self.size = 0
        self.version = wanted
        self._wanted = wanted
        self._on_bytes = on_bytes
        self._part = target.with_name(target.name + ".part")
        self._sidecar = target.with_name(target.name + ".part.json")
        self._hash = hashlib.sha256()
        self._decode: Callable[[bytes], Iterator[bytes]] = _as_it_is
        self._file = -1

    def __enter__(self) -> Self:
        """Open the part and hash what an earlier download left; Conflict if one is still running."""
        with _storage(self._part):
            self.target.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(self._file)
                raise Conflict(
                    f"Another download is writing {self._part}; wait for it or choose another file."
                ) from None
            self._recall()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        """Close the part; it stays for the next download unless it has become the file, or is empty."""
        if self.size == 0:
            self._forget()
        os.close(self._file)

    @property
    def is_complete(self) -> bool:
        """Whether every byte is here and the right one."""
        whole = self.version.size is None or self.size == self.version.size
        return whole and self._hash.hexdigest() == self.version.sha256

    @property
    def is_all_here(self) -> bool:
        """Whether as many bytes are here as the server named; False while the size is not known."""
        return self.version.size is not None and self.size >= self.version.size

    def headers(self) -> dict[str, str]:
        """Return the headers that ask for what is missing, and for all of it if the file is another one by now."""
        if self.size == 0 or self.version.etag is None:
            return {}
        return {"Range": f"bytes={self.size}-", "If-Range": self.version.etag}

    def accept(self, status: int, headers: Mapping[str, str]) -> None:
        """
        Make ready for the body of an answer: at the end of the part, or at the start when the server sends it all.

        DownloadFailed if the answer is not about the file that the export names.
        """
        found = version_of(status, headers)
        if not found.agrees(replace(self._wanted, etag=None)):
            self.restart()
            raise DownloadFailed(
                f"{self.target.name} at the server is not the file that the export names: it was changed there. "
                "Do not use it; ask the operator to verify the ledger."
            )
        encoding = _encoding(headers)
        if encoding not in {None, "gzip", "x-gzip"}:
            raise DownloadFailed(
                f"{self.target.name}: somebody on the way compresses it as {plain(str(encoding))}, which was not asked "
                "for and can't be read. Ask whoever runs the proxy to leave the file as it is."
            )
        is_part = self._starts(headers) == self.size and found.agrees(self.version) and encoding is None
        if status == 206 and not is_part:
            self.restart()
            raise Mismatch(f"{self.target.name}: the server sent another part than it was asked for.")
        if status == 200:
            self.restart()
        self.version = self._wanted.known(found) if status == 200 else self.version.known(found)
        self._decode = _as_it_is if encoding is None else _gunzip(self.target.name)
        self._remember()

    def write(self, chunk: bytes) -> None:
        """Append `chunk` as the network brought it; Mismatch when there is more than the server named."""
        for plain_chunk in self._decode(chunk):
            self._append(plain_chunk)

    def _append(self, chunk: bytes) -> None:
        if self.version.size is not None and self.size + len(chunk) > self.version.size:
            self.restart()
            raise Mismatch(f"{self.target.name}: the server sent more bytes than it named.")
        with _storage(self._part):
            view = memoryview(chunk)
            while view:
                view = view[os.write(self._file, view) :]
        self._hash.update(chunk)
        self.size += len(chunk)
        if self._on_bytes is not None:
            self._on_bytes(self.size, self.version.size)

    def restart(self) -> None:
        """Forget every byte."""
        with _storage(self._part):
            os.ftruncate(self._file, 0)
            os.lseek(self._file, 0, os.SEEK_SET)
        self._hash = hashlib.sha256()
        self.size = 0
        self.version = self._wanted

    def publish(self) -> Path:
        """Give the complete file its name, durably, and return it."""
        assert self.is_complete
        with _storage(self.target):
            os.fsync(self._file)
            self._part.replace(self.target)
            self._sidecar.unlink(missing_ok=True)
            folder = os.open(self.target.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        return self.target

    def _starts(self, headers: Mapping[str, str]) -> int | None:
        found = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", ""))
        return int(found[1]) if found else None

    def _recall(self) -> None:
        left = self._read_sidecar()
        if left is None or left.etag is None or not left.agrees(replace(self._wanted, etag=None)):
            self.restart()
            return
        self.version = self._wanted.known(left)
        while chunk := os.read(self._file, _CHUNK_BYTES):
            self._hash.update(chunk)
            self.size += len(chunk)
        if self.version.size is not None and self.size > self.version.size:
            self.restart()
        if self.size and self._on_bytes is not None:
            self._on_bytes(self.size, self.version.size)

    def _read_sidecar(self) -> Version | None:
        try:
            with self._sidecar.open("rb") as file:
                found: dict[str, Any] = json.loads(file.read(_SIDECAR_BYTES))
            left = Version(found["etag"], found["size"], found["sha256"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        is_sound = (
            isinstance(left.etag, str) and isinstance(left.size, int | None) and isinstance(left.sha256, str | None)
        )
        return left if is_sound and _STRONG.fullmatch(left.etag or "") else None

    def _remember(self) -> None:
        # Written whole or not at all, and before the first byte: a part without it can't be told from another's.
        facts = {"etag": self.version.etag, "size": self.version.size, "sha256": self.version.sha256}
        fresh = self._sidecar.with_name(self._sidecar.name + ".new")
        with _storage(self._sidecar):
            fresh.write_text(json.dumps(facts) + "\n", "utf-8")
            fresh.replace(self._sidecar)

    def _forget(self) -> None:
        if self._part.exists() and self._part.stat().st_ino == os.fstat(self._file).st_ino:
            self._part.unlink(missing_ok=True)
            self._sidecar.unlink(missing_ok=True)


class Mismatch(DownloadFailed):
    """The server contradicted itself; the part was dropped and another try may end well."""


def _as_it_is(chunk: bytes) -> Iterator[bytes]:
    yield chunk


def _gunzip(name: str) -> Callable[[bytes], Iterator[bytes]]:
    """Return what unpacks a body chunk by chunk, in bounded pieces; what is missing at its end, its digest tells."""
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)

    def unpack(chunk: bytes) -> Iterator[bytes]:
        rest, full = chunk, True
        while (rest or full) and not inflate.eof:  # a full answer may leave more inside, with no input left
            try:
                piece = inflate.decompress(rest, _CHUNK_BYTES)
            except zlib.error:
                raise Mismatch(f"{name} was damaged on the way: it can't be unpacked.") from None
            rest, full = inflate.unconsumed_tail, len(piece) == _CHUNK_BYTES
            yield piece

    return unpack


def is_already(target: Path, wanted: Version) -> bool:
    """Tell whether `target` is the wanted file already."""
    try:
        if wanted.sha256 is None or not target.is_file() or target.stat().st_size != wanted.size:
            return False
        with target.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == wanted.sha256
    except OSError as error:
        raise StorageFailed(f"{target} can't be reached: {error.strerror}. Choose another place.") from error


@contextmanager
def _storage(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull(
                f"No space is left for {path}; make some and download again, it goes on there."
            ) from error
        raise StorageFailed(f"{path} can't be written: {error.strerror}. Choose another place.") from error
