"""
The one form of a bundle's zip: files stored as they are, in the order of their names, nothing between or after them.

The reader builds every header again from name, size and CRC and accepts no other byte, so no bit of the container is
free.  Every file is dated 1980-01-01 with mode 0644; ZIP64 fields appear only where a number needs them.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final, Protocol

from lading_verify.errors import Refused
from lading_verify.layout import LIMITS, STATEMENT, Limits

ZIP64_FROM_BYTES: Final = 0xFFFF_FFFF
MAX_NAME_BYTES: Final = 200
CHUNK_BYTES: Final = 1 << 20
_LOCAL: Final = struct.Struct("<4s5H3I2H")
_CENTRAL: Final = struct.Struct("<4s6H3I5H2I")
_END: Final = struct.Struct("<4s4H2IH")
_END64: Final = struct.Struct("<4sQ2H2I4Q")
_LOCATOR64: Final = struct.Struct("<4sIQI")
_UTF8: Final = 0x0800
_MADE_BY_UNIX: Final = 3 << 8 | 45
_DATE_1980: Final = 0x0021
_REGULAR_0644: Final = 0o100644 << 16
_MAX_LINE_BYTES: Final = _CENTRAL.size + MAX_NAME_BYTES + 28
_TAIL_BYTES: Final = 1 << 16
_32: Final = 0xFFFF_FFFF
_16: Final = 0xFFFF


@dataclass(frozen=True, slots=True)
class Member:
    """One file: where its header begins, its size and its CRC."""

    name: str
    size: int
    crc: int
    offset: int

    @property
    def start(self) -> int:
        """Return where its bytes begin."""
        return self.offset + len(local_header(self.name, size=self.size, crc=self.crc))


class Sink(Protocol):
    """Anything that bytes can be written to, in order."""

    def write(self, data: bytes, /) -> object:
        """Take the next bytes."""
        ...


class Writer:
    """A bundle's zip being written to a sink that need not be sought; size and CRC of a file are known before it."""

    def __init__(self, sink: Sink) -> None:
        self._sink: Final = sink
        self._members: Final = list[Member]()
        self._offset = 0

    def add(self, name: str, chunks: Iterable[bytes], *, size: int, crc: int) -> Member:
        """Append a file; ValueError if its name is not after the last one, or its bytes are not as announced."""
        if self._members and name <= self._members[-1].name:
            raise ValueError(f"{name} comes after {self._members[-1].name}; names go in order")
        if not name.isascii() or not 0 < len(name) <= MAX_NAME_BYTES:
            raise ValueError(f"{name[:60]!r} can't be a name in a bundle")
        member = Member(name, size, crc, self._offset)
        self._sink.write(local_header(name, size=size, crc=crc))
        seen, counted = 0, 0
        for chunk in chunks:
            seen, counted = seen + len(chunk), zlib.crc32(chunk, counted)
            self._sink.write(chunk)
        if (seen, counted) != (size, crc):
            raise ValueError(f"{name} changed while it was packed")
        self._members.append(member)
        self._offset = member.start + size
        return member

    def close(self) -> int:
        """Write the directory and return the size of the whole; the sink stays open."""
        end = directory(self._members, offset=self._offset)
        self._sink.write(end)
        return self._offset + len(end)


def local_header(name: str, *, size: int, crc: int) -> bytes:
    """Return what stands before a file's bytes."""
    raw = name.encode()
    large = size >= ZIP64_FROM_BYTES
    extra = struct.pack("<2H2Q", 1, 16, size, size) if large else b""
    small = min(size, _32)
    version = 45 if large else 10
    return _LOCAL.pack(
        b"PK\x03\x04", version, _UTF8, 0, 0, _DATE_1980, crc, small, small, len(raw), len(extra)
    ) + raw + extra  # fmt: skip


def central_header(member: Member) -> bytes:
    """Return the directory's line for a file."""
    raw = member.name.encode()
    numbers = [member.size, member.size] if member.size >= ZIP64_FROM_BYTES else []
    if member.offset >= _32:
        numbers.append(member.offset)
    extra = struct.pack(f"<2H{len(numbers)}Q", 1, 8 * len(numbers), *numbers) if numbers else b""
    small = min(member.size, _32)
    return _CENTRAL.pack(
        b"PK\x01\x02", _MADE_BY_UNIX, 45 if numbers else 10, _UTF8, 0, 0, _DATE_1980, member.crc, small, small,
        len(raw), len(extra), 0, 0, 0, _REGULAR_0644, min(member.offset, _32),
    ) + raw + extra  # fmt: skip


def directory(members: Sequence[Member], *, offset: int) -> bytes:
    """Return everything after the last file: the directory, and the end records."""
    lines = b"".join(map(central_header, members))
    count, size = len(members), len(lines)
    end64 = b""
    if count >= _16 or size >= _32 or offset >= _32:
        end64 = _END64.pack(b"PK\x06\x06", 44, _MADE_BY_UNIX, 45, 0, 0, count, count, size, offset)
        end64 += _LOCATOR64.pack(b"PK\x06\x07", 0, offset + size, 1)
    end = _END.pack(b"PK\x05\x06", 0, 0, min(count, _16), min(count, _16), min(size, _32), min(offset, _32), 0)
    return lines + end64 + end


def read(file: BinaryIO, limits: Limits = LIMITS) -> dict[str, Member]:
    """Return the files of the zip in `file`, by name; Refused unless the container is exactly of this form."""
    total = file.seek(0, 2)
    if total < _END.size:
        raise Refused("it is empty or cut off: too short for a zip")
    if total > limits.total_bytes:
        raise Refused(f"it has {total} bytes; more than {limits.total_bytes} are not read")
    count, size, offset = _end(file, total)
    if count > limits.files:
        raise Refused(f"it has {count} files; more than {limits.files} are not read")
    if size > count * _MAX_LINE_BYTES or offset + size > total - _END.size:
        raise Refused("its directory points outside it: it is damaged or cut off")
    file.seek(offset)
    raw = file.read(total - offset) if total - offset <= size + 200 else b""
    members = list(_members(raw, count))
    place, before = 0, ""
    for member in members:
        if member.name <= before:
            raise Refused("it is there twice, or out of order", file=_shown(member.name))
        if member.offset != place:
            raise Refused("it is not where it should be: bytes were put in or taken out before it", file=member.name)
        head = local_header(member.name, size=member.size, crc=member.crc)
        file.seek(place)
        if file.read(len(head)) != head:
            raise Refused("its header in the zip was changed", file=member.name)
        place, before = place + len(head) + member.size, member.name
    if place != offset or directory(members, offset=offset) != raw:
        raise Refused("the directory of the zip is not the one its files ask for: something was changed or added")
    return {member.name: member for member in members}


def looks_like_one(file: BinaryIO) -> bool:
    """Return whether `file` is meant to be a bundle: its first or its last file is one that only bundles have."""
    file.seek(0)
    head = file.read(_LOCAL.size + 16)[_LOCAL.size :]
    file.seek(max(0, file.seek(0, 2) - _TAIL_BYTES))
    return head.startswith((b"VERIFY.md", b"attestations/", b"bag-info.txt")) or STATEMENT.encode() in file.read()


def chunks(file: BinaryIO, member: Member) -> Iterator[bytes]:
    """Yield the bytes of a file; Refused at the end when they do not have its CRC."""
    file.seek(member.start)
    left, crc = member.size, 0
    while left:
        chunk = file.read(min(CHUNK_BYTES, left))
        if not chunk:
            raise Refused("it is cut off", file=member.name)
        left -= len(chunk)
        crc = zlib.crc32(chunk, crc)
        yield chunk
    if crc != member.crc:
        raise Refused("its bytes do not have the CRC of the zip: it is damaged", file=member.name)


def content(file: BinaryIO, member: Member, *, limit: int) -> bytes:
    """Return the bytes of a small file."""
    if member.size > limit:
        raise Refused(f"it has {member.size} bytes; more than {limit} are not read", file=member.name)
    return b"".join(chunks(file, member))


def _end(file: BinaryIO, total: int) -> tuple[int, int, int]:
    file.seek(total - _END.size)
    signature, _, _, _, count, size, offset, comment = _END.unpack(file.read(_END.size))
    if signature != b"PK\x05\x06" or comment:
        raise Refused("it does not end like a bundle: it is cut off, has something after its end, or is no zip")
    if _32 not in {size, offset} and count != _16:
        return count, size, offset
    place = total - _END.size - _LOCATOR64.size - _END64.size
    if place < 0:
        raise Refused("the end of the zip is damaged")
    file.seek(place)
    signature, _, _, _, _, _, _, count, size, offset = _END64.unpack(file.read(_END64.size))
    if signature != b"PK\x06\x06":
        raise Refused("the end of the zip is damaged")
    return count, size, offset


def _members(raw: bytes, count: int) -> Iterator[Member]:
    place = 0
    for number in range(1, count + 1):
        if place + _CENTRAL.size > len(raw):
            raise Refused(f"the directory of the zip ends before file {number} of {count}")
        (signature, _, _, _, method, _, _, crc, _, size, name_length, extra_length, _, _, _, _, offset) = (
            _CENTRAL.unpack_from(raw, place)
        )
        begin = place + _CENTRAL.size
        place = begin + name_length + extra_length
        name = raw[begin : begin + name_length]
        if signature != b"PK\x01\x02" or not name.isascii() or not 0 < len(name) <= MAX_NAME_BYTES:
            raise Refused(f"entry {number} of the zip's directory is damaged")
        if method != 0:
            raise Refused("it is compressed; a bundle stores its files as they are", file=_shown(name.decode()))
        extra = raw[begin + name_length : place]
        wide = [value for value in (size, size, offset) if value == _32]
        if len(extra) != (4 + 8 * len(wide) if wide else 0):
            raise Refused("its entry carries fields that no bundle has", file=_shown(name.decode()))
        if wide:
            numbers = list(struct.unpack_from(f"<{len(wide)}Q", extra, 4))
            offset = numbers.pop() if offset == _32 else offset
            size = numbers[0] if size == _32 else size
        yield Member(name.decode(), size, crc, offset)


def _shown(name: str) -> str:
    # A hostile name must not write on the terminal.
    return repr(name[:120])
