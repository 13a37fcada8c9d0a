"""
Two tables side by side, each in the order of its key: what was added, changed or removed between them.

Sorted on disk and read block by block, so that memory does not grow with rows.  Rows under the same key are taken in
their order; where the whole row is the key, that counts how often it is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow as pa

from lading.exports import tables
from lading.exports.types.report_rows import KEY
from lading.sources.sorting import RUN_BYTES, in_order

CHANGE: Final = ":change"
_NTH: Final = ":nth"
_OLD, _NEW = ":old", ":new"
_BEFORE: Final = ":before"


def changes(
    before: Iterator[pa.RecordBatch], after: Iterator[pa.RecordBatch], scratch: Path, *, run_bytes: int = RUN_BYTES
) -> Iterator[tuple[pl.DataFrame, int]]:
    """
    Yield what is different, in the order of the keys, and how many rows are the same.

    Rows are as they are now, removed ones as they were; the column CHANGE says added, changed or removed.
    """
    old, new = _Sorted(before, scratch, run_bytes), _Sorted(after, scratch, run_bytes)
    while not (old.is_over and new.is_over):
        bound = min((each.last for each in (old, new) if not each.is_last), default=None)
        left, right = old.below(bound), new.below(bound)
        if left is None and right is None:
            # Nothing is below it: the key goes on in the next block.
            for each in (old, new):
                each.extend(bound)
            continue
        yield _compared(left, right)


class _Sorted:
    """Rows in the order of their key: the block at hand, and the one after it."""

    def __init__(self, batches: Iterator[pa.RecordBatch], scratch: Path, run_bytes: int) -> None:
        ordered = in_order(batches, (KEY,), scratch=scratch, run_bytes=run_bytes)
        self._blocks: Final = (tables.frame_of(each) for each in ordered if each.num_rows)
        self._held = next(self._blocks, None)
        self._next = next(self._blocks, None)

    @property
    def is_over(self) -> bool:
        """Return whether there are no rows any more."""
        return self._held is None

    @property
    def is_last(self) -> bool:
        """Return whether no row comes after those at hand."""
        return self._next is None

    @property
    def last(self) -> str:
        """Return the last key at hand."""
        assert self._held is not None
        return str(self._held[KEY][-1])

    def below(self, bound: str | None) -> pl.DataFrame | None:
        """Return the rows at hand whose key is below `bound`, all without one; None for no row."""
        held = self._held
        if held is None:
            return None
        count = held.height if bound is None else int(held[KEY].search_sorted(bound, "left"))
        rest = held.slice(count)
        self._held = rest if rest.height else self._following()
        return held.head(count) if count else None

    def extend(self, bound: str | None) -> None:
        """Take the next block to the one at hand if that ends with `bound`."""
        if self._held is not None and self._next is not None and self.last == bound:
            self._held = pl.concat([self._held, self._next])
            self._next = next(self._blocks, None)

    def _following(self) -> pl.DataFrame | None:
        following, self._next = self._next, next(self._blocks, None) if self._next is not None else None
        return following


def _compared(left: pl.DataFrame | None, right: pl.DataFrame | None) -> tuple[pl.DataFrame, int]:
    if left is None or right is None:
        there = right if left is None else left
        assert there is not None
        return there.with_columns(pl.lit("added" if left is None else "removed").alias(CHANGE)), 0
    cells = [name for name in right.columns if name != KEY]
    nth = pl.int_range(pl.len()).over(KEY).alias(_NTH)
    old = left.with_columns(nth, pl.lit(value=True).alias(_OLD))
    new = right.with_columns(nth, pl.lit(value=True).alias(_NEW))
    both = new.join(old, on=[KEY, _NTH], how="full", coalesce=True, suffix=_BEFORE).sort(KEY, _NTH)
    is_removed, is_added = pl.col(_NEW).is_null(), pl.col(_OLD).is_null()
    differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name + _BEFORE)) for name in cells)
    change = pl.when(is_removed).then(pl.lit("removed")).when(is_added).then(pl.lit("added"))
    told = both.with_columns(change.when(differs).then(pl.lit("changed")).alias(CHANGE))
    kept = told.filter(pl.col(CHANGE).is_not_null()).select(
        pl.when(is_removed).then(pl.col(name + _BEFORE)).otherwise(pl.col(name)).alias(name) for name in cells
    )
    marks = told[CHANGE].drop_nulls()
    return kept.with_columns(marks.alias(CHANGE)), told.height - marks.len()
