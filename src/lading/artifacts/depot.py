"""
The files of an installation that has, or had, a bucket: some on disk, some there, each where its name says.

To its callers it is a blob store.  What reads published files by a path of its own is lent a copy, compared with the
digest; what only wants bytes is given them as they come.  Without a bucket a name that is there is refused, not
missing: nobody takes a file for lost because a setting was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from lading.artifacts import registry
from lading.artifacts.blobs import BlobStore, Reading, nothing
from lading.artifacts.carrying import CHUNK_BYTES
from lading.errors import StorageFailed, StorageFull

if TYPE_CHECKING:  # its library is large, and most installations have no bucket
    from lading.artifacts.bucket import Bucket

_SPARE_BYTES: Final = 256 << 20


class Depot(BlobStore):
    """Files below `root` and in `bucket`; new ones are published to the bucket if `is_published_there`."""

    def __init__(self, root: Path, bucket: Bucket | None, *, is_published_there: bool) -> None:
        super().__init__(root)
        self._bucket: Final = bucket
        self._is_published_there: Final = is_published_there

    @property
    def bucket(self) -> Bucket | None:
        """Return the bucket that files may lie in."""
        return self._bucket

    @property
    def publishes_to(self) -> Bucket | None:
        """Return the bucket that new files are published to, None when they stay here."""
        return self._bucket if self._is_published_there else None

    def path(self, key: str) -> Path:
        """Return where the blob `key` lies on disk; ValueError if it is no key, or one of a file in the bucket."""
        if registry.is_away(key):
            raise ValueError(f"{key[:80]!r} is in the bucket")
        return super().path(key)

    def link(self, key: str, name: str) -> None:
        """Give the blob `key` the second name `name` on disk: a copy of it, if it lies in the bucket."""
        if not registry.is_away(key):
            super().link(key, name)
            return
        size = self.size(key)
        if not super().exists(name):
            self._require_room(size)
            with self.writer(name) as sink:
                self._copy_away(key, sink, size, nothing)

    def exists(self, key: str) -> bool:
        """Return whether the blob `key` is there."""
        return self._there.size(key) is not None if registry.is_away(key) else super().exists(key)

    def size(self, key: str) -> int:
        """Return the number of bytes of the blob `key`."""
        if not registry.is_away(key):
            return super().size(key)
        found = self._there.size(key)
        if found is None:
            raise StorageFailed(f"The file {key} is not in the bucket; tell the operator.")
        return found

    def delete(self, key: str) -> None:
        """Remove the blob `key`; one that is not there is removed already."""
        if registry.is_away(key):
            self._there.delete(key)
        else:
            super().delete(key)

    def is_whole(self, key: str, *, size: int, sha256: str) -> bool:
        """Return True when the blob `key` is there with these bytes; a bucket that does not answer is no answer."""
        if registry.is_away(key):
            return self._there.digest(key, size=size) == sha256
        return super().is_whole(key, size=size, sha256=sha256)

    def seems_whole(self, key: str, *, size: int, sha256: str) -> bool:
        """Return what the bucket says of its file without reading it; a file on disk is read."""
        if registry.is_away(key):
            return self._there.has(key, size=size, sha256=sha256)
        return super().seems_whole(key, size=size, sha256=sha256)

    @contextmanager
    def lent(
        self, key: str, *, size: int, sha256: str, advance: Callable[[int], None] = nothing
    ) -> Generator[Path | None]:
        """Give a path to the bytes of the blob `key` until the block ends; a copy that is not whole is None."""
        if not registry.is_away(key):
            with super().lent(key, size=size, sha256=sha256, advance=advance) as path:
                yield path
            return
        if self._there.size(key) != size:
            yield None
            return
        temporary = self._temporary()
        try:
            self._require_room(size)
            with self._scratch(temporary) as sink:
                found = self._copy_away(key, sink, size, advance)
            yield temporary if found == sha256 else None
        finally:
            temporary.unlink(missing_ok=True)

    def reading(self, key: str, first: int, end: int, *, size: int) -> Reading:
        """Return the bytes `first` to before `end` of a blob of `size` bytes; StorageFailed if it has another size."""
        if registry.is_away(key):
            return self._there.open(key, first, end, size=size)
        return super().reading(key, first, end, size=size)

    @property
    def _there(self) -> Bucket:
        if self._bucket is None:
            raise StorageFailed(
                "The file lies in a bucket and none is set; name it again in LADING_ARTIFACTS, after `data,` if new "
                "files are to be kept in the data directory."
            )
        return self._bucket

    def _copy_away(self, key: str, sink: BinaryIO, size: int, advance: Callable[[int], None]) -> str:
        """Write the file's bytes to `sink` and return their SHA-256; StorageFailed if there are fewer or more."""
        hashed, count, body = hashlib.sha256(), 0, self._there.open(key, 0, size, size=size)
        try:
            while chunk := body.read(CHUNK_BYTES):
                count += len(chunk)
                if count > size:
                    break
                hashed.update(chunk)
                sink.write(chunk)
                advance(0)
        finally:
            body.close()
        if count != size:
            raise StorageFailed(f"The bucket gave {count} of the {size} bytes of {key}; they are asked for again.")
        return hashed.hexdigest()

    def _require_room(self, size: int) -> None:
        if self.free_bytes() - size < _SPARE_BYTES:
            raise StorageFull(
                f"No space is left below {self.root} for a copy of {size} bytes from the bucket; make some, then retry."
            )
