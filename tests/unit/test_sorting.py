"""Rows come out in the order of their key whatever order and size they came in, and memory does not grow with them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lading.sources.sorting import EmptyKey, in_order

KEYS = st.lists(st.tuples(st.text(max_size=3), st.integers(-5, 5)), max_size=200)
# A process of its own, because a peak is of a process (VmHWM: ru_maxrss begins at what the parent had): rows in the
# worst order, sorted through the disk.
PEAK = """
import sys
from pathlib import Path
import polars, pyarrow as pa
from lading.sources.sorting import in_order
count, step = int(sys.argv[1]), 4096
def batches():
    for start in range(0, count, step):
        ids = [(n * 7919) % count for n in range(start, min(count, start + step))]
        yield pa.record_batch({"id": ids, "text": pa.array(["x" * 300] * len(ids))})
last = -1
for batch in in_order(batches(), ["id"], scratch=Path(sys.argv[2])):
    for each in batch.column("id").to_pylist():
        assert each == last + 1
        last = each
assert last == count - 1
print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""


def table(rows: list[tuple[str, int]]) -> pa.RecordBatch:
    return pa.record_batch(
        {
            "name": pa.array([name for name, _ in rows], pa.string()),
            "n": pa.array([n for _, n in rows], pa.int64()),
            "at": pa.array(range(len(rows)), pa.int64()),
        }
    )


@given(KEYS, st.integers(1, 20), st.sampled_from([1, 400, 1 << 20]))
@settings(max_examples=60, deadline=None)
def test_any_rows_come_out_in_order_and_none_is_lost(rows: list[tuple[str, int]], step: int, run_bytes: int) -> None:
    whole = table(rows)
    pieces = [whole.slice(0, 0), *(whole.slice(at, step) for at in range(0, len(rows), step))]

    found = pa.Table.from_batches(list(in_order(pieces, ["name", "n"], scratch=None, run_bytes=run_bytes)))

    got = list(zip(found["name"].to_pylist(), found["n"].to_pylist(), strict=True))
    assert got == sorted(rows, key=lambda row: (row[0].encode(), row[1]))
    assert sorted(found["at"].to_pylist()) == list(range(len(rows)))


def test_a_row_without_key_is_refused() -> None:
    batch = pa.record_batch({"id": pa.array([1, None], pa.int64())})

    with pytest.raises(EmptyKey):
        list(in_order([batch], ["id"], scratch=None))


def test_nothing_is_left_of_the_runs(tmp_path: Path) -> None:
    batches = [pa.record_batch({"id": [3 - n]}) for n in range(3)]

    stream = in_order(batches, ["id"], scratch=tmp_path, run_bytes=1)
    assert [batch.num_rows for batch in stream if batch.num_rows]

    assert not list(tmp_path.iterdir())


def test_two_million_rows_are_sorted_in_the_memory_of_few(tmp_path: Path) -> None:  # P10
    def peak(count: int) -> int:
        ran = subprocess.run(
            [sys.executable, "-c", PEAK, str(count), str(tmp_path)],
            capture_output=True, text=True, check=True, timeout=280,
        )  # fmt: skip
        return int(ran.stdout) >> 10

    small, large = peak(300_000), peak(2_000_000)

    assert large < 300
    assert large < small * 1.35
