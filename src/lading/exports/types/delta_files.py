"""
A delta in the format of the reports it compares: the same columns, with `change` before them.

Cells and lines stand as they stood in the reports.  Same changes, same bytes.
"""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, Protocol

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from lading.exports import tables
from lading.exports.formats import parquet
from lading.exports.formats.data import encoded
from lading.exports.profile import CsvStyle, Profile
from lading.exports.types import report_rows
from lading.exports.types.comparing import CHANGE
from lading.exports.types.report_rows import LINE

_NAME: Final = "change"
_OTHER_NAME: Final = "lading_change"
_GROUP_ROWS: Final = parquet.PIECE_ROWS * parquet.GROUP_PIECES
_BOM: Final = b"\xef\xbb\xbf"
_LEVEL: Final = 1


class DeltaFile(AbstractContextManager["DeltaFile"], Protocol):
    """A delta while it is written."""

    def add(self, frame: pl.DataFrame) -> None:
        """Append rows with their CHANGE."""
        ...


def writer(form: str, profile: Profile, like: Path, target: Path) -> DeltaFile:
    """Return what writes a delta of `form` to `target`; `like` is one of the reports."""
    match form:
        case "csv":
            return _Cells(profile, profile.csv, like, target)
        case "tsv":
            return _Cells(profile, profile.tsv, like, target)
        case "parquet":
            return _Parquet(profile, like, target)
        case _:
            return _Lines(profile, like, target, is_document=form == "json")


def column_of(profile: Profile) -> str:
    """Return the name of the column that says what changed: one that the profile does not have."""
    return _OTHER_NAME if any(column.name == _NAME for column in profile.columns) else _NAME


class _Cells(DeltaFile):
    """csv and tsv."""

    def __init__(self, profile: Profile, style: CsvStyle, like: Path, target: Path) -> None:
        self._style: Final = style
        self._width: Final = len(profile.columns)
        names = report_rows.head(like).removeprefix(_BOM)
        self._file: Final = target.open("wb")
        self._file.write((_BOM if style.bom else b"") + (column_of(profile) + style.delimiter).encode() + names)

    def add(self, frame: pl.DataFrame) -> None:
        cells = [pl.col(str(place)).replace("", None) for place in range(self._width)]
        frame.select(pl.col(CHANGE), *cells).write_csv(
            self._file,
            include_header=False,
            separator=self._style.delimiter,
            line_terminator=self._style.line_end,
            quote_style="necessary",
        )

    def __exit__(self, *_: object) -> None:
        self._file.close()


class _Lines(DeltaFile):
    """ndjson, and json, whose rows are lines, too."""

    def __init__(self, profile: Profile, like: Path, target: Path, *, is_document: bool) -> None:
        self._name: Final = encoded(column_of(profile))
        self._is_document: Final = is_document
        self._rows = 0
        self._file: Final = target.open("wb")
        if is_document:
            self._file.write(b'{"variant":"delta",' + report_rows.head(like).rstrip(b"\n").removeprefix(b"{"))

    def add(self, frame: pl.DataFrame) -> None:
        lines = [
            f"{{{self._name}:{encoded(change)},{line.removeprefix('{')}"
            for change, line in frame.select(CHANGE, LINE).iter_rows()
        ]
        if self._is_document:
            text = "".join(f"{',' if self._rows or place else ''}\n{line}" for place, line in enumerate(lines))
        else:
            text = "".join(f"{line}\n" for line in lines)
        self._rows += len(lines)
        self._file.write(text.encode())

    def __exit__(self, *exc: object) -> None:
        if self._is_document and exc[0] is None:
            self._file.write(f'\n],"row_count":{self._rows},"totals":null}}\n'.encode())
        self._file.close()


class _Parquet(DeltaFile):
    """parquet."""

    def __init__(self, profile: Profile, like: Path, target: Path) -> None:
        with pq.ParquetFile(like) as file:
            told: Any = file.schema_arrow
            said = json.loads((file.metadata.metadata or {}).get(parquet.METADATA.encode(), b"{}"))
        self._schema: Final = pa.schema([pa.field(column_of(profile), pa.string()), *told]).remove_metadata()
        self._said: Final = encoded({"variant": "delta", **said, "totals": None})
        self._held: list[pl.DataFrame] = []
        self._file: Final = target.open("wb")
        compression = profile.parquet.compression
        self._writer: Final = pq.ParquetWriter(
            self._file,
            self._schema,
            compression=compression,
            compression_level=_LEVEL if compression == "zstd" else None,
            store_schema=False,
        )

    def add(self, frame: pl.DataFrame) -> None:
        cells = [pl.col(str(place)) for place in range(len(self._schema) - 1)]
        self._held.append(frame.select(pl.col(CHANGE), *cells))
        if sum(each.height for each in self._held) >= _GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        whole = pl.concat(self._held) if self._held else None
        self._held.clear()
        if whole is not None:
            batches = [batch.rename_columns(self._schema.names).cast(self._schema) for batch in tables.arrow(whole)]
            self._writer.write_table(pa.Table.from_batches(batches, self._schema), row_group_size=_GROUP_ROWS)

    def __exit__(self, *exc: object) -> None:
        try:
            if exc[0] is None:
                self._flush()
                self._writer.add_key_value_metadata({parquet.METADATA: self._said})
            self._writer.close()
        finally:
            self._file.close()
