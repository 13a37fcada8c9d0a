"""
Record batches of one fixed size, and a key that really tells rows apart.

How many rows the wire brings at a time depends on its buffers; files whose bytes must not, are made from batches of
a fixed number of rows.  Pure: batches in, batches out, at most one batch held back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute

_compute: Any = pyarrow.compute  # its functions are made at run time
BATCH_ROWS: Final = 16_384


def rechunk(batches: Iterable[pa.RecordBatch], rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
    """
    Yield the same rows in batches of exactly `rows`, the last one with the rest.

    The first batch comes even when it is empty: it carries the schema.  Field metadata of the driver is dropped.
    """
    held: list[pa.RecordBatch] = []
    count, is_first = 0, True
    for batch in batches:
        held.append(pa.RecordBatch.from_arrays(batch.columns, names=batch.schema.names))
        count += batch.num_rows
        while count >= rows:
            whole, rest = _cut(held, rows)
            yield whole
            held, count, is_first = [rest], rest.num_rows, False
    if held and (count or is_first):
        yield _cut(held, count)[0]


def _cut(held: Sequence[pa.RecordBatch], rows: int) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    last = held[-1]
    before = sum(batch.num_rows for batch in held[:-1])
    take = rows - before
    parts = [*held[:-1], last.slice(0, take)]
    return pa.concat_batches(parts), last.slice(take)


class KeyCheck:
    """Watches rows in the order of their key and tells the first fault: empty, or the same twice."""

    def __init__(self, key: Sequence[str]) -> None:
        self._key: Final = tuple(key)
        self._last: tuple[Any, ...] | None = None

    def fault(self, batch: pa.RecordBatch) -> str | None:
        """Return what is wrong with the key in `batch`, or None."""
        if batch.num_rows == 0:
            return None
        columns = [batch.column(name) for name in self._key]
        if any(column.null_count for column in columns):
            return "is empty in some row"
        first = tuple(column[0].as_py() for column in columns)
        is_repeated = first == self._last or _has_neighbours(columns)
        self._last = tuple(column[-1].as_py() for column in columns)
        return "is the same in two rows" if is_repeated else None


def _has_neighbours(columns: Sequence[pa.Array]) -> bool:
    same: Any = True
    for column in columns:
        same = _compute.and_(same, _compute.equal(column.slice(1), column.slice(0, len(column) - 1)))
    return bool(_compute.any(same).as_py())
