"""Expressions in a profile compute, demand, forbid and filter; what cannot be computed is a bad row, never a gap."""

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

from lading.errors import NoData, ProfileInvalid
from lading.exports import cel
from lading.exports.cel import ExpressionInvalid
from lading.exports.cel_types import kind_of
from lading.exports.mapping import MappingResult, map_spool
from lading.exports.profile import load_yaml, parse
from lading.exports.tables import frames

PERIOD = {"period_from": datetime.date(2025, 1, 1), "period_to": datetime.date(2025, 12, 31)}


def document(columns: Sequence[Mapping[str, Any]], **more: Any) -> dict[str, Any]:
    return {
        "profile": "p",
        "type": "t",
        "title": "T",
        "source": {"name": "s", "query": "SELECT 1", "key": ["id"]},
        "formats": ["csv"],
        "columns": list(columns),
        "quarantine": {"threshold_percent": 100},
        **more,
    }


def run(
    folder: Path, columns: Sequence[Mapping[str, Any]], rows: Mapping[str, Sequence[Any]], **more: Any
) -> tuple[pl.DataFrame, MappingResult, list[Any]]:
    profile = parse(document(columns, **more))
    table = pa.table({"id": list(range(len(next(iter(rows.values()))))), **rows})
    spool, target, bad = folder / "rows.arrow", folder / "table.arrow", folder / "bad.jsonl"
    with pa.ipc.new_file(str(spool), table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    parameters = {**profile.admit_parameters({}), **PERIOD}
    result = map_spool(profile, spool, target, bad, parameters=parameters, salt=b"0123456789abcdef")
    listed = [json.loads(line) for line in bad.read_text("utf-8").splitlines()[:-1]] if bad.exists() else []
    found = list(frames(target))
    return pl.concat(found) if found else pl.DataFrame(), result, listed


def values(folder: Path, expression: str, kind: str, rows: Mapping[str, Sequence[Any]]) -> list[Any]:
    table, _, _ = run(folder, [{"name": "A", "type": kind, "expression": expression}], rows)
    return table["A"].to_list()


def test_a_column_is_computed(tmp_path: Path) -> None:  # P6
    found = values(tmp_path, "decimal(minutes) / 60", "decimal", {"minutes": [90, None, 7]})

    assert found == [Decimal("1.50"), None, Decimal("0.12")]


def test_a_decimal_becomes_text_as_people_write_it(tmp_path: Path) -> None:  # P6
    assert values(tmp_path, "price * 2", "string", {"price": [Decimal("1.50"), Decimal("0.10")]}) == ["3", "0.2"]


def test_a_computed_value_goes_through_transforms_and_value_map(tmp_path: Path) -> None:  # P6
    column = {
        "name": "A",
        "type": "string",
        "expression": "size(name) > 3 ? ' long ' : 'short'",
        "transform": ["trim"],
        "values": {"long": "Lang", "short": "Kort"},
    }
    table, _, _ = run(tmp_path, [column], {"name": ["Åse Li", "Bo"]})

    assert table["A"].to_list() == ["Lang", "Kort"]


@pytest.mark.parametrize(
    ("expression", "rows"),
    [
        ("a / b", {"a": [Decimal(1)], "b": [Decimal(0)]}),
        ("a + 1", {"a": [2**63 - 1]}),
        ("a * a", {"a": [Decimal("99999999999.5")]}),
        ("int(a)", {"a": ["12,5"]}),
        ("a % 0", {"a": [3]}),
        ("-a", {"a": [-(2**63)]}),
        ("a + a", {"a": ["x" * 6000]}),
        ("date(a).getFullYear()", {"a": ["2025-02-30"]}),
    ],
)
def test_what_cannot_be_computed_is_a_bad_row(
    expression: str, rows: Mapping[str, Sequence[Any]], tmp_path: Path
) -> None:  # P6 P7
    column = {"name": "A", "type": "string", "expression": f"string({expression})", "required": True}
    _, result, bad = run(tmp_path, [column], rows)

    assert result.quarantined == 1
    assert bad[0]["errors"] == [
        {
            "code": "expression_failed",
            "column": "A",
            "message": 'The expression about "A" cannot be computed from this row.',
        }
    ]


def test_rules_take_expressions_on_both_sides(tmp_path: Path) -> None:  # P6 P7
    rule = {"code": "group_too_small", "when": "kind == 'group'", "require": "participants >= 3 && has(place)"}
    rows = {"kind": ["group", "group", "talk", "group"], "participants": [3, 2, 1, None], "place": ["A", "A", "", " "]}
    _, result, bad = run(tmp_path, [{"name": "A", "from": "kind", "type": "string"}], rows, rules=[rule])

    assert [entry["row"] for entry in bad] == [2, 4]
    assert result.codes == {"group_too_small": 2}
    assert bad[0]["errors"][0]["column"] == "participants, place"


def test_a_rule_may_mix_a_condition_with_an_expression(tmp_path: Path) -> None:  # P6
    rule = {"code": "ends_late", "when": {"from": "kind", "equals": "x"}, "require": "first <= last"}
    rows = {"kind": ["x", "x", "y"], "first": [1, 2, 3], "last": [1, 1, 1]}
    _, result, bad = run(tmp_path, [{"name": "A", "from": "kind", "type": "string"}], rows, rules=[rule])

    assert [entry["row"] for entry in bad] == [2]
    assert result.written == 2


def test_a_column_is_required_where_an_expression_holds(tmp_path: Path) -> None:  # P6
    column = {"name": "A", "from": "place", "type": "string", "required_if": "kind in ['group', 'course'] && n > 1"}
    rows = {"place": [None, None, "x", None], "kind": ["group", "talk", "group", "course"], "n": [2, 2, 2, 1]}
    _, _, bad = run(tmp_path, [column], rows)

    assert [entry["row"] for entry in bad] == [1]


def test_filtered_rows_are_counted_and_not_checked(tmp_path: Path) -> None:  # P6 P7
    column = {"name": "A", "from": "n", "type": "integer", "required": True}
    table, result, bad = run(
        tmp_path, [column], {"n": [1, None, 3, 4], "keep": [True, False, None, True]}, filter="keep"
    )

    assert table["A"].to_list() == [1, 4]
    assert (result.read, result.written, result.quarantined, result.filtered) == (4, 2, 0, 2)
    assert bad == []


def test_a_row_on_which_the_filter_fails_is_not_lost(tmp_path: Path) -> None:  # P7
    column = {"name": "A", "from": "n", "type": "integer"}
    _, result, bad = run(tmp_path, [column], {"n": [1, 2], "m": [1, 0]}, filter="math.quotient(n, m) > 5")

    assert (result.read, result.quarantined, result.filtered) == (2, 1, 1)
    assert bad[0]["row"] == 2
    assert bad[0]["errors"][0]["code"] == "expression_failed"


def test_nothing_but_filtered_rows_is_an_empty_report(tmp_path: Path) -> None:  # P13
    with pytest.raises(NoData):
        run(tmp_path, [{"name": "A", "from": "n", "type": "integer"}], {"n": [1]}, filter="n > 1", on_empty="fail")


def test_a_pseudonym_of_a_computed_value_needs_a_domain(tmp_path: Path) -> None:  # P6
    column = {"name": "A", "type": "string", "expression": "s", "mask": {"kind": "pseudonym"}}
    with pytest.raises(ProfileInvalid, match="needs `domain`"):
        parse(document([column]))

    column["mask"] = {"kind": "pseudonym", "domain": "mentor"}
    again = {"name": "B", "type": "string", "from": "s", "mask": {"kind": "pseudonym", "domain": "mentor"}}
    table, _, _ = run(tmp_path, [column, again], {"s": ["Åse"]})

    assert table["A"].to_list() == table["B"].to_list()


def test_a_type_that_only_the_source_knows_is_refused_with_its_place(tmp_path: Path) -> None:  # P6
    with pytest.raises(ProfileInvalid, match=r'column "A" is wrong at 2:3: compares a string with a whole number'):
        values(tmp_path, "kind\n  == 3", "boolean", {"kind": ["x"]})
    with pytest.raises(ProfileInvalid, match="gives no column nothing"):
        values(tmp_path, "nothing == 3", "boolean", {"kind": ["x"]})
    with pytest.raises(ProfileInvalid, match="must be true or false; it is of type string"):
        run(tmp_path, [{"name": "A", "from": "kind", "type": "string"}], {"kind": ["x"]}, filter="kind")


def test_faults_are_told_with_the_line_of_the_profile_and_the_place_in_the_expression() -> None:  # P6 E13
    text = """
profile: p
type: t
title: T
source: {name: s, query: SELECT 1, key: [id]}
formats: [csv]
columns:
  - {name: A, expression: "a +", type: integer}
  - {name: B, expression: "size(1)", type: integer}
rules:
  - {code: odd_one, require: "params.nothing == 1"}
filter: "'text'"
"""
    with pytest.raises(ProfileInvalid) as refused:
        parse(load_yaml(text))

    assert [(error.pointer, error.detail) for error in refused.value.errors] == [
        ("/columns/0/expression", "line 8: expression 1:4: a value is missing at the end"),
        (
            "/columns/1/expression",
            "line 9: expression 1:6: `size` takes a list or a string, and this is a whole number",
        ),
        (
            "/rules/0/require",
            "line 11: expression 1:1: params.nothing is no parameter; known: period_from, period_to",
        ),
        ("/filter", "line 12: expression 1:1: must be true or false, and this is of type string"),
    ]


def test_a_fault_of_shape_hides_no_fault_of_meaning() -> None:  # E13
    text = """
profile: p
type: t
title: T
source: {name: s, query: SELECT %(odd)s, key: [id]}
formats: [csv]
colour: red
columns:
  - {name: A, expression: "a +", type: integer}
  - {name: B, from: b, type: number}
  - {name: C, from: c, type: string, minimum: 3}
totals: {label: Sum, label_column: C, columns: {A: sum, D: sum}}
"""
    with pytest.raises(ProfileInvalid) as refused:
        parse(load_yaml(text))

    assert [error.pointer for error in refused.value.errors] == [
        "/source/query",
        "/colour",
        "/columns/0/expression",
        "/columns/1/type",
        "/columns/2/type",
        "/totals/columns/D",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1:1: a value is missing at the end"),
        ("a b", "1:3: `b` is not expected here"),
        ("a == 'x", "1:6: this text is not closed"),
        ("a < b < c", "1:7: comparisons do not follow each other"),
        ("[1]", "1:1: a list stands only right of `in`"),
        ("a in []", "1:6: an empty list holds nothing"),
        ("a in [b]", "1:7: a list holds written values only"),
        ("import", "1:1: `import` is a reserved word"),
        ("__import__('os').system('x')", "is no function here"),
        ("a.__class__.__mro__()", "is no function here"),
        ("a.matches('(?=x)')", "1:11: is no regular expression: look-around"),
        ("a.matches(b)", "1:11: `.matches` takes this as a written value"),
        ("1 / 2", "1:3: is a division of whole numbers"),
        ("99999999999999999999", "1:1: a number is like"),
        ("9223372036854775808", "1:1: a whole number has at most 64 bits"),
        ("1e5", "1:1: a number is like"),
        (r"'\x'", r"1:2: `\\x` is no escape"),
        ("a ? b", "1:6: `:` is missing"),
        ("(a", "1:3: `)` is missing"),
        ("has(1)", "1:1: `has` takes one column"),
        ("a @ b", "1:3: '@' is no part of the language"),
        ("lambda: 1", "1:7: `:` is not expected here"),
    ],
)
def test_what_is_no_expression_is_refused_at_its_place(text: str, said: str) -> None:  # P6
    with pytest.raises(ExpressionInvalid) as refused:
        kind_of(cel.parse(text).root, lambda _: "any", {})

    assert said.replace("\\\\", "\\") in refused.value.placed(text)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 60 + "a" + ")" * 60,
        "!" * 60 + "a",
        "-" * 60 + "a",
        "+".join(["a"] * 60),
        "a ? b : " * 60 + "c",
        "f(" * 60 + ")" * 60,
        "'" + "x" * 2000 + "'",
        "a in [" + ",".join(["1"] * 501) + "]",
    ],
)
def test_no_expression_is_longer_or_deeper_than_it_may_be(text: str) -> None:  # P6
    with pytest.raises(ExpressionInvalid, match=r"nested deeper|longer than|at most 500"):
        cel.parse(text)


def test_a_long_chain_is_computed_in_time_that_grows_with_its_text(tmp_path: Path) -> None:  # P6
    # Every product is used three times: without a column of its own it would be 3^40 of them.
    text = " * ".join(["a"] * 40)

    assert values(tmp_path, f"{text} + {text}", "decimal", {"a": [Decimal("1.00"), Decimal("-1.00")]}) == [2, 2]
