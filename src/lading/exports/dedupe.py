"""
De-duplication over any number of rows in bounded memory, exact and with a deterministic winner.

Rows are spread over files by the hash of their fingerprint (so equal ones meet in one file), then each file is solved
alone.  The hash only picks the file; fingerprints are compared as they are.  The row with the lowest `keep` columns
wins, nulls last, then the earliest row.  A row with a null in its fingerprint is no duplicate of anything: what is
not known is not the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow as pa

from lading.exports.profile import Deduplication
from lading.exports.tables import arrow, frames

ROWS_PER_PART: Final = 131_072
MAX_PARTS: Final = 256


class Deduplicator:
    """Collects the fingerprints of good rows, then names the rows that are to go."""

    def __init__(self, rule: Deduplication, folder: Path, *, rows: int, timezone: str) -> None:
        self._rule = rule
        self._timezone = timezone
        self._parts = max(1, min(MAX_PARTS, -(-rows // ROWS_PER_PART)))
        self._paths = [folder / f"fingerprints-{part:03}.arrow" for part in range(self._parts)]
        self._writers: dict[int, pa.ipc.RecordBatchStreamWriter] = {}
        self._lost: list[pl.Series] = []
        self._fingerprint = [f"f{index}" for index in range(len(rule.fingerprint))]
        self._keep = [f"k{index}" for index in range(len(rule.keep))]

    def add(self, frame: pl.DataFrame) -> None:
        """Take the good rows of a mapped frame; it has `s:` columns and `row`."""
        schema = frame.schema
        wanted = [self._part(name, schema).alias(f"f{i}") for i, name in enumerate(self._rule.fingerprint)]
        wanted += [pl.col(f"s:{name}").alias(f"k{i}") for i, name in enumerate(self._rule.keep)]
        self.take(frame.select("row", *wanted).drop_nulls(self._fingerprint))

    def take(self, slim: pl.DataFrame) -> None:
        """Take fingerprints as `lost` hands on those that stay; rows are numbered through all that is taken."""
        # Rows that already lose inside their batch need no file: a spool of nothing but duplicates stays small.
        slim = self._solved(slim)
        if self._parts == 1:
            self._write(0, slim)
            return
        spread = slim.with_columns(part=pl.struct(self._fingerprint).hash(1) % self._parts)
        for (part,), rows in spread.partition_by("part", as_dict=True, include_key=False).items():
            self._write(int(str(part)), rows)

    def lost(self, looked: Callable[[], None], *, stays: Callable[[pl.DataFrame], None] = lambda _: None) -> pl.Series:
        """
        Return the row numbers of the duplicates that lose, sorted.

        `stays` is given the fingerprints of the others, in no order; `looked` is called after each file.
        """
        for writer in self._writers.values():
            writer.close()
        for part in sorted(self._writers):
            stays(self._solved(pl.concat(list(frames(self._paths[part])))))
            self._paths[part].unlink()
            looked()
        found = [series for series in self._lost if len(series)]
        return pl.concat(found).sort() if found else pl.Series("row", [], dtype=pl.UInt32)

    def _part(self, name: str, schema: pl.Schema) -> pl.Expr:
        value, given = pl.col(f"s:{name}"), schema[f"s:{name}"]
        if name not in self._rule.by_day or not isinstance(given, pl.Datetime):
            return value.str.slice(0, 10) if name in self._rule.by_day and given == pl.String() else value
        return (value.dt.convert_time_zone(self._timezone) if given.time_zone else value).dt.date()

    def _solved(self, rows: pl.DataFrame) -> pl.DataFrame:
        is_shared = rows.select(pl.struct(self._fingerprint).is_duplicated().alias("shared"))["shared"]
        if not is_shared.any():
            return rows
        ordered = rows.filter(is_shared).sort([*self._keep, "row"], nulls_last=True)
        is_first = ordered.select(pl.struct(self._fingerprint).is_first_distinct().alias("first"))["first"]
        self._lost.append(ordered.filter(~is_first)["row"])
        return pl.concat([rows.filter(~is_shared), ordered.filter(is_first)])

    def _write(self, part: int, rows: pl.DataFrame) -> None:
        for batch in arrow(rows):
            if part not in self._writers:
                options = pa.ipc.IpcWriteOptions(compression="lz4")
                self._writers[part] = pa.ipc.new_stream(str(self._paths[part]), batch.schema, options=options)
            self._writers[part].write_batch(batch)


def without(frame: pl.DataFrame, lost: pl.Series) -> pl.DataFrame:
    """Return `frame` without the rows whose number is in `lost`; both are sorted by row number."""
    if not frame.height or not len(lost):
        return frame
    first, last = frame["row"][0], frame["row"][-1]
    low, high = lost.search_sorted(first, side="left"), lost.search_sorted(last, side="right")
    near: Sequence[int] | pl.Series = lost.slice(int(low), int(high) - int(low))
    return frame.filter(~pl.col("row").is_in(near.implode()))
