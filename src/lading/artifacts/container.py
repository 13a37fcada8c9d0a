"""
The one form in which Lading writes a zip, as bytes: headers from facts, nothing else.

Writer and verifier both build headers here; the verifier accepts a container only if it is exactly these bytes, so no
bit of it can change unnoticed.  Local headers are complete (no data descriptors), every file is dated 1980-01-01 with
mode 0644, names are UTF-8, there are no comments.  ZIP64 fields appear only where a number needs them.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

# From this size on an entry is written in ZIP64 form.  Below 2^32 by 16 MiB, so that what deflate adds to
# incompressible bytes can't cross the border after the local header's form was chosen.
ZIP64_FROM_BYTES: Final = 0xFF00_0000
MAX_NAME_BYTES: Final = 512

_LOCAL: Final = struct.Struct("<4s5H3I2H")
_CENTRAL: Final = struct.Struct("<4s6H3I5H2I")
_END: Final = struct.Struct("<4s4H2IH")
_END64: Final = struct.Struct("<4sQ2H2I4Q")
_LOCATOR64: Final = struct.Struct("<4sIQI")
_UTF8: Final = 0x0800
_MADE_BY_UNIX: Final = 3 << 8 | 45
_DATE_1980: Final = 0x0021
_REGULAR_0644: Final = 0o100644 << 16
_32: Final = 0xFFFF_FFFF
_16: Final = 0xFFFF


class Method(IntEnum):
    """How a member's bytes are kept."""

    STORED = 0
    DEFLATE = 8

    @property
    def label(self) -> str:
        """Return the word for the manifest."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Member:
    """
    One file of a container: its bytes (`size`, `sha256`, `crc`) and how they are kept.

    `stored_size` and `stored_sha256` are of the bytes between the headers; equal to the others when stored.
    """

    name: str
    size: int
    sha256: str
    method: Method
    stored_size: int
    stored_sha256: str
    crc: int


def local_header(name: str, method: Method, *, size: int, stored_size: int, crc: int) -> bytes:
    """Return what stands before a member's bytes; its length depends on name and `size` alone."""
    raw = name.encode("utf-8")
    large = size >= ZIP64_FROM_BYTES
    extra = struct.pack("<2H2Q", 1, 16, size, stored_size) if large else b""
    small_sizes = (_32, _32) if large else (min(stored_size, _32), size)
    version = _version(large=large, method=method)
    head = _LOCAL.pack(b"PK\x03\x04", version, _UTF8, method, 0, _DATE_1980, crc, *small_sizes, len(raw), len(extra))
    return head + raw + extra


def central_header(member: Member, *, offset: int) -> bytes:
    """Return the directory's line for a member whose local header begins at `offset`."""
    raw = member.name.encode("utf-8")
    large = member.size >= ZIP64_FROM_BYTES
    numbers: list[int] = [member.size, member.stored_size] if large else []
    if offset >= _32:
        numbers.append(offset)
    extra = struct.pack(f"<2H{len(numbers)}Q", 1, 8 * len(numbers), *numbers) if numbers else b""
    small_sizes = (_32, _32) if large else (min(member.stored_size, _32), member.size)
    version = _version(large=bool(numbers), method=member.method)
    head = _CENTRAL.pack(
        b"PK\x01\x02", _MADE_BY_UNIX, version, _UTF8, member.method, 0, _DATE_1980, member.crc, *small_sizes,
        len(raw), len(extra), 0, 0, 0, _REGULAR_0644, min(offset, _32),
    )  # fmt: skip
    return head + raw + extra


def directory(members: Sequence[tuple[Member, int]], *, offset: int) -> bytes:
    """Return everything after the last member: the directory of `members` with their offsets, and the end records."""
    lines = b"".join(central_header(member, offset=start) for member, start in members)
    count, size = len(members), len(lines)
    end64 = b""
    if count >= _16 or size >= _32 or offset >= _32:
        end64 = _END64.pack(b"PK\x06\x06", 44, _MADE_BY_UNIX, 45, 0, 0, count, count, size, offset)
        end64 += _LOCATOR64.pack(b"PK\x06\x07", 0, offset + size, 1)
    end = _END.pack(b"PK\x05\x06", 0, 0, min(count, _16), min(count, _16), min(size, _32), min(offset, _32), 0)
    return lines + end64 + end


def _version(*, large: bool, method: Method) -> int:
    if large:
        return 45
    return 20 if method is Method.DEFLATE else 10
