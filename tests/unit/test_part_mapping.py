"""Parts of a table, mapped each alone and put together, are the table that is mapped at once, whatever the parts."""

from __future__ import annotations

import datetime
import itertools
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lading.errors import TooManyBadRows
from lading.exports import formats
from lading.exports.formats import Report, ReportFacts
from lading.exports.mapping import MappingResult, map_spool
from lading.exports.part_mapping import MappedPart, PartFiles, map_part, merge
from lading.exports.parts import MAX_PARTS, planned
from lading.exports.profile import Format, Profile, parse
from lading.exports.stages.parting import mapped_of

FORMATS: Final[list[Format]] = ["csv", "tsv", "xlsx", "json", "ndjson", "parquet", "xml"]
DOCUMENT: Final[dict[str, Any]] = {
    "profile": "visits",
    "type": "visit_report",
    "title": "Visits",
    "language": "en",
    "source": {"name": "visits", "query": "SELECT 1", "key": ["id"]},
    "formats": FORMATS,
    "quarantine": {"threshold_percent": 100},
    "totals": {
        "label": "Total",
        "label_column": "Person",
        "columns": {"Minutes": "sum", "Paid": "sum", "Day": "count"},
    },
    "columns": [
        {"name": "Day", "from": "day", "type": "date"},
        {"name": "Person", "from": "person", "type": "string", "required": True},
        {"name": "Kind", "from": "kind", "type": "string", "values": {"home": "At home"}, "fallback": "Other"},
        {"name": "Minutes", "from": "minutes", "type": "integer", "minimum": 0},
        {"name": "Paid", "from": "paid", "type": "decimal"},
    ],
    "filter": "minutes != 13",
}
DUPLICATES: Final = {"fingerprint": ["person", "day"], "keep": ["minutes"]}
PARAMETERS: Final = {"period_from": datetime.date(2025, 1, 1), "period_to": datetime.date(2025, 12, 31)}
FACTS: Final = ReportFacts("Acme", datetime.date(2025, 1, 1), datetime.date(2025, 12, 31))
SCHEMA: Final = pa.schema(
    {
        "id": pa.int64(), "day": pa.date32(), "person": pa.string(), "kind": pa.string(), "minutes": pa.int64(),
        "paid": pa.string(),
    }
)  # fmt: skip
ROWS = st.lists(
    st.tuples(
        st.none() | st.dates(datetime.date(2025, 1, 1), datetime.date(2025, 1, 3)),
        st.none() | st.sampled_from(["Ann", "Bo", 'Céline;"', "=1+1", "bell \x07", ""]),
        st.none() | st.text("abc", max_size=2) | st.just("home"),
        st.integers(-2, 20),
        st.sampled_from(["1.10", "-1.10", "0", "x", "99999999999999.99"]),
    ),
    max_size=60,
)
CUTS = st.lists(st.integers(0, 60), max_size=6)


def profile(**changes: Any) -> Profile:
    return parse({**DOCUMENT, **changes})


def spool(path: Path, rows: Sequence[tuple[Any, ...]], *, first: int) -> Path:
    values = [dict(zip(SCHEMA.names, (first + place, *row), strict=True)) for place, row in enumerate(rows)]
    with pa.ipc.new_file(str(path), SCHEMA) as writer:
        for start in range(0, len(values), 7):  # batches that have nothing to do with the parts
            writer.write_batch(pa.RecordBatch.from_pylist(values[start : start + 7], schema=SCHEMA))
    return path


def at_once(one: Profile, rows: Sequence[tuple[Any, ...]], folder: Path) -> tuple[MappingResult, Path, Path]:
    folder.mkdir()
    source, table, quarantine = spool(folder / "rows", rows, first=1), folder / "table", folder / "quarantine"
    return map_spool(one, source, table, quarantine, parameters=PARAMETERS, salt=b"s" * 16), table, quarantine


def in_parts(
    one: Profile, rows: Sequence[tuple[Any, ...]], cuts: Sequence[int], folder: Path
) -> list[tuple[MappedPart, PartFiles]]:
    made: list[tuple[MappedPart, PartFiles]] = []
    ends = sorted(min(cut, len(rows)) for cut in cuts)
    for number, (low, high) in enumerate(zip([0, *ends], [*ends, len(rows)], strict=True)):
        place = folder / f"part-{number}"
        place.mkdir(parents=True)
        files = PartFiles(place / "table", place / "quarantine", place / "fingerprints")
        source = spool(place / "rows", rows[low:high], first=low + 1)
        mapped = map_part(one, source, files, parameters=PARAMETERS, salt=b"s" * 16, progress=lambda _: None)
        told = json.loads(json.dumps({"mapped": asdict(mapped)}))  # as a checkpoint keeps it
        made.append((mapped_of(told), files))
    return made


def report(one: Profile, table: Path | Sequence[Path], result: MappingResult, folder: Path) -> Report:
    folder.mkdir(parents=True, exist_ok=True)
    return Report(one, table, result, FACTS, folder, lambda _: None)


def check(one: Profile, rows: Sequence[tuple[Any, ...]], cuts: Sequence[int], root: Path, forms: list[Format]) -> None:
    whole, table, quarantine = at_once(one, rows, root / "whole")
    parts = in_parts(one, rows, cuts, root)
    target, listed = root / "table", root / "listed"
    merged = merge(one, parts, target, listed, progress=lambda _: None)

    assert merged == whole
    assert listed.exists() == quarantine.exists()
    assert not listed.exists() or listed.read_bytes() == quarantine.read_bytes()
    tables = [target] if one.deduplicate else [files.table for _, files in parts]
    for form in forms:
        (root / "a").mkdir(exist_ok=True)
        (root / "b").mkdir(exist_ok=True)
        [one_file] = formats.write(form, one, table, whole, FACTS, root / "a")
        [other] = formats.write(form, one, tables, merged, FACTS, root / "b")
        assert other.path.read_bytes() == one_file.path.read_bytes(), form
        assert other.notices == one_file.notices
        if formats.joins(form) and one.deduplicate is None:
            texts = [files.table.with_name("text") for _, files in parts]
            changed = sum(
                formats.write_rows(form, report(one, files.table, merged, root / "c"), text)
                for (_, files), text in zip(parts, texts, strict=True)
            )
            [joined] = formats.join(form, report(one, (), merged, root / "c"), texts, changed=changed)
            assert joined.path.read_bytes() == one_file.path.read_bytes(), form
            assert joined.notices == one_file.notices


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ROWS, CUTS)
def test_whatever_the_parts_the_reports_are_the_same(rows: list[tuple[Any, ...]], cuts: list[int]) -> None:  # P16
    with tempfile.TemporaryDirectory() as folder:
        check(profile(), rows, cuts, Path(folder), FORMATS)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ROWS, CUTS)
def test_whatever_the_parts_the_same_duplicates_win(rows: list[tuple[Any, ...]], cuts: list[int]) -> None:  # P8, P16
    with tempfile.TemporaryDirectory() as folder:
        check(profile(deduplicate=DUPLICATES), rows, cuts, Path(folder), ["csv"])


def test_the_list_of_bad_rows_ends_where_it_ends_for_the_whole(tmp_path: Path) -> None:  # P7, P16
    rows = [(None, None if place % 2 else "Ann", "home", 1, "1") for place in range(2600)]

    check(profile(), rows, [100, 900, 901, 2500], tmp_path, ["csv"])


def test_too_many_bad_rows_are_judged_over_all_parts(tmp_path: Path) -> None:  # P7, P16
    one = replace(profile(), threshold_percent=20)
    good, bad = (None, "Ann", "home", 1, "1"), (None, None, "home", 1, "1")
    parts = in_parts(one, [bad] * 3 + [good] * 12, [3], tmp_path)  # all of the first part are bad

    assert merge(one, parts, tmp_path / "table", tmp_path / "listed", progress=lambda _: None).quarantined == 3

    parts = in_parts(one, [*[bad] * 3, good, *[good] * 10], [3], tmp_path / "again")
    with pytest.raises(TooManyBadRows, match="3 of 14 rows are bad"):
        merge(one, parts, tmp_path / "table", tmp_path / "listed", progress=lambda _: None)


def test_values_that_fell_back_are_named_the_same_whatever_the_parts(tmp_path: Path) -> None:  # P6, P16
    rows = [(None, "Ann", f"k{place * 37 % 200:03}", 1, "1") for place in range(400)]

    check(profile(), rows, [50, 200, 350], tmp_path, ["csv"])


def test_totals_are_exact_whatever_the_parts(tmp_path: Path) -> None:  # P16
    rows = [(None, "Ann", "home", 1, str(Decimal(number).scaleb(-2))) for number in (5, -5, 10**16, -(10**16))]

    check(profile(), rows, [1, 3], tmp_path, ["json", "csv"])


def test_there_are_never_more_parts_than_may_be() -> None:
    parts = planned((str(number),) for number in range(1, 100_000))

    assert len(parts) <= MAX_PARTS
    assert parts[0].within.low is None
    assert parts[-1].within.high is None
    assert all(one.within.high == other.within.low for one, other in itertools.pairwise(parts))
