"""However the wire cuts the rows, the batches are the same; a key that does not tell rows apart is found."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.sources.rechunk import ROW_BYTES, KeyCheck, TooWide, rechunk


def batch(values: list[int | None]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(values, pa.int64())], names=["id"])


@given(st.lists(st.integers(0, 9), max_size=12), st.integers(1, 7))
def test_batches_have_the_fixed_size_and_hold_every_row_in_order(sizes: list[int], rows: int) -> None:
    numbers = iter(range(1000))
    wire = [batch([next(numbers) for _ in range(size)]) for size in sizes]

    cut = list(rechunk(wire, rows))

    assert [value for one in cut for value in one.column(0).to_pylist()] == list(range(sum(sizes)))
    assert all(one.num_rows == rows for one in cut[:-1])
    assert len(cut) == max(-(-sum(sizes) // rows), 1 if sizes else 0)


@given(st.lists(st.lists(st.integers(0, 60), max_size=9), max_size=9), st.integers(1, 7), st.integers(1, 200))
def test_wide_rows_are_cut_by_their_bytes_whatever_the_wire_did(  # P10
    wire: list[list[int]], rows: int, size: int
) -> None:
    def texts(lengths: list[int]) -> pa.RecordBatch:
        return pa.RecordBatch.from_arrays([pa.array(["x" * length for length in lengths], pa.string())], names=["t"])

    cut = [one.column(0).to_pylist() for one in rechunk(map(texts, wire), rows, size)]
    every = [length for lengths in wire for length in lengths]
    at_once = [one.column(0).to_pylist() for one in rechunk([texts(every)], rows, size)]

    assert [len(text) for one in cut for text in one] == every
    assert not every or cut == at_once
    assert all(len(one) <= rows and sum(4 + len(text) for text in one[:-1]) < size for one in cut)


def test_a_row_that_nobody_can_hold_is_refused() -> None:
    wide = pa.RecordBatch.from_arrays([pa.array(["x" * (ROW_BYTES + 1)])], names=["t"])

    with pytest.raises(TooWide):
        list(rechunk([wide]))


@pytest.mark.parametrize(
    ("batches", "fault"),
    [
        ([[1, 2, 3], [4]], None),
        ([[1, 2, 2]], "the same"),
        ([[1, 2], [2, 3]], "the same"),
        ([[1], [1]], "the same"),
        ([[1, None]], "empty"),
        ([[], [1]], None),
    ],
)
def test_a_key_that_is_repeated_or_empty_is_found(batches: list[list[int | None]], fault: str | None) -> None:
    check = KeyCheck(["id"])

    found = [text for values in batches if (text := check.fault(batch(values)))]

    assert bool(found) == (fault is not None)
    assert fault is None or fault in found[0]


def test_a_key_of_two_columns_may_repeat_one_of_them() -> None:
    rows = pa.RecordBatch.from_arrays([pa.array([1, 1, 2]), pa.array(["a", "b", "b"])], names=["x", "y"])

    assert KeyCheck(["x", "y"]).fault(rows) is None
    assert KeyCheck(["x"]).fault(rows) is not None
