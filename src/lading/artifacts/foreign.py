"""
Read a zip that another program made, believing nothing in it.

Every byte of the file belongs to one entry or to the directory: nothing stands before, between or after them, no two
entries share one, and what is said of an entry before its bytes is what the directory says.  So every reader finds the
same files in it.  Admitted are folders and ordinary files, stored or deflated, under portable names that are different
on every system.  Every refusal is PackageInvalid with its fault.  Standard library only.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO, Final

from lading.artifacts import names, ziplines
from lading.artifacts.container import Method
from lading.artifacts.limits import Limits, is_bomb
from lading.artifacts.ziplines import UNIT_32, Line
from lading.errors import PackageFault, PackageInvalid

_CHUNK_BYTES: Final = 1 << 18
_LOCAL: Final = struct.Struct("<4s5H3I2H")
_ENCRYPTED: Final = 0x0001 | 0x0040 | 0x2000
_DESCRIBED_AFTER: Final = 0x0008
_UTF8: Final = 0x0800
_KNOWN_FLAGS: Final = _ENCRYPTED | 0x0006 | _DESCRIBED_AFTER | _UTF8
_MAX_DESCRIPTION_BYTES: Final = 24
_ZIP64: Final = 0x0001
_STRONG_ENCRYPTION: Final = 0x0017
_UNICODE_NAME: Final = 0x7075
_AES: Final = 0x9901
_MARKS: Final = re.compile(rb"PK(\x01\x02|\x03\x04|\x07\x08)")
_AGE: Final = (b"age-encryption.org/", b"-----BEGIN AGE ENCRYPT")
_TYPE_MASK: Final = 0o170000
_NEWEST: Final = 63
"""The version of the format up to which a reader may need nothing but what is checked here: 6.3."""
_FOLDER: Final = 0o040000
_REGULAR: Final = 0o100000
_LINK: Final = 0o120000
_DOS_FOLDER: Final = 0x10
_DOS_VOLUME: Final = 0x08
_DOS_REPARSE: Final = 0x400
_PLAIN_ZIP: Final = frozenset({0, 3, 6, 7, 10, 11, 14, 19})
"""Systems whose entries have attributes that we know: MS-DOS, Unix, OS/2, Macintosh, NTFS, MVS, VFAT, Darwin."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: what its headers agree on.  Its bytes are believed only as `chunks` yields them."""

    name: str
    is_folder: bool
    method: Method
    crc: int
    size: int
    stored_size: int
    offset: int
    start: int
    """Where its bytes begin; `offset` is where its header does."""
    is_described_after: bool = False


def entries(file: BinaryIO, limits: Limits) -> tuple[Entry, ...]:
    """Return the entries of the zip in `file` in the order of its directory, folders without the last slash."""
    file.seek(0)
    if file.read(22).startswith(_AGE):
        raise PackageInvalid(
            "The package is encrypted for its recipients; decrypt it with `age -d` first.", PackageFault.ENCRYPTED
        )
    found = ziplines.read(file, most=limits.entries)
    if not found.lines:
        raise PackageInvalid("The package is empty: it has no entry.", PackageFault.EMPTY)
    if sum(len(line.name) for line in found.lines) > limits.names_bytes:
        raise PackageInvalid("The names in the package are longer than is read.", PackageFault.TOO_LARGE)
    listed = [_entry(line, file, found.offset) for line in found.lines]
    _admit(listed, limits)
    _tile(file, sorted(listed, key=lambda entry: entry.offset), found.offset)
    return tuple(listed)


def chunks(file: BinaryIO, entry: Entry) -> Iterator[bytes]:
    """Yield the bytes of an entry as they unpack, never more than announced; at the end size and CRC are right."""
    size, crc = 0, 0
    for chunk in _plain(file, entry):
        size += len(chunk)
        if size > entry.size:
            raise _bad(entry.name, f"it unpacks to more than the {entry.size} bytes it names", PackageFault.BOMB)
        crc = zlib.crc32(chunk, crc)
        yield chunk
    if size != entry.size:
        raise _bad(entry.name, f"it unpacks to {size} bytes instead of {entry.size}", PackageFault.HEADERS_DISAGREE)
    if crc != entry.crc:
        raise _bad(entry.name, "its bytes do not have the CRC that the zip names", PackageFault.CRC)


def shown(name: str) -> str:
    """Return a name from outside, fit for a sentence on a terminal."""
    return ascii(name[:120]) if not name.isprintable() else repr(name[:120])


def _plain(file: BinaryIO, entry: Entry) -> Iterator[bytes]:
    kept = _kept(file, entry)
    return kept if entry.method is Method.STORED else _inflated(kept, entry.name)


def _kept(file: BinaryIO, entry: Entry) -> Iterator[bytes]:
    left, place = entry.stored_size, entry.start
    while left:
        file.seek(place)  # whoever takes the bytes may read elsewhere meanwhile
        raw = file.read(min(_CHUNK_BYTES, left))
        if not raw:
            raise _bad(entry.name, "it is cut off", PackageFault.CUT_OFF)
        left, place = left - len(raw), place + len(raw)
        yield raw


def _inflated(kept: Iterator[bytes], name: str) -> Iterator[bytes]:
    inflate = zlib.decompressobj(-15)
    for raw in kept:
        rest, full = raw, True
        while (rest or full) and not inflate.eof:  # a full answer may leave more inside, with no input left
            try:
                plain = inflate.decompress(rest, _CHUNK_BYTES)
            except zlib.error:
                raise _bad(name, "it can't be unpacked", PackageFault.DAMAGED) from None
            rest, full = inflate.unconsumed_tail, len(plain) == _CHUNK_BYTES
            if plain:
                yield plain
        if inflate.unused_data or (inflate.eof and rest):
            raise _bad(name, "bytes follow the end of its compressed bytes", PackageFault.FOREIGN_BYTES)
    if not inflate.eof:
        raise _bad(name, "its compressed bytes do not end where they should", PackageFault.DAMAGED)


def _entry(line: Line, file: BinaryIO, end: int) -> Entry:
    name, is_folder = _name(line)
    fields = _fields(line.extra, name)
    if line.flags & _ENCRYPTED or _AES in fields or _STRONG_ENCRYPTION in fields:
        raise _bad(name, "it is encrypted", PackageFault.ENCRYPTED)
    if line.version > _NEWEST or line.flags & ~_KNOWN_FLAGS or line.method not in {Method.STORED, Method.DEFLATE}:
        raise _bad(name, f"it is kept by method {line.method} in a way that is not read", PackageFault.METHOD)
    if line.comment or line.disk:
        raise _bad(name, "it has a comment or lies on another disk", PackageFault.FOREIGN_BYTES)
    _same_name(fields, line.name, name)
    _admit_type(line, name, is_folder=is_folder)
    size, stored_size, offset = _numbers(line, fields, name)
    if is_folder and (size or (line.method == Method.STORED and stored_size)):
        raise _bad(name, "it is a folder with bytes", PackageFault.SPECIAL_FILE)
    if line.method == Method.STORED and size != stored_size:
        raise _bad(name, "it is stored, but its two sizes differ", PackageFault.HEADERS_DISAGREE)
    if offset + _LOCAL.size > end:
        raise _bad(name, "its place is outside the zip", PackageFault.HEADERS_DISAGREE)
    entry = Entry(
        name, is_folder, Method(line.method), line.crc, size, stored_size, offset, offset,
        bool(line.flags & _DESCRIBED_AFTER),
    )  # fmt: skip
    return replace(entry, start=_start(file, entry, line))


def _start(file: BinaryIO, entry: Entry, line: Line) -> int:
    """Return where the bytes of `entry` begin; what stands before them must say what the directory does."""
    file.seek(entry.offset)
    head = file.read(_LOCAL.size)
    if len(head) < _LOCAL.size or head[:4] != b"PK\x03\x04":
        raise _bad(entry.name, "there is no header where the directory names one", PackageFault.HEADERS_DISAGREE)
    _, version, flags, method, _, _, crc, stored_size, size, name_length, extra_length = _LOCAL.unpack(head)
    name, extra = file.read(name_length), file.read(extra_length)
    fields = _fields(extra, entry.name) if len(extra) == extra_length else {}
    _same_name(fields, line.name, entry.name)
    if version > _NEWEST:
        raise _bad(entry.name, "its header asks for a newer reader", PackageFault.METHOD)
    wide = fields.get(_ZIP64)
    if UNIT_32 in {size, stored_size} and (wide is None or len(wide) != 16):
        raise _bad(entry.name, "the ZIP64 field of its header is missing or damaged", PackageFault.ZIP64)
    if wide is not None:
        if len(wide) != 16:
            raise _bad(entry.name, "the ZIP64 field of its header is damaged", PackageFault.ZIP64)
        wide_size, wide_stored = struct.unpack("<2Q", wide)
        size = wide_size if size == UNIT_32 else size
        stored_size = wide_stored if stored_size == UNIT_32 else stored_size
    here = (flags, method, name, crc, stored_size, size)
    there = (line.flags, line.method, line.name, entry.crc, entry.stored_size, entry.size)
    unknown = (line.flags, line.method, line.name, 0, 0, 0)
    if here != there and not (
        entry.is_described_after and all(a in {b, c} for a, b, c in zip(here, there, unknown, strict=True))
    ):
        raise _bad(entry.name, "its own header says something else than the directory", PackageFault.HEADERS_DISAGREE)
    return entry.offset + _LOCAL.size + name_length + extra_length


def _tile(file: BinaryIO, ordered: Sequence[Entry], end: int) -> None:
    """Refuse the zip unless its entries follow one another from its first byte to the directory."""
    _follow(ordered[0].name, ordered[0].offset)
    for entry, after in zip(ordered, (*(each.offset for each in ordered[1:]), end), strict=True):
        place = entry.start + entry.stored_size
        gap = after - place
        if entry.is_described_after and 0 < gap <= _MAX_DESCRIPTION_BYTES:
            file.seek(place)
            _describes(file.read(gap), entry)
            _ends_once(file, entry)
        elif entry.is_described_after and gap == 0:
            raise _bad(entry.name, "what should follow it does not", PackageFault.HEADERS_DISAGREE)
        else:
            _follow(entry.name, gap)


def _follow(name: str, gap: int) -> None:
    if gap < 0:
        raise _bad(name, "it shares bytes with another entry", PackageFault.OVERLAP)
    if gap > 0:
        raise _bad(name, "bytes that belong to no entry stand beside it", PackageFault.FOREIGN_BYTES)


def _describes(found: bytes, entry: Entry) -> None:
    """Refuse the zip unless what follows an entry says of it what the directory does."""
    numbers = (entry.crc, entry.stored_size, entry.size)
    forms = [struct.pack("<I2Q", *numbers)]
    if max(numbers) <= UNIT_32:
        forms.append(struct.pack("<3I", *numbers))
    if found.removeprefix(b"PK\x07\x08") not in forms and found not in forms:
        raise _bad(entry.name, "what follows it says something else than the directory", PackageFault.HEADERS_DISAGREE)


def _ends_once(file: BinaryIO, entry: Entry) -> None:
    """Refuse a zip that another reader, which goes from front to back and has no directory, may cut elsewhere."""
    if entry.method is not Method.STORED:
        return  # deflated bytes say themselves where they end
    before = b""
    for raw in _kept(file, entry):
        if _MARKS.search(before + raw):
            raise _bad(
                entry.name,
                "its end is told after it, and its bytes hold what begins entries",
                PackageFault.FOREIGN_BYTES,
            )
        before = raw[-3:]


def _name(line: Line) -> tuple[str, bool]:
    try:
        name = line.name.decode("utf-8" if line.flags & _UTF8 else "ascii")
    except UnicodeDecodeError:
        raise PackageInvalid(
            f"The name of entry {line.number} is in no encoding that means the same everywhere.", PackageFault.NAME
        ) from None
    plain = name.removesuffix("/")
    if ".." in re.split(r"[/\\]", plain) or plain.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", plain):
        raise _bad(name, "its name leaves the folder", PackageFault.LEAVES_FOLDER)
    if "\\" in plain:
        raise _bad(name, "its name has a backslash, which is a folder on some systems", PackageFault.NAME)
    wrong = names.fault(plain) if plain else "it has no name"
    if wrong is not None:
        raise _bad(name, wrong, PackageFault.NAME)
    return plain, plain != name


def _fields(extra: bytes, name: str) -> Mapping[int, bytes]:
    """Return the extra fields by their ids."""
    fields: dict[int, bytes] = {}
    place = 0
    while place < len(extra):
        if place + 4 > len(extra):
            raise _bad(name, "its extra fields are damaged", PackageFault.DAMAGED)
        kind, length = struct.unpack_from("<2H", extra, place)
        content = extra[place + 4 : place + 4 + length]
        if len(content) != length or kind in fields:
            raise _bad(name, "its extra fields are damaged", PackageFault.DAMAGED)
        fields[kind] = content
        place += 4 + length
    return fields


def _same_name(fields: Mapping[int, bytes], raw: bytes, name: str) -> None:
    other = fields.get(_UNICODE_NAME)
    if other is not None and other != b"\x01" + struct.pack("<I", zlib.crc32(raw)) + raw:
        raise _bad(name, "an extra field gives it another name", PackageFault.HEADERS_DISAGREE)


def _admit_type(line: Line, name: str, *, is_folder: bool) -> None:
    if line.made_by >> 8 not in _PLAIN_ZIP:
        raise _bad(name, "it comes from a system whose attributes are not known", PackageFault.SPECIAL_FILE)
    kind = line.attributes >> 16 & _TYPE_MASK
    if kind == _LINK or (line.attributes & _DOS_REPARSE and not line.attributes >> 16):
        raise _bad(name, "it is a link", PackageFault.LINK)
    expected = _FOLDER if is_folder else _REGULAR
    if kind not in {0, expected} or line.attributes & _DOS_VOLUME:
        raise _bad(name, "it is neither a file nor a folder", PackageFault.SPECIAL_FILE)
    if line.attributes & _DOS_FOLDER and not is_folder:
        raise _bad(name, "it is a folder by its attributes and a file by its name", PackageFault.SPECIAL_FILE)


def _numbers(line: Line, fields: Mapping[int, bytes], name: str) -> Sequence[int]:
    small = (line.size, line.stored_size, line.offset)
    if _ZIP64 not in fields:
        if UNIT_32 in small:
            raise _bad(name, "its ZIP64 field is missing", PackageFault.ZIP64)
        return small
    return ziplines.widened(shown(name), fields[_ZIP64], small)


def _admit(listed: Sequence[Entry], limits: Limits) -> None:
    twice = names.clash(f"{each.name}/." if each.is_folder else each.name for each in sorted(listed, key=_files_first))
    if twice is not None:
        raise _bad(twice.removesuffix("/."), "it is there twice, for some system", PackageFault.DUPLICATE)
    for entry in listed:
        if entry.size > limits.entry_bytes:
            raise _bad(entry.name, f"it would unpack to {entry.size} bytes", PackageFault.TOO_LARGE)
        if is_bomb(entry.size, entry.stored_size, limits):
            raise _bad(entry.name, f"it would unpack from {entry.stored_size} to {entry.size} bytes", PackageFault.BOMB)
    total = sum(entry.size for entry in listed)
    stored = sum(entry.stored_size for entry in listed)
    if total > limits.total_bytes:
        raise PackageInvalid(
            f"The package would unpack to {total} bytes; more than {limits.total_bytes} are refused.",
            PackageFault.TOO_LARGE,
        )
    if is_bomb(total, stored, limits):
        raise PackageInvalid(
            f"The package would unpack from {stored} to {total} bytes; more than {limits.ratio} times are refused.",
            PackageFault.BOMB,
        )


def _files_first(entry: Entry) -> bool:
    return entry.is_folder


def _bad(name: str, why: str, fault: PackageFault) -> PackageInvalid:
    return PackageInvalid(f"{shown(name)} is not allowed in a package: {why}.", fault, entry=name)
