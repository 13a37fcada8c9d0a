"""Every kind of source keeps the same promises: order, batches, columns, limits, and one sentence when it fails."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from lading.errors import SourceError, SourceRefused, SourceTimeout
from lading.sources import check
from lading.sources.connectors import connect
from lading.sources.model import Selection
from lading.sources.rechunk import BATCH_ROWS
from source_kinds import KINDS, Kind

HOSTILE = "'; DROP TABLE rows; -- \\' \" %s %(n)s :n $n ${n}"


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kind]:
    """A source of each kind, with nothing in it."""
    with KINDS[request.param](request, tmp_path) as made:
        yield made


def rows_of(
    kind: Kind, *, key: Sequence[str] = ("id",), parameters: Mapping[str, Any] | None = None, seconds: int = 60,
    scratch: Path | None = None, where: str = "",
) -> pl.DataFrame:  # fmt: skip
    source = replace(kind.source, timeout_seconds=seconds)
    with connect(source, scratch=scratch, outside=kind.outside).open() as reading:
        found = list(reading.batches(kind.selection(where), parameters or {}, key=key))
    return pl.DataFrame(pa.Table.from_batches(found))


def test_an_empty_result_keeps_its_columns(kind: Kind) -> None:
    kind.fill({"id": "integer", "name": "string"}, [])

    found = rows_of(kind)

    assert found.columns == ["id", "name"]
    assert found.height == 0


def test_rows_come_in_the_order_of_the_key_in_batches_of_one_size(kind: Kind) -> None:
    count = BATCH_ROWS * 2 + 5
    kind.fill({"id": "integer", "name": "string"}, [(n * 7919 % count, f"n{n}") for n in range(count)])

    with connect(kind.source, outside=kind.outside).open() as reading:
        batches = [batch for batch in reading.batches(kind.selection(), {}, key=["id"]) if batch.num_rows]

    assert [batch.num_rows for batch in batches] == [BATCH_ROWS, BATCH_ROWS, 5]
    assert [n for batch in batches for n in batch.column("id").to_pylist()] == list(range(count))


def test_text_keys_are_ordered_by_their_bytes(kind: Kind) -> None:
    names = ["b", "a", "B", "å", "aa", "é", "Z", "😀", "ø"]
    kind.fill({"id": "string", "n": "integer"}, [(name, n) for n, name in enumerate(names)])

    found = rows_of(kind)

    assert found["id"].to_list() == sorted(names, key=lambda name: name.encode("utf-8"))


def test_a_key_of_two_columns_orders_by_both(kind: Kind) -> None:
    kind.fill({"id": "integer", "part": "string"}, [(2, "a"), (1, "b"), (1, "a")])

    found = rows_of(kind, key=["id", "part"])

    assert found.rows() == [(1, "a"), (1, "b"), (2, "a")]


@pytest.mark.parametrize(("rows", "words"), [([(1, "a"), (1, "b")], "the same in two rows"), ([(None, "a")], "empty")])
def test_a_key_that_does_not_tell_rows_apart_is_refused(kind: Kind, rows: list[Any], words: str) -> None:
    kind.fill({"id": "integer", "name": "string"}, rows)

    with pytest.raises(SourceRefused, match=words):
        rows_of(kind)


def test_a_key_that_is_no_column_is_refused(kind: Kind) -> None:
    kind.fill({"id": "integer", "name": "string"}, [(1, "a")])

    with pytest.raises(SourceRefused, match="'nothing', which"):
        rows_of(kind, key=["nothing"])


def test_values_arrive_as_they_are(kind: Kind) -> None:
    texts = ["Åse 'quote' \" ; -- 😀", "  spaces  ", "tab\tand\nline", "=1+1", "NULL", "\\N", "0001", HOSTILE]
    day = datetime.date(2024, 2, 29)
    kind.fill(
        {"id": "integer", "name": "string", "day": "date", "amount": "decimal"},
        [(n, text, day, "12345678901234567.890") for n, text in enumerate(texts)] + [(99, None, None, None)],
    )

    found = rows_of(kind)

    assert found["name"].to_list() == [*texts, None]
    assert {str(each) for each in found["day"].drop_nulls()} == {"2024-02-29"}
    exact = found["amount"].cast(pl.Decimal(38, 3)).drop_nulls()
    assert {str(each) for each in exact} == {kind.amount}
    assert found["day"].null_count() == found["amount"].null_count() == 1


def test_the_ends_of_whole_numbers_survive(kind: Kind) -> None:
    ends = [-(2**63), -1, 0, 2**53 + 1, 2**63 - 1]
    kind.fill({"id": "integer", "name": "string"}, [(end, "x") for end in ends])

    assert rows_of(kind)["id"].to_list() == ends


def test_two_hundred_columns_are_read(kind: Kind) -> None:
    names = [f"c{n:03}" for n in range(200)]
    kind.fill({"id": "integer", **dict.fromkeys(names, "string")}, [(n, *["x" * 20] * 200) for n in range(50)])

    found = rows_of(kind)

    assert (found.height, found.width) == (50, 201)


def test_a_parameter_is_a_value_and_never_text_of_the_query(kind: Kind) -> None:
    kind.fill({"id": "integer", "name": "string"}, [(1, HOSTILE), (2, "other")])

    found = rows_of(kind, parameters={"wanted": HOSTILE}, where="wanted")
    none = rows_of(kind, parameters={"wanted": "' OR '1'='1"}, where="wanted")

    assert found["id"].to_list() == [1]
    assert none.height == 0


def test_what_is_left_early_leaves_nothing_behind(kind: Kind, tmp_path: Path) -> None:
    kind.fill({"id": "integer", "name": "string"}, [(n, "x" * 50) for n in range(60_000)])
    before = set(threading.enumerate())

    with connect(kind.source, scratch=tmp_path, outside=kind.outside).open() as reading:
        stream = reading.batches(kind.selection(), {}, key=["id"])
        next(stream)
        stream.close()  # pyright: ignore[reportAttributeAccessIssue]  # every one is a generator

    left = [thread for thread in threading.enumerate() if thread.name == "source" and thread not in before]
    for thread in left:
        thread.join(60)
    assert not any(thread.is_alive() for thread in left)
    assert not list(tmp_path.glob("sorting-*"))


def test_the_time_limit_is_a_sentence(kind: Kind) -> None:
    kind.fill({"id": "integer"}, [(1,)])
    source, selection = kind.stall()

    with connect(source, outside=kind.outside).open() as reading, pytest.raises(SourceTimeout, match="timeout_seconds"):
        list(reading.batches(selection, {}, key=["id"]))


def test_a_reading_says_how_its_rows_agree(kind: Kind) -> None:
    kind.fill({"id": "integer"}, [(1,)])

    with connect(kind.source, outside=kind.outside).open() as reading:
        assert reading.consistency == kind.consistency


def test_a_selection_of_another_way_is_refused(kind: Kind) -> None:
    kind.fill({"id": "integer"}, [(1,)])
    other = (
        Selection(read={"files": "*.csv", "format": "csv"}) if kind.selection().query else Selection(query="SELECT 1")
    )

    with (
        connect(kind.source, outside=kind.outside).open() as reading,
        pytest.raises(SourceRefused, match="or name another source"),
    ):
        list(reading.batches(other, {}, key=["id"]))


def test_a_trial_finds_it_well(kind: Kind) -> None:
    kind.fill({"id": "integer"}, [(1,)])

    found = check.test(kind.source, kind.outside)

    assert all(each.is_ok for each in found), found


def test_a_source_that_is_gone_is_a_finding_with_its_mend(kind: Kind) -> None:
    kind.fill({"id": "integer"}, [(1,)])

    found = check.test(kind.lost(), kind.outside)

    assert [each.is_ok for each in found][-1] is False
    assert found[-1].detail.endswith(".")
    assert "hunter2" not in found[-1].detail


def test_a_source_lost_on_the_way_is_one_sentence(kind: Kind) -> None:
    kind.fill({"id": "integer", "name": "string"}, [(n, "x" * 200) for n in range(60_000)])
    if kind.lose is None:
        pytest.skip("this kind can't be lost once it is open")

    with connect(kind.source, outside=kind.outside).open() as reading, pytest.raises(SourceError) as error:
        for number, _ in enumerate(reading.batches(kind.selection(), {}, key=["id"])):
            if number == 0:
                kind.lose()

    assert "\n" not in error.value.message
