"""
Change a package the way an attacker would: its manifest, its entries, or single fields of its headers.

Bytes changed at random nearly always stop at a CRC.  Here an archive is taken apart, one thing of it changed, and put
together again with everything else right; or one field of one header is set to a value at an edge.
"""

from __future__ import annotations

import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from typing import Any

_NAMES = (
    "../x", "/x", "C:/x", "a\\b", "a\x00b", "manifest.json", "MANIFEST.JSON", "data/", "data", "con", "é", "e\u0301",
    "a/b/c",
    "data/a.json", "files/a", "x" * 300, ".hidden", "a/../b", "a//b", "statement.dsse.json", "bagit.txt", "\u202ea", "",
)  # fmt: skip
_VALUES = (
    None, True, 0, -1, 2**63, 1e308, "", "x", "../x", "data/x", "\ud800", "[" * 40, "{}", '{"systemName": "y"}', [], {},
    [[]], [None], {"": {}}, "sharedo-type", "lading.manifest/1",
)  # fmt: skip
_EDGES = (0, 1, 2, 8, 12, 0xFF, 0x800, 0x808, 0x2000, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFE, 0xFFFF_FFFF)
_SIGNATURES = (b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"PK\x07\x08")
# Offset and width of the fields behind each signature.
_FIELDS = {
    b"PK\x03\x04": ((4, 2), (6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2)),
    b"PK\x01\x02": (
        (4, 2), (8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (32, 2), (34, 2), (38, 4), (42, 4),
    ),
    b"PK\x05\x06": ((4, 2), (6, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2)),
    b"PK\x06\x06": ((4, 8), (16, 4), (24, 8), (32, 8), (40, 8), (48, 8)),
    b"PK\x06\x07": ((4, 4), (8, 8), (16, 4)),
    b"PK\x07\x08": ((4, 4), (8, 4), (12, 4)),
}  # fmt: skip


def mutate(data: bytes, seed: int, most: int, plainly: Callable[[bytes, int], bytes]) -> bytes:
    """Return another package of at most `most` bytes; `plainly` is the fuzzer's own way with bytes."""
    chance = random.Random(seed)
    way = chance.random()
    if way < 0.45:
        changed = _repacked(data, chance, plainly)
    elif way < 0.8:
        changed = _field(data, chance)
    elif way < 0.85:
        changed = _spliced(data, chance)
    else:
        changed = plainly(data, most)
    return changed if len(changed) <= most else data[:most]


def _repacked(data: bytes, chance: random.Random, plainly: Callable[[bytes, int], bytes]) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(info.file_size for info in archive.infolist()) > 1 << 20:
                return plainly(data, len(data))
            files = [(info.filename, archive.read(info), info) for info in archive.infolist()[:50]]
    except Exception:  # noqa: BLE001 - it is no zip to anybody
        return plainly(data, len(data) + 1)
    for _ in range(chance.choice((1, 1, 2, 4))):
        files = _changed(files, chance, plainly)
    return _packed(files, chance)


def _changed(
    files: list[tuple[str, bytes, zipfile.ZipInfo]], chance: random.Random, plainly: Callable[[bytes, int], bytes]
) -> list[tuple[str, bytes, zipfile.ZipInfo]]:
    if not files:
        return [("manifest.json", b"{}", zipfile.ZipInfo("manifest.json"))]
    place = chance.randrange(len(files))
    name, content, info = files[place]
    match chance.randrange(7):
        case 0:
            return [*files[:place], *files[place + 1 :]]
        case 1:
            return [*files, (chance.choice((name, name.upper(), *_NAMES)), content, info)]
        case 2:
            return [*files[:place], (chance.choice(_NAMES), content, info), *files[place + 1 :]]
        case 3:
            chance.shuffle(files)
            return files
        case 4:
            return [*files[:place], (name, plainly(content, len(content) + 8), info), *files[place + 1 :]]
        case _:
            return [(n, _document(c, chance) if n.endswith(".json") else c, i) for n, c, i in files]


def _document(content: bytes, chance: random.Random) -> bytes:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return content
    places = list(_places(value))
    for _ in range(chance.choice((1, 1, 3))):
        if not places:
            break
        inside, key = chance.choice(places)
        new = chance.choice(_VALUES)
        match chance.randrange(4):
            case 0 if isinstance(inside, dict):
                inside.pop(key, None)
            case 1 if isinstance(inside, list) and len(inside) < 30:
                inside.append(new)
            case 2:
                other, at = chance.choice(places)
                inside[key] = json.loads(json.dumps(other[at])) if _has(other, at) else new
            case _:
                if not isinstance(inside, list) or key < len(inside):
                    inside[key] = new
    text = json.dumps(value, sort_keys=chance.random() < 0.5, separators=(",", ":"), ensure_ascii=chance.random() < 0.5)
    return text.encode("utf-8", "surrogatepass")


def _has(inside: Any, key: Any) -> bool:
    return key in inside if isinstance(inside, dict) else key < len(inside)


def _places(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    left = [value]
    while left and len(found) < 2000:
        each = left.pop()
        if isinstance(each, dict | list):
            inner = list(each.items() if isinstance(each, dict) else enumerate(each))
            found += [(each, key) for key, _ in inner]
            left += [item for _, item in inner]
    return found


def _packed(files: Sequence[tuple[str, bytes, zipfile.ZipInfo]], chance: random.Random) -> bytes:
    """Put a zip together without the scruples of `zipfile`."""
    body, lines = bytearray(), bytearray()
    for name, content, info in files:
        raw = name.encode("utf-8", "surrogatepass")
        method = chance.choice((0, 8)) if chance.random() < 0.1 else (8 if info.compress_type else 0)
        kept = content
        if method:
            squeeze = zlib.compressobj(6, zlib.DEFLATED, -15)
            kept = squeeze.compress(content) + squeeze.flush()
        flags = 0 if raw.isascii() else 0x800
        after = chance.random() < 0.1
        flags |= 8 if after else 0
        crc, sizes, offset = zlib.crc32(content), (len(kept), len(content)), len(body)
        told = (0, 0, 0) if after else (crc, *sizes)
        body += struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, flags, method, 0, 33, *told, len(raw), 0) + raw + kept
        if after:
            body += b"PK\x07\x08" + struct.pack("<3I", crc, *sizes)
        lines += struct.pack(
            "<4s6H3I5H2I", b"PK\x01\x02", chance.choice((20, 0x314)), 20, flags, method, 0, 33, crc, *sizes, len(raw),
            0, 0, 0, 0, info.external_attr & 0xFFFF_FFFF, offset,
        ) + raw  # fmt: skip
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, len(files), len(files), len(lines), len(body), 0)
    return bytes(body + lines + end)


def _field(data: bytes, chance: random.Random) -> bytes:
    signature = chance.choice(_SIGNATURES[:3]) if chance.random() < 0.9 else chance.choice(_SIGNATURES)
    places = [place for place in range(len(data) - 3) if data.startswith(signature, place)] if len(data) < 5000 else []
    if not places:
        place = data.rfind(signature)
        if place < 0:
            return data
        places = [place]
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2))):
        offset, width = chance.choice(_FIELDS[signature])
        at = chance.choice(places) + offset
        if at + width > len(changed):
            continue
        old = int.from_bytes(changed[at : at + width], "little")
        new = chance.choice((*_EDGES, old + 1, old - 1, old ^ 1 << chance.randrange(8 * width), len(data), old * 2))
        changed[at : at + width] = (new % (1 << 8 * width)).to_bytes(width, "little")
    return bytes(changed)


def _spliced(data: bytes, chance: random.Random) -> bytes:
    cut, other = chance.randrange(len(data) + 1), chance.randrange(len(data) + 1)
    return data[:cut] + data[other:] if chance.random() < 0.7 else data[:cut] + bytes(chance.randrange(40)) + data[cut:]
