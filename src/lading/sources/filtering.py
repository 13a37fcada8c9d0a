"""
The filter of `source.read`: which rows of a file are wanted, in the condition grammar of profiles.

A null is equal to nothing and in no list.  A list of parameters that is empty chooses everything, as "none chosen"
means at request time.  `at_most` a day includes the whole day.  Pure.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import polars as pl
import pyarrow as pa

from lading.errors import SourceRefused
from lading.sources.read import Condition, Read


def kept(batch: pa.RecordBatch, read: Read, parameters: Mapping[str, object]) -> pa.RecordBatch:
    """Return the rows of `batch` for which every condition holds."""
    if not read.filter or not batch.num_rows:
        return batch
    frame: Any = pl.from_arrow(batch)
    schema = frame.schema
    claims = [_holds(condition, schema, parameters, read) for condition in read.filter]
    mask: Any = (
        frame.select(pl.all_horizontal(pl.repeat(value=True, n=pl.len()), *claims).fill_null(value=False))
        .to_series()
        .to_arrow()
    )
    return batch.filter(mask)


def _holds(condition: Condition, schema: pl.Schema, parameters: Mapping[str, object], read: Read) -> pl.Expr:
    name = condition.source
    if name not in schema:
        raise SourceRefused(f"The filter of the profile names {name!r}, which the files don't have. Correct it.")
    value, given = pl.col(name), schema[name]
    wanted: Any = condition.value if condition.parameter is None else parameters[condition.parameter]
    items: list[Any] = list(wanted) if isinstance(wanted, list | tuple) else [wanted]
    is_exact = read.columns.get(name) == "decimal"
    match condition.operator:
        case "present":
            there = value.is_not_null() & (value.str.strip_chars() != "" if given == pl.String() else True)
            return there if wanted else ~there
        case "equals" | "in" | "not_in" if condition.parameter is not None and wanted in (None, []):
            return pl.lit(value=True)
        case "equals" | "in":
            return _among(value, given, items, name=name, is_exact=is_exact)
        case "not_in":
            return ~_among(value, given, items, name=name, is_exact=is_exact).fill_null(value=False)
        case _ if wanted is None:
            return pl.lit(value=True)
        case "at_least":
            number, bound = _bound(value, given, wanted, name=name, is_exact=is_exact)
            return number >= bound
        case _:
            return _at_most(value, given, wanted, name=name, is_exact=is_exact)


def _among(value: pl.Expr, given: pl.DataType, items: Sequence[Any], *, name: str, is_exact: bool) -> pl.Expr:
    pairs = [_bound(value, given, item, name=name, is_exact=is_exact) for item in items]
    return pl.any_horizontal([number == bound for number, bound in pairs])


def _at_most(value: pl.Expr, given: pl.DataType, wanted: Any, *, name: str, is_exact: bool) -> pl.Expr:
    number, bound = _bound(value, given, wanted, name=name, is_exact=is_exact)
    if isinstance(given, pl.Datetime) and _day(wanted) is not None:
        return number < bound + pl.duration(days=1)
    return number <= bound


def _bound(value: pl.Expr, given: pl.DataType, wanted: Any, *, name: str, is_exact: bool) -> tuple[pl.Expr, pl.Expr]:
    """Return both sides of a comparison in one type."""
    day = _day(wanted)
    try:
        if given.is_numeric() or is_exact:
            exact = pl.Decimal(38, 12)
            return value.cast(exact, strict=False), pl.lit(Decimal(str(wanted))).cast(exact)
        if given == pl.Boolean():
            return value, pl.lit({"true": True, "false": False}[str(wanted).lower()])
        if given == pl.Date() and day is not None:
            return value, pl.lit(day)
        if isinstance(given, pl.Datetime):
            instant = (
                datetime.datetime.combine(day, datetime.time()) if day else datetime.datetime.fromisoformat(wanted)
            )
            zone = given.time_zone
            at = instant.replace(tzinfo=None) if instant.tzinfo is None else instant.astimezone(datetime.UTC)
            bound = pl.lit(at.replace(tzinfo=None)).cast(pl.Datetime("us"))
            return value, bound.dt.replace_time_zone(zone) if zone else bound
        if given == pl.String():
            return value, pl.lit(str(wanted).lower() if isinstance(wanted, bool) else str(wanted))
    except (InvalidOperation, KeyError, TypeError, ValueError):
        pass
    raise SourceRefused(
        f"The filter of the profile compares {name!r}, which is {str(given).lower()}, with something else. Correct it."
    )


def _day(wanted: Any) -> datetime.date | None:
    if isinstance(wanted, datetime.date) and not isinstance(wanted, datetime.datetime):
        return wanted
    try:
        return datetime.date.fromisoformat(wanted) if isinstance(wanted, str) and len(wanted) == 10 else None
    except ValueError:
        return None
