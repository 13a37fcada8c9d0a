"""One file that is being read, and the sentences about it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, Self

from lading.errors import SourceRefused, SourceUnreachable

# A line, or a field of several lines; an unclosed quote must not read the rest of the file into memory.
LINE_BYTES: Final = 8 << 20
MOST_COLUMNS: Final = 1024
_PIECE_BYTES: Final = 1 << 20


class File:
    """A file opened for reading; `name` is how its source calls it."""

    def __init__(self, name: str, path: Path) -> None:
        self.name: Final = name
        self.path: Final = path
        self._handle: BinaryIO | None = None
        self._stamp: tuple[int, int, int] | None = None

    def __enter__(self) -> Self:
        try:
            # O_NOFOLLOW: the path was resolved before; a link put there since is not followed.
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except PermissionError:
            raise SourceRefused(
                f"{self.name} can't be read by the user of the workers. Let that user read it."
            ) from None
        except OSError as error:
            raise SourceUnreachable(
                f"{self.name} can't be opened ({error.strerror}). Look at it, then retry."
            ) from None
        self._handle = os.fdopen(descriptor, "rb")
        self._stamp = self._now()
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle is not None:
            self._handle.close()

    @property
    def handle(self) -> BinaryIO:
        """Return the open file."""
        assert self._handle is not None
        return self._handle

    @property
    def size(self) -> int:
        """Return how many bytes it has."""
        return os.fstat(self.handle.fileno()).st_size

    def require_unchanged(self) -> None:
        """Raise SourceUnreachable when somebody wrote to it since it was opened."""
        if self._now() != self._stamp:
            raise SourceUnreachable(f"{self.name} was changed while it was read. Retry when its writer is done.")

    def lines_before(self) -> int:
        """Return how many lines end before the place where it is read."""
        place, count = self.handle.tell(), 0
        self.handle.seek(0)
        for start in range(0, place, _PIECE_BYTES):
            count += self.handle.read(min(_PIECE_BYTES, place - start)).count(b"\n")
        self.handle.seek(place)
        return count

    def lines(self) -> Iterator[bytes]:
        """Yield its lines, with their ends; SourceRefused when one is too long."""
        while line := self.handle.readline(LINE_BYTES + 1):
            if len(line) > LINE_BYTES:
                raise SourceRefused(f"{self.name} has a line of over {LINE_BYTES >> 20} MiB. Check that it is whole.")
            yield line

    def bad(self, line: int, reason: str) -> SourceRefused:
        """Return the sentence about a line."""
        return SourceRefused(f"{self.name}, line {line}: {reason}. Correct the file, or source.read in the profile.")

    def _now(self) -> tuple[int, int, int]:
        status = os.fstat(self.handle.fileno())
        return status.st_ino, status.st_size, status.st_mtime_ns
