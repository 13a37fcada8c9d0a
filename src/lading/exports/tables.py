"""
Arrow IPC files between the stages: the spool of source rows and the mapped table, read and written batch by batch.

Batches have a fixed number of rows, or fewer wide ones, so that what is made from them does not depend on how the
wire cut them.  Nothing here holds more than one batch.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow as pa

from lading.errors import StorageFailed

BATCH_ROWS: Final = 16_384
BATCH_BYTES: Final = 4 << 20  # wide rows come in smaller batches
_MAGIC: Final = b"ARROW1"


class Incoming:
    """Batches of a spool that is still being written; at least one comes, empty if need be, with the columns."""

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        self._batches: Final = iter(batches)
        self._first: Final = next(self._batches)

    @property
    def schema(self) -> pa.Schema:
        """Return the columns."""
        return self._first.schema

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        yield self._first
        yield from self._batches


def estimate_rows(path: Path) -> int:
    """Return about how many rows the file at `path` has, without reading them; for a stream its size speaks."""
    with path.open("rb") as file:
        if file.read(6) != _MAGIC:
            return path.stat().st_size // 16
    with pa.OSFile(str(path)) as source:
        reader = pa.ipc.open_file(source)
        count = reader.num_record_batches
        return max(reader.get_batch(place).num_rows for place in (0, count // 2)) * count if count else 0


def schema_of(path: Path | Incoming) -> pl.Schema:
    """Return the schema of the frames of `path`."""
    if isinstance(path, Incoming):
        return frame_of(pa.RecordBatch.from_pylist([], schema=path.schema)).schema
    with path.open("rb") as file:
        is_file = file.read(6) == _MAGIC
    with pa.OSFile(str(path)) as source:
        schema: pa.Schema = pa.ipc.open_file(source).schema if is_file else pa.ipc.open_stream(source).schema
    return frame_of(pa.RecordBatch.from_pylist([], schema=schema)).schema


def frames(path: Path | Incoming) -> Generator[pl.DataFrame]:
    """Yield the batches of an Arrow IPC file or stream, in order."""
    if isinstance(path, Incoming):
        yield from (frame_of(batch) for batch in path if batch.num_rows)
        return
    with path.open("rb") as file:
        is_file = file.read(6) == _MAGIC
    try:
        with pa.OSFile(str(path)) as source:
            if is_file:
                reader = pa.ipc.open_file(source)
                for index in range(reader.num_record_batches):
                    yield frame_of(reader.get_batch(index))
            else:
                for batch in pa.ipc.open_stream(source):
                    yield frame_of(batch)
    except pa.ArrowInvalid as error:
        raise StorageFailed(f"The stage file {path.name} cannot be read back: {error}") from None


class TableWriter(AbstractContextManager["TableWriter"]):
    """Writes frames of one schema to an Arrow IPC file, re-cut to full batches."""

    def __init__(self, path: Path, schema: pl.Schema) -> None:
        self._schema = schema
        self._waiting: list[pl.DataFrame] = []
        self._rows = 0
        self._bytes = 0
        self._sink = pa.OSFile(str(path), "wb")
        empty = arrow_schema(schema)
        self._writer = pa.ipc.new_file(self._sink, empty, options=pa.ipc.IpcWriteOptions(compression="lz4"))

    def add(self, frame: pl.DataFrame) -> None:
        """Append the rows of `frame`."""
        self._waiting.append(frame)
        self._rows += frame.height
        self._bytes += frame.estimated_size()
        if self._bytes >= BATCH_BYTES:
            self._flush(self._rows)
        elif self._rows >= BATCH_ROWS:
            self._flush(self._rows - self._rows % BATCH_ROWS)

    def __exit__(self, *exc: object) -> None:
        """End the file; after an exception it is only closed."""
        try:
            if exc[0] is None:
                self._flush(self._rows)
            self._writer.close()
        finally:
            self._sink.close()

    def _flush(self, rows: int) -> None:
        if not rows:
            return
        whole = pl.concat(self._waiting)
        for start in range(0, rows, BATCH_ROWS):
            for batch in arrow(whole.slice(start, min(BATCH_ROWS, rows - start))):
                self._writer.write_batch(batch)
        rest = whole.slice(rows)
        self._waiting, self._rows = ([rest] if rest.height else []), rest.height
        self._bytes = int(rest.estimated_size())


def arrow(frame: pl.DataFrame) -> list[pa.RecordBatch]:
    """Return the frame as one record batch, or none if it has no rows."""
    if not frame.height:
        return []
    table: Any = frame.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    return table.combine_chunks().to_batches()


def arrow_schema(schema: pl.Schema) -> pa.Schema:
    """Return the Arrow schema frames of `schema` are written with."""
    return schema.to_frame().to_arrow(compat_level=pl.CompatLevel.oldest()).schema


def frame_of(batch: pa.RecordBatch) -> pl.DataFrame:
    """Return the batch as a frame; extension types (json, uuid) as the text they stand for."""
    arrays: list[Any] = []
    for array in batch.columns:
        plain = array.storage if isinstance(array, pa.ExtensionArray) else array
        if pa.types.is_fixed_size_binary(plain.type) and plain.type.byte_width == 16:
            plain = _uuid_text(plain)
        arrays.append(plain)
    found = pl.from_arrow(pa.RecordBatch.from_arrays(arrays, names=batch.schema.names), rechunk=True)
    return found if isinstance(found, pl.DataFrame) else found.to_frame()


def _uuid_text(array: Any) -> Any:
    digits = pl.Series(pl.from_arrow(array.cast(pa.binary()))).bin.encode("hex")
    parts = [digits.str.slice(start, size) for start, size in ((0, 8), (8, 4), (12, 4), (16, 4), (20, 12))]
    return pl.select(pl.concat_str(parts, separator="-")).to_series().to_arrow()
