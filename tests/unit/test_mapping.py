"""Every row of a spool is written, quarantined or a duplicate; what is written is what the profile says."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lading.errors import NoData, ProfileInvalid, TooManyBadRows
from lading.exports.mapping import MappingResult, map_spool
from lading.exports.profile import parse
from lading.exports.tables import frames

SALT = b"0123456789abcdef0123456789abcdef"
PERIOD = {"period_from": "2025-01-01", "period_to": "2025-12-31"}


def document(columns: Sequence[Mapping[str, Any]], **more: Any) -> dict[str, Any]:
    """A profile document with these columns."""
    source = {"name": "activities", "query": "SELECT 1", "key": ["id"]}
    return {
        "profile": "p",
        "type": "t",
        "title": "T",
        "source": source,
        "formats": ["csv"],
        "columns": list(columns),
        "quarantine": {"threshold_percent": 100},
        **more,
    }


def spool(path: Path, rows: Mapping[str, Sequence[Any]], *, batch: int = 16_384, schema: Any = None) -> Path:
    """Write source rows as an Arrow IPC file."""
    table = pa.table(dict(rows), schema=schema)
    with pa.ipc.new_file(str(path), table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_table(table, max_chunksize=batch)
    return path


def run(
    folder: Path,
    columns: Sequence[Mapping[str, Any]],
    rows: Mapping[str, Sequence[Any]],
    *,
    batch: int = 16_384,
    schema: Any = None,
    parameters: Mapping[str, Any] = PERIOD,
    salt: bytes = SALT,
    declared: Mapping[str, Any] | None = None,
    **more: Any,
) -> tuple[MappingResult, dict[str, list[Any]], list[dict[str, Any]]]:
    """Map rows; return the result, the mapped columns and the lines of the quarantine."""
    if "id" not in rows:
        rows = {"id": list(range(1, len(next(iter(rows.values()))) + 1)), **rows}
    source = spool(folder / "spool.arrow", rows, batch=batch, schema=schema)
    target, bad = folder / "mapped.arrow", folder / "quarantine.jsonl"
    profile = parse(document(columns, parameters=declared or {}, **more))
    result = map_spool(profile, source, target, bad, parameters=parameters, salt=salt)
    mapped = {column.name: [] for column in profile.columns}
    for frame in frames(target):
        for name, values in frame.to_dict(as_series=False).items():
            mapped[name] += values
    lines = [json.loads(line) for line in bad.read_text("utf-8").splitlines()] if bad.exists() else []
    return result, mapped, lines


def test_columns_are_renamed_and_come_in_the_order_of_the_profile(tmp_path: Path) -> None:
    columns = [{"name": "B", "from": "b", "type": "integer"}, {"name": "A", "from": "a", "type": "string"}]

    result, mapped, lines = run(tmp_path, columns, {"a": ["x"], "b": [1]})

    assert mapped == {"B": [1], "A": ["x"]}
    assert list(mapped) == ["B", "A"]
    assert (result.read, result.written, result.quarantined, result.duplicate, lines) == (1, 1, 0, 0, [])


def test_minutes_become_exact_hours_rounded_half_away_from_zero(tmp_path: Path) -> None:
    columns = [{"name": "H", "from": "m", "type": "decimal", "transform": [{"divide": 60}], "format": "0.##"}]

    _, mapped, _ = run(tmp_path, columns, {"m": [90, 45, 50, None, 0, -50]})

    assert mapped["H"] == [Decimal("1.50"), Decimal("0.75"), Decimal("0.83"), None, Decimal("0.00"), Decimal("-0.83")]


def test_an_unknown_value_falls_back_and_is_counted_by_its_internal_value(tmp_path: Path) -> None:
    columns = [{"name": "K", "from": "k", "type": "string", "values": {"a": "Alfa"}, "fallback": "Annet"}]

    result, mapped, _ = run(tmp_path, columns, {"k": ["a", "zeta", "zeta", None, "Ola Nordmann bor her"]})

    assert mapped["K"] == ["Alfa", "Annet", "Annet", None, "Annet"]
    found = {notice.message: notice.count for notice in result.warnings}
    assert found == {
        'The value zeta is not known to column "K"; it was written as Annet.': 2,
        # Free text may be about a person and is never named.
        'Another value is not known to column "K"; it was written as Annet.': 1,
    }


def test_an_unknown_value_without_fallback_is_quarantined(tmp_path: Path) -> None:
    columns = [{"name": "K", "from": "k", "type": "string", "values": {"a": "Alfa"}}]

    result, mapped, lines = run(tmp_path, columns, {"k": ["a", "hemmelig", None]})

    assert mapped["K"] == ["Alfa", None]
    assert result.codes == {"unknown_value": 1}
    assert lines[0]["errors"][0] == {
        "code": "unknown_value",
        "column": "K",
        "message": 'Column "K" holds a value that its list does not know.',
    }
    assert "hemmelig" not in json.dumps(lines)


def test_booleans_numbers_and_integers_can_be_looked_up_in_a_value_map(tmp_path: Path) -> None:
    columns = [
        {"name": "B", "from": "b", "type": "string", "values": {"true": "J", "false": "N"}},
        {"name": "C", "from": "c", "type": "integer", "values": {"1": 10, "2": 20}},
    ]

    _, mapped, _ = run(tmp_path, columns, {"b": [True, False, None], "c": [1, 2, None]})

    assert mapped == {"B": ["J", "N", None], "C": [10, 20, None]}


BAD = [
    ({"type": "integer"}, ["1", "x"], "type_mismatch"),
    ({"type": "decimal"}, ["1.5", "1,5"], "type_mismatch"),
    ({"type": "date"}, ["2025-01-31", "31.01.2025"], "type_mismatch"),
    ({"type": "timestamp"}, ["2025-01-31T10:00:00", "now"], "type_mismatch"),
    ({"type": "boolean"}, ["true", "perhaps"], "type_mismatch"),
    ({"type": "integer", "minimum": 1, "maximum": 3}, [2, 4], "value_out_of_range"),
    ({"type": "decimal", "minimum": "0.25"}, ["0.25", "0.24"], "value_out_of_range"),
    ({"type": "date", "minimum": "period_from"}, ["2025-01-01", "2024-12-31"], "value_out_of_range"),
    ({"type": "string", "required": True}, ["x", None], "required_column_missing"),
    ({"type": "string", "required": True}, ["x", "  "], "empty_required_string"),
    ({"type": "integer", "required": True}, ["7", ""], "required_column_missing"),
    ({"type": "string", "max_length": 2}, ["ab", "abc"], "text_too_long"),
    ({"type": "string", "pattern": "[0-9]{4}"}, ["0123", "01234"], "pattern_mismatch"),
]


@pytest.mark.parametrize(("column", "values", "code"), BAD)
def test_a_bad_value_quarantines_its_row_with_its_code(  # P7
    tmp_path: Path, column: dict[str, Any], values: list[Any], code: str
) -> None:
    result, mapped, lines = run(tmp_path, [{"name": "X", "from": "x", **column}], {"x": values})

    assert len(mapped["X"]) == 1
    assert (result.read, result.written, result.quarantined) == (2, 1, 1)
    assert result.codes == {code: 1}
    assert (lines[0]["row"], lines[0]["key"], lines[0]["errors"][0]["code"]) == (2, {"id": "2"}, code)
    assert lines[-1] == {"summary": {"codes": {code: 1}, "listed": 1, "quarantined": 1}}


def test_a_conditionally_required_column_may_be_absent_elsewhere(tmp_path: Path) -> None:
    columns = [{"name": "S", "from": "s", "type": "string", "required_if": {"from": "k", "equals": "group"}}]

    result, mapped, lines = run(tmp_path, columns, {"k": ["group", "visit", None], "s": [None, None, None]})

    assert mapped["S"] == [None, None]
    assert (result.codes, lines[0]["row"]) == ({"required_column_missing": 1}, 1)


def test_a_rule_across_columns_quarantines_with_its_own_code(tmp_path: Path) -> None:
    rule = {
        "code": "group_too_small",
        "when": {"from": "k", "equals": "group"},
        "require": {"from": "n", "at_least": 3},
    }
    columns = [{"name": "N", "from": "n", "type": "integer"}]

    result, mapped, _ = run(
        tmp_path, columns, {"k": ["group", "group", "visit", "group"], "n": [3, 2, 1, None]}, rules=[rule]
    )

    assert mapped["N"] == [3, 1]
    assert result.codes == {"group_too_small": 2}


def test_null_policies_put_a_default_a_placeholder_or_nothing(tmp_path: Path) -> None:
    columns = [
        {"name": "D", "from": "n", "type": "integer", "null": {"default": 1}},
        {"name": "P", "from": "s", "type": "string", "null": {"placeholder": "Ikke oppgitt"}},
        {"name": "O", "from": "s", "type": "string", "null": "omit"},
    ]

    _, mapped, _ = run(tmp_path, columns, {"n": [None, 5], "s": [None, " "]})

    assert mapped == {"D": [1, 5], "P": ["Ikke oppgitt", "Ikke oppgitt"], "O": [None, " "]}


def test_a_default_stands_for_what_is_absent_and_never_for_what_is_wrong(tmp_path: Path) -> None:
    columns = [{"name": "D", "from": "n", "type": "integer", "null": {"default": 1}}]

    result, mapped, _ = run(tmp_path, columns, {"n": ["", "x", None]})

    assert (mapped["D"], result.codes) == ([1, 1], {"type_mismatch": 1})


def test_instants_become_the_local_day_and_time(tmp_path: Path) -> None:
    columns = [
        {"name": "Dag", "from": "at", "type": "date"},
        {"name": "Tid", "from": "at", "type": "timestamp"},
        {"name": "Tekst", "from": "at", "type": "string"},
    ]
    late = datetime.datetime(2025, 6, 30, 22, 30, tzinfo=datetime.UTC)
    rows = {"id": [1], "at": pa.array([late], pa.timestamp("us", "UTC"))}

    _, mapped, _ = run(tmp_path, columns, rows)

    assert mapped["Dag"] == [datetime.date(2025, 7, 1)]
    assert mapped["Tid"] == [late]
    assert mapped["Tekst"] == ["01.07.2025 00:30"]


def test_a_local_time_without_zone_becomes_the_instant_calendars_mean(tmp_path: Path) -> None:  # P6
    columns = [
        {"name": "Tid", "from": "at", "type": "timestamp", "null": {"default": "2025-07-01T12:00:00"}},
        {"name": "Dag", "from": "day", "type": "timestamp"},
    ]
    times = ["2025-03-30T02:30:00", "2025-10-26T02:30:00", "2025-01-15T12:00:00.5", None]
    rows = {"id": [1, 2, 3, 4], "at": times, "day": [datetime.date(2025, 7, 1)] * 4}

    _, mapped, _ = run(tmp_path, columns, rows)

    assert [each.isoformat() for each in mapped["Tid"]] == [
        "2025-03-30T01:30:00+00:00",  # skipped in spring: 03:30 of the new time
        "2025-10-26T00:30:00+00:00",  # twice in autumn: the first
        "2025-01-15T11:00:00.500000+00:00",
        "2025-07-01T10:00:00+00:00",
    ]
    assert {each.isoformat() for each in mapped["Dag"]} == {"2025-06-30T22:00:00+00:00"}


def test_names_are_masked_as_initials_first_letter_and_redaction(tmp_path: Path) -> None:
    kinds = {"I": {"kind": "initials"}, "F": {"kind": "first_letter"}, "R": {"kind": "redact", "text": "skjult"}}
    columns = [{"name": name, "from": "n", "type": "string", "mask": mask} for name, mask in kinds.items()]

    _, mapped, _ = run(tmp_path, columns, {"n": ["Anne-Grete Åsen", "øyvind", "12345", None]})

    assert mapped["I"] == ["A.G.Å.", "Ø.", "", None]
    assert mapped["F"] == ["A.", "Ø.", None, None]
    assert mapped["R"] == ["skjult", "skjult", "skjult", None]


def test_a_pseudonym_is_stable_for_a_salt_and_different_for_another(tmp_path: Path) -> None:
    mask = {"kind": "pseudonym", "prefix": "LP-", "length": 12, "domain": "mentor"}
    columns = [{"name": "P", "from": "n", "type": "string", "mask": mask}]

    _, mapped, _ = run(tmp_path, columns, {"n": ["a", "b", "a", None]})
    _, other, _ = run(tmp_path, columns, {"n": ["a", "b", "a", None]}, salt=b"another salt of 16 bytes or more")

    first, second, third, nothing = mapped["P"]
    assert first == third != second
    assert nothing is None
    assert first.startswith("LP-")
    assert len(first) == 15
    assert not set(filter(None, mapped["P"])) & set(filter(None, other["P"]))


def test_a_pseudonym_without_a_salt_is_refused(tmp_path: Path) -> None:
    columns = [{"name": "P", "from": "n", "type": "string", "mask": {"kind": "pseudonym"}}]

    with pytest.raises(ProfileInvalid, match="salt"):
        run(tmp_path, columns, {"n": ["a"]}, salt=b"short")


def test_constants_parameters_concatenation_paths_and_transforms(tmp_path: Path) -> None:
    columns = [
        {"name": "C", "constant": "Fast", "type": "string"},
        {"name": "P", "parameter": "period_to", "type": "date"},
        {"name": "L", "parameter": "kinds", "type": "string"},
        {"name": "N", "concat": ["first", "last"], "type": "string", "transform": ["collapse_spaces", "upper"]},
        {"name": "J", "from": "data.address.city", "type": "string"},
        {
            "name": "A",
            "from": "first",
            "type": "string",
            "transform": ["trim", {"absent": ["-"]}, {"truncate": 2}, {"suffix": "."}],
        },
    ]
    rows = {"first": [" Kari ", "-"], "last": ["Nordmann", None], "data": ['{"address": {"city": "Bodø"}}', None]}

    declared = {"kinds": {"type": "string_list"}}
    _, mapped, _ = run(tmp_path, columns, rows, parameters={**PERIOD, "kinds": ["a", "b"]}, declared=declared)

    assert mapped == {
        "C": ["Fast", "Fast"],
        "P": [datetime.date(2025, 12, 31)] * 2,
        "L": ["a, b", "a, b"],
        "N": ["KARI NORDMANN", "-"],
        "J": ["Bodø", None],
        "A": ["Ka.", None],
    }


def test_the_winner_of_duplicates_has_the_lowest_keep_columns_whatever_the_batches(tmp_path: Path) -> None:  # P8 B5
    columns = [{"name": "Id", "from": "id", "type": "integer"}]
    rows = {
        "id": [1, 2, 3, 4, 5, 6],
        "mentor": ["m", "m", "n", "m", None, None],
        "at": pa.array([0, 3_600_000_000, 0, 7_200_000_000, 0, 0], pa.timestamp("us", "UTC")),
        "chapter": [9, 2, 1, 2, 1, 1],
        "created": [1, 5, 1, 4, 1, 1],
    }
    rule = {"fingerprint": ["mentor", {"from": "at", "by": "day"}], "keep": ["chapter", "created"]}

    for batch in (1, 2, 100):
        result, mapped, _ = run(tmp_path, columns, rows, batch=batch, deduplicate=rule)

        # Of 1, 2 and 4 (same mentor, same day) chapter 2 is lowest, then the earlier created; unknown mentors stay.
        assert mapped["Id"] == [3, 4, 5, 6]
        assert (result.read, result.written, result.duplicate) == (6, 4, 2)
        assert {notice.code for notice in result.warnings} == {"duplicates_removed"}


def test_a_bad_row_never_wins_over_a_good_duplicate(tmp_path: Path) -> None:
    columns = [{"name": "N", "from": "n", "type": "integer"}]
    rule = {"fingerprint": ["f"], "keep": ["id"]}

    result, mapped, _ = run(tmp_path, columns, {"f": ["x", "x"], "n": ["bad", "2"]}, deduplicate=rule)

    assert mapped["N"] == [2]
    assert (result.quarantined, result.duplicate) == (1, 0)


@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.sampled_from(["1", "2", "x"])), max_size=40),
    batch=st.integers(1, 7),
)
def test_the_counts_always_reconcile_and_agree_with_a_plain_loop(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, int, str]], batch: int
) -> None:
    columns = [{"name": "Id", "from": "id", "type": "integer"}, {"name": "N", "from": "n", "type": "integer"}]
    source = {
        "id": pa.array(range(1, len(rows) + 1), pa.int64()),
        "f": pa.array([row[0] for row in rows], pa.string()),
        "k": pa.array([row[1] for row in rows], pa.int64()),
        "n": pa.array([row[2] for row in rows], pa.string()),
    }

    result, mapped, _ = run(
        tmp_path_factory.mktemp("m"), columns, source, batch=batch, deduplicate={"fingerprint": ["f"], "keep": ["k"]}
    )

    good = [(index, *row) for index, row in enumerate(rows, 1) if row[2] != "x"]
    winners = sorted(
        min((row for row in good if row[1] == f), key=lambda row: (row[2], row[0]))[0] for f in {r[1] for r in good}
    )
    assert mapped["Id"] == winners
    assert result.read == len(rows) == result.written + result.quarantined + result.duplicate


def test_many_parts_give_what_one_part_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {"id": list(range(5000)), "f": [i * 7 % 1009 for i in range(5000)], "k": [i * 13 % 17 for i in range(5000)]}
    columns = [{"name": "Id", "from": "id", "type": "integer"}]
    rule = {"fingerprint": ["f"], "keep": ["k"]}

    _, one, _ = run(tmp_path, columns, rows, batch=500, deduplicate=rule)
    monkeypatch.setattr("lading.exports.dedupe.ROWS_PER_PART", 400)
    _, many, _ = run(tmp_path, columns, rows, batch=500, deduplicate=rule)

    assert one == many
    assert len(one["Id"]) == 1009
    assert not list(tmp_path.glob("*.scratch"))


def test_more_bad_rows_than_allowed_fail_the_export_naming_columns_and_no_value(tmp_path: Path) -> None:
    columns = [{"name": "N", "from": "n", "type": "integer"}]

    with pytest.raises(TooManyBadRows, match=r"3 of 10 rows .* 20 %.* type_mismatch in N \(3\)") as caught:
        run(tmp_path, columns, {"n": ["1"] * 7 + ["secret"] * 3}, quarantine={"threshold_percent": 20})

    assert "secret" not in caught.value.message


def test_exactly_the_threshold_is_still_allowed(tmp_path: Path) -> None:
    columns = [{"name": "N", "from": "n", "type": "integer"}]

    result, _, _ = run(tmp_path, columns, {"n": ["1"] * 8 + ["x"] * 2}, quarantine={"threshold_percent": 20})

    assert result.quarantined == 2


def test_the_quarantine_lists_a_thousand_rows_and_then_a_summary(tmp_path: Path) -> None:  # P7
    columns = [{"name": "N", "from": "n", "type": "integer"}]

    _, _, lines = run(tmp_path, columns, {"n": ["x"] * 1500}, batch=400)

    assert len(lines) == 1001
    assert lines[999]["row"] == 1000
    assert lines[1000] == {"summary": {"codes": {"type_mismatch": 1500}, "listed": 1000, "quarantined": 1500}}


def test_no_row_gives_an_empty_table_and_a_warning(tmp_path: Path) -> None:  # P13
    columns = [{"name": "N", "from": "n", "type": "integer"}]
    rows = {"id": pa.array([], pa.int64()), "n": pa.array([], pa.int64())}

    result, mapped, _ = run(tmp_path, columns, rows, deduplicate={"fingerprint": ["n"], "keep": ["id"]})

    assert mapped == {"N": []}
    assert [notice.code for notice in result.warnings] == ["no_rows"]


def test_no_row_fails_where_the_profile_says_so(tmp_path: Path) -> None:
    columns = [{"name": "N", "from": "n", "type": "integer"}]

    with pytest.raises(NoData):
        run(tmp_path, columns, {"id": pa.array([], pa.int64()), "n": pa.array([], pa.int64())}, on_empty="fail")


def test_a_query_without_a_needed_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProfileInvalid, match="no column missing; it gives: id, n"):
        run(tmp_path, [{"name": "N", "from": "missing", "type": "integer"}], {"n": [1]})


def test_a_type_no_value_can_have_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ProfileInvalid, match='Column "N" is of type date'):
        run(tmp_path, [{"name": "N", "from": "n", "type": "date"}], {"n": [1]})


def test_totals_are_exact_beyond_64_bits_and_count_written_rows_only(tmp_path: Path) -> None:
    big = 9_000_000_000_000_000_000
    columns = [
        {"name": "L", "from": "l", "type": "string"},
        {"name": "N", "from": "n", "type": "integer"},
        {"name": "H", "from": "h", "type": "decimal", "format": "0.0"},
        {"name": "C", "from": "n", "type": "integer"},
    ]
    totals = {"label": "TOTALT", "label_column": "L", "columns": {"N": "sum", "H": "sum", "C": "count"}}
    rows = {"l": ["a", "b", "b"], "n": [str(big), str(big), "x"], "h": ["0.1", "0.2", "5"]}

    result, _, _ = run(tmp_path, columns, rows, totals=totals)

    assert result.totals == {"N": str(2 * big), "H": "0.3", "C": "2"}


def test_numbers_beyond_the_working_precision_are_bad_and_do_not_stop_the_export(tmp_path: Path) -> None:
    columns = [
        {"name": "M", "from": "x", "type": "decimal", "transform": [{"multiply": 1_000_000_000}]},
        {"name": "D", "from": "y", "type": "decimal"},
    ]

    result, mapped, _ = run(tmp_path, columns, {"x": ["1", "9" * 20], "y": [1.5, float("nan")]})

    assert (mapped["M"], mapped["D"]) == ([Decimal(1_000_000_000)], [Decimal("1.50")])
    assert result.codes == {"type_mismatch": 2}


def test_a_text_that_is_no_number_is_bad_and_not_absent_when_it_is_calculated_with(tmp_path: Path) -> None:
    columns = [{"name": "H", "from": "m", "type": "decimal", "transform": [{"divide": 60}]}]

    result, mapped, _ = run(tmp_path, columns, {"m": ["90", "x", "", None, "9" * 20]})

    assert mapped["H"] == [Decimal("1.50"), None, None]
    assert result.codes == {"type_mismatch": 2}


def test_the_result_survives_a_checkpoint(tmp_path: Path) -> None:
    columns = [{"name": "N", "from": "n", "type": "integer"}]
    result, _, _ = run(tmp_path, columns, {"n": ["1", "x"]})

    assert MappingResult.from_json(json.loads(json.dumps(result.to_json()))) == result


def test_mapping_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    columns = [{"name": "N", "from": "n", "type": "integer"}]
    rows = {"n": [str(index % 50) for index in range(40_000)]}
    rule = {"fingerprint": ["n"], "keep": ["id"]}

    run(tmp_path, columns, rows, deduplicate=rule)
    once = (tmp_path / "mapped.arrow").read_bytes()
    run(tmp_path, columns, rows, deduplicate=rule)

    assert (tmp_path / "mapped.arrow").read_bytes() == once


def test_types_a_source_may_give_arrive_as_text(tmp_path: Path) -> None:
    number = "0198f3a0-0000-7000-8000-00000000002a"
    raw = pa.array([bytes.fromhex(number.replace("-", ""))], pa.uuid())
    columns = [{"name": "U", "from": "u", "type": "string"}, {"name": "J", "from": "j.a", "type": "string"}]
    rows = {"id": [1], "u": raw, "j": pa.array(['{"a": "x"}'], pa.json_())}

    _, mapped, _ = run(tmp_path, columns, rows)

    assert mapped == {"U": [number], "J": ["x"]}


def test_the_mapped_table_is_typed_for_the_writers(tmp_path: Path) -> None:
    columns = [
        {"name": kind, "from": kind, "type": kind}
        for kind in ("string", "integer", "decimal", "date", "timestamp", "boolean")
    ]

    run(tmp_path, columns, {kind["name"]: [None] for kind in columns})

    (frame,) = frames(tmp_path / "mapped.arrow")
    assert list(frame.schema.values()) == [
        pl.String(),
        pl.Int64(),
        pl.Decimal(38, 2),
        pl.Date(),
        pl.Datetime("us", "UTC"),
        pl.Boolean(),
    ]
