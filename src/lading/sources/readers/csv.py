"""
CSV: strict, with the line of whatever is wrong; nothing is guessed.

What is beyond doubt is read by columns (`csv_blocks`).  From the first doubt on it is Python's own reader in strict
mode: it refuses what looser ones read past (text behind a closing quote, a file that ends inside one).  A line with
another number of fields than the first is refused, an empty line is none.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator, Sequence
from typing import Final

import pyarrow as pa

from lading.errors import SourceRefused
from lading.sources import typing_text
from lading.sources.model import Rewrite
from lading.sources.read import Read
from lading.sources.readers import csv_blocks
from lading.sources.readers.file import LINE_BYTES, MOST_COLUMNS, File

_ROWS: Final = 4096
_BYTES: Final = 4 << 20


def read(file: File, read: Read, _rewritten: list[Rewrite]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file, first an empty batch."""
    csv.field_size_limit(LINE_BYTES)
    rows = _Rows(file, read)
    names = rows.names()
    schema = typing_text.schema_of(names, read)
    yield pa.RecordBatch.from_pylist([], schema=schema)
    wanted = [(names.index(name), name) for name in schema.names]
    if csv_blocks.knows(read.encoding, read.delimiter):
        yield from _by_blocks(file, read, names, schema)
        rows = _Rows(file, read)
    while held := rows.some(len(names)):
        texts, numbers = held
        columns = list(zip(*texts, strict=True))
        yield _batch([columns[at] for at, _ in wanted], numbers, file, read, schema)


def _by_blocks(file: File, read: Read, names: Sequence[str], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield rows by columns as far as nothing is wrong or doubtful, and leave the file there."""
    wanted = [names.index(name) for name in schema.names]
    for start, columns in csv_blocks.columns(
        file, len(names), delimiter=read.delimiter, encoding=read.encoding, wanted=wanted
    ):
        try:
            batch = _batch(columns, (), file, read, schema)
        except SourceRefused:
            file.handle.seek(start)  # in which line, the reader of rows will say
            return
        yield batch


def _batch(
    columns: Sequence[Sequence[str] | pa.Array], lines: Sequence[int], file: File, read: Read, schema: pa.Schema
) -> pa.RecordBatch:
    arrays = [
        typing_text.column(texts, read.columns.get(name, "string"), read, name=name, file=file.name, lines=lines)
        for name, texts in zip(schema.names, columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


class _Rows:
    """The rows of one file from where it stands, with the line each ends on."""

    def __init__(self, file: File, read: Read) -> None:
        self._file: Final = file
        self._read: Final = read
        self._before: Final = file.lines_before()
        self._reader: Final = csv.reader(self._lines(), delimiter=read.delimiter, strict=True)

    def names(self) -> list[str]:
        """Return the names of the columns: the header's, or those declared."""
        if not self._read.has_header:
            return list(self._read.columns)
        header = next(self._checked(), None)
        if not header:
            raise self._file.bad(1, "it has no header")
        if len(header) > MOST_COLUMNS:
            raise self._file.bad(1, f"it has over {MOST_COLUMNS} columns")
        names = [name.strip() for name in header]
        wanted = list(self._read.columns) or names
        missing = [name for name in wanted if name not in names]
        twice = [name for name in wanted if names.count(name) > 1]
        if missing:
            raise self._file.bad(1, f"the header has no column {missing[0]!r}")
        if twice:
            raise self._file.bad(1, f"the header has two columns {twice[0]!r}")
        return names

    def some(self, width: int) -> tuple[Sequence[Sequence[str]], Sequence[int]] | None:
        """Return the next rows, or None at the end."""
        rows: list[list[str]] = []
        lines: list[int] = []
        size = 0
        for row in self._checked():
            if not row:
                continue
            if len(row) != width:
                raise self._file.bad(self._line, f"it has {len(row)} fields, and {width} are expected")
            rows.append(row)
            lines.append(self._line)
            size += sum(map(len, row))
            if len(rows) >= _ROWS or size >= _BYTES:
                break
        return (rows, lines) if rows else None

    @property
    def _line(self) -> int:
        return self._before + self._reader.line_num

    def _checked(self) -> Iterator[list[str]]:
        try:
            yield from self._reader
        except csv.Error as error:
            raise self._file.bad(self._line, f"it is no CSV ({error})") from None

    def _lines(self) -> Iterator[str]:
        # A byte order mark is one at the beginning alone.
        encoding = "utf-8" if self._before and self._read.encoding == "utf-8-sig" else self._read.encoding
        decoder = codecs.getincrementaldecoder(encoding)()
        number = self._before
        try:
            # A line end is found in bytes: in UTF-16 that may lie within a character, and the decoder keeps the rest.
            kept = ""
            for line in self._file.lines():
                *whole, kept = (kept + decoder.decode(line)).split("\n")
                for each in whole:
                    number += 1
                    if "\0" in each:
                        raise self._file.bad(number, "it holds a NUL character")
                    yield each + "\n"
            kept += decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            raise self._file.bad(number + 1, f"it is not {decoder_name(self._read.encoding)}") from None
        if "\0" in kept:
            raise self._file.bad(number + 1, "it holds a NUL character")
        if kept:
            yield kept


def decoder_name(encoding: str) -> str:
    """
    Return what an encoding is called in profiles.

    >>> decoder_name("utf-8-sig")
    'utf-8'
    """
    return {"utf-8-sig": "utf-8", "cp1252": "windows-1252"}.get(encoding, encoding)
