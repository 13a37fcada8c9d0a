"""
Small real files for the example: a one-page PDF and a PNG, the same bytes on every machine.

Only stored deflate blocks are used, because the bytes of compressed ones depend on the zlib that made them.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"


def pdf(title: str, lines: tuple[str, ...]) -> bytes:
    """Return a PDF with one page of text in Helvetica."""
    text = "\n".join(f"({_escaped(line)}) Tj T*" for line in (title, *lines))
    content = f"BT /F1 12 Tf 16 TL 60 780 Td\n{text}\nET".encode("cp1252", "replace")
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources 6 0 R /Contents 4 0 R >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Font << /F1 5 0 R >> >>",
    )
    body, offsets = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"), []
    for number, written in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, written)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    tail = b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    return bytes(body) + tail % (len(objects) + 1, table, len(objects) + 1, len(body))


def png(number: int, *, side: int = 24) -> bytes:
    """Return a square picture whose colours depend on `number`."""
    rows = b"".join(b"\0" + b"".join(_colour(number, x, y) for x in range(side)) for y in range(side))
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows, 0)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _colour(number: int, x: int, y: int) -> bytes:
    return bytes(channel & 255 for channel in (x * 9 + number, y * 9 + number * 7, number * 13 + x * y))


def _escaped(line: str) -> str:
    return line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
