"""
The blob store: bytes by key below one folder on disk.

A blob appears whole under its name or not at all: it is written to a temporary file, synced, and renamed.  What a
crash leaves lies in `.tmp` and is removed by `clear_temporary`.  Keys name files and never leave the folder.
A full disk is StorageFull, any other fault StorageFailed.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NoReturn, Protocol

from lading.errors import StorageFailed, StorageFull

if TYPE_CHECKING:  # its library is large, and most installations have no bucket
    from lading.artifacts.bucket import Bucket

_SEGMENT: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,126}")
_MAX_SEGMENTS: Final = 12
_TEMPORARY: Final = ".tmp"
_BUFFER_BYTES: Final = 1 << 20
_TRIES: Final = 8
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_NO_LINKS: Final = frozenset({errno.EPERM, errno.EXDEV, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS})


class Reading(Protocol):
    """Bytes that are read one after the other."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, none at the end."""
        ...

    def close(self) -> None:
        """Let go of them."""
        ...


def nothing(_done: int) -> None:
    """Hear how far something is, and do nothing."""


class BlobStore:
    """Blobs below `root`, which is made (0700) when the first one is written."""

    def __init__(self, root: Path) -> None:
        self.root: Final = root

    @property
    def bucket(self) -> Bucket | None:
        """Return the bucket that files may lie in."""
        return None

    @property
    def publishes_to(self) -> Bucket | None:
        """Return the bucket that new files are published to, None when they stay here."""
        return None

    def path(self, key: str) -> Path:
        """Return where the blob `key` (`a/b/c`) lies or would lie; ValueError if it is no key."""
        segments = key.split("/")
        if len(segments) > _MAX_SEGMENTS or any(_SEGMENT.fullmatch(segment) is None for segment in segments):
            raise ValueError(f"{key[:80]!r} is not a blob key")
        return self.root.joinpath(*segments)

    @contextmanager
    def writer(self, key: str) -> Generator[BinaryIO]:
        """
        Open the blob `key` for writing; it takes its name when the block ends well and is forgotten otherwise.

        The file is seekable, and its `name` is the path of the temporary file, for libraries that want a path.
        """
        target = self.path(key)
        temporary = self._temporary()
        with storing(temporary):
            raw = _Storing(temporary, "x+")
        try:
            file = io.BufferedWriter(raw, _BUFFER_BYTES)
            yield file
            with storing(target):
                file.flush()
                os.fsync(raw.fileno())
                file.close()
                _rename(temporary, target)
        except BaseException:
            raw.close()  # first, so that closing the buffer can't try to write once more
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise

    def link(self, key: str, name: str) -> None:
        """Give the blob `key` the second name `name`, durable on return; a name that is taken stays as it is."""
        source, target = self.path(key), self.path(name)
        with storing(target):
            for attempt in range(_TRIES):
                try:
                    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                    os.link(source, target)
                except FileExistsError:
                    break
                except FileNotFoundError:
                    # A neighbour removed the folder it had just emptied; make it again.
                    if attempt == _TRIES - 1 or not source.exists():
                        raise
                except OSError as error:
                    if error.errno not in _NO_LINKS:
                        raise
                    self._copy(key, name)
                    break
                else:
                    break
            for folder in (target.parent, *target.parent.parents[:2]):
                _sync_folder(folder)

    def open(self, key: str) -> BinaryIO:
        """Return the blob `key`, open for reading and seeking."""
        path = self.path(key)
        with storing(path):
            return path.open("rb")

    def exists(self, key: str) -> bool:
        """Return whether the blob `key` is there."""
        return self.path(key).is_file()

    def size(self, key: str) -> int:
        """Return the number of bytes of the blob `key`."""
        path = self.path(key)
        with storing(path):
            return path.stat().st_size

    def digest(self, key: str) -> str:
        """Return the SHA-256 of the blob `key` in hex, read from disk now."""
        path = self.path(key)
        with storing(path), path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def delete(self, key: str) -> None:
        """Remove the blob `key`; one that is not there is removed already."""
        path = self.path(key)
        with storing(path):
            path.unlink(missing_ok=True)
        self._remove_empty(path.parent)

    def delete_prefix(self, prefix: str) -> None:
        """Remove every blob whose key begins with `prefix` + `/`."""
        path = self.path(prefix)
        with storing(path):
            while path.is_dir() and not path.is_symlink():
                with contextlib.suppress(FileNotFoundError):  # another process removes it, too
                    shutil.rmtree(path)
        self._remove_empty(path.parent)

    def is_whole(self, key: str, *, size: int, sha256: str) -> bool:
        """Return True when the blob `key` is there with these bytes."""
        try:
            return self.exists(key) and self.size(key) == size and self.digest(key) == sha256
        except StorageFailed:
            return False

    def seems_whole(self, key: str, *, size: int, sha256: str) -> bool:
        """Return what can be known of the blob `key` at little cost; here it is read."""
        return self.is_whole(key, size=size, sha256=sha256)

    @contextmanager
    def lent(
        self,
        key: str,
        *,
        size: int,  # noqa: ARG002 - as of a copy
        sha256: str,  # noqa: ARG002 - as above
        advance: Callable[[int], None] = nothing,  # noqa: ARG002 - as above
    ) -> Generator[Path | None]:
        """Give a path to the bytes of the blob `key` until the block ends; a copy that is not whole is None."""
        yield self.path(key)

    def reading(self, key: str, first: int, end: int, *, size: int) -> Reading:  # noqa: ARG002 - a bucket wants to know
        """Return the bytes from `first` on of a blob of `size` bytes; StorageFailed if it has another size."""
        path = self.path(key)
        with storing(path):
            opened = path.open("rb")
        if os.fstat(opened.fileno()).st_size != size:
            opened.close()
            raise StorageFailed(f"{path} has not the size it was published with; tell the operator.")
        opened.seek(first)
        return opened

    def aged(self, prefix: str, *, older_than_seconds: float) -> Iterator[str]:
        """Yield the keys below `prefix` of files that nobody touched for so long."""
        for folder, _, names in os.walk(self.path(prefix)):
            for name in names:
                path = Path(folder, name)
                with contextlib.suppress(FileNotFoundError):
                    # A second name is younger than the bytes: giving it changes st_ctime alone.
                    if time.time() - path.stat().st_ctime >= older_than_seconds:
                        yield path.relative_to(self.root).as_posix()

    def free_bytes(self) -> int:
        """Return how many bytes may still be written where the blobs are kept."""
        folder = self.root
        while not folder.exists():
            folder = folder.parent
        with storing(folder):
            return shutil.disk_usage(folder).free

    def clear_temporary(self, *, older_than_seconds: float) -> int:
        """Remove what crashed writers left, and return how many files that were."""
        folder, removed = self.root / _TEMPORARY, 0
        if not folder.is_dir():
            return 0
        for path in folder.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > older_than_seconds:
                    path.unlink()
                    removed += 1
        return removed

    def _copy(self, key: str, name: str) -> None:
        with self.open(key) as source, self.writer(name) as sink:
            shutil.copyfileobj(source, sink, _BUFFER_BYTES)

    @contextmanager
    def _scratch(self, temporary: Path) -> Generator[BinaryIO]:
        """Open a temporary file for writing; its name stays after the block, for whoever takes it away."""
        with storing(temporary):
            raw = _Storing(temporary, "x+")
        with raw, io.BufferedWriter(raw, _BUFFER_BYTES) as file:
            yield file

    def _temporary(self) -> Path:
        folder = self.root / _TEMPORARY
        with storing(folder):
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)  # closes all that is below it
            folder.mkdir(mode=0o700, exist_ok=True)
        return folder / f"{os.getpid()}-{secrets.token_hex(8)}"

    def _remove_empty(self, folder: Path) -> None:
        while folder != self.root:
            try:
                folder.rmdir()
            except OSError:
                return  # not empty, or another process was faster
            folder = folder.parent


class _Storing(io.FileIO):
    """A file whose writes raise StorageFull and StorageFailed, so that every caller meets them the same."""

    def __init__(self, path: Path, mode: str) -> None:
        super().__init__(path, mode, opener=_private)

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            _refuse(Path(str(self.name)), error)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def _rename(temporary: Path, target: Path) -> None:
    for attempt in range(_TRIES):
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary.replace(target)
            break
        except (FileNotFoundError, FileExistsError):
            # A neighbour removed the folder it had just emptied; make it again.
            if attempt == _TRIES - 1:
                raise
    # The name must survive a power cut like the bytes do, and so must the folders made for it.
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


@contextmanager
def storing(path: Path) -> Generator[None]:
    """Turn an OSError of the block into StorageFull or StorageFailed about `path`."""
    try:
        yield
    except OSError as error:
        _refuse(path, error)


def _refuse(path: Path, error: OSError) -> NoReturn:
    if error.errno in _FULL:
        raise StorageFull(
            f"No space is left at {path.parent}; free some or move the data directory, then retry."
        ) from error
    reason = error.strerror or type(error).__name__
    raise StorageFailed(
        f"{path} can't be written or read: {reason}. Check the disk and the folder's rights."
    ) from error
