"""
What compiled expressions are made of: a column with its type and its failures, and arithmetic that cannot end a batch.

Whole numbers are calculated in 128 bits and have to fit 64, decimals have 12 places and stay below 10^15; what does not
fit becomes null here, and `cel_columns` tells that null from an absent value.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import polars as pl

from lading.exports import casting, cel
from lading.exports.cel import Call, ExpressionInvalid, Listing, Node
from lading.exports.cel_types import Kind

REACH: Final = Decimal(10) ** 15
WIDE: Final = pl.Int128
_SAFE: Final = 1e20  # a product below it fits the working decimal whatever its rounding
DTYPES: Final[Mapping[Kind, pl.DataType]] = {
    "string": pl.String(),
    "int": pl.Int64(),
    "decimal": casting.WORKING,
    "bool": pl.Boolean(),
    "date": pl.Date(),
    "timestamp": pl.Datetime("us", "UTC"),
    "null": pl.Null(),
}
COMPARE: Final[Mapping[str, Callable[[pl.Expr, pl.Expr], pl.Expr]]] = {
    "==": lambda a, b: a.eq_missing(b),
    "!=": lambda a, b: a.ne_missing(b),
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Computed:
    """An expression as columns: its type, its value, and where it failed (None: it can't); a failed value is null."""

    kind: Kind
    value: pl.Expr
    failed: pl.Expr | None = None
    level: int = 0

    @property
    def dtype(self) -> pl.DataType:
        """Return the type of the column."""
        return DTYPES[self.kind]


def kind_of_column(name: str, given: pl.DataType) -> Kind:
    """Return the type that a column of the source has in expressions; ValueError if it has none."""
    match given:
        case pl.String() | pl.Categorical() | pl.Enum():
            return "string"
        case pl.Boolean():
            return "bool"
        case pl.Date():
            return "date"
        case pl.Datetime():
            return "timestamp"
        case pl.Null():
            return "null"
        case _ if given.is_integer():
            return "int"
        case _ if given.is_numeric():
            return "decimal"
        case _:
            raise ValueError(f"`{name}` is of type {given}, which expressions do not read")


def widened(given: Computed, kind: Kind) -> Computed:
    """Return the value as a wider type."""
    if given.kind == kind or kind in {"list", "any"}:
        return given
    return Computed(kind, given.value.cast(DTYPES[kind]), given.failed, given.level)


def within(number: pl.Expr) -> pl.Expr:
    """Return the number where it is in reach, else null."""
    return pl.when(number.abs() < pl.lit(REACH).cast(casting.WORKING)).then(number)


def exact(sign: str, values: Sequence[pl.Expr]) -> pl.Expr:
    """Return a result of decimals, null where it is out of every reach."""
    if sign == "neg":
        return -values[0]
    left, right = values
    match sign:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            # Beyond what the type can hold a product would end the whole export: it is not tried.
            fits = (left.cast(pl.Float64) * right.cast(pl.Float64)).abs() < _SAFE
            return pl.when(fits).then(left) * right
        case _:
            fits = (left.cast(pl.Float64) / right.cast(pl.Float64)).abs() < _SAFE
            nothing = pl.lit(Decimal(0)).cast(casting.WORKING)
            return pl.when(fits).then(left) / pl.when(right != nothing).then(right)


def whole(sign: str, values: Sequence[pl.Expr]) -> pl.Expr:
    """Return a result of whole numbers, null where it has more than 64 bits."""
    left, *others = (each.cast(WIDE) for each in values)
    if sign == "neg":
        return narrow(pl.lit(0, dtype=WIDE) - left)
    (right,) = others
    match sign:
        case "+":
            return narrow(left + right)
        case "-":
            return narrow(left - right)
        case "*":
            return narrow(left * right)
        case _:
            return narrow(left - truncated(left, right) * right)


def narrow(wide: pl.Expr) -> pl.Expr:
    """Return 128 bits as 64, null where they do not fit."""
    return wide.cast(pl.Int64, strict=False)


def truncated(left: pl.Expr, right: pl.Expr) -> pl.Expr:
    """Return the quotient without its fraction, null for a division by zero."""
    magnitude = left.abs() // pl.when(right != 0).then(right.abs())
    return pl.when((left < 0) == (right < 0)).then(magnitude).otherwise(pl.lit(0, dtype=WIDE) - magnitude)


def key_of(node: Node) -> object:
    """Return what is equal for equal nodes only: in Python 1, True and Decimal(1) are the same."""
    match node:
        case cel.Literal():
            return (type(node.value).__name__, str(node.value))
        case Call():
            return (node.function, *map(key_of, node.arguments))
        case _:
            return (node, repr(node.items) if isinstance(node, Listing) else "")


def require_pattern(node: Call, pattern: str) -> None:
    """Refuse a regular expression that the columns' engine, which knows no backtracking, does not take."""
    try:
        pl.Series([""], dtype=pl.String).str.contains(pattern)
    except pl.exceptions.ComputeError as error:
        raise ExpressionInvalid(
            f"is no regular expression of linear time: {str(error).splitlines()[-1][:120]}", node.arguments[1].at
        ) from None
