"""
Record batches of one fixed size, and a key that really tells rows apart.

How many rows the wire brings at a time depends on its buffers; files whose bytes must not, are made from batches of
a fixed number of rows, fewer where the rows are wide: where they are cut depends on the rows alone.  Pure: batches in,
batches out, at most one batch held back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute

_compute: Any = pyarrow.compute  # its functions are made at run time
BATCH_ROWS: Final = 16_384
# Whoever reads a batch needs several times its size; ordinary rows stay far below.
BATCH_BYTES: Final = 4 << 20
_WIDE_BYTES: Final = 4 << 20  # what the wire brought in one piece, and is not copied
# The wire brings a million bytes at a time, and always one whole row.
ROW_BYTES: Final = 32 << 20


class TooWide(Exception):
    """A row holds more than ROW_BYTES."""


def rechunk(
    batches: Iterable[pa.RecordBatch], rows: int = BATCH_ROWS, size: int = BATCH_BYTES
) -> Iterator[pa.RecordBatch]:
    """
    Yield the same rows in batches of `rows`, or of fewer that hold about `size` bytes; the last one with the rest.

    The first batch comes even when it is empty: it carries the schema.  Field metadata of the driver is dropped.
    TooWide when one row alone is more than anybody can hold.
    """
    held: list[pa.RecordBatch] = []
    is_first = True
    for batch in batches:
        if batch.nbytes > ROW_BYTES:
            raise TooWide
        held.append(pa.RecordBatch.from_arrays(batch.columns, names=batch.schema.names))
        del batch  # a wide row is held once
        while take := _full(held, rows, size):
            whole, rest = _cut(held, take)
            held, is_first = ([rest] if rest.num_rows else []), False
            yield whole
            del whole
    if held and (is_first or any(batch.num_rows for batch in held)):
        yield _cut(held, sum(batch.num_rows for batch in held))[0]


def _full(held: Sequence[pa.RecordBatch], rows: int, size: int) -> int:
    """Return how many of the held rows make a batch, 0 while they are too few."""
    count = sum(batch.num_rows for batch in held)
    if sum(batch.nbytes for batch in held) >= size:
        each = [_row_bytes(batch) for batch in held]
        reached = _compute.greater_equal(_compute.cumulative_sum(pa.concat_arrays(each)), size)
        place = _compute.index(reached, True).as_py()
        if 0 <= place < rows:
            return int(place) + 1
    return rows if count >= rows else 0


def _row_bytes(batch: pa.RecordBatch) -> Any:
    """Return how many bytes each row takes; never more than `nbytes` counts, so that no full batch is overlooked."""
    fixed, texts = 0, list[Any]()
    for column in batch.columns:
        if pa.types.is_string(column.type) or pa.types.is_binary(column.type):
            fixed += 4
            texts.append(_compute.fill_null(_compute.binary_length(column), 0))
        elif pa.types.is_primitive(column.type):
            fixed += column.type.bit_width // 8
    total: Any = pa.array([fixed] * batch.num_rows, pa.int64())
    for lengths in texts:
        total = _compute.add(total, lengths)
    return total


def _cut(held: Sequence[pa.RecordBatch], rows: int) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    last = held[-1]
    before = sum(batch.num_rows for batch in held[:-1])
    take = rows - before
    parts = [*(batch for batch in held[:-1] if batch.num_rows), last.slice(0, take)]
    if len(parts) == 1 and take == last.num_rows and last.nbytes > _WIDE_BYTES:
        return last, last.slice(take)
    return pa.concat_batches(parts), last.slice(take)


class KeyCheck:
    """
    Watches rows in the order of their key and tells the first fault: empty, or the same twice.

    `part` is a column that tells from which part of the source a row came; with it `is_moved` says after a fault that
    the two rows of one key came from two parts.
    """

    def __init__(self, key: Sequence[str], *, part: str | None = None) -> None:
        self._key: Final = tuple(key)
        self._part: Final = part
        self._last: tuple[Any, ...] | None = None
        self._last_part: Any = None
        self.is_moved = False

    def fault(self, batch: pa.RecordBatch) -> str | None:
        """Return what is wrong with the key in `batch`, or None."""
        if batch.num_rows == 0:
            return None
        columns = [batch.column(name) for name in self._key]
        if any(column.null_count for column in columns):
            return "is empty in some row"
        first = tuple(column[0].as_py() for column in columns)
        is_again = first == self._last
        is_repeated = is_again or _has_neighbours(columns)
        if self._part is not None:
            parts = batch.column(self._part)
            self.is_moved = is_repeated and self._is_moved(columns, parts, is_again=is_again)
            self._last_part = parts[-1].as_py()
        self._last = tuple(column[-1].as_py() for column in columns)
        return "is the same in two rows" if is_repeated else None

    def _is_moved(self, columns: Sequence[pa.Array], parts: pa.Array, *, is_again: bool) -> bool:
        if is_again:
            return bool(parts[0].as_py() != self._last_part)
        others: Any = _compute.not_equal(parts.slice(1), parts.slice(0, len(parts) - 1))
        return bool(_compute.any(_compute.and_(_same(columns), others)).as_py())


def _has_neighbours(columns: Sequence[pa.Array]) -> bool:
    return bool(_compute.any(_same(columns)).as_py())


def _same(columns: Sequence[pa.Array]) -> Any:
    """Return for each row but the first whether its key is that of the row before."""
    same: Any = True
    for column in columns:
        same = _compute.and_(same, _compute.equal(column.slice(1), column.slice(0, len(column) - 1)))
    return same
