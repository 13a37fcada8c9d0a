"""
Rows in the order of a key, in bounded memory, whatever order they came in.

What fits into one run is sorted in memory.  More is written to a scratch folder as sorted runs, and merged block by
block: of every run one block is held, and what is not above the lowest of the blocks' last keys can be sorted and
given away.  Text is ordered by its bytes, so the order does not depend on a machine's language.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Self

import pyarrow as pa
import pyarrow.compute
from pyarrow import ipc

from lading.artifacts.blobs import storing

_compute: Any = pyarrow.compute  # its functions are made at run time
RUN_BYTES: Final = 48 << 20
# Blocks of all merged runs are in memory together.
_BLOCK_BYTES: Final = 1 << 20
_BLOCK_ROWS: Final = 16_384
_FAN_IN: Final = 32


class EmptyKey(Exception):
    """A row has no value in a column of the key."""


def in_order(
    batches: Iterable[pa.RecordBatch], key: Sequence[str], *, scratch: Path | None, run_bytes: int = RUN_BYTES
) -> Iterator[pa.RecordBatch]:
    """
    Yield the rows of `batches` in the order of `key`, first an empty batch with the columns.

    While rows come in, each batch that came is followed by an empty one: a sign of life.
    """
    held: list[pa.RecordBatch] = []
    empty: pa.RecordBatch | None = None
    with _Folder(scratch) as folder:
        for batch in batches:
            if empty is None:
                empty = batch.slice(0, 0)
                key_types(empty, key)
            if any(batch.column(name).null_count for name in key):
                raise EmptyKey
            if batch.num_rows:
                held.append(batch)
            yield empty
            if sum(each.nbytes for each in held) >= run_bytes:
                folder.write(_sorted(held, key))
                held = []
        if not folder.runs:
            yield from _sorted(held, key) if held else ()
            return
        if held:
            folder.write(_sorted(held, key))
        del held
        while len(folder.runs) > _FAN_IN:
            # The sign of life of a merge that goes to disk.
            for _ in folder.write_slowly(_merged([folder.take() for _ in range(_FAN_IN)], key)):
                if empty is not None:
                    yield empty
        yield from _merged(folder.runs, key)


def key_types(batch: pa.RecordBatch, key: Sequence[str]) -> None:
    """Raise KeyError when a column of the key is not there."""
    for name in key:
        if name not in batch.schema.names:
            raise KeyError(name)


class _Folder:
    """The runs on disk, oldest first; gone at the end."""

    def __init__(self, scratch: Path | None) -> None:
        self._scratch: Final = scratch
        self._folder: Path | None = None
        self._count = 0
        self.runs: Final[list[Path]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def take(self) -> Path:
        return self.runs.pop(0)

    def write(self, blocks: Iterable[pa.RecordBatch]) -> None:
        for _ in self.write_slowly(blocks):
            pass

    def write_slowly(self, blocks: Iterable[pa.RecordBatch]) -> Iterator[None]:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="sorting-", dir=self._scratch))
        self._count += 1
        path = self._folder / f"{self._count}.arrow"
        writer = None
        with storing(path), path.open("wb") as sink:
            for block in blocks:
                if writer is None:
                    writer = ipc.new_stream(sink, block.schema, options=ipc.IpcWriteOptions(compression="lz4"))
                writer.write_batch(block)
                yield
            if writer is not None:
                writer.close()
        self.runs.append(path)


def _sorted(held: Sequence[pa.RecordBatch], key: Sequence[str]) -> Iterator[pa.RecordBatch]:
    table = pa.Table.from_batches(list(held))
    order = _compute.sort_indices(table.select(list(key)), sort_keys=[(name, "ascending") for name in key])
    rows = max(1, min(_BLOCK_ROWS, table.num_rows * _BLOCK_BYTES // max(1, table.nbytes)))
    for start in range(0, table.num_rows, rows):
        yield _one(table.take(order.slice(start, rows)))


def _one(table: pa.Table) -> pa.RecordBatch:
    whole = table.combine_chunks().to_batches()
    return whole[0] if whole else pa.RecordBatch.from_pylist([], schema=table.schema)


def _merged(runs: Sequence[Path], key: Sequence[str]) -> Iterator[pa.RecordBatch]:
    files = [path.open("rb") for path in runs]
    try:
        readers: list[Any] = [ipc.open_stream(file) for file in files]
        blocks: dict[int, pa.RecordBatch] = {}
        for number, reader in enumerate(readers):
            _next(blocks, number, reader)
        while blocks:
            bound = min(_last(block, key) for block in blocks.values())
            ready: list[pa.RecordBatch] = []
            for number, block in list(blocks.items()):
                count = _not_above(block, key, bound)
                if count:
                    ready.append(block.slice(0, count))
                if count == block.num_rows:
                    _next(blocks, number, readers[number])
                else:
                    blocks[number] = block.slice(count)
            yield from _sorted(ready, key)
    finally:
        for file, path in zip(files, runs, strict=True):
            file.close()
            path.unlink(missing_ok=True)


def _next(blocks: dict[int, pa.RecordBatch], number: int, reader: Any) -> None:
    block = next(iter(reader), None)
    if block is None:
        blocks.pop(number, None)
    else:
        blocks[number] = block


def _last(block: pa.RecordBatch, key: Sequence[str]) -> tuple[Any, ...]:
    return tuple(_comparable(block.column(name)[-1].as_py()) for name in key)


def _not_above(block: pa.RecordBatch, key: Sequence[str], bound: tuple[Any, ...]) -> int:
    """Return how many rows of a sorted block have a key that is not above `bound`, by halving."""
    low, high = 0, block.num_rows
    columns = [block.column(name) for name in key]
    while low < high:
        middle = (low + high) // 2
        if tuple(_comparable(column[middle].as_py()) for column in columns) <= bound:
            low = middle + 1
        else:
            high = middle
    return low


def _comparable(value: Any) -> Any:
    # Python orders text by code points and Arrow by bytes of UTF-8, which is the same; kept as bytes to say so.
    return value.encode("utf-8") if isinstance(value, str) else value
