"""
Hostile packages, one of each sort: `HOSTILE` names them, with the fault that each must be refused for.

Each is a good configuration package but for the one thing its name says, made by hand: `zipfile` would not write most.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from lading.errors import PackageFault
from tests import configurations

MANIFEST: Final = "manifest.json"
BODY: Final = b'{"SystemName": "matter"}'
REGULAR: Final = 0o100644 << 16


@dataclass(frozen=True)
class Part:
    """One entry as it is to be written; what is None is as it should be."""

    name: bytes
    content: bytes = b""
    method: int = 8
    flags: int = 0
    attributes: int = 0
    made_by: int = 20
    version: int = 20
    crc: int | None = None
    size: int | None = None
    stored: bytes | None = None
    stored_size: int | None = None
    offset: int | None = None
    extra: bytes = b""
    comment: bytes = b""
    local_name: bytes | None = None
    local_size: int | None = None
    local_crc: int | None = None
    local_method: int | None = None
    local_version: int = 20
    local_extra: bytes = b""
    before: bytes = b""
    after: bytes = b""
    is_listed: bool = True


def written(parts: Sequence[Part], *, head: bytes = b"", tail: bytes = b"", comment: bytes = b"") -> bytes:
    """The zip of these entries, with `head` before and `tail` after them."""
    body, lines, count = bytearray(head), bytearray(), 0
    for part in parts:
        kept = _kept(part) if part.stored is None else part.stored
        crc = zlib.crc32(part.content) if part.crc is None else part.crc
        size = len(part.content) if part.size is None else part.size
        stored_size = len(kept) if part.stored_size is None else part.stored_size
        body += part.before
        offset = len(body) if part.offset is None else part.offset
        name = part.name if part.local_name is None else part.local_name
        method = part.method if part.local_method is None else part.local_method
        if part.offset is None:
            body += struct.pack(
                "<4s5H3I2H", b"PK\x03\x04", part.local_version, part.flags, method,
                0, 33, crc if part.local_crc is None else part.local_crc, stored_size,
                size if part.local_size is None else part.local_size, len(name), len(part.local_extra),
            ) + name + part.local_extra + kept + part.after  # fmt: skip
        if part.is_listed:
            count += 1
            lines += struct.pack(
                "<4s6H3I5H2I", b"PK\x01\x02", part.made_by, part.version, part.flags, part.method, 0, 33, crc,
                stored_size, size, len(part.name), len(part.extra), len(part.comment), 0, 0, part.attributes, offset,
            ) + part.name + part.extra + part.comment  # fmt: skip
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, len(lines), len(body), len(comment)) + comment
    return bytes(body + lines + end) + tail


def good(*more: Part) -> list[Part]:
    """The entries of a good package, and more."""
    step = configurations.step("matter")
    told = json.dumps(configurations.manifest([step])).encode()
    name = f"data/{step['StorageFilename']}".encode()
    return [
        Part(b"data/", method=0, attributes=0x10),
        Part(MANIFEST.encode(), told),
        Part(name, BODY),
        *more,
    ]  # fmt: skip


def changed(place: int = 2, **changes: object) -> bytes:
    """A good package but for one entry, by default the one with data."""
    parts = good()
    parts[place] = replace(parts[place], **changes)
    return written(parts)


def _entry_inside(body: bytes) -> bytes:
    """A good package with a stored entry whose end is told after it, as what can't be sought is written."""
    number = struct.pack("<3I", zlib.crc32(body), len(body), len(body))
    after = b"PK\x07\x08" + number
    return written(good(Part(b"data/x", body, 0, 8, after=after, local_size=0, local_crc=0)))


def told(**changes: object) -> bytes:
    """A good zip whose manifest is changed."""
    return configurations.pack(**changes)


def _kept(part: Part) -> bytes:
    if part.method != 8:
        return part.content
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    return squeeze.compress(part.content) + squeeze.flush()


def _named(name: bytes, **more: object) -> bytes:
    return written(good(Part(name, b"x", **more)))


def _bomb() -> bytes:
    return written(good(Part(b"data/bomb", bytes(20_000_000))))


def _overlapping() -> bytes:
    """An entry that claims the header of the next one as its own bytes."""
    return written(
        good(Part(b"data/a", b"a" * 9, method=0, size=40, stored_size=40, local_size=40), Part(b"data/b", b"b" * 99))
    )


def _shared() -> bytes:
    """Two lines of the directory for one entry."""
    parts = good()
    where = written(parts).rindex(b"PK\x03\x04")
    return written([*parts, replace(parts[2], offset=where)])


def _hidden_in_body() -> bytes:
    """An entry whose header lies inside the stored bytes of another one."""
    inner = written([Part(b"data/inner", b"inner", method=0)])[: 30 + len(b"data/inner") + 5]
    outer = Part(b"data/outer", inner, method=0)
    parts = good(outer)
    at = written(parts).index(inner)
    return written([*parts, Part(b"data/inner", b"inner", method=0, offset=at)])


def _lying_size() -> bytes:
    """Headers that name 10 bytes of what unpacks to 20 million."""
    return written(good(Part(b"data/x", bytes(20_000_000), size=10, local_size=10)))


def _zip64(numbers: bytes, **more: object) -> bytes:
    return changed(extra=struct.pack("<2H", 1, len(numbers)) + numbers, **more)


def _zip64_end(count: int) -> bytes:
    data = written(good())
    end = struct.unpack("<4s4H2IH", data[-22:])
    wide = struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, end[5], end[6])
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, len(data) - 22, 1)
    return data[:-22] + wide + locator + data[-22:]


def _two_ends() -> bytes:
    """One file that is two zips, each with a directory of its own: readers disagree on which counts."""
    return written(good()) + written(good())


def _unicode_name() -> bytes:
    name = good()[2].name
    other = b"\x01" + struct.pack("<I", zlib.crc32(name)) + b"../../evil"
    return changed(extra=struct.pack("<2H", 0x7075, len(other)) + other)


def _damaged(content: bytes) -> bytes:
    parts = good()
    return written([parts[0], Part(MANIFEST.encode(), content), *parts[2:]])


def _many(count: int) -> bytes:
    return written(good(*(Part(f"data/{number}".encode(), method=0) for number in range(count))))


def repacked(data: bytes, change: Callable[[dict[str, bytes]], object]) -> bytes:
    """A package whose files were changed and then packed again."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    return written([Part(name.encode(), content, flags=0x800) for name, content in files.items()])


HOSTILE: Final[Mapping[str, tuple[PackageFault, Callable[[], bytes]]]] = {
    # names
    "traversal": (PackageFault.LEAVES_FOLDER, lambda: _named(b"../evil")),
    "traversal in the middle": (PackageFault.LEAVES_FOLDER, lambda: _named(b"data/../../evil")),
    "traversal with backslashes": (PackageFault.LEAVES_FOLDER, lambda: _named(b"..\\..\\evil")),
    "absolute path": (PackageFault.LEAVES_FOLDER, lambda: _named(b"/etc/cron.d/evil")),
    "path of a drive": (PackageFault.LEAVES_FOLDER, lambda: _named(b"C:/evil")),
    "path of a server": (PackageFault.LEAVES_FOLDER, lambda: _named(b"\\\\host\\share\\evil")),
    "backslash": (PackageFault.NAME, lambda: _named(b"data\\evil")),
    "NUL in a name": (PackageFault.NAME, lambda: _named(b"data/evil.json\x00.txt")),
    "line break in a name": (PackageFault.NAME, lambda: _named(b"data/a\nb")),
    "escape sequence in a name": (PackageFault.NAME, lambda: _named(b"data/\x1b[2Jx")),
    "alternate stream": (PackageFault.NAME, lambda: _named(b"data/x:evil")),
    "device of Windows": (PackageFault.NAME, lambda: _named(b"data/CON.txt")),
    "trailing dot": (PackageFault.NAME, lambda: _named(b"data/x.")),
    "empty part of a path": (PackageFault.NAME, lambda: _named(b"data//x")),
    "name in no known encoding": (PackageFault.NAME, lambda: _named(b"data/\xe6")),
    "name that is no UTF-8": (PackageFault.NAME, lambda: _named(b"data/\xff", flags=0x800)),
    "text turned round": (PackageFault.NAME, lambda: _named("data/\u202egnp.exe".encode(), flags=0x800)),
    "very long name": (PackageFault.NAME, lambda: _named(b"data/" + b"x" * 600)),
    "very deep folders": (PackageFault.NAME, lambda: _named(b"a/" * 200 + b"x")),
    "empty name": (PackageFault.NAME, lambda: _named(b"")),
    "another name in an extra field": (PackageFault.HEADERS_DISAGREE, _unicode_name),
    # the same file twice
    "duplicate": (PackageFault.DUPLICATE, lambda: written(good(good()[2]))),
    "duplicate by case": (PackageFault.DUPLICATE, lambda: written(good(Part(b"MANIFEST.JSON", b"{}")))),
    "duplicate by normalisation": (
        PackageFault.DUPLICATE,
        lambda: written(
            good(Part("data/Straße".encode(), flags=0x800), Part(b"data/STRASSE", flags=0x800))
        ),
    ),
    "decomposed name": (PackageFault.NAME, lambda: _named("data/e\u0301".encode(), flags=0x800)),
    "file where a folder is": (PackageFault.DUPLICATE, lambda: written(good(Part(b"data", b"x")))),
    "folder twice": (PackageFault.DUPLICATE, lambda: written(good(Part(b"DATA/", method=0)))),
    # what is no file
    "symbolic link": (PackageFault.LINK, lambda: _named(b"data/l", attributes=0o120777 << 16, made_by=0x314)),
    "link said to be of MS-DOS": (PackageFault.LINK, lambda: _named(b"data/l", attributes=0o120777 << 16)),
    "reparse point": (PackageFault.LINK, lambda: _named(b"data/l", attributes=0x400)),
    "device": (PackageFault.SPECIAL_FILE, lambda: _named(b"data/d", attributes=0o060644 << 16, made_by=0x314)),
    "pipe": (PackageFault.SPECIAL_FILE, lambda: _named(b"data/p", attributes=0o010644 << 16, made_by=0x314)),
    "folder with bytes": (PackageFault.SPECIAL_FILE, lambda: _named(b"data/f/", method=0)),
    "file that says it is a folder": (PackageFault.SPECIAL_FILE, lambda: _named(b"data/f", attributes=0x10)),
    # bombs
    "bomb": (PackageFault.BOMB, _bomb),
    "bomb whose headers lie": (PackageFault.BOMB, _lying_size),
    "overlapping entries": (PackageFault.OVERLAP, _overlapping),
    "one entry in two lines": (PackageFault.DUPLICATE, _shared),
    "entry within another": (PackageFault.OVERLAP, _hidden_in_body),
    "too many entries": (PackageFault.TOO_MANY_ENTRIES, lambda: _many(10_001)),
    "too large when unpacked": (
        PackageFault.TOO_LARGE, lambda: changed(size=600_000_000, local_size=600_000_000),
    ),
    "names without end": (
        PackageFault.TOO_LARGE,
        lambda: written(good(*(Part(f"{'x' * 190}/{'y' * 190}/{n}".encode(), method=0) for n in range(3000)))),
    ),
    # headers
    "encrypted": (PackageFault.ENCRYPTED, lambda: changed(flags=1)),
    "encrypted by AES": (PackageFault.ENCRYPTED, lambda: changed(method=99, stored=b"x", extra=b"\x01\x99\x00\x00")),
    "encrypted directory": (PackageFault.ENCRYPTED, lambda: changed(flags=0x2000)),
    "encrypted for recipients": (PackageFault.ENCRYPTED, lambda: b"age-encryption.org/v1\n-> X25519 abc\n" + bytes(99)),
    "unknown method": (PackageFault.METHOD, lambda: changed(method=12, stored=BODY)),
    "patched data": (PackageFault.METHOD, lambda: changed(flags=0x20)),
    "reader of the future": (PackageFault.METHOD, lambda: changed(version=99)),
    "reader of the future before the bytes": (PackageFault.METHOD, lambda: changed(local_version=99)),
    "other name before the bytes": (PackageFault.HEADERS_DISAGREE, lambda: changed(local_name=b"data/other")),
    "other size before the bytes": (PackageFault.HEADERS_DISAGREE, lambda: changed(local_size=5)),
    "other CRC before the bytes": (PackageFault.HEADERS_DISAGREE, lambda: changed(local_crc=5)),
    "other method before the bytes": (PackageFault.HEADERS_DISAGREE, lambda: changed(local_method=0)),
    "no header at its place": (PackageFault.HEADERS_DISAGREE, lambda: written(good(Part(b"data/x", offset=7)))),
    "place outside": (PackageFault.HEADERS_DISAGREE, lambda: written(good(Part(b"data/x", offset=0x7FFF_FFFF)))),
    "smaller than it says": (
        PackageFault.HEADERS_DISAGREE, lambda: changed(size=len(BODY) + 1, local_size=len(BODY) + 1),
    ),
    "stored in another size": (PackageFault.HEADERS_DISAGREE, lambda: changed(method=0, size=3, local_size=3)),
    "wrong descriptor": (
        PackageFault.HEADERS_DISAGREE, lambda: changed(flags=8, after=b"PK\x07\x08" + bytes(12)),
    ),
    "ZIP64 field for nothing": (PackageFault.ZIP64, lambda: _zip64(struct.pack("<Q", 1 << 40))),
    "ZIP64 field missing": (PackageFault.ZIP64, lambda: changed(size=0xFFFF_FFFF, local_size=0xFFFF_FFFF)),
    "ZIP64 size that lies": (
        PackageFault.TOO_LARGE,
        lambda: _zip64(struct.pack("<Q", 1 << 62), size=0xFFFF_FFFF, local_size=0xFFFF_FFFF,
                       local_extra=struct.pack("<2H2Q", 1, 16, 1 << 62, 20)),
    ),
    "ZIP64 end that contradicts": (PackageFault.ZIP64, lambda: _zip64_end(1)),
    "ZIP64 end without end": (PackageFault.ZIP64, lambda: _zip64_end(1 << 60)),
    "damaged extra fields": (PackageFault.DAMAGED, lambda: changed(extra=b"\x01\x02\xff\xff")),
    # bytes of nobody
    "bytes before": (PackageFault.FOREIGN_BYTES, lambda: b"MZ" + bytes(100) + written(good())),
    "bytes before, places moved": (PackageFault.FOREIGN_BYTES, lambda: written(good(), head=b"#!/bin/sh\nexit\n")),
    "bytes after": (PackageFault.NOT_A_ZIP, lambda: written(good(), tail=b"evil")),
    "comment": (PackageFault.NOT_A_ZIP, lambda: written(good(), comment=b"evil")),
    "comment of an entry": (PackageFault.FOREIGN_BYTES, lambda: changed(comment=b"evil")),
    "bytes between entries": (PackageFault.FOREIGN_BYTES, lambda: changed(before=b"evil")),
    "entry without a line": (PackageFault.FOREIGN_BYTES, lambda: written(good(Part(b"data/x", is_listed=False)))),
    "bytes after what is compressed": (
        PackageFault.FOREIGN_BYTES, lambda: changed(stored=_kept(Part(b"", BODY)) + b"evil"),
    ),
    "stored, its end told after it, an entry inside": (
        PackageFault.FOREIGN_BYTES, lambda: _entry_inside(b"PK\x03\x04" + bytes(22) + b"evil"),
    ),
    "stored, its end told after it, an end inside": (
        PackageFault.FOREIGN_BYTES, lambda: _entry_inside(b"x" * ((1 << 18) - 2) + b"PK\x07\x08" + bytes(12)),
    ),
    "two zips in one": (PackageFault.FOREIGN_BYTES, _two_ends),
    # damage
    "empty file": (PackageFault.EMPTY, lambda: b""),
    "zip without entries": (PackageFault.EMPTY, lambda: written([])),
    "no zip": (PackageFault.NOT_A_ZIP, lambda: b"<html>Sign in to continue</html>" * 9),
    "cut off": (PackageFault.NOT_A_ZIP, lambda: written(good())[:-30]),
    "wrong CRC": (PackageFault.CRC, lambda: changed(crc=1)),
    "what can't be unpacked": (PackageFault.DAMAGED, lambda: changed(stored=b"\xff" * 20)),
    "compressed without an end": (PackageFault.DAMAGED, lambda: changed(stored=_kept(Part(b"", BODY))[:-3])),
    # manifest
    "no manifest": (PackageFault.NO_MANIFEST, lambda: written(good()[2:])),
    "manifest in a folder": (PackageFault.NO_MANIFEST, lambda: written([Part(b"data/manifest.json", b"{}")])),
    "manifest of no kind": (PackageFault.MANIFEST, lambda: _damaged(b'{"hello": "world"}')),
    "manifest that is a list": (PackageFault.MANIFEST, lambda: _damaged(b"[]")),
    "manifest that is no JSON": (PackageFault.MANIFEST, lambda: _damaged(b"{")),
    "manifest in UTF-16": (PackageFault.MANIFEST, lambda: _damaged('{"ExportedSteps": []}'.encode("utf-16"))),
    "manifest nested without end": (PackageFault.MANIFEST, lambda: _damaged(b'{"ExportedSteps":' + b"[" * 100_000)),
    "manifest nested deeply": (
        PackageFault.MANIFEST, lambda: _damaged(b'{"ExportedSteps":[],"x":' + b"[" * 80 + b"]" * 80 + b"}"),
    ),
    "manifest with a key twice": (PackageFault.MANIFEST, lambda: _damaged(b'{"ExportedSteps":[],"ExportedSteps":[]}')),
    "manifest with no number": (PackageFault.MANIFEST, lambda: _damaged(b'{"ExportedSteps":[],"x":NaN}')),
    "manifest with a number without end": (
        PackageFault.MANIFEST, lambda: _damaged(b'{"ExportedSteps":[],"x":' + b"9" * 5000 + b"}"),
    ),
    "manifest with half a character": (PackageFault.MANIFEST, lambda: _damaged(b'{"ExportedSteps":[],"x":"\\ud800"}')),
    "manifest too large": (
        PackageFault.TOO_LARGE, lambda: written([Part(MANIFEST.encode(), b" " * 8_000_001, method=0)]),
    ),
    "steps that are none": (PackageFault.MANIFEST, lambda: _damaged(b'{"ExportedSteps":[1]}')),
    "step without a provider": (
        PackageFault.MANIFEST, lambda: told(steps=[configurations.step("x", ExportProviderSystemName=None)]),
    ),
    "step whose selector is no JSON": (
        PackageFault.MANIFEST, lambda: told(steps=[configurations.step("x", ExportProviderSelectorJson="{")]),
    ),
    "step that is there twice": (PackageFault.MANIFEST, lambda: told(steps=[
        configurations.step("x"), configurations.step("x", StorageFilename="y.json"),
    ])),
    "two files of one entry": (PackageFault.MANIFEST, lambda: told(
        Files=[{"Id": each, "OriginalFilename": each, "StorageFilename": "x"} for each in "ab"], files={"files/x": b""},
    )),
    "file that is not there": (PackageFault.MISSING_FILE, lambda: written(good()[:2])),
    "file above the package": (
        PackageFault.MISSING_FILE,
        lambda: told(Files=[{"Id": "1", "OriginalFilename": "x", "StorageFilename": "../x", "StepId": None}]),
    ),
}  # fmt: skip
