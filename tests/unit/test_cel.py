"""Expressions mean what docs/reference/expressions.md says, row by row, and can do nothing else."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import cel_oracle

from lading.exports import casting, cel
from lading.exports.cel import ExpressionInvalid
from lading.exports.cel_columns import Compiler
from lading.exports.cel_types import Kind, kind_of

ZONE = "Europe/Oslo"
SCHEMA: dict[str, Any] = {
    "s": pl.String,
    "t": pl.String,
    "i": pl.Int64,
    "j": pl.Int32,
    "d": casting.WORKING,
    "e": pl.Decimal(38, 2),
    "b": pl.Boolean,
    "c": pl.Boolean,
    "day": pl.Date,
    "at": pl.Datetime("us", "UTC"),
}
KINDS: Mapping[str, Kind] = {
    "name": "string",
    "number": "int",
    "names": "list",
    "since": "date",
    "is_on": "bool",
    "none": "string",
}
PARAMETERS = {
    "name": "Åse",
    "number": 7,
    "names": ["a", "Åse"],
    "since": datetime.date(2025, 3, 30),
    "is_on": True,
    "none": None,
}

TEXTS = st.one_of(
    st.sampled_from(
        ["", " ", "a", "Åse", "12", " -7 ", "0.25", "1e5", "2025-02-29", "2024-02-29", "2025-3-1", "😀x", "A.b"]
    ),
    st.text(st.characters(codec="utf-8", max_codepoint=0x3FF, exclude_characters="\x00"), max_size=8),
)
WHOLE = st.one_of(st.integers(-9, 9), st.sampled_from([2**63 - 1, -(2**63), 2**62, 10**15, -(10**15)]))
EXACT = st.one_of(
    st.decimals(-100, 100, places=3),
    st.sampled_from(
        [Decimal(x) for x in ("0", "0.000000000001", "-0.5", "999999999999999.999999999999", "1000000000000000")]
    ),
)
DAYS = st.dates(datetime.date(1600, 1, 1), datetime.date(2400, 1, 1))
INSTANTS = st.datetimes(
    datetime.datetime(1980, 1, 1),  # noqa: DTZ001 - bounds have no zone; before, zone tables differ
    datetime.datetime(2037, 1, 1),  # noqa: DTZ001 - as above
    timezones=st.just(datetime.UTC),
)
ROWS = st.fixed_dictionaries(
    {
        "s": st.none() | TEXTS,
        "t": st.none() | TEXTS,
        "i": st.none() | WHOLE,
        "j": st.none() | st.integers(-(2**31), 2**31 - 1) | st.integers(-3, 3),
        "d": st.none() | EXACT,
        "e": st.none() | st.decimals(-1000, 1000, places=2),
        "b": st.none() | st.booleans(),
        "c": st.none() | st.booleans(),
        "day": st.none() | DAYS,
        "at": st.none() | INSTANTS,
    }
)


def _binary(signs: list[str], left: Any, right: Any) -> Any:
    return st.tuples(left, st.sampled_from(signs), right).map(lambda x: f"({x[0]} {x[1]} {x[2]})")


def _of(form: str, *parts: Any) -> Any:
    return st.tuples(*parts).map(lambda found: form.format(*found))


def _texts() -> Any:
    return st.deferred(
        lambda: st.one_of(
            st.sampled_from(["s", "t", "'a'", "''", r"'\u00c5se'", "params.name", "params.none", "' 12'"]),
            _of("({0} + {1})", TEXT, TEXT),
            _of("{0}.{1}()", TEXT, st.sampled_from(["lower", "upper", "trim"])),
            _of("{0}.substring(1)", TEXT),
            _of("{0}.substring(0, 2)", TEXT),
            _of("{0}.replace('a', '$1b')", TEXT),
            _of("string({0})", st.one_of(NUMBER, BOOL, DATE, st.just("at"))),
            _of("({0} ? {1} : {2})", BOOL, TEXT, st.one_of(TEXT, st.just("null"))),
            _of("coalesce({0}, {1})", TEXT, TEXT),
        )
    )


TEXT = _texts()
INT = st.deferred(
    lambda: st.one_of(
        st.sampled_from(["i", "j", "0", "1", "-3", "9223372036854775807", "params.number"]),
        _binary(["+", "-", "*", "%"], INT, INT),
        _of("math.quotient({0}, {1})", INT, INT),
        _of("-{0}", INT),
        _of("math.abs({0})", INT),
        _of("size({0})", TEXT),
        st.just("size(params.names)"),
        _of("int({0})", st.one_of(TEXT, DECIMAL)),
        _of("math.greatest({0}, {1})", INT, INT),
        _of("days({0}, {1})", DATE, DATE),
        _of(
            "{0}.{1}()",
            st.one_of(DATE, st.just("at")),
            st.sampled_from(["getFullYear", "getMonth", "getDate", "getDayOfWeek"]),
        ),
        st.sampled_from(["at.getHours()", "at.getMinutes()"]),
        _of("({0} ? {1} : {2})", BOOL, INT, INT),
        _of("coalesce({0}, {1})", INT, INT),
    )
)
DECIMAL = st.deferred(
    lambda: st.one_of(
        st.sampled_from(["d", "e", "0.5", "-0.000000000001", "123456789.123"]),
        _binary(["+", "-", "*", "/"], DECIMAL, NUMBER),
        _of("math.round({0}, 2)", DECIMAL),
        _of("math.round({0})", DECIMAL),
        _of("math.abs({0})", DECIMAL),
        _of("-{0}", DECIMAL),
        _of("decimal({0})", st.one_of(TEXT, INT)),
        _of("math.least({0}, {1})", DECIMAL, NUMBER),
        _of("({0} ? {1} : {2})", BOOL, DECIMAL, NUMBER),
    )
)
NUMBER = st.one_of(INT, DECIMAL)
DATE = st.deferred(
    lambda: st.one_of(
        st.sampled_from(["day", "date(at)", "date('2025-02-28')", "params.since"]),
        _of("date({0})", TEXT),
        _of("coalesce({0}, {1})", DATE, DATE),
    )
)
COMPARED = ["==", "!=", "<", "<=", ">", ">="]
BOOL = st.deferred(
    lambda: st.one_of(
        st.sampled_from(["b", "c", "true", "false", "has(s)", "has(i)", "params.is_on", "(s in params.names)"]),
        _binary(["&&", "||"], BOOL, BOOL),
        _of("!({0})", BOOL),
        _binary(["==", "!="], BOOL, BOOL),
        _binary(COMPARED, TEXT, TEXT),
        _binary(COMPARED, NUMBER, NUMBER),
        _binary(COMPARED, DATE, DATE),
        _binary(["==", "!="], st.one_of(TEXT, INT), st.just("null")),
        _of("({0} in ['a', '12'])", TEXT),
        _of("({0} in [1, -3, 0.5])", NUMBER),
        _of("{0}.{1}({2})", TEXT, st.sampled_from(["contains", "startsWith", "endsWith"]), TEXT),
        _of("{0}.matches('^[a-z0-9]+')", TEXT),
        _of("({0} ? {1} : {2})", BOOL, BOOL, BOOL),
    )
)


def computed(text: str, rows: list[dict[str, Any]]) -> list[Any]:
    """Return what the compiled columns say for each row."""
    frame = pl.DataFrame(rows, schema=SCHEMA).select(pl.all().name.prefix("s:"))
    compiler = Compiler(frame.schema, ZONE, PARAMETERS, KINDS)
    found = compiler.compile(cel.parse(text), where="a test")
    for level in compiler.levels:
        frame = frame.with_columns(level)
    failed = pl.lit(value=False) if found.failed is None else found.failed
    frame = frame.with_columns(found.value.alias("value"), failed.alias("failed"))
    assert frame.height == len(rows)
    assert frame["failed"].null_count() == 0
    return [
        cel_oracle.FAILED if is_failed else value
        for value, is_failed in zip(frame["value"].to_list(), frame["failed"].to_list(), strict=True)
    ]


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    st.one_of(TEXT, NUMBER, DATE, BOOL).filter(lambda text: len(text) <= 500), st.lists(ROWS, min_size=1, max_size=6)
)
def test_columns_say_what_each_row_says(text: str, rows: list[dict[str, Any]]) -> None:
    try:
        expression = cel.parse(text)
        kind_of(expression.root, kind_of_column, KINDS)
    except ExpressionInvalid as refused:
        if "nested" not in refused.detail:
            raise
        return
    zone = ZoneInfo(ZONE)
    wanted = [cel_oracle.evaluate(expression.root, row, PARAMETERS, zone) for row in rows]

    assert computed(text, rows) == wanted, text


def kind_of_column(name: str) -> Any:
    """Return the type of a column of SCHEMA as the language sees it."""
    return {
        "s": "string",
        "t": "string",
        "i": "int",
        "j": "int",
        "d": "decimal",
        "e": "decimal",
        "b": "bool",
        "c": "bool",
        "day": "date",
        "at": "timestamp",
    }[name]
