"""
Read the directory of a zip that somebody else may have made, believing nothing in it.

Only the form of `container` is accepted, and only within limits; every refusal is PackageInvalid with one sentence.
What is returned is what the directory claims; `verify` compares it with the bytes.  Zips of other programs are read by
`foreign`.  Standard library only.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

from lading.artifacts import names, ziplines
from lading.artifacts.container import Method
from lading.artifacts.limits import Limits, is_bomb
from lading.artifacts.ziplines import Line
from lading.errors import PackageInvalid

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
    found = ziplines.read(file, most=limits.entries)
    claims = tuple(map(_claim, found.lines))
    _admit(claims, limits)
    return Directory(claims, found.offset, found.raw)


def _claim(line: Line) -> Claim:
    name = _name(line.name, line.number)
    _refuse(name, line)
    small = (line.size, line.stored_size, line.offset)
    size, stored_size, offset = _widened(name, line.extra, small) if line.extra or ziplines.UNIT_32 in small else small
    return Claim(name, Method(line.method), line.crc, size, stored_size, offset)


def _name(raw: bytes, number: int) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise PackageInvalid(f"The name of entry {number} is not UTF-8.") from None


def _refuse(name: str, line: Line) -> None:
    wrong = names.fault(name)
    if wrong is None and line.flags & _ENCRYPTED:
        wrong = "it is encrypted"
    if wrong is None and line.attributes >> 16 & _TYPE_MASK == _SYMLINK:
        wrong = "it is a link"
    if wrong is None and line.method not in {Method.STORED, Method.DEFLATE}:
        wrong = f"it is kept by method {line.method}, which no package uses"
    if wrong is not None:
        raise PackageInvalid(f"{_shown(name)} is not allowed in a package: {wrong}.")


def _widened(name: str, extra: bytes, small: Sequence[int]) -> Sequence[int]:
    if extra[:4] != struct.pack("<2H", 1, max(len(extra) - 4, 0)):
        raise PackageInvalid(f"{_shown(name)} carries fields that no package has.")
    return ziplines.widened(_shown(name), extra[4:], small)


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
