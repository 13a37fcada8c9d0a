"""Rows of a Python driver as record batches: a few rows at a time, fewer where they are wide."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeAlias

import pyarrow as pa

Read: TypeAlias = "Callable[[Any], Any] | None"
_BYTES: Final = 4 << 20
_MOST: Final = 4096
_FIRST: Final = 64


def pieces(
    fetch: Callable[[int], Sequence[Sequence[Any]]], columns: Sequence[tuple[str, pa.DataType, Read]]
) -> Iterator[pa.RecordBatch]:
    """
    Yield what `fetch(count)` returns until that is nothing, first an empty batch with the columns.

    A column is its name, its type, and what is done to each value before it has that type.
    """
    schema = pa.schema([(name, type_) for name, type_, _ in columns])
    yield pa.RecordBatch.from_pylist([], schema=schema)
    count = _FIRST
    while rows := fetch(count):
        values = zip(*rows, strict=True)
        arrays = [
            pa.array(map(read, column) if read else column, type_)
            for column, (_, type_, read) in zip(values, columns, strict=True)
        ]
        batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
        count = max(1, min(_MOST, len(rows) * _BYTES // max(1, batch.nbytes)))
        yield batch
