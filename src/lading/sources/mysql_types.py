"""
What a column of MySQL or MariaDB is in a batch, from what the server says about it; pure.

Decimals stay exact text.  Zero dates, which are no days, are read as empty.  TIMESTAMP is an instant, because the
session is in UTC; DATETIME is a local time.  TIME may be negative and longer than a day, so it is text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

import polars as pl
import pyarrow as pa
from pymysql.constants import FIELD_TYPE, FLAG

from lading.sources.model import Rewrite

_BINARY: Final = 63
_WHOLE: Final = {
    FIELD_TYPE.TINY: "TINYINT", FIELD_TYPE.SHORT: "SMALLINT", FIELD_TYPE.INT24: "MEDIUMINT", FIELD_TYPE.LONG: "INT",
    FIELD_TYPE.LONGLONG: "BIGINT", FIELD_TYPE.YEAR: "YEAR",
}  # fmt: skip
_BYTES: Final = frozenset({
    FIELD_TYPE.TINY_BLOB, FIELD_TYPE.MEDIUM_BLOB, FIELD_TYPE.LONG_BLOB, FIELD_TYPE.BLOB, FIELD_TYPE.VAR_STRING,
    FIELD_TYPE.STRING, FIELD_TYPE.VARCHAR,
})  # fmt: skip
_DATE: Final = "%Y-%m-%d"
_INSTANT: Final = "%Y-%m-%d %H:%M:%S%.f"


@dataclass(frozen=True, slots=True)
class Column:
    """
    How one column is read.

    `carried` is its type while rows are gathered, `read` what is done to each value before, `finished` what makes the
    type it has in the end.
    """

    name: str
    carried: pa.DataType
    read: Callable[[Any], Any] | None
    finished: Callable[[pa.Array], pa.Array]
    rewrite: Rewrite | None


def column(field: Any) -> Column:
    """Return how the column that the driver's `field` describes is read."""
    kind, name = field.type_code, field.name
    match kind:
        case _ if kind in _WHOLE:
            target = pa.uint64() if field.flags & FLAG.UNSIGNED and kind == FIELD_TYPE.LONGLONG else pa.int64()
            return Column(name, pa.string(), None, lambda array: array.cast(target), None)
        case FIELD_TYPE.FLOAT | FIELD_TYPE.DOUBLE:
            return Column(name, pa.string(), None, lambda array: array.cast(pa.float64()), None)
        case FIELD_TYPE.DATE | FIELD_TYPE.NEWDATE:
            return Column(name, pa.string(), None, _date, Rewrite(name, "DATE", "date, zero dates as empty"))
        case FIELD_TYPE.DATETIME:
            rewrite = Rewrite(name, "DATETIME", "timestamp, zero dates as empty")
            return Column(name, pa.string(), None, _datetime, rewrite)
        case FIELD_TYPE.TIMESTAMP:
            rewrite = Rewrite(name, "TIMESTAMP", "instant, zero dates as empty")
            return Column(name, pa.string(), None, _timestamp, rewrite)
        case FIELD_TYPE.BIT:
            return Column(name, pa.uint64(), _bits, _same, Rewrite(name, "BIT", "whole number"))
        case FIELD_TYPE.GEOMETRY:
            return Column(name, pa.string(), _hexadecimal, _same, Rewrite(name, "GEOMETRY", "text, in hexadecimal"))
        case _ if kind in _BYTES and field.charsetnr == _BINARY:
            return Column(name, pa.string(), _hexadecimal, _same, Rewrite(name, "BINARY", "text, in hexadecimal"))
        case _:
            return Column(name, pa.string(), None, _same, None)


def order_of(field: Any) -> Literal["number", "time", "text", "bytes"] | None:
    """Return how the values of a column are ordered when it is read; None where the server's order may be another."""
    match field.type_code:
        case kind if kind in _WHOLE:
            return "number"
        case FIELD_TYPE.DATE | FIELD_TYPE.NEWDATE | FIELD_TYPE.DATETIME | FIELD_TYPE.TIMESTAMP:
            return "time"
        case kind if kind in _BYTES and not field.flags & (FLAG.ENUM | FLAG.SET):
            return "bytes" if field.charsetnr == _BINARY else "text"
        case _:
            return None


def _same(array: pa.Array) -> pa.Array:
    return array


def _date(array: pa.Array) -> pa.Array:
    return _arrow(pl.Series(array).str.to_date(_DATE, strict=False), pa.date32())


def _datetime(array: pa.Array) -> pa.Array:
    return _arrow(pl.Series(array).str.to_datetime(_INSTANT, time_unit="us", strict=False), pa.timestamp("us"))


def _timestamp(array: pa.Array) -> pa.Array:
    return _datetime(array).cast(pa.timestamp("us", "UTC"))


def _arrow(series: pl.Series, type_: pa.DataType) -> pa.Array:
    array: Any = series.to_arrow()
    return array.cast(type_)


def _bits(value: bytes | None) -> int | None:
    r"""
    Return the number that bits are.

    >>> _bits(b"\x01\x02"), _bits(None)
    (258, None)
    """
    return None if value is None else int.from_bytes(value, "big")


def _hexadecimal(value: bytes | str | None) -> str | None:
    raw = value.encode("utf-8") if isinstance(value, str) else value
    return None if raw is None else "\\x" + raw.hex()
