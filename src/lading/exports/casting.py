"""
From what a source gives to what a profile declares, columnwise; a value that cannot be read becomes null.

Text is read strictly (`12,5` is no number, `01.02.2025` no date): a guess would be silent corruption.  Decimals are
exact and rounded half away from zero to the scale of their format.  A timestamp is an instant, kept in UTC; where it
becomes a day or a text it is local time of the profile.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from lading.errors import ProfileInvalid
from lading.exports.profile import Column

WORKING: Final = pl.Decimal(38, 12)
_NUMBER: Final = r"^\s*[+-]?[0-9]{1,20}(\.[0-9]{1,12})?\s*$"
INTEGER: Final = r"^\s*[+-]?[0-9]{1,19}\s*$"
_INSTANTS: Final = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f")
_TRUE: Final = ["true", "t", "1"]
_FALSE: Final = ["false", "f", "0"]


def dtype_of(column: Column) -> pl.DataType:
    """Return the type of the mapped column."""
    match column.type:
        case "string":
            return pl.String()
        case "integer":
            return pl.Int64()
        case "decimal":
            return pl.Decimal(38, column.number_format.scale)
        case "date":
            return pl.Date()
        case "timestamp":
            return pl.Datetime("us", "UTC")
        case "boolean":
            return pl.Boolean()


def typed(value: pl.Expr, given: pl.DataType, column: Column, *, timezone: str) -> pl.Expr:
    """Return `value`, of type `given`, as the column's type; raise ProfileInvalid if none of that type can be one."""
    if given == pl.Null():
        return value.cast(dtype_of(column))
    found = _typed(value, given, column, timezone)
    if found is None:
        raise ProfileInvalid(f'Column "{column.name}" is of type {column.type}, but its source gives {given}.')
    return found


def _typed(value: pl.Expr, given: pl.DataType, column: Column, timezone: str) -> pl.Expr | None:
    match column.type:
        case "string":
            return text(value, given, column, timezone=timezone)
        case "integer":
            return _integer(value, given)
        case "decimal":
            number = decimal(value, given)
            scale = column.number_format.scale
            return None if number is None else rounded(number, scale).cast(pl.Decimal(38, scale), strict=False)
        case "date":
            local = _local(value, given, timezone)
            if given == pl.String():
                return value.str.strip_chars().str.to_date("%Y-%m-%d", strict=False)
            return value if given == pl.Date() else None if local is None else local.dt.date()
        case "timestamp":
            if isinstance(given, pl.Datetime) and given.time_zone:
                return value.dt.convert_time_zone("UTC").dt.cast_time_unit("us")
            local = value.cast(pl.Datetime("us")) if given == pl.Date() else _local(value, given, timezone)
            return None if local is None else instant(local, timezone)
        case "boolean":
            return _boolean(value, given)


def text(value: pl.Expr, given: pl.DataType, column: Column, *, timezone: str) -> pl.Expr | None:
    """Return `value` as text in the column's formats."""
    if given == pl.Boolean():
        yes, no = column.boolean_words
        return pl.when(value).then(pl.lit(yes)).when(~value).then(pl.lit(no))
    if given == pl.Date():
        return value.dt.strftime(column.date_format.strftime)
    local = _local(value, given, timezone) if isinstance(given, pl.Datetime) else None
    if local is not None:
        return local.dt.strftime(column.date_format.strftime + ("" if column.date_format.has_time else " %H:%M"))
    return value.cast(pl.String) if given == pl.String() or given.is_numeric() else None


def plain(value: pl.Expr, given: pl.DataType) -> pl.Expr:
    """Return `value` as the text that value maps and conditions compare: `true`, `2025-01-31`, `12.50`."""
    if isinstance(given, pl.Datetime):
        return value.dt.strftime("%Y-%m-%dT%H:%M:%S")
    return value if given == pl.String() else value.cast(pl.String)


def decimal(value: pl.Expr, given: pl.DataType) -> pl.Expr | None:
    """Return `value` as an exact number of 12 places, null where it is none; None if the type never is one."""
    if given == pl.String():
        return pl.when(value.str.contains(_NUMBER)).then(value.str.strip_chars()).cast(WORKING, strict=False)
    if given.is_float():
        return pl.when(value.is_finite() & (value.abs() < 1e18)).then(value).cast(WORKING, strict=False)
    return value.cast(WORKING, strict=False) if given.is_numeric() else None


def instant(local: pl.Expr, timezone: str) -> pl.Expr:
    """
    Return the instant of a local time that came without zone.

    Of a time that the clock shows twice the first is meant; one that it skips is counted on from the day before, as
    calendars do.
    """
    found = _located(local, timezone)
    skipped = _located(local - pl.duration(days=1), timezone) + pl.duration(days=1)
    return pl.coalesce(found, skipped)


def _located(local: pl.Expr, timezone: str) -> pl.Expr:
    return local.dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")


def rounded(number: pl.Expr, scale: int) -> pl.Expr:
    """Return `number` rounded half away from zero."""
    return number.round(scale, mode="half_away_from_zero")


def _integer(value: pl.Expr, given: pl.DataType) -> pl.Expr | None:
    if given.is_integer() or given == pl.Boolean():
        return value.cast(pl.Int64, strict=False)
    if given == pl.String():
        return pl.when(value.str.contains(INTEGER)).then(value.str.strip_chars()).cast(pl.Int64, strict=False)
    number = decimal(value, given)
    return None if number is None else pl.when(number.round(0) == number).then(number).cast(pl.Int64, strict=False)


def _local(value: pl.Expr, given: pl.DataType, timezone: str) -> pl.Expr | None:
    if given == pl.String():
        tried = [value.str.strip_chars().str.to_datetime(form, time_unit="us", strict=False) for form in _INSTANTS]
        return pl.coalesce(tried)
    if not isinstance(given, pl.Datetime):
        return None
    local = value.dt.convert_time_zone(timezone).dt.replace_time_zone(None) if given.time_zone else value
    return local.dt.cast_time_unit("us")


def _boolean(value: pl.Expr, given: pl.DataType) -> pl.Expr | None:
    if given == pl.Boolean():
        return value
    if given != pl.String() and not given.is_integer():
        return None
    word = value.cast(pl.String).str.strip_chars().str.to_lowercase()
    return pl.when(word.is_in(_TRUE)).then(pl.lit(value=True)).when(word.is_in(_FALSE)).then(pl.lit(value=False))
