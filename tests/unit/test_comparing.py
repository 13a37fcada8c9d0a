"""What two tables differ in is found in bounded memory, and is what comparing them whole finds."""

# E12, P10

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lading.exports.types.comparing import CHANGE, changes
from lading.exports.types.report_rows import KEY

TABLES = st.dictionaries(st.integers(0, 60), st.sampled_from(["a", "b", None]), max_size=50)


def batches(rows: dict[int, str | None], size: int) -> Iterator[pa.RecordBatch]:
    """Yield the rows in small batches, in no order."""
    items = list(rows.items())
    for first in range(0, len(items), size):
        part = items[first : first + size]
        yield pa.RecordBatch.from_pydict(
            {"0": pa.array([value for _, value in part], pa.string()), KEY: [f"{key:04}" for key, _ in part]}
        )


@settings(deadline=None, max_examples=60)
@given(TABLES, TABLES, st.integers(1, 9))
def test_changes_are_those_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, before: dict[int, str | None], after: dict[int, str | None], size: int
) -> None:
    found: list[tuple[str, str | None]] = []
    scratch, same = tmp_path_factory.getbasetemp(), 0
    for frame, unchanged in changes(batches(before, size), batches(after, size), scratch, run_bytes=100):
        found += frame.select(CHANGE, "0").iter_rows()
        same += unchanged

    expected = []
    for key in sorted(before.keys() | after.keys()):
        if key not in before:
            expected.append(("added", after[key]))
        elif key not in after:
            expected.append(("removed", before[key]))
        elif before[key] != after[key]:
            expected.append(("changed", after[key]))
    assert found == expected
    assert same == len(before.keys() | after.keys()) - len(expected)


def test_a_key_that_fills_many_blocks_is_counted_whole(tmp_path: Path) -> None:
    def rows(count: int) -> Iterator[pa.RecordBatch]:
        for _ in range(count):
            yield pa.RecordBatch.from_pydict({"0": ["x"] * 1000, KEY: ["x"] * 1000})

    found = list(changes(rows(40), rows(37), tmp_path, run_bytes=10_000))

    marks = pl.concat([frame.select(CHANGE) for frame, _ in found])[CHANGE]
    assert marks.to_list() == ["removed"] * 3000
    assert sum(same for _, same in found) == 37_000
