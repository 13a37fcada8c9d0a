"""
What the end of a zip says, read as it stands: the end records, and one line per entry.

Believes nothing: a count, size or place that contradicts the file is refused before anything is read by it.  Which
forms of lines are admitted is for `reader` (packages as Lading writes them) and `foreign` (packages of others).
Standard library only.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

from lading.errors import PackageFault, PackageInvalid

UNIT_32: Final = 0xFFFF_FFFF
_16: Final = 0xFFFF
_END: Final = struct.Struct("<4s4H2IH")
_LOCATOR64: Final = struct.Struct("<4sIQI")
_END64: Final = struct.Struct("<4sQ2H2I4Q")
_CENTRAL: Final = struct.Struct("<4s6H3I5H2I")
END_BYTES: Final = _END.size
_MAX_END_BYTES: Final = _END.size + _LOCATOR64.size + _END64.size
MAX_LINE_BYTES: Final = 1024
"""How much a line, with name and extra fields, may take on the average."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the directory, its fields as they stand there; `number` counts from one."""

    number: int
    made_by: int
    version: int
    flags: int
    method: int
    crc: int
    stored_size: int
    size: int
    disk: int
    attributes: int
    offset: int
    name: bytes
    extra: bytes
    comment: bytes


@dataclass(frozen=True, slots=True)
class Lines:
    """Every line, where the first one begins, and all bytes from there to the end of the file."""

    lines: tuple[Line, ...]
    offset: int
    raw: bytes


def read(file: BinaryIO, *, most: int) -> Lines:
    """Return what the end of the zip in `file` says; PackageInvalid if it has more than `most` entries."""
    total = file.seek(0, 2)
    if total < _END.size:
        raise PackageInvalid(
            "The package is empty or cut off: it is too short for a zip.",
            PackageFault.CUT_OFF if total else PackageFault.EMPTY,
        )
    count, size, offset, end = _end(file, total)
    if count > most:
        raise PackageInvalid(
            f"The package has {count} entries; more than {most} are not read.", PackageFault.TOO_MANY_ENTRIES
        )
    if offset + size != end:
        raise PackageInvalid(
            "The directory of the package points outside it: it is damaged or cut off.", PackageFault.FOREIGN_BYTES
        )
    if size > count * MAX_LINE_BYTES:
        raise PackageInvalid("The directory of the package is larger than its entries need.", PackageFault.TOO_LARGE)
    file.seek(offset)
    raw = file.read(total - offset)
    return Lines(tuple(_lines(raw[:size], count)), offset, raw)


def _end(file: BinaryIO, total: int) -> tuple[int, int, int, int]:
    """Return the number of lines, their size, where they begin, and where the end records do."""
    file.seek(total - min(total, _MAX_END_BYTES))
    tail = file.read(_MAX_END_BYTES)
    place = total - _END.size
    signature, disk, first_disk, here, count, size, offset, comment = _END.unpack(tail[-_END.size :])
    if signature != b"PK\x05\x06" or comment:
        raise PackageInvalid(
            "The package does not end like one: it is cut off, has something after its end, or is no zip.",
            PackageFault.NOT_A_ZIP,
        )
    small = (disk, first_disk, here, count, size, offset)
    before = tail[-_END.size - _LOCATOR64.size : -_END.size]
    if before[:4] != b"PK\x06\x07":
        if UNIT_32 in {size, offset} or _16 in {here, count}:
            raise _lie()
        _undivided(disk, first_disk, here, count)
        return count, size, offset, place
    if len(tail) < _MAX_END_BYTES:
        raise _lie()
    return _wide(tail[: -_END.size], small, place)


def _wide(tail: bytes, small: Sequence[int], place: int) -> tuple[int, int, int, int]:
    start = place - _LOCATOR64.size - _END64.size
    _, of_disk, named, disks = _LOCATOR64.unpack(tail[_END64.size :])
    signature, length, _, _, disk, first_disk, here, count, size, offset = _END64.unpack(tail[: _END64.size])
    wide = (disk, first_disk, here, count, size, offset)
    fillers = (_16, _16, _16, _16, UNIT_32, UNIT_32)
    agree = all(a in {b, filler} for a, b, filler in zip(small, wide, fillers, strict=True))
    if signature != b"PK\x06\x06" or length != _END64.size - 12 or named != start or not agree:
        raise _lie()
    if of_disk or disks != 1:
        raise _lie()
    _undivided(disk, first_disk, here, count)
    return count, size, offset, start


def _undivided(disk: int, first_disk: int, here: int, count: int) -> None:
    if disk or first_disk or here != count:
        raise PackageInvalid("The package is a part of a divided zip.", PackageFault.NOT_A_ZIP)


def _lie() -> PackageInvalid:
    return PackageInvalid("The end of the package is damaged: its ZIP64 records contradict it.", PackageFault.ZIP64)


def _lines(raw: bytes, count: int) -> Iterator[Line]:
    place = 0
    for number in range(1, count + 1):
        if place + _CENTRAL.size > len(raw):
            raise PackageInvalid(f"The directory of the package ends before entry {number} of {count}.")
        (signature, made_by, version, flags, method, _, _, crc, stored_size, size, name_length, extra_length,
         comment_length, disk, _, attributes, offset) = _CENTRAL.unpack_from(raw, place)  # fmt: skip
        begin = place + _CENTRAL.size
        extra, comment = begin + name_length, begin + name_length + extra_length
        place = comment + comment_length
        if signature != b"PK\x01\x02" or place > len(raw):
            raise PackageInvalid(f"Entry {number} of the package's directory is damaged.")
        yield Line(
            number, made_by, version, flags, method, crc, stored_size, size, disk, attributes, offset,
            raw[begin:extra], raw[extra:comment], raw[comment:place],
        )  # fmt: skip
    if place != len(raw):
        raise PackageInvalid("The directory of the package holds more than its entries.", PackageFault.FOREIGN_BYTES)


def widened(shown: str, extra: bytes, small: Sequence[int]) -> list[int]:
    """
    Return the numbers of a line with the wide ones of its ZIP64 field in the place of the fillers.

    `extra` is the content of that field; it must hold exactly the numbers that the line lacks.
    """
    wide = sum(value == UNIT_32 for value in small)
    if len(extra) != 8 * wide or not wide:
        raise PackageInvalid(f"{shown} has a ZIP64 field that does not fit its entry.", PackageFault.ZIP64)
    numbers = iter(struct.unpack(f"<{wide}Q", extra))
    return [next(numbers) if value == UNIT_32 else value for value in small]
