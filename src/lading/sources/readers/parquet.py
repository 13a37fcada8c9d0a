"""
Parquet: the types are the file's own; those that no other source gives become what other sources give.

Decimals become exact text, binary becomes hexadecimal text, nanoseconds must be whole microseconds.  Nested columns
are refused unless they are left out by `columns`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet

from lading.errors import SourceRefused
from lading.sources import typing_text
from lading.sources.model import Rewrite
from lading.sources.read import Read
from lading.sources.readers.file import MOST_COLUMNS, File

_compute: Any = pyarrow.compute  # its functions are made at run time
_parquet: Any = pyarrow.parquet
_ROWS: Final = 4096
_PAGE_BYTES: Final = 1 << 20
_CHUNK_BYTES: Final = 512 << 20


def read(file: File, read: Read, rewritten: list[Rewrite]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file, first an empty batch."""
    try:
        opened = _parquet.ParquetFile(file.handle, buffer_size=_PAGE_BYTES, pre_buffer=False, memory_map=False)
        schema: pa.Schema = opened.schema_arrow
        names = _names(file, schema, read)
        columns = [_Column(file, schema.field(name), read) for name in names]
        rewritten.extend(column.rewrite for column in columns if column.rewrite is not None)
        target = pa.schema([(column.name, column.target) for column in columns])
        yield pa.RecordBatch.from_pylist([], schema=target)
        for batch in opened.iter_batches(batch_size=_ROWS, columns=names, use_threads=False):
            yield pa.RecordBatch.from_arrays(
                [column.read(batch.column(column.name)) for column in columns], schema=target
            )
    except (pa.ArrowException, OSError) as error:
        words = " ".join(str(error).split())[:200]
        raise SourceRefused(f"{file.name} can't be read as Parquet ({words}). Check that it is whole.") from None


def _names(file: File, schema: pa.Schema, read: Read) -> list[str]:
    if len(schema.names) > MOST_COLUMNS:
        raise SourceRefused(f"{file.name} has over {MOST_COLUMNS} columns. Read a narrower file.")
    wanted: Sequence[str] = list(read.columns) or schema.names
    for name in wanted:
        if schema.names.count(name) != 1:
            there = "no column" if name not in schema.names else "two columns"
            raise SourceRefused(f"{file.name} has {there} {name!r}. Correct source.read.columns in the profile.")
    return list(wanted)


class _Column:
    """How one column is read."""

    def __init__(self, file: File, field: pa.Field, read: Read) -> None:
        self.name: Final = field.name
        self._file: Final = file
        self._given: Final = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        declared = read.columns.get(field.name)
        natural = _natural(self._given)
        if natural is None:
            raise SourceRefused(
                f"{file.name}: column {self.name!r} is {self._given}, which is no single value. "
                "Leave it out with source.read.columns."
            )
        self.target: Final = typing_text.TYPES[declared] if declared else natural
        if declared and self.target != natural and not _may(natural, self.target, self._given):
            raise SourceRefused(
                f"{file.name}: column {self.name!r} is {self._given} and not {declared}. Correct source.read.columns."
            )
        is_same = pa.types.is_large_string(self._given) or self._given == self.target
        self.rewrite: Final = None if is_same else Rewrite(self.name, str(self._given), str(self.target))

    def read(self, array: pa.Array) -> pa.Array:
        """Return the array in the type that every source gives."""
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        if (
            pa.types.is_binary(array.type)
            or pa.types.is_large_binary(array.type)
            or pa.types.is_fixed_size_binary(array.type)
        ):
            return pa.array(
                [None if value is None else "\\x" + value.hex() for value in array.to_pylist()], pa.string()
            )
        return array.cast(self.target)


def _may(natural: pa.DataType, target: pa.DataType, given: pa.DataType) -> bool:
    if pa.types.is_string(target):
        return pa.types.is_integer(natural) or pa.types.is_decimal(given)
    return pa.types.is_integer(target) and pa.types.is_integer(natural)


def _natural(given: pa.DataType) -> pa.DataType | None:
    """Return the type a column of a file is read as, None if there is none."""
    types = pa.types
    if types.is_timestamp(given):
        return pa.timestamp("us", "UTC") if given.tz else pa.timestamp("us")
    if types.is_date(given):
        return pa.date32()
    if types.is_float16(given) or types.is_float32(given):
        return pa.float64()
    if types.is_integer(given) or types.is_boolean(given) or types.is_float64(given):
        return given
    is_text = types.is_string(given) or types.is_large_string(given) or types.is_null(given)
    is_bytes = types.is_binary(given) or types.is_large_binary(given) or types.is_fixed_size_binary(given)
    return pa.string() if is_text or is_bytes or types.is_decimal(given) or types.is_time(given) else None
