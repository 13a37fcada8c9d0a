"""
Read the directory of a zip that somebody else may have made, believing nothing in it.

Only the form of `container` is accepted, and only within limits; every refusal is PackageInvalid with one sentence.
What is returned is what the directory claims; `verify` compares it with the bytes.  Standard library only.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

from lading.artifacts import names
from lading.artifacts.container import Method
from lading.artifacts.limits import Limits, is_bomb
from lading.errors import PackageInvalid

_END: Final = struct.Struct("<4s4H2IH")
_LOCATOR64: Final = struct.Struct("<4sIQI")
_END64: Final = struct.Struct("<4sQ2H2I4Q")
_CENTRAL: Final = struct.Struct("<4s6H3I5H2I")
_MAX_LINE_BYTES: Final = 1024  # of the directory, with name and extra
_MAX_END_BYTES: Final = _END.size + _LOCATOR64.size + _END64.size
_32: Final = 0xFFFF_FFFF
_16: Final = 0xFFFF
_ENCRYPTED: Final = 0x0001
_SYMLINK: Final = 0o120000
_TYPE_MASK: Final = 0o170000


@dataclass(frozen=True, slots=True)
class Claim:
    """What the directory says of one file."""

    name: str
    method: Method
    crc: int
    size: int
    stored_size: int
    offset: int


@dataclass(frozen=True, slots=True)
class Directory:
    """What the directory says, where it begins, and all bytes from there to the end."""

    claims: tuple[Claim, ...]
    offset: int
    raw: bytes


def read(file: BinaryIO, limits: Limits) -> Directory:
    """Return the directory of the zip in `file`."""
    total = file.seek(0, 2)
    if total < _END.size:
        raise PackageInvalid("The package is empty or cut off: it is too short for a zip.")
    count, size, offset = _end(file, total)
    if count > limits.entries:
        raise PackageInvalid(f"The package has {count} entries; more than {limits.entries} are not read.")
    after = total - offset - size
    if not _END.size <= after <= _MAX_END_BYTES or size > count * _MAX_LINE_BYTES:
        raise PackageInvalid("The directory of the package points outside it: it is damaged or cut off.")
    file.seek(offset)
    raw = file.read(total - offset)
    claims = tuple(_claims(raw[:size], count))
    _admit(claims, limits)
    return Directory(claims, offset, raw)


def _end(file: BinaryIO, total: int) -> tuple[int, int, int]:
    file.seek(total - _END.size)
    signature, _, _, _, count, size, offset, comment = _END.unpack(file.read(_END.size))
    if signature != b"PK\x05\x06" or comment:
        raise PackageInvalid(
            "The package does not end like one: it is cut off, has something after its end, or is no zip."
        )
    if _32 not in {size, offset} and count != _16:
        return count, size, offset
    place = total - _END.size - _LOCATOR64.size - _END64.size
    if place < 0:
        raise PackageInvalid("The end of the package is damaged.")
    file.seek(place)
    signature, _, _, _, _, _, _, count, size, offset = _END64.unpack(file.read(_END64.size))
    if signature != b"PK\x06\x06":
        raise PackageInvalid("The end of the package is damaged.")
    return count, size, offset


def _claims(raw: bytes, count: int) -> Iterator[Claim]:
    place = 0
    for number in range(count):
        if place + _CENTRAL.size > len(raw):
            raise PackageInvalid(f"The directory of the package ends before entry {number + 1} of {count}.")
        (signature, _, _, flags, method, _, _, crc, stored_size, size, name_length, extra_length, comment_length,
         _, _, attributes, offset) = _CENTRAL.unpack_from(raw, place)  # fmt: skip
        begin = place + _CENTRAL.size
        place = begin + name_length + extra_length + comment_length
        if signature != b"PK\x01\x02" or place > len(raw):
            raise PackageInvalid(f"Entry {number + 1} of the package's directory is damaged.")
        name = _name(raw[begin : begin + name_length], number)
        _refuse(name, flags=flags, method=method, attributes=attributes)
        extra = raw[begin + name_length : begin + name_length + extra_length]
        size, stored_size, offset = _widened(name, extra, [size, stored_size, offset])
        yield Claim(name, Method(method), crc, size, stored_size, offset)
    if place != len(raw):
        raise PackageInvalid("The directory of the package holds more than its entries.")


def _name(raw: bytes, number: int) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise PackageInvalid(f"The name of entry {number + 1} is not UTF-8.") from None


def _refuse(name: str, *, flags: int, method: int, attributes: int) -> None:
    wrong = names.fault(name)
    if wrong is None and flags & _ENCRYPTED:
        wrong = "it is encrypted"
    if wrong is None and attributes >> 16 & _TYPE_MASK == _SYMLINK:
        wrong = "it is a link"
    if wrong is None and method not in {Method.STORED, Method.DEFLATE}:
        wrong = f"it is kept by method {method}, which no package uses"
    if wrong is not None:
        raise PackageInvalid(f"{_shown(name)} is not allowed in a package: {wrong}.")


def _widened(name: str, extra: bytes, small: Sequence[int]) -> Sequence[int]:
    wide = [value for value in small if value == _32]
    if not wide and not extra:
        return small
    if len(extra) != 4 + 8 * len(wide) or extra[:4] != struct.pack("<2H", 1, 8 * len(wide)):
        raise PackageInvalid(f"{_shown(name)} carries fields that no package has.")
    numbers = iter(struct.unpack_from(f"<{len(wide)}Q", extra, 4))
    return [next(numbers) if value == _32 else value for value in small]


def _admit(claims: Sequence[Claim], limits: Limits) -> None:
    twice = names.clash(claim.name for claim in claims)
    if twice is not None:
        raise PackageInvalid(f"{_shown(twice)} is in the package twice.")
    for claim in claims:
        if claim.size > limits.entry_bytes or is_bomb(claim.size, claim.stored_size, limits):
            raise PackageInvalid(
                f"{_shown(claim.name)} would unpack from {claim.stored_size} to {claim.size} bytes: so much is refused."
            )
    total = sum(claim.size for claim in claims)
    if total > limits.total_bytes:
        raise PackageInvalid(f"The package would unpack to {total} bytes; more than {limits.total_bytes} are refused.")


def _shown(name: str) -> str:
    # A hostile name must not write on the terminal.
    return repr(name[:120])
