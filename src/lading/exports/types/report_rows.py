"""
The rows of a report, read back from the file that was handed out: csv, tsv, json, ndjson and parquet.

A row comes as its cells, or, of the JSON formats, as its line; beside it `key`, which tells it apart.  Batches are
small, whatever the size of the file.  Its other half, `delta`, writes such rows again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from lading.exports import tables
from lading.exports.profile import Profile

KEY: Final = "key"
LINE: Final = "line"
_ROWS: Final = 16_384
_BLOCK_BYTES: Final = 4 << 20
_DIGITS: Final = 20
_MARK: Final = "\x1f"
_NULL: Final = "\x00"


def read(path: Path, form: str, profile: Profile, key: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """
    Yield the rows of a report; without `key` the whole row is its own key.

    There is always a first batch, empty if need be.
    """
    match form:
        case "csv" | "tsv":
            return _keyed(_cells(path, form, profile), profile, key)
        case "parquet":
            return _keyed(_typed(path), profile, key)
        case _:
            return _lines(path, form, profile, key)


def head(path: Path) -> bytes:
    """Return the first line of a report."""
    with path.open("rb") as file:
        return file.readline()


def _cells(path: Path, form: str, profile: Profile) -> Iterator[pl.DataFrame]:
    style = profile.csv if form == "csv" else profile.tsv
    names = [str(place) for place in range(len(profile.columns))]
    reader = csv.open_csv(
        str(path),
        read_options=csv.ReadOptions(block_size=_BLOCK_BYTES, column_names=names, skip_rows=1, use_threads=False),
        parse_options=csv.ParseOptions(delimiter=style.delimiter, newlines_in_values=True, ignore_empty_lines=False),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, quoted_strings_can_be_null=False
        ),
    )
    yield from _without_last((tables.frame_of(batch) for batch in reader), count=0 if profile.totals is None else 1)


def _without_last(frames: Iterator[pl.DataFrame], *, count: int) -> Iterator[pl.DataFrame]:
    """Yield the rows but the last `count`, which are the totals."""
    held: pl.DataFrame | None = None
    for frame in frames:
        held = frame if held is None else pl.concat([held, frame])
        if held.height > count:
            yield held.head(held.height - count)
            held = held.tail(count)


def _typed(path: Path) -> Iterator[pl.DataFrame]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_ROWS):
            frame = tables.frame_of(batch)
            yield frame.rename({name: str(place) for place, name in enumerate(frame.columns)})


def _keyed(frames: Iterator[pl.DataFrame], profile: Profile, key: Sequence[str]) -> Iterator[pa.RecordBatch]:
    names = [column.name for column in profile.columns]
    places = [names.index(name) for name in key] or list(range(len(names)))
    parts = [_part(place, is_number=profile.columns[place].type == "integer") for place in places]
    for frame in frames:
        keyed = frame.with_columns(pl.concat_str(parts, separator=_MARK).alias(KEY))
        yield from tables.arrow(keyed)


def _part(place: int, *, is_number: bool) -> pl.Expr:
    text = pl.col(str(place)).cast(pl.String)
    return (text.str.zfill(_DIGITS) if is_number else text).fill_null(_NULL)


def _lines(path: Path, form: str, profile: Profile, key: Sequence[str]) -> Iterator[pa.RecordBatch]:
    numbers = frozenset(column.name for column in profile.columns if column.type == "integer")
    held: list[str] = []
    with path.open(encoding="utf-8", newline="\n") as file:
        if form == "json":
            next(file)
        for text in file:
            if form == "json" and text.startswith("]"):
                break
            held.append(text.rstrip("\n").removesuffix(",") if form == "json" else text.rstrip("\n"))
            if len(held) == _ROWS:
                yield _batch(held, key, numbers)
                held = []
    if held:
        yield _batch(held, key, numbers)


def _batch(lines: Sequence[str], key: Sequence[str], numbers: frozenset[str]) -> pa.RecordBatch:
    keys = [_key_of(json.loads(line, parse_float=str), key, numbers) for line in lines] if key else lines
    return pa.RecordBatch.from_arrays([pa.array(lines, pa.string()), pa.array(keys, pa.string())], names=[LINE, KEY])


def _key_of(row: dict[str, Any], key: Sequence[str], numbers: frozenset[str]) -> str:
    parts = ((_NULL if row[name] is None else str(row[name]), name in numbers) for name in key)
    return _MARK.join(text.zfill(_DIGITS) if is_number else text for text, is_number in parts)
