"""
Parquet for programs: typed columns, zstd, and row groups cut by the rows themselves.

A row group is eight pieces of 16,384 rows, or four of fewer wide ones, whatever the batches the rows came in: the
bytes depend on the rows and on the version of pyarrow alone.  Decimals are decimal(38, scale), instants are in UTC,
what is not there is null.  The description of the report and its totals are the file's metadata under the key
`lading.report`.
"""

from __future__ import annotations

from contextlib import closing
from typing import Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from lading.exports.ahead import ahead
from lading.exports.formats.data import description, encoded, totals_json
from lading.exports.formats.report import Report, ReportFile
from lading.exports.profile import Column, Profile
from lading.exports.tables import arrow

MEDIA_TYPE: Final = "application/vnd.apache.parquet"
PIECE_ROWS: Final = 16_384
PIECE_BYTES: Final = 6 << 20
GROUP_PIECES: Final = 8
METADATA: Final = "lading.report"
_LEVEL: Final = 1  # of zstd; the others have none to choose
# Pyarrow's own limit (1 MiB) lets the table of a column without repetitions grow to 30 MB, for files 5 % larger.
_DICTIONARY_BYTES: Final = 1 << 19
_WRITTEN_ROWS: Final = 128  # at once; after each, the sizes of page and dictionary are looked at


def write(report: Report) -> ReportFile:
    """Write the table as parquet."""
    name = report.stem + ".parquet"
    path = report.folder / name
    schema = _schema(report.profile)
    compression = report.profile.parquet.compression
    level = _LEVEL if compression == "zstd" else None
    with (
        path.open("wb") as file,
        # Without the Arrow schema, which would only repeat the types in words of one library.
        pq.ParquetWriter(
            file,
            schema,
            compression=compression,
            compression_level=level,
            store_schema=False,
            dictionary_pagesize_limit=_DICTIONARY_BYTES,
            write_batch_size=_WRITTEN_ROWS,
        ) as writer,
    ):
        rows, group = 0, list[pa.RecordBatch]()
        batches = (_batch(piece, schema) for piece in report.pieces(rows=PIECE_ROWS, size=PIECE_BYTES))
        with closing(ahead(batches)) as made:
            for batch in made:
                group.append(batch)
                rows += batch.num_rows
                if sum(1 if each.num_rows == PIECE_ROWS else 2 for each in group) >= GROUP_PIECES:
                    _write_group(writer, group)
                report.progress(rows)
        if group:
            _write_group(writer, group)
        said = encoded(description(report)).removesuffix("}") + f',"totals":{totals_json(report, is_text=True)}}}'
        writer.add_key_value_metadata({METADATA: said})
    return ReportFile(name, path, MEDIA_TYPE)


def _schema(profile: Profile) -> pa.Schema:
    return pa.schema([pa.field(column.name, _type(column)) for column in profile.columns])


def _type(column: Column) -> pa.DataType:
    match column.type:
        case "string":
            return pa.string()
        case "integer":
            return pa.int64()
        case "decimal":
            return pa.decimal128(38, column.number_format.scale)
        case "date":
            return pa.date32()
        case "timestamp":
            return pa.timestamp("us", "UTC")
        case "boolean":
            return pa.bool_()


def _batch(piece: pl.DataFrame, schema: pa.Schema) -> pa.RecordBatch:
    (batch,) = arrow(piece)
    return batch.cast(schema)


def _write_group(writer: pq.ParquetWriter, group: list[pa.RecordBatch]) -> None:
    writer.write_table(pa.Table.from_batches(group), row_group_size=PIECE_ROWS * GROUP_PIECES)
    group.clear()
