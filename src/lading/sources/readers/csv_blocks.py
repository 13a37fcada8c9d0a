"""
CSV by columns, block by block, as long as nothing about it is doubtful.

`csv` reads row by row and says what is wrong in which line, which costs far more than reading.  A block whose every
quote is where quotes belong means the same to both; whoever meets another one leaves it, and all after it, to the
strict reader.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv

from lading.sources.readers.file import LINE_BYTES, File

_csv: Any = pyarrow.csv
BLOCK_BYTES: Final = 2 << 20
_MOST_STEPS: Final = 64
_MARK: Final = b"\xef\xbb\xbf"
# Those in which a byte that looks like a line end, a quote or a delimiter is one.
_BYTEWISE: Final = frozenset({"utf-8-sig", "cp1252", "iso-8859-1"})


def knows(encoding: str, delimiter: str) -> bool:
    """Return whether files like that can be read by columns at all."""
    return encoding in _BYTEWISE and delimiter.isascii()


def columns(
    file: File, width: int, *, delimiter: str, encoding: str, wanted: Sequence[int]
) -> Iterator[tuple[int, list[pa.Array]]]:
    """
    Yield where each block begins, and the `wanted` columns of its rows as text.

    Begins where the file is read, which is the beginning of a row of `width` fields, and ends at the end of the file,
    or before the first block that is doubtful; there the file is left.
    """
    for start, block in _blocks(file):
        text = _text(block, delimiter, encoding, is_first=start == 0)
        found = None if text is None else _parsed(text, width, delimiter, wanted)
        if found is None:
            file.handle.seek(start)
            return
        yield start, found


def _blocks(file: File) -> Iterator[tuple[int, bytes]]:
    """Yield about two megabytes of whole rows at a time, one that seems to have no end as far as it was read."""
    start, held = file.handle.tell(), b""
    while data := file.handle.read(BLOCK_BYTES):
        held += data
        end = _end(held)
        if end or len(held) > LINE_BYTES:
            yield start, held[: end or len(held)]
            start, held = start + (end or len(held)), held[end or len(held) :]
    if held:
        yield start, held


def _end(held: bytes) -> int:
    """Return where the last line ends before which quotes come in pairs, 0 if there is none near."""
    end, quotes = held.rfind(b"\n") + 1, held.count(b'"')
    quotes -= held.count(b'"', end)
    for _ in range(_MOST_STEPS):
        if not end or quotes % 2 == 0:
            return end
        before = held.rfind(b"\n", 0, end - 1) + 1
        quotes -= held.count(b'"', before, end)
        end = before
    return 0


def _text(block: bytes, delimiter: str, encoding: str, *, is_first: bool) -> bytes | None:
    """Return the block as UTF-8; None if it is doubtful."""
    if is_first and encoding == "utf-8-sig":
        block = block.removeprefix(_MARK)
    if b"\0" in block or block.count(b"\r") != block.count(b"\r\n"):
        return None
    if block.startswith(_MARK):
        return None  # here it is text, but would be taken for a mark
    if b'"' in block and _regular(delimiter).fullmatch(block) is None:
        return None
    if block.isascii():
        return block
    try:
        text = block.decode("utf-8" if encoding == "utf-8-sig" else encoding)
    except UnicodeDecodeError:
        return None
    return block if encoding == "utf-8-sig" else text.encode()


@functools.cache
def _regular(delimiter: str) -> re.Pattern[bytes]:
    """Return the pattern of fields that are quoted from end to end or do not begin with a quote."""
    part = re.escape(delimiter).encode()
    quoted = rb'"[^"]*+(?:""[^"]*+)*+"(?=[' + part + rb"\r\n]|\Z)"
    plain = rb'[^"' + part + rb"\r\n][^" + part + rb"\r\n]*+"
    field = rb"(?:" + quoted + rb"|" + plain + rb"|)"
    return re.compile(rb"(?:" + field + rb"(?:" + part + rb"|\r?\n))*+" + field)


def _parsed(text: bytes, width: int, delimiter: str, wanted: Sequence[int]) -> list[pa.Array] | None:
    try:
        table: pa.Table = _csv.read_csv(
            pa.BufferReader(text),
            read_options=_csv.ReadOptions(
                column_names=[str(at) for at in range(width)], block_size=len(text) + 1, use_threads=False
            ),
            parse_options=_csv.ParseOptions(
                delimiter=delimiter, quote_char='"' if b'"' in text else False, newlines_in_values=True
            ),
            convert_options=_csv.ConvertOptions(
                column_types={str(at): pa.string() for at in wanted},
                include_columns=[str(at) for at in wanted],
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid:
        return None
    return [column.combine_chunks() for column in table.columns]
