"""
Rows as they stand, from the spool into a file: parquet, csv or ndjson.

Same spool, same bytes.  Days are ISO 8601, instants RFC 3339 in UTC, bytes are hex in the text formats.  In csv a text
that a spreadsheet would run as a formula gets an apostrophe in front; an empty text is quoted, a null is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from lading.exports import tables
from lading.exports.formats import parquet
from lading.exports.formats.csv import guarded

MEDIA_TYPES: Final[Mapping[str, str]] = {
    "parquet": parquet.MEDIA_TYPE,
    "csv": "text/csv; charset=utf-8",
    "ndjson": "application/x-ndjson",
}
_LEVEL: Final = 1


def write(form: str, spool: Path, target: Path) -> Iterator[int]:
    """Write the rows of `spool` to `target`, yielding how many are written."""
    match form:
        case "parquet":
            return _parquet(spool, target)
        case "csv":
            return _csv(spool, target)
        case _:
            return _ndjson(spool, target)


def names(spool: Path) -> list[str]:
    """Return the names of the columns."""
    return list(tables.schema_of(spool))


def types(spool: Path) -> list[str]:
    """Return the types in which the columns are kept, in the words of Arrow."""
    return [str(field.type).removeprefix("large_") for field in tables.arrow_schema(tables.schema_of(spool))]


def _parquet(spool: Path, target: Path) -> Iterator[int]:
    schema = tables.arrow_schema(tables.schema_of(spool))
    with (
        target.open("wb") as file,
        pq.ParquetWriter(file, schema, compression="zstd", compression_level=_LEVEL, store_schema=False) as writer,
    ):
        done, group = 0, list[pa.RecordBatch]()
        for frame in tables.frames(spool):
            group += tables.arrow(frame)
            done += frame.height
            if len(group) == parquet.GROUP_PIECES:
                writer.write_table(pa.Table.from_batches(group, schema))
                group.clear()
            yield done
        if group:
            writer.write_table(pa.Table.from_batches(group, schema))


def _csv(spool: Path, target: Path) -> Iterator[int]:
    done = 0
    with target.open("wb") as file:
        every = names(spool)
        head = pl.DataFrame({name: [name] for name in every}).select(
            guarded(pl.col(name)).alias(name) for name in every
        )
        head.write_csv(file, include_header=False)
        for frame in tables.frames(spool):
            texts = [
                guarded(pl.col(name)).alias(name) if kind == pl.String() else _text(name, kind)
                for name, kind in frame.schema.items()
            ]
            frame.select(texts).write_csv(file, include_header=False, quote_style="necessary")
            done += frame.height
            yield done


def _ndjson(spool: Path, target: Path) -> Iterator[int]:
    done = 0
    with target.open("wb") as file:
        for frame in tables.frames(spool):
            frame.select(_text(name, kind) for name, kind in frame.schema.items()).write_ndjson(file)
            done += frame.height
            yield done


def _text(name: str, kind: pl.DataType) -> pl.Expr:
    value = pl.col(name)
    match kind:
        case pl.Date():
            return value.dt.strftime("%Y-%m-%d")
        case pl.Datetime():
            if kind.time_zone is None:
                return value.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f")
            return value.dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
        case pl.Binary():
            return value.bin.encode("hex")
        case pl.Decimal():
            return value.cast(pl.String)
        case _:
            return value
