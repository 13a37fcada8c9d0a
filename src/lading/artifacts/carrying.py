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
from lading.errors import DestinationTaken, StorageFailed

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

    `token` begins the names of unfinished files of this delivery, `stamp` tells this attempt's from others'.  `id` is
    the same for every attempt to bring this export to this destination.
    """

    path: Path
    size: int
    sha256: str
    name: str
    media_type: str
    overwrite: bool
    token: str
    stamp: str
    id: str

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

    def part(self, number: int, *, size: int, sha256: str) -> Part | None:
        """Return the part of this number if the store has it with these bytes."""
        known = self.parts.get(number)
        return known if known is not None and (known.size, known.sha256) == (size, sha256) else None


@dataclass(frozen=True, slots=True)
class Lying:
    """What a store says of what lies there: its size and the digest it was sent with; `digest` reads it."""

    size: int
    sha256: str | None
    digest: Callable[[], str]


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


def holds(parcel: Parcel, found: Lying | None, *, where: str, name: str, is_read: bool, is_sent: bool) -> bool:
    """
    Return True when the parcel lies there, False when its name is free for it; else DestinationTaken.

    It is read if `is_read`, or if the store does not know with which digest it was sent.  Once `is_sent`, even who may
    overwrite must find the parcel.
    """
    if found is None:
        return False
    is_ours = found.size == parcel.size and found.sha256 in {None, parcel.sha256}
    if is_ours and (found.sha256 is None or is_read):
        is_ours = found.digest() == parcel.sha256
    if is_ours:
        return True
    if parcel.overwrite and not is_sent:
        return False
    raise DestinationTaken(
        f"{where} has other content as {name}. Move it away, give the destination an object_name with "
        "{export}, or let it overwrite."
    )


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
