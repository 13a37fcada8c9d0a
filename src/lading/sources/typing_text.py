"""
Text of files as columns of declared types, strictly; the first text that is none tells in which line it stands.

A value is never repeated in a message: it may be somebody's.  Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import polars as pl
import pyarrow as pa

from lading.errors import SourceRefused
from lading.sources.read import Read, Type

_INTEGER: Final = r"^[+-]?[0-9]{1,19}$"
_DECIMAL: Final = r"^[+-]?[0-9]{1,26}(\.[0-9]{1,12})?$"
_LOCAL: Final = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M")
_ZONED: Final = ("%Y-%m-%dT%H:%M:%S%.f%:z", "%Y-%m-%d %H:%M:%S%.f%:z")
_WORDS: Final = {"true": True, "t": True, "1": True, "yes": True, "ja": True,
                 "false": False, "f": False, "0": False, "no": False, "nei": False}  # fmt: skip
TYPES: Final[dict[Type, pa.DataType]] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "decimal": pa.string(),  # exact, as every source gives decimals
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "instant": pa.timestamp("us", "UTC"),
    "boolean": pa.bool_(),
}


def schema_of(names: Sequence[str], read: Read) -> pa.Schema:
    """Return the columns of a text file: those declared, else all of `names` as text."""
    return pa.schema([(name, TYPES[read.columns.get(name, "string")]) for name in read.columns or names])


def column(
    texts: Sequence[str | None] | pa.Array, type_: Type, read: Read, *, name: str, file: str, lines: Sequence[int],
    unit: str = "line",
) -> pa.Array:  # fmt: skip
    """Return `texts` as an array of the declared type; SourceRefused names file, line and column of a wrong one."""
    given = pl.Series(name, texts, pl.String)
    if read.nulls:
        given = given.set(given.is_in(list(read.nulls)), None)
    if type_ == "string":
        return _array(given, type_)
    found = _typed(given.str.strip_chars(), type_, read)
    wrong = (given.is_not_null() & found.is_null()).arg_true()
    if len(wrong):
        line = lines[int(wrong[0])] if lines else "?"
        raise SourceRefused(
            f"{file}, {unit} {line}: column {name!r} holds no {type_}. "
            "Correct it there, or declare the column as string and let the mapping quarantine such rows."
        )
    return _array(found, type_)


def _array(given: pl.Series, type_: Type) -> pa.Array:
    array: Any = given.to_arrow()
    return array.cast(TYPES[type_])


def _typed(given: pl.Series, type_: Type, read: Read) -> pl.Series:
    frame = given.alias("x").to_frame()
    value = pl.col("x")
    match type_:
        case "integer":
            number = pl.when(value.str.contains(_INTEGER)).then(value.str.strip_prefix("+"))
            return frame.select(number.cast(pl.Int64, strict=False)).to_series()
        case "decimal":
            plain = value.str.replace(read.decimal, ".", literal=True) if read.decimal != "." else value
            odd = value.str.contains(".", literal=True) & (read.decimal != ".")
            exact = pl.when(plain.str.contains(_DECIMAL) & ~odd).then(plain.str.strip_prefix("+"))
            return frame.select(exact).to_series()
        case "date":
            return frame.select(value.str.to_date(read.dates, strict=False)).to_series()
        case "timestamp":
            tried = [value.str.to_datetime(form, time_unit="us", strict=False) for form in _LOCAL]
            return frame.select(pl.coalesce(tried)).to_series()
        case "instant":
            zoned = value.str.replace(r"[Zz]$", "+00:00")
            tried = [zoned.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False) for form in _ZONED]
            return frame.select(pl.coalesce(tried)).to_series()
        case _:
            words = value.str.to_lowercase().replace_strict(_WORDS, default=None, return_dtype=pl.Boolean)
            return frame.select(words).to_series()
