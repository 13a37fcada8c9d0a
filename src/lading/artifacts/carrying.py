"""
What every kind of destination is given and gives back: a parcel, a journal, and the errors both sides know.

A carrier brings one file to one name and is done when it lies there, whole and durable.  Doing it again changes
nothing; other content under the name is never replaced unless the parcel says so.  A carrier holds no database: what
has to outlive it, it writes into the journal, whose every call is durable when it returns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Protocol, TypeAlias

from lading.artifacts.blobs import storing
from lading.errors import StorageFailed

CHUNK_BYTES: Final = 1 << 20
PART_BYTES: Final = 8 << 20
_MOST_PARTS: Final = 9_000
Advance: TypeAlias = Callable[[int], None]
"""Hears how many bytes are there, and raises Halted when the attempt has to stop."""


class Halted(Exception):
    """The attempt was asked to stop."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """
    One file to bring, and what it shall be called there.

    `token` begins the names of unfinished files of this delivery, `stamp` tells this attempt's from others'.
    """

    path: Path
    size: int
    sha256: str
    name: str
    media_type: str
    overwrite: bool
    token: str
    stamp: str

    def open(self) -> BinaryIO:
        """Return the file, open for reading."""
        with storing(self.path):
            return self.path.open("rb")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an upload that the store has."""

    number: int
    size: int
    sha256: str
    etag: str


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload in parts; without an id it was about to be begun when its attempt was killed."""

    name: str
    id: str | None
    sha256: str
    part_bytes: int
    parts: Mapping[int, Part]


class Journal(Protocol):
    """What a carrier remembers beyond its death; each call has committed when it returns, or raises."""

    def upload(self) -> Upload | None:
        """Return the upload that an earlier attempt left."""
        ...

    def begin(self, name: str, sha256: str, part_bytes: int) -> None:
        """Remember that an upload is about to be begun, instead of any other."""
        ...

    def began(self, upload_id: str) -> None:
        """Remember the id that the store gave it."""
        ...

    def put(self, part: Part) -> None:
        """Remember a part that the store has."""
        ...

    def drop(self) -> None:
        """Forget the upload: it is whole, or gone."""
        ...

    def confirm(self) -> None:
        """Return if the attempt still owns its job; called right before anything becomes visible."""
        ...


class Carrier(Protocol):
    """Brings files to one destination."""

    def carry(self, parcel: Parcel, journal: Journal, advance: Advance) -> str:
        """Return where the file lies, whole, durable and read back; DestinationError says what was in the way."""
        ...

    def abandon(self, name: str, token: str, journal: Journal) -> None:
        """Remove what unfinished attempts left; nothing that is visible is touched."""
        ...

    def trial(self) -> str:
        """Return a sentence about a destination that can be written to; DestinationError says why it can't."""
        ...


def damaged(parcel: Parcel) -> StorageFailed:
    """Return the error for a file that is not what was published."""
    return StorageFailed(f"The stored file of {parcel.name} is not what was published; it is not delivered.")


def sent(parcel: Parcel, part_bytes: int, send: Callable[[int, bytes], Part], advance: Advance) -> list[Part]:
    """Return the parts of a parcel after `send` has had each with its number; StorageFailed if it is not whole."""
    parts, size, hashed = list[Part](), 0, hashlib.sha256()
    with parcel.open() as file:
        while body := file.read(part_bytes):
            hashed.update(body)
            parts.append(send(len(parts) + 1, body))
            size += len(body)
            advance(min(size, parcel.size))
    if hashed.hexdigest() != parcel.sha256:
        raise damaged(parcel)
    return parts


def part_bytes_of(size: int) -> int:
    """
    Return how large a part is: so that few suffice, whole MiB.

    >>> part_bytes_of(1000) >> 20, part_bytes_of(100 << 30) >> 20
    (8, 12)
    """
    return max(PART_BYTES, -(-size // (_MOST_PARTS << 20)) << 20)
